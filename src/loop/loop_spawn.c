/* Child programs: input by a pipe, a limit of time, one answer at the end.
 *
 * 1. uv_spawn, in a process group of its own. 2. The input is written and the pipe closed. 3. The
 * program ends, or the limit passes and the whole group is killed. 4. Both handles close, and
 * on_done comes. A program that cannot be started is told in a later turn. */
#include <signal.h>
#include <stdlib.h>

#include "base/require.h"
#include "loop/lifeline.h"
#include "loop/loop_parts.h"

/* As shells count a program that a signal ended. */
enum { SIGNALLED = 128 };

struct child {
    uv_process_t process;
    uv_pipe_t input;
    uv_write_t write;
    struct lifeline lifeline;
    struct later later;
    struct deadline limit;
    struct net *net;
    char *bytes;
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

static void on_program_closed(uv_handle_t *handle)
{
    struct child *c = container_of((uv_process_t *)(void *)handle, struct child, process);
    lifeline_drop(&c->lifeline);
}

static void on_input_closed(uv_handle_t *handle)
{
    struct child *c = container_of((uv_pipe_t *)(void *)handle, struct child, input);
    lifeline_drop(&c->lifeline);
}

static void close_input(struct child *c)
{
    if (!uv_is_closing((uv_handle_t *)&c->input)) {
        uv_close((uv_handle_t *)&c->input, on_input_closed);
    }
}

static void on_input_written(uv_write_t *request, int failed)
{
    (void)failed; /* a program that does not read its input is free to do so */
    close_input(container_of(request, struct child, write));
}

static void end_child(struct child *c)
{
    net_clear_deadline(c->net, &c->limit);
    lifeline_close(&c->lifeline);
    uv_close((uv_handle_t *)&c->process, on_program_closed);
    close_input(c);
}

static void on_exit_child(uv_process_t *process, int64_t exit_code, int signal_number)
{
    struct child *c = container_of(process, struct child, process);
    c->exit_code = signal_number != 0 ? SIGNALLED + signal_number : (int)exit_code;
    end_child(c);
}

static void on_limit(struct deadline *d, msec now)
{
    struct child *c = container_of(d, struct child, limit);
    (void)now;
    c->status = STATUS_TIMED_OUT;
    uv_kill(-c->process.pid, SIGKILL); /* on_exit_child follows */
}

static void on_not_started(struct later *l)
{
    end_child(container_of(l, struct child, later));
}

static struct child *child_new(struct net *net, const struct spawn_request *request)
{
    struct child *c = xcalloc(1, sizeof *c);
    c->net = net;
    c->bytes = xstrndup((const char *)request->input.at, request->input.size);
    later_init(&c->later, on_not_started);
    lifeline_init(&c->lifeline, on_child_ended);
    deadline_init(&c->limit, on_limit);
    return c;
}

void loop_spawn(struct net *net, const struct spawn_request *request,
                void (*on_done)(void *owner, enum status status, int exit_code), void *owner)
{
    struct loop *loop = loop_of(net);
    struct child *c = child_new(net, request);
    c->on_done = on_done;
    c->owner = owner;
    uv_pipe_init(&loop->uv, &c->input, 0);
    lifeline_hold(&c->lifeline); /* the pipe */
    lifeline_hold(&c->lifeline); /* the program: uv_spawn initialises its handle in any case */
    uv_stdio_container_t io[] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&c->input},
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
    };
    uv_process_options_t options = {.file = request->argv[0],
                                    .args = (char **)(uintptr_t)request->argv,
                                    .flags = UV_PROCESS_DETACHED,
                                    .exit_cb = on_exit_child,
                                    .stdio = io,
                                    .stdio_count = sizeof io / sizeof *io};
    if (uv_spawn(&loop->uv, &c->process, &options) != 0) {
        c->status = STATUS_FILE_FAILED;
        loop_put_off(loop, &c->later);
        return;
    }
    net_set_deadline(net, &c->limit, msec_after(net_now(net), request->timeout_ms));
    uv_buf_t bytes = uv_buf_init(c->bytes, (unsigned)request->input.size);
    require(uv_write(&c->write, (uv_stream_t *)&c->input, &bytes, 1, on_input_written) == 0);
}
