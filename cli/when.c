#include "cli/when.h"

#include <stdio.h>
#include <string.h>

#include "cli/args.h"

/* Seconds since 1970; -1 when it cannot be read. */
static time_t read_time(const char *text)
{
    struct tm parts = {0};
    const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) : NULL;
    return end ? timegm(&parts) : -1;
}

/* Seconds ago; -1 when it cannot be told. */
static long seconds_since(const char *time_text)
{
    time_t then = read_time(time_text);
    time_t now = time(NULL);
    if (then < 0 || then > now + 60) {
        return -1;
    }
    return now > then ? (long)(now - then) : 0;
}

static void write_age(long seconds, const char *day, const char *behind,
                      char text[static WHEN_TEXT])
{
    if (seconds < 120) {
        (void)snprintf(text, WHEN_TEXT, "%ld s%s", seconds, behind);
    } else if (seconds < 2 * 3600) {
        (void)snprintf(text, WHEN_TEXT, "%ld min%s", seconds / 60, behind);
    } else if (seconds < 2 * 86400) {
        (void)snprintf(text, WHEN_TEXT, "%ld h%s", seconds / 3600, behind);
    } else {
        (void)snprintf(text, WHEN_TEXT, "%ld %s%s", seconds / 86400, day, behind);
    }
}

const char *when_age(const char *time_text, char text[static WHEN_TEXT])
{
    long seconds = seconds_since(time_text);
    if (!time_text || seconds < 0) {
        return time_text ? time_text : "never";
    }
    write_age(seconds, "days", " ago", text);
    return text;
}

const char *when_brief(const char *time_text, char text[static WHEN_TEXT])
{
    long seconds = seconds_since(time_text);
    if (!time_text || seconds < 0) {
        return time_text ? time_text : "never";
    }
    write_age(seconds, "d", "", text);
    return text;
}

static int write_time(time_t at, char out_text[static WHEN_TEXT])
{
    struct tm parts;
    if (!gmtime_r(&at, &parts) ||
        strftime(out_text, WHEN_TEXT, "%Y-%m-%dT%H:%M:%S.000Z", &parts) == 0) {
        return CYAN_E_INVALID;
    }
    return 0;
}

int when_since(const char *typed, time_t now, char out_text[static WHEN_TEXT])
{
    static const struct {
        char letter;
        long seconds;
    } units[] = {{'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};
    struct tm parts = {0};
    char number[8];
    unsigned long count = 0;
    size_t len = strlen(typed);
    const char *end = strptime(typed, "%Y-%m-%dT%H:%M:%S", &parts);
    if (!end) {
        parts = (struct tm){0};
        end = strptime(typed, "%Y-%m-%d", &parts);
    } else if (*end == '.') {
        end += 1 + strspn(end + 1, "0123456789");
    }
    if (end) {
        end += *end == 'Z';
        return *end ? CYAN_E_INVALID : write_time(timegm(&parts), out_text);
    }
    if (len < 2 || len > sizeof number) {
        return CYAN_E_INVALID;
    }
    memcpy(number, typed, len - 1);
    number[len - 1] = '\0';
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (typed[len - 1] == units[i].letter && args_number(number, 1, 100000, &count) == 0) {
            return write_time(now - (time_t)count * units[i].seconds, out_text);
        }
    }
    return CYAN_E_INVALID;
}

void when_month(const char *time_text, char out_month[static WHEN_MONTH])
{
    bool good = read_time(time_text) >= 0;
    (void)snprintf(out_month, WHEN_MONTH, "%.7s", good ? time_text : "?");
}
