/* What resolvers send, good and odd. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "core/dns/message.h"
#include "dns_wire.h"

#define SRV_NAME "_mongodb._tcp.cluster0.example.test"
enum { ANSWER = 0x8180, ANSWER_TRUNCATED = 0x8380 };

static struct wire w;
static struct dns_answer answer;
static struct error why;

static enum status decode(uint16_t type, const char *name)
{
    /* A copy of the exact size, so that reading too far is seen. */
    uint8_t *bytes = malloc(w.size);
    memcpy(bytes, w.bytes, w.size);
    dns_answer_clear(&answer);
    why = (struct error){0};
    enum status status = message_decode(span_of(bytes, w.size), type, name, &answer, &why);
    free(bytes);
    return status;
}

static int forget(void **state)
{
    (void)state;
    dns_answer_clear(&answer);
    return 0;
}

static void srv_records_are_read(void **state)
{
    (void)state;
    wire_open(&w, ANSWER, SRV_NAME, DNS_SRV);
    wire_srv(&w, SRV_NAME, 60, 27017, "shard0.example.test");
    wire_srv(&w, SRV_NAME, 30, 27018, "shard1.example.test");
    assert_int_equal(decode(DNS_SRV, SRV_NAME), STATUS_OK);
    assert_int_equal(answer.rcode, DNS_NOERROR);
    assert_false(answer.is_truncated);
    assert_int_equal(answer.count, 2);
    assert_int_equal(answer.ttl_seconds, 30);
    assert_string_equal(answer.records[0].text, "shard0.example.test");
    assert_int_equal(answer.records[0].port, 27017);
    assert_string_equal(answer.records[1].text, "shard1.example.test");
    assert_int_equal(answer.records[1].port, 27018);
}

/* "_mongodb", "_tcp", "cluster0" take 9, 5 and 9 bytes: "example.test" stands at 35. */
static void compressed_targets_are_read(void **state)
{
    (void)state;
    wire_open(&w, ANSWER, SRV_NAME, DNS_SRV);
    wire_srv(&w, "@12", 60, 27017, "shard0@35");
    assert_int_equal(decode(DNS_SRV, SRV_NAME), STATUS_OK);
    assert_string_equal(answer.records[0].text, "shard0.example.test");
}

static void case_and_last_dot_do_not_matter(void **state)
{
    (void)state;
    wire_open(&w, ANSWER, "_MongoDB._TCP.cluster0.EXAMPLE.test", DNS_SRV);
    wire_srv(&w, "_mongodb._tcp.CLUSTER0.example.test", 60, 1, "a.example.test");
    assert_int_equal(decode(DNS_SRV, SRV_NAME "."), STATUS_OK);
    assert_int_equal(answer.count, 1);
}

static void a_root_target_is_empty(void **state)
{
    (void)state;
    wire_open(&w, ANSWER, SRV_NAME, DNS_SRV);
    wire_srv(&w, SRV_NAME, 60, 27017, "");
    assert_int_equal(decode(DNS_SRV, SRV_NAME), STATUS_OK);
    assert_string_equal(answer.records[0].text, "");
}

static void odd_characters_are_escaped(void **state)
{
    (void)state;
    wire_open(&w, ANSWER, SRV_NAME, DNS_SRV);
    wire_srv(&w, SRV_NAME, 60, 27017, "a\nb.test");
    w.bytes[w.size - 8] = '.'; /* a dot inside of a label */
    assert_int_equal(decode(DNS_SRV, SRV_NAME), STATUS_OK);
    assert_string_equal(answer.records[0].text, "a\\.b.test");
}

static void strings_of_one_txt_record_are_joined(void **state)
{
    (void)state;
    wire_open(&w, ANSWER, "cluster0.example.test", DNS_TXT);
    wire_txt(&w, "@12", 60, "authSource=ad||min&replica|Set=rs0");
    wire_txt(&w, "@12", 60, "");
    assert_int_equal(decode(DNS_TXT, "cluster0.example.test"), STATUS_OK);
    assert_int_equal(answer.count, 2);
    assert_string_equal(answer.records[0].text, "authSource=admin&replicaSet=rs0");
    assert_string_equal(answer.records[1].text, "");
}

