/* One request over HTTPS: a server of libnghttp2 over TLS answers it, well and otherwise. */
#include "h2_server.h"
#include "net/https.h"

static struct identity authority;
static struct identity node;
static struct tls_config *config;

struct asking {
    struct world *w;
    struct h2_server server;
    SSL_CTX *ctx;
    struct https *https;
    size_t done;
    struct error why;
    uint8_t body[HTTPS_BODY_BYTES_MOST];
    size_t body_size;
};

static void on_done(void *owner, struct span body, const struct error *why)
{
    struct asking *a = owner;
    assert_false(a->w->is_in_call);
    assert_int_equal(a->done, 0);
    a->done++;
    a->why = *why;
    assert_true(body.size <= sizeof a->body);
    memcpy(a->body, body.at == NULL ? (const uint8_t *)"" : body.at, body.size);
    a->body_size = body.size;
    world_check(a->w);
}

static bool is_done(void *owner)
{
    const struct asking *a = owner;
    return a->done > 0;
}

static void open_asking(struct asking *a, struct world *w)
{
    *a = (struct asking){.w = w, .ctx = server_ctx(&node, TLS1_3_VERSION)};
    SSL_CTX_set_alpn_select_cb(a->ctx, h2_choose, NULL);
    h2_server_init(&a->server, w, a->ctx);
    h2_server_answer(&a->server, "the answer", 10);
    world_mark(w);
}

static void start(struct asking *a, const char *host_name, struct span body)
{
    struct https_request request = {.to = &a->server.tls.at,
                                    .config = config,
                                    .host_name = host_name,
                                    .path = "/dns-query",
                                    .media_type = "application/dns-message",
                                    .body = body};
    world_enter(a->w);
    a->https = https_start(a->w->net, &request, on_done, a);
    world_leave(a->w);
}

static void ask(struct asking *a)
{
    start(a, "node.test", span_text("the question"));
    world_run_until(a->w, is_done, a);
}

static void close_asking(struct asking *a)
{
    h2_server_clear(&a->server);
    world_settle(a->w);
    SSL_CTX_free(a->ctx);
}

static void assert_failed(struct asking *a, enum status status, const char *text)
{
    ask(a);
    assert_string_equal(status_name(a->why.status), status_name(status));
    assert_int_equal(a->body_size, 0);
    if (strstr(a->why.text, text) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", a->why.text, text);
    }
    close_asking(a);
}

/* --- what goes well --- */

static void test_an_answer(struct world *w)
{
    struct asking a;
    char port[16];
    open_asking(&a, w);
    ask(&a);
    assert_int_equal(a.why.status, STATUS_OK);
    assert_memory_equal(a.body, "the answer", 10);
    assert_int_equal(a.body_size, 10);
    assert_int_equal(a.server.body_size, 12);
    assert_memory_equal(a.server.body, "the question", 12);
    snprintf(port, sizeof port, ":%u\n", a.server.tls.at.port);
    assert_non_null(strstr(a.server.request, port));
    assert_non_null(
        strstr(a.server.request, ":method: POST\n:scheme: https\n:authority: node.test:"));
    assert_non_null(strstr(a.server.request, ":path: /dns-query\n"
                                             "content-type: application/dns-message\n"
                                             "accept: application/dns-message\n"
                                             "content-length: 12\n"));
    close_asking(&a);
}

static void test_the_name_of_an_address(struct world *w)
{
    struct asking a;
    open_asking(&a, w);
    start(&a, "::1", span_text("?"));
    world_run_until(w, is_done, &a);
    assert_int_equal(a.why.status, STATUS_OK);
    assert_non_null(strstr(a.server.request, ":authority: [::1]:"));
    close_asking(&a);
}

static void test_large_bodies(struct world *w)
{
    struct asking a;
    static uint8_t question[65535], answer[HTTPS_BODY_BYTES_MOST];
    for (size_t i = 0; i < sizeof answer; i++) {
        answer[i] = (uint8_t)(i * 7 + i / 256);
        question[i % sizeof question] = (uint8_t)(i * 3);
    }
    open_asking(&a, w);
    free(a.server.answer);
    h2_server_answer(&a.server, answer, sizeof answer);
    start(&a, "node.test", span_of(question, sizeof question));
    world_run_until(w, is_done, &a);
    assert_int_equal(a.why.status, STATUS_OK);
    assert_int_equal(a.body_size, sizeof answer);
    assert_memory_equal(a.body, answer, sizeof answer);
    assert_int_equal(a.server.body_size, sizeof question);
    assert_memory_equal(a.server.body, question, sizeof question);
    close_asking(&a);
}

