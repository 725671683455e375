/* Work, files, watches and programs of the simulated world. */
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "support/sim_parts.h"

enum { WORK_MS = 5, SLOW_MS = 30000 };

/* Something under way that ends by calling somebody. */
struct run {
    struct list link;
    struct sim_event event;
    struct sim *sim;
    void (*run)(void *job);
    void (*on_worked)(void *job);
    void (*on_stored)(void *owner, enum status status);
    void (*on_ended)(void *owner, enum status status, int exit_code);
    void *owner;
    char *path; /* of a store */
    uint8_t *bytes;
    size_t size;
    enum status status;
    int exit_code;
};

struct file {
    struct list link;
    char *path;
    uint8_t *bytes;
    size_t size;
};

struct sim_watched {
    struct watch watch;
    struct list link;
    struct sim_event event;
    enum watch_kind kind;
    int number;
    char *path;
    void (*on_event)(void *owner);
    void *owner;
};

static struct run *run_new(struct sim *sim, void (*happen)(struct sim_event *e), void *owner,
                           msec takes)
{
    struct run *r = xcalloc(1, sizeof *r);
    r->sim = sim;
    r->owner = owner;
    sim_event_init(&r->event, happen);
    list_push_back(&sim->runs, &r->link);
    sim_schedule(sim, &r->event, sim->now + takes);
    return r;
}

static void run_free(struct run *r)
{
    free(r->path);
    free(r->bytes);
    free(r);
}

/* --- work --- */

static msec work_time(struct sim *sim)
{
    bool is_slow = sim_goes_wrong(sim, FAULT_WORK_SLOW, NULL);
    return is_slow ? SLOW_MS : (msec)(1 + sim_pick(sim, WORK_MS));
}

static void on_worked(struct sim_event *e)
{
    struct run *r = container_of(e, struct run, event);
    list_remove(&r->link);
    r->run(r->owner);
    r->on_worked(r->owner);
    run_free(r);
}

void sim_work(struct net *net, void (*run)(void *job), void (*on_done)(void *job), void *job)
{
    struct run *r = run_new(sim_of(net), on_worked, job, work_time(sim_of(net)));
    r->run = run;
    r->on_worked = on_done;
}

/* --- files --- */

static struct file *find_file(struct sim *sim, const char *path)
{
    list_for_each (link, &sim->files) {
        struct file *f = container_of(link, struct file, link);
        if (strcmp(f->path, path) == 0) {
            return f;
        }
    }
    return NULL;
}

bool sim_file(struct sim *sim, const char *path, struct span *out)
{
    const struct file *f = find_file(sim, path);
    if (f != NULL) {
        *out = span_of(f->bytes, f->size);
    }
    return f != NULL;
}

static void ring(struct sim *sim, enum watch_kind kind, int number, const char *path)
{
    list_for_each (link, &sim->watches) {
        struct sim_watched *w = container_of(link, struct sim_watched, link);
        bool is_it = w->kind == kind &&
                     (kind == WATCH_FILE ? strcmp(w->path, path) == 0 : w->number == number);
        if (is_it) {
            sim_schedule(sim, &w->event, sim->now);
        }
    }
}

void sim_put_file(struct sim *sim, const char *path, struct span bytes)
{
    struct file *f = find_file(sim, path);
    if (f == NULL) {
        f = xcalloc(1, sizeof *f);
        f->path = xstrdup(path);
        list_push_back(&sim->files, &f->link);
    }
    free(f->bytes);
    f->bytes = (uint8_t *)xstrndup((const char *)bytes.at, bytes.size);
    f->size = bytes.size;
    ring(sim, WATCH_FILE, 0, path);
}

void sim_fail_stores(struct sim *sim, const char *prefix)
{
    sim->failing_stores = prefix;
}

