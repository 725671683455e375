/* Cursors: from which replies they are learnt, how those of one id are told apart, and when they
 * are forgotten. */
#include <string.h>

#include "proxy/cluster_parts.h"
#include "workers.h"

static struct sim_client *ask(struct sim_world *w, const char *json)
{
    struct sim_client *c = sim_client_open(w);
    sim_client_ask(c, "%s", json);
    sim_world_answer(w, c, 1000);
    return c;
}

/* A cursor opened through the proxy, and where it lives. */
struct opened {
    int64_t id;
    int64_t node;
};

static struct opened open_cursor(struct sim_world *w, const char *json)
{
    struct sim_client *c = ask(w, json);
    assert_int_equal(sim_client_code(c), 0);
    return (struct opened){sim_int(c->last, "cursor.id"), sim_int(c->last, "node")};
}

static void get_more(struct sim_world *w, struct sim_client *c, int64_t id)
{
    sim_client_ask(c, "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things'}",
                   (long long)id);
    sim_world_answer(w, c, 20000);
}

static size_t commands(const struct sim_world *w, int node)
{
    return w->cluster->nodes[node].commands;
}

/* --- what is remembered of cursors --- */

static size_t known(const struct sim_world *w)
{
    return affinity_cursors(w->proxy->cluster->affinity);
}

/* Whatever command a reply with a cursor answers: the node of the cursor alone is asked. */
static void test_any_reply_may_have_a_cursor(void **state)
{
    static const struct {
        const char *json;
        const char *collection;
    } rows[] = {
        {"{'find': 'things', 'more': 3}", "things"},
        {"{'aggregate': 'things', 'more': 3}", "things"},
        {"{'listCollections': 1, 'more': 3, 'ns': 'test.$cmd.listCollections'}",
         "$cmd.listCollections"},
        {"{'listIndexes': 'things', 'more': 3}", "things"},
        {"{'bulkWrite': 1, 'more': 3, 'ns': 'admin.$cmd.bulkWrite'}", "$cmd.bulkWrite"},
        {"{'somethingNew': 1, 'more': 3}", "things"},
        {"{'find': 'things', 'more': 3, 'bytes': 300000}", "things"}, /* streams */
    };
    struct sim_world *w = sim_world_new((struct sim_plan){.latency = 1});
    (void)state;
    sim_cluster_become_sharded(w->cluster);
    sim_world_run(w, 100);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct opened opened = open_cursor(w, rows[i].json);
        struct sim_client *other = sim_client_open(w);
        size_t before = commands(w, 0) + commands(w, 1) + commands(w, 2);
        for (int batch = 1; batch <= 3; batch++) {
            sim_client_ask(other, "{'getMore': {'$numberLong': '%lld'}, 'collection': '%s'}",
                           (long long)opened.id, rows[i].collection);
            sim_world_answer(w, other, 1000);
            assert_int_equal(sim_client_code(other), 0);
            assert_int_equal(sim_int(other->last, "node"), opened.node);
        }
        assert_int_equal(commands(w, 0) + commands(w, 1) + commands(w, 2) - before, 3);
        assert_int_equal(known(w), 0); /* it is exhausted */
    }
    sim_world_end(w);
}

static void test_when_a_cursor_is_forgotten(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    sim_world_run(w, 50);
    struct opened used = open_cursor(w, "{'find': 'things', 'more': 9}");
    open_cursor(w, "{'find': 'things', 'more': 9}"); /* never used */
    sim_world_run(w, MINUTES(20));
    struct sim_client *c = sim_client_open(w);
    get_more(w, c, used.id);
    assert_int_equal(known(w), 2);
    sim_world_run(w, MINUTES(20));
    assert_int_equal(known(w), 1);
    w->cluster->nodes[0].failing =
        (struct sim_failing){.command = "getMore", .times = 1, .code = 50};
    get_more(w, c, used.id);
    assert_int_equal(known(w), 1); /* it may live */
    w->cluster->nodes[0].failing =
        (struct sim_failing){.command = "getMore", .times = 1, .code = 43};
    get_more(w, c, used.id);
    assert_int_equal(known(w), 0);
    sim_world_end(w);
}

/* Found again after a restart: by its token it is known as a change stream, which a driver resumes
 * when the error says that it may. */
static void test_a_change_stream_is_known_by_its_token(void **state)
{
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    (void)state;
    sim_world_run(w, 50);
    for (int is_stream = 0; is_stream < 2; is_stream++) {
        int64_t id = sim_node_open_cursor(&w->cluster->nodes[0], 9);
        struct sim_client *c = sim_client_open(w);
        sim_client_ask(c, "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things'%s}",
                       (long long)id, is_stream ? ", 'tokened': 1" : "");
        sim_world_answer(w, c, 1000);
        assert_int_equal(sim_client_code(c), 0);
        w->cluster->nodes[0].failing =
            (struct sim_failing){.command = "getMore", .times = 1, .is_reset = true};
        get_more(w, c, id);
        assert_int_equal(sim_client_code(c), 6);
        assert_int_equal(sim_has(c->last, "errorLabels.0"), is_stream);
    }
    sim_world_end(w);
}

/* --- ids that collide --- */

#define LSID "'lsid': {'id': {'$binary': {'base64': '%s', 'subType': '04'}}}"

static void test_colliding_ids_are_told_apart(void **state)
{
    static const char *const lsids[] = {"AAECAwQFBgcICQoLDA0ODw==", "BAECAwQFBgcICQoLDA0ODw=="};
    struct sim_world *w = sim_world_new((struct sim_plan){0});
    int64_t ids[2];
    int64_t nodes[2];
    (void)state;
    w->cluster->cursors_collide = true;
    sim_world_run(w, 50);
    struct sim_client *c = sim_client_open(w);
    for (int i = 0; i < 2; i++) {
        sim_client_ask(c,
                       "{'find': 'things', 'more': 9, '$readPreference': {'mode': '%s'}, " LSID "}",
                       i == 0 ? "primary" : "secondary", lsids[i]);
        sim_world_answer(w, c, 1000);
        ids[i] = sim_int(c->last, "cursor.id");
        nodes[i] = sim_int(c->last, "node");
    }
    assert_int_equal(ids[0], ids[1]);
    assert_true(nodes[0] != nodes[1]);
    for (int i = 0; i < 16; i++) {
        int which = (i / 3) % 2; /* also several in a row */
        struct sim_client *other = sim_client_open(w);
        sim_client_ask(other,
                       "{'getMore': {'$numberLong': '%lld'}, 'collection': 'things', " LSID "}",
                       (long long)ids[which], lsids[which]);
        sim_world_answer(w, other, 1000);
        assert_int_equal(sim_client_code(other), 0);
        assert_int_equal(sim_int(other->last, "node"), nodes[which]);
    }
    sim_world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(test_any_reply_may_have_a_cursor),
        SIM_TEST(test_when_a_cursor_is_forgotten),
        SIM_TEST(test_a_change_stream_is_known_by_its_token),
        SIM_TEST(test_colliding_ids_are_told_apart),
    };
    return sim_world_main("cursors", tests, sizeof tests / sizeof *tests);
}
