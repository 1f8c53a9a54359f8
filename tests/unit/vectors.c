#include "tests/unit/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "tests/unit/unit.h"

enum { LINE_MAX_LEN = 8192 };

static void add(struct vectors *vectors, const char *file, char *line)
{
    char *colon = strstr(line, ": ");
    size_t name_len = colon ? (size_t)(colon - line) : 0;
    if (name_len == 0 || name_len > VECTOR_NAME_MAX) {
        fail_msg("%s: a line that is no vector: %.40s", file, line);
    }
    const char *text = colon + 2;
    size_t len = strlen(text) / 2;
    struct vector *items = realloc(vectors->items, (vectors->count + 1) * sizeof *vectors->items);
    uint8_t *data = malloc(len ? len : 1);
    assert_non_null(items);
    assert_non_null(data);
    vectors->items = items;
    struct vector *vector = &items[vectors->count++];
    *vector = (struct vector){.data = data, .len = len};
    memcpy(vector->name, line, name_len);
    if (cyan_hex_decode(text, strlen(text), data, len) < 0) {
        fail_msg("%s: %s is not hexadecimal", file, vector->name);
    }
}

struct vectors *vectors_open(const char *file)
{
    char line[LINE_MAX_LEN];
    struct vectors *vectors = calloc(1, sizeof *vectors);
    assert_non_null(vectors);
    char path[sizeof CYAN_VECTORS + VECTOR_NAME_MAX + 2];
    (void)snprintf(path, sizeof path, CYAN_VECTORS "/%s", file);
    FILE *stream = fopen(path, "r");
    if (!stream) {
        fail_msg("%s cannot be opened", path);
    }
    while (fgets(line, sizeof line, stream)) {
        size_t len = strcspn(line, "\n");
        if (line[len] != '\n') {
            fail_msg("%s: a line that is too long or not ended", file);
        }
        line[len] = '\0';
        if (len > 0 && line[0] != '#') {
            add(vectors, file, line);
        }
    }
    fclose(stream);
    assert_true(vectors->count > 0);
    return vectors;
}

void vectors_close(struct vectors *vectors)
{
    if (!vectors) {
        return;
    }
    for (size_t i = 0; i < vectors->count; i++) {
        free(vectors->items[i].data);
    }
    free(vectors->items);
    free(vectors);
}

const struct vector *vectors_get(const struct vectors *vectors, const char *name)
{
    for (size_t i = 0; i < vectors->count; i++) {
        if (strcmp(vectors->items[i].name, name) == 0) {
            return &vectors->items[i];
        }
    }
    fail_msg("there is no vector %s", name);
    return NULL;
}

const uint8_t *vectors_bytes(const struct vectors *vectors, const char *name, size_t len)
{
    const struct vector *vector = vectors_get(vectors, name);
    if (vector->len != len) {
        fail_msg("vector %s has %zu bytes, not %zu", name, vector->len, len);
    }
    return vector->data;
}
