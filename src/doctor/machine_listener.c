/* Which program listens: /proc/net/tcp gives the inode of its descriptor, /proc/PID/fd who has it.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/require.h"
#include "base/scope.h"
#include "doctor/machine.h"

enum { STATE_LISTEN = 0x0a, HEX_BYTES = 33, LINK_BYTES = 64 };

/* As /proc/net/tcp writes an address: words of 32 bits, each in the machine's order. */
static void print_hex(const struct address *at, char out[HEX_BYTES])
{
    size_t words = at->family == ADDRESS_IPV6 ? 4 : 1;
    out[0] = '\0';
    for (size_t i = 0; i < words; i++) {
        uint32_t word;
        memcpy(&word, at->ip + 4 * i, sizeof word);
        snprintf(out + 8 * i, HEX_BYTES - 8 * i, "%08X", word);
    }
}

/* The inode of what listens at the port, at this address or at all; 0: nothing. */
static unsigned long find_inode(const char *root, const char *table, const char *hex, unsigned port)
{
    auto_free char *path = xformat("%s/proc/net/%s", root, table);
    auto_file FILE *file = fopen(path, "re");
    char line[512];
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char local[HEX_BYTES];
        unsigned at_port, state;
        unsigned long inode;
        int read = sscanf(line, " %*d: %32[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*u %*d %lu",
                          local, &at_port, &state, &inode);
        bool is_any = read >= 1 && strspn(local, "0") == strlen(local);
        if (read == 4 && state == STATE_LISTEN && at_port == port &&
            (is_any || strcmp(local, hex) == 0)) {
            return inode;
        }
    }
    return 0;
}

static bool has_descriptor(const char *root, const char *pid, const char *wanted)
{
    auto_free char *path = xformat("%s/proc/%s/fd", root, pid);
    DIR *folder = opendir(path);
    bool found = false;
    for (const struct dirent *d; !found && folder != NULL && (d = readdir(folder)) != NULL;) {
        auto_free char *link = xformat("%s/%s", path, d->d_name);
        char text[LINK_BYTES];
        ssize_t size = readlink(link, text, sizeof text - 1);
        text[size < 0 ? 0 : size] = '\0';
        found = strcmp(text, wanted) == 0;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return found;
}

static char *name_of(const char *root, const char *pid)
{
    char text[64] = "";
    auto_free char *path = xformat("%s/proc/%s/comm", root, pid);
    auto_file FILE *file = fopen(path, "re");
    if (file == NULL || fgets(text, sizeof text, file) == NULL) {
        return xstrdup("a program without a name");
    }
    return xstrndup(text, strcspn(text, "\n"));
}

bool machine_find_listener(const char *root, const struct address *at, char **name, int64_t *pid)
{
    char hex[HEX_BYTES], wanted[LINK_BYTES];
    bool found = false;
    print_hex(at, hex);
    unsigned long inode =
        find_inode(root, at->family == ADDRESS_IPV6 ? "tcp6" : "tcp", hex, at->port);
    if (inode == 0 && at->family == ADDRESS_IPV4) {
        inode = find_inode(root, "tcp6", "", at->port); /* of both families */
    }
    auto_free char *path = xformat("%s/proc", root);
    DIR *folder = inode == 0 ? NULL : opendir(path);
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    for (const struct dirent *d; !found && folder != NULL && (d = readdir(folder)) != NULL;) {
        found = strspn(d->d_name, "0123456789") == strlen(d->d_name) &&
                has_descriptor(root, d->d_name, wanted);
        if (found) {
            *pid = strtol(d->d_name, NULL, 10);
            *name = name_of(root, d->d_name);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return found;
}
