#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "cli/commands.h"
#include "cli/state.h"
#include "cli/target.h"
#include "crypto/openssl.h"
#include "keys/files.h"
#include "keys/spki.h"
#include "wire/keyblob.h"

static const struct args_option options[] = {
    {"state", "DIR", "write it into the state of a virtual Photon"},
    {"force", NULL, "overwrite files that are there"},
    {NULL, NULL, NULL},
};

struct new_key {
    uint8_t slot[CYAN_DEVICE_KEY_SLOT]; /* the private key as a device stores it, then FF */
    uint8_t spki[CYAN_DEVICE_SPKI_LEN];
    struct target_fingerprint print;
};

static int generate(struct cli *cli, struct new_key *key)
{
    struct cyan_crypto *crypto = cyan_openssl_create();
    struct cyan_rsa1024 numbers;
    int err = crypto ? crypto->rsa1024_generate(crypto->ctx, &numbers) : CYAN_E_NO_MEMORY;
    if (err == 0) {
        memset(key->slot, 0xFF, sizeof key->slot);
        cyan_keyblob_write(&numbers, key->slot);
        cyan_keyblob_spki(key->slot, key->spki);
    }
    cyan_wipe(&numbers, sizeof numbers);
    cyan_openssl_destroy(crypto);
    if (err < 0) {
        return fault_set(&cli->fault, CLI_FAILED, cyan_err_name(err), "no key could be made: %s",
                         cyan_err_text(err));
    }
    return target_fingerprint(key->spki, sizeof key->spki, &key->print, &cli->fault);
}

static int refuse_existing(struct cli *cli, const char *path)
{
    (void)fault_set(&cli->fault, CLI_REFUSED, "EXISTS", "%s is there already", path);
    fault_try(&cli->fault, "another name, or --force to lose the key in it");
    return CLI_REFUSED;
}

static int write_one(struct cli *cli, const char *path, const void *data, size_t len,
                     enum cyan_files_mode mode)
{
    bool force = args_has(&cli->args, "force");
    int err = force ? cyan_files_replace(path, data, len, mode)
                    : cyan_files_write_new(path, data, len, mode);
    if (err == CYAN_E_EXISTS) {
        return refuse_existing(cli, path);
    }
    if (err < 0) {
        return fault_set(&cli->fault, CLI_FAILED, "IO", "%s cannot be written: %s", path,
                         strerror(errno));
    }
    return 0;
}

static int write_files(struct cli *cli, const struct new_key *key, const char *der,
                       const char *public)
{
    char pem[CYAN_SPKI_PEM_MAX];
    int pem_len = cyan_spki_to_pem(key->spki, sizeof key->spki, pem);
    if (pem_len < 0) {
        return fault_set(&cli->fault, CLI_FAILED, "CRYPTO", "the public key cannot be written");
    }
    /* Both or none: a name that is taken is found before the first file is there. */
    if (!args_has(&cli->args, "force") && access(public, F_OK) == 0) {
        return refuse_existing(cli, public);
    }
    int err = write_one(cli, der, key->slot, CYAN_DEVICE_KEY_LEN, CYAN_FILES_SECRET);
    if (!err) {
        err = write_one(cli, public, pem, (size_t)pem_len, CYAN_FILES_PUBLIC);
    }
    return err;
}

static int new_in_files(struct cli *cli, const struct new_key *key)
{
    const char *name = args_word(&cli->args, 0);
    char der[STATE_PATH_MAX], public[STATE_PATH_MAX];
    int der_len = snprintf(der, sizeof der, "%s.der", name);
    int public_len = snprintf(public, sizeof public, "%s.pub.pem", name);
    if (der_len < 0 || public_len < 0 || (size_t)public_len >= sizeof public || !*name) {
        return cli_usage(cli, &command_keys_new, "this cannot be the name of a file");
    }
    int err = write_files(cli, key, der, public);
    if (err) {
        return err;
    }
    output_say(&cli->output, "private key:  %s", der);
    output_say(&cli->output, "public key:   %s", public);
    output_say(&cli->output, "fingerprint:  %s", key->print.brief);
    return output_data(&cli->output,
                       json_pack("{s:s, s:s, s:s, s:s}", "private", der, "public", public,
                                 "fingerprint", key->print.full, "short", key->print.brief),
                       &cli->fault);
}

static int new_in_state(struct cli *cli, const struct new_key *key, const char *folder)
{
    struct state state;
    char backup[STATE_PATH_MAX];
    int err = state_open(&state, folder, &cli->fault);
    if (err) {
        return err;
    }
    err = state_write(&state, CYAN_SETTING_DEVICE_KEY, key->slot, sizeof key->slot,
                      STATE_DEVICE_KEY, backup, &cli->fault);
    state_close(&state);
    if (err) {
        return err;
    }
    output_say(&cli->output, "device:       %s", state.id);
    output_say(&cli->output, "fingerprint:  %s", key->print.brief);
    output_say(&cli->output, "old key:      %s", backup);
    output_say(&cli->output, "The cloud does not know it yet: cyan keys send --state %s", folder);
    return output_data(&cli->output,
                       json_pack("{s:s, s:s, s:s, s:s, s:s}", "state", folder, "device", state.id,
                                 "fingerprint", key->print.full, "short", key->print.brief,
                                 "backup", backup),
                       &cli->fault);
}

static int run(struct cli *cli)
{
    const char *folder = args_value(&cli->args, "state");
    struct new_key key;
    if ((folder != NULL) == (cli->args.word_count == 1)) {
        return cli_usage(cli, &command_keys_new, "either FILE or --state DIR");
    }
    int err = generate(cli, &key);
    if (!err) {
        err = folder ? new_in_state(cli, &key, folder) : new_in_files(cli, &key);
    }
    cyan_wipe(key.slot, sizeof key.slot);
    return err;
}

const struct command command_keys_new = {
    .name = "keys new",
    .usage = "FILE | --state DIR",
    .does = "Makes a new device key",
    .detail = "FILE.der gets the private key in the fixed-width form that every Photon can read,\n"
              "FILE.pub.pem the public one. In a state the old key is backed up first.",
    .example = "cyan keys new kitchen",
    .options = options,
    .most_words = 1,
    .run = run,
};
