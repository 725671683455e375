/* Whom to ask, when, and whom to believe; the clock is a number. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "core/dns/lookup.h"

static struct lookup l;

static void expect_ask(size_t resolver, msec now)
{
    struct lookup_action action;
    assert_true(lookup_next_action(&l, now, &action));
    assert_int_equal(action.kind, LOOKUP_ASK);
    assert_int_equal(action.resolver, resolver);
}

static void expect_nothing(msec now)
{
    struct lookup_action action;
    assert_false(lookup_next_action(&l, now, &action));
}

static void expect_end(enum lookup_action_kind kind, size_t resolver, msec now)
{
    struct lookup_action action;
    assert_true(lookup_next_action(&l, now, &action));
    assert_int_equal(action.kind, kind);
    if (kind == LOOKUP_BELIEVE) {
        assert_int_equal(action.resolver, resolver);
    }
    expect_nothing(now);
    assert_true(lookup_deadline(&l) == MSEC_NEVER);
}

static void expect_try(size_t resolver, enum lookup_word word, msec took)
{
    assert_string_equal(lookup_word_text(l.tries[resolver].word), lookup_word_text(word));
    assert_int_equal(l.tries[resolver].took, took);
}

static void the_first_that_knows_is_believed(void **state)
{
    (void)state;
    lookup_init(&l, 3, 5000, 100);
    expect_ask(0, 100);
    expect_nothing(100);
    lookup_on_word(&l, 0, LOOKUP_OK, 130);
    expect_end(LOOKUP_BELIEVE, 0, 130);
    expect_try(0, LOOKUP_OK, 30);
    expect_try(1, LOOKUP_NOT_ASKED, 0);
}

static void a_failure_passes_the_question_on_at_once(void **state)
{
    (void)state;
    static const enum lookup_word failures[] = {
        LOOKUP_SERVFAIL,     LOOKUP_REFUSED,   LOOKUP_FAILED,    LOOKUP_TIMEOUT,
        LOOKUP_CONN_REFUSED, LOOKUP_MALFORMED, LOOKUP_TRUNCATED, LOOKUP_UNREACHABLE};
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        lookup_init(&l, 2, 5000, 0);
        expect_ask(0, 0);
        lookup_on_word(&l, 0, failures[i], 10);
        expect_ask(1, 10);
        lookup_on_word(&l, 1, LOOKUP_OK, 25);
        expect_end(LOOKUP_BELIEVE, 1, 25);
        expect_try(0, failures[i], 10);
        expect_try(1, LOOKUP_OK, 15);
    }
}

static void what_does_not_exist_is_an_answer(void **state)
{
    (void)state;
    lookup_init(&l, 2, 5000, 0);
    expect_ask(0, 0);
    lookup_on_word(&l, 0, LOOKUP_NXDOMAIN, 10);
    expect_end(LOOKUP_BELIEVE, 0, 10);
    lookup_init(&l, 2, 5000, 0);
    expect_ask(0, 0);
    lookup_on_word(&l, 0, LOOKUP_NODATA, 10);
    expect_end(LOOKUP_BELIEVE, 0, 10);
}

/* A third of 3000 ms is 1000 ms. */
static void the_next_is_asked_beside_a_silent_one(void **state)
{
    (void)state;
    lookup_init(&l, 3, 3000, 0);
    expect_ask(0, 0);
    assert_int_equal(lookup_deadline(&l), 1000);
    lookup_on_time(&l, 999);
    expect_nothing(999);
    lookup_on_time(&l, 1000);
    expect_ask(1, 1000);
    assert_int_equal(lookup_deadline(&l), 2000);
    lookup_on_word(&l, 0, LOOKUP_OK, 1500); /* late, but it knows */
    expect_end(LOOKUP_BELIEVE, 0, 1500);
    expect_try(0, LOOKUP_OK, 1500);
    expect_try(1, LOOKUP_WAITING, 0);
}

static void an_early_ones_failure_does_not_hurry_the_next(void **state)
{
    (void)state;
    lookup_init(&l, 3, 3000, 0);
    expect_ask(0, 0);
    lookup_on_time(&l, 1000);
    expect_ask(1, 1000);
    lookup_on_word(&l, 0, LOOKUP_SERVFAIL, 1100);
    expect_nothing(1100); /* the second has had 100 ms only */
    lookup_on_word(&l, 1, LOOKUP_SERVFAIL, 1200);
    expect_ask(2, 1200);
}

static void the_pause_is_half_a_second_at_least(void **state)
{
    (void)state;
    lookup_init(&l, 5, 1000, 0);
    expect_ask(0, 0);
    assert_int_equal(lookup_deadline(&l), 500);
    lookup_on_time(&l, 500);
    expect_ask(1, 500);
    assert_int_equal(lookup_deadline(&l), 1000);
}

static void it_gives_up_when_all_have_failed(void **state)
{
    (void)state;
    lookup_init(&l, 2, 5000, 0);
    expect_ask(0, 0);
    lookup_on_word(&l, 0, LOOKUP_SERVFAIL, 1);
    expect_ask(1, 1);
    lookup_on_word(&l, 1, LOOKUP_CONN_REFUSED, 2);
    expect_end(LOOKUP_GIVE_UP, 0, 2);
}

static void it_gives_up_when_the_time_is_over(void **state)
{
    (void)state;
    lookup_init(&l, 2, 4000, 0);
    expect_ask(0, 0);
    lookup_on_time(&l, 2000);
    expect_ask(1, 2000);
    lookup_on_word(&l, 1, LOOKUP_SERVFAIL, 2100);
    expect_nothing(2100); /* the first may still answer */
    assert_int_equal(lookup_deadline(&l), 4000);
    lookup_on_time(&l, 4000);
    expect_end(LOOKUP_GIVE_UP, 0, 4000);
    expect_try(0, LOOKUP_TIMEOUT, 4000);
    expect_try(1, LOOKUP_SERVFAIL, 100);
}

