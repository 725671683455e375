/* Any reply gives the same facts whole and in pieces; a rewritten one is a reply again, and has
 * nothing more to rewrite. */
#include "target.h"

#include "core/wire/reply_rewrite.h"

static enum reply_result check_pieces(struct span message, uint32_t seed)
{
    struct reply_skim whole;
    struct reply_skim pieces;
    struct span left = span_tail(message, HEADER_BYTES);
    reply_skim_begin(&whole, header_read(message.at));
    reply_skim_begin(&pieces, header_read(message.at));
    enum reply_result result = reply_skim_feed(&whole, left);
    require(result != REPLY_MORE);
    do {
        size_t part = piece_size(&seed, left.size);
        uint8_t *copy = copy_of(span_head(left, part));
        result = reply_skim_feed(&pieces, span_of(copy, part));
        free(copy);
        left = span_tail(left, part);
    } while (result == REPLY_MORE && left.size > 0);
    require(result == (enum reply_result)whole.result);
    require(memcmp(&whole.facts, &pieces.facts, sizeof whole.facts) == 0);
    reply_state_change(&whole.facts);
    return result;
}

static void check_rewrite(struct span message)
{
    struct chunk_pool pool;
    struct buf first;
    struct buf second;
    void *owned = NULL;
    chunk_pool_init(&pool, MIB);
    buf_init(&first, &pool);
    buf_init(&second, &pool);
    if (reply_rewrite(message, header_read(message.at), &first)) {
        struct span again = buf_flatten(&first, &owned);
        struct reply_skim s;
        reply_skim_begin(&s, header_read(again.at));
        require(reply_skim_feed(&s, span_tail(again, HEADER_BYTES)) == REPLY_COMPLETE);
        require(!reply_rewrite(again, header_read(again.at), &second));
        free(owned);
    }
    buf_clear(&first);
    buf_clear(&second);
    chunk_pool_clear(&pool);
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
    if (check_pieces(message, bytes[0]) == REPLY_COMPLETE) {
        check_rewrite(message);
    }
    free(copy);
    return 0;
}
