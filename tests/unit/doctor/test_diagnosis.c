/* Which finding stands first, and which are left out. */
#include <stdio.h>

#include "facts.h"

static void test_the_worst_goes_first_then_the_earliest(void **state)
{
    (void)state;
    struct diagnosis d = {0};
    diagnosis_add(&d, FINDING_LIM_01, SEVERITY_DEGRADED, CONFIDENCE_CERTAIN);
    diagnosis_add(&d, FINDING_URI_13, SEVERITY_INFO, CONFIDENCE_CERTAIN);
    diagnosis_add(&d, FINDING_DNS_10, SEVERITY_DEGRADED, CONFIDENCE_CERTAIN);
    diagnosis_settle(&d);
    assert_int_equal(d.items[0].id, FINDING_DNS_10);
    assert_int_equal(d.items[1].id, FINDING_LIM_01);
    assert_int_equal(d.items[2].id, FINDING_URI_13);
    diagnosis_clear(&d);
}

static void test_the_surer_of_two_goes_first(void **state)
{
    (void)state;
    struct diagnosis d = {0};
    diagnosis_add(&d, FINDING_TCP_01, SEVERITY_FATAL, CONFIDENCE_POSSIBLE);
    diagnosis_add(&d, FINDING_ACL_01, SEVERITY_FATAL, CONFIDENCE_LIKELY);
    diagnosis_settle(&d);
    assert_int_equal(d.items[0].id, FINDING_ACL_01);
    assert_int_equal(d.count, 2);
    diagnosis_clear(&d);
}

static void test_what_a_worse_one_explains_is_left_out(void **state)
{
    (void)state;
    struct diagnosis d = {0};
    diagnosis_add(&d, FINDING_TOPO_02, SEVERITY_FATAL, CONFIDENCE_CERTAIN);
    diagnosis_add(&d, FINDING_DNS_15, SEVERITY_FATAL, CONFIDENCE_LIKELY);
    diagnosis_add(&d, FINDING_TCP_04, SEVERITY_DEGRADED, CONFIDENCE_LIKELY);
    diagnosis_add(&d, FINDING_URI_12, SEVERITY_DEGRADED, CONFIDENCE_LIKELY);
    diagnosis_add(&d, FINDING_LIM_02, SEVERITY_DEGRADED, CONFIDENCE_LIKELY);
    diagnosis_add(&d, FINDING_LOC_05, SEVERITY_DEGRADED, CONFIDENCE_CERTAIN);
    diagnosis_settle(&d);
    assert_int_equal(d.count, 4); /* the string, the limits and this machine are no consequence */
    assert_int_equal(d.items[0].id, FINDING_DNS_15);
    assert_null(diagnosis_find(&d, FINDING_TOPO_02));
    assert_null(diagnosis_find(&d, FINDING_TCP_04));
    diagnosis_clear(&d);
}

static void test_degraded_findings_explain_nothing(void **state)
{
    (void)state;
    struct diagnosis d = {0};
    diagnosis_add(&d, FINDING_DNS_10, SEVERITY_DEGRADED, CONFIDENCE_CERTAIN);
    diagnosis_add(&d, FINDING_TCP_04, SEVERITY_DEGRADED, CONFIDENCE_CERTAIN);
    diagnosis_settle(&d);
    assert_int_equal(d.count, 2);
    diagnosis_clear(&d);
}

static void test_one_id_is_one_finding(void **state)
{
    (void)state;
    struct diagnosis d = {0};
    struct finding *f = diagnosis_add(&d, FINDING_TCP_02, SEVERITY_DEGRADED, CONFIDENCE_CERTAIN);
    finding_note(f, "host", "a");
    f = diagnosis_add(&d, FINDING_TCP_02, SEVERITY_FATAL, CONFIDENCE_POSSIBLE);
    finding_note(f, "host", "b");
    finding_note(f, "host", "a");
    finding_note(f, "host", "bb");
    assert_int_equal(d.count, 1);
    assert_int_equal(f->severity, SEVERITY_FATAL);
    assert_int_equal(f->confidence, CONFIDENCE_CERTAIN);
    assert_string_equal(f->evidence[0].value, "a, b, bb");
    diagnosis_clear(&d);
}

static void test_evidence_is_bounded(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i",
                                       "j", "k", "l", "m", "n", "o", "p", "q", "r"};
    struct diagnosis d = {0};
    struct finding *f = diagnosis_add(&d, FINDING_TCP_02, SEVERITY_FATAL, CONFIDENCE_LIKELY);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        finding_note(f, keys[i], "x");
    }
    assert_int_equal(f->evidence_count, EVIDENCE_MOST);
    diagnosis_clear(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_worst_goes_first_then_the_earliest),
        cmocka_unit_test(test_the_surer_of_two_goes_first),
        cmocka_unit_test(test_what_a_worse_one_explains_is_left_out),
        cmocka_unit_test(test_degraded_findings_explain_nothing),
        cmocka_unit_test(test_one_id_is_one_finding),
        cmocka_unit_test(test_evidence_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
