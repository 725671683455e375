/* The suite connection-monitoring-and-pooling, as operations of threads on a pool in virtual time.
 * What a driver publishes as events is what the pool's actions say.
 *
 * Ours keeps a slot free of new work, which a driver's does not: the cases run in a lane that may
 * hold all slots. A case that never says `ready` is of before pools began paused: its pool begins
 * up, and `clear` does not pause it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/scope.h"
#include "core/pool/pool.h"
#include "spec.h"

enum { THREADS_MOST = 32, OPERATIONS_MOST = 32, EVENTS_MOST = 512, ROUNDS_MOST = 100000 };

struct event {
    const char *type;
    unsigned connection; /* 0: it is about none */
    const char *reason;  /* NULL: none */
};

/* One of the case's threads; the first is the main one. */
struct thread {
    char name[32];
    bson_t operations[OPERATIONS_MOST]; /* still to be done, from `next` on */
    size_t count, next;
    bool is_waiting; /* in checkOut */
    msec sleeps_until;
    const char *label; /* of the checkOut under way; NULL: none */
    const char *error; /* the type of what ended it; NULL: nothing */
};

struct label {
    const char *name;
    struct backend_id backend;
};

static struct {
    struct pool *pool;
    struct pool_limits limits;
    msec now, wait_queue_timeout;
    bool begins_paused;
    struct thread threads[THREADS_MOST];
    size_t thread_count;
    struct label labels[OPERATIONS_MOST];
    size_t label_count;
    unsigned connections;         /* ids given */
    unsigned of_slot[UINT16_MAX]; /* the connection's id */
    struct event events[EVENTS_MOST];
    size_t event_count;
} w;

static void emit(const char *type, unsigned connection, const char *reason)
{
    require(w.event_count < EVENTS_MOST);
    w.events[w.event_count++] =
        (struct event){.type = type, .connection = connection, .reason = reason};
}

/* --- the pool's actions --- */

static const char *reason_of(enum status status)
{
    return status == STATUS_STALE_GENERATION  ? "stale"
           : status == STATUS_IDLE_TOO_LONG   ? "idle"
           : status == STATUS_DRAINING        ? "poolClosed"
           : status == STATUS_QUEUE_TIMED_OUT ? "timeout"
                                              : "connectionError";
}

static const char *error_of(enum status status)
{
    return status == STATUS_DRAINING          ? "PoolClosedError"
           : status == STATUS_QUEUE_TIMED_OUT ? "WaitQueueTimeoutError"
                                              : "PoolClearedError";
}

static void on_granted(struct thread *t, struct backend_id backend)
{
    t->is_waiting = false;
    if (t->label != NULL) {
        require(w.label_count < OPERATIONS_MOST);
        w.labels[w.label_count++] = (struct label){.name = t->label, .backend = backend};
    }
    emit("ConnectionCheckedOut", w.of_slot[backend.index], NULL);
}

static void perform(const struct pool_action *a)
{
    struct thread *t = &w.threads[a->exchange];
    unsigned *connection = &w.of_slot[a->backend.index];
    switch (a->kind) {
    case POOL_DIAL:
        *connection = ++w.connections;
        emit("ConnectionCreated", *connection, NULL);
        emit("ConnectionReady", *connection, NULL);
        pool_on_ready(w.pool, a->backend, w.now);
        break;
    case POOL_GRANT:
        on_granted(t, a->backend);
        break;
    case POOL_REFUSE:
        t->is_waiting = false;
        t->error = error_of(a->status);
        emit("ConnectionCheckOutFailed", 0, reason_of(a->status));
        break;
    case POOL_CLOSE:
        emit("ConnectionClosed", *connection, reason_of(a->status));
        pool_on_closed(w.pool, a->backend, w.now);
        break;
    case POOL_CHECK:
        pool_on_ready(w.pool, a->backend, w.now);
        break;
    }
}

/* False: there was nothing to do. */
static bool perform_all(void)
{
    struct pool_action a;
    bool is_any = false;
    while (pool_next_action(w.pool, w.now, &a)) {
        perform(&a);
        is_any = true;
    }
    return is_any;
}

/* --- operations --- */

static size_t count_events(const char *type)
{
    size_t count = 0;
    for (size_t i = 0; i < w.event_count; i++) {
        count += strcmp(w.events[i].type, type) == 0;
    }
    return count;
}

static struct thread *thread_named(const char *name)
{
    for (size_t i = 0; i < w.thread_count; i++) {
        if (strcmp(w.threads[i].name, name) == 0) {
            return &w.threads[i];
        }
    }
    require(w.thread_count < THREADS_MOST && strlen(name) < sizeof w.threads[0].name);
    struct thread *t = &w.threads[w.thread_count++];
    *t = (struct thread){.count = 0};
    strcpy(t->name, name);
    return t;
}

static bool is_done(const struct thread *t)
{
    return t->error != NULL || (t->next == t->count && !t->is_waiting && t->sleeps_until <= w.now);
}

