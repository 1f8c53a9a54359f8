/* secret.h - comparing and forgetting secrets. */
#ifndef CYAN_BASE_SECRET_H
#define CYAN_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Whether two byte strings of len bytes are equal, in time that depends on len alone. */
bool cyan_ct_equal(const void *a, const void *b, size_t len);

/* Overwrites len bytes with zeroes; the compiler may not leave it out. p may be NULL if len is 0.
 */
void cyan_wipe(void *p, size_t len);

#endif
