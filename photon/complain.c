#include "photon/complain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

void complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("cyan-photon: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

int complain_state(const char *dir, int err)
{
    switch (err) {
    case CYAN_E_NOT_FOUND:
        complain("there is no virtual Photon in %s", dir);
        fprintf(stderr, "  try: cyan-photon --state %s --init\n", dir);
        return EXIT_FAILED;
    case CYAN_E_BUSY:
        complain("%s is in use by another program", dir);
        return EXIT_IN_USE;
    case CYAN_E_EXISTS:
        complain("there is a virtual Photon in %s already; it was left as it is", dir);
        return EXIT_FAILED;
    case CYAN_E_CORRUPT:
        complain("photon.json or flash.bin in %s is not what it should be", dir);
        return EXIT_FAILED;
    case CYAN_E_UNSUPPORTED:
        complain("the firmware of %s keeps its keys in a key store, which is not known here", dir);
        return EXIT_FAILED;
    case CYAN_E_IO:
        complain("cannot use %s: %s", dir, strerror(errno));
        return EXIT_FAILED;
    default:
        complain("cannot use %s: %s", dir, cyan_err_text(err));
        return EXIT_FAILED;
    }
}
