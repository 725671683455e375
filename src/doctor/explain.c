/* Finding the words of the tables in a text, and putting what they stand for into order:
 *
 *   1. ids of ours in the text ("DNS-01") need no guess
 *   2. every table in turn: each row takes the places where its words stand, unless an earlier row
 *      has taken them; judged by what stands beside (explain_judge.c)
 *   3. rows that only say that something failed count when nothing else was found
 *   4. in the order of the doctor's stages: what fails first is to be mended first */
#include "doctor/explain.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/scope.h"
#include "doctor/explain_parts.h"

enum { PIECES_MOST = 6, MATCHES_MOST = 64 };

struct piece {
    size_t at;
    size_t size;
};

struct search {
    struct plain_text text;
    char *taken; /* 1: the byte belongs to a match */
    struct match matches[MATCHES_MOST];
    size_t count;
};

/* --- one pattern --- */

static bool is_of_word(char c)
{
    return isalnum((unsigned char)c) != 0;
}

/* Whole words only: "eof" is not in "geoffrey", nor "code 18" in "code 189". */
static bool is_whole(const struct plain_text *t, const char *words, size_t at, size_t size)
{
    bool cuts_front = at > 0 && is_of_word(words[0]) && is_of_word(t->words[at - 1]);
    bool cuts_back = is_of_word(words[size - 1]) && is_of_word(t->words[at + size]);
    return !cuts_front && !cuts_back;
}

/* The next place of one piece in [from, until); SIZE_MAX: there is none. */
static size_t find_piece(const struct plain_text *t, const char *words, size_t size, size_t from,
                         size_t until)
{
    while (from + size <= until) {
        const char *found = memmem(t->words + from, until - from, words, size);
        if (found == NULL) {
            break;
        }
        size_t at = (size_t)(found - t->words);
        if (is_whole(t, words, at, size)) {
            return at;
        }
        from = at + 1;
    }
    return SIZE_MAX;
}

/* All the pieces of a pattern whose first stands at or behind `from`, each at its earliest place
 * behind the one before and within REACH of the first: no place is looked at twice for one
 * beginning. How many pieces; 0: none. */
static size_t find_pieces(const struct plain_text *t, const char *words, size_t from,
                          struct piece *out)
{
    size_t until = t->size, begin = from;
    for (;;) {
        size_t count = 0;
        const char *rest = words;
        while (*rest != '\0' && count < PIECES_MOST) {
            size_t size = strcspn(rest, "*");
            size_t at = find_piece(t, rest, size, begin, until);
            if (at == SIZE_MAX) {
                break;
            }
            out[count++] = (struct piece){at, size};
            begin = at + size;
            until = out[0].at + REACH < t->size ? out[0].at + REACH : t->size;
            rest += size + (rest[size] == '*');
        }
        if (*rest == '\0' || count == 0) {
            return *rest == '\0' ? count : 0;
        }
        begin = out[0].at + 1;
        until = t->size;
    }
}

bool plain_text_has(const struct plain_text *t, const char *words)
{
    struct piece pieces[PIECES_MOST];
    return find_pieces(t, words, 0, pieces) > 0;
}

static bool is_taken(const struct search *s, const struct piece *pieces, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (memchr(s->taken + pieces[i].at, 1, pieces[i].size) != NULL) {
            return true;
        }
    }
    return false;
}

static void take(struct search *s, const struct pattern *p, const struct piece *pieces,
                 size_t count)
{
    struct match *m = &s->matches[s->count++];
    *m = (struct match){.pattern = p, .at = pieces[0].at};
    m->end = pieces[count - 1].at + pieces[count - 1].size;
    for (size_t i = 0; i < count; i++) {
        memset(s->taken + pieces[i].at, 1, pieces[i].size);
    }
    explain_facts_read(s->text.plain, m->at, m->end, &m->facts);
    explain_judge(&s->text, m);
}

