/* body.h - names and values out of a query or a request body: JSON, forms, multipart forms.
 *
 * What a stranger may send is bounded: FIELDS_MAX fields, the length of the text given. Values may
 * be passwords, so everything is wiped when it goes. */
#ifndef CYAN_SERVER_API_BODY_H
#define CYAN_SERVER_API_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIELDS_MAX = 64 };

struct field {
    const char *name;
    const char *value; /* ended by NUL, which is not counted */
    size_t value_len;
    bool is_nested; /* an object or array of JSON: there is no value */
};

struct fields {
    struct field list[FIELDS_MAX];
    size_t count;
    char *texts; /* owned, what the pointers point into */
    size_t texts_len;
};

/* Decodes %XX in place. Returns the new length; CYAN_E_MALFORMED: a % without two digits, or a
 * byte 0, which would hide what follows it. */
int percent_decode(char *text);

/* Reads name=value&name=value into a struct of zeroes, as they stand in a query or a form; of two
 * with the same name the first is found. CYAN_E_MALFORMED, CYAN_E_TOO_LONG (too many fields),
 * CYAN_E_NO_MEMORY; after an error, too, the struct is for fields_done. */
int fields_read_form(struct fields *fields, const char *text, size_t len);

/* The same for the body of a request, by its Content-Type (NULL: a form). CYAN_E_UNSUPPORTED:
 * another type; CYAN_E_INVALID: JSON, but no object; and as above. */
int fields_read_body(struct fields *fields, const char *type, const char *text, size_t len);

/* Wipes and frees what they hold; NULL and zeroes are fine. */
void fields_done(struct fields *fields);

/* NULL: no such field. */
const struct field *fields_find(const struct fields *fields, const char *name);

/* Its value when it is text without a byte 0, else NULL. */
const char *fields_text(const struct fields *fields, const char *name);

/* true and false as people and tools write them. CYAN_E_NOT_FOUND, CYAN_E_INVALID. */
int fields_bool(const struct fields *fields, const char *name, bool *out_value);

/* A whole number from 0 to max. CYAN_E_NOT_FOUND, CYAN_E_INVALID. */
int fields_number(const struct fields *fields, const char *name, int64_t max, int64_t *out_value);

/* For readers of other forms: memory for the texts, len bytes and a NUL; one more field, whose
 * texts lie there. CYAN_E_NO_MEMORY; CYAN_E_TOO_LONG. */
int fields_hold(struct fields *fields, size_t len);
int fields_add(struct fields *fields, const struct field *field);

/* Makes jansson wipe what it frees; once, before the first body is read. */
void fields_setup(void);

#endif
