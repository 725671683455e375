/* Whom to believe that there is nothing. */
#include "lookup_story.h"

static const struct {
    uint16_t type;
    enum lookup_word word;
} denials[] = {{DNS_SRV, LOOKUP_NXDOMAIN},
               {DNS_AAAA, LOOKUP_NXDOMAIN},
               {DNS_A, LOOKUP_NXDOMAIN},
               {DNS_SRV, LOOKUP_NODATA}};

static void a_denial_is_doubted_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof denials / sizeof *denials; i++) {
        begin("oop", denials[i].type);
        expect_ask(0, 0);
        says(0, denials[i].word, 10);
        expect_ask(1, 10);
        says(1, LOOKUP_OK, 20);
        expect_believed(1, 20);
        assert_int_equal(lookup_denier(&l), 0);
        assert_false(lookup_fell_back(&l));
    }
}

static void two_that_are_independent_are_believed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof denials / sizeof *denials; i++) {
        begin("op", denials[i].type);
        expect_ask(0, 0);
        says(0, denials[i].word, 10);
        expect_ask(1, 10);
        says(1, denials[i].word, 20);
        expect_believed(denials[i].word == LOOKUP_NODATA, 20);
        assert_true(l.is_confirmed);
    }
    begin("op", DNS_AAAA); /* one knows that the name exists, and none has the record */
    expect_ask(0, 0);
    says(0, LOOKUP_NXDOMAIN, 10);
    expect_ask(1, 10);
    says(1, LOOKUP_NODATA, 20);
    expect_believed(1, 20);
    assert_true(l.is_confirmed);
    begin("oo", DNS_SRV); /* where there is no fallback, two own ones */
    expect_ask(0, 0);
    says(0, LOOKUP_NXDOMAIN, 10);
    expect_ask(1, 10);
    says(1, LOOKUP_NXDOMAIN, 20);
    expect_believed(0, 20);
    assert_true(l.is_confirmed);
}

/* Two own ones may have it from one upstream. */
static void two_own_ones_are_not_enough_where_others_can_be_asked(void **state)
{
    (void)state;
    begin("oop", DNS_SRV);
    expect_ask(0, 0);
    says(0, LOOKUP_NXDOMAIN, 10);
    expect_ask(1, 10);
    says(1, LOOKUP_NXDOMAIN, 20);
    expect_ask(2, 20);
    says(2, LOOKUP_OK, 40);
    expect_believed(2, 40);
    assert_int_equal(lookup_denier(&l), 0);
    assert_true(lookup_fell_back(&l));
}

static void one_address_is_one_witness(void **state)
{
    (void)state;
    begin("opp", DNS_SRV);
    list[1].address = list[0].address;
    expect_ask(0, 0);
    says(0, LOOKUP_NXDOMAIN, 10);
    expect_ask(1, 10);
    says(1, LOOKUP_NXDOMAIN, 20);
    expect_ask_only_at(2, 10 + LOOKUP_SILENCE_MS);
    says(2, LOOKUP_NXDOMAIN, 430);
    expect_believed(0, 430);
}

/* A device on the way can answer for all plain ones: who can prove himself is asked too. */
static void who_can_prove_himself_must_agree(void **state)
{
    (void)state;
    begin("opth", DNS_SRV);
    expect_ask(0, 0);
    says(0, LOOKUP_NXDOMAIN, 10);
    expect_ask(1, 10);
    expect_ask(2, 10);
    expect_ask(3, 10);
    says(1, LOOKUP_NXDOMAIN, 20);
    expect_nothing(20);
    says(3, LOOKUP_OK, 90);
    expect_believed(3, 90);

    begin("opt", DNS_SRV);
    expect_ask(0, 0);
    says(0, LOOKUP_NXDOMAIN, 10);
    expect_ask(1, 10);
    expect_ask(2, 10);
    says(2, LOOKUP_NXDOMAIN, 60);
    expect_believed(0, 60);
}

/* Where he cannot be reached the rest has to do: at once when that is known, else after a time. */
static void the_rest_has_to_do_where_he_cannot_be_reached(void **state)
{
    (void)state;
    begin("opt", DNS_SRV);
    expect_ask(0, 0);
    says(0, LOOKUP_NXDOMAIN, 10);
    expect_ask(1, 10);
    expect_ask(2, 10);
    says(1, LOOKUP_NXDOMAIN, 20);
    says(2, LOOKUP_UNREACHABLE, 30);
    expect_believed(0, 30);

    begin("opt", DNS_SRV);
    expect_ask(0, 0);
    says(0, LOOKUP_NXDOMAIN, 10);
    expect_ask(1, 10);
    expect_ask(2, 10);
    says(1, LOOKUP_NXDOMAIN, 20);
    expect_nothing(LOOKUP_PROOF_MS - 1);
    assert_int_equal(lookup_deadline(&l), LOOKUP_PROOF_MS);
    lookup_on_time(&l, LOOKUP_PROOF_MS);
    expect_believed(0, LOOKUP_PROOF_MS);
    assert_true(l.is_confirmed);
}

