/* A DNS message to a resolver and back, over TCP, TLS and HTTPS, and what resolvers do instead. */
#include "h2_server.h"
#include "names/carrier.h"

enum { QUESTION_BYTES = 40 };

static struct identity authority;
static struct identity node;
static struct identity expired;
static struct tls_config *config;
static const enum resolver_kind kinds[] = {RESOLVER_PLAIN, RESOLVER_TLS, RESOLVER_HTTPS};

struct asking {
    struct world *w;
    struct tls_server server; /* TCP and TLS */
    struct h2_server h2;      /* HTTPS */
    SSL_CTX *ctx;
    struct resolver resolver;
    struct carrier *carrier;
    uint8_t question[QUESTION_BYTES];
    struct buf got;  /* by the server, whatever the transport */
    const char *raw; /* what the server says; NULL: the answer */
    size_t raw_size;
    bool is_silent, closes;
    size_t done;
    enum status status;
    struct error why;
    uint8_t reply[65535];
    size_t reply_size;
};

static void on_done(void *owner, enum status status, struct span reply, const struct error *why)
{
    struct asking *a = owner;
    assert_false(a->w->is_in_call);
    assert_int_equal(a->done, 0);
    assert_true(status == STATUS_OK || status == why->status);
    a->done++;
    a->status = status;
    a->why = status == STATUS_OK ? (struct error){0} : *why;
    assert_true(reply.size <= sizeof a->reply);
    memcpy(a->reply, reply.at == NULL ? (const uint8_t *)"" : reply.at, reply.size);
    a->reply_size = reply.size;
    world_check(a->w);
}

static bool is_done(void *owner)
{
    const struct asking *a = owner;
    return a->done > 0;
}

static void on_plain(struct tls_server *s, struct span bytes)
{
    static const uint8_t length[2] = {0, QUESTION_BYTES};
    struct asking *a = s->test;
    buf_append_always(&a->got, bytes);
    if (a->is_silent || a->got.size < 2 + QUESTION_BYTES) {
        return;
    }
    if (a->raw != NULL) {
        tls_server_send(s, span_of(a->raw, a->raw_size));
    } else {
        tls_server_send(s, span_of(length, sizeof length));
        tls_server_send(s, span_of(a->question, QUESTION_BYTES)); /* it echoes */
    }
    if (a->closes) {
        tls_server_close(s, CLOSE_FLUSH);
    }
}

static void open_asking(struct asking *a, struct world *w, enum resolver_kind kind,
                        const struct identity *who)
{
    *a = (struct asking){.w = w, .ctx = server_ctx(who, TLS1_3_VERSION)};
    for (size_t i = 0; i < QUESTION_BYTES; i++) {
        a->question[i] = (uint8_t)(i + 1); /* its id is 0x0102 */
    }
    buf_init(&a->got, &w->net->chunks);
    a->resolver = (struct resolver){.kind = kind,
                                    .host_name = (char *)(uintptr_t) "node.test",
                                    .path = (char *)(uintptr_t) "/q"};
    if (kind == RESOLVER_HTTPS) {
        SSL_CTX_set_alpn_select_cb(a->ctx, h2_choose, NULL);
        h2_server_init(&a->h2, w, a->ctx);
        h2_server_answer(&a->h2, a->question, QUESTION_BYTES);
        a->resolver.address = a->h2.tls.at;
    } else {
        tls_server_init(&a->server, w, kind == RESOLVER_TLS ? a->ctx : NULL);
        a->server.on_plain = on_plain;
        a->server.test = a;
        a->resolver.address = a->server.at;
    }
    world_mark(w);
}

static void start(struct asking *a)
{
    world_enter(a->w);
    a->carrier =
        carrier_start(a->w->net, &a->resolver, config, span_of(a->question, QUESTION_BYTES),
                      (struct carrier_done){.on_done = on_done, .owner = a});
    world_leave(a->w);
}

static void ask(struct asking *a)
{
    start(a);
    world_run_until(a->w, is_done, a);
}

static void close_asking(struct asking *a)
{
    if (a->resolver.kind == RESOLVER_HTTPS) {
        h2_server_clear(&a->h2);
    } else {
        tls_server_clear(&a->server);
    }
    buf_clear(&a->got);
    SSL_CTX_free(a->ctx);
    world_settle(a->w);
}