/* Many lines of a log may say the same: a few places of each row are enough. */
static void find_pattern(struct search *s, const struct pattern *p)
{
    enum { PLACES_MOST = 6 };
    struct piece pieces[PIECES_MOST];
    size_t from = 0, places = 0, count;
    while (places < PLACES_MOST && s->count < MATCHES_MOST &&
           (count = find_pieces(&s->text, p->words, from, pieces)) > 0) {
        if (!is_taken(s, pieces, count)) {
            take(s, p, pieces, count);
            places++;
        }
        from = pieces[0].at + 1;
    }
}

/* --- ids of ours --- */

static bool is_id_at(const struct plain_text *t, size_t at, enum finding_id *out)
{
    char id[12];
    size_t letters = 0, size;
    while (letters < 5 && isalpha((unsigned char)t->plain[at + letters])) {
        letters++;
    }
    if (letters < 3 || letters > 4 || t->plain[at + letters] != '-') {
        return false;
    }
    size = letters + 1;
    while (size < sizeof id - 1 && isalnum((unsigned char)t->plain[at + size])) {
        size++;
    }
    snprintf(id, sizeof id, "%.*s", (int)size, t->plain + at);
    return finding_find(id, out);
}

static void add(struct explanation *out, enum finding_id id, enum finding_confidence confidence,
                bool is_first)
{
    for (size_t i = 0; i < out->count; i++) {
        if (out->items[i].id == id) {
            return;
        }
    }
    if (out->count < EXPLAINED_MOST) {
        out->items[out->count++] = (struct explained){id, confidence, is_first};
    }
}

static void find_ids(const struct plain_text *t, struct explanation *out)
{
    for (size_t i = 0; i < t->size; i++) {
        enum finding_id id;
        bool is_begin = i == 0 || !isalnum((unsigned char)t->plain[i - 1]);
        if (is_begin && is_id_at(t, i, &id)) {
            add(out, id, CONFIDENCE_CERTAIN, true);
        }
    }
}

/* --- order --- */

/* The application's own hop comes before all that Mooring, or a driver behind it, does. */
static int order_of(const struct match *m)
{
    enum finding_stage stage = finding_row(m->to[0].id)->stage;
    return stage == STAGE_THROUGH ? STAGE_LOCAL : (int)stage;
}

static int compare(const void *a, const void *b)
{
    const struct match *left = a, *right = b;
    int difference = order_of(left) - order_of(right);
    return difference != 0 ? difference
           : left->to[0].confidence != right->to[0].confidence
               ? (int)right->to[0].confidence - (int)left->to[0].confidence
               : (left->at > right->at) - (left->at < right->at);
}

/* Of several words that only say that something failed the first of the tables' order counts. */
static void drop_wrappers(struct search *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (!s->matches[i].pattern->is_wrapper) {
            s->matches[kept++] = s->matches[i];
        }
    }
    s->count = kept > 0 ? kept : s->count > 0;
}

/* 127.0.0.1 refused as well: then it is not the family. */
static void drop_family(struct search *s)
{
    bool refuses_v4 = false;
    for (size_t i = 0; i < s->count; i++) {
        refuses_v4 |= s->matches[i].to[0].id == FINDING_LOC_01;
    }
    for (size_t i = 0; refuses_v4 && i < s->count; i++) {
        if (s->matches[i].to[0].id == FINDING_LOC_02) {
            s->matches[i] = s->matches[--s->count];
            i--;
        }
    }
}

static void add_match(struct explanation *out, const struct match *m, bool is_first)
{
    for (size_t i = 0; i < CANDIDATES_MOST && m->to[i].is_set; i++) {
        add(out, m->to[i].id, m->to[i].confidence, is_first);
    }
}

static void note(struct explanation *out, const char *key, const char *value)
{
    if (value[0] != '\0' && out->evidence_count < EXPLAIN_EVIDENCE_MOST) {
        out->evidence[out->evidence_count++] = (struct evidence){key, xstrdup(value)};
    }
}

