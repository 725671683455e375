/* What we ask, what counts as its reply, and why a resolver says that it cannot. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "core/dns/message.h"
#include "dns_wire.h"

enum { ANSWER = 0x8180, ID = 0x1234 };

static uint8_t out[DNS_QUESTION_BYTES_MOST];
static struct wire w;

static void a_question_is_written(void **state)
{
    (void)state;
    static const uint8_t plain[] = "\xab\xcd\1\0\0\1\0\0\0\0\0\0\1a\4test\0\0\x21\0\1";
    static const uint8_t opt[] = "\0\0\x29\x04\xd0\0\0\0\0\0";
    size_t size = message_encode(0xabcd, DNS_SRV, "a.test", false, out);
    assert_int_equal(size, sizeof plain - 1);
    assert_memory_equal(out, plain, size);
    assert_int_equal(message_encode(0xabcd, DNS_SRV, "a.test.", true, out), size + 11);
    assert_int_equal(out[11], 1);
    assert_memory_equal(out + 12, plain + 12, size - 12);
    assert_memory_equal(out + size, opt, 11);
}

static void what_is_no_name_is_not_asked(void **state)
{
    (void)state;
    char name[300];
    static const char *const bad[] = {"", ".", "a..b", ".a", "a.."};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(message_encode(1, DNS_A, bad[i], true, out), 0);
    }
    memset(name, 'x', sizeof name);
    name[63] = '\0';
    assert_int_equal(message_encode(1, DNS_A, name, true, out), 12 + 65 + 4 + 11);
    name[63] = 'x';
    name[64] = '\0';
    assert_int_equal(message_encode(1, DNS_A, name, true, out), 0);
    for (size_t i = 0; i < sizeof name; i++) {
        name[i] = i % 2 == 0 ? 'x' : '.';
    }
    name[253] = '\0'; /* 127 labels of 1: the longest name there is */
    assert_int_equal(message_encode(1, DNS_A, name, true, out), DNS_QUESTION_BYTES_MOST);
    name[253] = '.';
    name[255] = '\0';
    assert_int_equal(message_encode(1, DNS_A, name, true, out), 0);
}

static bool is_reply(uint16_t id, uint16_t type, const char *name)
{
    uint8_t *bytes = malloc(w.size); /* of the exact size, so that reading too far is seen */
    memcpy(bytes, w.bytes, w.size);
    bool is = message_is_reply(span_of(bytes, w.size), id, type, name);
    free(bytes);
    return is;
}

static void a_reply_has_our_id_and_question(void **state)
{
    (void)state;
    wire_open(&w, ANSWER, "A.test", DNS_A);
    wire_bytes(&w, "@12", DNS_A, 5, "\x7f\x00\x00\x09", 4);
    assert_true(is_reply(ID, DNS_A, "a.test"));
    assert_false(is_reply(ID + 1, DNS_A, "a.test"));
    assert_false(is_reply(ID ^ 0x100, DNS_A, "a.test"));
    assert_false(is_reply(ID, DNS_AAAA, "a.test"));
    assert_false(is_reply(ID, DNS_A, "b.test"));
    wire_open(&w, 0x0100, "a.test", DNS_A); /* a question */
    assert_false(is_reply(ID, DNS_A, "a.test"));
    wire_open(&w, ANSWER, "a.test", DNS_A);
    w.bytes[5] = 2;
    assert_false(is_reply(ID, DNS_A, "a.test"));
}

static void a_reply_may_leave_the_question_out(void **state)
{
    (void)state;
    wire_open(&w, 0x8181, "a.test", DNS_A); /* FORMERR */
    w.size = 12;
    assert_false(is_reply(ID, DNS_A, "a.test")); /* it says that there is one */
    w.bytes[5] = 0;
    assert_true(is_reply(ID, DNS_A, "a.test"));
    w.size = 11;
    assert_false(is_reply(ID, DNS_A, "a.test"));
    w.size = 1;
    assert_false(is_reply(ID, DNS_A, "a.test"));
}

