#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *text;
} statuses[] = {
#define STATUS_ROW(name, text) {#name, text},
    STATUS_LIST(STATUS_ROW)
#undef STATUS_ROW
};

const char *status_name(enum status s)
{
    return statuses[s].name;
}

const char *status_text(enum status s)
{
    return statuses[s].text;
}

enum status error_set(struct error *why, enum status status, const char *format, ...)
{
    if (why == NULL) {
        return status;
    }
    char text[ERROR_TEXT_SIZE]; /* the arguments may point into why->text */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    why->status = status;
    memcpy(why->text, text, sizeof text);
    return status;
}

void error_wrap(struct error *why, const char *format, ...)
{
    if (why == NULL) {
        return;
    }
    char text[ERROR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length > 0 && (size_t)length < sizeof text) {
        size_t used = (size_t)length;
        snprintf(text + used, sizeof text - used, ": %.*s", (int)(sizeof text - used), why->text);
    }
    memcpy(why->text, text, sizeof text);
}
