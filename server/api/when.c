#include "server/api/when.h"

#include <ctype.h>
#include <stddef.h>

/* Takes so many digits; -1 when there are others, or fewer. */
static int take_digits(const char **at, unsigned count)
{
    int value = 0;
    for (unsigned i = 0; i < count; i++, (*at)++) {
        if (!isdigit((unsigned char)**at)) {
            return -1;
        }
        value = value * 10 + (**at - '0');
    }
    return value;
}

/* Takes a mark and so many digits behind it. */
static int take_part(const char **at, char mark, unsigned count)
{
    if (**at != mark) {
        return -1;
    }
    (*at)++;
    return take_digits(at, count);
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap);
}

/* Days since 1970; -1: no such day. */
static int64_t take_day(const char **at)
{
    int year = take_digits(at, 4);
    int month = year < 1970 ? -1 : take_part(at, '-', 2);
    int day = month < 1 || month > 12 ? -1 : take_part(at, '-', 2);
    if (day < 1 || day > days_in(year, month)) {
        return -1;
    }
    int64_t days = day - 1;
    for (int m = 1; m < month; m++) {
        days += days_in(year, m);
    }
    for (int y = 1970; y < year; y++) {
        days += days_in(y, 2) == 29 ? 366 : 365;
    }
    return days;
}

/* Milliseconds since midnight; -1: no such time. */
static int64_t take_time(const char **at)
{
    int hour = take_part(at, 'T', 2);
    int minute = hour < 0 || hour > 23 ? -1 : take_part(at, ':', 2);
    int second = minute < 0 || minute > 59 ? -1 : take_part(at, ':', 2);
    int64_t ms = 0;
    if (second < 0 || second > 59) {
        return -1;
    }
    if (**at == '.') {
        int unit = 100;
        for ((*at)++; isdigit((unsigned char)**at) && unit > 0; (*at)++, unit /= 10) {
            ms += (int64_t)(**at - '0') * unit;
        }
        if (unit == 100) {
            return -1;
        }
    }
    if (**at != 'Z') {
        return -1;
    }
    (*at)++;
    return (((int64_t)hour * 60 + minute) * 60 + second) * 1000 + ms;
}

int when_read(const char *text, int64_t *out_ms)
{
    const char *at = text;
    int64_t days = take_day(&at);
    int64_t ms = days < 0 ? -1 : *at == '\0' ? 0 : take_time(&at);
    if (ms < 0 || *at != '\0') {
        return CYAN_E_INVALID;
    }
    *out_ms = days * 24 * 60 * 60 * 1000 + ms;
    return 0;
}
