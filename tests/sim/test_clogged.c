/* Clients that send but do not read, and those that leave half a request behind whole ones. */
#include "workers.h"

enum { REQUESTS = 40 };

#define LARGE "{'find': 'things', 'bytes': 60000}"
#define TELL  "{'insert': 'things', 'documents': [{}], 'delay': %d}"

static struct sim_client *clogged_client(struct sim_world *w)
{
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, LARGE);
    sim_world_answer(w, c, 5000);
    conn_pause(c->conn);
    for (int i = 0; i < REQUESTS; i++) {
        sim_client_ask(c, LARGE);
    }
    return c;
}

/* Its replies are not gathered without end: its requests wait, and it is closed in time. */
static void test_unread_replies(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--limits.clientSendTimeoutMS=3000"});
    (void)state;
    clogged_client(w);
    sim_world_run(w, 2000);
    assert_true(w->proxy->metrics.replies < REQUESTS / 2);
    assert_int_equal(w->proxy->client_count, 1);
    assert_int_equal(sim_world_pool(w, 0)->lent, 0);
    sim_world_run(w, 4000);
    assert_int_equal(w->proxy->client_count, 0);
    sim_world_works(w, 2000);
    sim_world_end(w);
}

static void test_reads_on_in_time(void **state)
{
    struct sim_world *w =
        sim_world_new((struct sim_plan){.flags = "--limits.clientSendTimeoutMS=3000"});
    (void)state;
    struct sim_client *c = clogged_client(w);
    sim_world_run(w, 2000);
    conn_resume(c->conn);
    sim_world_answer(w, c, 5000);
    assert_int_equal(c->replies, REQUESTS + 1);
    assert_int_equal(c->errors, 0);
    sim_world_end(w);
}

/* What came in whole is delivered; the rest is forgotten, and the client with it. */
static void test_half_a_request_behind_writes(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    sim_world_works(w, 5000);
    struct sim_client *c = sim_client_open(w);
    sim_world_run(w, 10);
    int64_t first = sim_client_tell(c, TELL, 100);
    int64_t second = sim_client_tell(c, TELL, 0);
    sim_client_ask_in_part(c, 20, TELL, 0);
    sim_world_run(w, 20);
    sim_client_leave(c, CLOSE_FLUSH);
    sim_world_run(w, 2000);
    assert_int_equal((int)sim_cluster_executed(w->cluster, first), 1);
    assert_int_equal((int)sim_cluster_executed(w->cluster, second), 1);
    assert_int_equal(w->proxy->client_count, 0);
    sim_world_end(w);
}

/* A large request goes out as it comes in: who stops in the middle of it gives the backend back. */
static void test_stops_in_a_large_request(void **state)
{
    struct sim_world *w = sim_world_new(
        (struct sim_plan){.flags = "--limits.clientSendTimeoutMS=3000 --limits.holdBytes=1024"});
    (void)state;
    sim_world_works(w, 5000);
    struct sim_client *c = sim_client_open(w);
    sim_client_ask_in_part(c, 1900, "{'insert': 'things', 'documents': [{'text': '%02000d'}]}", 1);
    sim_world_run(w, 100);
    assert_int_equal(sim_world_pool(w, 0)->lent, 1);
    sim_world_run(w, 6000);
    assert_int_equal(sim_world_pool(w, 0)->lent, 0);
    assert_int_equal(w->proxy->client_count, 0);
    sim_world_works(w, 2000);
    sim_world_end(w);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SIM_TEST(test_unread_replies),
        SIM_TEST(test_reads_on_in_time),
        SIM_TEST(test_half_a_request_behind_writes),
        SIM_TEST(test_stops_in_a_large_request),
    };
    return sim_world_main("clogged", tests, sizeof tests / sizeof *tests);
}
