/* Happy path: ask the first resolver -> it knows -> believe it.
 *
 * Failures: it fails (the next is asked at once); it is silent (the next is asked beside it); it
 * says that there is nothing, and is doubted (others are asked); a resolver to fall back on knows
 * while an own one is still waited for (held for a moment); all have failed or the time is over
 * (what was said last without proof is believed, else there is nothing to believe). */
#include "core/dns/lookup.h"

#include "base/require.h"

static const msec stage_from[LOOKUP_STAGES] = {[LOOKUP_PLAIN] = LOOKUP_PLAIN_MS,
                                               [LOOKUP_TLS] = LOOKUP_TLS_MS,
                                               [LOOKUP_HTTPS] = LOOKUP_HTTPS_MS};

/* --- what is what --- */

bool lookup_is_answer(enum lookup_word word)
{
    return word == LOOKUP_OK || word == LOOKUP_NXDOMAIN || word == LOOKUP_NODATA;
}

static enum lookup_stage stage_of(const struct resolver *r)
{
    if (r->origin != RESOLVER_FALLBACK) {
        return LOOKUP_OWN;
    }
    switch (r->kind) {
    case RESOLVER_TLS:
        return LOOKUP_TLS;
    case RESOLVER_HTTPS:
        return LOOKUP_HTTPS;
    case RESOLVER_PLAIN:
        break;
    }
    return LOOKUP_PLAIN;
}

static enum lookup_stage stage(const struct lookup *l, size_t i)
{
    return stage_of(&l->list[i]);
}

static bool is_denial(enum lookup_word word)
{
    return word == LOOKUP_NXDOMAIN || word == LOOKUP_NODATA;
}

/* Whether the next is asked at once. Many names have no TXT, AAAA or A records: whether it matters
 * that they are denied shows in a moment, by the other question. What a resolver to fall back on
 * denies is what others are waited for to agree with. */
static bool hurries(const struct lookup *l, size_t i)
{
    bool is_own = stage(l, i) == LOOKUP_OWN;
    enum lookup_word word = l->tries[i].word;
    if (word == LOOKUP_NXDOMAIN) {
        return is_own && l->type != DNS_TXT;
    }
    if (word == LOOKUP_NODATA) {
        return is_own && l->type == DNS_SRV;
    }
    return word != LOOKUP_NOT_ASKED && word != LOOKUP_WAITING && word != LOOKUP_OK &&
           word != LOOKUP_TIMEOUT;
}

/* --- denials --- */

static bool has_hope(enum lookup_word word)
{
    return word == LOOKUP_NOT_ASKED || word == LOOKUP_WAITING || lookup_is_answer(word);
}

/* Somebody of these kinds may still say something, or has. */
static bool can_be_had(const struct lookup *l, enum lookup_stage least)
{
    for (size_t i = 0; i < l->count; i++) {
        enum lookup_word word = l->tries[i].word;
        if (stage(l, i) >= least && has_hope(word)) {
            return true;
        }
    }
    return false;
}

/* Of two that agree, one must be of this kind at least. */
static enum lookup_stage needed_stage(const struct lookup *l)
{
    if (l->proof_at != MSEC_NEVER && can_be_had(l, LOOKUP_TLS)) {
        return LOOKUP_TLS;
    }
    return can_be_had(l, LOOKUP_PLAIN) ? LOOKUP_PLAIN : LOOKUP_OWN;
}

static bool denies(const struct lookup *l, size_t i)
{
    return is_denial(l->tries[i].word);
}

/* Who says the same from elsewhere; count: nobody. */
static size_t second_of(const struct lookup *l, size_t i, enum lookup_stage needed)
{
    size_t j = 0;
    while (j < l->count &&
           (j == i || !denies(l, j) || (stage(l, i) < needed && stage(l, j) < needed) ||
            address_equals(&l->list[i].address, &l->list[j].address))) {
        j++;
    }
    return j;
}

static bool has_denial(const struct lookup *l)
{
    for (size_t i = 0; i < l->count; i++) {
        if (denies(l, i)) {
            return true;
        }
    }
    return false;
}

/* The denial to be believed; count: none, or none yet. Of two that agree that there is no such
 * record, one may know that the name exists. */
static size_t proven_denial(const struct lookup *l)
{
    enum lookup_stage needed = needed_stage(l);
    for (size_t i = 0; i < l->count; i++) {
        size_t second = denies(l, i) ? second_of(l, i, needed) : l->count;
        if (second < l->count) {
            return l->tries[second].word == LOOKUP_NODATA ? second : i;
        }
    }
    return l->vouched < l->count && denies(l, l->vouched) ? l->vouched : l->count;
}

