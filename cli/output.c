#include "cli/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"

static void print_clean(FILE *file, const char *text)
{
    char *clean = text_clean(text);
    (void)fputs(clean ? clean : "(out of memory)", file);
    free(clean);
}

/* Formats first, so that what a stranger put into it is cleaned too. */
static void __attribute__((format(printf, 3, 0)))
print_formatted(FILE *file, const char *prefix, const char *format, va_list list)
{
    char *text = NULL;
    if (vasprintf(&text, format, list) < 0) {
        return;
    }
    (void)fputs(prefix, file);
    print_clean(file, text);
    (void)fputc('\n', file);
    free(text);
}

void output_say(const struct output *output, const char *format, ...)
{
    if (!output->json) {
        va_list list;
        va_start(list, format);
        print_formatted(output->out, "", format, list);
        va_end(list);
    }
}

void output_note(const struct output *output, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    print_formatted(output->err, "cyan: ", format, list);
    va_end(list);
    (void)fflush(output->err);
}

/* The shortest form that reads back as the same number. */
static char *real_text(double value)
{
    enum { REAL_MAX = 40 };
    char *text = malloc(REAL_MAX);
    if (text) {
        (void)snprintf(text, REAL_MAX, "%.15g", value);
        if (strtod(text, NULL) != value) {
            (void)snprintf(text, REAL_MAX, "%.17g", value);
        }
    }
    return text;
}

char *output_value_text(const json_t *value)
{
    if (json_is_string(value)) {
        return strdup(json_string_value(value));
    }
    if (json_is_real(value)) {
        return real_text(json_real_value(value));
    }
    return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

int output_value(const struct output *output, const json_t *value, struct fault *fault)
{
    char *text = output_value_text(value);
    if (!text) {
        return fault_set(fault, CLI_FAILED, "NO_MEMORY", "out of memory");
    }
    print_clean(output->out, text);
    (void)fputc('\n', output->out);
    free(text);
    return 0;
}

int output_object(const struct output *output, json_t *object, struct fault *fault)
{
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (!text) {
        return fault_set(fault, CLI_FAILED, "NO_JSON",
                         "the result cannot be written as JSON: no memory, or no UTF-8");
    }
    (void)fprintf(output->out, "%s\n", text);
    free(text);
    return output_flush(output, fault);
}

int output_data(const struct output *output, json_t *data, struct fault *fault)
{
    if (!output->json) {
        json_decref(data);
        return 0;
    }
    json_t *document = data ? json_pack("{s:b, s:o}", "ok", 1, "data", data) : NULL;
    return output_object(output, document, fault);
}

/* The words may hold what somebody typed, which need not be UTF-8. */
static json_t *clean_string(const char *text)
{
    char *clean = text_clean(text);
    json_t *string = clean ? json_string(clean) : NULL;
    free(clean);
    return string;
}

static void print_fault_document(const struct output *output, const struct fault *fault)
{
    struct fault ignored;
    json_t *error =
        json_pack("{s:s, s:o*, s:o*}", "code", fault->code, "message", clean_string(fault->message),
                  "try", fault->remedy[0] ? clean_string(fault->remedy) : NULL);
    json_t *document = error ? json_pack("{s:b, s:o}", "ok", 0, "error", error) : NULL;
    (void)output_object(output, document, &ignored);
}

void output_fault(const struct output *output, const struct fault *fault)
{
    if (output->json && !output->streaming) {
        print_fault_document(output, fault);
        return;
    }
    (void)fputs("cyan: ", output->err);
    print_clean(output->err, fault->message);
    (void)fputc('\n', output->err);
    if (fault->remedy[0]) {
        (void)fputs("  try: ", output->err);
        print_clean(output->err, fault->remedy);
        (void)fputc('\n', output->err);
    }
}

int output_flush(const struct output *output, struct fault *fault)
{
    if (fflush(output->out) != 0 || ferror(output->out)) {
        return fault_set(fault, CLI_FAILED, "IO", "the output cannot be written: %s",
                         strerror(errno));
    }
    return 0;
}
