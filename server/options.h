/* options.h - the command line of cyand, and the file that may stand for it. */
#ifndef CYAN_SERVER_OPTIONS_H
#define CYAN_SERVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OPTIONS_ADDRESSES_MAX = 8,
    OPTIONS_HOST_MAX = 64,
    OPTIONS_PATH_MAX = 1024,
    OPTIONS_WORD_MAX = 16
};

struct options_address {
    char host[OPTIONS_HOST_MAX]; /* an IP address; IPv6 without its brackets */
    uint16_t port;               /* 0: a free one */
};

struct options {
    char data[OPTIONS_PATH_MAX];
    struct options_address http[OPTIONS_ADDRESSES_MAX];
    size_t http_count;
    struct options_address device[OPTIONS_ADDRESSES_MAX];
    size_t device_count;
    unsigned shards;                /* 0: one for each core */
    char unknown[OPTIONS_WORD_MAX]; /* refuse, quarantine or enroll */
    bool log_json;
    bool signup;
    bool help, version;
};

/* Fills options from the arguments; a value there goes before the same one in a --config file.
 * 0, or CYAN_E_INVALID with one sentence in out_error. */
int options_parse(int argc, char **argv, struct options *out_options, char *out_error,
                  size_t error_len);

/* The text of --help. Static. */
const char *options_help(void);

#endif
