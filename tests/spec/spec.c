#include "spec.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/require.h"
#include "base/scope.h"
#include "settings/settings_table.h"

enum { EXCUSES_MOST = 256, FILES_MOST = 512 };

/* "FILE | NAME | REASON"; NAME "*" is every case of the file. */
struct excuse {
    char *file, *name;
    unsigned used;
};

static struct {
    struct excuse excuses[EXCUSES_MOST];
    size_t excuse_count;
    char *files[FILES_MOST]; /* of the suite that runs now */
    size_t file_count;
    unsigned ran, passed, excused, failed;
    bool is_read;
} state;

static char *trim(char *text)
{
    char *end = text + strlen(text);
    while (end > text && (end[-1] == ' ' || end[-1] == '\n')) {
        *--end = '\0';
    }
    return text + strspn(text, " ");
}

static void read_excuses(void)
{
    auto_file FILE *file = fopen(SOURCE_DIR "/tests/spec/excuses.txt", "re");
    char line[1024];
    require(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        char *rest = line;
        char *path = strsep(&rest, "|");
        char *name = strsep(&rest, "|");
        if (line[0] == '#' || line[0] == '\n') {
            continue;
        }
        require(rest != NULL && trim(rest)[0] != '\0' && state.excuse_count < EXCUSES_MOST);
        state.excuses[state.excuse_count++] =
            (struct excuse){.file = xstrdup(trim(path)), .name = xstrdup(trim(name))};
    }
    state.is_read = true;
}

static struct excuse *find_excuse(const struct spec_case *c)
{
    for (size_t i = 0; i < state.excuse_count; i++) {
        struct excuse *e = &state.excuses[i];
        if (strcmp(e->file, c->file) == 0 &&
            (strcmp(e->name, "*") == 0 || strcmp(e->name, c->name) == 0)) {
            return e;
        }
    }
    return NULL;
}

static void run_case(const struct spec_case *c, char *(*check)(const struct spec_case *c))
{
    struct excuse *excuse = find_excuse(c);
    auto_free char *fault = check(c);
    state.ran++;
    if (fault == NULL && excuse != NULL) {
        printf("no longer needs its excuse: %s | %s\n", c->file, c->name);
        state.failed++;
    } else if (fault == NULL) {
        state.passed++;
    } else if (excuse != NULL) {
        state.excused++;
    } else {
        printf("FAILED %s | %s | %s\n", c->file, c->name, fault);
        state.failed++;
    }
    if (excuse != NULL) {
        excuse->used++;
    }
}

char *spec_read(const char *path)
{
    auto_free char *full = xformat("%s/%s", SPEC_DATA, path);
    auto_file FILE *file = fopen(full, "re");
    if (file == NULL) {
        printf("%s cannot be read: tests/packages/install test\n", full);
        exit(1);
    }
    char *text = xcalloc(1, 1 << 20);
    require(fread(text, 1, (1 << 20) - 1, file) < (1 << 20) - 1);
    return text;
}

const char *spec_text(const bson_t *document, const char *name)
{
    bson_iter_t at;
    return spec_find(document, name, &at) && BSON_ITER_HOLDS_UTF8(&at) ? bson_iter_utf8(&at, NULL)
                                                                       : NULL;
}

bool spec_find(const bson_t *document, const char *name, bson_iter_t *at)
{
    return bson_iter_init_find(at, document, name) && !BSON_ITER_HOLDS_NULL(at);
}

bool spec_take(const bson_iter_t *at, bson_t *out)
{
    const uint8_t *bytes;
    uint32_t size;
    if (BSON_ITER_HOLDS_ARRAY(at)) {
        bson_iter_array(at, &size, &bytes);
    } else if (BSON_ITER_HOLDS_DOCUMENT(at)) {
        bson_iter_document(at, &size, &bytes);
    } else {
        return false;
    }
    return bson_init_static(out, bytes, size);
}

bool spec_document(const bson_t *document, const char *name, bson_t *out)
{
    bson_iter_t at;
    return spec_find(document, name, &at) && spec_take(&at, out);
}

int64_t spec_int(const bson_t *document, const char *name, int64_t otherwise)
{
    bson_iter_t at;
    return spec_find(document, name, &at) && BSON_ITER_HOLDS_NUMBER(&at) ? bson_iter_as_int64(&at)
                                                                         : otherwise;
}

static void run_file(const char *file, char *(*check)(const struct spec_case *c))
{
    auto_free char *text = spec_read(file);
    bson_error_t why;
    bson_t whole, tests, one;
    bson_iter_t at;
    require(bson_init_from_json(&whole, text, -1, &why));
    if (!spec_find(&whole, "tests", &at)) {
        run_case(&(struct spec_case){.file = file, .name = "", .document = &whole}, check);
    } else if (spec_take(&at, &tests) && bson_iter_init(&at, &tests)) {
        while (bson_iter_next(&at) && spec_take(&at, &one)) {
            const char *name = spec_text(&one, "description");
            run_case(&(struct spec_case){.file = file,
                                         .name = name == NULL ? "" : name,
                                         .document = &one},
                     check);
        }
    }
    bson_destroy(&whole);
}