static void check_out(struct thread *t, const bson_t *operation)
{
    t->label = spec_text(operation, "label");
    t->is_waiting = true;
    emit("ConnectionCheckOutStarted", 0, NULL);
    msec deadline = w.wait_queue_timeout == 0 ? MSEC_NEVER : w.now + w.wait_queue_timeout;
    pool_on_wanted(w.pool, (uint64_t)(t - w.threads), LANE_FOLLOW_UP, deadline, w.now);
}

static void check_in(const char *label)
{
    for (size_t i = 0; i < w.label_count; i++) {
        if (strcmp(w.labels[i].name, label) == 0) {
            emit("ConnectionCheckedIn", w.of_slot[w.labels[i].backend.index], NULL);
            pool_on_returned(w.pool, w.labels[i].backend, POOL_CLEAN, w.now);
            return;
        }
    }
    require(!"the label is known");
}

static void clear(void)
{
    emit("ConnectionPoolCleared", 0, NULL);
    pool_on_generation(w.pool, w.now);
    if (w.begins_paused) {
        pool_on_down(w.pool, w.now);
    }
}

static void close_pool(void)
{
    pool_on_drain(w.pool, STATUS_DRAINING, w.now);
    perform_all(); /* CMAP: available connections go first */
    emit("ConnectionPoolClosed", 0, NULL);
}

static void make_ready(void)
{
    if (!pool_is_up(w.pool)) {
        emit("ConnectionPoolReady", 0, NULL);
    }
    pool_on_up(w.pool, w.now);
}

/* What does not wait for anything. */
static void act(struct thread *t, const char *name, const bson_t *operation)
{
    if (strcmp(name, "wait") == 0) {
        t->sleeps_until = w.now + spec_int(operation, "ms", 0);
    } else if (strcmp(name, "checkOut") == 0) {
        check_out(t, operation);
    } else if (strcmp(name, "checkIn") == 0) {
        check_in(spec_text(operation, "connection"));
    } else if (strcmp(name, "clear") == 0) {
        clear();
    } else if (strcmp(name, "close") == 0) {
        close_pool();
    } else if (strcmp(name, "ready") == 0) {
        make_ready();
    } else {
        require(strcmp(name, "start") == 0); /* threads begin with their first operation */
    }
}

/* Whether an operation that waits for others may go on; an error of the thread waited for ends
 * both. */
static bool may_go_on(struct thread *t, const char *name, const bson_t *operation)
{
    if (strcmp(name, "waitForThread") == 0) {
        const struct thread *other = thread_named(spec_text(operation, "target"));
        t->error = other->error;
        return is_done(other);
    }
    if (strcmp(name, "waitForEvent") == 0) {
        return count_events(spec_text(operation, "event")) >=
               (size_t)spec_int(operation, "count", 0);
    }
    return true;
}

/* One operation; false when the thread has nothing to do now. */
static bool step(struct thread *t)
{
    if (t->error != NULL || t->next == t->count || t->is_waiting || t->sleeps_until > w.now) {
        return false;
    }
    const bson_t *operation = &t->operations[t->next];
    const char *name = spec_text(operation, "name");
    const char *of = spec_text(operation, "thread");
    if (of != NULL && t == &w.threads[0]) { /* handed on to that thread */
        struct thread *other = thread_named(of);
        require(other->count < OPERATIONS_MOST);
        other->operations[other->count++] = *operation;
        t->next++;
        return true;
    }
    if (!may_go_on(t, name, operation)) {
        return false;
    }
    t->next++;
    if (strncmp(name, "waitFor", 7) != 0) {
        act(t, name, operation);
    }
    return true;
}

static bool step_all(void)
{
    bool is_any = false;
    for (size_t i = w.thread_count; i-- > 0;) { /* the main one last: others get going first */
        is_any = step(&w.threads[i]) || is_any;
    }
    return is_any;
}

static msec next_time(void)
{
    msec at = pool_deadline(w.pool, w.now);
    for (size_t i = 0; i < w.thread_count; i++) {
        if (w.threads[i].sleeps_until > w.now) {
            at = msec_earlier(at, w.threads[i].sleeps_until);
        }
    }
    return at;
}

/* NULL when the main thread came to its end. */
static char *run(void)
{
    for (unsigned round = 0; round < ROUNDS_MOST; round++) {
        bool is_any = perform_all();
        is_any = step_all() || is_any;
        if (!is_any && is_done(&w.threads[0])) {
            return NULL;
        }
        msec at = is_any ? w.now : next_time();
        if (at == MSEC_NEVER) {
            return xstrdup("it hangs");
        }
        w.now = at;
    }
    return xstrdup("it does not end");
}

/* --- a case --- */

static bool says_ready(const bson_t *operations)
{
    bson_iter_t at;
    bson_t one;
    bool is_said = false;
    require(bson_iter_init(&at, operations));
    while (bson_iter_next(&at)) {
        is_said =
            is_said || (spec_take(&at, &one) && strcmp(spec_text(&one, "name"), "ready") == 0);
    }
    return is_said;
}

