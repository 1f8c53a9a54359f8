/* unit.h - cmocka with the headers that it wants before itself, for every unit test. */
#ifndef CYAN_TESTS_UNIT_H
#define CYAN_TESTS_UNIT_H

/* clang-format off: cmocka.h needs these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
/* clang-format on */

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
