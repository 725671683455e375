#include "core/wire/kill_cursors.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/wire/doc_write.h"
#include "core/wire/request_edit.h"

/* Type, a key of up to ten digits with its zero, and the id. */
enum { ID_BYTES_MOST = 1 + 11 + 8, REPLY_BYTES = 160 };

struct killing *killing_new(struct span cursors)
{
    struct view v;
    struct element e;
    size_t count = 0;
    view_init(&v, cursors);
    while (cursors.size > 0 && view_next(&v, &e) == VIEW_ELEMENT) {
        if (e.type != ELEMENT_INT64) {
            return NULL;
        }
        count++;
    }
    if (count == 0) {
        return NULL;
    }
    struct killing *k = xcalloc(1, sizeof *k + count * sizeof k->ids[0]);
    view_init(&v, cursors);
    while (k->count < count && view_next(&v, &e) == VIEW_ELEMENT) {
        element_int64(&e, &k->ids[k->count++].id);
    }
    return k;
}

static bool is_for(const struct killing_id *i, uint32_t server)
{
    return i->server == server || (i->server == 0 && i->fate != FATE_KILLED);
}

bool killing_wants(const struct killing *k, uint32_t server)
{
    for (size_t i = 0; i < k->count; i++) {
        if (is_for(&k->ids[i], server)) {
            return true;
        }
    }
    return false;
}

static void put_id(struct doc_writer *w, size_t *index, int64_t id)
{
    char key[12];
    snprintf(key, sizeof key, "%u", (unsigned)(*index)++);
    write_head(w, ELEMENT_INT64, span_text(key));
    write_int64(write_room(w, 8), id);
}

uint8_t *killing_request(const struct killing *k, struct span message, uint32_t server,
                         size_t *size)
{
    struct doc_writer w;
    size_t room = 32 + k->count * ID_BYTES_MOST;
    size_t index = 0;
    uint8_t *bytes = xmalloc(room);
    write_begin(&w, bytes, room);
    write_head(&w, ELEMENT_ARRAY, span_text("cursors"));
    size_t array = write_open(&w);
    for (size_t i = 0; i < k->count; i++) {
        if (is_for(&k->ids[i], server)) {
            put_id(&w, &index, k->ids[i].id);
        }
    }
    write_close(&w, array);
    uint8_t *request = request_with_element(message, "cursors", written(&w), size);
    free(bytes);
    return request;
}

static void mark(struct killing_id *i, enum killing_fate fate)
{
    i->fate = fate > i->fate ? fate : i->fate;
}

/* A server lists the ids in the order in which they were asked for: each is looked for behind the
 * one before. */
static void note(struct killing *k, const struct element *list, uint32_t server,
                 enum killing_fate fate)
{
    struct view v;
    struct element e;
    int64_t id;
    size_t at = 0;
    view_init(&v, list->value);
    while (list->type == ELEMENT_ARRAY && view_next(&v, &e) == VIEW_ELEMENT) {
        bool is_id = element_int64(&e, &id);
        for (size_t tried = 0; is_id && tried < k->count; tried++) {
            struct killing_id *i = &k->ids[at];
            at = at + 1 < k->count ? at + 1 : 0;
            if (i->id == id && is_for(i, server)) {
                mark(i, fate);
                break;
            }
        }
    }
}

bool killing_on_reply(struct killing *k, struct span body, uint32_t server)
{
    struct element e;
    bool is_ok = false;
    if (!view_find(body, "ok", &e) || !element_bool(&e, &is_ok) || !is_ok) {
        killing_on_unreachable(k, server);
        return false;
    }
    if (view_find(body, "cursorsAlive", &e)) {
        note(k, &e, server, FATE_ALIVE);
    }
    if (view_find(body, "cursorsKilled", &e)) {
        note(k, &e, server, FATE_KILLED);
    }
    return true;
}

void killing_on_unreachable(struct killing *k, uint32_t server)
{
    for (size_t i = 0; i < k->count; i++) {
        if (is_for(&k->ids[i], server)) {
            mark(&k->ids[i], FATE_ALIVE);
        }
    }
}

static void put_ids(struct doc_writer *w, const struct killing *k, const char *name,
                    enum killing_fate fate)
{
    size_t index = 0;
    write_head(w, ELEMENT_ARRAY, span_text(name));
    size_t array = write_open(w);
    for (size_t i = 0; i < k->count; i++) {
        if (k->ids[i].fate == fate) {
            put_id(w, &index, k->ids[i].id);
        }
    }
    write_close(w, array);
}

uint8_t *killing_reply(const struct killing *k, size_t *size)
{
    struct doc_writer w;
    size_t room = REPLY_BYTES + k->count * ID_BYTES_MOST;
    uint8_t *bytes = xmalloc(room);
    write_begin(&w, bytes, room);
    size_t document = write_open(&w);
    put_ids(&w, k, "cursorsKilled", FATE_KILLED);
    put_ids(&w, k, "cursorsNotFound", FATE_NOT_FOUND);
    put_ids(&w, k, "cursorsAlive", FATE_ALIVE);
    write_head(&w, ELEMENT_ARRAY, span_text("cursorsUnknown"));
    write_close(&w, write_open(&w));
    put_double(&w, "ok", 1);
    write_close(&w, document);
    *size = written(&w).size;
    return bytes;
}