static void test_a_wire_that_cuts(struct world *w)
{
    struct asking a;
    open_asking(&a, w);
    a.server.tls.step = 1;
    ask(&a);
    assert_int_equal(a.why.status, STATUS_OK);
    assert_int_equal(a.body_size, 10);
    close_asking(&a);
}

static void test_hints_before_the_answer(struct world *w)
{
    struct asking a;
    open_asking(&a, w);
    a.server.does = H2_HINTS_FIRST;
    a.server.media_type = "Application/DNS-message; charset=x";
    ask(&a);
    assert_int_equal(a.why.status, STATUS_OK);
    assert_int_equal(a.body_size, 10);
    close_asking(&a);
}

/* --- what does not --- */

static void test_another_status(struct world *w)
{
    struct asking a;
    open_asking(&a, w);
    a.server.status = "503";
    assert_failed(&a, STATUS_HTTP_REFUSED, "answers with HTTP status 503");
    open_asking(&a, w);
    a.server.status = "302";
    assert_failed(&a, STATUS_HTTP_REFUSED, "HTTP status 302");
}

static void test_another_media_type(struct world *w)
{
    struct asking a;
    open_asking(&a, w);
    a.server.media_type = "text/html";
    assert_failed(&a, STATUS_PROTOCOL_ERROR, "something else than application/dns-message");
    open_asking(&a, w);
    a.server.media_type = NULL;
    assert_failed(&a, STATUS_PROTOCOL_ERROR, "something else than");
    open_asking(&a, w);
    a.server.media_type = "application/dns-message-x";
    assert_failed(&a, STATUS_PROTOCOL_ERROR, "something else than");
}

static void test_too_much(struct world *w)
{
    static uint8_t answer[HTTPS_BODY_BYTES_MOST + 1];
    struct asking a;
    open_asking(&a, w);
    free(a.server.answer);
    h2_server_answer(&a.server, answer, sizeof answer);
    assert_failed(&a, STATUS_TOO_LARGE, "larger than 64 KiB");
    open_asking(&a, w);
    a.server.field_bytes = HTTPS_HEADER_BYTES_MOST - 100;
    ask(&a);
    assert_int_equal(a.why.status, STATUS_OK);
    close_asking(&a);
    open_asking(&a, w);
    a.server.field_bytes = HTTPS_HEADER_BYTES_MOST;
    ask(&a);
    assert_true(a.why.status == STATUS_TOO_LARGE || a.why.status == STATUS_PROTOCOL_ERROR);
    close_asking(&a);
}

static void test_given_up(struct world *w)
{
    struct asking a;
    open_asking(&a, w);
    a.server.does = H2_RESETS;
    assert_failed(&a, STATUS_PROTOCOL_ERROR, "given up (INTERNAL_ERROR)");
    open_asking(&a, w);
    a.server.does = H2_GOES_AWAY;
    assert_failed(&a, STATUS_PROTOCOL_ERROR, "given up (REFUSED_STREAM)");
    open_asking(&a, w);
    a.server.does = H2_RESETS_LATE; /* half of an answer is none */
    assert_failed(&a, STATUS_PROTOCOL_ERROR, "given up (NO_ERROR)");
}

/* What was sent to a server that has closed already is answered by a reset: either may be seen. */
static void assert_ended(struct asking *a)
{
    ask(a);
    assert_true(a->why.status == STATUS_PEER_CLOSED || a->why.status == STATUS_PEER_RESET);
    assert_true(a->why.text[0] != '\0' && a->body_size == 0);
    close_asking(a);
}

static void test_the_connection_ends(struct world *w)
{
    struct asking a;
    open_asking(&a, w);
    a.server.does = H2_LEAVES;
    assert_ended(&a);
    open_asking(&a, w);
    a.server.tls.closes_at_accept = true;
    assert_ended(&a);
    open_asking(&a, w);
    a.server.does = H2_CUTS;
    assert_failed(&a, STATUS_PEER_RESET, "reset");
}