static void addresses_are_read(void **state)
{
    (void)state;
    static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
    char text[ADDRESS_TEXT_SIZE];
    wire_open(&w, ANSWER, "a.test", DNS_A);
    wire_bytes(&w, "@12", DNS_A, 5, "\x7f\x00\x00\x09", 4);
    assert_int_equal(decode(DNS_A, "a.test"), STATUS_OK);
    assert_string_equal(address_print(&answer.records[0].address, text), "127.0.0.9:0");
    wire_open(&w, ANSWER, "a.test", DNS_AAAA);
    wire_bytes(&w, "@12", DNS_AAAA, 5, v6, 16);
    assert_int_equal(decode(DNS_AAAA, "a.test"), STATUS_OK);
    assert_string_equal(address_print(&answer.records[0].address, text), "[2001:db8::7]:0");
}

/* In whatever order they stand; the least TTL of all counts. */
static void cnames_are_followed_inside_the_message(void **state)
{
    (void)state;
    wire_open(&w, ANSWER, "a.test", DNS_A);
    wire_bytes(&w, "c.test", DNS_A, 100, "\x7f\x00\x00\x09", 4);
    wire_cname(&w, "b.test", 20, "C.test");
    wire_cname(&w, "a.test", 50, "b.test");
    assert_int_equal(decode(DNS_A, "a.test"), STATUS_OK);
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.ttl_seconds, 20);
}

static void a_circle_of_cnames_is_refused(void **state)
{
    (void)state;
    wire_open(&w, ANSWER, "a.test", DNS_A);
    wire_cname(&w, "a.test", 50, "b.test");
    wire_cname(&w, "b.test", 50, "a.test");
    assert_int_equal(decode(DNS_A, "a.test"), STATUS_PROTOCOL_ERROR);
    assert_non_null(strstr(why.text, "circle"));
}

static void ttls_beyond_31_bits_are_zero(void **state)
{
    (void)state;
    wire_open(&w, ANSWER, SRV_NAME, DNS_SRV);
    wire_srv(&w, SRV_NAME, 0x80000000, 27017, "a.example.test");
    assert_int_equal(decode(DNS_SRV, SRV_NAME), STATUS_OK);
    assert_int_equal(answer.ttl_seconds, 0);
    wire_open(&w, ANSWER, SRV_NAME, DNS_SRV);
    wire_srv(&w, SRV_NAME, 0x7fffffff, 27017, "a.example.test");
    assert_int_equal(decode(DNS_SRV, SRV_NAME), STATUS_OK);
    assert_int_equal(answer.ttl_seconds, 0x7fffffff);
}

static void other_names_types_and_classes_are_ignored(void **state)
{
    (void)state;
    wire_open(&w, ANSWER, "a.test", DNS_A);
    wire_bytes(&w, "b.test", DNS_A, 1, "\x7f\x00\x00\x01", 4);
    wire_txt(&w, "a.test", 1, "x");
    size_t at = w.size;
    wire_bytes(&w, "@12", DNS_A, 1, "\x7f\x00\x00\x01", 4);
    w.bytes[at + 5] = 3; /* class CHAOS */
    assert_int_equal(decode(DNS_A, "a.test"), STATUS_OK);
    assert_int_equal(answer.count, 0);
    assert_int_equal(answer.ttl_seconds, 0);
}

static void what_follows_the_answers_does_no_harm(void **state)
{
    (void)state;
    wire_open(&w, ANSWER, SRV_NAME, DNS_SRV);
    wire_srv(&w, SRV_NAME, 60, 27017, "a.example.test");
    w.bytes[9] = 3;   /* authority records that are not there */
    w.bytes[11] = 77; /* and additional ones */
    wire_put16(&w, 0xffff);
    assert_int_equal(decode(DNS_SRV, SRV_NAME), STATUS_OK);
    assert_int_equal(answer.count, 1);
}

