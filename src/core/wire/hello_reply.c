#include "core/wire/hello_reply.h"

#include "core/wire/codes.h"
#include "core/wire/reply_write.h"

enum {
    APPLICATION_NAME_BYTES_MOST = 128,
    HELLO_REPLY_BYTES_MOST = 512 + SET_NAME_BYTES_MOST + 3 * HELLO_ADDRESS_BYTES_MOST
};

void hello_values_init(struct hello_values *values)
{
    *values = (struct hello_values){
        .presentation = PRESENT_MONGOS,
        .max_wire_version = 17,
        .max_bson_object_bytes = 16 * 1024 * 1024,
        .max_message_bytes = MAX_MESSAGE_BYTES,
        .max_write_batch_size = 100000,
        .logical_session_timeout_minutes = 30,
    };
}

/* --- what is refused --- */

static bool find_text(struct span document, const char *key, struct span *text)
{
    struct element e;
    return view_find(document, key, &e) && element_text(&e, text);
}

static bool find_document(struct span document, const char *key, struct span *out)
{
    struct element e;
    return view_find(document, key, &e) && e.type == ELEMENT_DOCUMENT && element_document(&e, out);
}

void hello_read_client(struct span client, struct client_names *out)
{
    struct span part;
    *out = (struct client_names){0};
    if (find_document(client, "application", &part)) {
        find_text(part, "name", &out->application);
    }
    if (find_document(client, "driver", &part)) {
        find_text(part, "name", &out->driver);
        find_text(part, "version", &out->driver_version);
    }
}

/* CODE_OK: the metadata is as the handshake specification wants it. */
static enum code check_client(const struct hello_facts *hello, const char **text)
{
    struct span part;
    struct span name;
    if (hello->client_bytes > CLIENT_BYTES_MOST) {
        *text = "the client metadata document is larger than 512 bytes";
        return CODE_CLIENT_METADATA_TOO_LARGE;
    }
    if (!find_document(hello->client, "driver", &part) || !find_text(part, "name", &name) ||
        !find_text(part, "version", &name) || !find_document(hello->client, "os", &part) ||
        !find_text(part, "type", &name)) {
        *text = "the client metadata lacks driver.name, driver.version or os.type";
        return CODE_CLIENT_METADATA_MISSING_FIELD;
    }
    if (find_document(hello->client, "application", &part) && find_text(part, "name", &name) &&
        name.size > APPLICATION_NAME_BYTES_MOST) {
        *text = "the application name is longer than 128 bytes";
        return CODE_CLIENT_METADATA_APP_NAME_TOO_LARGE;
    }
    return CODE_OK;
}

/* The pair that asks for a hello to be held until something changes. */
static enum code check_await(const struct request_facts *facts, const char **text)
{
    const struct hello_facts *hello = &facts->hello;
    bool wants_exhaust = facts->opcode == OP_MSG && (facts->flags & MSG_EXHAUST_ALLOWED) != 0;
    if (hello->has_topology_version != hello->has_max_await) {
        *text = "topologyVersion and maxAwaitTimeMS must be given together";
        return wants_exhaust && !hello->has_max_await ? CODE_EXHAUST_WITHOUT_MAX_AWAIT
                                                      : CODE_MAX_AWAIT_UNPAIRED;
    }
    if (wants_exhaust && !hello->has_max_await) {
        *text = "a streamed hello must give maxAwaitTimeMS";
        return CODE_EXHAUST_WITHOUT_MAX_AWAIT;
    }
    if (hello->has_topology_version && hello->topology_counter < 0) {
        *text = "the counter of topologyVersion must not be negative";
        return CODE_TOPOLOGY_COUNTER_NEGATIVE;
    }
    if (hello->has_max_await && hello->max_await_ms < 0) {
        *text = "maxAwaitTimeMS must not be negative";
        return CODE_MAX_AWAIT_NEGATIVE;
    }
    return CODE_OK;
}

static enum code check_hello(const struct request_facts *facts, bool had_metadata,
                             const char **text)
{
    enum code code = CODE_OK;
    if (facts->api_version.size > 0 && !span_is(facts->api_version, "1")) {
        *text = "API version must be \"1\"";
        return CODE_API_VERSION;
    }
    if (facts->hello.client_bytes > 0) {
        if (had_metadata) {
            *text = "the client metadata document may only be sent in the first hello";
            return CODE_CLIENT_METADATA_REPEATED;
        }
        code = check_client(&facts->hello, text);
    }
    return code == CODE_OK ? check_await(facts, text) : code;
}

