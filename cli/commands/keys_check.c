#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/custody.h"
#include "cli/target.h"
#include "cli/when.h"
#include "keys/files.h"
#include "keys/keyfile.h"
#include "keys/spki.h"

/* A fingerprint, or a file that holds either half of a device's key. */
static int make_body(struct cli *cli, const char *what, json_t **out_body)
{
    char full[CYAN_FINGERPRINT_TEXT], pem[CYAN_SPKI_PEM_MAX];
    uint8_t spki[CYAN_DEVICE_SPKI_LEN];
    uint8_t *data = NULL;
    size_t len = 0;
    const char *why = NULL;
    if (custody_read_full(what, full) == 0) {
        *out_body = json_pack("{s:s}", "fingerprint", full);
        return 0;
    }
    int err = target_read_file(what, &data, &len, &cli->fault);
    if (err) {
        return err;
    }
    err = cyan_keyfile_device_public(data, len, spki, &why);
    cyan_files_free(data, len);
    if (err < 0) {
        return target_bad_key(what, err, why, &cli->fault);
    }
    if (cyan_spki_to_pem(spki, sizeof spki, pem) < 0) {
        return fault_set(&cli->fault, CLI_FAILED, "CRYPTO", "the public key cannot be written");
    }
    *out_body = json_pack("{s:s}", "public_key", pem);
    return 0;
}

static int run(struct cli *cli)
{
    const char *device = args_word(&cli->args, 0);
    struct api_path path;
    char age[WHEN_TEXT];
    json_t *body = NULL, *answer = NULL;
    if (!*device) {
        return cli_usage(cli, &command_keys_check, "an empty name names nothing");
    }
    int err = api_need_token(cli);
    err = err ? err : make_body(cli, args_word(&cli->args, 1), &body);
    if (err) {
        return err;
    }
    api_path_init(&path, "/v1/devices");
    api_path_add(&path, device);
    api_path_add(&path, "keys");
    api_path_add(&path, "check");
    err = api_post(cli, &path, body, &answer);
    if (err) {
        return err;
    }
    const char *status = custody_text(answer, "status"), *since = custody_text(answer, "since");
    if (!status) {
        json_decref(answer);
        return custody_bad_answer(cli, "a key's status");
    }
    output_say(&cli->output, "%s%s%s", status, since ? ", since " : "",
               since ? when_age(since, age) : "");
    return output_data(&cli->output, answer, &cli->fault);
}

const struct command command_keys_check = {
    .name = "keys check",
    .usage = "DEVICE FILE|FINGERPRINT",
    .does = "Says what a key is to a device",
    .detail =
        "trusted, announced, pending, retired, revoked or unknown. FILE holds either half of\n"
        "the key, PEM or DER; only the public half is sent.",
    .example = "cyan keys check kitchen kitchen.pub.pem",
    .least_words = 2,
    .most_words = 2,
    .run = run,
};
