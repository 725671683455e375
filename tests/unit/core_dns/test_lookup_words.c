/* What resolvers said, as words and sentences. */
#include "lookup_story.h"

static void answers_become_words(void **state)
{
    (void)state;
    struct dns_record record = {.port = 1};
    struct dns_answer a = {.rcode = DNS_NOERROR, .count = 1, .records = &record};
    struct dns_answer none = {.rcode = DNS_NOERROR};
    struct dns_answer cut = {.rcode = DNS_NOERROR, .is_truncated = true};
    static const struct {
        int rcode;
        enum lookup_word word;
    } codes[] = {{DNS_NXDOMAIN, LOOKUP_NXDOMAIN}, {DNS_SERVFAIL, LOOKUP_SERVFAIL},
                 {DNS_REFUSED, LOOKUP_REFUSED},   {DNS_NOTIMP, LOOKUP_FAILED},
                 {DNS_FORMERR, LOOKUP_FAILED},    {15, LOOKUP_FAILED}};
    assert_int_equal(lookup_word_of(STATUS_OK, STATUS_OK, &a), LOOKUP_OK);
    assert_int_equal(lookup_word_of(STATUS_OK, STATUS_OK, &none), LOOKUP_NODATA);
    assert_int_equal(lookup_word_of(STATUS_OK, STATUS_OK, &cut), LOOKUP_TRUNCATED);
    assert_int_equal(lookup_word_of(STATUS_OK, STATUS_PROTOCOL_ERROR, &none), LOOKUP_MALFORMED);
    assert_int_equal(lookup_word_of(STATUS_OK, STATUS_TOO_LARGE, &none), LOOKUP_MALFORMED);
    assert_int_equal(lookup_word_of(STATUS_REFUSED, STATUS_OK, &none), LOOKUP_CONN_REFUSED);
    assert_int_equal(lookup_word_of(STATUS_TIMED_OUT, STATUS_OK, &none), LOOKUP_TIMEOUT);
    assert_int_equal(lookup_word_of(STATUS_UNREACHABLE, STATUS_OK, &none), LOOKUP_UNREACHABLE);
    assert_int_equal(lookup_word_of(STATUS_PEER_CLOSED, STATUS_OK, &none), LOOKUP_CLOSED);
    assert_int_equal(lookup_word_of(STATUS_PEER_RESET, STATUS_OK, &none), LOOKUP_CLOSED);
    assert_int_equal(lookup_word_of(STATUS_TLS_FAILED, STATUS_OK, &none), LOOKUP_TLS_FAILED);
    assert_int_equal(lookup_word_of(STATUS_TLS_CERTIFICATE, STATUS_OK, &none), LOOKUP_CERTIFICATE);
    assert_int_equal(lookup_word_of(STATUS_HTTP_REFUSED, STATUS_OK, &none), LOOKUP_HTTP_ERROR);
    assert_int_equal(lookup_word_of(STATUS_PROTOCOL_ERROR, STATUS_OK, &none), LOOKUP_MALFORMED);
    assert_int_equal(lookup_word_of(STATUS_NAME_LOOKUP_FAILED, STATUS_OK, &none), LOOKUP_FAILED);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        none.rcode = codes[i].rcode;
        assert_int_equal(lookup_word_of(STATUS_OK, STATUS_OK, &none), codes[i].word);
    }
}

/* --- sentences --- */

static void a_sentence_names_finding_resolvers_and_remedy(void **state)
{
    (void)state;
    struct error why;
    begin("po", DNS_SRV);
    expect_ask(1, 0);
    says(1, LOOKUP_SERVFAIL, 1);
    expect_ask(0, 1);
    says(0, LOOKUP_CONN_REFUSED, 2);
    assert_int_equal(lookup_explain(&l, "the SRV record of x.test", &why),
                     STATUS_NAME_LOOKUP_FAILED);
    assert_int_equal(why.status, STATUS_NAME_LOOKUP_FAILED);
    assert_string_equal(
        why.text, "DNS-05: the SRV record of x.test could not be looked up: resolver 10.0.0.1:53 "
                  "failed to find out (SERVFAIL), resolver 10.0.0.0:53 refused the connection; "
                  "name a resolver that works in dns.resolvers, or repair this one");
}

