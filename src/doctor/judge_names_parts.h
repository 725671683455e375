/* What judge_names.c and judge_addresses.c share. */
#ifndef DOCTOR_JUDGE_NAMES_PARTS_H
#define DOCTOR_JUDGE_NAMES_PARTS_H

#include "doctor/judge.h"

/* NULL: it was not asked. */
const struct question_fact *find_question(const struct examination *e, size_t resolver,
                                          enum question_about about, enum question_way way);

/* WAITING when it was not asked. */
enum lookup_word word_of(const struct examination *e, size_t resolver, enum question_about about,
                         enum question_way way);

bool is_negative(enum lookup_word word);

/* FATAL while nothing could be looked up that is needed. */
enum finding_severity names_severity(const struct examination *e);

/* The records themselves, and the nodes' addresses (judge_addresses.c). */
void judge_records(const struct examination *e, struct diagnosis *d);
void judge_addresses(const struct examination *e, struct diagnosis *d);

#endif