static void note_facts(struct explanation *out, const struct match *m)
{
    const struct explain_facts *f = &m->facts;
    char port[16] = "";
    if (f->port != 0) {
        snprintf(port, sizeof port, "%u", f->port);
    }
    note(out, "host", f->host);
    note(out, "address", f->address);
    note(out, "family", f->place == PLACE_NONE ? "" : f->is_v6 ? "IPv6" : "IPv4");
    note(out, "port", port);
    note(out, "resolver", f->resolver);
    note(out, "code", m->pattern->code == NULL ? "" : m->pattern->code);
}

static void put_in_order(struct search *s, struct explanation *out)
{
    drop_wrappers(s);
    drop_family(s);
    qsort(s->matches, s->count, sizeof s->matches[0], compare);
    bool has_ids = out->count > 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct match *m = &s->matches[i];
        add_match(out, m, !has_ids && order_of(m) == order_of(&s->matches[0]));
    }
    if (s->count > 0) {
        note_facts(out, &s->matches[0]);
    }
}

/* --- whose text --- */

static const char *driver_of(const struct plain_text *t)
{
    static const struct {
        const char *words;
        const char *driver;
    } signs[] = {
        {"mongoose", "Mongoose"},
        {"mongosh", "mongosh"},
        {"compass", "Compass"},
        {"pymongo", "PyMongo"},
        {"com.mongodb", "Java driver"},
        {"mongosocketopenexception", "Java driver"},
        {"mongotimeoutexception", "Java driver"},
        {"mongodb.driver", "PHP or .NET driver"},
        {"mongodbdriver", "PHP driver"},
        {"dnsclient", ".NET driver"},
        {"libmongoc", "libmongoc"},
        {"calling hello", "libmongoc or PHP"},
        {"server selection error", "Go driver"},
        {"connection() error occurred", "Go driver"},
        {"mongodump", "Go tools"},
        {"mongorestore", "Go tools"},
        {"error parsing uri", "Go driver"},
        {"kind: server selection timeout", "Rust driver"},
        {"kind: i/o error", "Rust driver"},
        {"kind: invalid argument", "Rust driver"},
        {"kind: dns resolve error", "Rust driver"},
        {"mongoserverselectionerror", "Node driver"},
        {"mongonetworkerror", "Node driver"},
        {"mongoparseerror", "Node driver"},
        {"mongoserver error", "Node driver"},
        {"mongoservererror", "Node driver"},
        {"querysrv", "Node driver"},
        {"querytxt", "Node driver"},
        {"getaddrinfo", "Node"},
        {"dial tcp", "Go"},
    };
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        if (plain_text_has(t, signs[i].words)) {
            return signs[i].driver;
        }
    }
    return NULL;
}

static void find_all(struct search *s)
{
    static const struct pattern *const tables[] = {
        explain_names,   explain_strings,  explain_tls, explain_servers,
        explain_network, explain_wrappers, NULL};
    for (size_t i = 0; tables[i] != NULL; i++) {
        for (const struct pattern *p = tables[i]; p->words != NULL; p++) {
            find_pattern(s, p);
        }
    }
}

void explain(const char *text, size_t size, struct explanation *out)
{
    struct search *s = xcalloc(1, sizeof *s);
    *out = (struct explanation){0};
    plain_text_make(text, size, &s->text);
    s->taken = xcalloc(s->text.size + 1, 1);
    find_ids(&s->text, out);
    find_all(s);
    put_in_order(s, out);
    out->driver = driver_of(&s->text);
    plain_text_clear(&s->text);
    free(s->taken);
    free(s);
}

void explanation_clear(struct explanation *e)
{
    for (size_t i = 0; i < e->evidence_count; i++) {
        free((char *)(uintptr_t)e->evidence[i].value);
    }
    *e = (struct explanation){0};
}
