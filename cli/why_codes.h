/* why_codes.h - what the numbers in a device's log mean.
 *
 * Two implementations of the handshake are in the field. A: Photon and P1 up to 0.7.0, which log
 * the raw result of the step that failed. B: from 0.8.0-rc.1 to 3.3.1 (and builds for a computer
 * from 0.7.0 on), which log a number of their own. The same number can mean two things. */
#ifndef CYAN_CLI_WHY_CODES_H
#define CYAN_CLI_WHY_CODES_H

#include <stddef.h>

struct why_code {
    int code;
    char implementation; /* 'A' or 'B' */
    const char *name;    /* as the firmware's source calls it */
    const char *led;     /* what one sees */
    const char *cause;   /* the likely one, a sentence without a full stop */
    const char *fault;   /* whose it is */
    const char *command; /* what to type next; DEVICE is the reader's to fill in */
};

extern const struct why_code why_codes[];
extern const size_t why_codes_count;

/* NULL when this implementation has no such number. */
const struct why_code *why_codes_find(int code, char implementation);

/* "Photon and P1 up to 0.7.0", "0.8.0-rc.1 to 3.3.1". */
const char *why_codes_whose(char implementation);

/* How the same failure is numbered by the other implementation; NULL when nothing is known. */
const char *why_codes_twin(int code, char implementation);

#endif
