/* What the facts mean: findings, the one that counts first.
 *
 * Judges add them in any order; diagnosis_settle sorts them and leaves out what a worse one at an
 * earlier stage explains. */
#ifndef DOCTOR_DIAGNOSIS_H
#define DOCTOR_DIAGNOSIS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#include "doctor/findings.h"

enum { FINDINGS_MOST = 64, EVIDENCE_MOST = 16 };

struct finding {
    enum finding_id id;
    enum finding_severity severity;
    enum finding_confidence confidence;
    struct evidence evidence[EVIDENCE_MOST]; /* keys are static, values owned */
    size_t evidence_count;
};

struct diagnosis {
    struct finding items[FINDINGS_MOST];
    size_t count;
};

/* Adds one with its row's severity; when it is there already, that one is given, with the worse
 * severity and the higher confidence of both. */
struct finding *diagnosis_add(struct diagnosis *d, enum finding_id id,
                              enum finding_severity severity, enum finding_confidence confidence);

struct finding *diagnosis_find(struct diagnosis *d, enum finding_id id);

/* Measured: `key` is static. A key that is there already gets ", more" behind what it holds, unless
 * that says the same. Beyond EVIDENCE_MOST, it is dropped. */
void finding_note(struct finding *f, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Removes one. */
void diagnosis_drop(struct diagnosis *d, enum finding_id id);

/* The worst first, of equals the earlier stage, of those the surer one. A fatal finding about the
 * way to the cluster leaves out all that later stages of that way say. */
void diagnosis_settle(struct diagnosis *d);

/* Of the first finding; SEVERITY_INFO when there is none, or nothing worse. */
enum finding_severity diagnosis_severity(const struct diagnosis *d);

void diagnosis_clear(struct diagnosis *d);

#endif
