/* Stage 14: from the application's side of a running Mooring. That none runs is a finding only
 * where one is expected. */
#include <ctype.h>
#include <string.h>

#include "doctor/judge.h"

static bool has_mooring(const struct examination *e)
{
    for (size_t i = 0; i < e->listener_count; i++) {
        if (e->listeners[i].state == LISTENER_MOORING) {
            return true;
        }
    }
    return false;
}

static void judge_none(const struct examination *e, struct diagnosis *d)
{
    bool is_inside = e->machine.container != NULL;
    struct finding *f =
        diagnosis_add(d, is_inside ? FINDING_LOC_03 : FINDING_LOC_01, SEVERITY_FATAL,
                      is_inside ? CONFIDENCE_LIKELY : CONFIDENCE_CERTAIN);
    for (size_t i = 0; i < e->listener_count; i++) {
        const struct listener_fact *l = &e->listeners[i];
        char text[ADDRESS_TEXT_SIZE];
        if (l->is_configured) {
            finding_note(f, "port", "%u", l->address.port);
            finding_note(f, "address", "%s", address_print_bare(&l->address, text));
        }
    }
    if (is_inside) {
        finding_note(f, "container", "%s", e->machine.container);
    }
}

/* A configured address where nothing answers although a Mooring runs; or the other loopback family
 * of one that does, where applications that write localhost may go. */
static void judge_family(const struct examination *e, const struct listener_fact *l,
                         struct diagnosis *d)
{
    char text[ADDRESS_TEXT_SIZE];
    bool is_shut = l->state == LISTENER_FREE || l->state == LISTENER_UNAVAILABLE;
    bool is_lacking = l->state == LISTENER_UNAVAILABLE && e->settings->listen.addresses_are_default;
    if (!is_shut || is_lacking || !address_is_loopback(&l->address)) {
        return;
    }
    struct finding *f =
        diagnosis_add(d, FINDING_LOC_02, l->is_configured ? SEVERITY_DEGRADED : SEVERITY_INFO,
                      CONFIDENCE_CERTAIN);
    finding_note(f, "nothing at", "%s", address_print(&l->address, text));
}

/* "DNS-01" in the text of an error that a Mooring made. */
static bool find_id(const char *text, enum finding_id *out)
{
    for (const char *at = text; *at != '\0'; at++) {
        char word[10];
        size_t size = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (size < 3 || size > 4 || at[size] != '-') {
            continue;
        }
        size += 1 + strspn(at + size + 1, "0123456789");
        size = size < sizeof word - 1 ? size : sizeof word - 1;
        memcpy(word, at, size);
        word[size] = '\0';
        if (finding_find(word, out)) {
            return true;
        }
    }
    return false;
}

static void judge_ping(const struct listener_fact *l, struct diagnosis *d)
{
    char text[ADDRESS_TEXT_SIZE];
    enum finding_id id = FINDING_LOC_06;
    bool is_named = false;
    if (l->state != LISTENER_MOORING || reply_is_good(&l->ping)) {
        return;
    }
    if (l->ping.text != NULL) {
        is_named = find_id(l->ping.text, &id);
    }
    struct finding *f = diagnosis_add(d, is_named ? id : FINDING_LOC_06, SEVERITY_DEGRADED,
                                      is_named ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE);
    finding_note(f, "through", "%s", address_print(&l->address, text));
    finding_note(f, "said", "%.250s",
                 l->ping.text != NULL ? l->ping.text : status_text(l->ping.step.status));
}

static bool is_served(const struct examination *e)
{
    for (size_t i = 0; i < e->listener_count; i++) {
        const struct listener_fact *l = &e->listeners[i];
        if (l->state == LISTENER_MOORING && reply_is_good(&l->ping)) {
            return true;
        }
    }
    return false;
}

/* Whoever comes anew is turned away as by the access list, and a Mooring goes on over connections
 * that it had: the list has changed since, and nothing is wrong with these. */
static void judge_old_connections(const struct examination *e, struct diagnosis *d)
{
    static const enum finding_id ways[] = {FINDING_ACL_01, FINDING_ACL_02};
    for (size_t i = 0; i < sizeof ways / sizeof *ways && is_served(e); i++) {
        if (diagnosis_find(d, ways[i]) != NULL) {
            diagnosis_drop(d, ways[i]);
            diagnosis_add(d, FINDING_ACL_04, SEVERITY_DEGRADED, CONFIDENCE_LIKELY);
            struct finding *egress = diagnosis_find(d, FINDING_TCP_01);
            if (egress != NULL) {
                egress->severity = SEVERITY_DEGRADED;
            }
        }
    }
}

void judge_through(const struct examination *e, struct diagnosis *d)
{
    if (!has_mooring(e)) {
        if (e->expects_running) {
            judge_none(e, d);
        }
        return;
    }
    for (size_t i = 0; i < e->listener_count; i++) {
        judge_family(e, &e->listeners[i], d);
        judge_ping(&e->listeners[i], d);
    }
    judge_old_connections(e, d);
}
