/* What was found, for people and for programs: both from the same findings and facts.
 *
 * Nothing here shows a secret: connection strings are never printed, only names and numbers. */
#ifndef DOCTOR_REPORT_H
#define DOCTOR_REPORT_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdio.h>

#include "doctor/diagnosis.h"
#include "doctor/examination.h"

/* One sentence: the layer, what is wrong and the first step to mend it, with the finding's id; or
 * that nothing is. To be freed. */
char *report_verdict(const struct examination *e, const struct diagnosis *d);

/* One stage's outcome, put together from the facts. */
struct stage_row {
    enum finding_stage stage;
    const char *word; /* "good", "partly", "failed", "not done" */
    msec took;        /* of the slowest part */
    char *detail;     /* owned */
};

void report_stage(const struct examination *e, enum finding_stage stage, struct stage_row *row);

void report_print(const struct examination *e, const struct diagnosis *d, bool is_coloured,
                  FILE *to);

/* One of them, with its sentences, evidence and steps. */
void report_print_finding(const struct finding *f, bool is_coloured, FILE *to);
void report_write_finding(bson_t *to, const struct finding *f);

/* Appends verdict, findings, stages and facts. `settings` adds those too, for the bundle: their
 * values with secrets blotted out. */
void report_write(const struct examination *e, const struct diagnosis *d, bool settings,
                  bson_t *out);

/* The facts alone (report_facts.c). */
void report_write_facts(const struct examination *e, bson_t *out);

/* The same as relaxed extended JSON; to be freed. */
char *report_json(const struct examination *e, const struct diagnosis *d, bool settings);

#endif
