/* Message boundaries: the same events for every way of cutting the same bytes. */
#include "wire_make.h"

#include "core/wire/frame.h"

enum { MAX_BYTES = 1000 };

/* The events as text: H<opcode>:<request id>:<length>, the body's bytes, E, or B<fault>. */
struct script {
    char text[8192];
    size_t size;
};

static void note(struct script *s, const struct frame_part *part, enum frame_event event)
{
    char *at = s->text + s->size;
    size_t room = sizeof s->text - s->size;
    int size = 0;
    if (event == FRAME_HEAD) {
        struct message_head again = header_read(part->bytes.at);
        assert_memory_equal(&again, &part->head, sizeof again);
        size = snprintf(at, room, "H%d:%d:%d:%d ", part->head.opcode, part->head.request_id,
                        part->head.response_to, part->head.length);
    } else if (event == FRAME_BODY) {
        assert_true(part->bytes.size > 0);
        for (size_t i = 0; i < part->bytes.size; i++) {
            size += snprintf(at + size, room - (size_t)size, "%02x", part->bytes.at[i]);
        }
    } else if (event == FRAME_END) {
        size = snprintf(at, room, " E ");
    } else if (event == FRAME_BAD) {
        size = snprintf(at, room, "B%d:%d", part->fault, part->head.length);
    }
    s->size += (size_t)size;
    assert_true(s->size < sizeof s->text);
}

static void feed(struct frame *f, struct script *s, struct span piece)
{
    struct frame_part part;
    enum frame_event event;
    while ((event = frame_next(f, &piece, &part)) != FRAME_NEED_MORE) {
        note(s, &part, event);
        if (event == FRAME_BAD) {
            return;
        }
    }
    assert_int_equal(piece.size, 0);
}

static void make_stream(struct maker *stream)
{
    struct maker m = {0};
    struct span s = make_msg(&m, 0, "{\"ping\": 1, \"$db\": \"admin\"}");
    make_bytes(stream, s.at, s.size);
    make_header(&m, -5, 1);
    s = make_end(&m); /* no body at all */
    make_bytes(stream, s.at, s.size);
    s = make_query(&m, "admin.$cmd", "{\"isMaster\": 1}");
    make_bytes(stream, s.at, s.size);
    make_free(&m);
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    struct maker stream = {0};
    struct frame f;
    make_stream(&stream);
    struct span all = span_of(stream.bytes, stream.size);
    struct script whole = {0};
    frame_init(&f, MAX_BYTES);
    feed(&f, &whole, all);
    assert_true(frame_is_between(&f));
    assert_non_null(strstr(whole.text, "H2013:7:0:"));
    assert_non_null(strstr(whole.text, "H1:-5:0:16  E "));
    assert_non_null(strstr(whole.text, "H2004:7:0:"));

    for (size_t cut = 0; cut <= all.size; cut++) {
        struct script two = {0};
        frame_init(&f, MAX_BYTES);
        feed(&f, &two, span_head(all, cut));
        feed(&f, &two, span_tail(all, cut));
        assert_string_equal(two.text, whole.text);
    }
    for (uint64_t seed = 1; seed < 200; seed++) {
        struct script many = {0};
        struct span left = all;
        uint64_t random = seed;
        frame_init(&f, MAX_BYTES);
        while (left.size > 0) {
            size_t part = make_random(&random) % 20;
            part = part < left.size ? part : left.size;
            feed(&f, &many, span_head(left, part));
            left = span_tail(left, part);
        }
        assert_string_equal(many.text, whole.text);
    }
    make_free(&stream);
}

static void test_is_between(void **state)
{
    (void)state;
    struct maker m = {0};
    struct frame f;
    struct script s = {0};
    struct span all = make_msg(&m, 0, "{\"ping\": 1}");
    frame_init(&f, MAX_BYTES);
    assert_true(frame_is_between(&f));
    feed(&f, &s, span_head(all, 1));
    assert_false(frame_is_between(&f));
    feed(&f, &s, span_head(span_tail(all, 1), 19));
    assert_false(frame_is_between(&f));
    feed(&f, &s, span_tail(all, 20));
    assert_true(frame_is_between(&f));
    make_free(&m);
}

