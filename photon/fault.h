/* fault.h - damage on demand to the settings in flash: what a torn write does, but where one
 * wants it. */
#ifndef CYAN_PHOTON_FAULT_H
#define CYAN_PHOTON_FAULT_H

#include "photon/flash.h"

struct fault {
    const char *field; /* "device-key", "server-key", "address" */
    uint32_t setting;  /* where the field begins */
    size_t len;
    bool erase;
    uint32_t offset; /* in the field; not of erase */
};

/* FIELD:OFFSET flips bit 0 of that byte; FIELD and FIELD:erase fill the field with FF.
 * CYAN_E_NOT_FOUND: no such field; CYAN_E_INVALID: an offset that is no number or not inside. */
int fault_parse(const char *text, struct fault *out_fault) CYAN_MUST_CHECK;

/* Does it to the current copy. CYAN_E_BLANK: there is none. */
int fault_apply(const struct fault *fault, struct flash *flash) CYAN_MUST_CHECK;

#endif
