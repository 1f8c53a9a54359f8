#include "server/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { LINE_MAX_LEN = 1200, SHARDS_MAX = 64 };

/* What has been read so far. What the command line sets, the file does not change. */
struct parsing {
    struct options *options;
    char *error;
    size_t error_len;
    bool from_file;
    bool data_set, http_set, device_set, shards_set, log_set, unknown_set;
    const char *config;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct parsing *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(p->error, p->error_len, format, args);
    va_end(args);
    return CYAN_E_INVALID;
}

/* ADDR:PORT, where an IPv6 address stands in brackets. */
static int parse_address(const char *text, struct options_address *out)
{
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text || colon[1] == '\0' || strlen(colon + 1) > 5 ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1)) {
        return CYAN_E_INVALID;
    }
    long port = strtol(colon + 1, NULL, 10);
    size_t len = (size_t)(colon - text);
    bool brackets = text[0] == '[' && colon[-1] == ']';
    if (brackets) {
        text++;
        len -= 2;
    }
    if (port > UINT16_MAX || len == 0 || len >= sizeof out->host ||
        brackets != (memchr(text, ':', len) != NULL)) {
        return CYAN_E_INVALID;
    }
    memcpy(out->host, text, len);
    out->host[len] = '\0';
    out->port = (uint16_t)port;
    return 0;
}

static int add_address(struct parsing *p, const char *name, const char *value,
                       struct options_address *list, size_t *count)
{
    if (*count == OPTIONS_ADDRESSES_MAX) {
        return refuse(p, "--%s may stand %d times at most", name, OPTIONS_ADDRESSES_MAX);
    }
    if (parse_address(value, &list[*count]) < 0) {
        return refuse(p, "--%s wants ADDRESS:PORT, for example 127.0.0.1:8080, not '%s'", name,
                      value);
    }
    (*count)++;
    return 0;
}

static int set_shards(struct parsing *p, const char *value)
{
    char *end;
    long n = strtol(value, &end, 10);
    if (*end != '\0' || end == value || n < 1 || n > SHARDS_MAX) {
        return refuse(p, "--shards wants a number from 1 to %d, not '%s'", SHARDS_MAX, value);
    }
    p->options->shards = (unsigned)n;
    return 0;
}

static int set_log(struct parsing *p, const char *value)
{
    if (strcmp(value, "json") != 0 && strcmp(value, "text") != 0) {
        return refuse(p, "--log wants text or json, not '%s'", value);
    }
    p->options->log_json = value[0] == 'j';
    return 0;
}

static int set_unknown(struct parsing *p, const char *value)
{
    if (strcmp(value, "refuse") != 0 && strcmp(value, "quarantine") != 0 &&
        strcmp(value, "enroll") != 0) {
        return refuse(p, "--unknown wants refuse, quarantine or enroll, not '%s'", value);
    }
    memcpy(p->options->unknown, value, strlen(value) + 1);
    return 0;
}

static int set_data(struct parsing *p, const char *value)
{
    size_t len = strlen(value);
    if (len == 0 || len >= sizeof p->options->data) {
        return refuse(p, "--data wants a folder");
    }
    memcpy(p->options->data, value, len + 1);
    return 0;
}

/* Whether the file may set this: not when the command line did. Marks it for the command line. */
static bool may_set(struct parsing *p, bool *set)
{
    bool allowed = !(p->from_file && *set);
    *set |= !p->from_file;
    return allowed;
}

/* An option with a value; CYAN_E_NOT_FOUND when there is no such option. */
static int set_value(struct parsing *p, const char *name, const char *value)
{
    struct options *o = p->options;
    if (strcmp(name, "data") == 0) {
        return may_set(p, &p->data_set) ? set_data(p, value) : 0;
    }
    if (strcmp(name, "http") == 0) {
        return may_set(p, &p->http_set) ? add_address(p, name, value, o->http, &o->http_count) : 0;
    }
    if (strcmp(name, "device") == 0) {
        return may_set(p, &p->device_set) ? add_address(p, name, value, o->device, &o->device_count)
                                          : 0;
    }
    if (strcmp(name, "shards") == 0) {
        return may_set(p, &p->shards_set) ? set_shards(p, value) : 0;
    }
    if (strcmp(name, "log") == 0) {
        return may_set(p, &p->log_set) ? set_log(p, value) : 0;
    }
    if (strcmp(name, "unknown") == 0) {
        return may_set(p, &p->unknown_set) ? set_unknown(p, value) : 0;
    }
    if (strcmp(name, "config") == 0 && !p->from_file) {
        p->config = value;
        return 0;
    }
    return CYAN_E_NOT_FOUND;
}

static bool set_flag(struct parsing *p, const char *name)
{
    struct options *o = p->options;
    if (strcmp(name, "signup") == 0) {
        o->signup = true;
    } else if (strcmp(name, "help") == 0) {
        o->help = true;
    } else if (strcmp(name, "version") == 0) {
        o->version = true;
    } else {
        return false;
    }
    return true;
}

