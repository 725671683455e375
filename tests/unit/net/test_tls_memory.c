/* What an idle TLS connection keeps in memory: everything that OpenSSL allocates on behalf of the
 * client's side is counted, with the allocator's own rounding, and so are our own parts. */
#include "tls_world.h"

#include <malloc.h>

enum { CONNECTIONS = 200, FEW = 20, EXCHANGES = 4, MOST_BYTES = 40 * 1024 };

/* In front of each block of OpenSSL's. */
struct block {
    size_t size; /* as counted; 0: not on behalf of the client */
    size_t asked;
};

static bool counting; /* true while the client's side is at work */
static size_t counted;

static void *count_new(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    struct block *b = malloc(sizeof *b + size);
    require(b != NULL);
    /* What malloc(size) itself costs: its header, and multiples of 16. */
    b->size = counting ? (size + 8 + 15) / 16 * 16 : 0;
    b->asked = size;
    counted += b->size;
    return b + 1;
}

static void count_free(void *bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    if (bytes != NULL) {
        struct block *b = (struct block *)bytes - 1;
        counted -= b->size;
        free(b);
    }
}

static void *count_resize(void *bytes, size_t size, const char *file, int line)
{
    void *made = count_new(size, file, line);
    if (bytes != NULL) {
        size_t before = ((struct block *)bytes - 1)->asked;
        memcpy(made, bytes, before < size ? before : size);
        count_free(bytes, file, line);
    }
    return made;
}

static void count_handshake(struct pair *p)
{
    do {
        counting = false;
        pair_to_server(p);
        counting = true;
        if (!tls_is_ready(p->client)) {
            p->result = tls_handshake(p->client);
        }
        tls_take_cipher(p->client, &p->wire);
    } while (pair_to_client(p) > 0 || !buf_is_empty(&p->wire));
    counting = false;
}

/* Exchanges of a small request and a reply of some 20 KiB. */
static void count_traffic(struct pair *p)
{
    static const uint8_t bytes[20000];
    struct span request = span_of(bytes, 300);
    for (int i = 0; i < EXCHANGES; i++) {
        counting = true;
        assert_int_equal(tls_put_plain(p->client, &request, 1), TLS_OK);
        counting = false;
        pair_to_server(p);
        SSL_write(p->server, bytes, sizeof bytes);
        counting = true;
        pair_to_client(p);
        counting = false;
    }
}

static void measure(SSL_CTX *ctx, struct tls_config *config, struct tls_resume *resume,
                    size_t count, const char *what)
{
    static struct pair pairs[CONNECTIONS];
    size_t before = counted;
    for (size_t i = 0; i < count; i++) {
        struct pair *p = &pairs[i];
        counting = true;
        pair_init_client(p, config, "node.test", resume);
        counting = false;
        pair_init_server(p, ctx);
        count_handshake(p);
        assert_true(tls_is_ready(p->client));
        count_traffic(p);
        assert_int_equal(p->received, EXCHANGES * 20000);
        assert_int_equal(p->pool.used, 0);
    }
    size_t each = (counted - before) / count;
    print_message("%s: %zu bytes of OpenSSL's for each idle connection\n", what, each);
    assert_in_range(each, 4 * 1024, MOST_BYTES - 512); /* 512: struct tls and its host name */
    for (size_t i = 0; i < count; i++) {
        pair_clear(&pairs[i]);
    }
}

static void an_idle_connection_keeps_little(void **state)
{
    (void)state;
    struct identity authority = authority_new("Test CA");
    struct identity between = identity_new(&authority, "Between", NULL, -DAY, DAY);
    struct identity node = identity_new(&between, "node", "DNS:node.test,DNS:*.x.test", -DAY, DAY);
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (int i = 0; i < 2; i++) {
        SSL_CTX *ctx = server_ctx(&node, versions[i]);
        SSL_CTX_add1_chain_cert(ctx, between.certificate);
        struct tls_config *config = config_for(&authority);
        struct tls_resume *resume = tls_resume_new();
        measure(ctx, config, NULL, FEW, i == 0 ? "TLS 1.2, full" : "TLS 1.3, full");
        measure(ctx, config, resume, CONNECTIONS, i == 0 ? "TLS 1.2, resumed" : "TLS 1.3, resumed");
        tls_resume_free(resume);
        tls_config_free(config);
        SSL_CTX_free(ctx);
    }
    identity_free(&node);
    identity_free(&between);
    identity_free(&authority);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_idle_connection_keeps_little)};
    require(CRYPTO_set_mem_functions(count_new, count_resize, count_free) == 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