static void test_no_http_2(struct world *w)
{
    struct asking a;
    open_asking(&a, w);
    SSL_CTX_set_alpn_select_cb(a.ctx, NULL, NULL);
    assert_failed(&a, STATUS_TLS_FAILED, "does not speak HTTP/2");
    open_asking(&a, w);
    a.server.raw = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    assert_failed(&a, STATUS_PROTOCOL_ERROR, "does not speak HTTP/2 as it should");
}

static int choose_another(SSL *ssl, const uint8_t **out, uint8_t *out_size, const uint8_t *in,
                          unsigned in_size, void *owner)
{
    (void)ssl, (void)out, (void)out_size, (void)in, (void)in_size, (void)owner;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void test_a_server_that_wants_another_protocol(struct world *w)
{
    struct asking a;
    open_asking(&a, w);
    SSL_CTX_set_alpn_select_cb(a.ctx, choose_another, NULL);
    assert_failed(&a, STATUS_TLS_FAILED, "it does not speak HTTP/2");
}

static void test_another_certificate(struct world *w)
{
    struct asking a;
    open_asking(&a, w);
    start(&a, "other.test", span_text("?"));
    world_run_until(w, is_done, &a);
    assert_int_equal(a.why.status, STATUS_TLS_CERTIFICATE);
    assert_non_null(strstr(a.why.text, "write a name that it holds behind \"#\""));
    assert_int_equal(a.server.body_size, 0);
    close_asking(&a);
}

static void test_nobody_listens(struct world *w)
{
    struct asking a;
    open_asking(&a, w);
    listener_close(a.server.tls.listener);
    ask(&a);
    assert_int_equal(a.why.status, STATUS_REFUSED);
    tls_server_init(&a.server.tls, w, a.ctx);
    close_asking(&a);
}

static bool has_request(void *owner)
{
    const struct asking *a = owner;
    return a->server.body_size > 0;
}

static bool was_accepted(void *owner)
{
    const struct asking *a = owner;
    return a->server.tls.accepted > 0;
}

/* At once, while the handshake is under way, and when the request has gone out. */
static void test_cancelled(struct world *w)
{
    bool (*const when[])(void *owner) = {NULL, was_accepted, has_request};
    for (size_t i = 0; i < sizeof when / sizeof *when; i++) {
        struct asking a;
        open_asking(&a, w);
        a.server.does = H2_SILENT;
        start(&a, "node.test", span_text("?"));
        if (when[i] != NULL) {
            while (!when[i](&a)) {
                world_run_for(w, 5);
            }
        }
        https_cancel(a.https);
        world_run_for(w, 50);
        assert_int_equal(a.done, 0);
        close_asking(&a);
    }
}

int main(void)
{
    static const struct net_case cases[] = {
        {"an answer", test_an_answer, ON_BOTH},
        {"the name of an address", test_the_name_of_an_address, ON_BOTH},
        {"large bodies", test_large_bodies, ON_BOTH},
        {"a wire that cuts", test_a_wire_that_cuts, ON_BOTH},
        {"hints before the answer", test_hints_before_the_answer, ON_BOTH},
        {"another status", test_another_status, ON_BOTH},
        {"another media type", test_another_media_type, ON_BOTH},
        {"too much", test_too_much, ON_BOTH},
        {"given up", test_given_up, ON_BOTH},
        {"the connection ends", test_the_connection_ends, ON_BOTH},
        {"no HTTP/2", test_no_http_2, ON_BOTH},
        {"a server that wants another protocol", test_a_server_that_wants_another_protocol,
         ON_BOTH},
        {"another certificate", test_another_certificate, ON_BOTH},
        {"nobody listens", test_nobody_listens, ON_BOTH},
        {"cancelled", test_cancelled, ON_BOTH},
    };
    struct error why;
    authority = authority_new("Test CA");
    node = identity_new(&authority, "node", "DNS:node.test,IP:::1", -DAY, DAY);
    struct tls_config_options options = {.ca_file = authority.path, .is_for_resolvers = true};
    config = tls_config_new(&options, &why);
    require(config != NULL);
    int failed = run_cases("https", cases, sizeof cases / sizeof *cases);
    tls_config_free(config);
    identity_free(&node);
    identity_free(&authority);
    return failed;
}
