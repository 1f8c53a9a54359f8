/* pantry.h - a store in a scratch folder, for the tests of the store itself. */
#ifndef CYAN_TESTS_PANTRY_H
#define CYAN_TESTS_PANTRY_H

#include "server/store/store.h"

extern struct store pantry; /* its ctx is NULL while it is closed */

/* Opens the file cyan.db of the scratch folder, anew after a close. */
void pantry_open(void);
void pantry_close(void);

/* For cmocka: an empty open store in an empty folder; both are gone afterwards. */
int pantry_set_up(void **state);
int pantry_tear_down(void **state);

#endif
