#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/hex.h"
#include "base/secret.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/state.h"
#include "cli/target.h"
#include "keys/files.h"
#include "keys/keyfile.h"
#include "keys/spki.h"

static const struct args_option options[] = {
    {"state", "DIR", "the key, and the id, of a virtual Photon"},
    {NULL, NULL, NULL},
};

struct upload {
    char id[CYAN_ID_TEXT];
    uint8_t spki[CYAN_DEVICE_SPKI_LEN];
};

static int take_id(struct cli *cli, const char *text, struct upload *upload)
{
    uint8_t id[CYAN_ID_LEN];
    if (cyan_hex_decode(text, strlen(text), id, sizeof id) < 0) {
        return cli_usage(cli, &command_keys_send, "a device id has 24 hexadecimal digits");
    }
    cyan_hex_encode(id, sizeof id, upload->id);
    return 0;
}

static int take_file(struct cli *cli, const char *path, struct upload *upload)
{
    uint8_t *data = NULL;
    size_t len = 0;
    const char *why = NULL;
    int err = target_read_file(path, &data, &len, &cli->fault);
    if (err) {
        return err;
    }
    err = cyan_keyfile_device_public(data, len, upload->spki, &why);
    cyan_files_free(data, len);
    return err < 0 ? target_bad_key(path, err, why, &cli->fault) : 0;
}

/* A key that the device cannot use must not become the one that the cloud trusts. */
static int take_slot(struct cli *cli, const char *folder, const uint8_t *slot,
                     struct upload *upload)
{
    const char *why = "it is not in the form that a device can read";
    int err = cyan_keyblob_check(slot);
    if (err == 0) {
        err = cyan_keyfile_device_public(slot, CYAN_DEVICE_KEY_SLOT, upload->spki, &why);
    }
    if (err == CYAN_E_BLANK) {
        why = "it is blank; the Photon makes one when it starts";
    }
    if (err < 0) {
        (void)fault_set(&cli->fault, CLI_FAILED, cyan_err_name(err),
                        "the device key in %s is of no use: %s", folder, why);
        fault_try(&cli->fault, "cyan keys new --state %s", folder);
        return CLI_FAILED;
    }
    return 0;
}

static int take_state(struct cli *cli, const char *folder, struct upload *upload)
{
    struct state state;
    uint8_t slot[CYAN_DEVICE_KEY_SLOT];
    int err = state_open(&state, folder, &cli->fault);
    if (err) {
        return err;
    }
    err = state_read(&state, CYAN_SETTING_DEVICE_KEY, slot, sizeof slot, &cli->fault);
    if (!err) {
        err = take_slot(cli, folder, slot, upload);
    }
    if (!err && !upload->id[0]) {
        memcpy(upload->id, state.id, sizeof upload->id);
    }
    cyan_wipe(slot, sizeof slot);
    state_close(&state);
    return err;
}

static int send_key(struct cli *cli, const struct upload *upload)
{
    char pem[CYAN_SPKI_PEM_MAX], order[40];
    struct timespec now;
    struct api_path path;
    json_t *answer = NULL;
    if (cyan_spki_to_pem(upload->spki, sizeof upload->spki, pem) < 0) {
        return fault_set(&cli->fault, CLI_FAILED, "CRYPTO", "the public key cannot be written");
    }
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)snprintf(order, sizeof order, "manual_%lld",
                   (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    api_path_init(&path, "/v1/provisioning");
    api_path_add(&path, upload->id);
    int err = api_post(cli, &path,
                       json_pack("{s:s, s:s, s:s, s:s, s:s}", "deviceID", upload->id, "publicKey",
                                 pem, "algorithm", "rsa", "filename", "cyan", "order", order),
                       &answer);
    json_decref(answer);
    return err;
}

static int run(struct cli *cli)
{
    const char *folder = args_value(&cli->args, "state");
    const char *id = args_word(&cli->args, 0);
    struct upload upload = {.id = ""};
    struct target_fingerprint print;
    if (folder ? cli->args.word_count > 1 : cli->args.word_count != 2) {
        return cli_usage(cli, &command_keys_send, "either ID and FILE, or --state DIR");
    }
    int err = id ? take_id(cli, id, &upload) : 0;
    if (!err) {
        err = folder ? take_state(cli, folder, &upload)
                     : take_file(cli, args_word(&cli->args, 1), &upload);
    }
    if (!err) {
        err = target_fingerprint(upload.spki, sizeof upload.spki, &print, &cli->fault);
    }
    if (!err) {
        err = send_key(cli, &upload);
    }
    if (err) {
        return err;
    }
    output_say(&cli->output, "%s knows the key %s of device %s", cli->config.api, print.brief,
               upload.id);
    return output_data(&cli->output,
                       json_pack("{s:s, s:s, s:s, s:s}", "device", upload.id, "fingerprint",
                                 print.full, "short", print.brief, "api", cli->config.api),
                       &cli->fault);
}

const struct command command_keys_send = {
    .name = "keys send",
    .usage = "ID FILE | --state DIR [ID]",
    .does = "Gives the cloud the public key of a device of yours",
    .detail = "FILE holds either half of the key, PEM or DER; only the public half is sent.",
    .example = "cyan keys send 0123456789abcdef01234567 kitchen.pub.pem",
    .options = options,
    .most_words = 2,
    .run = run,
};
