/* What the checks of the C driver share: a client, the things a check made, and its verdict. */
#ifndef E2E_LIBMONGOC_WORLD_H
#define E2E_LIBMONGOC_WORLD_H

#include <mongoc/mongoc.h>

struct kept;

struct world {
    mongoc_client_t *client;
    mongoc_database_t *db; /* this run's own; dropped at the end */
    bool strict;           /* the client declared API version 1, strictly */
    bool failed;
    char why[1000];
    struct kept *kept;
};

/* Begins and ends one check; the end destroys what was kept for it, last first. */
void world_begin(struct world *w);
void world_end(struct world *w);

/* Documents of extended JSON in which ' stands for ". Everything that follows belongs to the
 * world until the check ends; a mistake in the text ends the program. */
bson_t *doc(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Where the driver writes one reply; it initialises what it is given, so each call needs its own.
 */
bson_t *reply_room(struct world *w);
mongoc_collection_t *collection(struct world *w, const char *name);
/* The same, and made at the server, as transactions want it. */
mongoc_collection_t *made_collection(struct world *w, const char *name);
mongoc_cursor_t *find(struct world *w, mongoc_collection_t *things, bson_t *filter, bson_t *opts);
mongoc_cursor_t *keep_cursor(struct world *w, mongoc_cursor_t *cursor);
mongoc_client_session_t *session(struct world *w);
mongoc_bulk_operation_t *bulk_operation(struct world *w, mongoc_collection_t *things, bson_t *opts);
mongoc_change_stream_t *watch(struct world *w, mongoc_collection_t *things, bson_t *opts);

/* {sessionId: …} for the options of a call in that session. */
bson_t *in_session(struct world *w, const mongoc_client_session_t *session);

/* Relaxed JSON of the first document found; "" if none. */
const char *first_json(struct world *w, mongoc_collection_t *things, bson_t *filter);
/* The integer at a dotted path, INT64_MIN if there is none. */
int64_t int_at(const bson_t *document, const char *path);
int64_t count(mongoc_collection_t *things);

void check_fail(struct world *w, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Ends the check that it stands in, with a sentence, unless the condition holds. */
#define EXPECT(w, condition, ...)                 \
    do {                                          \
        if (!(condition)) {                       \
            check_fail(w, __LINE__, __VA_ARGS__); \
            return;                               \
        }                                         \
    } while (0)
/* For calls that say why they failed in `error`. */
#define CALL(w, condition) EXPECT(w, condition, "%s: %s", #condition, error.message)

struct check {
    const char *name;
    void (*run)(struct world *w);
};

/* Lists that end with a NULL name. */
extern const struct check basic_checks[];
extern const struct check session_checks[];
extern const struct check error_checks[];
extern const struct check large_checks[];

/* Idles with the monitors of a pool of its own, made of the URI. */
void check_monitors(struct world *w, const mongoc_uri_t *uri);

#endif
