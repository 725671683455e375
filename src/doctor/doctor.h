/* mooring doctor: walks from the connection string to a ping and says what is wrong.
 *
 *   probes (probe_*.c)  ask the world; each is an asynchronous object with a deadline and writes
 *                       facts into an examination, and nothing else
 *   judges (judge_*.c)  read facts, add findings; no input or output, no clock
 *   findings            one row per cause (findings.h): severity, layer, sentences
 *   reports             text and JSON from the same findings and facts
 *
 * To add a finding that the facts show already: a branch in the judge of its stage (judge.h says
 * which), a test that makes the facts up (tests/unit/doctor/test_judge_*.c) with a near miss beside
 * it, and one that produces the fault (tests/e2e/test_doctor.py). To add a fact: a field in
 * examination.h, the probe that writes it, report_json.c (the bundle shows all facts). To add a
 * probe: doctor_parts.h says what one owes the doctor. A judge never looks at anything but facts,
 * and a probe never says what a fact means. */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include "doctor/examination.h"
#include "net/net.h"
#include "net/tls.h"

struct doctor_options {
    bool asks_port;           /* doctor.portProbe, of a third party */
    bool asks_public_address; /* doctor.publicAddressProbe, likewise */
    /* Told after each step, for a line on a terminal; NULL: nobody. */
    void (*on_progress)(void *owner);
};

struct doctor;

/* Walks; `on_done` comes once, in a later turn, when nothing is open any more: within
 * doctor.timeoutMS and a half, whatever happens. `e` (its settings filled in) and `tls` (NULL:
 * plain, or there is none to be had) are lent until then. */
struct doctor *doctor_new(struct net *net, struct examination *e, struct tls_config *tls,
                          const struct doctor_options *options, void (*on_done)(void *owner),
                          void *owner);

/* After on_done, or from within it. NULL is accepted. */
void doctor_free(struct doctor *d);

#endif
