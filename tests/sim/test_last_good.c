/* Names that cannot be looked up at a start: what was known last serves, and how long, and what of
 * it does not. */
#include "core/dns/last_good.h"
#include "core/topology/topology.h"
#include "kept.h"
#include "proxy/cluster_parts.h"

#define NODE(n) "node" #n ".example.test"
#define ALL     NODE(0) " " NODE(1) " " NODE(2)

#define OURS "_mongodb._tcp.cluster0.example.test"

enum { DAY_MS = 86400000 };

/* A replica set that is known by its names, with a file on the disk that says so. */
static struct sim_world *known(const char *flags)
{
    kept_remove();
    struct sim_world *w = sim_world_new((struct sim_plan){
        .is_srv = true, .is_named = true, .flags = kept_flags(flags), .latency = 1});
    sim_world_works(w, 1000);
    return w;
}

/* The node with its name was asked: who is known by it now? */
static size_t members(const struct sim_world *w)
{
    const struct topology *t = w->proxy->cluster->topology;
    return t == NULL ? 0 : topology_count(t);
}

static void end(struct sim_world *w)
{
    sim_world_end(w);
    kept_remove();
}

static uint64_t stale_used(const struct sim_world *w)
{
    return w->proxy->metrics.events[EVENT_DNS_STALE_USED];
}

/* Somebody has written the file: of one host, so long ago. */
static void put_file(struct sim_world *w, const char *cluster, char *host, msec age)
{
    struct last_good l;
    struct last_good_clocks clocks = {.now = net_now(w->net), .wall = net_wall(w->net)};
    struct last_good_seeds seeds = {
        .when = clocks.now - age, .source = "x", .hosts = &host, .count = 1};
    struct address *at = &w->cluster->nodes[0].at;
    size_t size;
    last_good_init(&l, cluster);
    last_good_put_seeds(&l, &seeds);
    last_good_put_name(&l, NODE(0), at, 1, "x", seeds.when);
    auto_free char *text = last_good_write(&l, clocks, &size);
    kept_put(text, size);
    last_good_clear(&l);
}

/* --- at a start --- */

static void start_without_dns(unsigned ways, msec most)
{
    struct sim_world *w = known("");
    sim_dns_behave(w->sim, NULL, ways);
    kept_restart(w);
    msec began = net_now(w->net);
    sim_world_works(w, 10000);
    assert_in_range(net_now(w->net) - began, 0, most);
    assert_int_equal(members(w), 3);
    assert_in_range(stale_used(w), 2, 4); /* the seeds, and each host that was dialled, once */
    end(w);
}

/* However the resolvers fail; when they are silent, no longer than RFC 8767 says. */
static void test_a_start_without_dns(void **state)
{
    static const unsigned ways[] = {SIM_DNS_CLOSED,   SIM_DNS_SERVFAIL, SIM_DNS_SAYS_REFUSED,
                                    SIM_DNS_NXDOMAIN, SIM_DNS_NODATA,   SIM_DNS_GARBAGE};
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        start_without_dns(ways[i], 300);
    }
    start_without_dns(SIM_DNS_SILENT, 2300);
}

/* The live answer comes late, but comes: it replaces what the file said. */
static void test_the_live_answer_replaces_it(void **state)
{
    struct sim_world *w = known("");
    (void)state;
    for (int is_late = 0; is_late <= 1; is_late++) {
        sim_dns_behave(w->sim, NULL, SIM_DNS_SILENT);
        sim_world_stop(w);
        auto_free char *text = kept_text(w);
        kept_put(text, strlen(text));
        sim_world_put_srv(w, is_late ? NODE(2) : NODE(0) " " NODE(1), 60);
        sim_world_start(w);
        sim_world_run(w, 3000);
        assert_true(w->proxy->cluster->are_seeds_old);
        sim_dns_behave(w->sim, NULL, SIM_DNS_WELL);
        sim_world_run(w, 61000); /* one interval between two tries, at most */
        assert_false(w->proxy->cluster->are_seeds_old);
        assert_int_equal(members(w), 3); /* what the members say counts more than the record */
        sim_world_run(w, 61000);
        auto_free char *later = kept_text(w);
        assert_null(strstr(later, is_late ? "host " NODE(1) : "host " NODE(2)));
    }
    sim_world_works(w, 1000);
    end(w);
}

