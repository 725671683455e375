#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
    KIND_DOC,
    KIND_REPLY,
    KIND_TEXT,
    KIND_COLLECTION,
    KIND_CURSOR,
    KIND_SESSION,
    KIND_BULK,
    KIND_STREAM,
};

struct kept {
    enum kind kind;
    void *thing;
    struct kept *next;
};

static void *keep(struct world *w, enum kind kind, void *thing)
{
    struct kept *kept = calloc(1, sizeof(*kept));
    if (!kept || !thing)
        abort();
    *kept = (struct kept){.kind = kind, .thing = thing, .next = w->kept};
    w->kept = kept;
    return thing;
}

static void kept_destroy(struct kept *kept)
{
    switch (kept->kind) {
    case KIND_DOC:
        bson_destroy(kept->thing);
        break;
    case KIND_REPLY:
        bson_destroy(kept->thing);
        free(kept->thing);
        break;
    case KIND_TEXT:
        bson_free(kept->thing);
        break;
    case KIND_COLLECTION:
        mongoc_collection_destroy(kept->thing);
        break;
    case KIND_CURSOR:
        mongoc_cursor_destroy(kept->thing);
        break;
    case KIND_SESSION:
        mongoc_client_session_destroy(kept->thing);
        break;
    case KIND_BULK:
        mongoc_bulk_operation_destroy(kept->thing);
        break;
    case KIND_STREAM:
        mongoc_change_stream_destroy(kept->thing);
        break;
    }
    free(kept);
}

void world_begin(struct world *w)
{
    w->failed = false;
    w->why[0] = 0;
}

void world_end(struct world *w)
{
    while (w->kept) {
        struct kept *kept = w->kept;
        w->kept = kept->next;
        kept_destroy(kept);
    }
}

void check_fail(struct world *w, int line, const char *format, ...)
{
    va_list arguments;
    int length = snprintf(w->why, sizeof(w->why), "line %d: ", line);
    va_start(arguments, format);
    vsnprintf(w->why + length, sizeof(w->why) - (size_t)length, format, arguments);
    va_end(arguments);
    w->failed = true;
}

bson_t *doc(struct world *w, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = bson_strdupv_printf(format, arguments);
    va_end(arguments);
    for (char *c = text; *c; c++)
        if (*c == '\'')
            *c = '"';
    bson_error_t error;
    bson_t *made = bson_new_from_json((const uint8_t *)text, -1, &error);
    if (!made) {
        fprintf(stderr, "%s: %s\n", text, error.message);
        abort();
    }
    bson_free(text);
    return keep(w, KIND_DOC, made);
}

bson_t *reply_room(struct world *w)
{
    bson_t *reply = aligned_alloc(_Alignof(bson_t), sizeof(*reply));
    if (reply)
        bson_init(reply);
    return keep(w, KIND_REPLY, reply);
}

mongoc_collection_t *collection(struct world *w, const char *name)
{
    return keep(w, KIND_COLLECTION, mongoc_database_get_collection(w->db, name));
}

mongoc_collection_t *made_collection(struct world *w, const char *name)
{
    bson_error_t error;
    mongoc_collection_t *made = mongoc_database_create_collection(w->db, name, NULL, &error);
    if (!made) {
        check_fail(w, __LINE__, "create %s: %s", name, error.message);
        return collection(w, name);
    }
    return keep(w, KIND_COLLECTION, made);
}

mongoc_cursor_t *keep_cursor(struct world *w, mongoc_cursor_t *cursor)
{
    return keep(w, KIND_CURSOR, cursor);
}

mongoc_cursor_t *find(struct world *w, mongoc_collection_t *things, bson_t *filter, bson_t *opts)
{
    return keep_cursor(w, mongoc_collection_find_with_opts(things, filter, opts, NULL));
}

mongoc_client_session_t *session(struct world *w)
{
    bson_error_t error;
    return keep(w, KIND_SESSION, mongoc_client_start_session(w->client, NULL, &error));
}

mongoc_bulk_operation_t *bulk_operation(struct world *w, mongoc_collection_t *things, bson_t *opts)
{
    return keep(w, KIND_BULK, mongoc_collection_create_bulk_operation_with_opts(things, opts));
}

mongoc_change_stream_t *watch(struct world *w, mongoc_collection_t *things, bson_t *opts)
{
    return keep(w, KIND_STREAM, mongoc_collection_watch(things, doc(w, "{}"), opts));
}

bson_t *in_session(struct world *w, const mongoc_client_session_t *session)
{
    bson_error_t error;
    bson_t *opts = doc(w, "{}");
    if (!mongoc_client_session_append(session, opts, &error))
        check_fail(w, __LINE__, "%s", error.message);
    return opts;
}

const char *first_json(struct world *w, mongoc_collection_t *things, bson_t *filter)
{
    const bson_t *found;
    mongoc_cursor_t *cursor = find(w, things, filter, NULL);
    if (!mongoc_cursor_next(cursor, &found))
        return "";
    return keep(w, KIND_TEXT, bson_as_relaxed_extended_json(found, NULL));
}

int64_t int_at(const bson_t *document, const char *path)
{
    bson_iter_t top, at;
    if (!bson_iter_init(&top, document) || !bson_iter_find_descendant(&top, path, &at))
        return INT64_MIN;
    return bson_iter_as_int64(&at);
}

int64_t count(mongoc_collection_t *things)
{
    bson_error_t error;
    bson_t all = BSON_INITIALIZER;
    return mongoc_collection_count_documents(things, &all, NULL, NULL, NULL, &error);
}
