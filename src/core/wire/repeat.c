#include "core/wire/repeat.h"

#include "core/wire/codes.h"

enum { WIRE_LABELS = 9 }; /* MongoDB 4.4: the server labels what may be repeated */

enum repeat repeat_kind(const struct request_facts *facts)
{
    bool is_ended = command_has(facts->command, TRAIT_END);
    if (!facts->expects_reply || facts->is_w0 || facts->has_autocommit || is_ended) {
        return REPEAT_NEVER;
    }
    if (command_has(facts->command, TRAIT_WRITE)) {
        return facts_is_retryable_write(facts) ? REPEAT_WRITE : REPEAT_NEVER;
    }
    return facts_is_retryable_read(facts) ? REPEAT_READ : REPEAT_NEVER;
}

static bool is_retryable_write_code(int32_t code)
{
    return code_is_retryable_read(code) && code != CODE_READ_CONCERN_MAJORITY_NOT_YET;
}

static bool may_repeat_write(const struct reply_facts *reply, struct repeat_server server)
{
    if ((reply->labels & LABEL_RETRYABLE_WRITE) != 0) {
        return true;
    }
    if (server.max_wire >= WIRE_LABELS) {
        return false;
    }
    if (reply->has_ok && !reply->is_ok) {
        return is_retryable_write_code(reply->code);
    }
    return server.is_mongod && is_retryable_write_code(reply->write_concern_code);
}

bool repeat_after_reply(const struct request_facts *facts, const struct reply_facts *reply,
                        struct repeat_server server)
{
    if ((reply->labels & LABEL_SYSTEM_OVERLOADED) != 0) {
        return false;
    }
    switch (repeat_kind(facts)) {
    case REPEAT_NEVER:
        break;
    case REPEAT_READ:
        return reply->has_ok && !reply->is_ok && code_is_retryable_read(reply->code);
    case REPEAT_WRITE:
        return may_repeat_write(reply, server);
    }
    return false;
}