/* The machines of the file are gone: the ones that the live answer names are taken. */
static void test_machines_that_are_gone(void **state)
{
    struct sim_world *w = known("");
    (void)state;
    sim_world_stop(w);
    put_file(w, OURS, "old.example.test:27017", 0);
    sim_dns_behave(w->sim, NULL, SIM_DNS_SILENT);
    sim_world_start(w);
    sim_world_run(w, 4000);
    assert_int_equal(members(w), 1);
    sim_dns_behave(w->sim, NULL, SIM_DNS_WELL);
    sim_world_works(w, 15000);
    assert_int_equal(members(w), 3);
    end(w);
}

static void test_before_upstream_seeds(void **state)
{
    (void)state;
    for (int is_kept = 0; is_kept <= 1; is_kept++) {
        struct sim_world *w = known("--upstream.seeds=" NODE(2) ":27017");
        sim_world_stop(w);
        auto_free char *text = kept_text(w);
        kept_put(text, is_kept ? strlen(text) : 0);
        sim_dns_behave(w->sim, NULL, SIM_DNS_CLOSED);
        sim_world_start(w);
        sim_world_run(w, 100);
        assert_int_equal(members(w), is_kept ? 3 : 1);
        sim_dns_behave(w->sim, NULL, SIM_DNS_WELL);
        sim_world_works(w, 61000);
        assert_int_equal(members(w), 3);
        end(w);
    }
}

/* An answer that breaks a rule is told, not covered up. */
static void test_not_when_an_answer_is_wrong(void **state)
{
    struct sim_world *w = known("");
    (void)state;
    sim_world_put_srv(w, "node0.elsewhere.test", 60);
    kept_restart(w);
    sim_world_run(w, 5000);
    assert_int_equal(members(w), 0);
    assert_int_equal(stale_used(w), 0);
    end(w);
}

/* --- the file --- */

/* Whatever is wrong with it: as if there were none. */
static void test_a_file_that_is_no_good(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct sim_world *w = known("");
        sim_world_stop(w);
        auto_free char *text = kept_text(w);
        size_t size = strlen(text);
        text[size / 2] = (char)(text[size / 2] ^ (i == 0));
        text[sizeof "mooring names, version " - 1] = i == 1 ? '2' : '1';
        kept_put(text, i == 2 ? size / 2 : size);
        if (i == 3) {
            put_file(w, "_mongodb._tcp.cluster1.example.test", NODE(0) ":27017", 0);
        } else if (i == 4) {
            put_file(w, OURS, "node0.elsewhere.test:27017", 0);
        }
        sim_dns_behave(w->sim, NULL, SIM_DNS_CLOSED);
        sim_world_start(w);
        sim_world_run(w, 5000);
        assert_int_equal(members(w), 0);
        assert_non_null(strstr(cluster_why(w->proxy->cluster), "SRV"));
        sim_dns_behave(w->sim, NULL, SIM_DNS_WELL);
        sim_world_works(w, 16000);
        sim_world_stop(w);
        auto_free char *again = kept_text(w);
        assert_non_null(strstr(again, "host " NODE(1))); /* written anew */
        sim_world_start(w);
        end(w);
    }
}

/* dns.staleMaxMS, by the dates of the file; a clock that was set back or was never set makes it
 * young, as nobody can tell. */
