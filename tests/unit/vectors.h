/* vectors.h - reads the golden vectors of tests/vectors: lines "name: hexadecimal", "#" comments.
 *
 * The build says where they are, as CYAN_VECTORS. What is missing or malformed fails the running
 * test. */
#ifndef CYAN_TESTS_VECTORS_H
#define CYAN_TESTS_VECTORS_H

#include <stddef.h>
#include <stdint.h>

enum { VECTOR_NAME_MAX = 63 };

struct vector {
    char name[VECTOR_NAME_MAX + 1];
    uint8_t *data; /* on the heap with exactly len bytes, so that a sanitizer sees one too many */
    size_t len;
};

struct vectors {
    struct vector *items;
    size_t count;
};

/* Reads tests/vectors/FILE. */
struct vectors *vectors_open(const char *file);
void vectors_close(struct vectors *vectors);

const struct vector *vectors_get(const struct vectors *vectors, const char *name);

/* The same, and its length is len. */
const uint8_t *vectors_bytes(const struct vectors *vectors, const char *name, size_t len);

#endif
