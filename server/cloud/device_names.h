/* device_names.h - first names for new devices, such as "brisk_otter". */
#ifndef CYAN_SERVER_CLOUD_DEVICE_NAMES_H
#define CYAN_SERVER_CLOUD_DEVICE_NAMES_H

#include <stdint.h>

enum {
    DEVICE_NAMES_TEXT = 32,    /* with the NUL */
    DEVICE_NAMES_ATTEMPTS = 8, /* the later ones end in a number and are as good as unique */
};

/* The name that a random number gives at an attempt, from 0. */
void device_names_make(uint64_t random, unsigned attempt, char out_name[static DEVICE_NAMES_TEXT]);

#endif
