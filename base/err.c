#include "base/err.h"

const char *cyan_err_name(int err)
{
    if (err >= 0) {
        return "OK";
    }
    switch (err) {
#define X(number, name, sentence)                                                                  \
    case CYAN_E_##name:                                                                            \
        return #name;
        CYAN_ERRORS(X)
#undef X
    default:
        return "UNKNOWN";
    }
}

const char *cyan_err_text(int err)
{
    if (err >= 0) {
        return "done";
    }
    switch (err) {
#define X(number, name, sentence)                                                                  \
    case CYAN_E_##name:                                                                            \
        return sentence;
        CYAN_ERRORS(X)
#undef X
    default:
        return "unknown error";
    }
}
