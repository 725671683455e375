/* Any message gives the same facts whole and in pieces; a front part gives no more than it has. */
#include "target.h"

#include "../unit/core_wire/facts_same.h"

static void check_front_part(struct span message, size_t size)
{
    struct request_facts facts;
    enum wire_fault fault;
    uint8_t *copy = copy_of(span_head(message, size));
    inspect_request(span_of(copy, size), &facts, &fault);
    struct facts_store *store = xmalloc(sizeof *store);
    facts_keep(&facts, store);
    facts_may_use_secondary(&facts, 25);
    free(store);
    free(copy);
}

static void check_pieces(struct span message, uint32_t seed)
{
    struct request_facts facts;
    enum wire_fault whole_fault = WIRE_FAULT_NONE;
    enum wire_fault fault = WIRE_FAULT_NONE;
    enum inspect_result whole = inspect_request(message, &facts, &whole_fault);
    enum inspect_result result = INSPECT_PREFIX;
    struct inspect_stream *s = xmalloc(sizeof *s);
    struct span left = span_tail(message, HEADER_BYTES);
    inspect_begin(s, header_read(message.at));
    do {
        size_t part = piece_size(&seed, left.size);
        uint8_t *copy = copy_of(span_head(left, part));
        result = inspect_feed(s, span_of(copy, part), &fault);
        free(copy);
        left = span_tail(left, part);
    } while (result == INSPECT_PREFIX && left.size > 0);
    require(whole != INSPECT_PREFIX);
    require(result == whole);
    /* Of two faults in one message the pieces may show the other one first. */
    if (result == INSPECT_COMPLETE && !s->facts.is_cut) {
        require(facts_difference(&s->facts, &facts) == NULL);
    }
    free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 1 + HEADER_BYTES) {
        return 0;
    }
    struct span message = span_of(bytes + 1, size - 1);
    uint8_t *copy = copy_of(message);
    struct message_head head = header_read(copy);
    head.length = (int32_t)message.size;
    header_write(copy, head);
    message.at = copy;
    check_pieces(message, bytes[0]);
    check_front_part(message, HEADER_BYTES + bytes[0] % (message.size - HEADER_BYTES + 1));
    free(copy);
    return 0;
}