/* An own resolver's denial: proof is wanted at once. */
static bool is_in_doubt(const struct lookup *l)
{
    for (size_t i = 0; i < l->count; i++) {
        if (stage(l, i) == LOOKUP_OWN && denies(l, i) && hurries(l, i)) {
            return true;
        }
    }
    return false;
}

/* --- the end --- */

static void believe(struct lookup *l, size_t i, bool is_confirmed)
{
    l->believed = i;
    l->is_confirmed = is_confirmed;
    l->is_over = true;
}

static bool is_waiting_for(const struct lookup *l, enum lookup_stage last)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->tries[i].word == LOOKUP_WAITING && stage(l, i) <= last) {
            return true;
        }
    }
    return false;
}

static bool has_unasked(const struct lookup *l)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->tries[i].word == LOOKUP_NOT_ASKED) {
            return true;
        }
    }
    return false;
}

/* Nobody will say more. */
static void conclude(struct lookup *l)
{
    if (l->held < l->count) {
        believe(l, l->held, true);
        return;
    }
    for (size_t i = 0; i < l->count; i++) {
        if (lookup_is_answer(l->tries[i].word)) {
            believe(l, i, false);
            return;
        }
    }
    l->is_over = true;
}

static void weigh_ok(struct lookup *l, size_t i, msec now)
{
    if (stage(l, i) == LOOKUP_OWN) {
        believe(l, i, true);
    } else if (l->held == l->count) {
        l->held = i;
        l->held_until = now + LOOKUP_OWN_MS;
    }
}

/* After every fact. */
static void settle(struct lookup *l, msec now)
{
    if (l->is_over) {
        return;
    }
    if (now >= l->proof_at) {
        l->proof_at = MSEC_NEVER;
    }
    size_t denial = l->held < l->count ? l->count : proven_denial(l);
    if (l->held < l->count && (now >= l->held_until || !is_waiting_for(l, LOOKUP_OWN))) {
        believe(l, l->held, true);
    } else if (denial < l->count) {
        believe(l, denial, true);
    } else if (!has_unasked(l) && !is_waiting_for(l, LOOKUP_STAGES)) {
        conclude(l);
    }
}

/* --- facts --- */

void lookup_init(struct lookup *l, const struct resolver *list, size_t count, uint16_t type,
                 msec timeout, msec now)
{
    require(timeout > 0);
    *l = (struct lookup){.list = list,
                         .count = count < LOOKUP_RESOLVERS_MOST ? count : LOOKUP_RESOLVERS_MOST,
                         .type = type,
                         .began_at = now,
                         .deadline = msec_after(now, timeout),
                         .proof_at = now + LOOKUP_PROOF_MS};
    l->held = l->vouched = l->believed = l->count;
    l->is_over = l->count == 0;
    for (size_t s = 0; s < LOOKUP_STAGES; s++) {
        l->stages[s].asked_at = MSEC_NEVER;
    }
}

void lookup_on_silent_before(struct lookup *l)
{
    l->head_start = LOOKUP_PLAIN_MS;
}

static void end_try(struct lookup_try *t, enum lookup_word word, msec now)
{
    t->word = word;
    t->took = now - t->asked_at;
}

void lookup_on_word(struct lookup *l, size_t resolver, enum lookup_word word, msec now)
{
    if (l->is_over || resolver >= l->count || l->tries[resolver].word != LOOKUP_WAITING) {
        return;
    }
    end_try(&l->tries[resolver], word, now);
    if (hurries(l, resolver)) {
        l->stages[stage(l, resolver)].owed++;
    }
    if (word == LOOKUP_OK) {
        weigh_ok(l, resolver, now);
    }
    settle(l, now);
}

void lookup_on_vouched(struct lookup *l, size_t resolver, msec now)
{
    if (l->is_over || resolver >= l->count) {
        return;
    }
    l->vouched = resolver;
    settle(l, now);
}

void lookup_on_time(struct lookup *l, msec now)
{
    if (l->is_over || now < l->deadline) {
        settle(l, now);
        return;
    }
    for (size_t i = 0; i < l->count; i++) {
        if (l->tries[i].word == LOOKUP_WAITING) {
            end_try(&l->tries[i], LOOKUP_TIMEOUT, now);
        }
    }
    conclude(l);
}

/* --- whom to ask --- */

static size_t next_of_stage(const struct lookup *l, enum lookup_stage s)
{
    size_t i = 0;
    while (i < l->count && (stage(l, i) != s || l->tries[i].word != LOOKUP_NOT_ASKED)) {
        i++;
    }
    return i;
}

static bool have_failed_before(const struct lookup *l, enum lookup_stage s)
{
    for (size_t i = 0; i < l->count; i++) {
        if (stage(l, i) < s && !hurries(l, i)) {
            return false;
        }
    }
    return true;
}

