/* Who we are, as a hello of ours says it (MongoDB handshake: at most 512 bytes). */
#ifndef CORE_WIRE_CLIENT_DOCUMENT_H
#define CORE_WIRE_CLIENT_DOCUMENT_H

#include <bson/bson.h>

/* Appends `client`. `app_name` is at most 128 bytes, or NULL. */
void client_document_append(bson_t *hello, const char *app_name);

#endif
