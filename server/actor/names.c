#include "server/actor/names.h"

#include <string.h>

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool names_system(const char *name)
{
    return begins_with(name, "spark") || begins_with(name, "particle");
}

bool names_cloud(const char *name)
{
    return begins_with(name, "cyan/");
}

bool names_of_custody(const char *name)
{
    return strcmp(name, "cyan/hello") == 0 || strcmp(name, "cyan/proof") == 0;
}
