/* What follows from the facts about a request. */
#include "core/wire/inspect_fields.h"

bool facts_keep(struct request_facts *facts, struct facts_store *store)
{
    struct span *const spans[] = {
        &facts->command_name,
        &facts->database,
        &facts->collection,
        &facts->api_version,
        &facts->preference.tags,
        &facts->hello.client,
        &facts->hello.sasl_mechs_for,
        &facts->cursors,
        &facts->lsids,
        &facts->lsid_uid,
    };
    bool fit = true;
    store->used = 0;
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        if (!store_copy(store, spans[i])) {
            *spans[i] = span_of(NULL, 0);
            facts->is_cut = true;
            fit = false;
        }
    }
    return fit;
}

bool facts_may_use_secondary(const struct request_facts *facts, int32_t max_wire_version)
{
    enum { WIRE_WRITE_STAGE_ON_SECONDARY = 13 };
    enum command command = facts->command == COMMAND_EXPLAIN ? facts->explained : facts->command;
    if (facts->has_autocommit || facts->is_linearizable) {
        return false;
    }
    if (facts->has_write_stage) {
        return facts->command == COMMAND_AGGREGATE &&
               max_wire_version >= WIRE_WRITE_STAGE_ON_SECONDARY;
    }
    if (command_has(command, TRAIT_READ) || command_has(command, TRAIT_ANY)) {
        return true;
    }
    return !command_has(command, TRAIT_WRITE) && facts->preference.is_present &&
           facts->preference.mode != READ_PRIMARY;
}

bool facts_takes_default_preference(const struct request_facts *facts)
{
    enum command command = facts->command == COMMAND_EXPLAIN ? facts->explained : facts->command;
    return command_has(command, TRAIT_READ) && !facts->preference.is_present &&
           !facts->has_autocommit && !facts->has_write_stage && !facts->is_linearizable;
}

bool facts_is_of_node(const struct request_facts *facts)
{
    return facts->is_of_node || command_has(facts->command, TRAIT_NODE);
}

enum read_mode facts_read_mode(const struct request_facts *facts)
{
    if (facts->preference.is_present) {
        return facts->preference.mode;
    }
    return command_has(facts->command, TRAIT_ANY) ? READ_PRIMARY_PREFERRED : READ_PRIMARY;
}

int64_t facts_first_cursor(const struct request_facts *facts)
{
    struct view v;
    struct element e;
    int64_t id = 0;
    if (facts->command == COMMAND_GET_MORE) {
        return facts->cursor_id;
    }
    view_init(&v, facts->cursors);
    if (facts->cursors.size > 0 && view_next(&v, &e) == VIEW_ELEMENT) {
        element_int64(&e, &id);
    }
    return id;
}

bool facts_is_priority(const struct request_facts *facts)
{
    return command_has(facts->command, TRAIT_LANE) ||
           (facts->has_autocommit && !facts->starts_transaction);
}

bool facts_is_retryable_read(const struct request_facts *facts)
{
    return command_has(facts->command, TRAIT_RETRY_READ) && !facts->has_autocommit &&
           !facts->has_write_stage;
}

bool facts_may_fall_back(const struct request_facts *facts)
{
    bool wants_primary = !facts->preference.is_present || facts->preference.mode == READ_PRIMARY;
    return wants_primary && !facts->is_linearizable && facts_is_retryable_read(facts);
}

void facts_write_upstream_head(const struct request_facts *facts, int32_t upstream_id,
                               uint8_t out[UPSTREAM_HEAD_BYTES])
{
    uint32_t length = facts->message_bytes - (facts_has_checksum(facts) ? CHECKSUM_BYTES : 0);
    header_write(out, (struct message_head){
                          .length = (int32_t)length,
                          .request_id = upstream_id,
                          .opcode = OP_MSG,
                      });
    write_int32(out + HEADER_BYTES, 0);
}

size_t facts_write_max_time(const struct request_facts *facts, int64_t max_time_ms, uint8_t out[8])
{
    if (facts->max_time_type == ELEMENT_INT32) {
        write_int32(out, max_time_ms > INT32_MAX ? INT32_MAX : (int32_t)max_time_ms);
        return 4;
    }
    if (facts->max_time_type == ELEMENT_INT64) {
        write_int64(out, max_time_ms);
        return 8;
    }
    double value = (double)max_time_ms;
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    write_int64(out, bits);
    return 8;
}
