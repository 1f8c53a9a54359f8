/* init.h - making a virtual Photon: --init. */
#ifndef CYAN_PHOTON_INIT_H
#define CYAN_PHOTON_INIT_H

#include "crypto/crypto.h"
#include "photon/options.h"

/* Makes the state with a new device key, and prints its id. Returns the program's exit code, after
 * a word to the user if it is not 0. */
int init_photon(const struct options *options, const struct cyan_crypto *crypto);

#endif
