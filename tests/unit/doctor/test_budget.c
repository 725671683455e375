/* Connections of many replicas against the limits of Atlas' tiers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "doctor/budget.h"

enum { CONNECT_TIMEOUT_MS = 5000 };

/* As the settings are at first. */
static struct budget_plan plan_of(const char *tier, int64_t replicas, int64_t pool)
{
    return (struct budget_plan){
        .tier = budget_tier_find(tier),
        .replicas = replicas,
        .max_pool_size = pool,
        .monitors = 2,
        .min_pool_size = 1,
        .connects_per_second = 5,
        .connect_burst = 5,
    };
}

static void test_room(void **state)
{
    static const struct {
        const char *tier;
        int64_t replicas, pool, total;
        int64_t per_node, room;
        int64_t pool_most, replicas_most;
        bool is_over_room, is_over_hard;
    } rows[] = {
        /* 0.8 × (1500 - 10) = 1192 */
        {"M10", 1, 20, 0, 22, 1192, 1190, 54, false, false},
        {"M10", 40, 20, 0, 880, 1192, 27, 54, false, false},
        {"M10", 54, 20, 0, 1188, 1192, 20, 54, false, false},
        {"M10", 55, 20, 0, 1210, 1192, 19, 54, true, false},
        {"M10", 67, 20, 0, 1474, 1192, 15, 54, true, false},
        {"M10", 68, 20, 0, 1496, 1192, 15, 54, true, true},
        {"m10", 40, 100, 0, 4080, 1192, 27, 11, true, true},
        {"M10", 40, 100, 25, 1000, 1192, 27, 47, false, false}, /* the total is the limit */
        {"M10", 600, 20, 0, 13200, 1192, 0, 54, true, true},    /* no pool fits */
        {"M0", 17, 20, 0, 374, 392, 21, 17, false, false},
        {"M0", 18, 20, 0, 396, 392, 19, 17, true, false},
        {"Flex", 1, 500, 0, 502, 392, 390, 0, true, true},
        {"M20", 1, 1, 0, 3, 2392, 2390, 797, false, false},
        {"M30", 100, 20, 0, 2200, 2392, 21, 108, false, false},
        {"M40", 100, 20, 0, 2200, 4792, 45, 217, false, false},
        {"M50", 100, 100, 0, 10200, 12792, 125, 125, false, false},
        {"M80", 1000, 50, 0, 52000, 51192, 49, 984, true, false},
        {"M700", 1000, 100, 0, 102000, 102392, 100, 1003, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct budget_plan plan = plan_of(rows[i].tier, rows[i].replicas, rows[i].pool);
        plan.max_total_connections = rows[i].total;
        struct budget b = budget_of(&plan, CONNECT_TIMEOUT_MS);
        assert_int_equal(b.per_node, rows[i].per_node);
        assert_int_equal(b.room, rows[i].room);
        assert_int_equal(b.pool_most, rows[i].pool_most);
        assert_int_equal(b.replicas_most, rows[i].replicas_most);
        assert_int_equal(b.is_over_room, rows[i].is_over_room);
        assert_int_equal(b.is_over_hard, rows[i].is_over_hard);
    }
}

/* What is said to fit, fits, and one more does not. */
static void test_what_fits(void **state)
{
    (void)state;
    for (int64_t replicas = 1; replicas < 300; replicas += 7) {
        struct budget_plan plan = plan_of("M10", replicas, 100);
        plan.max_pool_size = budget_of(&plan, CONNECT_TIMEOUT_MS).pool_most;
        assert_false(budget_of(&plan, CONNECT_TIMEOUT_MS).is_over_room);
        plan.max_pool_size++;
        assert_true(budget_of(&plan, CONNECT_TIMEOUT_MS).is_over_room);
        plan.max_pool_size = 20;
        plan.replicas = budget_of(&plan, CONNECT_TIMEOUT_MS).replicas_most;
        assert_false(budget_of(&plan, CONNECT_TIMEOUT_MS).is_over_room);
        plan.replicas++;
        assert_true(budget_of(&plan, CONNECT_TIMEOUT_MS).is_over_room);
    }
}

static void test_rate(void **state)
{
    static const struct {
        const char *tier;
        int64_t replicas, per_second, least;
        int64_t rate, rate_most, start, start_seconds;
        bool is_over_rate, is_slow_start;
    } rows[] = {
        {"M10", 3, 5, 1, 15, 5, 9, 1, false, false},
        {"M10", 4, 5, 1, 20, 3, 12, 1, true, false},
        {"M20", 4, 3, 1, 12, 3, 12, 1, false, false},
        {"M10", 25, 0, 1, -1, 0, 75, 5, true, false},
        {"M10", 26, 1, 1, 26, 0, 78, 6, true, true},
        {"M10", 11, 1, 9, 11, 1, 77, 6, false, true},          /* the burst bounds the warm ones */
        {"M30", 400, 100, 1, 40000, 0, 1200, 0, false, false}, /* no rate is documented */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct budget_plan plan = plan_of(rows[i].tier, rows[i].replicas, 2);
        plan.connects_per_second = rows[i].per_second;
        plan.min_pool_size = rows[i].least;
        struct budget b = budget_of(&plan, CONNECT_TIMEOUT_MS);
        assert_int_equal(b.rate, rows[i].rate);
        assert_int_equal(b.rate_most, rows[i].rate_most);
        assert_int_equal(b.start, rows[i].start);
        assert_int_equal(b.start_seconds, rows[i].start_seconds);
        assert_int_equal(b.is_over_rate, rows[i].is_over_rate);
        assert_int_equal(b.is_slow_start, rows[i].is_slow_start);
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_null(budget_tier_find("M1"));
    assert_null(budget_tier_find(""));
    assert_string_equal(budget_tier_find("fLeX")->name, "Flex");
    assert_non_null(strstr(budget_tier_names(), "M10, M20"));
    assert_non_null(strstr(budget_tier_names(), ", M700"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_what_fits),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
