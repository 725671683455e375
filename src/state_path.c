#include "state_path.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/require.h"
#include "base/scope.h"

/* "<a><b>", to be freed; NULL when the variable behind `a` is not set. */
static char *joined(const char *a, const char *b)
{
    char *text = NULL;
    if (a == NULL || a[0] != '/') {
        return NULL;
    }
    if (asprintf(&text, "%s%s", a, b) < 0) {
        return NULL;
    }
    return text;
}

static char *state_folder(void)
{
    char *folder = joined(getenv("STATE_DIRECTORY"), "");
    if (folder != NULL) {
        folder[strcspn(folder, ":")] = '\0'; /* systemd lists all of them; the first is ours */
        return folder;
    }
    folder = joined(getenv("XDG_STATE_HOME"), "/mooring");
    return folder != NULL ? folder : joined(getenv("HOME"), "/.local/state/mooring");
}

/* Makes every folder of the path that is missing; whether it stands now. */
static bool make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int failed = mkdir(path, 0700);
        *slash = '/';
        if (failed != 0 && errno != EEXIST) {
            return false;
        }
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

char *state_path(const char *setting, const char *kind, const struct settings *s)
{
    const struct upstream_settings *up = &s->upstream;
    const char *cluster = up->srv_host != NULL ? up->srv_host
                          : up->hosts != NULL  ? up->hosts[0]
                                               : NULL;
    char *path = NULL;
    if (setting == NULL || strcmp(setting, "off") == 0 || cluster == NULL) {
        return NULL;
    }
    if (strcmp(setting, "auto") != 0) {
        return xstrdup(setting);
    }
    auto_free char *folder = state_folder();
    if (folder == NULL || !make_folders(folder) ||
        asprintf(&path, "%s/%s-%s", folder, kind, cluster) < 0) {
        return NULL;
    }
    for (char *c = path + strlen(folder) + 1; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-') {
            *c = '_'; /* a port's colon, the slashes of a socket's path */
        }
    }
    return path;
}