static void test_bad_headers(void **state)
{
    (void)state;
    static const struct {
        int32_t length;
        int32_t opcode;
        int fault;
    } CASES[] = {
        {15, OP_MSG, WIRE_FAULT_LENGTH},
        {0, OP_MSG, WIRE_FAULT_LENGTH},
        {-1, OP_MSG, WIRE_FAULT_LENGTH},
        {INT32_MIN, OP_MSG, WIRE_FAULT_LENGTH},
        {INT32_MAX, OP_MSG, WIRE_FAULT_LENGTH},
        {MAX_BYTES + 1, OP_MSG, WIRE_FAULT_LENGTH},
        {16, OP_MSG, -1},
        {MAX_BYTES, OP_MSG, -1},
        {16, OP_QUERY, -1},
        {16, OP_COMPRESSED, -1},
        {16, OP_INSERT, -1},
        {16, 2003, WIRE_FAULT_OPCODE},
        {16, 0, WIRE_FAULT_OPCODE},
        {16, -1, WIRE_FAULT_OPCODE},
        {16, 2014, WIRE_FAULT_OPCODE},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        uint8_t header[HEADER_BYTES];
        struct frame f;
        struct frame_part part;
        header_write(header, (struct message_head){CASES[i].length, 3, 4, CASES[i].opcode});
        struct span in = span_of(header, sizeof header);
        frame_init(&f, MAX_BYTES);
        enum frame_event event = frame_next(&f, &in, &part);
        if (CASES[i].fault < 0) {
            assert_int_equal(event, FRAME_HEAD);
            continue;
        }
        assert_int_equal(event, FRAME_BAD);
        assert_int_equal(part.fault, CASES[i].fault);
        assert_memory_equal(part.bytes.at, header, sizeof header);
        /* For ever after, and without taking more. */
        in = span_text("more");
        assert_int_equal(frame_next(&f, &in, &part), FRAME_BAD);
        assert_int_equal(part.fault, CASES[i].fault);
        assert_int_equal(in.size, 4);
    }
}

static void test_recognise(void **state)
{
    (void)state;
    struct maker m = {0};
    assert_int_equal(frame_recognise(span_text("GET / HTTP/1.1\r\n")), CALLER_HTTP);
    assert_int_equal(frame_recognise(span_text("POST /")), CALLER_HTTP);
    assert_int_equal(frame_recognise(span_text("PRI * HTTP/2.0")), CALLER_HTTP);
    assert_int_equal(frame_recognise(span_text("GET")), CALLER_UNKNOWN);
    assert_int_equal(frame_recognise(span_text("SSH-2.0-OpenSSH_9.2")), CALLER_UNKNOWN);
    static const uint8_t HELLO[] = {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 9, 8, 7, 6, 5};
    assert_int_equal(frame_recognise(span_of(HELLO, sizeof HELLO)), CALLER_TLS);
    assert_int_equal(frame_recognise(span_of(HELLO, 6)), CALLER_TLS);
    assert_int_equal(frame_recognise(span_of(HELLO, 5)), CALLER_UNKNOWN);
    /* A message of 66326 bytes begins with the bytes of a TLS record. */
    static const uint8_t MESSAGE[] = {0x16, 3, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xdd, 7, 0, 0};
    assert_int_equal(frame_recognise(span_of(MESSAGE, sizeof MESSAGE)), CALLER_MONGODB);
    assert_int_equal(frame_recognise(make_msg(&m, 0, "{\"hello\": 1}")), CALLER_MONGODB);
    assert_int_equal(frame_recognise(span_of(NULL, 0)), CALLER_UNKNOWN);
    make_free(&m);
}

static void test_fault_rows(void **state)
{
    (void)state;
    assert_int_equal(wire_fault_row(WIRE_FAULT_FLAG)->code, 223);
    assert_true(wire_fault_row(WIRE_FAULT_FLAG)->closes);
    assert_int_equal(wire_fault_row(WIRE_FAULT_SEQUENCES)->code, 233);
    assert_true(wire_fault_row(WIRE_FAULT_SEQUENCES)->closes);
    assert_int_equal(wire_fault_row(WIRE_FAULT_CHECKSUM)->code, 288);
    assert_true(wire_fault_row(WIRE_FAULT_CHECKSUM)->closes);
    assert_int_equal(wire_fault_row(WIRE_FAULT_TWO_BODIES)->code, 40430);
    assert_int_equal(wire_fault_row(WIRE_FAULT_TWO_SEQUENCES)->code, 40431);
    assert_int_equal(wire_fault_row(WIRE_FAULT_SECTION)->code, 40432);
    assert_true(wire_fault_row(WIRE_FAULT_SECTION)->closes);
    assert_int_equal(wire_fault_row(WIRE_FAULT_SEQUENCE_AND_FIELD)->code, 40433);
    assert_int_equal(wire_fault_row(WIRE_FAULT_NO_BODY)->code, 40587);
    assert_int_equal(wire_fault_row(WIRE_FAULT_NO_DATABASE)->code, 40571);
    assert_false(wire_fault_row(WIRE_FAULT_NO_DATABASE)->closes);
    assert_int_equal(wire_fault_row(WIRE_FAULT_QUERY_COMMAND)->code, 352);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_anywhere), cmocka_unit_test(test_is_between),
        cmocka_unit_test(test_bad_headers),  cmocka_unit_test(test_recognise),
        cmocka_unit_test(test_fault_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
