/* A hello reply, field by field: one row per field, so that a field of the wrong type is as if it
 * were absent. libbson's iterator checks every length against the document. */
#include <bson/bson.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "core/topology/server.h"

/* What decides the type, and is not kept. */
struct role {
    bool is_ok;
    bool is_writable;
    bool is_secondary;
    bool is_arbiter;
    bool is_hidden;
    bool is_ghost;
    bool is_mongos;
};

struct reading {
    struct server_description *d;
    struct role role;
    char *errmsg;
};

static bool has_control_byte(const char *text, uint32_t size, char least)
{
    for (uint32_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] < (unsigned char)least) {
            return true;
        }
    }
    return false;
}

/* Behind the name: nothing, or ":" and 1 to 65535. */
static bool is_port_or_nothing(const char *text)
{
    size_t size = strlen(text);
    if (size == 0) {
        return true;
    }
    size_t digits = strspn(text + 1, "0123456789");
    if (text[0] != ':' || digits == 0 || digits > 5 || digits + 1 != size) {
        return false;
    }
    long port = strtol(text + 1, NULL, 10);
    return port >= 1 && port <= UINT16_MAX;
}

/* "name", "name:port", "[v6]" or "[v6]:port": nobody after us checks what is taken apart. */
static bool is_address(const char *text)
{
    bool is_v6 = text[0] == '[';
    const char *name = is_v6 ? text + 1 : text;
    size_t size = strcspn(name, is_v6 ? "[]" : "[]:");
    if (size == 0 || (is_v6 && name[size] != ']')) {
        return false;
    }
    return is_port_or_nothing(name + size + (is_v6 ? 1 : 0));
}

/* "host:port" in lower case, with MongoDB's own port when none is said; NULL for what cannot be an
 * address: no text, too long, with blanks or control bytes in it, or of another form. */
