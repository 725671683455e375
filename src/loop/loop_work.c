/* Work on libuv's thread pool, files replaced atomically, watches, and child processes. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/require.h"
#include "loop/lifeline.h"
#include "loop/loop_parts.h"

/* --- work --- */

struct work {
    uv_work_t request;
    void (*run)(void *job);
    void (*on_done)(void *job);
    void *job;
};

static void run_work(uv_work_t *request)
{
    struct work *w = container_of(request, struct work, request);
    w->run(w->job);
}

static void after_work(uv_work_t *request, int failed)
{
    struct work *w = container_of(request, struct work, request);
    void (*on_done)(void *job) = w->on_done;
    void *job = w->job;
    require(failed == 0); /* nobody cancels work */
    free(w);
    on_done(job);
}

void loop_work(struct net *net, void (*run)(void *job), void (*on_done)(void *job), void *job)
{
    struct work *w = xcalloc(1, sizeof *w);
    *w = (struct work){.run = run, .on_done = on_done, .job = job};
    require(uv_queue_work(&loop_of(net)->uv, &w->request, run_work, after_work) == 0);
}

/* --- store --- */

struct store {
    char *path;
    uint8_t *bytes;
    size_t size;
    enum status status;
    void (*on_done)(void *owner, enum status status);
    void *owner;
};

static bool write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
    return fsync(fd) == 0;
}

static void run_store(void *job)
{
    struct store *s = job;
    char *beside = xformat("%s.new", s->path);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool is_written = fd >= 0 && write_all(fd, s->bytes, s->size);
    if (fd >= 0) {
        close(fd);
    }
    bool is_done = is_written && rename(beside, s->path) == 0;
    if (!is_done && fd >= 0) {
        unlink(beside);
    }
    s->status = is_done ? STATUS_OK : STATUS_FILE_FAILED;
    free(beside);
}

static void after_store(void *job)
{
    struct store *s = job;
    s->on_done(s->owner, s->status);
    free(s->path);
    free(s->bytes);
    free(s);
}

void loop_store(struct net *net, const char *path, struct span bytes,
                void (*on_done)(void *owner, enum status status), void *owner)
{
    struct store *s = xcalloc(1, sizeof *s);
    s->path = xstrdup(path);
    s->bytes = xmalloc(bytes.size);
    memcpy(s->bytes, bytes.at, bytes.size);
    s->size = bytes.size;
    s->on_done = on_done;
    s->owner = owner;
    loop_work(net, run_store, after_store, s);
}

/* --- watches --- */

struct loop_watch {
    struct watch watch;
    union {
        uv_handle_t handle;
        uv_signal_t signal;
        uv_fs_event_t file;
        uv_poll_t poll;
    } uv;
    void (*on_event)(void *owner);
    void *owner;
};

static struct loop_watch *of_watch(void *handle)
{
    return container_of(handle, struct loop_watch, uv.handle);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct loop_watch *w = of_watch(handle);
    (void)number;
    w->on_event(w->owner);
}

static void on_file(uv_fs_event_t *handle, const char *name, int events, int failed)
{
    struct loop_watch *w = of_watch(handle);
    (void)name;
    (void)events;
    (void)failed;
    w->on_event(w->owner);
}

static void on_poll(uv_poll_t *handle, int failed, int events)
{
    struct loop_watch *w = of_watch(handle);
    (void)failed;
    (void)events;
    w->on_event(w->owner);
}

static void free_watch(uv_handle_t *handle)
{
    free(of_watch(handle));
}

static int start_watch(struct loop *loop, struct loop_watch *w, enum watch_kind kind, int number,
                       const char *path)
{
    int failed;
    switch (kind) {
    case WATCH_SIGNAL:
        uv_signal_init(&loop->uv, &w->uv.signal);
        return uv_signal_start(&w->uv.signal, on_signal, number);
    case WATCH_FILE:
        uv_fs_event_init(&loop->uv, &w->uv.file);
        return uv_fs_event_start(&w->uv.file, on_file, path, 0);
    case WATCH_READABLE:
        break;
    }
    failed = uv_poll_init(&loop->uv, &w->uv.poll, number);
    if (failed != 0) {
        /* libuv has not taken the handle: it must not be closed. */
        free(w);
        return 1;
    }
    return uv_poll_start(&w->uv.poll, UV_READABLE, on_poll);
}

