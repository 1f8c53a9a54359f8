#include "photon/text.h"

#include <stdarg.h>
#include <stdio.h>

void text_put(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text->at + text->len, text->cap - text->len, format, args);
    va_end(args);
    if (n > 0) {
        text->len += (size_t)n;
    }
    if (text->len > text->cap - 1) {
        text->len = text->cap - 1;
    }
}
