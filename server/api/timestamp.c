#include "server/api/timestamp.h"

#include <string.h>
#include <time.h>

#include "base/err.h"

int timestamp_read(const char *text, int64_t *out_ms)
{
    enum { MS = 1000, DIGITS = 3 };
    struct tm parts = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    int64_t fraction = 0;
    if (!rest) {
        return CYAN_E_INVALID;
    }
    if (*rest == '.') {
        size_t digits = strspn(++rest, "0123456789");
        for (size_t i = 0; i < DIGITS; i++) {
            fraction = fraction * 10 + (i < digits ? rest[i] - '0' : 0);
        }
        rest += digits;
    }
    struct tm again = parts;
    time_t seconds = timegm(&again);
    if (strcmp(rest, "Z") != 0 || seconds == (time_t)-1 || again.tm_mday != parts.tm_mday ||
        again.tm_sec != parts.tm_sec) {
        return CYAN_E_INVALID;
    }
    *out_ms = (int64_t)seconds * MS + fraction;
    return 0;
}