static void it_is_noted_that_a_target_is_compressed(void **state)
{
    (void)state;
    struct dns_answer answer;
    struct error why;
    for (int is_compressed = 0; is_compressed <= 1; is_compressed++) {
        wire_open(&w, ANSWER, "s.test", DNS_SRV);
        wire_srv(&w, "@12", 60, 1, "a.test");
        wire_srv(&w, "@12", 60, 1, is_compressed ? "b@14" : "b.test");
        assert_int_equal(message_decode(wire_span(&w), DNS_SRV, "s.test", &answer, &why),
                         STATUS_OK);
        assert_int_equal(answer.has_compressed_target, is_compressed);
        assert_string_equal(answer.records[1].text, "b.test");
        dns_answer_clear(&answer);
    }
    wire_open(&w, ANSWER, "s.test", DNS_A); /* of nothing else it is said */
    wire_bytes(&w, "@12", DNS_A, 5, "\xc0\x00\x00\x09", 4);
    assert_int_equal(message_decode(wire_span(&w), DNS_A, "s.test", &answer, &why), STATUS_OK);
    assert_false(answer.has_compressed_target);
    dns_answer_clear(&answer);
}

/* An OPT record in the last section, with these options. */
static void put_opt(const void *options, size_t size)
{
    wire_put8(&w, 0);
    wire_put16(&w, 41);
    wire_put16(&w, 1232);
    wire_put32(&w, 0);
    wire_put16(&w, (unsigned)size);
    memcpy(w.bytes + w.size, options, size);
    w.size += size;
    w.bytes[11]++;
}

static bool read_extended(struct dns_extended_error *e)
{
    uint8_t *bytes = malloc(w.size);
    memcpy(bytes, w.bytes, w.size);
    bool is_there = message_extended_error(span_of(bytes, w.size), e);
    free(bytes);
    return is_there;
}

static void an_extended_error_is_read(void **state)
{
    (void)state;
    struct dns_extended_error e;
    wire_open(&w, 0x8182, "a.test", DNS_A);
    assert_false(read_extended(&e));
    wire_txt(&w, "@12", 5, "passed over");
    put_opt("\0\x0a\0\2zz\0\x0f\0\7\0\x16"
            "d\nwn!",
            17); /* a cookie first */
    assert_true(read_extended(&e));
    assert_int_equal(e.code, 22);
    assert_string_equal(e.text, "d?wn!");
    wire_open(&w, 0x8182, "a.test", DNS_A);
    put_opt("\0\x0f\0\2\0\6", 6);
    assert_true(read_extended(&e));
    assert_int_equal(e.code, 6);
    assert_string_equal(e.text, "");
}

static void extended_errors_that_are_broken_are_none(void **state)
{
    (void)state;
    struct dns_extended_error e;
    wire_open(&w, 0x8182, "a.test", DNS_A);
    put_opt("\0\x0f\0\1\0", 5); /* too short for a code */
    assert_false(read_extended(&e));
    wire_open(&w, 0x8182, "a.test", DNS_A);
    put_opt("\0\x0f\0\x09\0\6", 6); /* longer than the record */
    assert_false(read_extended(&e));
    wire_open(&w, 0x8182, "a.test", DNS_A);
    put_opt("\0\x0f\0\2\0\6", 6);
    for (size_t cut = w.size - 1; cut > 0; cut--) {
        w.size = cut;
        assert_false(read_extended(&e));
    }
}

static void a_long_text_is_cut(void **state)
{
    (void)state;
    struct dns_extended_error e;
    uint8_t option[306] = {0, 15, 1, 46, 0, 1};
    memset(option + 6, 'x', 300);
    wire_open(&w, 0x8182, "a.test", DNS_A);
    put_opt(option, sizeof option);
    assert_true(read_extended(&e));
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_written),
        cmocka_unit_test(what_is_no_name_is_not_asked),
        cmocka_unit_test(a_reply_has_our_id_and_question),
        cmocka_unit_test(a_reply_may_leave_the_question_out),
        cmocka_unit_test(it_is_noted_that_a_target_is_compressed),
        cmocka_unit_test(an_extended_error_is_read),
        cmocka_unit_test(extended_errors_that_are_broken_are_none),
        cmocka_unit_test(a_long_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
