/* Whom to ask, when, and whom to believe. */
#include "lookup_story.h"

static const enum lookup_word failures[] = {
    LOOKUP_SERVFAIL,    LOOKUP_REFUSED,     LOOKUP_FAILED,     LOOKUP_CONN_REFUSED,
    LOOKUP_UNREACHABLE, LOOKUP_MALFORMED,   LOOKUP_TRUNCATED,  LOOKUP_CLOSED,
    LOOKUP_TLS_FAILED,  LOOKUP_CERTIFICATE, LOOKUP_HTTP_ERROR,
};

/* --- whom to ask, and when --- */

static void own_resolvers_are_all_asked(void **state)
{
    (void)state;
    begin("oooo", DNS_SRV);
    expect_ask(0, 0);
    expect_ask_only_at(1, LOOKUP_STAGGER_MS);
    expect_ask_only_at(2, 2 * LOOKUP_STAGGER_MS);
    says(1, LOOKUP_OK, 310);
    expect_believed(1, 310);
    expect_try(1, LOOKUP_OK, 160);
    expect_try(0, LOOKUP_WAITING, 0);
    expect_try(3, LOOKUP_NOT_ASKED, 0);
}

static void a_failure_makes_room_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        begin("ooopp", DNS_SRV);
        expect_ask(0, 0);
        says(0, failures[i], 10);
        expect_ask(1, 10);
        expect_nothing(10); /* one for one */
        says(1, failures[i], 20);
        expect_ask(2, 20);
        expect_nothing(20);
        says(2, failures[i], 30); /* all own ones: others are not waited for */
        expect_ask(3, 30);
        expect_nothing(30);
        says(3, failures[i], 40);
        expect_ask(4, 40);
        says(4, LOOKUP_OK, 50);
        expect_believed(4, 50);
        expect_try(0, failures[i], 10);
    }
}

/* Each failure counts, also when its successor was asked in the meantime. */
static void failures_of_several_make_room_for_several(void **state)
{
    (void)state;
    begin("oooo", DNS_SRV);
    expect_ask(0, 0);
    expect_ask(1, LOOKUP_STAGGER_MS);
    says(0, LOOKUP_SERVFAIL, 160);
    says(1, LOOKUP_SERVFAIL, 160);
    expect_ask(2, 160);
    expect_ask(3, 160);
    expect_nothing(160);
}

static void others_wait_for_their_time(void **state)
{
    (void)state;
    begin("oppth", DNS_SRV);
    expect_ask(0, 0);
    expect_ask_only_at(1, LOOKUP_PLAIN_MS);
    expect_ask_only_at(2, LOOKUP_PLAIN_MS + LOOKUP_SILENCE_MS);
    expect_ask_only_at(3, LOOKUP_TLS_MS);
    expect_ask_only_at(4, LOOKUP_HTTPS_MS);
    expect_nothing(LOOKUP_HTTPS_MS);
    assert_int_equal(lookup_deadline(&l), TIMEOUT_MS);
}

/* Each may hold sockets: of one kind no more than three are waited for. */
static void the_oldest_of_many_that_are_silent_is_left(void **state)
{
    struct lookup_action action;
    (void)state;
    begin("ppppp", DNS_SRV);
    expect_ask(0, 0);
    expect_ask(1, LOOKUP_SILENCE_MS);
    expect_ask(2, 2 * LOOKUP_SILENCE_MS);
    expect_nothing(3 * LOOKUP_SILENCE_MS - 1);
    assert_true(lookup_next_action(&l, 3 * LOOKUP_SILENCE_MS, &action));
    assert_int_equal(action.kind, LOOKUP_LEAVE);
    assert_int_equal(action.resolver, 0);
    expect_ask(3, 3 * LOOKUP_SILENCE_MS);
    expect_try(0, LOOKUP_TIMEOUT, 3 * LOOKUP_SILENCE_MS);
    says(1, LOOKUP_SERVFAIL, 1210);
    expect_ask(4, 1210); /* two are waited for */
    expect_nothing(1210);
    begin("ooooo", DNS_SRV); /* own ones are all waited for */
    for (size_t i = 0; i < 5; i++) {
        expect_ask(i, (msec)i * LOOKUP_STAGGER_MS);
    }
}

/* While one own resolver is silent, the failure of another begins nothing early. */
static void one_that_is_silent_is_waited_for(void **state)
{
    (void)state;
    begin("oop", DNS_SRV);
    expect_ask(0, 0);
    says(0, LOOKUP_REFUSED, 5);
    expect_ask(1, 5);
    expect_ask_only_at(2, LOOKUP_PLAIN_MS);
}