static char *host_text(const bson_iter_t *at)
{
    uint32_t size = 0;
    const char *text = BSON_ITER_HOLDS_UTF8(at) ? bson_iter_utf8(at, &size) : NULL;
    if (text == NULL || size >= MAX_HOST_TEXT - sizeof ":27017" ||
        has_control_byte(text, size, '!') || !is_address(text)) {
        return NULL;
    }
    const char *bracket = strrchr(text, ']');
    bool has_port = strchr(bracket == NULL ? text : bracket, ':') != NULL;
    char *copy = xformat("%s%s", text, has_port ? "" : ":27017");
    for (char *c = copy; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    return copy;
}

/* At most `most` bytes of a text; NULL when it is none or holds control bytes, which would spoil
 * log lines. */
static char *plain_text(const bson_iter_t *at, uint32_t most)
{
    uint32_t size = 0;
    const char *text = BSON_ITER_HOLDS_UTF8(at) ? bson_iter_utf8(at, &size) : NULL;
    if (text == NULL || has_control_byte(text, size, ' ')) {
        return NULL;
    }
    return xstrndup(text, size < most ? size : most);
}

static void replace_text(char **text, char *with)
{
    free(*text);
    *text = with;
}

static bool read_bool(const bson_iter_t *at)
{
    return (BSON_ITER_HOLDS_BOOL(at) || BSON_ITER_HOLDS_NUMBER(at)) && bson_iter_as_bool(at);
}

/* Numbers of all kinds, as servers have sent several; false when it is none or out of range. */
static bool read_number(const bson_iter_t *at, int64_t least, int64_t most, int64_t *out)
{
    if (BSON_ITER_HOLDS_DOUBLE(at)) {
        double number = bson_iter_double(at);
        if (!(number >= (double)least && number <= (double)most) || number >= 9e18) {
            return false;
        }
        *out = (int64_t)number;
        return true;
    }
    if (!BSON_ITER_HOLDS_INT32(at) && !BSON_ITER_HOLDS_INT64(at)) {
        return false;
    }
    int64_t number = bson_iter_as_int64(at);
    if (number < least || number > most) {
        return false;
    }
    *out = number;
    return true;
}

static void read_int32(const bson_iter_t *at, int32_t least, int32_t *out)
{
    int64_t number;
    if (read_number(at, least, INT32_MAX, &number)) {
        *out = (int32_t)number;
    }
}

static bool read_object_id(const bson_iter_t *at, uint8_t out[OBJECT_ID_BYTES])
{
    if (!BSON_ITER_HOLDS_OID(at)) {
        return false;
    }
    memcpy(out, bson_iter_oid(at)->bytes, OBJECT_ID_BYTES);
    return true;
}

static void read_hosts(struct server_description *d, const bson_iter_t *at)
{
    bson_iter_t host;
    if (!BSON_ITER_HOLDS_ARRAY(at) || !bson_iter_recurse(at, &host)) {
        return;
    }
    while (d->host_count < MAX_HELLO_HOSTS && bson_iter_next(&host)) {
        char *text = host_text(&host);
        if (text == NULL) {
            continue;
        }
        d->hosts = xrealloc(d->hosts, (d->host_count + 1) * sizeof *d->hosts);
        d->hosts[d->host_count++] = text;
    }
}

static void read_tags(struct server_description *d, const bson_iter_t *at)
{
    bson_iter_t tag;
    if (!BSON_ITER_HOLDS_DOCUMENT(at) || !bson_iter_recurse(at, &tag)) {
        return;
    }
    while (d->tag_count < MAX_HELLO_TAGS && bson_iter_next(&tag)) {
        char *value = plain_text(&tag, MAX_TAG_TEXT);
        if (value == NULL) {
            continue;
        }
        d->tags = xrealloc(d->tags, (d->tag_count + 1) * sizeof *d->tags);
        d->tags[d->tag_count++] = (struct server_tag){
            .name = xstrndup(bson_iter_key(&tag), strnlen(bson_iter_key(&tag), MAX_TAG_TEXT)),
            .value = value};
    }
}

static void read_version(struct topology_version *version, const bson_iter_t *at)
{
    bson_iter_t field;
    bool has_counter = false;
    bool has_process = false;
    if (!BSON_ITER_HOLDS_DOCUMENT(at) || !bson_iter_recurse(at, &field)) {
        return;
    }
    struct topology_version found = {.is_set = true};
    while (bson_iter_next(&field)) {
        if (strcmp(bson_iter_key(&field), "processId") == 0) {
            has_process = read_object_id(&field, found.process_id);
        } else if (strcmp(bson_iter_key(&field), "counter") == 0) {
            has_counter = read_number(&field, INT64_MIN, INT64_MAX, &found.counter);
        }
    }
    if (has_counter && has_process) {
        *version = found;
    }
}

static void read_last_write(struct server_description *d, const bson_iter_t *at)
{
    bson_iter_t field;
    if (BSON_ITER_HOLDS_DOCUMENT(at) && bson_iter_recurse(at, &field) &&
        bson_iter_find(&field, "lastWriteDate") && BSON_ITER_HOLDS_DATE_TIME(&field)) {
        d->has_last_write = true;
        d->last_write_ms = bson_iter_date_time(&field);
    }
}

/* hosts, passives and arbiters are read afterwards, in that order. */
enum field {
    FIELD_OK,
    FIELD_WRITABLE,
    FIELD_SECONDARY,
    FIELD_ARBITER,
    FIELD_HIDDEN,
    FIELD_PASSIVE,
    FIELD_GHOST,
    FIELD_MSG,
    FIELD_SET_NAME,
    FIELD_ME,
    FIELD_PRIMARY,
    FIELD_TAGS,
    FIELD_ELECTION_ID,
    FIELD_SET_VERSION,
    FIELD_VERSION,
    FIELD_SERVICE_ID,
    FIELD_MIN_WIRE,
    FIELD_MAX_WIRE,
    FIELD_DOCUMENT_BYTES,
    FIELD_MESSAGE_BYTES,
    FIELD_BATCH_COUNT,
    FIELD_LSID_TIMEOUT,
    FIELD_LAST_WRITE,
    FIELD_READ_ONLY,
    FIELD_HELLO_OK,
    FIELD_CODE,
    FIELD_ERRMSG,
    FIELD_NONE
};

static enum field field_named(const char *name)
{
    static const struct {
        const char *name;
        enum field field;
    } rows[] = {
        {"ok", FIELD_OK},
        {"isWritablePrimary", FIELD_WRITABLE},
        {"ismaster", FIELD_WRITABLE},
        {"secondary", FIELD_SECONDARY},
        {"arbiterOnly", FIELD_ARBITER},
        {"hidden", FIELD_HIDDEN},
        {"passive", FIELD_PASSIVE},
        {"isreplicaset", FIELD_GHOST},
        {"msg", FIELD_MSG},
        {"setName", FIELD_SET_NAME},
        {"me", FIELD_ME},
        {"primary", FIELD_PRIMARY},
        {"tags", FIELD_TAGS},
        {"electionId", FIELD_ELECTION_ID},
        {"setVersion", FIELD_SET_VERSION},
        {"topologyVersion", FIELD_VERSION},
        {"serviceId", FIELD_SERVICE_ID},
        {"minWireVersion", FIELD_MIN_WIRE},
        {"maxWireVersion", FIELD_MAX_WIRE},
        {"maxBsonObjectSize", FIELD_DOCUMENT_BYTES},
        {"maxMessageSizeBytes", FIELD_MESSAGE_BYTES},
        {"maxWriteBatchSize", FIELD_BATCH_COUNT},
        {"logicalSessionTimeoutMinutes", FIELD_LSID_TIMEOUT},
        {"lastWrite", FIELD_LAST_WRITE},
        {"readOnly", FIELD_READ_ONLY},
        {"helloOk", FIELD_HELLO_OK},
        {"code", FIELD_CODE},
        {"errmsg", FIELD_ERRMSG},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return rows[i].field;
        }
    }
    return FIELD_NONE;
}

