/* What `mooring resolve --table` and `--json` show: who was asked what, and what is taken from it,
 * from where and how old. */
#ifndef RESOLVE_REPORT_H
#define RESOLVE_REPORT_H

#include "names/names.h"

/* One answer that is taken. Texts are owned. */
struct resolve_answer {
    char *name;       /* of the SRV record, or a host */
    const char *from; /* "live", "last good", "upstream.seeds", "connection string", "no DNS";
                         static; NULL: there is none */
    char *by;         /* the resolver; NULL: none */
    char **says;      /* hosts or addresses */
    size_t count;
    msec age; /* of "last good" */
    msec ttl;
    msec took;
    char *why; /* why there is none, or none that is live; NULL: all is well */
};

struct resolve_report {
    struct names_row *rows; /* with texts of their own */
    size_t row_count;
    struct resolve_answer *answers; /* the first is about the cluster, the rest about its hosts */
    size_t answer_count;
    char *uri; /* the standard string, without credentials; NULL: none */
    char *auth_source;
    char *replica_set;
    bool load_balanced;
};

/* Copies. Returns the answer, to be filled; valid until the next is added. */
struct resolve_answer *resolve_report_add(struct resolve_report *r, const char *name);
void resolve_answer_says(struct resolve_answer *a, const char *text);
void resolve_report_rows(struct resolve_report *r, const struct names_row *rows, size_t count);
void resolve_report_clear(struct resolve_report *r);

/* To standard output. */
void resolve_report_print_table(const struct resolve_report *r);
void resolve_report_print_json(const struct resolve_report *r);

#endif