static void a_kind_begins_early_when_all_before_have_failed(void **state)
{
    (void)state;
    begin("opth", DNS_SRV);
    expect_ask(0, 0);
    says(0, LOOKUP_CONN_REFUSED, 1);
    expect_ask(1, 1);
    expect_nothing(1);
    says(1, LOOKUP_CONN_REFUSED, 2);
    expect_ask(2, 2);
    expect_nothing(2);
    says(2, LOOKUP_UNREACHABLE, 3);
    expect_ask(3, 3);
    says(3, LOOKUP_UNREACHABLE, 4);
    expect_end(LOOKUP_GIVE_UP, 0, 4);
}

/* Nobody own: no resolv.conf. */
static void others_are_asked_at_once_when_there_is_no_own_one(void **state)
{
    (void)state;
    begin("pt", DNS_SRV);
    expect_ask(0, 0);
    expect_ask_only_at(1, LOOKUP_TLS_MS);
    begin("t", DNS_SRV);
    expect_ask(0, 0);
    begin("", DNS_SRV);
    expect_end(LOOKUP_GIVE_UP, 0, 0);
}

/* --- whom to believe --- */

static void an_own_answer_wins_when_it_comes_a_little_late(void **state)
{
    (void)state;
    begin("op", DNS_SRV);
    expect_ask(0, 0);
    expect_ask(1, LOOKUP_PLAIN_MS);
    says(1, LOOKUP_OK, 820);
    expect_nothing(820);
    assert_int_equal(lookup_deadline(&l), 820 + LOOKUP_OWN_MS);
    says(0, LOOKUP_OK, 1019);
    expect_believed(0, 1019);
    assert_false(lookup_fell_back(&l));

    begin("op", DNS_SRV);
    expect_ask(0, 0);
    expect_ask(1, LOOKUP_PLAIN_MS);
    says(1, LOOKUP_OK, 820);
    expect_nothing(1019);
    lookup_on_time(&l, 1020);
    expect_believed(1, 1020);
    assert_true(lookup_fell_back(&l));
}

static void it_is_not_waited_for_when_it_has_failed(void **state)
{
    (void)state;
    begin("oopp", DNS_SRV); /* the last is never asked */
    expect_ask(0, 0);
    expect_ask(1, LOOKUP_STAGGER_MS);
    expect_ask(2, LOOKUP_PLAIN_MS);
    says(0, LOOKUP_SERVFAIL, 810);
    says(2, LOOKUP_OK, 820);
    expect_nothing(820); /* the second own one */
    says(1, LOOKUP_SERVFAIL, 830);
    expect_believed(2, 830);
}

/* Nobody else is asked meanwhile, and the first of them stays. */
static void one_answer_in_hand_is_enough(void **state)
{
    (void)state;
    begin("oppt", DNS_SRV);
    expect_ask(0, 0);
    expect_ask(1, LOOKUP_PLAIN_MS);
    expect_ask(2, LOOKUP_PLAIN_MS + LOOKUP_SILENCE_MS);
    says(2, LOOKUP_OK, 1390);
    says(1, LOOKUP_OK, 1395);
    expect_nothing(1589); /* the time of TLS has come */
    lookup_on_time(&l, 1590);
    expect_believed(2, 1590);
}

static void an_answer_in_hand_counts_at_the_deadline(void **state)
{
    (void)state;
    begin("op", DNS_SRV);
    expect_ask(0, 0);
    expect_ask(1, LOOKUP_PLAIN_MS);
    says(1, LOOKUP_OK, 4900);
    assert_int_equal(lookup_deadline(&l), TIMEOUT_MS);
    lookup_on_time(&l, TIMEOUT_MS);
    expect_believed(1, TIMEOUT_MS);
}

/* Who has just been silent is asked, and not waited for: the others begin at once. */
static void others_have_a_head_start_after_silence(void **state)
{
    (void)state;
    begin("opt", DNS_SRV);
    lookup_on_silent_before(&l);
    expect_ask(0, 0);
    expect_ask(1, 0);
    expect_ask_only_at(2, LOOKUP_TLS_MS - LOOKUP_PLAIN_MS);
    says(1, LOOKUP_OK, 710);
    expect_nothing(710);
    says(0, LOOKUP_OK, 720); /* it still wins */
    expect_believed(0, 720);
    assert_false(lookup_was_silent(&l));

    begin("oop", DNS_SRV);
    expect_ask(0, 0);
    expect_ask(1, LOOKUP_STAGGER_MS);
    expect_ask(2, LOOKUP_PLAIN_MS);
    says(2, LOOKUP_OK, 820);
    lookup_on_time(&l, 1020);
    expect_believed(2, 1020);
    assert_true(lookup_was_silent(&l));
    begin("oop", DNS_SRV);
    expect_ask(0, 0);
    expect_ask(1, LOOKUP_STAGGER_MS);
    says(0, LOOKUP_SERVFAIL, 200);
    assert_false(lookup_was_silent(&l));
    begin("p", DNS_SRV); /* nobody was there to be silent */
    expect_ask(0, 0);
    assert_false(lookup_was_silent(&l));
}

