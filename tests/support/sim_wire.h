/* MongoDB messages for the simulated servers and applications, by libbson and apart from the
 * product's wire code, so that a misreading of the protocol cannot hide in both. */
#ifndef SUPPORT_SIM_WIRE_H
#define SUPPORT_SIM_WIRE_H

#include <bson/bson.h>

#include "net/net.h"

/* What has come from the other end and is no whole message yet. */
struct sim_inbox {
    uint8_t *bytes;
    size_t size;
    size_t room;
};

struct sim_message {
    int32_t request_id;
    int32_t response_to;
    uint32_t flags;
    bson_t *body; /* sim_message_clear destroys it */
};

void sim_inbox_add(struct sim_inbox *in, struct span bytes);
void sim_inbox_clear(struct sim_inbox *in);

/* Takes the first message; false when none is whole. Anything but an OP_MSG that can be read fails
 * the test. */
bool sim_inbox_take(struct sim_inbox *in, struct sim_message *out);
void sim_message_clear(struct sim_message *m);

/* As bytes, which the caller frees. */
uint8_t *sim_message_write(int32_t request_id, int32_t response_to, uint32_t flags,
                           const bson_t *body, size_t *size);

void sim_message_send(struct conn *conn, int32_t request_id, int32_t response_to, uint32_t flags,
                      const bson_t *body);

/* A document from JSON with ' for ", by printf's rules. The caller destroys it. */
bson_t *sim_document(const char *format, ...) __attribute__((format(printf, 1, 2)));
bson_t *sim_document_list(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* A field by its path ("cursor.id"); what is not there is 0, "" or false. */
int64_t sim_int(const bson_t *document, const char *path);
const char *sim_text(const bson_t *document, const char *path);
bool sim_has(const bson_t *document, const char *path);

#endif
