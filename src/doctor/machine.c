#include "doctor/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/require.h"
#include "base/scope.h"

enum { FILE_BYTES = 4096 };

static bool exists(const char *root, const char *path)
{
    auto_free char *whole = xformat("%s%s", root, path);
    return access(whole, F_OK) == 0;
}

static void read_file(const char *root, const char *path, char text[FILE_BYTES])
{
    auto_free char *whole = xformat("%s%s", root, path);
    auto_file FILE *file = fopen(whole, "re");
    size_t size = file == NULL ? 0 : fread(text, 1, FILE_BYTES - 1, file);
    text[size] = '\0';
}

static void add_word(char **list, const char *word, size_t size)
{
    char *longer =
        *list == NULL ? xstrndup(word, size) : xformat("%s, %.*s", *list, (int)size, word);
    free(*list);
    *list = longer;
}

static bool is_set(char *const *environment, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
        const char *at = environment[i];
        if (strncmp(at, name, size) == 0 && at[size] == '=' && at[size + 1] != '\0') {
            return true;
        }
    }
    return false;
}

static const char *container_of_machine(const char *root, char *const *environment)
{
    char text[FILE_BYTES];
    if (is_set(environment, "KUBERNETES_SERVICE_HOST")) {
        return "kubernetes";
    }
    if (exists(root, "/.dockerenv")) {
        return "docker";
    }
    if (exists(root, "/run/.containerenv")) {
        return "podman";
    }
    read_file(root, "/proc/1/cgroup", text);
    return strstr(text, "kubepods") != NULL                                     ? "kubernetes"
           : strstr(text, "/docker") != NULL                                    ? "docker"
           : strstr(text, "/lxc") != NULL || strstr(text, "containerd") != NULL ? "container"
                                                                                : NULL;
}

/* Beginnings of the names that VPN programs give their interfaces. */
static const char *const tunnels[] = {"tun",   "tap",     "wg",        "ppp",      "utun", "gpd",
                                      "ipsec", "cscotun", "tailscale", "nordlynx", "zt",   "vti"};

static void read_interfaces(struct machine_fact *m, const char *root)
{
    auto_free char *path = xformat("%s/proc/net/dev", root);
    auto_file FILE *file = fopen(path, "re");
    char line[512];
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *name = line + strspn(line, " ");
        const char *colon = strchr(name, ':');
        for (size_t i = 0; colon != NULL && i < sizeof tunnels / sizeof *tunnels; i++) {
            if (strncmp(name, tunnels[i], strlen(tunnels[i])) == 0) {
                add_word(&m->vpn, name, (size_t)(colon - name));
                break;
            }
        }
    }
}

/* Lines of /proc/net/route and ipv6_route that lead everywhere; "lo" leads nowhere. */
static void read_routes(struct machine_fact *m, const char *root)
{
    auto_free char *path = xformat("%s/proc/net/route", root);
    auto_free char *path6 = xformat("%s/proc/net/ipv6_route", root);
    auto_file FILE *file = fopen(path, "re");
    auto_file FILE *file6 = fopen(path6, "re");
    char line[512], name[64], to[64];
    unsigned mask;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        m->has_ipv4_route |=
            sscanf(line, "%63s %63s %*s %*s %*s %*s %*s %x", name, to, &mask) == 3 &&
            strcmp(to, "00000000") == 0 && mask == 0;
    }
    while (file6 != NULL && fgets(line, sizeof line, file6) != NULL) {
        m->has_ipv6_route |=
            sscanf(line, "%63s %x %*s %*s %*s %*s %*s %*s %*s %63s", to, &mask, name) == 3 &&
            strspn(to, "0") == 32 && mask == 0 && strcmp(name, "lo") != 0;
    }
}

static void read_variables(struct machine_fact *m, char *const *environment)
{
    static const char *const names[] = {"HTTPS_PROXY", "https_proxy", "HTTP_PROXY",
                                        "http_proxy",  "ALL_PROXY",   "all_proxy"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (is_set(environment, names[i])) {
            add_word(&m->proxy_variables, names[i], strlen(names[i]));
        }
    }
}

/* One line of resolv.conf, as far as it is about names with few dots. */
static void read_search_line(struct machine_fact *m, char *line)
{
    char *rest = line;
    const char *word = strtok_r(line, " \t\n", &rest);
    bool is_search = word != NULL && strcmp(word, "search") == 0;
    if (is_search) {
        free(m->search); /* the last line counts */
        m->search = NULL;
    }
    if (!is_search && (word == NULL || strcmp(word, "options") != 0)) {
        return;
    }
    while ((word = strtok_r(NULL, " \t\n", &rest)) != NULL) {
        if (is_search) {
            add_word(&m->search, word, strlen(word));
        } else if (strncmp(word, "ndots:", 6) == 0) {
            m->ndots = strtol(word + 6, NULL, 10);
        }
    }
}

void machine_read_search(struct machine_fact *m, const char *path)
{
    auto_file FILE *file = fopen(path, "re");
    char line[1024];
    m->ndots = 1;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        read_search_line(m, line);
    }
}

/* The first of January of the year in which this file was compiled. */
static int64_t built_at(void)
{
    struct tm at = {.tm_year = (int)strtol(&__DATE__[7], NULL, 10) - 1900, .tm_mday = 1};
    return (int64_t)timegm(&at);
}

void machine_read(struct machine_fact *m, const char *root, char *const *environment)
{
    char text[FILE_BYTES];
    struct rlimit limit;
    const char *container = container_of_machine(root, environment);
    m->container = container == NULL ? NULL : xstrdup(container);
    m->is_musl = exists(root, "/etc/alpine-release") || exists(root, "/lib/ld-musl-x86_64.so.1") ||
                 exists(root, "/lib/ld-musl-aarch64.so.1");
    read_file(root, "/proc/sys/kernel/osrelease", text);
    m->is_wsl = strcasestr(text, "microsoft") != NULL;
    read_interfaces(m, root);
    read_routes(m, root);
    read_variables(m, environment);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        m->open_files = limit.rlim_cur;
        m->open_files_most = limit.rlim_max;
    }
    m->wall_clock = (int64_t)time(NULL);
    m->built = built_at();
}
