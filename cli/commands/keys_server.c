#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/state.h"
#include "cli/target.h"
#include "keys/files.h"
#include "keys/keyfile.h"
#include "wire/keyblob.h"

static const struct args_option options[] = {
    {"state", "DIR", "write it into the state of a virtual Photon"},
    {"out", "BLOB", "write the 512 bytes that tools put at 2082 of a device's settings"},
    {"host", "HOST", "where the device finds the cloud; without it the address stays"},
    {"port", "PORT", "its port; 5683 by default"},
    {NULL, NULL, NULL},
};

struct blob {
    uint8_t bytes[CYAN_SETTING_SERVER_BLOB_LEN]; /* key, FF, address */
    struct target_fingerprint print;
    char address[TARGET_ADDRESS_TEXT]; /* empty: none was given */
};

/* The length of what is written: without an address, the one that is there stays. */
static size_t state_len(const struct blob *blob)
{
    return blob->address[0] ? sizeof blob->bytes : CYAN_SETTING_SERVER_KEY_SPACE;
}

static int take_key(struct cli *cli, const char *name, const uint8_t *data, size_t len,
                    struct blob *blob)
{
    const char *why = NULL;
    uint8_t spki[CYAN_SERVER_SPKI_LEN];
    int err = cyan_keyfile_server_public(data, len, spki, &why);
    if (err < 0) {
        return target_bad_key(name, err, why, &cli->fault);
    }
    err = cyan_server_spki_check(spki, sizeof spki);
    if (err < 0) {
        return target_bad_key(name, err, NULL, &cli->fault);
    }
    memset(blob->bytes, 0xFF, sizeof blob->bytes);
    memcpy(blob->bytes, spki, sizeof spki);
    return target_fingerprint(spki, sizeof spki, &blob->print, &cli->fault);
}

static int take_file(struct cli *cli, const char *path, struct blob *blob)
{
    uint8_t *data = NULL;
    size_t len = 0;
    int err = target_read_file(path, &data, &len, &cli->fault);
    if (!err) {
        err = take_key(cli, path, data, len, blob);
        cyan_files_free(data, len);
    }
    return err;
}

static int fetch(struct cli *cli, struct blob *blob)
{
    struct api_path path;
    char *data = NULL;
    size_t len = 0;
    api_path_init(&path, "/v1/system/server-key.der");
    int err = api_open(cli, &path, NULL, &data, &len);
    if (!err) {
        err = take_key(cli, "the cloud's server-key.der", (const uint8_t *)data, len, blob);
        free(data);
    }
    return err;
}

static int take_address(struct cli *cli, struct blob *blob)
{
    const char *host = args_value(&cli->args, "host");
    const char *port = args_value(&cli->args, "port");
    struct cyan_address address;
    blob->address[0] = '\0';
    if (!host) {
        return port ? cli_usage(cli, &command_keys_server, "--port goes with --host") : 0;
    }
    int err = target_address(host, port, &address, &cli->fault);
    if (err) {
        return err;
    }
    uint8_t *record = blob->bytes + CYAN_SETTING_SERVER_KEY_SPACE;
    if (cyan_address_write(&address, record) < 0) {
        return cli_usage(cli, &command_keys_server, "this host does not fit into a device");
    }
    target_address_text(&address, blob->address);
    return 0;
}

static int write_state(struct cli *cli, const struct blob *blob, const char *folder,
                       char backup[static STATE_PATH_MAX])
{
    struct state state;
    int err = state_open(&state, folder, &cli->fault);
    if (!err) {
        err = state_write(&state, CYAN_SETTING_SERVER_KEY, blob->bytes, state_len(blob),
                          STATE_SERVER_KEY, backup, &cli->fault);
        state_close(&state);
    }
    return err;
}

static int write_out(struct cli *cli, const struct blob *blob, const char *path)
{
    if (cyan_files_replace(path, blob->bytes, sizeof blob->bytes, CYAN_FILES_PUBLIC) < 0) {
        return fault_set(&cli->fault, CLI_FAILED, "IO", "%s cannot be written: %s", path,
                         strerror(errno));
    }
    return 0;
}

static int report(struct cli *cli, const struct blob *blob, const char *folder, const char *out,
                  const char *backup)
{
    output_say(&cli->output, "server key %s is in %s", blob->print.brief, folder ? folder : out);
    if (blob->address[0]) {
        output_say(&cli->output, "address:  %s", blob->address);
    }
    if (folder && !backup[0]) {
        output_say(&cli->output, "nothing had to be changed");
    } else if (folder) {
        output_say(&cli->output, "back-up:  %s", backup);
    }
    const char *address = blob->address[0] ? blob->address : NULL;
    return output_data(&cli->output,
                       json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s?}", "fingerprint",
                                 blob->print.full, "short", blob->print.brief, "address", address,
                                 "state", folder, "out", out, "backup", backup[0] ? backup : NULL),
                       &cli->fault);
}

static int run(struct cli *cli)
{
    const char *folder = args_value(&cli->args, "state");
    const char *out = args_value(&cli->args, "out");
    const char *file = args_word(&cli->args, 0);
    struct blob blob;
    char backup[STATE_PATH_MAX] = "";
    if ((folder != NULL) == (out != NULL)) {
        return cli_usage(cli, &command_keys_server, "either --state DIR or --out BLOB");
    }
    int err = file ? take_file(cli, file, &blob) : fetch(cli, &blob);
    if (!err) {
        err = take_address(cli, &blob);
    }
    if (!err) {
        err = folder ? write_state(cli, &blob, folder, backup) : write_out(cli, &blob, out);
    }
    return err ? err : report(cli, &blob, folder, out, backup);
}

const struct command command_keys_server = {
    .name = "keys server",
    .usage = "[FILE] (--state DIR | --out BLOB) [--host HOST [--port PORT]]",
    .does = "Puts the cloud's public key, and its address, on a device",
    .detail = "Without FILE the key is asked of the cloud. FILE may be PEM or DER of any form.",
    .example = "cyan keys server --state ./photon --host 192.168.1.10",
    .options = options,
    .most_words = 1,
    .run = run,
};
