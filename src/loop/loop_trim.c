/* Memory of conns that have gone.
 *
 * The allocator keeps what lies freed between blocks still in use, so after ten thousand clients a
 * process would stay as large as it was with them. Handing it back costs a walk over the heap:
 * hence only when many have gone, when for a moment no more have gone, and once for all of them. */
#include "loop/loop_parts.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { GONE_LEAST = 256, PAUSE_MS = 200 };

static void put_off(struct loop *loop)
{
    loop->conn_trim = loop->conn_count;
    net_set_deadline(&loop->net, &loop->trim, net_now(&loop->net) + PAUSE_MS);
}

static void on_trim(struct deadline *d, msec now)
{
    struct loop *loop = container_of(d, struct loop, trim);
    (void)now;
    if (loop->conn_count < loop->conn_trim) {
        put_off(loop); /* they are still leaving: what the last ones free would stay */
        return;
    }
    loop->conn_peak = loop->conn_count;
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void loop_trim_init(struct loop *loop)
{
    deadline_init(&loop->trim, on_trim);
}

void loop_count_conn(struct loop *loop)
{
    loop->conn_count++;
    if (loop->conn_count > loop->conn_peak) {
        loop->conn_peak = loop->conn_count;
    }
}

void loop_uncount_conn(struct loop *loop)
{
    loop->conn_count--;
    if (loop->conn_peak - loop->conn_count >= GONE_LEAST && !deadline_is_set(&loop->trim)) {
        put_off(loop);
    }
}
