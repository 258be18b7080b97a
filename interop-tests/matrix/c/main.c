/* rabbitmq-c, in the order of the list of behaviours: each in a process of its own, which a hang cannot outlive. */
#include "matrix.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stage.h"

#define CLIENT "rabbitmq-c"
#define BEHAVIOUR_LIMIT 20

char prefix[128];

typedef struct {
    const char *id;
    void (*prove)(void);
} Row;

#define ROW(id, function) { id, function },
static const Row ROWS[] = { BEHAVIOURS(ROW) };
#undef ROW

static void report(const char *id, const char *outcome, const char *reason) {
    const char *results = getenv("INTEROP_RESULTS");
    FILE *file = results != NULL && *results != 0 ? fopen(results, "a") : stdout;
    if (file == NULL) exit(1);
    fprintf(file, CLIENT "\t%s\t%s\t%s\n", id, outcome, reason);
    if (file == stdout) fflush(file);
    else fclose(file);
}

/* In a child: what it ends with and writes is dealt with as `outcome` says. */
static int in_child(void (*work)(void), char *reason, size_t size) {
    int ends[2];
    if (pipe(ends) != 0) exit(1);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        if (ends[1] != REASON_FD && dup2(ends[1], REASON_FD) < 0) _exit(FAILED);
        alarm(BEHAVIOUR_LIMIT);
        work();
        _exit(PASSED);
    }
    close(ends[1]);
    size_t used = 0;
    ssize_t more;
    while (used + 1 < size && (more = read(ends[0], reason + used, size - used - 1)) > 0) used += more;
    reason[used] = 0;
    close(ends[0]);
    int status;
    waitpid(child, &status, 0);
    return status;
}

/* Deleting what is not there is no error. */
static void remove_names(void) {
    Connection connection = dial();
    for (int i = 1; i <= NAMES; i++) {
        char name[160];
        snprintf(name, sizeof name, "%s.%d", prefix, i);
        amqp_queue_delete(connection, 1, amqp_cstring_bytes(name), 0, 0);
        amqp_exchange_delete(connection, 1, amqp_cstring_bytes(name), 0);
        ok(connection, "removing the names");
    }
    hang_up(connection);
}

static void run(const Row *row) {
    unsigned random;
    if (getrandom(&random, sizeof random, 0) != sizeof random) exit(1);
    snprintf(prefix, sizeof prefix, "matrix." CLIENT ".%s.%08x", row->id, random);
    char reason[1024], removal[256];
    int status = in_child(row->prove, reason, sizeof reason);
    int removed = in_child(remove_names, removal, sizeof removal);
    for (char *c = reason; *c != 0; c++)
        if (*c == '\n' || *c == '\t') *c = ' ';
    if (WIFSIGNALED(status)) report(row->id, "failed", WTERMSIG(status) == SIGALRM ? "took longer than 20 s" : "crashed");
    else if (WEXITSTATUS(status) == NOT_OFFERED) report(row->id, "not offered", reason);
    else if (WEXITSTATUS(status) != PASSED) report(row->id, "failed", reason);
    else if (removed != 0) report(row->id, "failed", removal);
    else report(row->id, "passed", "");
}

int main(void) {
    const char *only = getenv("INTEROP_ONLY");
    char list[2048], id[64];
    snprintf(list, sizeof list, ",%s,", only != NULL ? only : "");
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        snprintf(id, sizeof id, ",%s,", ROWS[i].id);
        if (only == NULL || *only == 0 || strstr(list, id) != NULL) run(&ROWS[i]);
    }
    return 0;
}