static void a_sentence_tells_who_denied_and_whether_that_is_sure(void **state)
{
    (void)state;
    struct error why;
    begin("oop", DNS_SRV);
    expect_ask(0, 0);
    says(0, LOOKUP_SERVFAIL, 1);
    expect_ask(1, 1);
    says(1, LOOKUP_NXDOMAIN, 2);
    expect_ask(2, 2);
    says(2, LOOKUP_NXDOMAIN, 3);
    assert_int_equal(lookup_explain(&l, "x", &why), STATUS_NAME_NOT_FOUND);
    assert_string_equal(
        why.text, "DNS-06: x could not be looked up: resolver 10.0.0.1:53 says that the name does "
                  "not exist (NXDOMAIN), resolver 10.0.0.2:53 says that the name does not exist "
                  "(NXDOMAIN); check the host name in the connection string, and whether the "
                  "cluster is there and not paused");
    begin("o", DNS_SRV);
    expect_ask(0, 0);
    says(0, LOOKUP_NXDOMAIN, 2);
    lookup_explain(&l, "x", &why);
    assert_non_null(strstr(why.text, "since nobody else confirmed it"));
    begin("o", DNS_SRV);
    expect_ask(0, 0);
    says(0, LOOKUP_NODATA, 2);
    assert_int_equal(lookup_explain(&l, "x", &why), STATUS_NAME_NO_ANSWER);
    assert_non_null(strstr(why.text, "DNS-04: "));
    assert_non_null(strstr(why.text, "some routers drop such records"));
}

static void a_sentence_counts_what_it_cannot_name(void **state)
{
    (void)state;
    struct error why;
    begin("ooooo", DNS_SRV);
    for (size_t i = 0; i < 5; i++) {
        expect_ask(i, (msec)i * LOOKUP_STAGGER_MS);
    }
    lookup_on_time(&l, TIMEOUT_MS);
    assert_int_equal(lookup_explain(&l, "x", &why), STATUS_NAME_LOOKUP_FAILED);
    assert_non_null(strstr(why.text, "resolver 10.0.0.2:53 did not answer in time, and 2 more"));
    assert_non_null(strstr(why.text, "DNS-03: "));
    assert_non_null(strstr(why.text, "check the network"));
}

static void the_first_fault_names_the_finding(void **state)
{
    static const struct {
        uint16_t type;
        enum lookup_word word;
        const char *id;
    } rows[] = {
        {DNS_SRV, LOOKUP_REFUSED, "DNS-04: "},     {DNS_SRV, LOOKUP_FAILED, "DNS-04: "},
        {DNS_A, LOOKUP_REFUSED, "DNS-03: "},       {DNS_SRV, LOOKUP_TRUNCATED, "DNS-08: "},
        {DNS_SRV, LOOKUP_UNREACHABLE, "DNS-03: "}, {DNS_SRV, LOOKUP_CONN_REFUSED, "DNS-03: "},
        {DNS_SRV, LOOKUP_MALFORMED, "x could"},    {DNS_SRV, LOOKUP_CERTIFICATE, "x could"},
        {DNS_A, LOOKUP_NODATA, "DNS-14: "}};
    (void)state;
    struct error why;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin("o", rows[i].type);
        expect_ask(0, 0);
        says(0, rows[i].word, 1);
        lookup_explain(&l, "x", &why);
        assert_memory_equal(why.text, rows[i].id, strlen(rows[i].id));
    }
    begin("op", DNS_SRV); /* it asks itself, and is not there */
    address_parse("127.0.0.1:53", 0, &list[0].address);
    expect_ask(0, 0);
    says(0, LOOKUP_CONN_REFUSED, 1);
    expect_ask(1, 1);
    says(1, LOOKUP_UNREACHABLE, 2);
    lookup_explain(&l, "x", &why);
    assert_memory_equal(why.text, "DNS-01: ", 8);
}

static void failures_are_listed_for_a_line(void **state)
{
    (void)state;
    char text[200];
    begin("op", DNS_SRV);
    expect_ask(0, 0);
    says(0, LOOKUP_REFUSED, 1);
    expect_ask(1, 1);
    says(1, LOOKUP_OK, 2);
    lookup_list_failures(&l, text, sizeof text);
    assert_string_equal(text, "resolver 10.0.0.0:53 refuses to answer such questions (REFUSED)");
    begin("p", DNS_SRV);
    expect_ask(0, 0);
    says(0, LOOKUP_OK, 2);
    lookup_list_failures(&l, text, sizeof text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_become_words),
        cmocka_unit_test(a_sentence_names_finding_resolvers_and_remedy),
        cmocka_unit_test(a_sentence_tells_who_denied_and_whether_that_is_sure),
        cmocka_unit_test(a_sentence_counts_what_it_cannot_name),
        cmocka_unit_test(the_first_fault_names_the_finding),
        cmocka_unit_test(failures_are_listed_for_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