static void read_role(struct role *role, enum field field, const bson_iter_t *at)
{
    if (field == FIELD_OK) {
        role->is_ok = read_bool(at);
    } else if (field == FIELD_WRITABLE) {
        role->is_writable = role->is_writable || read_bool(at);
    } else if (field == FIELD_SECONDARY) {
        role->is_secondary = read_bool(at);
    } else if (field == FIELD_ARBITER) {
        role->is_arbiter = read_bool(at);
    } else if (field == FIELD_HIDDEN) {
        role->is_hidden = read_bool(at);
    } else if (field == FIELD_GHOST) {
        role->is_ghost = read_bool(at);
    } else if (field == FIELD_MSG && BSON_ITER_HOLDS_UTF8(at)) {
        role->is_mongos = strcmp(bson_iter_utf8(at, NULL), "isdbgrid") == 0;
    }
}

static void read_names(struct reading *r, enum field field, const bson_iter_t *at)
{
    struct server_description *d = r->d;
    if (field == FIELD_SET_NAME) {
        replace_text(&d->set_name, plain_text(at, MAX_HOST_TEXT));
    } else if (field == FIELD_ME) {
        replace_text(&d->me, host_text(at));
    } else if (field == FIELD_PRIMARY) {
        replace_text(&d->primary, host_text(at));
    } else if (field == FIELD_TAGS) {
        read_tags(d, at);
    } else if (field == FIELD_ERRMSG) {
        replace_text(&r->errmsg, plain_text(at, ERROR_TEXT_SIZE / 2));
    }
}

static void read_order(struct server_description *d, enum field field, const bson_iter_t *at)
{
    if (field == FIELD_ELECTION_ID) {
        d->has_election_id = read_object_id(at, d->election_id);
    } else if (field == FIELD_SET_VERSION) {
        d->has_set_version = read_number(at, INT64_MIN, INT64_MAX, &d->set_version);
    } else if (field == FIELD_VERSION) {
        read_version(&d->version, at);
    } else if (field == FIELD_SERVICE_ID) {
        d->has_service_id = read_object_id(at, d->service_id);
    } else if (field == FIELD_LAST_WRITE) {
        read_last_write(d, at);
    }
}

