/* Standing watches: a signal, a file, a descriptor.
 *
 * A file is watched by its folder, since replacing it (by a rename, or by the links that Kubernetes
 * turns around) ends a watch on the file itself. */
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/require.h"
#include "loop/loop_parts.h"

struct loop_watch {
    struct watch watch;
    union {
        uv_handle_t handle;
        uv_signal_t signal;
        uv_fs_event_t folder;
        uv_poll_t poll;
    } uv;
    char *path;       /* of a file */
    struct stat seen; /* the file when it was looked at last; all 0 when there was none */
    void (*on_event)(void *owner);
    void *owner;
};

static struct loop_watch *watch_of_handle(void *handle)
{
    return container_of((uv_handle_t *)handle, struct loop_watch, uv.handle);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct loop_watch *w = watch_of_handle(handle);
    (void)number;
    w->on_event(w->owner);
}

/* Looks at the file; true when it is not what it was. */
static bool has_changed(struct loop_watch *w)
{
    struct stat file;
    if (stat(w->path, &file) != 0) {
        memset(&file, 0, sizeof file);
    }
    bool is_same = file.st_ino == w->seen.st_ino && file.st_dev == w->seen.st_dev &&
                   file.st_size == w->seen.st_size &&
                   file.st_ctim.tv_sec == w->seen.st_ctim.tv_sec &&
                   file.st_ctim.tv_nsec == w->seen.st_ctim.tv_nsec;
    w->seen = file;
    return !is_same;
}

/* Two writes can fall into one tick of the file system's clock: an event that names the file
 * counts also when nothing shows. */
static void on_folder(uv_fs_event_t *handle, const char *name, int events, int failed)
{
    struct loop_watch *w = watch_of_handle(handle);
    const char *slash = strrchr(w->path, '/');
    bool is_named = name != NULL && strcmp(name, slash == NULL ? w->path : slash + 1) == 0;
    (void)events;
    (void)failed;
    if (has_changed(w) || is_named) {
        w->on_event(w->owner);
    }
}

static void on_poll(uv_poll_t *handle, int failed, int events)
{
    struct loop_watch *w = watch_of_handle(handle);
    (void)failed;
    (void)events;
    w->on_event(w->owner);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct loop_watch *w = watch_of_handle(handle);
    free(w->path);
    free(w);
}

static int start_file(struct loop *loop, struct loop_watch *w, const char *path)
{
    char *copy = xstrdup(path);
    w->path = xstrdup(path);
    has_changed(w);
    uv_fs_event_init(&loop->uv, &w->uv.folder);
    int failed = uv_fs_event_start(&w->uv.folder, on_folder, dirname(copy), 0);
    free(copy);
    return failed;
}

static int start_signal(struct loop *loop, struct loop_watch *w, int number)
{
    uv_signal_init(&loop->uv, &w->uv.signal);
    return uv_signal_start(&w->uv.signal, on_signal, number);
}

struct watch *loop_watch(struct net *net, enum watch_kind kind, int number, const char *path,
                         void (*on_event)(void *owner), void *owner)
{
    struct loop *loop = loop_of(net);
    struct loop_watch *w = xcalloc(1, sizeof *w);
    int failed = 0;
    *w = (struct loop_watch){.watch.net = net, .on_event = on_event, .owner = owner};
    switch (kind) {
    case WATCH_SIGNAL:
        failed = start_signal(loop, w, number);
        break;
    case WATCH_FILE:
        failed = start_file(loop, w, path);
        break;
    case WATCH_READABLE:
        if (uv_poll_init(&loop->uv, &w->uv.poll, number) != 0) {
            free(w); /* libuv has not taken the handle */
            return NULL;
        }
        failed = uv_poll_start(&w->uv.poll, UV_READABLE, on_poll);
        break;
    }
    if (failed != 0) {
        uv_close(&w->uv.handle, on_watch_closed);
        return NULL;
    }
    return &w->watch;
}

void loop_watch_close(struct watch *watch)
{
    uv_close(&container_of(watch, struct loop_watch, watch)->uv.handle, on_watch_closed);
}
