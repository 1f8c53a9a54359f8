/* request.h - what the server asks of a device, and the answers: describe, variable, function,
 * signal (docs/SPEC-wire.md, "Requests").
 *
 * Every request is CON with exactly one token byte, since devices parse at fixed offsets. A
 * function answers twice: an acknowledgement at once, the result when it has run. Ask only for
 * names that describe lists: an unknown variable makes old firmware read through a null pointer. */
#ifndef CYAN_WIRE_REQUEST_H
#define CYAN_WIRE_REQUEST_H

#include <stdbool.h>

#include "wire/coap.h"
#include "wire/limits.h"

enum cyan_value_type {
    CYAN_VALUE_BOOL = 1,
    CYAN_VALUE_INT = 2,
    CYAN_VALUE_STRING = 4,
    CYAN_VALUE_DOUBLE = 9,
};

struct cyan_value {
    enum cyan_value_type type;
    bool boolean;
    int32_t integer;
    double number;
    const uint8_t *text; /* of STRING; borrowed, not NUL-terminated */
    size_t text_len;
};

enum { /* parts of a description */
       CYAN_DESCRIBE_SYSTEM = 1,
       CYAN_DESCRIBE_APPLICATION = 2,
       CYAN_DESCRIBE_ALL = 3,
};

/* parts 0 leaves the query out, the form for implementation A. */
void cyan_describe_write(struct cyan_writer *w, uint16_t id, uint8_t token, uint8_t parts);
void cyan_variable_write(struct cyan_writer *w, uint16_t id, uint8_t token, const char *name);
/* The query option is written for an empty argument too: devices read behind the name. */
void cyan_function_write(struct cyan_writer *w, uint16_t id, uint8_t token, const char *name,
                         const char *argument);
void cyan_signal_write(struct cyan_writer *w, uint16_t id, uint8_t token, bool on);

/* Device: what a VARIABLE or FUNCTION request names. CYAN_E_MALFORMED without a name;
 * CYAN_E_TOO_LONG when name or argument exceed their limits. */
struct cyan_request {
    char name[CYAN_NAME_MAX + 1];
    char argument[CYAN_FUNCTION_ARG_MAX + 1];
    uint8_t parts; /* of DESCRIBE: the query, or CYAN_DESCRIBE_ALL */
    bool on;       /* of SIGNAL */
};
int cyan_request_read(const struct cyan_coap *msg,
                      struct cyan_request *out_request) CYAN_MUST_CHECK;

/* Device: answers. The value stands in the acknowledgement; a function's result is a message of
 * its own with the request's token. */
void cyan_value_answer_write(struct cyan_writer *w, const struct cyan_coap *request,
                             const struct cyan_value *value);
void cyan_function_result_write(struct cyan_writer *w, uint16_t id, uint8_t token, int32_t result);
void cyan_signal_answer_write(struct cyan_writer *w, const struct cyan_coap *request);

/* Server: reads a variable's payload as the type that describe gave. CYAN_E_MALFORMED when its
 * length does not fit. */
int cyan_value_read(enum cyan_value_type type, const uint8_t *payload, size_t len,
                    struct cyan_value *out_value) CYAN_MUST_CHECK;

/* Server: the result of a function. CYAN_E_MALFORMED unless it has exactly four bytes. */
int cyan_function_result_read(const struct cyan_coap *msg, int32_t *out_result) CYAN_MUST_CHECK;

#endif
