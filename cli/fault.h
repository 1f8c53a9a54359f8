/* fault.h - what went wrong, said once, at the end, with what to do about it.
 *
 * A function that can fail returns 0 or an exit code and leaves its words in a struct fault; only
 * output_fault prints them. */
#ifndef CYAN_CLI_FAULT_H
#define CYAN_CLI_FAULT_H

/* The exit codes of `cyan`: scripts depend on them. */
enum cli_exit {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_NOT_LOGGED_IN = 3,
    CLI_NOT_FOUND = 4,
    CLI_REFUSED = 5,
    CLI_OFFLINE = 6, /* the device is offline, or something took too long */
    CLI_UNREACHABLE = 7,
    CLI_PERMISSION = 8,
    CLI_PARTLY = 9,
};

struct fault {
    char code[40];     /* for machines: DEVICE_OFFLINE */
    char message[512]; /* for people, without a full stop; may hold a stranger's bytes */
    char remedy[256];  /* a command or advice; empty when there is none */
};

/* Fills it, without a remedy, and returns exit. */
int fault_set(struct fault *fault, enum cli_exit exit, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Adds the remedy. */
void fault_try(struct fault *fault, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
