/* One turn of libuv: timers, prepare, poll, check, close callbacks.
 *
 * Writes are gathered: a conn that was sent something is marked, and written once when the turn's
 * events are over (check), or before the poll for what timers and close callbacks sent (prepare).
 * Events that must not come from inside a call are put off to the check of the next turn; an idle
 * handle then keeps the poll from waiting. */
#include "loop/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/require.h"
#include "loop/loop_parts.h"

/* How long loop_free waits for work on the thread pool and close callbacks. */
enum { END_MS = 5000 };

static msec loop_now(struct net *net)
{
    return (msec)uv_now(&loop_of(net)->uv);
}

static int64_t loop_wall(struct net *net)
{
    struct timespec time;
    (void)net;
    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void random_from_system(void *out, size_t size)
{
    uint8_t *at = out;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        require(got > 0 || errno == EINTR);
        if (got > 0) {
            at += got;
            size -= (size_t)got;
        }
    }
}

/* Each request asks for a few bytes: they come from a stock, since every call of the system costs.
 * What was given out is wiped. */
static void loop_random(struct net *net, void *out, size_t size)
{
    struct loop *loop = loop_of(net);
    if (size > sizeof loop->randoms) {
        random_from_system(out, size);
        return;
    }
    if (size > loop->randoms_left) {
        random_from_system(loop->randoms, sizeof loop->randoms);
        loop->randoms_left = sizeof loop->randoms;
    }
    loop->randoms_left -= size;
    memcpy(out, loop->randoms + loop->randoms_left, size);
    explicit_bzero(loop->randoms + loop->randoms_left, size);
}

static void on_timer(uv_timer_t *timer)
{
    struct loop *loop = container_of(timer, struct loop, timer);
    loop->armed_at = MSEC_NEVER;
    net_run_deadlines(&loop->net);
}

static void on_due(struct later *l)
{
    net_run_deadlines(&container_of(l, struct loop, due)->net);
}

/* Armed only when the time is earlier than what is armed: ringing for nothing costs less than
 * arming anew for every message. What is due already waits for the next turn without the timer,
 * since libuv would ring a timer of 0 again and again within one turn. */
static void loop_wake_at(struct net *net, msec at)
{
    struct loop *loop = loop_of(net);
    msec now = (msec)uv_now(&loop->uv);
    if (at <= now) {
        if (list_is_empty(&loop->due.link)) {
            loop_put_off(loop, &loop->due);
        }
    } else if (at < loop->armed_at) {
        loop->armed_at = at;
        uv_timer_start(&loop->timer, on_timer, (uint64_t)(at - now), 0);
    }
}

static const struct net_ops operations = {
    .now = loop_now,
    .wall = loop_wall,
    .random = loop_random,
    .wake_at = loop_wake_at,
    .listen = loop_listen,
    .listener_address = loop_listener_address,
    .listener_close = loop_listener_close,
    .dial = loop_conn_dial,
    .send = loop_conn_send,
    .send_buf = loop_conn_send_buf,
    .queued = loop_conn_queued,
    .local_address = loop_conn_local_address,
    .peer_process = loop_conn_peer_process,
    .pause = loop_conn_pause,
    .resume = loop_conn_resume,
    .close = loop_conn_close,
    .datagram = loop_datagram,
    .datagram_close = loop_datagram_close,
    .work = loop_work,
    .store = loop_store,
    .watch = loop_watch,
    .watch_close = loop_watch_close,
    .spawn = loop_spawn,
};

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* its being active keeps the poll from waiting */
}

/* The poll waits only when nothing is left for the next turn. */
static void set_waiting(struct loop *loop)
{
    if (list_is_empty(&loop->later) && list_is_empty(&loop->dirty)) {
        uv_idle_stop(&loop->idle);
    } else {
        uv_idle_start(&loop->idle, on_idle);
    }
}

