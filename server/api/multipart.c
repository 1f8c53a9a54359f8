#include "server/api/multipart.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"

enum { BOUNDARY_MAX = 70, TYPE_MAX = 256 };

/* Takes the quotes off in place. Returns what follows them; NULL: they do not end. */
static char *unquote(char *value)
{
    char *to = value;
    char *p = value + 1;
    for (; *p != '"'; p++) {
        p += *p == '\\';
        if (*p == '\0') {
            return NULL;
        }
        *to++ = *p;
    }
    *to = '\0';
    return p + 1;
}

/* The value of a parameter in `; key=value; key="value"`, cut out of params; NULL: none. */
static char *find_parameter(char *params, const char *key)
{
    size_t key_len = strlen(key);
    for (char *p = strchr(params, ';'); p; p = strchr(p, ';')) {
        p += 1 + strspn(p + 1, " \t");
        bool is_it = strncasecmp(p, key, key_len) == 0 && p[key_len] == '=';
        p += strcspn(p, "=;");
        if (*p != '=') {
            continue;
        }
        char *value = ++p;
        bool is_quoted = *value == '"';
        p = is_quoted ? unquote(value) : value + strcspn(value, "; \t");
        if (!p) {
            return NULL;
        }
        if (is_it) {
            *(is_quoted ? value + strlen(value) : p) = '\0';
            return value;
        }
    }
    return NULL;
}

/* The headers of one part, lines ended by CRLF; *at moves behind the empty line that ends them.
 * The name of its field; NULL: malformed. */
static char *read_part_headers(char **at)
{
    static const char wanted[] = "Content-Disposition:";
    char *name = NULL;
    for (;;) {
        char *line = *at;
        char *end = strstr(line, "\r\n");
        if (!end) {
            return NULL;
        }
        *at = end + 2;
        *end = '\0';
        if (end == line) {
            return name;
        }
        if (!name && strncasecmp(line, wanted, sizeof wanted - 1) == 0) {
            name = find_parameter(line, "name");
        }
    }
}

/* mark: CRLF, two hyphens and the boundary. A CRLF was put before the text, so that the first
 * boundary looks like the others. */
static int read_parts(struct fields *fields, const char *mark)
{
    size_t mark_len = strlen(mark);
    char *stop = fields->texts + fields->texts_len - 1;
    char *at = memmem(fields->texts, (size_t)(stop - fields->texts), mark, mark_len);
    if (!at) {
        return CYAN_E_MALFORMED;
    }
    for (at += mark_len; strncmp(at, "--", 2) != 0;) {
        at += strspn(at, " \t");
        if (strncmp(at, "\r\n", 2) != 0) {
            return CYAN_E_MALFORMED;
        }
        at += 2;
        char *name = read_part_headers(&at);
        char *end = name ? memmem(at, (size_t)(stop - at), mark, mark_len) : NULL;
        if (!end) {
            return CYAN_E_MALFORMED;
        }
        struct field field = {.name = name, .value = at, .value_len = (size_t)(end - at)};
        int err = fields_add(fields, &field);
        if (err < 0) {
            return err;
        }
        at = end + mark_len;
        *end = '\0';
    }
    return 0;
}

int multipart_read(struct fields *fields, const char *type, const char *text, size_t len)
{
    char params[TYPE_MAX];
    char mark[BOUNDARY_MAX + 5];
    if (strlen(type) >= sizeof params) {
        return CYAN_E_MALFORMED;
    }
    memcpy(params, type, strlen(type) + 1);
    const char *boundary = find_parameter(params, "boundary");
    if (!boundary || *boundary == '\0' || strlen(boundary) > BOUNDARY_MAX) {
        return CYAN_E_MALFORMED;
    }
    snprintf(mark, sizeof mark, "\r\n--%s", boundary);
    int err = fields_hold(fields, len + 2);
    if (err < 0) {
        return err;
    }
    memcpy(fields->texts, "\r\n", 2);
    memcpy(fields->texts + 2, text, len);
    fields->texts[len + 2] = '\0';
    return read_parts(fields, mark);
}