/* When the next of that kind is asked; `now` or earlier: at once. */
static msec stage_is_due(const struct lookup *l, enum lookup_stage s)
{
    msec asked_at = l->stages[s].asked_at;
    if (next_of_stage(l, s) == l->count) {
        return MSEC_NEVER;
    }
    if (asked_at == MSEC_NEVER) {
        bool is_early = have_failed_before(l, s) || (s >= LOOKUP_TLS && is_in_doubt(l));
        return is_early ? l->began_at : l->began_at + stage_from[s] - l->head_start;
    }
    if (l->stages[s].owed > 0) {
        return asked_at;
    }
    return asked_at + (s == LOOKUP_OWN ? LOOKUP_STAGGER_MS : LOOKUP_SILENCE_MS);
}

/* Whom to ask now; count: nobody. */
static size_t pick(const struct lookup *l, msec now)
{
    if (l->held < l->count) {
        return l->count;
    }
    if (l->vouched < l->count && l->tries[l->vouched].word == LOOKUP_NOT_ASKED) {
        return l->vouched;
    }
    for (enum lookup_stage s = LOOKUP_OWN; s < LOOKUP_STAGES; s++) {
        if (stage_is_due(l, s) <= now) {
            return next_of_stage(l, s);
        }
    }
    return l->count;
}

static bool take_end(struct lookup *l, struct lookup_action *action)
{
    if (l->is_told) {
        return false;
    }
    l->is_told = true;
    *action = (struct lookup_action){
        .kind = l->believed < l->count ? LOOKUP_BELIEVE : LOOKUP_GIVE_UP, .resolver = l->believed};
    return true;
}

/* The one of that kind that has been silent longest, when too many are; count: nobody. */
static size_t one_too_many(const struct lookup *l, enum lookup_stage s)
{
    size_t waiting = 0;
    size_t oldest = l->count;
    for (size_t i = 0; i < l->count; i++) {
        if (stage(l, i) == s && l->tries[i].word == LOOKUP_WAITING) {
            bool is_older = oldest == l->count || l->tries[i].asked_at < l->tries[oldest].asked_at;
            oldest = is_older ? i : oldest;
            waiting++;
        }
    }
    return s != LOOKUP_OWN && waiting >= LOOKUP_BESIDE_MOST ? oldest : l->count;
}

bool lookup_next_action(struct lookup *l, msec now, struct lookup_action *action)
{
    if (l->is_over) {
        return take_end(l, action);
    }
    size_t i = now < l->deadline ? pick(l, now) : l->count;
    if (i == l->count) {
        return false;
    }
    enum lookup_stage s = stage(l, i);
    size_t left = one_too_many(l, s);
    if (left < l->count) {
        end_try(&l->tries[left], LOOKUP_TIMEOUT, now);
        *action = (struct lookup_action){.kind = LOOKUP_LEAVE, .resolver = left};
        return true;
    }
    l->stages[s].asked_at = now;
    l->stages[s].owed -= l->stages[s].owed > 0;
    l->tries[i] = (struct lookup_try){.word = LOOKUP_WAITING, .asked_at = now};
    *action = (struct lookup_action){.kind = LOOKUP_ASK, .resolver = i};
    return true;
}

msec lookup_deadline(const struct lookup *l)
{
    if (l->is_over) {
        return MSEC_NEVER;
    }
    if (l->held < l->count) {
        return msec_earlier(l->held_until, l->deadline);
    }
    msec next = l->deadline;
    if (has_denial(l)) {
        next = msec_earlier(next, l->proof_at);
    }
    for (enum lookup_stage s = LOOKUP_OWN; s < LOOKUP_STAGES; s++) {
        next = msec_earlier(next, stage_is_due(l, s));
    }
    return next;
}

bool lookup_fell_back(const struct lookup *l)
{
    return l->believed < l->count && stage(l, l->believed) != LOOKUP_OWN;
}

bool lookup_was_silent(const struct lookup *l)
{
    bool is_asked = false;
    for (size_t i = 0; i < l->count; i++) {
        enum lookup_word word = l->tries[i].word;
        if (stage(l, i) == LOOKUP_OWN && word != LOOKUP_NOT_ASKED) {
            is_asked = true;
            if (word != LOOKUP_WAITING && word != LOOKUP_TIMEOUT) {
                return false;
            }
        }
    }
    return is_asked;
}

size_t lookup_denier(const struct lookup *l)
{
    size_t i = 0;
    while (i < l->count && (stage(l, i) != LOOKUP_OWN || !denies(l, i))) {
        i++;
    }
    return i;
}
