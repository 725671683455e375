/* What vanished clients leave behind: cursors are killed and transactions aborted once nobody can
 * go on with them, and never before. */
#include <string.h>

#include "proxy/cluster_parts.h"
#include "support/sim_world.h"

enum { GRACE = 2000 }; /* the default */

#define WRITE "{'insert': 'things', 'documents': [{}]}"

/* A connection of the application of that name; more of a hello in `fields`. */
static struct sim_client *join(struct sim_world *w, const char *name, const char *fields)
{
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "{'hello': 1%s, 'client': " SIM_CLIENT_DOCUMENT "}", fields, name);
    sim_world_answer(w, c, 1000);
    assert_int_equal(sim_client_code(c), 0);
    return c;
}

static void open_cursor(struct sim_client *c)
{
    sim_client_ask(c, "{'find': 'things', 'more': 2}");
    sim_world_answer(c->world, c, 1000);
    c->number = sim_int(c->last, "cursor.id");
    assert_int_not_equal(c->number, 0);
}

static void get_more(struct sim_client *c)
{
    sim_client_ask(c, "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things'}",
                   (long long)c->number);
    sim_world_answer(c->world, c, 1000);
}

static struct sim_txn txn_of(uint8_t who)
{
    struct sim_txn t = {.number = 1};
    memset(t.lsid, who, sizeof t.lsid);
    return t;
}

static void write_in(struct sim_client *c, struct sim_txn *t)
{
    sim_client_ask_in(c, t, WRITE);
    sim_world_answer(c->world, c, 1000);
    assert_int_equal(sim_client_code(c), 0);
}

static size_t killed(struct sim_world *w)
{
    size_t count = 0;
    for (size_t i = 0; i < w->cluster->count; i++) {
        count += w->cluster->nodes[i].own_kills;
    }
    return count;
}

static size_t aborted(struct sim_world *w)
{
    size_t count = 0;
    for (size_t i = 0; i < w->cluster->count; i++) {
        count += w->cluster->nodes[i].own_aborts;
    }
    return count;
}

static void assert_ended(struct sim_world *w, size_t kills, size_t aborts)
{
    assert_int_equal(killed(w), kills);
    assert_int_equal(aborted(w), aborts);
}

static void test_ended_when_the_last_connection_is_gone(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 1});
    struct sim_node *primary = &w->cluster->nodes[0];
    struct sim_txn t = txn_of(1);
    (void)state;
    struct sim_client *one = join(w, "shop", "");
    struct sim_client *two = join(w, "shop", "");
    open_cursor(one);
    write_in(one, &t);
    sim_client_leave(one, CLOSE_RESET);
    sim_world_run(w, 60000);
    assert_ended(w, 0, 0); /* the other connection may go on with them */
    sim_client_leave(two, CLOSE_RESET);
    sim_world_run(w, GRACE - 10);
    assert_ended(w, 0, 0);
    sim_world_run(w, 100);
    assert_ended(w, 1, 1);
    assert_true(list_is_empty(&primary->cursors));
    assert_true(list_is_empty(&primary->transactions));
    assert_int_equal(affinity_cursors(w->proxy->cluster->affinity), 0);
    assert_int_equal(affinity_transactions(w->proxy->cluster->affinity), 0);
    assert_int_equal(w->proxy->metrics.cursors_killed, 1);
    assert_int_equal(w->proxy->metrics.transactions_aborted, 1);
    sim_world_run(w, 120000);
    assert_ended(w, 1, 1); /* once */
    sim_world_works(w, 1000);
    sim_world_end(w);
}

static void test_others_are_left_alone(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    struct sim_txn mine = txn_of(1);
    struct sim_txn theirs = txn_of(2);
    (void)state;
    struct sim_client *gone = join(w, "shop", "");
    struct sim_client *other = join(w, "mail", "");
    open_cursor(gone);
    open_cursor(other);
    write_in(gone, &mine);
    write_in(other, &theirs);
    sim_client_leave(gone, CLOSE_RESET);
    sim_world_run(w, 10000);
    assert_ended(w, 1, 1);
    get_more(other);
    assert_int_equal(sim_client_code(other), 0);
    sim_client_ask_in(other, &theirs, "{'commitTransaction': 1}");
    sim_world_answer(w, other, 1000);
    assert_int_equal(sim_client_code(other), 0);
    sim_world_end(w);
}

static void test_who_comes_back_in_time_goes_on(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    struct sim_txn t = txn_of(1);
    (void)state;
    struct sim_client *one = join(w, "shop", "");
    open_cursor(one);
    write_in(one, &t);
    sim_client_leave(one, CLOSE_RESET);
    sim_world_run(w, GRACE - 100);
    struct sim_client *again = join(w, "shop", "");
    sim_world_run(w, 20000);
    assert_ended(w, 0, 0);
    again->number = one->number;
    get_more(again);
    assert_int_equal(sim_client_code(again), 0);
    write_in(again, &t);
    sim_world_end(w);
}

