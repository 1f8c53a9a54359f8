#include "cli/fault.h"

#include <stdarg.h>
#include <stdio.h>

int fault_set(struct fault *fault, enum cli_exit exit, const char *code, const char *format, ...)
{
    va_list list;
    (void)snprintf(fault->code, sizeof fault->code, "%s", code);
    va_start(list, format);
    (void)vsnprintf(fault->message, sizeof fault->message, format, list);
    va_end(list);
    fault->remedy[0] = '\0';
    return (int)exit;
}

void fault_try(struct fault *fault, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    (void)vsnprintf(fault->remedy, sizeof fault->remedy, format, list);
    va_end(list);
}
