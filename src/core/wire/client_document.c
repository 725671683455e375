#include "core/wire/client_document.h"

#include <sys/utsname.h>

void client_document_append(bson_t *hello, const char *app_name)
{
    bson_t client;
    bson_t part;
    struct utsname os;
    BSON_APPEND_DOCUMENT_BEGIN(hello, "client", &client);
    if (app_name != NULL) {
        BSON_APPEND_DOCUMENT_BEGIN(&client, "application", &part);
        BSON_APPEND_UTF8(&part, "name", app_name);
        bson_append_document_end(&client, &part);
    }
    BSON_APPEND_DOCUMENT_BEGIN(&client, "driver", &part);
    BSON_APPEND_UTF8(&part, "name", "mooring");
    BSON_APPEND_UTF8(&part, "version", MOORING_VERSION);
    bson_append_document_end(&client, &part);
    BSON_APPEND_DOCUMENT_BEGIN(&client, "os", &part);
    if (uname(&os) == 0) {
        BSON_APPEND_UTF8(&part, "type", os.sysname);
        BSON_APPEND_UTF8(&part, "architecture", os.machine);
    }
    bson_append_document_end(&client, &part);
    bson_append_document_end(hello, &client);
}
