/* Any bytes give the same messages whole and in pieces. */
#include "target.h"

#include "core/wire/frame.h"

/* False when the frame is bad. */
static bool feed(struct frame *f, struct span in, uint64_t *print)
{
    struct frame_part part;
    for (;;) {
        enum frame_event event = frame_next(f, &in, &part);
        if (event == FRAME_NEED_MORE) {
            require(in.size == 0);
            return true;
        }
        if (event == FRAME_BAD) {
            mix_number(print, (uint64_t)part.fault);
            return false;
        }
        if (event != FRAME_BODY) {
            mix_number(print, (uint64_t)event);
        }
        if (event == FRAME_HEAD || event == FRAME_BODY) {
            mix(print, part.bytes);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct frame f;
    uint64_t whole = 1;
    uint64_t pieces = 1;
    if (size == 0) {
        return 0;
    }
    struct span left = span_of(bytes + 1, size - 1);
    uint32_t seed = bytes[0];
    frame_recognise(left);
    frame_init(&f, MAX_MESSAGE_BYTES);
    feed(&f, left, &whole);
    frame_init(&f, MAX_MESSAGE_BYTES);
    while (left.size > 0) {
        size_t part = piece_size(&seed, left.size);
        uint8_t *copy = copy_of(span_head(left, part));
        bool is_good = feed(&f, span_of(copy, part), &pieces);
        free(copy);
        left = span_tail(left, is_good ? part : left.size);
    }
    require(whole == pieces);
    return 0;
}