/* A transaction that was committed and a cursor that was read to its end are nobody's debt. */
static void test_what_has_ended_is_not_ended_again(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    struct sim_txn t = txn_of(1);
    struct sim_txn u = txn_of(2);
    (void)state;
    struct sim_client *c = join(w, "shop", "");
    open_cursor(c);
    get_more(c);
    get_more(c);
    assert_int_equal(sim_int(c->last, "cursor.id"), 0);
    write_in(c, &t);
    sim_client_ask_in(c, &t, "{'commitTransaction': 1}");
    sim_world_answer(w, c, 1000);
    write_in(c, &u);
    sim_client_ask_in(c, &u, "{'abortTransaction': 1}");
    sim_world_answer(w, c, 1000);
    sim_client_leave(c, CLOSE_RESET);
    sim_world_run(w, 20000);
    assert_ended(w, 0, 0);
    sim_world_end(w);
}

static void test_who_said_nothing_of_itself_is_in_doubt(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    struct sim_client *c = sim_client_open(w);
    open_cursor(c);
    sim_client_leave(c, CLOSE_RESET);
    sim_world_run(w, 60000);
    assert_ended(w, 0, 0);
    sim_world_end(w);
}

static void test_what_we_close_is_in_doubt(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--limits.clientIdleTimeoutMS=1000"});
    (void)state;
    struct sim_client *c = join(w, "shop", "");
    open_cursor(c);
    sim_world_run(w, 60000);
    assert_null(c->conn);
    assert_ended(w, 0, 0);
    sim_world_end(w);
}

static void test_off(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = "--limits.vanishedGraceMS=0"});
    (void)state;
    struct sim_client *c = join(w, "shop", "");
    open_cursor(c);
    sim_client_leave(c, CLOSE_RESET);
    sim_world_run(w, 60000);
    assert_ended(w, 0, 0);
    sim_world_end(w);
}

/* Their cursors and transactions live and die with the socket. */
static void test_load_balanced_at_once(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    struct sim_txn mine = txn_of(1);
    struct sim_txn theirs = txn_of(2);
    (void)state;
    struct sim_client *gone = join(w, "shop", ", 'loadBalanced': true");
    struct sim_client *other = join(w, "shop", ", 'loadBalanced': true");
    open_cursor(gone);
    open_cursor(other);
    write_in(gone, &mine);
    write_in(other, &theirs);
    sim_client_leave(gone, CLOSE_RESET);
    sim_world_run(w, 50);
    assert_ended(w, 1, 1);
    get_more(other);
    assert_int_equal(sim_client_code(other), 0);
    write_in(other, &theirs);
    sim_world_end(w);
}

/* The reply to a find comes after its client, and that client's grace, are gone. */
static void test_a_cursor_that_opens_too_late(void **state)
{
    static const char *const fields[] = {"", ", 'loadBalanced': true"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sim_world *w = sim_world_new((struct sim_plan){0});
        struct sim_client *c = join(w, "shop", fields[i]);
        sim_client_ask(c, "{'find': 'things', 'more': 2, 'delay': %d}", GRACE + 1000);
        sim_world_run(w, 100);
        sim_client_leave(c, CLOSE_RESET);
        sim_world_run(w, GRACE + 500);
        assert_ended(w, 0, 0);
        sim_world_run(w, GRACE + 500);
        assert_ended(w, 1, 0);
        assert_true(list_is_empty(&w->cluster->nodes[0].cursors));
        sim_world_end(w);
    }
}

static void test_the_lock_of_a_dead_transaction_is_freed(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.flags = "--pool.maxPoolSize=2"});
    struct sim_txn t = txn_of(1);
    (void)state;
    struct sim_client *gone = join(w, "shop", "");
    sim_client_ask_in(gone, &t, "{'insert': 'things', 'documents': [{}], 'lock': true}");
    sim_world_answer(w, gone, 1000);
    struct sim_client *waits = join(w, "mail", "");
    sim_client_ask(waits, "{'insert': 'things', 'documents': [{}], 'lock': true}");
    sim_client_leave(gone, CLOSE_RESET);
    sim_world_answer(w, waits, GRACE + 100);
    assert_int_equal(sim_client_code(waits), 0);
    sim_world_end(w);
}

/* Many things left: few requests at once, cursors of one namespace in one. */
static void test_few_at_once(void **state)
{
    enum { MANY = 30 };
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 5});
    (void)state;
    struct sim_client *c = join(w, "shop", "");
    for (uint8_t i = 0; i < MANY; i++) {
        struct sim_txn t = txn_of(i);
        open_cursor(c);
        write_in(c, &t);
    }
    sim_client_leave(c, CLOSE_RESET);
    size_t most = 0;
    for (int i = 0; i < GRACE + 2000; i++) {
        sim_world_run(w, 1);
        size_t lent = sim_world_pool(w, 0)->lent + sim_world_pool(w, 0)->waiting;
        most = lent > most ? lent : most;
    }
    assert_in_range(most, 1, 4);
    assert_ended(w, 1, MANY);
    assert_int_equal(w->proxy->metrics.cursors_killed, MANY);
    assert_int_equal(w->proxy->metrics.transactions_aborted, MANY);
    sim_world_end(w);
}

