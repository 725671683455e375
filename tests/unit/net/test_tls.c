/* The engine at work: handshakes, bytes in both directions however the wire cuts them, the ends. */
#include "tls_world.h"

static struct identity authority;
static struct identity node;
static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static int make_certificates(void **state)
{
    (void)state;
    authority = authority_new("Test CA");
    node = identity_new(&authority, "node", "DNS:node.test,IP:127.0.0.5,IP:::1", -DAY, DAY);
    return 0;
}

static int free_certificates(void **state)
{
    (void)state;
    identity_free(&node);
    identity_free(&authority);
    return 0;
}

/* A pair whose handshake is done. */
static void pair_open(struct pair *p, int version)
{
    struct tls_config *config = config_for(&authority);
    SSL_CTX *ctx = server_ctx(&node, version);
    pair_init(p, config, ctx, "node.test", NULL);
    tls_config_free(config); /* the engine keeps its own claim */
    SSL_CTX_free(ctx);
    pair_run(p);
    assert_true(tls_is_ready(p->client));
    assert_int_equal(p->result, TLS_WANT_MORE);
    assert_int_equal(tls_why(p->client)->status, STATUS_OK);
}

static void put_text(struct pair *p, const char *text)
{
    struct span part = span_text(text);
    assert_int_equal(tls_put_plain(p->client, &part, 1), TLS_OK);
}

static void a_handshake_runs_in_memory(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pair p;
        pair_open(&p, versions[i]);
        assert_string_equal(SSL_get_servername(p.server, TLSEXT_NAMETYPE_host_name), "node.test");
        assert_false(tls_was_resumed(p.client));
        put_text(&p, "ping");
        assert_int_equal(SSL_write(p.server, "pong!", 5), 5);
        pair_run(&p);
        assert_int_equal(p.served, 4);
        assert_int_equal(p.received, 5);
        assert_int_equal(p.digest, digest_add(0, (const uint8_t *)"pong!", 5));
        pair_clear(&p);
    }
}

static void the_wire_may_cut_anywhere(void **state)
{
    (void)state;
    for (size_t step = 1; step <= 7; step += 2) {
        for (int i = 0; i < 2; i++) {
            struct tls_config *config = config_for(&authority);
            SSL_CTX *ctx = server_ctx(&node, versions[i]);
            struct pair p;
            pair_init(&p, config, ctx, "node.test", NULL);
            p.step = step;
            pair_run(&p);
            assert_true(tls_is_ready(p.client));
            put_text(&p, "ping");
            SSL_write(p.server, "pong!", 5);
            SSL_write(p.server, "again", 5);
            pair_run(&p);
            assert_int_equal(p.served, 4);
            assert_int_equal(p.digest, digest_add(0, (const uint8_t *)"pong!again", 10));
            pair_clear(&p);
            SSL_CTX_free(ctx);
            tls_config_free(config);
        }
    }
}

/* 48 MB in each direction; nothing may pile up on the way. */
static void large_transfers_stay_small_in_memory(void **state)
{
    (void)state;
    static uint8_t block[16 * 1024];
    enum { BLOCKS = 48 * 1000 * 1000 / sizeof block };
    struct pair p;
    pair_open(&p, TLS1_3_VERSION);
    uint32_t digest = 0;
    for (size_t i = 0; i < sizeof block; i++) {
        block[i] = (uint8_t)(i * 7 + i / 256);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        block[0] = (uint8_t)i;
        digest = digest_add(digest, block, sizeof block);
        assert_int_equal(SSL_write(p.server, block, sizeof block), (int)sizeof block);
        pair_to_client(&p);
        struct span part = span_of(block, sizeof block);
        assert_int_equal(tls_put_plain(p.client, &part, 1), TLS_OK);
        pair_to_server(&p);
    }
    assert_int_equal(p.received, BLOCKS * sizeof block);
    assert_int_equal(p.served, BLOCKS * sizeof block);
    assert_int_equal(p.digest, digest);
    assert_in_range(p.pool.highest, 1, 64 * KIB);
    assert_int_equal(p.pool.used, 0);
    pair_clear(&p);
}

/* The number of records among bytes that all belong to application records. */
static size_t count_records(struct buf *b)
{
    size_t records = 0;
    while (!buf_is_empty(b)) {
        uint8_t header[5];
        buf_peek(b, header, sizeof header);
        assert_int_equal(header[0], 23);
        buf_consume(b, sizeof header + ((size_t)header[3] << 8 | header[4]));
        records++;
    }
    return records;
}

