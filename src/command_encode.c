/* mooring encode: a password as a connection string must have it. Nothing but the text is printed,
 * so that a shell can put it in. */
#include <bson/bson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/require.h"
#include "base/scope.h"
#include "commands.h"

enum { PASSWORD_MOST = 64 * 1024 };

static struct termios before; /* as the terminal was */

static void on_interrupt(int number)
{
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    _exit(128 + number);
}

/* Up to the end of input, or of the line on a terminal, where it is not shown. */
static size_t read_password(char *out)
{
    struct termios silent;
    bool is_terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
    if (!is_terminal) {
        return fread(out, 1, PASSWORD_MOST + 1, stdin);
    }
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    signal(SIGINT, on_interrupt);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    fputs("password: ", stderr);
    bool is_read = fgets(out, PASSWORD_MOST + 1, stdin) != NULL;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    return is_read ? strlen(out) : 0;
}

static void print_encoded(const char *password, size_t size)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (size_t i = 0; i < size; i++) {
        if (memchr(plain, password[i], sizeof plain - 1) != NULL) {
            putchar(password[i]);
        } else {
            printf("%%%02X", (unsigned char)password[i]);
        }
    }
    putchar('\n');
}

static const char *fault_of(const char *password, size_t size)
{
    if (size == 0) {
        return "there is no password on standard input";
    }
    if (size > PASSWORD_MOST) {
        return "the password is longer than 64 KiB";
    }
    if (memchr(password, '\0', size) != NULL) {
        return "the password holds a zero byte, which no login can";
    }
    return bson_utf8_validate(password, size, false)
               ? NULL
               : "the password is not UTF-8, which MongoDB wants: write "
                 "it in a terminal or file that is";
}

int command_encode(const struct command_line *line)
{
    auto_free char *password = xcalloc(1, PASSWORD_MOST + 2);
    if (line->text != NULL) {
        fputs("mooring: encode reads the password from standard input: on the command line other "
              "users could see it\n",
              stderr);
        return EXIT_FATAL;
    }
    size_t size = read_password(password);
    size -= size > 0 && password[size - 1] == '\n';
    const char *fault = fault_of(password, size);
    if (fault != NULL) {
        fprintf(stderr, "mooring: %s\n", fault);
    } else {
        print_encoded(password, size);
    }
    explicit_bzero(password, PASSWORD_MOST + 2);
    return fault == NULL ? EXIT_GOOD : EXIT_FATAL;
}
