/* backoff.h - how long a device waits after failures in a row (docs/SPEC-wire.md, "Status LED"). */
#ifndef CYAN_DEVICE_BACKOFF_H
#define CYAN_DEVICE_BACKOFF_H

#include <stdint.h>

/* Milliseconds from the last of this many failures to the next try: none for 0, then 1 s five
 * times, 2 s five times and so on up to 64 s, then 128 s for ever. */
uint32_t cyan_backoff_ms(uint8_t failures);

#endif