static void test_how_old_it_may_be(void **state)
{
    static const struct {
        msec age;
        int64_t shift; /* of the wall's clock, after the file was written */
        bool is_used;
    } cases[] = {
        {29LL * DAY_MS, 0, true},        {30LL * DAY_MS + 1000, 0, false},
        {DAY_MS, 28LL * DAY_MS, true},   {DAY_MS, 29LL * DAY_MS + 1000, false},
        {DAY_MS, -300LL * DAY_MS, true}, {31LL * DAY_MS, -300LL * DAY_MS, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sim_world *w = known("");
        sim_world_stop(w);
        put_file(w, OURS, NODE(0) ":27017", cases[i].age);
        sim_shift_wall(w->sim, cases[i].shift);
        sim_dns_behave(w->sim, NULL, SIM_DNS_CLOSED);
        sim_world_start(w);
        sim_world_run(w, 500);
        assert_int_equal(members(w) > 0, cases[i].is_used);
        end(w);
    }
}

/* The wall's clock may jump while it runs, and nothing ages but what does. */
static void test_a_jump_of_the_clock(void **state)
{
    struct sim_world *w = known("");
    (void)state;
    sim_shift_wall(w->sim, 1000LL * DAY_MS);
    sim_dns_behave(w->sim, NULL, SIM_DNS_CLOSED);
    sim_world_run(w, MINUTES(60));
    sim_world_works(w, 100);
    kept_restart(w); /* the file is of the clock's time now */
    sim_world_works(w, 1000);
    end(w);
}

static void test_never_used(void **state)
{
    struct sim_world *w = known("--dns.staleMaxMS=0");
    (void)state;
    sim_dns_behave(w->sim, NULL, SIM_DNS_CLOSED);
    kept_restart(w);
    sim_world_run(w, 5000);
    assert_int_equal(members(w), 0);
    end(w);
}

/* It is written at most once a minute, whatever changes, and at the end as it is by then. */
static void test_when_it_is_written(void **state)
{
    struct sim_world *w = known("--dns.staleMaxMS=864000000");
    (void)state;
    sim_world_run(w, 1000);
    auto_free char *first = kept_text(w);
    assert_non_null(strstr(first, "host " NODE(2)));
    sim_world_run(w, MINUTES(2)); /* all of it is known by now */
    auto_free char *second = kept_text(w);
    sim_world_run(w, MINUTES(50));
    auto_free char *third = kept_text(w);
    assert_string_equal(second, third); /* nothing new but dates */
    sim_world_run(w, MINUTES(20));
    auto_free char *fourth = kept_text(w);
    assert_string_not_equal(third, fourth);
    sim_world_run(w, MINUTES(3));
    sim_world_stop(w);
    auto_free char *last = kept_text(w);
    assert_string_not_equal(fourth, last);
    sim_world_start(w);
    end(w);
}

/* A disk that is full costs the file and nothing else, not even the end of the process; when there
 * is room again it is written. */
static void test_a_full_disk(void **state)
{
    struct sim_world *w;
    struct span bytes;
    (void)state;
    for (int is_cured = 0; is_cured <= 1; is_cured++) {
        kept_remove();
        w = sim_world_new((struct sim_plan){
            .is_srv = true, .is_named = true, .flags = kept_flags(""), .latency = 1});
        sim_fail_stores(w->sim, kept_path());
        sim_world_works(w, 1000);
        sim_world_run(w, MINUTES(10));
        assert_false(sim_file(w->sim, kept_path(), &bytes));
        if (is_cured) {
            sim_fail_stores(w->sim, NULL);
            sim_world_run(w, MINUTES(61));
            assert_true(sim_file(w->sim, kept_path(), &bytes));
        }
        sim_dns_behave(w->sim, NULL, SIM_DNS_CLOSED);
        sim_world_run(w, MINUTES(60));
        sim_node_reset(&w->cluster->nodes[0]);
        sim_world_works(w, 3000);
        sim_world_stop(w);
        sim_world_start(w);
        sim_world_run(w, 500);
        assert_int_equal(members(w), 0); /* nothing is on the disk of this test */
        end(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_a_start_without_dns),
        SIM_TEST(test_the_live_answer_replaces_it),
        SIM_TEST(test_machines_that_are_gone),
        SIM_TEST(test_before_upstream_seeds),
        SIM_TEST(test_not_when_an_answer_is_wrong),
        SIM_TEST(test_a_file_that_is_no_good),
        SIM_TEST(test_how_old_it_may_be),
        SIM_TEST(test_a_jump_of_the_clock),
        SIM_TEST(test_never_used),
        SIM_TEST(test_when_it_is_written),
        SIM_TEST(test_a_full_disk),
    };
    return sim_world_main("last good", tests, sizeof tests / sizeof *tests);
}