void loop_put_off(struct loop *loop, struct later *l)
{
    list_push_back(&loop->later, &l->link);
    set_waiting(loop);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct loop *loop = container_of(prepare, struct loop, prepare);
    loop_conn_flush_all(loop);
    set_waiting(loop);
}

static void on_check(uv_check_t *check)
{
    struct loop *loop = container_of(check, struct loop, check);
    struct list due;
    list_init(&due);
    list_move_all(&due, &loop->later);
    while (!list_is_empty(&due)) {
        struct later *l = container_of(list_first(&due), struct later, link);
        list_remove(&l->link);
        l->happen(l);
    }
    loop_conn_flush_all(loop);
    set_waiting(loop);
}

struct loop *loop_new(byte_count buffer_bytes, struct error *why)
{
    struct loop *loop = xcalloc(1, sizeof *loop);
    int failed = uv_loop_init(&loop->uv);
    if (failed != 0) {
        error_set(why, STATUS_IO_FAILED, "the event loop cannot be made: %s", uv_strerror(failed));
        free(loop);
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN); /* a write to a peer that is gone is an outcome, not the end */
    net_init(&loop->net, &operations, buffer_bytes);
    list_init(&loop->dirty);
    list_init(&loop->later);
    later_init(&loop->due, on_due);
    loop_trim_init(loop);
    loop->armed_at = MSEC_NEVER;
    uv_timer_init(&loop->uv, &loop->timer);
    uv_prepare_init(&loop->uv, &loop->prepare);
    uv_check_init(&loop->uv, &loop->check);
    uv_idle_init(&loop->uv, &loop->idle);
    uv_prepare_start(&loop->prepare, on_prepare);
    uv_check_start(&loop->check, on_check);
    uv_unref((uv_handle_t *)&loop->prepare);
    uv_unref((uv_handle_t *)&loop->check);
    return loop;
}

struct net *loop_net(struct loop *loop)
{
    return &loop->net;
}

void loop_run(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

static void on_end_limit(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

/* What others left open is left to show in the result. */
static void run_to_end(struct loop *loop)
{
    uv_timer_start(&loop->timer, on_end_limit, END_MS, 0);
    uv_unref((uv_handle_t *)&loop->timer);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

int loop_free(struct loop *loop)
{
    run_to_end(loop);
    net_clear_deadline(&loop->net, &loop->trim);
    uv_close((uv_handle_t *)&loop->timer, NULL);
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
    uv_close((uv_handle_t *)&loop->idle, NULL);
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    int result = uv_loop_close(&loop->uv);
    if (result == 0) {
        net_clear(&loop->net);
        free(loop);
    }
    return result;
}

enum status loop_status(int uv_error)
{
    switch (uv_error) {
    case 0:
        return STATUS_OK;
    case UV_EOF:
        return STATUS_PEER_CLOSED;
    case UV_ECONNREFUSED:
    case UV_ENOENT:
        return STATUS_REFUSED;
    case UV_ECONNRESET:
    case UV_EPIPE:
    case UV_ECONNABORTED:
        return STATUS_PEER_RESET;
    case UV_ETIMEDOUT:
        return STATUS_TIMED_OUT;
    case UV_ENETUNREACH:
    case UV_EHOSTUNREACH:
    case UV_ENETDOWN:
        return STATUS_UNREACHABLE;
    case UV_EADDRINUSE:
        return STATUS_ADDRESS_IN_USE;
    case UV_EADDRNOTAVAIL:
    case UV_EAFNOSUPPORT:
        return STATUS_ADDRESS_UNAVAILABLE;
    case UV_EACCES:
    case UV_EPERM:
        return STATUS_PERMISSION_DENIED;
    case UV_EMFILE:
    case UV_ENFILE:
        return STATUS_OUT_OF_DESCRIPTORS;
    default:
        return STATUS_IO_FAILED;
    }
}

const char *loop_libraries(char text[LOOP_LIBRARIES_SIZE])
{
    snprintf(text, LOOP_LIBRARIES_SIZE, "libuv %s", uv_version_string());
    return text;
}
