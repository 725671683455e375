/* Compares facts from two inspections of one message: spans by what they show. */
#ifndef UNIT_CORE_WIRE_FACTS_SAME_H
#define UNIT_CORE_WIRE_FACTS_SAME_H

#include <string.h>

#include "core/wire/inspect.h"

/* Copies `facts` with every span replaced by its size and a hash, so that memory can be compared
 * field by field without a list of fields that could be forgotten. */
static inline struct span span_print(struct span s)
{
    uintptr_t hash = 5381;
    for (size_t i = 0; i < s.size; i++) {
        hash = hash * 33 + s.at[i];
    }
    return span_of((const uint8_t *)(hash % 1000003), s.size);
}

static inline struct request_facts facts_print(const struct request_facts *facts)
{
    struct request_facts f;
    memcpy(&f, facts, sizeof f);
    f.command_name = span_print(f.command_name);
    f.database = span_print(f.database);
    f.collection = span_print(f.collection);
    f.api_version = span_print(f.api_version);
    f.lsid_uid = span_print(f.lsid_uid);
    f.cursors = span_print(f.cursors);
    f.lsids = span_print(f.lsids);
    f.preference.tags = span_print(f.preference.tags);
    f.hello.client = span_print(f.hello.client);
    f.hello.sasl_mechs_for = span_print(f.hello.sasl_mechs_for);
    return f;
}

/* The first member that differs; NULL when none does. */
static inline const char *facts_difference(const struct request_facts *a,
                                           const struct request_facts *b)
{
    struct request_facts x = facts_print(a);
    struct request_facts y = facts_print(b);
#define SAME(member)                                          \
    if (memcmp(&x.member, &y.member, sizeof x.member) != 0) { \
        return #member;                                       \
    }
    SAME(request_id);
    SAME(opcode);
    SAME(message_bytes);
    SAME(flags);
    SAME(command);
    SAME(explained);
    SAME(is_complete);
    SAME(is_cut);
    SAME(expects_reply);
    SAME(command_name);
    SAME(database);
    SAME(collection);
    SAME(api_version);
    SAME(lsid_uid);
    SAME(api_strict);
    SAME(api_deprecation_errors);
    SAME(has_lsid);
    SAME(has_txn_number);
    SAME(has_autocommit);
    SAME(starts_transaction);
    SAME(has_write_stage);
    SAME(is_change_stream);
    SAME(is_tailable);
    SAME(is_await);
    SAME(is_w0);
    SAME(is_linearizable);
    SAME(lsid);
    SAME(txn_number);
    SAME(cursor_id);
    SAME(cursors);
    SAME(lsids);
    SAME(max_time_ms);
    SAME(max_time_offset);
    SAME(max_time_type);
    SAME(preference.is_present);
    SAME(preference.is_malformed);
    SAME(preference.has_hedge);
    SAME(preference.mode);
    SAME(preference.tags);
    SAME(preference.max_staleness_seconds);
    SAME(hello.client);
    SAME(hello.client_bytes);
    SAME(hello.sasl_mechs_for);
    SAME(hello.wants_hello_ok);
    SAME(hello.is_load_balanced);
    SAME(hello.has_speculative_login);
    SAME(hello.has_topology_version);
    SAME(hello.has_max_await);
    SAME(hello.topology_counter);
    SAME(hello.max_await_ms);
#undef SAME
    return NULL;
}

#endif