static void read_limits(struct server_description *d, enum field field, const bson_iter_t *at)
{
    if (field == FIELD_MIN_WIRE) {
        read_int32(at, 0, &d->min_wire);
    } else if (field == FIELD_MAX_WIRE) {
        read_int32(at, 0, &d->max_wire);
    } else if (field == FIELD_DOCUMENT_BYTES) {
        read_int32(at, 1, &d->max_document_bytes);
    } else if (field == FIELD_MESSAGE_BYTES) {
        read_int32(at, 1, &d->max_message_bytes);
    } else if (field == FIELD_BATCH_COUNT) {
        read_int32(at, 1, &d->max_batch_count);
    } else if (field == FIELD_CODE) {
        read_int32(at, INT32_MIN, &d->code);
    } else if (field == FIELD_READ_ONLY) {
        d->is_read_only = read_bool(at);
    } else if (field == FIELD_PASSIVE) {
        d->is_passive = read_bool(at);
    } else if (field == FIELD_HELLO_OK) {
        d->hello_ok = read_bool(at);
    } else if (field == FIELD_LSID_TIMEOUT) {
        int64_t minutes;
        d->has_lsid_timeout = read_number(at, 0, INT32_MAX, &minutes);
        d->lsid_timeout_minutes = d->has_lsid_timeout ? (int32_t)minutes : 0;
    }
}

/* SDAM: the type, in the specification's order. */
static enum server_type type_of(const struct role *role, const char *set_name)
{
    if (!role->is_ok) {
        return SERVER_UNKNOWN;
    }
    if (role->is_mongos) {
        return SERVER_MONGOS;
    }
    if (role->is_ghost) {
        return SERVER_RS_GHOST;
    }
    if (set_name == NULL) {
        return SERVER_STANDALONE;
    }
    if (role->is_hidden) {
        return SERVER_RS_OTHER;
    }
    if (role->is_writable) {
        return SERVER_RS_PRIMARY;
    }
    if (role->is_secondary) {
        return SERVER_RS_SECONDARY;
    }
    return role->is_arbiter ? SERVER_RS_ARBITER : SERVER_RS_OTHER;
}

static void read_members(struct server_description *d, const bson_t *document)
{
    static const char *const lists[] = {"hosts", "passives", "arbiters"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        bson_iter_t at;
        if (bson_iter_init_find(&at, document, lists[i])) {
            read_hosts(d, &at);
        }
    }
}

enum status server_description_read(struct span hello, struct server_description *out,
                                    struct error *why)
{
    bson_t document;
    bson_iter_t at;
    if (hello.size < 5 || !bson_init_static(&document, hello.at, hello.size) ||
        !bson_iter_init(&at, &document)) {
        return error_set(why, STATUS_PROTOCOL_ERROR, "the reply to hello is not BSON");
    }
    struct server_description d;
    server_description_init(&d, NULL);
    struct reading r = {.d = &d};
    while (bson_iter_next(&at)) {
        enum field field = field_named(bson_iter_key(&at));
        read_role(&r.role, field, &at);
        read_names(&r, field, &at);
        read_order(&d, field, &at);
        read_limits(&d, field, &at);
    }
    if (at.err_off != 0) {
        server_description_clear(&d);
        free(r.errmsg);
        return error_set(why, STATUS_PROTOCOL_ERROR, "the reply to hello is broken at byte %u",
                         at.err_off);
    }
    read_members(&d, &document);
    d.type = type_of(&r.role, d.set_name);
    if (d.type == SERVER_UNKNOWN) {
        d.error = r.errmsg != NULL ? xformat("%s (code %d)", r.errmsg, (int)d.code)
                                   : xstrdup("the reply to hello was not ok");
    } else {
        d.code = 0;
    }
    free(r.errmsg);
    *out = d;
    return STATUS_OK;
}
