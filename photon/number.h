/* number.h - a whole number from text, strictly: digits and nothing else. */
#ifndef CYAN_PHOTON_NUMBER_H
#define CYAN_PHOTON_NUMBER_H

#include <stdint.h>

#include "base/err.h"

/* CYAN_E_INVALID: empty, other characters, or above max. */
int number_parse(const char *text, uint32_t max, uint32_t *out_number) CYAN_MUST_CHECK;

#endif
