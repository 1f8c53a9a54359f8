/* run.h - the life of a virtual Photon from power-on to the signal that ends it. */
#ifndef CYAN_PHOTON_RUN_H
#define CYAN_PHOTON_RUN_H

#include "crypto/crypto.h"
#include "photon/options.h"

/* Runs until SIGINT or SIGTERM (exit code 0) or until power fails (1). Returns the exit code, after
 * a word to the user or an event if it is not 0. */
int run_photon(const struct options *options, const struct cyan_crypto *crypto);

#endif
