/* mooring explain: which rows of the catalogue an error text of a driver, a shell or a log stands
 * for. Pure: looks at the text and at nothing else.
 *
 *   explain_text.c     the text made plain: secrets masked, case, blanks and quotes levelled
 *   explain_names.c, … tables of words, by what they are about
 *   explain_judge.c    where the words are not enough: whose address was it, which name
 *   explain_facts.c    hosts, addresses, ports and resolvers in the text
 *
 * Words are matched by their stable parts (names of codes, keywords), since releases word their
 * sentences differently. What two rows could mean gives both, with how likely each is. */
#ifndef DOCTOR_EXPLAIN_H
#define DOCTOR_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "doctor/findings.h"

enum {
    EXPLAIN_TEXT_MOST = 64 * 1024, /* bytes that are read; the rest is left out */
    EXPLAINED_MOST = 24,
    EXPLAIN_EVIDENCE_MOST = 8,
};

struct explained {
    enum finding_id id;
    enum finding_confidence confidence;
    /* About what fails first; the others are of later stages, elsewhere in the text. */
    bool is_first;
};

struct explanation {
    struct explained items[EXPLAINED_MOST];          /* the likeliest first */
    size_t count;                                    /* 0: nothing was recognised */
    struct evidence evidence[EXPLAIN_EVIDENCE_MOST]; /* keys static, values owned */
    size_t evidence_count;
    const char *driver; /* "PyMongo"; NULL: cannot be told. Static. */
};

void explain(const char *text, size_t size, struct explanation *out);
void explanation_clear(struct explanation *e);

#endif