/* Sizes of parts, and the records that they make. */
static const struct {
    size_t sizes[4];
    size_t records;
} gatherings[] = {
    {{16, 100, 5, 0}, 1},       {{16, 16 * 1024 - 16, 0, 0}, 1},
    {{16, 16 * 1024, 0, 0}, 2}, {{16 * 1024, 0, 16, 0}, 2},
    {{1, 40 * 1024, 1, 0}, 3},  {{40 * 1024, 40 * 1024, 0, 0}, 5},
    {{40 * 1024, 0, 0, 0}, 3},  {{0, 0, 0, 0}, 0},
    {{0, 7, 0, 0}, 1},
};

static void small_parts_share_a_record(void **state)
{
    (void)state;
    static const uint8_t large[40 * 1024];
    struct pair p;
    pair_open(&p, TLS1_3_VERSION);
    for (size_t i = 0; i < sizeof gatherings / sizeof gatherings[0]; i++) {
        struct span parts[4];
        for (size_t k = 0; k < 4; k++) {
            parts[k] = span_of(large, gatherings[i].sizes[k]);
        }
        assert_int_equal(tls_put_plain(p.client, parts, 4), TLS_OK);
        tls_take_cipher(p.client, &p.wire);
        assert_int_equal(count_records(&p.wire), gatherings[i].records);
    }
    pair_clear(&p);
}

static void parts_keep_their_order(void **state)
{
    (void)state;
    static uint8_t block[50000];
    struct pair p;
    pair_open(&p, TLS1_3_VERSION);
    for (size_t i = 0; i < sizeof block; i++) {
        block[i] = (uint8_t)(i ^ i >> 8);
    }
    struct span parts[] = {span_of(block, 16), span_of(block + 16, 20000),
                           span_of(block + 20016, 300), span_of(block + 20316, 29684)};
    assert_int_equal(tls_put_plain(p.client, parts, 4), TLS_OK);
    tls_take_cipher(p.client, &p.wire);
    while (!buf_is_empty(&p.wire)) {
        struct span front = buf_front(&p.wire);
        BIO_write(SSL_get_rbio(p.server), front.at, (int)front.size);
        buf_consume(&p.wire, front.size);
    }
    static uint8_t got[sizeof block];
    size_t size = 0;
    int read = SSL_read(p.server, got, sizeof got);
    for (; read > 0; read = SSL_read(p.server, got + size, (int)(sizeof got - size))) {
        size += (size_t)read;
    }
    assert_int_equal(size, sizeof block);
    assert_memory_equal(got, block, sizeof block);
    pair_clear(&p);
}

/* An owner that pauses stops in the middle of what the network brought. */
static void what_is_not_read_is_kept(void **state)
{
    (void)state;
    static uint8_t wire[200 * 1024], block[16 * 1024];
    struct pair p;
    pair_open(&p, TLS1_3_VERSION);
    for (int i = 0; i < 8; i++) {
        memset(block, i, sizeof block);
        SSL_write(p.server, block, sizeof block);
    }
    int size = BIO_read(SSL_get_wbio(p.server), wire, sizeof wire);
    size_t got = 0, total = 0;
    tls_put_cipher(p.client, span_of(wire, (size_t)size / 2));
    assert_int_equal(tls_take_plain(p.client, block, 1000, &got), TLS_OK);
    assert_int_equal(got, 1000);
    tls_keep_rest(p.client);
    total += got;
    tls_put_cipher(p.client, span_of(wire + size / 2, (size_t)size - (size_t)size / 2));
    tls_keep_rest(p.client); /* not looked at in between */
    memset(wire, 0xee, sizeof wire);
    enum tls_result result;
    do {
        result = tls_take_plain(p.client, block, 5000, &got);
        for (size_t i = 0; i < got; i++) {
            assert_int_equal(block[i], (total + i) / sizeof block);
        }
        total += got;
    } while (result == TLS_OK);
    assert_int_equal(result, TLS_WANT_MORE);
    assert_int_equal(total, 8 * sizeof block);
    assert_int_equal(p.pool.used, 0);
    pair_clear(&p);
}

