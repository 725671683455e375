/* Work on libuv's thread pool, and files replaced atomically there. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/require.h"
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

/* The new name is on the disk only when its folder is; that it is not costs the file at a power
 * failure, no more, so a failure here is none of the whole. */
static void sync_folder(const char *path)
{
    char *copy = xstrdup(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(copy);
}

static void run_store(void *job)
{
    struct store *s = job;
    char *beside = xformat("%s.XXXXXX", s->path);
    int fd = mkostemp(beside, O_CLOEXEC); /* 0600 */
    bool is_written = fd >= 0 && write_all(fd, s->bytes, s->size);
    if (fd >= 0) {
        close(fd);
    }
    bool is_stored = is_written && rename(beside, s->path) == 0;
    if (is_stored) {
        sync_folder(s->path);
    } else if (fd >= 0) {
        unlink(beside);
    }
    s->status = is_stored ? STATUS_OK : STATUS_FILE_FAILED;
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
    s->bytes = (uint8_t *)xstrndup((const char *)bytes.at, bytes.size);
    s->size = bytes.size;
    s->on_done = on_done;
    s->owner = owner;
    loop_work(net, run_store, after_store, s);
}