struct watch *loop_watch(struct net *net, enum watch_kind kind, int number, const char *path,
                         void (*on_event)(void *owner), void *owner)
{
    struct loop_watch *w = xcalloc(1, sizeof *w);
    w->watch.net = net;
    w->on_event = on_event;
    w->owner = owner;
    int failed = start_watch(loop_of(net), w, kind, number, path);
    if (failed < 0) {
        uv_close(&w->uv.handle, free_watch);
    }
    return failed == 0 ? &w->watch : NULL;
}

void loop_watch_close(struct watch *watch)
{
    struct loop_watch *w = container_of(watch, struct loop_watch, watch);
    uv_close(&w->uv.handle, free_watch);
}

/* --- child processes --- */

struct child {
    uv_process_t process;
    uv_pipe_t input;
    uv_write_t write;
    struct lifeline lifeline;
    struct later later;
    struct deadline limit;
    struct net *net;
    uint8_t *bytes;
    enum status status;
    int exit_code;
    void (*on_done)(void *owner, enum status status, int exit_code);
    void *owner;
};

static void on_child_ended(struct lifeline *l)
{
    struct child *c = container_of(l, struct child, lifeline);
    c->on_done(c->owner, c->status, c->exit_code);
    free(c->bytes);
    free(c);
}

static void on_process_closed(uv_handle_t *handle)
{
    lifeline_drop(&container_of((uv_process_t *)handle, struct child, process)->lifeline);
}

static void on_input_closed(uv_handle_t *handle)
{
    lifeline_drop(&container_of((uv_pipe_t *)(void *)handle, struct child, input)->lifeline);
}

static void on_input_written(uv_write_t *request, int failed)
{
    struct child *c = container_of(request, struct child, write);
    (void)failed; /* a program that does not read its input is free to do so */
    if (!uv_is_closing((uv_handle_t *)&c->input)) {
        uv_close((uv_handle_t *)&c->input, on_input_closed);
    }
}

static void end_child(struct child *c)
{
    net_clear_deadline(c->net, &c->limit);
    lifeline_close(&c->lifeline);
    uv_close((uv_handle_t *)&c->process, on_process_closed);
    if (!uv_is_closing((uv_handle_t *)&c->input)) {
        uv_close((uv_handle_t *)&c->input, on_input_closed);
    }
}

static void on_exit_child(uv_process_t *process, int64_t exit_code, int signal_number)
{
    struct child *c = container_of(process, struct child, process);
    (void)signal_number;
    c->exit_code = (int)exit_code;
    end_child(c);
}

static void on_limit(struct deadline *d, msec now)
{
    struct child *c = container_of(d, struct child, limit);
    (void)now;
    c->status = STATUS_TIMED_OUT;
    uv_process_kill(&c->process, SIGKILL); /* on_exit_child follows */
}

static void on_not_started(struct later *l)
{
    end_child(container_of(l, struct child, later));
}

void loop_spawn(struct net *net, const struct spawn_request *request,
                void (*on_done)(void *owner, enum status status, int exit_code), void *owner)
{
    struct loop *loop = loop_of(net);
    struct child *c = xcalloc(1, sizeof *c);
    c->net = net;
    c->on_done = on_done;
    c->owner = owner;
    c->later.happen = on_not_started;
    c->bytes = xmalloc(request->input.size);
    memcpy(c->bytes, request->input.at, request->input.size);
    lifeline_init(&c->lifeline, on_child_ended);
    deadline_init(&c->limit, on_limit);
    uv_pipe_init(&loop->uv, &c->input, 0);
    lifeline_hold(&c->lifeline);
    lifeline_hold(
        &c->lifeline); /* the process: its handle is initialised by uv_spawn in any case */
    uv_stdio_container_t io[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&c->input},
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = 2}};
    uv_process_options_t options = {.file = request->argv[0],
                                    .args = (char **)(uintptr_t)request->argv,
                                    .exit_cb = on_exit_child,
                                    .stdio = io,
                                    .stdio_count = 3};
    if (uv_spawn(&loop->uv, &c->process, &options) != 0) {
        c->status = STATUS_FILE_FAILED;
        loop_put_off(loop, &c->later);
        return;
    }
    net_set_deadline(net, &c->limit, msec_after(net_now(net), request->timeout_ms));
    uv_buf_t bytes = uv_buf_init((char *)c->bytes, (unsigned)request->input.size);
    uv_write(&c->write, (uv_stream_t *)&c->input, &bytes, 1, on_input_written);
}