/* A server may ask for new keys at any time; the answer goes out with the next write. */
static void keys_may_change(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p, TLS1_3_VERSION);
    assert_int_equal(SSL_key_update(p.server, SSL_KEY_UPDATE_REQUESTED), 1);
    SSL_write(p.server, "x", 1);
    pair_to_client(&p);
    assert_int_equal(p.received, 1);
    put_text(&p, "after");
    assert_in_range(pair_to_server(&p), 2 * 22 + 5, 200);
    pair_run(&p);
    assert_int_equal(p.served, 5);
    pair_clear(&p);
}

static void renegotiation_is_refused(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p, TLS1_2_VERSION);
    assert_int_equal(SSL_renegotiate(p.server), 1);
    assert_int_equal(SSL_do_handshake(p.server), 1); /* sends HelloRequest */
    pair_to_client(&p);
    assert_int_equal(p.result, TLS_WANT_MORE);
    tls_take_cipher(p.client, &p.wire);
    uint8_t header[5];
    buf_peek(&p.wire, header, sizeof header);
    assert_int_equal(header[0], 21); /* an alert, no second ClientHello */
    pair_clear(&p);
}

static void the_peer_says_that_it_has_finished(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pair p;
        pair_open(&p, versions[i]);
        SSL_write(p.server, "last", 4);
        SSL_shutdown(p.server);
        pair_to_client(&p);
        assert_int_equal(p.result, TLS_PEER_FINISHED);
        assert_int_equal(p.received, 4);
        assert_int_equal(tls_on_end(p.client), TLS_PEER_FINISHED);
        assert_int_equal(tls_why(p.client)->status, STATUS_OK);
        pair_read_plain(&p);
        assert_int_equal(p.result, TLS_PEER_FINISHED);
        pair_clear(&p);
    }
}

static void shutdown_says_it_to_the_peer_once(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p, TLS1_3_VERSION);
    tls_shutdown(p.client);
    tls_shutdown(p.client);
    tls_take_cipher(p.client, &p.wire);
    struct buf copy = p.wire;
    assert_int_equal(copy.size, 24); /* one record: header, alert, type, tag */
    pair_to_server(&p);
    assert_int_equal(SSL_get_shutdown(p.server) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    pair_clear(&p);
}

static void an_end_without_close_notify_is_told(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p, TLS1_3_VERSION);
    SSL_write(p.server, "half", 4);
    pair_to_client(&p);
    assert_int_equal(tls_on_end(p.client), TLS_FAILED);
    assert_int_equal(tls_why(p.client)->status, STATUS_PEER_CLOSED);
    assert_non_null(strstr(tls_why(p.client)->text, "close_notify"));
    struct span part = span_text("late");
    size_t got = 0;
    uint8_t room[8];
    assert_int_equal(tls_put_plain(p.client, &part, 1), TLS_FAILED);
    assert_int_equal(tls_take_plain(p.client, room, sizeof room, &got), TLS_FAILED);
    tls_shutdown(p.client);
    tls_take_cipher(p.client, &p.wire);
    assert_true(buf_is_empty(&p.wire));
    pair_clear(&p);
}

static void changed_bytes_end_the_stream(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pair p;
        uint8_t record[256];
        pair_open(&p, versions[i]);
        SSL_write(p.server, "money", 5);
        int size = BIO_read(SSL_get_wbio(p.server), record, sizeof record);
        record[size - 1] ^= 1;
        pair_deliver(&p, record, (size_t)size);
        assert_int_equal(p.result, TLS_FAILED);
        assert_int_equal(p.received, 0);
        assert_int_equal(tls_why(p.client)->status, STATUS_TLS_FAILED);
        assert_non_null(strstr(tls_why(p.client)->text, "the TLS stream is broken"));
        assert_true(pair_to_server(&p) > 0); /* the alert */
        pair_clear(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_runs_in_memory),
        cmocka_unit_test(the_wire_may_cut_anywhere),
        cmocka_unit_test(large_transfers_stay_small_in_memory),
        cmocka_unit_test(small_parts_share_a_record),
        cmocka_unit_test(parts_keep_their_order),
        cmocka_unit_test(what_is_not_read_is_kept),
        cmocka_unit_test(keys_may_change),
        cmocka_unit_test(renegotiation_is_refused),
        cmocka_unit_test(the_peer_says_that_it_has_finished),
        cmocka_unit_test(shutdown_says_it_to_the_peer_once),
        cmocka_unit_test(an_end_without_close_notify_is_told),
        cmocka_unit_test(changed_bytes_end_the_stream),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
