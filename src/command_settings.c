/* mooring check, settings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "commands.h"
#include "settings/settings_table.h"

/* What only trying can tell: certificates, keys, and the cluster if wanted. */
static int try_out(const struct command_line *line, const struct settings *s)
{
    struct tls_config *tls = NULL;
    struct error why;
    int result;
    if (commands_make_tls(s, &tls, &why) != STATUS_OK) {
        fprintf(stderr, "error: %s\n", why.text);
        return EXIT_FATAL;
    }
    puts("the settings are good");
    result = commands_budget(line, s);
    if (line->wants_connect) {
        int reached = commands_connect(s, tls);
        result = reached > result ? reached : result;
    }
    tls_config_free(tls);
    return result;
}

int command_check(const struct command_line *line)
{
    struct settings s;
    struct settings_origins origins;
    struct problems problems = {0};
    settings_load(&line->source, &s, &origins, &problems);
    problems_print(&problems, stderr);
    int result = problems.errors == 0 ? try_out(line, &s) : EXIT_FATAL;
    problems_clear(&problems);
    settings_origins_clear(&origins);
    settings_clear(&s);
    return result;
}

static void print_markdown(void)
{
    puts("| setting | default | meaning |\n| --- | --- | --- |");
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        bool has_default = o->fallback != NULL && o->fallback[0] != '\0';
        printf("| `%s` | %s%s%s | %s |\n", o->path, has_default ? "`" : "",
               has_default ? o->fallback : "", has_default ? "`" : "", o->help);
    }
}

static void print_yaml(void)
{
    char section[64] = "";
    puts("# Every setting of Mooring with its default. Uncomment what you change.");
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        size_t length = strcspn(o->path, ".");
        if (strncmp(section, o->path, length) != 0 || section[length] != '\0') {
            snprintf(section, sizeof section, "%.*s", (int)length, o->path);
            printf("\n%s:\n", section);
        }
        bool is_list = o->type == OPTION_LIST;
        printf("  # %s\n  # %s: %s%s%s\n", o->help, o->path + length + 1, is_list ? "\"" : "",
               o->fallback == NULL ? "" : o->fallback, is_list ? "\"" : "");
    }
}

int command_settings(const struct command_line *line)
{
    struct settings s;
    struct settings_origins origins;
    struct problems problems = {0};
    if (line->wants_markdown || line->wants_yaml) {
        (line->wants_markdown ? print_markdown : print_yaml)();
        return EXIT_GOOD;
    }
    settings_load(&line->source, &s, &origins, &problems);
    for (size_t i = 0; i < option_count; i++) {
        auto_free char *value = option_print(&option_table[i], &s);
        printf("%-36s %-32s %s\n", option_table[i].path, value, origins.texts[i]);
    }
    problems_print(&problems, stderr);
    int result = problems.errors == 0 ? EXIT_GOOD : EXIT_FATAL;
    problems_clear(&problems);
    settings_origins_clear(&origins);
    settings_clear(&s);
    return result;
}
