/* The rest of the world: where to listen, files, watches, programs. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "ends.h"

/* A folder for the files of one case. */
struct place {
    char folder[64];
    char path[100];
};

static void place_init(struct place *p)
{
    snprintf(p->folder, sizeof p->folder, "/tmp/mooring-test-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->path, sizeof p->path, "%s/file", p->folder);
}

static void place_clear(const struct place *p)
{
    unlink(p->path);
    assert_int_equal(rmdir(p->folder), 0); /* nothing else was left in it */
}

/* --- listening --- */

static void test_address_in_use(struct world *w)
{
    struct pair p;
    struct listener *second = NULL;
    struct error why = {0};
    char text[ADDRESS_TEXT_SIZE];
    pair_listen(&p, w);
    assert_true(p.at.port > 0);
    assert_int_equal(net_listen(w->net, &p.at, NULL, pair_on_accept, &p, &second, &why),
                     STATUS_ADDRESS_IN_USE);
    assert_null(second);
    assert_non_null(strstr(why.text, address_print(&p.at, text)));
    listener_close(p.listener);
    assert_int_equal(net_listen(w->net, &p.at, NULL, pair_on_accept, &p, &second, &why), 0);
    listener_close(second);
}

static void test_address_unavailable(struct world *w)
{
    struct address at = {.family = ADDRESS_IPV4, .ip = {192, 0, 2, 1}, .port = 1};
    struct listener *none = NULL;
    struct error why = {0};
    assert_int_equal(net_listen(w->net, &at, NULL, pair_on_accept, NULL, &none, &why),
                     STATUS_ADDRESS_UNAVAILABLE);
    assert_non_null(strstr(why.text, "192.0.2.1:1"));
    assert_non_null(strstr(why.text, "listen.addresses"));
}

static void test_unix_socket(struct world *w)
{
    struct place place;
    struct pair p;
    struct stat file;
    struct address at = {.family = ADDRESS_UNIX};
    place_init(&place);
    snprintf(at.path, sizeof at.path, "%.100s", place.path);
    pair_listen_at(&p, w, &at);
    assert_int_equal(stat(at.path, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    listener_close(p.listener);
    assert_int_equal(stat(at.path, &file), -1);
    place_clear(&place);
}

/* --- files --- */

struct stored {
    struct world *w;
    size_t count;
    enum status status;
};

static void on_stored(void *owner, enum status status)
{
    struct stored *s = owner;
    assert_false(s->w->is_in_call);
    s->count++;
    s->status = status;
    world_check(s->w);
}

static bool is_stored(void *owner)
{
    return ((struct stored *)owner)->count > 0;
}

static enum status store(struct world *w, const char *path, const char *text)
{
    struct stored s = {.w = w};
    char *bytes = xstrdup(text);
    world_enter(w);
    net_store(w->net, path, span_text(bytes), on_stored, &s);
    world_leave(w);
    memset(bytes, 'x', strlen(text)); /* they have been copied */
    free(bytes);
    assert_int_equal(s.count, 0);
    world_run_until(w, is_stored, &s);
    assert_int_equal(s.count, 1);
    return s.status;
}

static void assert_file_is(struct world *w, const char *path, const char *text)
{
    char bytes[100] = {0};
    struct span there = span_of(bytes, 0);
    struct stat file;
    if (w->sim != NULL) {
        assert_true(sim_file(w->sim, path, &there));
    } else {
        int fd = open(path, O_RDONLY);
        ssize_t got = read(fd, bytes, sizeof bytes);
        close(fd);
        assert_true(got >= 0);
        there.size = (size_t)got;
        assert_int_equal(stat(path, &file), 0);
        assert_int_equal(file.st_mode & 0777, 0600);
    }
    assert_true(span_is(there, text));
}

static void test_store(struct world *w)
{
    struct place place;
    place_init(&place);
    assert_int_equal(store(w, place.path, "one"), STATUS_OK);
    assert_file_is(w, place.path, "one");
    assert_int_equal(store(w, place.path, "and two"), STATUS_OK);
    assert_file_is(w, place.path, "and two");
    assert_int_equal(store(w, place.path, ""), STATUS_OK);
    assert_file_is(w, place.path, "");
    place_clear(&place);
}

static void test_store_fails(struct world *w)
{
    if (w->sim != NULL) {
        sim_fail_stores(w->sim, "/nowhere/");
    }
    assert_int_equal(store(w, "/nowhere/file", "one"), STATUS_FILE_FAILED);
}

/* --- watches --- */

struct rings {
    struct world *w;
    struct watch *watch;
    size_t count;
    size_t wanted;
    int descriptor; /* read from at each; -1: none */
    bool closes;    /* the watch, within the event */
};

static void on_ring(void *owner)
{
    struct rings *r = owner;
    char byte;
    assert_false(r->w->is_in_call);
    assert_non_null(r->watch);
    r->count++;
    if (r->descriptor >= 0 && r->w->loop != NULL) {
        assert_int_equal(read(r->descriptor, &byte, 1), 1);
    }
    if (r->closes) {
        net_watch_close(r->watch);
        r->watch = NULL;
    }
    world_check(r->w);
}

static bool have_rung(void *owner)
{
    const struct rings *r = owner;
    return r->count >= r->wanted;
}

static void rings_watch(struct rings *r, enum watch_kind kind, int number, const char *path)
{
    r->watch = net_watch(r->w->net, kind, number, path, on_ring, r);
    assert_non_null(r->watch);
}

static void raise_it(struct world *w)
{
    world_enter(w);
    if (w->sim != NULL) {
        sim_raise(w->sim, SIGUSR1);
    } else {
        raise(SIGUSR1);
    }
    world_leave(w);
}

static void test_watch_signal(struct world *w)
{
    struct rings first = {.w = w, .descriptor = -1};
    struct rings second = {.w = w, .descriptor = -1, .closes = true};
    rings_watch(&first, WATCH_SIGNAL, SIGUSR1, NULL);
    rings_watch(&second, WATCH_SIGNAL, SIGUSR1, NULL);
    for (size_t i = 1; i <= 3; i++) {
        first.wanted = i;
        raise_it(w);
        world_run_until(w, have_rung, &first);
    }
    world_run_for(w, 5);
    assert_int_equal(first.count, 3);
    assert_int_equal(second.count, 1); /* closed within its first event */
    raise_it(w);
    net_watch_close(first.watch); /* what is on its way does not come */
    first.watch = NULL;
    world_run_for(w, 5);
    assert_int_equal(first.count, 3);
}

/* As another program writes it. */
static void put_file(struct world *w, const char *path, const char *text)
{
    if (w->sim != NULL) {
        sim_put_file(w->sim, path, span_text(text));
        return;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void test_watch_file(struct world *w)
{
    struct place place;
    struct rings r = {.w = w, .descriptor = -1, .wanted = 1};
    place_init(&place);
    rings_watch(&r, WATCH_FILE, 0, place.path); /* does not exist yet */
    put_file(w, place.path, "one");
    world_run_until(w, have_rung, &r);
    world_run_for(w, 5);
    r.count = 0;
    assert_int_equal(store(w, place.path, "replaced by a rename"), STATUS_OK);
    world_run_until(w, have_rung, &r);
    world_run_for(w, 5);
    r.count = 0;
    put_file(w, place.path, "once more, the new file");
    world_run_until(w, have_rung, &r);
    net_watch_close(r.watch);
    place_clear(&place);
}

static void test_watch_readable(struct world *w)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct rings r = {.w = w, .descriptor = ends[0]};
    rings_watch(&r, WATCH_READABLE, ends[0], NULL);
    world_run_for(w, 5);
    assert_int_equal(r.count, 0);
    for (size_t i = 1; i <= 3; i++) {
        r.wanted = i;
        r.closes = i == 3;
        assert_int_equal(write(ends[1], "x", 1), 1);
        if (w->sim != NULL) {
            sim_make_readable(w->sim, ends[0]);
        }
        world_run_until(w, have_rung, &r);
    }
    world_run_for(w, 5);
    assert_int_equal(r.count, 3);
    close(ends[0]);
    close(ends[1]);
}

static void test_watch_impossible(struct world *w)
{
    struct rings r = {.w = w};
    int fd = open("/proc/self/exe", O_RDONLY); /* a plain file is always readable */
    assert_null(net_watch(w->net, WATCH_READABLE, fd, NULL, on_ring, &r));
    assert_null(net_watch(w->net, WATCH_FILE, 0, "/nowhere/at/all", on_ring, &r));
    close(fd);
}

/* --- programs --- */

struct spawned {
    struct world *w;
    size_t count;
    enum status status;
    int exit_code;
};

static void on_program_ended(void *owner, enum status status, int exit_code)
{
    struct spawned *s = owner;
    assert_false(s->w->is_in_call);
    s->count++;
    s->status = status;
    s->exit_code = exit_code;
    world_check(s->w);
}

static bool has_ended(void *owner)
{
    return ((struct spawned *)owner)->count > 0;
}

static struct spawned spawn(struct world *w, const char *script, const char *input, msec timeout)
{
    struct spawned s = {.w = w};
    char *argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, xstrdup(script), NULL};
    struct spawn_request request = {.argv = argv, .input = span_text(input), .timeout_ms = timeout};
    world_enter(w);
    net_spawn(w->net, &request, on_program_ended, &s);
    world_leave(w);
    free(argv[2]);
    assert_int_equal(s.count, 0);
    world_run_until(w, has_ended, &s);
    world_run_for(w, 5);
    assert_int_equal(s.count, 1);
    return s;
}

static void test_spawn(struct world *w)
{
    const char *program;
    struct span input;
    if (w->sim != NULL) {
        sim_set_program(w->sim, STATUS_OK, 7, 10);
    }
    struct spawned s = spawn(w, "read line; exit ${#line}", "seven..\n", 5000);
    assert_int_equal(s.status, STATUS_OK);
    assert_int_equal(s.exit_code, 7); /* it has read its input */
    if (w->sim != NULL) {
        assert_true(sim_last_program(w->sim, &program, &input));
        assert_string_equal(program, "/bin/sh");
        assert_true(span_is(input, "seven..\n"));
        sim_set_program(w->sim, STATUS_OK, 0, 1);
    }
    s = spawn(w, "exit 0", "", 0); /* no limit */
    assert_int_equal(s.status, STATUS_OK);
    assert_int_equal(s.exit_code, 0);
}

static void test_spawn_limit(struct world *w)
{
    msec begin = net_now(w->net);
    if (w->sim != NULL) {
        sim_set_program(w->sim, STATUS_OK, 0, 60000);
    }
    struct spawned s = spawn(w, "sleep 60 & sleep 60", "", 60);
    assert_int_equal(s.status, STATUS_TIMED_OUT);
    assert_int_equal(s.exit_code, 128 + SIGKILL);
    assert_in_range(net_now(w->net) - begin, 60, 5000);
}

static void test_spawn_not_there(struct world *w)
{
    struct spawned s = {.w = w};
    char *argv[] = {(char[]){"/nowhere/program"}, NULL};
    struct spawn_request request = {.argv = argv, .timeout_ms = 1000};
    if (w->sim != NULL) {
        sim_set_program(w->sim, STATUS_FILE_FAILED, 0, 0);
    }
    world_enter(w);
    net_spawn(w->net, &request, on_program_ended, &s);
    world_leave(w);
    assert_int_equal(s.count, 0);
    world_run_until(w, has_ended, &s);
    assert_int_equal(s.status, STATUS_FILE_FAILED);
}

int main(void)
{
    static const struct net_case cases[] = {
        {"listen: address in use", test_address_in_use, ON_BOTH},
        {"listen: address unavailable", test_address_unavailable, ON_LOOP},
        {"listen: Unix socket", test_unix_socket, ON_LOOP},
        {"store", test_store, ON_BOTH},
        {"store: fails", test_store_fails, ON_BOTH},
        {"watch: signal", test_watch_signal, ON_BOTH},
        {"watch: file", test_watch_file, ON_BOTH},
        {"watch: descriptor", test_watch_readable, ON_BOTH},
        {"watch: what cannot be watched", test_watch_impossible, ON_LOOP},
        {"spawn: input and exit code", test_spawn, ON_BOTH},
        {"spawn: limit of time", test_spawn_limit, ON_BOTH},
        {"spawn: no such program", test_spawn_not_there, ON_BOTH},
    };
    return run_cases("things", cases, sizeof cases / sizeof *cases);
}
