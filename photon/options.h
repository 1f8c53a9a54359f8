/* options.h - the command line of cyan-photon. */
#ifndef CYAN_PHOTON_OPTIONS_H
#define CYAN_PHOTON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "photon/fault.h"
#include "wire/address.h"

enum { OPTIONS_FAULTS_MAX = 16, OPTIONS_ERROR_MAX = 256 };

struct options {
    const char *state; /* borrowed from argv */
    bool has_server;
    struct cyan_address server;
    bool init;
    char impl; /* 'a' or 'b'; 0: what the state's firmware is */
    bool short_handshake;
    bool json;
    bool help;
    bool has_cut;
    uint32_t cut_after;
    size_t fault_count;
    struct fault faults[OPTIONS_FAULTS_MAX];
};

/* CYAN_E_INVALID: out_error is one line that says what is wrong. Values may stand behind "=" or
 * as the next word. */
int options_parse(int argc, char *const *argv, struct options *out_options,
                  char out_error[static OPTIONS_ERROR_MAX]) CYAN_MUST_CHECK;

/* The text of --help. Static. */
const char *options_help(void);

#endif