static void read_operations(const bson_t *document)
{
    bson_t operations;
    bson_iter_t at;
    struct thread *main_thread = thread_named("the main one");
    require(spec_document(document, "operations", &operations));
    w.begins_paused = says_ready(&operations);
    require(bson_iter_init(&at, &operations));
    while (bson_iter_next(&at)) {
        require(main_thread->count < OPERATIONS_MOST &&
                spec_take(&at, &main_thread->operations[main_thread->count++]));
    }
}

static void begin(const bson_t *document)
{
    bson_t none = BSON_INITIALIZER, options;
    memset(&w, 0, sizeof w);
    if (!spec_document(document, "poolOptions", &options)) {
        require(bson_init_static(&options, bson_get_data(&none), none.len));
    }
    w.now = 1;
    w.limits = (struct pool_limits){
        .max_size = (size_t)spec_int(&options, "maxPoolSize", 100),
        .min_size = (size_t)spec_int(&options, "minPoolSize", 0),
        .max_connecting = (size_t)spec_int(&options, "maxConnecting", 2),
        .max_idle = spec_int(&options, "maxIdleTimeMS", 0),
    };
    w.wait_queue_timeout = spec_int(&options, "waitQueueTimeoutMS", 0);
    w.pool = pool_new(&w.limits, 1, w.now);
    emit("ConnectionPoolCreated", 0, NULL);
    read_operations(document);
    if (!w.begins_paused) {
        pool_on_up(w.pool, w.now);
    }
    bson_destroy(&none);
}

static bool is_listed(const bson_t *document, const char *list, const char *type)
{
    bson_t names;
    bson_iter_t at;
    if (!spec_document(document, list, &names) || !bson_iter_init(&at, &names)) {
        return false;
    }
    while (bson_iter_next(&at)) {
        if (strcmp(bson_iter_utf8(&at, NULL), type) == 0) {
            return true;
        }
    }
    return false;
}

/* The options that are ours are those that the pool was made with. */
static bool options_match(const bson_t *event)
{
    bson_t o;
    return !spec_document(event, "options", &o) ||
           (spec_int(&o, "maxPoolSize", (int64_t)w.limits.max_size) == (int64_t)w.limits.max_size &&
            spec_int(&o, "minPoolSize", (int64_t)w.limits.min_size) == (int64_t)w.limits.min_size &&
            spec_int(&o, "maxIdleTimeMS", w.limits.max_idle) == w.limits.max_idle);
}

/* 42 stands for any value. */
static bool event_matches(const bson_t *theirs, const struct event *ours)
{
    const char *reason = spec_text(theirs, "reason");
    int64_t connection = spec_int(theirs, "connectionId", 0);
    bool same_connection =
        connection == 42 ? ours->connection > 0 : connection == 0 || connection == ours->connection;
    bool same_reason =
        reason == NULL || (ours->reason != NULL && strcmp(reason, ours->reason) == 0);
    return strcmp(spec_text(theirs, "type"), ours->type) == 0 && same_connection && same_reason &&
           options_match(theirs);
}

static char *check_events(const bson_t *document)
{
    bson_t events, one;
    bson_iter_t at;
    size_t i = 0;
    require(spec_document(document, "events", &events) && bson_iter_init(&at, &events));
    for (unsigned number = 1; bson_iter_next(&at); number++, i++) {
        require(spec_take(&at, &one));
        while (i < w.event_count && is_listed(document, "ignore", w.events[i].type)) {
            i++;
        }
        if (i >= w.event_count || !event_matches(&one, &w.events[i])) {
            const struct event *ours = &w.events[i];
            return i >= w.event_count
                       ? xformat("no event %u", number)
                       : xformat("event %u is %s of %u (%s), not %s", number, ours->type,
                                 ours->connection, ours->reason, spec_text(&one, "type"));
        }
    }
    return NULL;
}

/* The type counts; the words are each driver's own. */
static char *check_error(const bson_t *document)
{
    bson_t error;
    const char *ours = w.threads[0].error;
    const char *theirs =
        spec_document(document, "error", &error) ? spec_text(&error, "type") : NULL;
    bool is_same = ours == theirs || (ours != NULL && theirs != NULL && strcmp(ours, theirs) == 0);
    return is_same ? NULL
                   : xformat("the error is %s, not %s", ours == NULL ? "none" : ours,
                             theirs == NULL ? "none" : theirs);
}

static char *check(const struct spec_case *c)
{
    begin(c->document);
    char *fault = run();
    fault = fault != NULL ? fault : check_error(c->document);
    fault = fault != NULL ? fault : check_events(c->document);
    pool_free(w.pool);
    return fault;
}

int main(void)
{
    spec_run("connection-monitoring-and-pooling", check);
    return spec_end();
}