/* When the time for proof is over and nothing agrees, it goes on without turning in circles. */
static void time_for_proof_passes_once(void **state)
{
    (void)state;
    begin("opt", DNS_SRV);
    expect_ask(0, 0);
    says(0, LOOKUP_NXDOMAIN, 10);
    expect_ask(1, 10);
    expect_ask(2, 10);
    expect_nothing(LOOKUP_PROOF_MS);
    assert_int_equal(lookup_deadline(&l), TIMEOUT_MS);
    lookup_on_time(&l, TIMEOUT_MS);
    expect_believed(0, TIMEOUT_MS);
    assert_false(l.is_confirmed);
}

static void a_denial_is_believed_when_nobody_else_can_be_asked(void **state)
{
    (void)state;
    begin("o", DNS_SRV);
    expect_ask(0, 0);
    says(0, LOOKUP_NXDOMAIN, 10);
    expect_believed(0, 10);
    assert_false(l.is_confirmed);
    begin("op", DNS_SRV);
    expect_ask(0, 0);
    says(0, LOOKUP_NXDOMAIN, 10);
    expect_ask(1, 10);
    says(1, LOOKUP_UNREACHABLE, 11);
    expect_believed(0, 11);
    assert_false(l.is_confirmed);
}

static void a_denial_does_not_beat_an_answer(void **state)
{
    (void)state;
    begin("oopp", DNS_SRV);
    expect_ask(0, 0);
    expect_ask(1, LOOKUP_STAGGER_MS);
    expect_ask(2, LOOKUP_PLAIN_MS);
    says(2, LOOKUP_OK, 820);
    says(0, LOOKUP_NXDOMAIN, 830);
    expect_nothing(830);
    says(1, LOOKUP_NXDOMAIN, 840);
    expect_believed(2, 840);
}

/* The other question tells, in a moment, whether there is reason for doubt. */
static void some_denials_do_not_hurry(void **state)
{
    static const struct {
        uint16_t type;
        enum lookup_word word;
    } quiet[] = {{DNS_A, LOOKUP_NODATA},
                 {DNS_AAAA, LOOKUP_NODATA},
                 {DNS_TXT, LOOKUP_NODATA},
                 {DNS_TXT, LOOKUP_NXDOMAIN}};
    (void)state;
    for (size_t i = 0; i < sizeof quiet / sizeof *quiet; i++) {
        begin("op", quiet[i].type);
        expect_ask(0, 0);
        says(0, quiet[i].word, 10);
        expect_ask_only_at(1, LOOKUP_PLAIN_MS);
        says(1, LOOKUP_OK, 820);
        expect_believed(1, 820);
        begin("op", quiet[i].type);
        expect_ask(0, 0);
        says(0, quiet[i].word, 10);
        lookup_on_vouched(&l, 0, 12);
        expect_believed(0, 12);
        assert_true(l.is_confirmed);
    }
}

/* --- who knew the name's other records --- */

static void who_is_vouched_for_is_believed(void **state)
{
    (void)state;
    begin("oop", DNS_SRV);
    expect_ask(0, 0);
    lookup_on_vouched(&l, 0, 5);
    expect_nothing(5);
    says(0, LOOKUP_NXDOMAIN, 10);
    expect_believed(0, 10);
}

static void who_is_vouched_for_is_asked_next(void **state)
{
    (void)state;
    begin("oopt", DNS_TXT);
    expect_ask(0, 0);
    says(0, LOOKUP_NXDOMAIN, 10);
    lookup_on_vouched(&l, 3, 20);
    expect_ask(3, 20);
    expect_nothing(20);
    says(3, LOOKUP_NODATA, 40);
    expect_believed(3, 40);
}

static void who_is_vouched_for_may_fail(void **state)
{
    (void)state;
    begin("oo", DNS_TXT);
    expect_ask(0, 0);
    lookup_on_vouched(&l, 0, 5);
    says(0, LOOKUP_SERVFAIL, 10);
    expect_ask(1, 10);
    says(1, LOOKUP_OK, 20);
    expect_believed(1, 20);
    lookup_on_vouched(&l, 0, 21); /* too late to matter */
    lookup_on_vouched(&l, 9, 21);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_denial_is_doubted_at_once),
        cmocka_unit_test(two_that_are_independent_are_believed),
        cmocka_unit_test(two_own_ones_are_not_enough_where_others_can_be_asked),
        cmocka_unit_test(one_address_is_one_witness),
        cmocka_unit_test(who_can_prove_himself_must_agree),
        cmocka_unit_test(the_rest_has_to_do_where_he_cannot_be_reached),
        cmocka_unit_test(time_for_proof_passes_once),
        cmocka_unit_test(a_denial_is_believed_when_nobody_else_can_be_asked),
        cmocka_unit_test(a_denial_does_not_beat_an_answer),
        cmocka_unit_test(some_denials_do_not_hurry),
        cmocka_unit_test(who_is_vouched_for_is_believed),
        cmocka_unit_test(who_is_vouched_for_is_asked_next),
        cmocka_unit_test(who_is_vouched_for_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
