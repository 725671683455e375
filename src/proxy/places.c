#include "proxy/places.h"

#include "base/require.h"

static struct place *find(const struct places *p, const struct address *at)
{
    for (size_t i = 0; i < p->count; i++) {
        if (address_equals(&p->list[i].at, at)) {
            return (struct place *)&p->list[i];
        }
    }
    return NULL;
}

static bool is_listed(const struct places *p, const struct place *place)
{
    return place->answer == p->answers;
}

/* --- told --- */

/* In the place of the one that was named longest ago, when there is no room. */
static struct place *add(struct places *p, const struct address *at)
{
    size_t oldest = 0;
    for (size_t i = 1; i < p->count; i++) {
        oldest = p->list[i].listed_at < p->list[oldest].listed_at ? i : oldest;
    }
    size_t index = p->count < PLACES_MOST ? p->count++ : oldest;
    p->list[index] = (struct place){.at = *at};
    return &p->list[index];
}

static size_t count_listed(const struct places *p)
{
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++) {
        count += is_listed(p, &p->list[i]);
    }
    return count;
}

/* Those that are gone, and can be told as such without being remembered. */
static void forget(struct places *p, msec now)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (now - p->list[i].listed_at < PLACES_GONE_MS) {
            p->list[kept++] = p->list[i];
        }
    }
    p->count = kept;
}

bool places_on_answer(struct places *p, const struct address *addresses, size_t count, msec ttl,
                      msec now)
{
    size_t before = count_listed(p);
    size_t again = 0;
    size_t listed = 0;
    unsigned last = p->answers++;
    msec fresh = ttl < PLACES_FRESH_LEAST_MS ? PLACES_FRESH_LEAST_MS : ttl;
    for (size_t i = 0; i < count; i++) {
        struct place *place = find(p, &addresses[i]);
        if (place != NULL && is_listed(p, place)) {
            continue; /* named twice */
        }
        again += place != NULL && place->answer == last;
        listed++;
        place = place == NULL ? add(p, &addresses[i]) : place;
        place->answer = p->answers;
        place->listed_at = now;
    }
    p->asked_at = now;
    p->fresh_until = now + msec_earlier(fresh, PLACES_FRESH_MOST_MS);
    forget(p, now);
    return again != before || listed != before;
}

void places_on_silence(struct places *p, msec pause, msec now)
{
    p->asked_at = now;
    p->fresh_until = now + pause;
}

void places_on_open(struct places *p, const struct address *at)
{
    struct place *place = find(p, at);
    p->opened = *at;
    if (place != NULL) {
        place->bad_until = 0;
    }
}

void places_on_failed(struct places *p, const struct address *at, msec now)
{
    struct place *place = find(p, at);
    if (place != NULL) {
        place->bad_until = now + PLACES_PENALTY_MS;
    }
}

void places_distrust(struct places *p)
{
    p->fresh_until = msec_earlier(p->fresh_until, p->asked_at + PLACES_FRESH_LEAST_MS);
}

/* --- looked at --- */

bool places_are_known(const struct places *p)
{
    return p->count > 0;
}

bool places_are_fresh(const struct places *p, msec now)
{
    return p->count > 0 && now < p->fresh_until;
}

/* Those in the box, the one that has been there longest first. */
static size_t append_bad(const struct places *p, msec now, struct address *out, size_t most)
{
    bool is_taken[PLACES_MOST] = {false};
    size_t count = 0;
    while (count < most) {
        size_t next = p->count;
        for (size_t i = 0; i < p->count; i++) {
            const struct place *place = &p->list[i];
            bool is_one = is_listed(p, place) && place->bad_until > now && !is_taken[i];
            bool is_first = next == p->count || place->bad_until < p->list[next].bad_until;
            next = is_one && is_first ? i : next;
        }
        if (next == p->count) {
            break;
        }
        is_taken[next] = true;
        out[count++] = p->list[next].at;
    }
    return count;
}

/* The next good one of that family (or of any) that is not taken; p->count: there is none. */
static size_t next_good(const struct places *p, msec now, const bool *is_taken,
                        enum address_family family)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct place *place = &p->list[i];
        if (is_listed(p, place) && place->bad_until <= now && !is_taken[i] &&
            (family == ADDRESS_NONE || place->at.family == family)) {
            return i;
        }
    }
    return p->count;
}

static enum address_family other_family(enum address_family family)
{
    return family == ADDRESS_IPV6 ? ADDRESS_IPV4 : ADDRESS_IPV6;
}

size_t places_order(const struct places *p, msec now, struct address *out, size_t most)
{
    bool is_taken[PLACES_MOST] = {false};
    const struct place *opened = find(p, &p->opened);
    bool is_opened_good = opened != NULL && is_listed(p, opened) && opened->bad_until <= now;
    size_t next =
        is_opened_good ? (size_t)(opened - p->list) : next_good(p, now, is_taken, ADDRESS_NONE);
    size_t count = 0;
    while (next < p->count && count < most) {
        enum address_family family = p->list[next].at.family;
        is_taken[next] = true;
        out[count++] = p->list[next].at;
        next = next_good(p, now, is_taken, other_family(family));
        next = next == p->count ? next_good(p, now, is_taken, ADDRESS_NONE) : next;
    }
    return count + append_bad(p, now, out + count, most - count);
}

bool places_is_gone(const struct places *p, const struct address *at, msec now)
{
    const struct place *place = find(p, at);
    return p->count > 0 && (place == NULL || now - place->listed_at >= PLACES_GONE_MS) &&
           (place == NULL || !is_listed(p, place));
}
