/* What resolvers said, as words and sentences. */
#include <stdio.h>
#include <string.h>

#include "core/dns/lookup.h"

/* How many resolvers a sentence names; the rest are counted. */
enum { EXPLAINED_MOST = 3 };

const char *lookup_word_text(enum lookup_word word)
{
    static const char *const texts[] = {
#define LOOKUP_WORD_TEXT(name, text) [LOOKUP_##name] = text,
        LOOKUP_WORD_LIST(LOOKUP_WORD_TEXT)
#undef LOOKUP_WORD_TEXT
    };
    return texts[word];
}

static enum lookup_word word_of_answer(const struct dns_answer *answer)
{
    if (answer->is_truncated) {
        return LOOKUP_TRUNCATED;
    }
    switch (answer->rcode) {
    case DNS_NOERROR:
        return answer->count > 0 ? LOOKUP_OK : LOOKUP_NODATA;
    case DNS_NXDOMAIN:
        return LOOKUP_NXDOMAIN;
    case DNS_SERVFAIL:
        return LOOKUP_SERVFAIL;
    case DNS_REFUSED:
        return LOOKUP_REFUSED;
    default:
        return LOOKUP_FAILED;
    }
}

enum lookup_word lookup_word_of(enum status asked, enum status decoded,
                                const struct dns_answer *answer)
{
    static const struct {
        enum status status;
        enum lookup_word word;
    } words[] = {
        {STATUS_TIMED_OUT, LOOKUP_TIMEOUT},       {STATUS_REFUSED, LOOKUP_CONN_REFUSED},
        {STATUS_UNREACHABLE, LOOKUP_UNREACHABLE}, {STATUS_PEER_CLOSED, LOOKUP_CLOSED},
        {STATUS_PEER_RESET, LOOKUP_CLOSED},       {STATUS_TLS_FAILED, LOOKUP_TLS_FAILED},
        {STATUS_HTTP_REFUSED, LOOKUP_HTTP_ERROR}, {STATUS_TLS_CERTIFICATE, LOOKUP_CERTIFICATE},
        {STATUS_TOO_LARGE, LOOKUP_MALFORMED},     {STATUS_PROTOCOL_ERROR, LOOKUP_MALFORMED},
    };
    if (asked == STATUS_OK) {
        return decoded == STATUS_OK ? word_of_answer(answer) : LOOKUP_MALFORMED;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (words[i].status == asked) {
            return words[i].word;
        }
    }
    return LOOKUP_FAILED;
}

/* --- sentences --- */

static const char *clause_of(enum lookup_word word)
{
    switch (word) {
    case LOOKUP_OK:
        return "answered";
    case LOOKUP_NOT_ASKED:
    case LOOKUP_WAITING:
    case LOOKUP_TIMEOUT:
        return "did not answer in time";
    case LOOKUP_NXDOMAIN:
        return "says that the name does not exist (NXDOMAIN)";
    case LOOKUP_NODATA:
        return "says that the name has no such record (NODATA)";
    case LOOKUP_SERVFAIL:
        return "failed to find out (SERVFAIL)";
    case LOOKUP_REFUSED:
        return "refuses to answer such questions (REFUSED)";
    case LOOKUP_FAILED:
        return "could not answer";
    case LOOKUP_CONN_REFUSED:
        return "refused the connection";
    case LOOKUP_UNREACHABLE:
        return "is unreachable";
    case LOOKUP_MALFORMED:
        return "sent an answer that makes no sense";
    case LOOKUP_TRUNCATED:
        return "sent only a part of the answer, and does not answer over TCP";
    case LOOKUP_CLOSED:
        return "closed the connection without an answer";
    case LOOKUP_TLS_FAILED:
        return "does not speak TLS as it should";
    case LOOKUP_CERTIFICATE:
        return "has a certificate that is not accepted";
    case LOOKUP_HTTP_ERROR:
        return "answered with an HTTP error";
    }
    return "";
}

/* Adds to the text; what does not fit is cut off. */
static void add(char *text, size_t room, const char *more)
{
    size_t used = strlen(text);
    snprintf(text + used, room - used, "%s", more);
}

/* Those with words for which `takes` holds; own ones first, since they are what can be mended. */
static void list_words(const struct lookup *l, bool (*takes)(enum lookup_word word), char *text,
                       size_t room)
{
    size_t named = 0;
    size_t more = 0;
    char clause[200];
    text[0] = '\0';
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < l->count; i++) {
            bool is_own = l->list[i].origin != RESOLVER_FALLBACK;
            if (is_own != (pass == 0) || !takes(l->tries[i].word)) {
                continue;
            }
            if (named == EXPLAINED_MOST) {
                more++;
                continue;
            }
            snprintf(clause, sizeof clause, "%sresolver %.60s %s", named++ > 0 ? ", " : "",
                     l->list[i].text, clause_of(l->tries[i].word));
            add(text, room, clause);
        }
    }
    if (more > 0) {
        snprintf(clause, sizeof clause, ", and %zu more likewise or worse", more);
        add(text, room, clause);
    }
}

