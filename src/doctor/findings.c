/* The catalogue as a whole: rows by id, ids by text, sentences with their evidence put in. */
#include "doctor/findings.h"

#include <string.h>
#include <strings.h>

#include "base/require.h"
#include "doctor/findings_parts.h"

static const struct {
    enum finding_id first;
    const struct finding_row *rows;
} families[] = {
    {FINDING_URI_01, finding_rows_uri}, {FINDING_DNS_01, finding_rows_dns},
    {FINDING_TCP_01, finding_rows_tcp}, {FINDING_ACL_01, finding_rows_acl},
    {FINDING_TLS_01, finding_rows_tls}, {FINDING_AUTH_01, finding_rows_auth},
    {FINDING_LIM_01, finding_rows_lim}, {FINDING_TOPO_01, finding_rows_topo},
    {FINDING_LOC_01, finding_rows_loc},
};

const struct finding_row *finding_row(enum finding_id id)
{
    size_t i = sizeof families / sizeof *families - 1;
    require(id < FINDING_COUNT);
    while (families[i].first > id) {
        i--;
    }
    return &families[i].rows[id - families[i].first];
}

/* --- ids --- */

enum { ID_TEXT_SIZE = 9 };

/* "URI_03B" as it is written: "URI-03b". */
static void write_id(const char *name, char *out)
{
    size_t i = 0;
    bool is_behind = false;
    for (; name[i] != '\0'; i++) {
        bool is_letter = is_behind && name[i] >= 'A' && name[i] <= 'Z';
        is_behind |= name[i] == '_';
        out[i] = (char)(name[i] == '_' ? '-' : is_letter ? name[i] - 'A' + 'a' : name[i]);
    }
    out[i] = '\0';
}

const char *finding_id_text(enum finding_id id)
{
    static const char *const names[] = {
#define FINDING_ID_NAME(id) #id,
        FINDING_ID_LIST(FINDING_ID_NAME)
#undef FINDING_ID_NAME
    };
    static char texts[FINDING_COUNT][ID_TEXT_SIZE];
    require(id < FINDING_COUNT);
    if (texts[id][0] == '\0') {
        write_id(names[id], texts[id]);
    }
    return texts[id];
}

bool finding_find(const char *text, enum finding_id *out)
{
    for (enum finding_id id = 0; id < FINDING_COUNT; id++) {
        if (strcasecmp(finding_id_text(id), text) == 0) {
            *out = id;
            return true;
        }
    }
    return false;
}

/* --- sentences --- */

static const char *value_of(const char *key, size_t size, const struct evidence *evidence,
                            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(evidence[i].key) == size && memcmp(evidence[i].key, key, size) == 0) {
            return evidence[i].value == NULL || evidence[i].value[0] == '\0' ? NULL
                                                                             : evidence[i].value;
        }
    }
    return NULL;
}

static char *append(char *out, size_t *used, const char *text, size_t size)
{
    out = xrealloc(out, *used + size + 1);
    memcpy(out + *used, text, size);
    *used += size;
    out[*used] = '\0';
    return out;
}

char *finding_fill(const char *sentence, const struct evidence *evidence, size_t count)
{
    size_t used = 0;
    char *out = append(NULL, &used, "", 0);
    for (const char *at = sentence; *at != '\0';) {
        size_t plain = strcspn(at, "{");
        const char *end = strchr(at + plain, '}');
        out = append(out, &used, at, end == NULL ? strlen(at) : plain);
        if (end == NULL) {
            break;
        }
        const char *key = at + plain + 1;
        const char *bar = memchr(key, '|', (size_t)(end - key));
        const char *words = bar == NULL ? end : bar + 1;
        const char *value =
            value_of(key, (size_t)((bar == NULL ? end : bar) - key), evidence, count);
        out = value == NULL ? append(out, &used, words, (size_t)(end - words))
                            : append(out, &used, value, strlen(value));
        at = end + 1;
    }
    return out;
}

/* --- words --- */

const char *finding_stage_text(enum finding_stage stage)
{
    static const char *const texts[] = {
#define FINDING_STAGE_WORDS(name, text) text,
        FINDING_STAGE_LIST(FINDING_STAGE_WORDS)
#undef FINDING_STAGE_WORDS
    };
    require(stage < STAGE_COUNT);
    return texts[stage];
}

const char *finding_severity_text(enum finding_severity severity)
{
    static const char *const texts[] = {"info", "degraded", "fatal"};
    return texts[severity];
}

const char *finding_confidence_text(enum finding_confidence confidence)
{
    static const char *const texts[] = {"possible", "likely", "certain"};
    return texts[confidence];
}