static void assert_failed(struct asking *a, enum status status, const char *text)
{
    ask(a);
    assert_string_equal(status_name(a->status), status_name(status));
    assert_int_equal(a->reply_size, 0);
    if (strstr(a->why.text, text) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", a->why.text, text);
    }
    close_asking(a);
}

static void assert_echoed(struct asking *a)
{
    ask(a);
    assert_string_equal(a->why.text, "");
    assert_int_equal(a->status, STATUS_OK);
    assert_int_equal(a->reply_size, QUESTION_BYTES);
    assert_memory_equal(a->reply, a->question, QUESTION_BYTES);
    close_asking(a);
}

static void test_an_answer(struct world *w)
{
    struct asking a;
    for (size_t i = 0; i < 3; i++) {
        open_asking(&a, w, kinds[i], &node);
        assert_echoed(&a);
    }
}

static void test_what_the_resolver_is_sent(struct world *w)
{
    struct asking a;
    uint8_t got[2 + QUESTION_BYTES];
    for (size_t i = 0; i < 2; i++) {
        open_asking(&a, w, kinds[i], &node);
        ask(&a);
        assert_int_equal(a.got.size, sizeof got);
        buf_peek(&a.got, got, sizeof got);
        assert_int_equal(got[0], 0);
        assert_int_equal(got[1], QUESTION_BYTES);
        assert_memory_equal(got + 2, a.question, QUESTION_BYTES);
        close_asking(&a);
    }
    open_asking(&a, w, RESOLVER_HTTPS, &node);
    ask(&a);
    assert_int_equal(a.h2.body_size, QUESTION_BYTES);
    assert_memory_equal(a.h2.body, a.question, QUESTION_BYTES);
    assert_non_null(strstr(a.h2.request, ":path: /q\n"));
    close_asking(&a);
}

static void test_a_wire_that_cuts(struct world *w)
{
    struct asking a;
    for (size_t i = 0; i < 3; i++) {
        open_asking(&a, w, kinds[i], &node);
        a.server.step = a.h2.tls.step = 1;
        assert_echoed(&a);
    }
}

/* What follows an answer is nobody's. */
static void test_more_than_an_answer(struct world *w)
{
    struct asking a;
    static const char raw[] = "\0\014"
                              "abcdefghijkl"
                              "\0\014"
                              "mnopqrstuvwx";
    for (size_t i = 0; i < 2; i++) {
        open_asking(&a, w, kinds[i], &node);
        a.raw = raw;
        a.raw_size = sizeof raw - 1;
        ask(&a);
        assert_int_equal(a.status, STATUS_OK);
        assert_int_equal(a.reply_size, 12);
        assert_memory_equal(a.reply, "abcdefghijkl", 12);
        close_asking(&a);
    }
}

static void test_the_largest_answer(struct world *w)
{
    struct asking a;
    static char raw[2 + 65535];
    memset(raw, 7, sizeof raw);
    raw[0] = raw[1] = (char)0xff;
    for (size_t i = 0; i < 2; i++) {
        open_asking(&a, w, kinds[i], &node);
        a.raw = raw;
        a.raw_size = sizeof raw;
        ask(&a);
        assert_int_equal(a.status, STATUS_OK);
        assert_int_equal(a.reply_size, 65535);
        assert_memory_equal(a.reply, raw + 2, 65535);
        close_asking(&a);
    }
}

static void test_an_end_before_the_answer(struct world *w)
{
    struct asking a;
    for (size_t i = 0; i < 2; i++) {
        open_asking(&a, w, kinds[i], &node);
        a.raw = "";
        a.closes = true;
        assert_failed(&a, STATUS_PEER_CLOSED, "closed the connection without an answer");
        open_asking(&a, w, kinds[i], &node);
        a.raw = "\0\050abcdefghijklmnop";
        a.raw_size = 18;
        a.closes = true;
        assert_failed(&a, STATUS_PEER_CLOSED, "in the middle of the answer");
        open_asking(&a, w, kinds[i], &node);
        a.raw = "";
        a.raw_size = 1;
        a.closes = true;
        assert_failed(&a, STATUS_PEER_CLOSED, "in the middle of the answer");
    }
}

static void test_certificates(struct world *w)
{
    struct asking a;
    for (size_t i = 1; i < 3; i++) {
        open_asking(&a, w, kinds[i], &node);
        a.resolver.host_name = (char *)(uintptr_t) "other.test";
        assert_failed(&a, STATUS_TLS_CERTIFICATE, "for node.test, not for other.test");
        open_asking(&a, w, kinds[i], &expired);
        assert_failed(&a, STATUS_TLS_CERTIFICATE, "expired on");
    }
}