static void late_and_double_words_are_ignored(void **state)
{
    (void)state;
    lookup_init(&l, 2, 4000, 0);
    lookup_on_word(&l, 0, LOOKUP_OK, 0); /* not asked yet */
    lookup_on_word(&l, LOOKUP_RESOLVERS_MOST, LOOKUP_OK, 0);
    expect_ask(0, 0);
    lookup_on_word(&l, 0, LOOKUP_SERVFAIL, 5);
    lookup_on_word(&l, 0, LOOKUP_OK, 6);
    expect_try(0, LOOKUP_SERVFAIL, 5);
    expect_ask(1, 6);
    lookup_on_word(&l, 1, LOOKUP_OK, 7);

    expect_end(LOOKUP_BELIEVE, 1, 7);
    lookup_on_time(&l, 9000);
    expect_nothing(9000);
}

static void long_lists_are_cut(void **state)
{
    (void)state;
    lookup_init(&l, 100, 60000, 0);
    for (size_t i = 0; i < LOOKUP_RESOLVERS_MOST; i++) {
        expect_ask(i, 0);
        lookup_on_word(&l, i, LOOKUP_SERVFAIL, 0);
    }
    expect_end(LOOKUP_GIVE_UP, 0, 0);
}

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
    assert_int_equal(lookup_word_of(STATUS_NAME_LOOKUP_FAILED, STATUS_OK, &none), LOOKUP_FAILED);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        none.rcode = codes[i].rcode;
        assert_int_equal(lookup_word_of(STATUS_OK, STATUS_OK, &none), codes[i].word);
    }
}

static const char *const resolvers[] = {"127.0.0.1:5301", "system", "10.0.0.1", "10.0.0.2",
                                        "10.0.0.3"};

static void a_sentence_names_resolvers_and_remedy(void **state)
{
    (void)state;
    struct error why;
    lookup_init(&l, 2, 5000, 0);
    expect_ask(0, 0);
    lookup_on_word(&l, 0, LOOKUP_CONN_REFUSED, 1);
    expect_ask(1, 1);
    lookup_on_word(&l, 1, LOOKUP_SERVFAIL, 2);
    assert_int_equal(lookup_explain(&l, resolvers, "the SRV record x.test", &why),
                     STATUS_NAME_LOOKUP_FAILED);
    assert_int_equal(why.status, STATUS_NAME_LOOKUP_FAILED);
    assert_string_equal(why.text,
                        "the SRV record x.test could not be looked up: resolver 127.0.0.1:5301 "
                        "refused the connection, resolver system failed to find out (SERVFAIL); "
                        "name a resolver that works in dns.resolvers, or repair this one");
}

static void a_sentence_tells_who_denied_the_name(void **state)
{
    (void)state;
    struct error why;
    lookup_init(&l, 2, 5000, 0);
    expect_ask(0, 0);
    lookup_on_word(&l, 0, LOOKUP_SERVFAIL, 1);
    expect_ask(1, 1);
    lookup_on_word(&l, 1, LOOKUP_NXDOMAIN, 2);
    assert_int_equal(lookup_explain(&l, resolvers, "the SRV record x.test", &why),
                     STATUS_NAME_NOT_FOUND);
    assert_non_null(strstr(why.text, "resolver system says that the name does not exist"));
    assert_non_null(strstr(why.text, "check the host name in the connection string"));
    assert_null(strstr(why.text, "5301"));
    lookup_init(&l, 1, 5000, 0);
    expect_ask(0, 0);
    lookup_on_word(&l, 0, LOOKUP_NODATA, 2);
    assert_int_equal(lookup_explain(&l, resolvers, "x", &why), STATUS_NAME_NO_ANSWER);
}

static void a_sentence_counts_what_it_cannot_name(void **state)
{
    (void)state;
    struct error why;
    lookup_init(&l, 5, 5000, 0);
    for (size_t i = 0; i < 5; i++) {
        expect_ask(i, (msec)i * 1000);
        lookup_on_time(&l, (msec)i * 1000 + 1000);
    }
    assert_int_equal(lookup_explain(&l, resolvers, "x", &why), STATUS_NAME_LOOKUP_FAILED);
    assert_non_null(
        strstr(why.text, "resolver 10.0.0.1 did not answer in time, and 2 more failed"));
    assert_non_null(strstr(why.text, "check the network"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_that_knows_is_believed),
        cmocka_unit_test(a_failure_passes_the_question_on_at_once),
        cmocka_unit_test(what_does_not_exist_is_an_answer),
        cmocka_unit_test(the_next_is_asked_beside_a_silent_one),
        cmocka_unit_test(an_early_ones_failure_does_not_hurry_the_next),
        cmocka_unit_test(the_pause_is_half_a_second_at_least),
        cmocka_unit_test(it_gives_up_when_all_have_failed),
        cmocka_unit_test(it_gives_up_when_the_time_is_over),
        cmocka_unit_test(late_and_double_words_are_ignored),
        cmocka_unit_test(long_lists_are_cut),
        cmocka_unit_test(answers_become_words),
        cmocka_unit_test(a_sentence_names_resolvers_and_remedy),
        cmocka_unit_test(a_sentence_tells_who_denied_the_name),
        cmocka_unit_test(a_sentence_counts_what_it_cannot_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
