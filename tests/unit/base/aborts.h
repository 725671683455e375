/* What ends the process, seen from outside: run in a child. */
#ifndef TESTS_UNIT_BASE_ABORTS_H
#define TESTS_UNIT_BASE_ABORTS_H

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* True when `call` aborts; what it wrote to standard error stands in `said`. */
static inline int aborts(void (*call)(void), char *said, size_t size)
{
    int ends[2];
    int status = 0;
    size_t used = 0;
    ssize_t got;
    if (pipe(ends) != 0) {
        return 0;
    }
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], 2);
        call();
        _exit(0);
    }
    close(ends[1]);
    while (used + 1 < size && (got = read(ends[0], said + used, size - 1 - used)) > 0) {
        used += (size_t)got;
    }
    said[used] = '\0';
    close(ends[0]);
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

#endif
