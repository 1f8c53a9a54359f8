/* scratch.h - a folder for a test's files, and the openssl command beside it as an independent
 * opinion. What fails here fails the running test. */
#ifndef CYAN_TESTS_SCRATCH_H
#define CYAN_TESTS_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

enum { SCRATCH_PATH_MAX = 512 };

/* A new folder, which scratch_done removes with all that is in it. There is one at a time. */
void scratch_init(void);
void scratch_done(void);

/* The path of a name in it; good for the fifteen calls after this one. */
const char *scratch_path(const char *name);

void scratch_write(const char *name, const void *data, size_t len);
/* The whole file on the heap with exactly its length, so that a sanitizer sees one too many. */
uint8_t *scratch_read(const char *name, size_t *out_len);

/* How many entries a folder in it has, or with "" it itself. */
size_t scratch_count(const char *name);

/* Runs a command in the folder, silently, with an empty stdin: its words, with a NULL behind them.
 * Returns its exit code. */
int scratch_run(const char *const *words);
#define SCRATCH_RUN(...) scratch_run((const char *const[]){__VA_ARGS__, NULL})

#endif