static void test_an_authority_that_is_not_trusted(struct world *w)
{
    struct asking a;
    struct identity stranger = authority_new("Stranger");
    struct identity other = identity_new(&stranger, "node", "DNS:node.test", -DAY, DAY);
    open_asking(&a, w, RESOLVER_TLS, &other);
    assert_failed(&a, STATUS_TLS_CERTIFICATE, "set dns.caFile to the CA certificate");
    identity_free(&other);
    identity_free(&stranger);
}

static void test_no_tls(struct world *w)
{
    struct asking a;
    open_asking(&a, w, RESOLVER_PLAIN, &node);
    a.resolver.kind = RESOLVER_TLS; /* the server takes the handshake for a question */
    ask(&a);
    assert_int_equal(a.status, STATUS_TLS_FAILED);
    assert_string_equal(a.why.text, "the server does not speak TLS on this port; check address and "
                                    "port");
    a.resolver.kind = RESOLVER_PLAIN;
    close_asking(&a);
}

static bool was_asked(void *owner)
{
    const struct asking *a = owner;
    return a->got.size > 0 || a->h2.body_size > 0;
}

static bool was_accepted(void *owner)
{
    const struct asking *a = owner;
    return a->server.accepted + a->h2.tls.accepted > 0;
}

static void test_cancelled(struct world *w)
{
    bool (*const when[])(void *owner) = {NULL, was_accepted, was_asked};
    for (size_t i = 0; i < 9; i++) {
        struct asking a;
        open_asking(&a, w, kinds[i % 3], &node);
        a.is_silent = true;
        a.h2.does = H2_SILENT;
        start(&a);
        while (when[i / 3] != NULL && !when[i / 3](&a)) {
            world_run_for(w, 5);
        }
        carrier_cancel(a.carrier);
        world_run_for(w, 20);
        assert_int_equal(a.done, 0);
        close_asking(&a);
    }
}

static void test_roots(struct world *w)
{
    struct error why;
    struct asking a;
    assert_null(carrier_tls("/nowhere/ca.pem", &why));
    assert_int_equal(why.status, STATUS_FILE_FAILED);
    assert_non_null(strstr(why.text, "dns.caFile: /nowhere/ca.pem"));
    assert_null(carrier_tls("/dev/null", &why));
    assert_int_equal(why.status, STATUS_BAD_INPUT);
    for (size_t i = 1; i < 3; i++) {
        struct tls_config *kept = config;
        config = NULL;
        open_asking(&a, w, kinds[i], &node);
        assert_failed(&a, STATUS_NAME_LOOKUP_FAILED, "no CA certificates");
        open_asking(&a, w, kinds[i], &node);
        start(&a);
        carrier_cancel(a.carrier);
        world_run_for(w, 5);
        assert_int_equal(a.done, 0);
        close_asking(&a);
        config = kept;
    }
}

int main(void)
{
    static const struct net_case cases[] = {
        {"an answer", test_an_answer, ON_BOTH},
        {"what the resolver is sent", test_what_the_resolver_is_sent, ON_BOTH},
        {"a wire that cuts", test_a_wire_that_cuts, ON_BOTH},
        {"more than an answer", test_more_than_an_answer, ON_BOTH},
        {"the largest answer", test_the_largest_answer, ON_BOTH},
        {"an end before the answer", test_an_end_before_the_answer, ON_BOTH},
        {"certificates", test_certificates, ON_BOTH},
        {"an authority that is not trusted", test_an_authority_that_is_not_trusted, ON_BOTH},
        {"no TLS", test_no_tls, ON_BOTH},
        {"cancelled", test_cancelled, ON_BOTH},
        {"roots", test_roots, ON_SIM},
    };
    struct error why;
    authority = authority_new("Test CA");
    node = identity_new(&authority, "node", "DNS:node.test", -DAY, DAY);
    expired = identity_new(&authority, "node", "DNS:node.test", -2 * DAY, -DAY);
    config = carrier_tls(authority.path, &why);
    require(config != NULL);
    int failed = run_cases("carrier", cases, sizeof cases / sizeof *cases);
    tls_config_free(config);
    identity_free(&expired);
    identity_free(&node);
    identity_free(&authority);
    return failed;
}