static void test_who_comes_back_in_the_middle_keeps_the_rest(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    struct sim_client *c = join(w, "shop", "");
    for (uint8_t i = 0; i < 20; i++) {
        struct sim_txn t = txn_of(i);
        write_in(c, &t);
    }
    sim_client_leave(c, CLOSE_RESET);
    w->cluster->nodes[0].delay = 500;
    sim_world_run(w, GRACE + 100); /* the first few are on their way */
    join(w, "shop", "");
    sim_world_run(w, 20000);
    assert_ended(w, 0, 4);
    sim_world_end(w);
}

/* Wherever they are. */
static void test_at_the_mongos_that_has_them(void **state)
{
    enum { MANY = 12 };
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 2});
    (void)state;
    sim_cluster_become_sharded(w->cluster);
    sim_world_works(w, 5000);
    sim_world_run(w, 1000);
    struct sim_client *c = join(w, "shop", "");
    for (uint8_t i = 0; i < MANY; i++) {
        struct sim_txn t = txn_of(i);
        open_cursor(c);
        write_in(c, &t);
    }
    sim_client_leave(c, CLOSE_RESET);
    sim_world_run(w, GRACE + 1000);
    for (size_t i = 0; i < w->cluster->count; i++) {
        assert_int_equal(w->cluster->nodes[i].own_kills, 1);
        assert_true(list_is_empty(&w->cluster->nodes[i].cursors));
        assert_true(list_is_empty(&w->cluster->nodes[i].transactions));
    }
    assert_int_equal(aborted(w), MANY);
    assert_int_equal(w->proxy->metrics.transactions_aborted, MANY);
    sim_world_end(w);
}

static void test_failures_are_passed_over(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    struct sim_txn t = txn_of(1);
    (void)state;
    struct sim_client *c = join(w, "shop", "");
    open_cursor(c);
    write_in(c, &t);
    sim_client_leave(c, CLOSE_RESET);
    sim_world_run(w, 1000);
    sim_cluster_step_down(w->cluster, 1, 100); /* its transactions are gone with it */
    sim_node_die(&w->cluster->nodes[0]);
    sim_world_run(w, 60000);
    assert_ended(w, 0, 0);
    assert_int_equal(w->proxy->metrics.transactions_aborted, 0);
    sim_world_works(w, 1000);
    sim_world_end(w);
}

static void test_a_server_that_does_not_answer(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    struct sim_client *c = join(w, "shop", "");
    open_cursor(c);
    sim_client_leave(c, CLOSE_RESET);
    w->cluster->nodes[0].delay = MINUTES(10);
    sim_world_run(w, GRACE + 6000); /* limits.drainReplyMS bounds the wait */
    assert_int_equal(sim_world_pool(w, 0)->lent, 0);
    assert_int_equal(w->proxy->metrics.cursors_killed, 0);
    sim_world_end(w);
}

/* The process ends while requests of ours are under way. */
static void test_shutdown_in_the_middle(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 20});
    (void)state;
    struct sim_client *c = join(w, "shop", "");
    for (uint8_t i = 0; i < 10; i++) {
        struct sim_txn t = txn_of(i);
        write_in(c, &t);
    }
    sim_client_leave(c, CLOSE_RESET);
    sim_world_run(w, GRACE + 10);
    assert_true(sim_world_pool(w, 0)->lent > 0);
    sim_world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_ended_when_the_last_connection_is_gone),
        SIM_TEST(test_others_are_left_alone),
        SIM_TEST(test_who_comes_back_in_time_goes_on),
        SIM_TEST(test_what_has_ended_is_not_ended_again),
        SIM_TEST(test_who_said_nothing_of_itself_is_in_doubt),
        SIM_TEST(test_what_we_close_is_in_doubt),
        SIM_TEST(test_off),
        SIM_TEST(test_load_balanced_at_once),
        SIM_TEST(test_a_cursor_that_opens_too_late),
        SIM_TEST(test_the_lock_of_a_dead_transaction_is_freed),
        SIM_TEST(test_few_at_once),
        SIM_TEST(test_who_comes_back_in_the_middle_keeps_the_rest),
        SIM_TEST(test_at_the_mongos_that_has_them),
        SIM_TEST(test_failures_are_passed_over),
        SIM_TEST(test_a_server_that_does_not_answer),
        SIM_TEST(test_shutdown_in_the_middle),
    };
    return sim_world_main("vanished", tests, sizeof tests / sizeof *tests);
}
