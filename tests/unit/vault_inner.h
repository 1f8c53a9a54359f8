/* vault_inner.h - what the files of the vault share (vault.h). */
#ifndef CYAN_TESTS_VAULT_INNER_H
#define CYAN_TESTS_VAULT_INNER_H

#include "tests/unit/vault.h"

extern struct store vault_real; /* whose calls do not fail */

/* The same with calls that count. */
struct store vault_failing(void);

#endif
