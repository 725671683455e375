/* The greeting of an outbound proxy, in pieces of every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/tunnel.h"

struct talk {
    struct tunnel tunnel;
    struct error why;
};

static const struct tunnel_target plain = {.host = "db.example", .port = 27017};
static const struct tunnel_target with_login = {
    .host = "db.example", .port = 27017, .user = "u", .password = "p"};

static void begin(struct talk *t, enum tunnel_kind kind, const struct tunnel_target *target)
{
    assert_int_equal(tunnel_init(&t->tunnel, kind, target, &t->why), STATUS_OK);
}

static void expect_sent(struct talk *t, const void *bytes, size_t size)
{
    struct span out = tunnel_take_output(&t->tunnel);
    assert_int_equal(out.size, size);
    assert_memory_equal(out.at, bytes, size);
    assert_int_equal(tunnel_take_output(&t->tunnel).size, 0);
}

/* Feeds the bytes `step` at a time until it says something other than WAIT. */
static enum tunnel_step feed(struct talk *t, const void *bytes, size_t size, size_t step)
{
    enum tunnel_step said = TUNNEL_WAIT;
    for (size_t at = 0; at < size && said == TUNNEL_WAIT; at += step) {
        size_t part = size - at < step ? size - at : step;
        said = tunnel_on_bytes(&t->tunnel, span_of((const uint8_t *)bytes + at, part), &t->why);
    }
    return said;
}

static void test_socks(void **state)
{
    (void)state;
    static const uint8_t offer[] = {5, 2, 0, 2};
    static const uint8_t wants_login[] = {5, 2};
    static const uint8_t login[] = {1, 1, 'u', 1, 'p'};
    static const uint8_t welcome[] = {1, 0};
    static const uint8_t target[] = "\5\1\0\3\12db.example\x69\x89";
    static const uint8_t verdicts[][22] = {
        {5, 0, 0, 1, 1, 2, 3, 4, 0, 80}, {5, 0, 0, 3, 3, 'a', 'b', 'c', 0, 80}, {5, 0, 0, 4}};
    static const size_t sizes[] = {10, 10, 22};
    for (size_t i = 0; i < 3; i++) {
        for (size_t step = 1; step < 25; step++) {
            struct talk t = {0};
            begin(&t, TUNNEL_SOCKS5, &with_login);
            expect_sent(&t, offer, sizeof offer);
            assert_int_equal(feed(&t, wants_login, 2, step), TUNNEL_WAIT);
            expect_sent(&t, login, sizeof login);
            assert_int_equal(feed(&t, welcome, 2, step), TUNNEL_WAIT);
            expect_sent(&t, target, sizeof target - 1);
            assert_int_equal(feed(&t, verdicts[i], sizes[i] - 1, step), TUNNEL_WAIT);
            assert_int_equal(feed(&t, verdicts[i] + sizes[i] - 1, 1, 1), TUNNEL_DONE);
        }
    }
}

static void expect_socks_refusal(const struct tunnel_target *target, const char *bytes, size_t size,
                                 const char *text)
{
    struct talk t = {0};
    begin(&t, TUNNEL_SOCKS5, target);
    assert_int_equal(feed(&t, bytes, 2, 2), size == 2 ? TUNNEL_FAILED : TUNNEL_WAIT);
    if (size > 2) {
        assert_int_equal(feed(&t, bytes + 2, size - 2, size), TUNNEL_FAILED);
    }
    if (strstr(t.why.text, text) == NULL) {
        fail_msg("%s", t.why.text);
    }
}

static void test_socks_refusals(void **state)
{
    (void)state;
    expect_socks_refusal(&plain, "\5\xff", 2, "wants a login");
    expect_socks_refusal(&plain, "\5\2", 2, "wants a login");
    expect_socks_refusal(&plain, "HT", 2, "does not speak SOCKS5");
    expect_socks_refusal(&with_login, "\5\2\1\1", 4, "wrong user or password");
    expect_socks_refusal(&plain, "\5\0\5\2\0\1\0\0\0\0\0\0", 12, "not allowed by its rules");
    expect_socks_refusal(&plain, "\5\0\5\x63\0\1\0\0\0\0\0\0", 12, "unknown");
    expect_socks_refusal(&plain, "\5\0\5\0\0\1\0\0\0\0\0\0x", 13, "bytes after its answer");
}

static enum tunnel_step http(struct talk *t, const char *answer, size_t step)
{
    *t = (struct talk){0};
    begin(t, TUNNEL_HTTP, &plain);
    return feed(t, answer, strlen(answer), step);
}

static void test_http(void **state)
{
    (void)state;
    static const char asked[] = "CONNECT db.example:27017 HTTP/1.1\r\n"
                                "Host: db.example:27017\r\n"
                                "Proxy-Authorization: Basic dTpw\r\n\r\n";
    struct talk t = {0};
    begin(&t, TUNNEL_HTTP, &with_login);
    expect_sent(&t, asked, sizeof asked - 1);
    for (size_t step = 1; step < 50; step++) {
        assert_int_equal(http(&t, "HTTP/1.1 200 OK\r\nVia: x\r\n\r\n", step), TUNNEL_DONE);
    }
    assert_int_equal(http(&t, "HTTP/1.1 200 OK\r\n\r\nx", 100), TUNNEL_FAILED);
    assert_int_equal(http(&t, "SSH-2.0-OpenSSH\r\n\r\n", 100), TUNNEL_FAILED);
    assert_non_null(strstr(t.why.text, "does not speak HTTP"));
}

/* Proxies explain a refusal in a page of some kilobytes. */
static void test_http_refusal_with_a_page(void **state)
{
    (void)state;
    static char answer[6000] = "HTTP/1.1 407 Proxy Authentication Required\r\n"
                               "Content-Length: 5000\r\n\r\n";
    struct talk t;
    memset(answer + strlen(answer), 'x', 5000);
    for (size_t step = 1; step < 6000; step += 399) {
        assert_int_equal(http(&t, answer, step), TUNNEL_FAILED);
        assert_int_equal(t.why.status, STATUS_PROXY_REFUSED);
        assert_string_equal(t.why.text, "the outbound HTTP proxy refused: "
                                        "407 Proxy Authentication Required");
    }
}

static void test_http_without_end(void **state)
{
    (void)state;
    static char answer[2000] = "HTTP/1.1 200 OK\r\nX: ";
    struct talk t;
    memset(answer + strlen(answer), 'x', 1900);
    for (size_t step = 1; step < 2000; step += 99) {
        assert_int_equal(http(&t, answer, step), TUNNEL_FAILED);
        assert_non_null(strstr(t.why.text, "too long"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_socks),
        cmocka_unit_test(test_socks_refusals),
        cmocka_unit_test(test_http),
        cmocka_unit_test(test_http_refusal_with_a_page),
        cmocka_unit_test(test_http_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