/* --- the end --- */

static void it_gives_up_when_all_have_failed(void **state)
{
    (void)state;
    begin("op", DNS_SRV);
    expect_ask(0, 0);
    says(0, LOOKUP_SERVFAIL, 1);
    expect_ask(1, 1);
    says(1, LOOKUP_CONN_REFUSED, 2);
    expect_end(LOOKUP_GIVE_UP, 0, 2);
    assert_false(lookup_fell_back(&l));
}

static void it_gives_up_when_the_time_is_over(void **state)
{
    (void)state;
    begin("oo", DNS_SRV);
    expect_ask(0, 0);
    expect_ask(1, LOOKUP_STAGGER_MS);
    says(1, LOOKUP_SERVFAIL, 2100);
    expect_nothing(4999); /* the first may still answer */
    lookup_on_time(&l, TIMEOUT_MS);
    expect_end(LOOKUP_GIVE_UP, 0, TIMEOUT_MS);
    expect_try(0, LOOKUP_TIMEOUT, TIMEOUT_MS);
    expect_try(1, LOOKUP_SERVFAIL, 1950);
}

/* What happens in the last millisecond may come before the time is told. */
static void nobody_is_asked_when_no_time_is_left(void **state)
{
    (void)state;
    struct lookup_action action;
    begin("oo", DNS_SRV);
    expect_ask(0, 0);
    says(0, LOOKUP_SERVFAIL, TIMEOUT_MS);
    assert_false(lookup_next_action(&l, TIMEOUT_MS, &action));
    assert_true(lookup_deadline(&l) <= TIMEOUT_MS);
    lookup_on_time(&l, TIMEOUT_MS);
    expect_end(LOOKUP_GIVE_UP, 0, TIMEOUT_MS);
}

static void a_late_answer_counts_until_then(void **state)
{
    (void)state;
    begin("op", DNS_SRV);
    expect_ask(0, 0);
    expect_ask(1, LOOKUP_PLAIN_MS);
    says(0, LOOKUP_OK, 4999);
    expect_believed(0, 4999);
}

static void what_was_not_asked_is_not_heard(void **state)
{
    (void)state;
    begin("oo", DNS_SRV);
    says(0, LOOKUP_OK, 0); /* not asked yet */
    says(LOOKUP_RESOLVERS_MOST, LOOKUP_OK, 0);
    expect_ask(0, 0);
    says(0, LOOKUP_SERVFAIL, 5);
    says(0, LOOKUP_OK, 6); /* it has said something */
    expect_try(0, LOOKUP_SERVFAIL, 5);
    expect_ask(1, 6);
    says(1, LOOKUP_OK, 7);
    says(0, LOOKUP_OK, 8);
    expect_believed(1, 7);
    lookup_on_time(&l, 9000);
    assert_true(lookup_deadline(&l) == MSEC_NEVER);
}

static void long_lists_are_cut(void **state)
{
    static struct resolver many[2 * LOOKUP_RESOLVERS_MOST];
    (void)state;
    lookup_init(&l, many, 2 * LOOKUP_RESOLVERS_MOST, DNS_SRV, 60000, 0);
    for (size_t i = 0; i < LOOKUP_RESOLVERS_MOST; i++) {
        expect_ask(i, 0);
        says(i, LOOKUP_SERVFAIL, 0);
    }
    expect_end(LOOKUP_GIVE_UP, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_resolvers_are_all_asked),
        cmocka_unit_test(a_failure_makes_room_at_once),
        cmocka_unit_test(failures_of_several_make_room_for_several),
        cmocka_unit_test(others_wait_for_their_time),
        cmocka_unit_test(the_oldest_of_many_that_are_silent_is_left),
        cmocka_unit_test(one_that_is_silent_is_waited_for),
        cmocka_unit_test(a_kind_begins_early_when_all_before_have_failed),
        cmocka_unit_test(others_are_asked_at_once_when_there_is_no_own_one),
        cmocka_unit_test(an_own_answer_wins_when_it_comes_a_little_late),
        cmocka_unit_test(it_is_not_waited_for_when_it_has_failed),
        cmocka_unit_test(one_answer_in_hand_is_enough),
        cmocka_unit_test(an_answer_in_hand_counts_at_the_deadline),
        cmocka_unit_test(others_have_a_head_start_after_silence),
        cmocka_unit_test(it_gives_up_when_all_have_failed),
        cmocka_unit_test(it_gives_up_when_the_time_is_over),
        cmocka_unit_test(nobody_is_asked_when_no_time_is_left),
        cmocka_unit_test(a_late_answer_counts_until_then),
        cmocka_unit_test(what_was_not_asked_is_not_heard),
        cmocka_unit_test(long_lists_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