static char *trimmed(char *text)
{
    static const char blanks[] = " \t\r\n";
    text += strspn(text, blanks);
    size_t len = strlen(text);
    while (len > 0 && strchr(blanks, text[len - 1])) {
        text[--len] = '\0';
    }
    return text;
}

/* "name = value", or "signup = yes|no"; # begins a comment line. */
static int config_line(struct parsing *p, char *line, unsigned number)
{
    char *text = trimmed(line);
    if (*text == '\0' || *text == '#') {
        return 0;
    }
    char *equals = strchr(text, '=');
    if (!equals) {
        return refuse(p, "%s, line %u: expected 'name = value'", p->config, number);
    }
    *equals = '\0';
    const char *name = trimmed(text);
    const char *value = trimmed(equals + 1);
    if (strcmp(name, "signup") == 0 && (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0)) {
        p->options->signup |= value[0] == 'y';
        return 0;
    }
    int err = set_value(p, name, value);
    if (err == CYAN_E_NOT_FOUND) {
        return refuse(p, "%s, line %u: there is no setting '%s' with the value '%s'", p->config,
                      number, name, value);
    }
    return err;
}

static int read_config(struct parsing *p)
{
    char line[LINE_MAX_LEN];
    unsigned number = 0;
    int err = 0;
    FILE *file = fopen(p->config, "re");
    if (!file) {
        return refuse(p, "cannot read %s: %s", p->config, strerror(errno));
    }
    p->from_file = true;
    while (err == 0 && fgets(line, sizeof line, file)) {
        number++;
        if (!strchr(line, '\n') && !feof(file)) {
            err = refuse(p, "%s, line %u: too long", p->config, number);
        } else {
            err = config_line(p, line, number);
        }
    }
    (void)fclose(file);
    return err;
}

static int read_arguments(struct parsing *p, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (strncmp(name, "--", 2) != 0) {
            return refuse(p, "'%s' is no option", name);
        }
        name += 2;
        if (set_flag(p, name)) {
            continue;
        }
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        int err = value ? set_value(p, name, value) : set_value(p, name, "");
        if (err == CYAN_E_NOT_FOUND) {
            return refuse(p, "there is no option --%s", name);
        }
        if (!value) {
            return refuse(p, "--%s wants a value", name);
        }
        if (err < 0) {
            return err;
        }
        i++;
    }
    return 0;
}

int options_parse(int argc, char **argv, struct options *out_options, char *out_error,
                  size_t error_len)
{
    struct options options = {.data = "./var", .unknown = "quarantine"};
    struct parsing p = {.options = &options, .error = out_error, .error_len = error_len};
    int err = read_arguments(&p, argc, argv);
    if (err == 0 && p.config) {
        err = read_config(&p);
    }
    if (err < 0) {
        return err;
    }
    if (options.http_count == 0) {
        options.http[0] = (struct options_address){.host = "127.0.0.1", .port = 8080};
        options.http_count = 1;
    }
    if (options.device_count == 0) {
        options.device[0] = (struct options_address){.host = "0.0.0.0", .port = 5683};
        options.device_count = 1;
    }
    *out_options = options;
    return 0;
}

const char *options_help(void)
{
    return "cyand - the cloud of Cyan\n"
           "\n"
           "usage: cyand [--data DIR] [--http ADDRESS:PORT] [--device ADDRESS:PORT] ...\n"
           "\n"
           "  --data DIR             the data folder (./var); made when it is missing\n"
           "  --http ADDRESS:PORT    where people and tools come in (127.0.0.1:8080)\n"
           "  --device ADDRESS:PORT  where devices come in (0.0.0.0:5683)\n"
           "                         both may stand several times; port 0 picks a free one\n"
           "  --shards N             threads for devices (one for each core)\n"
           "  --unknown WORD         what becomes of device ids that nobody knows: refuse,\n"
           "                         quarantine (the default: held, the operator is asked) or\n"
           "                         enroll (trusted at first sight: for a closed bench)\n"
           "  --signup               lets anybody make an account\n"
           "  --log text|json        the form of the log on standard error (text)\n"
           "  --config FILE          reads 'name = value' lines: data, http, device, shards,\n"
           "                         unknown, log, signup\n"
           "  --help, --version\n"
           "\n"
           "commands on a data folder; each has --help:\n"
           "  cyand rotate           a new server key beside the old one\n"
           "  cyand backup           keys and store in one sealed file; cyand may run\n"
           "  cyand restore          a data folder from a backup\n"
           "  cyand import           takes over the fleet of a spark-server\n"
           "\n"
           "When it is ready it prints one line: cyand ready http=... device=...\n"
           "At its first start it makes one account, from CYAN_USER and CYAN_PASSWORD or with\n"
           "a random password that it writes once, to standard error and to DIR/first-login.\n";
}
