/* How often each of the servers in the latency window is taken, by what is in progress there:
 * of two at random the less busy one (server selection: operation counts). */
#include "core/topology/select.h"
#include "topology_world.h"

enum { SERVERS_MOST = 10, DRAWS = 2000 };

static size_t operations_of(void *owner, uint32_t id)
{
    return ((const size_t *)owner)[id - 1];
}

/* Mongoses "a", "b", …, equally near. */
static struct topology *mongoses(size_t count)
{
    struct topology *t = topology_of((struct topology_options){0}, "a:1,b:1,c:1,d:1,e:1,f:1,g:1,"
                                                                   "h:1,i:1,j:1");
    char name[2] = "a";
    for (size_t i = 0; i < count; i++, name[0]++) {
        says(t, name, "{'ok':1,'msg':'isdbgrid'}");
    }
    return t;
}

/* The share of the pairs that `i` wins: those with a busier one, and half of those with an equal
 * one. */
static double share_of(size_t i, const size_t *busy, size_t count)
{
    double won = 0;
    for (size_t other = 0; other < count; other++) {
        won += other == i ? 0 : busy[i] < busy[other] ? 1 : busy[i] == busy[other] ? 0.5 : 0;
    }
    return count == 1 ? 1 : won / ((double)count * (double)(count - 1) / 2);
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static void expect_shares(size_t *busy, size_t count)
{
    struct topology *t = mongoses(count);
    struct selection want = {.operations = operations_of, .owner = busy};
    size_t times[SERVERS_MOST] = {0};
    uint64_t seed = 1;
    for (int i = 0; i < DRAWS; i++) {
        uint32_t id;
        want.random = next_random(&seed);
        assert_int_equal(select_server(t, &want, &id, NULL), SELECT_FOUND);
        times[id - 1]++;
    }
    for (size_t i = 0; i < count; i++) {
        double off = (double)times[i] / DRAWS - share_of(i, busy, count);
        if (off > 0.05 || off < -0.05) {
            fail_msg("server %zu of %zu is taken %zu times of %d", i, count, times[i], DRAWS);
        }
    }
    topology_free(t);
}

static void who_is_equally_busy_is_taken_equally(void **state)
{
    (void)state;
    expect_shares((size_t[]){5, 5}, 2);
    expect_shares((size_t[]){0, 0, 0}, 3);
    expect_shares((size_t[]){7, 7, 7, 7, 7, 7, 7, 7, 7, 7}, 10);
}

static void who_is_less_busy_is_taken_more(void **state)
{
    (void)state;
    expect_shares((size_t[]){3, 4}, 2);             /* always the first */
    expect_shares((size_t[]){1, 2, 3}, 3);          /* the last one never */
    expect_shares((size_t[]){0, 5, 5}, 3);          /* two thirds */
    expect_shares((size_t[]){0, 0, 9}, 3);          /* half each */
    expect_shares((size_t[]){0, 2, 2, 2, 2, 2}, 6); /* one that was just restarted */
    expect_shares((size_t[]){9, 8, 7, 6, 5, 4, 3, 2, 1, 0}, 10);
    expect_shares((size_t[]){9}, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_equally_busy_is_taken_equally),
        cmocka_unit_test(who_is_less_busy_is_taken_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