static void a_missing_question_does_no_harm(void **state)
{
    (void)state;
    wire_open(&w, ANSWER, SRV_NAME, DNS_SRV);
    w.size = WIRE_QUESTION_AT;
    w.bytes[5] = 0;
    wire_srv(&w, SRV_NAME, 60, 27017, "a.example.test");
    assert_int_equal(decode(DNS_SRV, SRV_NAME), STATUS_OK);
    assert_int_equal(answer.count, 1);
}

static void error_codes_are_told(void **state)
{
    (void)state;
    static const int codes[] = {DNS_FORMERR, DNS_SERVFAIL, DNS_NXDOMAIN, DNS_NOTIMP, DNS_REFUSED};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        wire_open(&w, (unsigned)(ANSWER | codes[i]), SRV_NAME, DNS_SRV);
        assert_int_equal(decode(DNS_SRV, SRV_NAME), STATUS_OK);
        assert_int_equal(answer.rcode, codes[i]);
        assert_int_equal(answer.count, 0);
    }
}

static void a_truncated_answer_holds_no_record(void **state)
{
    (void)state;
    wire_open(&w, ANSWER_TRUNCATED, SRV_NAME, DNS_SRV);
    wire_srv(&w, SRV_NAME, 60, 27017, "a.example.test");
    w.size -= 3;
    assert_int_equal(decode(DNS_SRV, SRV_NAME), STATUS_OK);
    assert_true(answer.is_truncated);
    assert_int_equal(answer.count, 0);
}

static void answers_to_other_questions_are_refused(void **state)
{
    (void)state;
    wire_open(&w, ANSWER, SRV_NAME, DNS_TXT);
    assert_int_equal(decode(DNS_SRV, SRV_NAME), STATUS_PROTOCOL_ERROR);
    wire_open(&w, ANSWER, "_mongodb._tcp.cluster1.example.test", DNS_SRV);
    assert_int_equal(decode(DNS_SRV, SRV_NAME), STATUS_PROTOCOL_ERROR);
    assert_non_null(strstr(why.text, "another question (SRV of _mongodb._tcp.cluster1"));
    wire_open(&w, 0x0100, SRV_NAME, DNS_SRV); /* a question, no answer */
    assert_int_equal(decode(DNS_SRV, SRV_NAME), STATUS_PROTOCOL_ERROR);
    w.size = 11;
    w.bytes[2] = 0x81;
    assert_int_equal(decode(DNS_SRV, SRV_NAME), STATUS_PROTOCOL_ERROR);
}

/* However the message is cut, it is refused, and nothing beyond its end is read. */
static void every_cut_is_noticed(void **state)
{
    (void)state;
    wire_open(&w, ANSWER, SRV_NAME, DNS_SRV);
    wire_srv(&w, "@12", 60, 27017, "shard0@35");
    wire_srv(&w, "@12", 60, 27017, "shard1.example.test");
    for (size_t size = w.size - 1; size > 0; size--) {
        w.size = size;
        assert_int_equal(decode(DNS_SRV, SRV_NAME), STATUS_PROTOCOL_ERROR);
    }
    wire_open(&w, ANSWER, "a.test", DNS_A);
    wire_bytes(&w, "@12", DNS_A, 60, "\x7f\x00\x00\x01", 4);
    for (size_t size = w.size - 1; size > 0; size--) {
        w.size = size;
        assert_int_equal(decode(DNS_A, "a.test"), STATUS_PROTOCOL_ERROR);
    }
}