bool hello_is_refused(const struct request_facts *facts, bool had_metadata, struct error_row *row,
                      const char **text)
{
    const char *why;
    enum code code = check_hello(facts, had_metadata, &why);
    if (code == CODE_OK) {
        return false;
    }
    *row = (struct error_row){.code = (int32_t)code, .code_name = code_name(code)};
    *text = why;
    return true;
}

/* --- what is answered --- */

enum presentation hello_presentation(const struct request_facts *to,
                                     const struct hello_values *values)
{
    bool is_set = values->presentation == PRESENT_REPLICA_SET;
    return is_set && to->hello.is_load_balanced ? PRESENT_MONGOS : values->presentation;
}

/* (setVersion, electionId) order primaries. They are the same for every process and for ever: a
 * driver that has seen a larger pair takes us for a primary of the past. */
static void put_member(struct doc_writer *w, const struct hello_values *values, struct span address)
{
    static const uint8_t election[12] = {0x7f, 0xff, 0xff, 0xff, [11] = 1};
    write_head(w, ELEMENT_ARRAY, span_text("hosts"));
    size_t hosts = write_open(w);
    put_text(w, "0", address);
    write_close(w, hosts);
    put_text(w, "setName", span_text(values->set_name));
    put_int32(w, "setVersion", 1);
    put_text(w, "primary", address);
    put_text(w, "me", address);
    write_head(w, ELEMENT_OBJECT_ID, span_text("electionId"));
    write_bytes(w, span_of(election, sizeof election));
}

static void put_last_write(struct doc_writer *w, int64_t now_ms)
{
    write_head(w, ELEMENT_DOCUMENT, span_text("lastWrite"));
    size_t last_write = write_open(w);
    put_date(w, "lastWriteDate", now_ms);
    write_close(w, last_write);
}

static void put_presentation(struct doc_writer *w, const struct request_facts *to,
                             const struct hello_values *values, const struct hello_asker *asker,
                             int64_t now_ms)
{
    enum presentation as = hello_presentation(to, values);
    bool is_set = as == PRESENT_REPLICA_SET;
    bool is_ready = !is_set || values->set_name[0] != '\0';
    put_bool(w, to->command == COMMAND_HELLO ? "isWritablePrimary" : "ismaster", is_ready);
    if (as == PRESENT_MONGOS) {
        put_text(w, "msg", span_text("isdbgrid"));
    } else if (is_set) {
        put_bool(w, "secondary", false);
    }
    if (is_set && is_ready) {
        put_member(w, values, asker->address);
        put_last_write(w, now_ms);
    } else if (is_set) {
        put_bool(w, "isreplicaset", true);
    }
    if (as != PRESENT_MONGOS) {
        put_bool(w, "readOnly", false);
    }
}

/* int32 where libmongoc and Java insist on it. No topologyVersion: drivers then poll, and need one
 * connection instead of two. helloOk only when asked, but then every time. */
static void put_hello(struct doc_writer *w, const struct request_facts *to,
                      const struct hello_values *values, const struct hello_asker *asker,
                      int64_t now_ms)
{
    put_presentation(w, to, values, asker, now_ms);
    if (to->hello.wants_hello_ok) {
        put_bool(w, "helloOk", true);
    }
    put_int32(w, "maxBsonObjectSize", values->max_bson_object_bytes);
    put_int32(w, "maxMessageSizeBytes", values->max_message_bytes);
    put_int32(w, "maxWriteBatchSize", values->max_write_batch_size);
    put_date(w, "localTime", now_ms);
    if (values->logical_session_timeout_minutes >= 0) {
        put_int32(w, "logicalSessionTimeoutMinutes", values->logical_session_timeout_minutes);
    }
    put_int32(w, "connectionId", asker->connection_id);
    put_int32(w, "minWireVersion", 0);
    put_int32(w, "maxWireVersion", values->max_wire_version);
    if (to->hello.is_load_balanced) {
        write_head(w, ELEMENT_OBJECT_ID, span_text("serviceId"));
        write_bytes(w, span_of(values->service_id, sizeof values->service_id));
    }
    put_double(w, "ok", 1);
}

bool reply_hello(struct buf *out, const struct request_facts *to, int32_t reply_id,
                 const struct hello_values *values, const struct hello_asker *asker, int64_t now_ms)
{
    uint8_t bytes[HELLO_REPLY_BYTES_MOST];
    struct doc_writer w;
    if (!to->expects_reply) {
        return false;
    }
    write_begin(&w, bytes, sizeof bytes);
    reply_open(&w, to, reply_id);
    size_t document = write_open(&w);
    put_hello(&w, to, values, asker, now_ms);
    write_close(&w, document);
    reply_close(&w, out);
    return true;
}
