/* The log: one line an event = time, level, group, who, message, key=value.
 *
 * Lines go to standard error as text or JSON; same call sites for both. Only `proxy`, `settings` at
 * start and `main` log above debug. Never payload, never credentials. A line that repeats within
 * the collapse time is counted, not written, and the count is told with the next one. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdio.h>

#include "base/units.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

enum log_group {
    LOG_NET,
    LOG_TLS,
    LOG_DNS,
    LOG_TOPOLOGY,
    LOG_POOL,
    LOG_CLIENT,
    LOG_SETTINGS,
    LOG_MAIN,
    LOG_GROUP_COUNT
};

enum log_format { LOG_TEXT, LOG_JSON };

/* Where lines go (default: standard error) and how; a NULL file silences the log. */
void log_open(FILE *file, enum log_format format);

void log_set_level(enum log_level level);
void log_set_group_level(enum log_group group, enum log_level level);
bool log_wants(enum log_level level, enum log_group group);

/* Group by its name ("pool"); false when there is none of that name. */
bool log_find_group(const char *name, enum log_group *out);

/* "net, tls, …": for messages. Static text. */
const char *log_group_names(void);

/* The time of day as lines show it, `ago` milliseconds before now; 40 bytes are enough. */
void log_time_text(msec ago, char *text, size_t size);

/* Writes one line. `who` is "client 17" or "backend 4 to host:27017" or NULL. The message is a
 * sentence fragment without full stop; pairs are appended by the caller as " key=value" in the
 * format. */
void log_line(enum log_level level, enum log_group group, const char *who, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#define log_error(group, who, ...) log_line(LOG_ERROR, group, who, __VA_ARGS__)
#define log_warn(group, who, ...)  log_line(LOG_WARN, group, who, __VA_ARGS__)
#define log_info(group, who, ...)  log_line(LOG_INFO, group, who, __VA_ARGS__)
#define log_debug(group, who, ...) \
    (log_wants(LOG_DEBUG, group) ? log_line(LOG_DEBUG, group, who, __VA_ARGS__) : (void)0)

#endif