static void contents_that_are_too_short_are_refused(void **state)
{
    (void)state;
    wire_open(&w, ANSWER, "a.test", DNS_A);
    wire_bytes(&w, "@12", DNS_A, 5, "\x7f\x00\x00", 3);
    assert_int_equal(decode(DNS_A, "a.test"), STATUS_PROTOCOL_ERROR);
    wire_open(&w, ANSWER, "a.test", DNS_AAAA);
    wire_bytes(&w, "@12", DNS_AAAA, 5, "\x7f\x00\x00\x01", 4);
    assert_int_equal(decode(DNS_AAAA, "a.test"), STATUS_PROTOCOL_ERROR);
    wire_open(&w, ANSWER, "a.test", DNS_SRV);
    wire_bytes(&w, "@12", DNS_SRV, 5, "\0\0\0\0\x69\x89", 6);
    wire_bytes(&w, "@12", DNS_TXT, 5, "", 0); /* its name is no target */
    assert_int_equal(decode(DNS_SRV, "a.test"), STATUS_PROTOCOL_ERROR);
    wire_open(&w, ANSWER, "a.test", DNS_TXT);
    wire_bytes(&w, "@12", DNS_TXT, 5,
               "\x05"
               "abcd",
               5);
    assert_int_equal(decode(DNS_TXT, "a.test"), STATUS_PROTOCOL_ERROR);
    wire_open(&w, ANSWER, "a.test", DNS_TXT);
    wire_bytes(&w, "@12", DNS_TXT, 5,
               "\x04"
               "ab\0d",
               5);
    assert_int_equal(decode(DNS_TXT, "a.test"), STATUS_PROTOCOL_ERROR);
    assert_non_null(strstr(why.text, "zero byte"));
}

static void a_pointer_to_itself_is_refused(void **state)
{
    (void)state;
    wire_open(&w, ANSWER, "a.test", DNS_CNAME);
    char self[8] = "@";
    size_t at = wire_begin(&w, "@12", DNS_CNAME, 5);
    self[1] = (char)('0' + w.size / 10);
    self[2] = (char)('0' + w.size % 10);
    wire_put_name(&w, self);
    wire_end(&w, at);
    assert_int_equal(decode(DNS_CNAME, "a.test"), STATUS_PROTOCOL_ERROR);
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    wire_open(&w, ANSWER, "a.test", DNS_A);
    for (int i = 0; i < DNS_RECORDS_MOST; i++) {
        wire_bytes(&w, "@12", DNS_A, 5, "\x7f\x00\x00\x01", 4);
    }
    assert_int_equal(decode(DNS_A, "a.test"), STATUS_OK);
    assert_int_equal(answer.count, DNS_RECORDS_MOST);
    wire_bytes(&w, "@12", DNS_A, 5, "\x7f\x00\x00\x01", 4);
    assert_int_equal(decode(DNS_A, "a.test"), STATUS_TOO_LARGE);
    wire_open(&w, ANSWER, "a.test", DNS_A);
    w.size = DNS_MESSAGE_BYTES_MOST;
    assert_int_equal(decode(DNS_A, "a.test"), STATUS_OK);
    w.size++;
    assert_int_equal(decode(DNS_A, "a.test"), STATUS_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(srv_records_are_read),
        cmocka_unit_test(compressed_targets_are_read),
        cmocka_unit_test(case_and_last_dot_do_not_matter),
        cmocka_unit_test(a_root_target_is_empty),
        cmocka_unit_test(odd_characters_are_escaped),
        cmocka_unit_test(strings_of_one_txt_record_are_joined),
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(cnames_are_followed_inside_the_message),
        cmocka_unit_test(a_circle_of_cnames_is_refused),
        cmocka_unit_test(ttls_beyond_31_bits_are_zero),
        cmocka_unit_test(other_names_types_and_classes_are_ignored),
        cmocka_unit_test(what_follows_the_answers_does_no_harm),
        cmocka_unit_test(a_missing_question_does_no_harm),
        cmocka_unit_test(error_codes_are_told),
        cmocka_unit_test(a_truncated_answer_holds_no_record),
        cmocka_unit_test(answers_to_other_questions_are_refused),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(contents_that_are_too_short_are_refused),
        cmocka_unit_test(a_pointer_to_itself_is_refused),
        cmocka_unit_test(sizes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
