/* From facts to findings. Each judge reads the facts of its stages and adds what they mean; pure.
 *
 *   judge_machine.c  stage 0: limits, clock, who has the port
 *   judge_string.c   stage 1: what the text of the connection string shows
 *   judge_names.c    stages 2 to 5: resolvers, SRV, TXT, addresses
 *   judge_path.c     stages 6 and 7: the network at large, TCP, the access list
 *   judge_tls.c      stage 8
 *   judge_server.c   stages 9 and 13: hello, the set and its primary
 *   judge_login.c    stages 10 and 11: login, commands
 *   judge_limits.c   stage 12
 *   judge_through.c  stage 14
 *
 * A finding is fatal when nothing can work as things are, degraded when something does. Confidence
 * is what the facts allow: certain when nothing else shows so. In doubt between two causes both are
 * added, the likelier with more confidence. */
#ifndef DOCTOR_JUDGE_H
#define DOCTOR_JUDGE_H

#include "doctor/diagnosis.h"
#include "doctor/examination.h"

/* All of them, then diagnosis_settle. */
void examination_judge(const struct examination *e, struct diagnosis *d);

void judge_machine(const struct examination *e, struct diagnosis *d);
void judge_string(const struct examination *e, struct diagnosis *d);
void judge_names(const struct examination *e, struct diagnosis *d);
void judge_path(const struct examination *e, struct diagnosis *d);
void judge_tls(const struct examination *e, struct diagnosis *d);
void judge_server(const struct examination *e, struct diagnosis *d);
void judge_login(const struct examination *e, struct diagnosis *d);
void judge_limits(const struct examination *e, struct diagnosis *d);
void judge_through(const struct examination *e, struct diagnosis *d);

/* --- what they share --- */

/* FATAL when all of `total` are affected, else DEGRADED. */
enum finding_severity severity_by_count(size_t affected, size_t total);

/* Adds what a server's refusal of a command means, whatever the command; false when its code says
 * nothing in general. */
bool judge_refusal(const struct node_fact *n, const struct reply_fact *r,
                   enum finding_severity severity, struct diagnosis *d);

/* Whether a TLS alert speaks of the client's certificate, or that it has none. */
bool alert_is_about_client(int alert);

/* Whether the network at large can be reached (SIDE_CONTROL), or its port 27017 (SIDE_PORT). */
enum answer { ANSWER_UNKNOWN, ANSWER_YES, ANSWER_NO };
enum answer examination_reaches(const struct examination *e, enum side_kind kind);

#endif
