/* cyan-photon: a virtual Photon. */
#include <stdio.h>

#include "crypto/openssl.h"
#include "photon/complain.h"
#include "photon/init.h"
#include "photon/options.h"
#include "photon/run.h"

int main(int argc, char **argv)
{
    struct options options;
    char error[OPTIONS_ERROR_MAX];
    if (options_parse(argc, argv, &options, error) < 0) {
        complain("%s", error);
        return EXIT_USAGE;
    }
    if (options.help) {
        fputs(options_help(), stdout);
        return EXIT_FINE;
    }
    struct cyan_crypto *crypto = cyan_openssl_create();
    if (!crypto) {
        complain("the cryptographic library does not start");
        return EXIT_FAILED;
    }
    int code = options.init ? init_photon(&options, crypto) : run_photon(&options, crypto);
    cyan_openssl_destroy(crypto);
    return code;
}
