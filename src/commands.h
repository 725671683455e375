/* The subcommands. Each returns the exit status. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "doctor/budget.h"
#include "net/tls.h"
#include "settings/settings_load.h"

/* What stood behind the command's name. */
struct command_line {
    struct settings_source source;
    bool wants_markdown;
    bool wants_yaml;
    bool wants_connect;
    bool wants_table;
    bool hides_credentials;
    bool wants_json;
    bool wants_gate;
    bool skips_login;
    bool wants_port_probe;
    bool wants_public_address;
    bool expects_running;
    const char *bundle;
    const char *tier; /* of Atlas, as given; NULL: not said; and so are the texts below */
    const char *replicas;
    bool wants_list;
    char *text; /* the words that are no flags, of a command that takes a text; or NULL */
};

enum { EXIT_GOOD = 0, EXIT_DEGRADED = 1, EXIT_FATAL = 2, EXIT_NOT_RUN = 3 };

int command_run(const struct command_line *line);
int command_check(const struct command_line *line);
int command_settings(const struct command_line *line);
int command_resolve(const struct command_line *line);
int command_doctor(const struct command_line *line);
int command_explain(const struct command_line *line);
int command_encode(const struct command_line *line);
int command_version(const struct command_line *line);

/* --- what they share --- */

/* Sets up TLS towards the servers as the settings say; NULL in `out` when they want none. Also
 * tries out dns.caFile. */
enum status commands_make_tls(const struct settings *s, struct tls_config **out, struct error *why)
    __attribute__((warn_unused_result));

/* Prints how the settings fit the tier of --tier and the number of --replicas, if these are given:
 * EXIT_DEGRADED when the limits are near, EXIT_FATAL when they are exceeded or nonsense. */
int commands_budget(const struct command_line *line, const struct settings *s);

/* Reaches the cluster and prints what was found; EXIT_GOOD, EXIT_DEGRADED when some server failed,
 * EXIT_FATAL when nothing could be written. `tls` NULL: plain. */
int commands_connect(const struct settings *s, struct tls_config *tls);

/* --tier and --replicas, with what the settings say; false, and told, when they make no sense. */
bool commands_read_plan(const struct command_line *line, const struct settings *s,
                        struct budget_plan *plan);

#endif