static void on_stored(struct sim_event *e)
{
    struct run *r = container_of(e, struct run, event);
    const char *failing = r->sim->failing_stores;
    bool is_failing = failing != NULL && strncmp(r->path, failing, strlen(failing)) == 0;
    list_remove(&r->link);
    if (!is_failing) {
        sim_put_file(r->sim, r->path, span_of(r->bytes, r->size));
    }
    r->on_stored(r->owner, is_failing ? STATUS_FILE_FAILED : STATUS_OK);
    run_free(r);
}

void sim_store(struct net *net, const char *path, struct span bytes,
               void (*on_done)(void *owner, enum status status), void *owner)
{
    struct run *r = run_new(sim_of(net), on_stored, owner, work_time(sim_of(net)));
    r->path = xstrdup(path);
    r->bytes = (uint8_t *)xstrndup((const char *)bytes.at, bytes.size);
    r->size = bytes.size;
    r->on_stored = on_done;
}

/* --- watches --- */

static void on_rung(struct sim_event *e)
{
    struct sim_watched *w = container_of(e, struct sim_watched, event);
    w->on_event(w->owner);
}

struct watch *sim_watch(struct net *net, enum watch_kind kind, int number, const char *path,
                        void (*on_event)(void *owner), void *owner)
{
    struct sim_watched *w = xcalloc(1, sizeof *w);
    w->watch.net = net;
    w->kind = kind;
    w->number = number;
    w->path = path == NULL ? NULL : xstrdup(path);
    w->on_event = on_event;
    w->owner = owner;
    sim_event_init(&w->event, on_rung);
    list_push_back(&sim_of(net)->watches, &w->link);
    return &w->watch;
}

void sim_watch_close(struct watch *watch)
{
    struct sim_watched *w = container_of(watch, struct sim_watched, watch);
    sim_cancel(&w->event);
    list_remove(&w->link);
    free(w->path);
    free(w);
}

void sim_raise(struct sim *sim, int signal_number)
{
    ring(sim, WATCH_SIGNAL, signal_number, NULL);
}

void sim_make_readable(struct sim *sim, int descriptor)
{
    ring(sim, WATCH_READABLE, descriptor, NULL);
}

/* --- programs --- */

void sim_set_program(struct sim *sim, enum status status, int exit_code, msec duration)
{
    sim->program.status = status;
    sim->program.exit_code = exit_code;
    sim->program.duration = duration;
}

bool sim_last_program(struct sim *sim, const char **program, struct span *input)
{
    if (sim->program.last == NULL) {
        return false;
    }
    *program = sim->program.last;
    *input = span_of(sim->program.input, sim->program.input_size);
    return true;
}

static void on_program_ended(struct sim_event *e)
{
    struct run *r = container_of(e, struct run, event);
    list_remove(&r->link);
    r->on_ended(r->owner, r->status, r->exit_code);
    run_free(r);
}

void sim_spawn(struct net *net, const struct spawn_request *request,
               void (*on_done)(void *owner, enum status status, int exit_code), void *owner)
{
    struct sim *sim = sim_of(net);
    struct sim_program *p = &sim->program;
    bool is_killed =
        request->timeout_ms > 0 && p->duration > request->timeout_ms && p->status == STATUS_OK;
    msec takes = is_killed ? request->timeout_ms : p->status == STATUS_OK ? p->duration : 0;
    free(p->last);
    free(p->input);
    p->last = xstrdup(request->argv[0]);
    p->input = (uint8_t *)xstrndup((const char *)request->input.at, request->input.size);
    p->input_size = request->input.size;
    struct run *r = run_new(sim, on_program_ended, owner, takes);
    r->status = is_killed ? STATUS_TIMED_OUT : p->status;
    r->exit_code = is_killed ? 128 + 9 : p->exit_code;
    r->on_ended = on_done;
}

void sim_work_clear(struct sim *sim)
{
    list_for_each_safe (link, &sim->files) {
        struct file *f = container_of(link, struct file, link);
        free(f->path);
        free(f->bytes);
        free(f);
    }
    free(sim->program.last);
    free(sim->program.input);
}
