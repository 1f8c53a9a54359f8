/* calls.h - what a user asks of a device that is online, and its answer.
 *
 * On the hub's thread; the request travels to the shard of the device and comes back through the
 * callback, later, on the same thread, always exactly once: with an answer, or after at most 30
 * seconds with an error. */
#ifndef CYAN_SERVER_CLOUD_CALLS_H
#define CYAN_SERVER_CLOUD_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/limits.h"
#include "wire/request.h"

struct cloud;

enum call_kind {
    CALL_DESCRIBE,
    CALL_VARIABLE,
    CALL_FUNCTION,
    CALL_SIGNAL,
    CALL_PING,
    CALL_RESET, /* succeeds when it is on its way: the device only does it */
};

struct call {
    enum call_kind kind;
    uint8_t device[CYAN_ID_LEN];
    char name[CYAN_NAME_MAX + 1]; /* of VARIABLE and FUNCTION */
    /* Of FUNCTION; of RESET "reboot", "safe mode" or "dfu". */
    char argument[CYAN_FUNCTION_ARG_MAX + 1];
    bool on; /* of SIGNAL */
    /* A held session instead of the full one: DESCRIBE, SIGNAL, PING and RESET. 0: the full one. */
    uint64_t held;
    uint32_t shard; /* where the held one lives */
};

struct call_reply {
    /* 0; CYAN_E_OFFLINE: no full session, or it ended meanwhile; CYAN_E_TIMEOUT: no answer in 20
     * s; CYAN_E_NOT_FOUND: the device has no such variable or function; CYAN_E_TOO_LONG: an
     * argument that this firmware does not take; CYAN_E_FULL: too many requests wait for this
     * device; CYAN_E_MALFORMED: it answered nonsense; CYAN_E_REFUSED: it answered an error;
     * CYAN_E_INVALID: no such reset. */
    int status;
    const uint8_t *description; /* of DESCRIBE: JSON text as the device sent it; borrowed */
    size_t description_len;
    struct cyan_value value; /* of VARIABLE; text is borrowed */
    int32_t result;          /* of FUNCTION */
};

typedef void call_fn(void *arg, const struct call_reply *reply);

/* done comes later, from the loop, but for CYAN_E_NO_MEMORY and after the calls have stopped: then
 * at once. */
void calls_start(struct cloud *cloud, const struct call *call, call_fn *done, void *arg);

#endif