static bool was_asked(enum lookup_word word)
{
    return word != LOOKUP_NOT_ASKED;
}

static bool has_failed(enum lookup_word word)
{
    return word != LOOKUP_NOT_ASKED && word != LOOKUP_OK;
}

static bool says_nothing_is_there(enum lookup_word word)
{
    return word == LOOKUP_NXDOMAIN || word == LOOKUP_NODATA;
}

void lookup_list_failures(const struct lookup *l, char *text, size_t room)
{
    list_words(l, has_failed, text, room);
}

/* --- findings --- */

/* Of the first own resolver, or else of the first: what it lacks is to be mended. */
static enum lookup_word first_word(const struct lookup *l)
{
    enum lookup_word first = LOOKUP_NOT_ASKED;
    for (size_t i = 0; i < l->count; i++) {
        enum lookup_word word = l->tries[i].word;
        if (was_asked(word) && l->list[i].origin != RESOLVER_FALLBACK) {
            return word;
        }
        first = first == LOOKUP_NOT_ASKED ? word : first;
    }
    return first;
}

/* Programs ask their own machine, where nobody is. */
static bool is_local_only(const struct lookup *l)
{
    for (size_t i = 0; i < l->count; i++) {
        bool is_own = l->list[i].origin != RESOLVER_FALLBACK;
        if (is_own && !address_is_loopback(&l->list[i].address)) {
            return false;
        }
    }
    return true;
}

struct finding_text {
    const char *id; /* with ": ", or empty */
    const char *remedy;
};

static struct finding_text text_of_denial(const struct lookup *l)
{
    if (l->tries[l->believed].word == LOOKUP_NODATA) {
        return (struct finding_text){
            l->type == DNS_SRV ? "DNS-04: " : "DNS-14: ",
            l->is_confirmed ? "check the host name in the connection string"
                            : "check the host name in the connection string; some routers drop "
                              "such records, and nobody else could be asked: another resolver in "
                              "dns.resolvers may have them"};
    }
    return (struct finding_text){
        "DNS-06: ", l->is_confirmed
                        ? "check the host name in the connection string, and whether the cluster "
                          "is there and not paused"
                        : "check the host name in the connection string, and whether this "
                          "resolver (a VPN's, for instance) knows public names, since nobody "
                          "else confirmed it"};
}

static struct finding_text text_of_failure(const struct lookup *l)
{
    static const char repair[] = "name a resolver that works in dns.resolvers, or repair this one";
    static const char network[] =
        "check the network, or name a resolver that answers in dns.resolvers";
    enum lookup_word word = first_word(l);
    switch (word) {
    case LOOKUP_CONN_REFUSED:
        return (struct finding_text){is_local_only(l) ? "DNS-01: " : "DNS-03: ", repair};
    case LOOKUP_TIMEOUT:
    case LOOKUP_UNREACHABLE:
        return (struct finding_text){"DNS-03: ", network};
    case LOOKUP_REFUSED:
    case LOOKUP_FAILED:
        return (struct finding_text){l->type == DNS_SRV ? "DNS-04: " : "DNS-03: ", repair};
    case LOOKUP_SERVFAIL:
        return (struct finding_text){"DNS-05: ", repair};
    case LOOKUP_TRUNCATED:
        return (struct finding_text){
            "DNS-08: ", "let TCP port 53 through, or name another resolver in dns.resolvers"};
    case LOOKUP_CERTIFICATE:
        return (struct finding_text){
            "", "write the name that its certificate holds behind \"#\", and name the authority "
                "that signed it in dns.caFile"};
    case LOOKUP_NOT_ASKED:
    case LOOKUP_WAITING:
    case LOOKUP_OK:
    case LOOKUP_NXDOMAIN:
    case LOOKUP_NODATA:
    case LOOKUP_MALFORMED:
    case LOOKUP_CLOSED:
    case LOOKUP_TLS_FAILED:
    case LOOKUP_HTTP_ERROR:
        break;
    }
    return (struct finding_text){"", repair};
}

enum status lookup_explain(const struct lookup *l, const char *subject, struct error *why)
{
    char said[ERROR_TEXT_SIZE];
    enum status status = STATUS_NAME_LOOKUP_FAILED;
    struct finding_text text;
    if (l->believed < l->count) {
        bool has_name = l->tries[l->believed].word != LOOKUP_NXDOMAIN;
        status = has_name ? STATUS_NAME_NO_ANSWER : STATUS_NAME_NOT_FOUND;
        list_words(l, says_nothing_is_there, said, sizeof said);
        text = text_of_denial(l);
    } else {
        list_words(l, was_asked, said, sizeof said);
        text = text_of_failure(l);
    }
    return error_set(why, status, "%s%s could not be looked up: %s; %s", text.id, subject, said,
                     text.remedy);
}