static int note_file(const char *path, const struct stat *stat, int kind)
{
    size_t size = strlen(path);
    (void)stat;
    if (kind == FTW_F && size > 5 && strcmp(path + size - 5, ".json") == 0) {
        require(state.file_count < FILES_MOST);
        state.files[state.file_count++] = xstrdup(path + strlen(SPEC_DATA) + 1);
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void spec_run(const char *folder, char *(*check)(const struct spec_case *c))
{
    auto_free char *full = xformat("%s/%s", SPEC_DATA, folder);
    unsigned ran = state.ran, passed = state.passed, excused = state.excused;
    if (!state.is_read) {
        read_excuses();
    }
    state.file_count = 0;
    ftw(full, note_file, 8);
    qsort(state.files, state.file_count, sizeof *state.files, compare);
    for (size_t i = 0; i < state.file_count; i++) {
        run_file(state.files[i], check);
    }
    for (size_t i = 0; i < state.excuse_count; i++) {
        struct excuse *e = &state.excuses[i];
        if (strncmp(e->file, folder, strlen(folder)) == 0 && e->used == 0) {
            printf("an excuse without its case: %s | %s\n", e->file, e->name);
            state.failed++;
        }
    }
    if (state.file_count == 0) {
        printf("no cases in %s: tests/packages/install test\n", full);
        state.failed++;
    }
    for (size_t i = 0; i < state.file_count; i++) {
        free(state.files[i]);
    }
    printf("%s: ran %u passed %u excused %u\n", folder, state.ran - ran, state.passed - passed,
           state.excused - excused);
}

int spec_end(void)
{
    for (size_t i = 0; i < state.excuse_count; i++) {
        free(state.excuses[i].file);
        free(state.excuses[i].name);
    }
    printf("all: ran %u passed %u excused %u failed %u\n", state.ran, state.passed, state.excused,
           state.failed);
    return state.failed == 0 ? 0 : 1;
}

/* --- settings --- */

void spec_clear(struct spec_settings *l)
{
    settings_clear(&l->s);
    settings_origins_clear(&l->origins);
    problems_clear(&l->problems);
}

void spec_load(struct spec_settings *l, const char *uri)
{
    struct settings_source source = {.uri = uri};
    spec_clear(l);
    settings_load(&source, &l->s, &l->origins, &l->problems);
}

const char *spec_first_error(const struct spec_settings *l)
{
    for (size_t i = 0; i < l->problems.count; i++) {
        const struct problem *p = &l->problems.items[i];
        if (!p->is_warning && strncmp(p->text, "cannot read", 11) != 0 &&
            strncmp(p->text, "MONGODB-X509 logs in by", 23) != 0) {
            return p->text;
        }
    }
    return NULL;
}

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

char *spec_option(const struct spec_settings *l, const char *name)
{
    static const char *const mechanisms[] = {"", "DEFAULT", "SCRAM-SHA-1", "SCRAM-SHA-256",
                                             "MONGODB-X509"};
    const struct upstream_settings *up = &l->s.upstream;
    bool is_insecure = l->s.tls.allow_invalid_certificates && l->s.tls.allow_invalid_hostnames;
    const struct {
        const char *name, *value;
    } own[] = {
        {"replicaSet", up->replica_set},
        {"authSource", up->auth_source},
        {"authMechanism", mechanisms[up->auth_mechanism]},
        {"srvServiceName", up->srv_service_name},
        {"tls", truth(up->tls)},
        {"ssl", truth(up->tls)},
        {"directConnection", truth(up->direct_connection)},
        {"loadBalanced", truth(up->load_balanced)},
        {"tlsInsecure", truth(is_insecure)},
        {"tlsCertificateKeyFilePassword", l->s.tls.certificate_key_file_password},
    };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (strcasecmp(own[i].name, name) == 0) {
            return xstrdup(own[i].value == NULL ? "" : own[i].value);
        }
    }
    if (strcasecmp(name, "srvMaxHosts") == 0) {
        return xformat("%lld", (long long)up->srv_max_hosts);
    }
    for (size_t i = 0; i < option_count; i++) {
        const char *uri_name = option_table[i].uri_option;
        if (uri_name != NULL && strcasecmp(uri_name, name) == 0) {
            return option_print(&option_table[i], &l->s);
        }
    }
    return NULL;
}

char *spec_value(const bson_iter_t *at)
{
    if (BSON_ITER_HOLDS_BOOL(at)) {
        return xstrdup(truth(bson_iter_bool(at)));
    }
    if (BSON_ITER_HOLDS_NUMBER(at)) {
        return xformat("%lld", (long long)bson_iter_as_int64(at));
    }
    return xstrdup(BSON_ITER_HOLDS_UTF8(at) ? bson_iter_utf8(at, NULL) : "?");
}
