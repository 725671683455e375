/* What can be wrong with the bytes of a message, and what a MongoDB server calls it.
 *
 * A fault whose row says `closes` ends the client's connection after the reply (if any can be
 * sent); the others are answered and the connection goes on. */
#ifndef CORE_WIRE_FAULT_H
#define CORE_WIRE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

/*        name               closes code   codeName                     text */
#define WIRE_FAULT_LIST(X)                                                                       \
    X(NONE, false, 0, "OK", "no fault")                                                          \
    X(LENGTH, true, 17, "ProtocolError", "the message length is outside 16 to 48000000")         \
    X(OPCODE, true, 17, "ProtocolError", "the opcode is unknown")                                \
    X(LEGACY_OPCODE, true, 352, "UnsupportedOpQueryCommand",                                     \
      "this opcode was removed in MongoDB 5.1; use a driver that speaks OP_MSG")                 \
    X(COMPRESSED, true, 17, "ProtocolError", "compression was not negotiated")                   \
    X(UNEXPECTED_REPLY, true, 17, "ProtocolError", "a reply opcode came from a client")          \
    X(QUERY_COMMAND, false, 352, "UnsupportedOpQueryCommand",                                    \
      "OP_QUERY is only accepted for the handshake; use a driver that speaks OP_MSG")            \
    X(FLAG, true, 223, "IllegalOpMsgFlag", "a required flag bit of OP_MSG is not known")         \
    X(SEQUENCES, true, 233, "TooManyDocumentSequences", "more than two document sequences")      \
    X(CHECKSUM, true, 288, "ChecksumMismatch", "the checksum does not match the message")        \
    X(TWO_BODIES, false, 40430, "Location40430", "more than one body section")                   \
    X(TWO_SEQUENCES, false, 40431, "Location40431", "two document sequences of one name")        \
    X(SECTION, true, 40432, "Location40432", "the section kind is unknown")                      \
    X(SEQUENCE_AND_FIELD, false, 40433, "Location40433",                                         \
      "a field is in both the body and a document sequence")                                     \
    X(NO_BODY, false, 40587, "Location40587", "the message has no body section")                 \
    X(NO_DATABASE, false, 40571, "Location40571", "the field $db is missing or is not a string") \
    X(TRUNCATED, true, 17, "ProtocolError", "a section does not fit into its message")           \
    X(BSON, false, 22, "InvalidBSON", "a document is not valid BSON")

enum wire_fault {
#define WIRE_FAULT_ENUM(name, closes, code, code_name, text) WIRE_FAULT_##name,
    WIRE_FAULT_LIST(WIRE_FAULT_ENUM)
#undef WIRE_FAULT_ENUM
};

struct wire_fault_row {
    bool closes;
    int32_t code;
    const char *code_name;
    const char *text;
};

/* Static; never NULL. */
const struct wire_fault_row *wire_fault_row(enum wire_fault fault);

#endif
