#include <string.h>

#include "cli/commands.h"
#include "cli/state.h"
#include "cli/target.h"

static const char nobody[] = "none: firmware dials device.spark.io:5683";

static const struct args_option options[] = {
    {"state", "DIR", "the state of a virtual Photon"},
    {NULL, NULL, NULL},
};

static int show(struct cli *cli, const struct state *state)
{
    uint8_t record[CYAN_ADDRESS_LEN];
    struct cyan_address address;
    char text[TARGET_ADDRESS_TEXT];
    int err = state_read(state, CYAN_SETTING_SERVER_ADDRESS, record, sizeof record, &cli->fault);
    if (err) {
        return err;
    }
    err = cyan_address_read(record, &address);
    if (err == CYAN_E_BLANK) {
        output_say(&cli->output, "%s", nobody);
        return output_data(&cli->output,
                           json_pack("{s:n, s:n, s:n, s:s}", "address", "host", "port", "default",
                                     "device.spark.io:5683"),
                           &cli->fault);
    }
    if (err < 0) {
        (void)fault_set(&cli->fault, CLI_FAILED, "ADDRESS_DAMAGED",
                        "the address in %s is damaged: %s", state->folder, cyan_err_text(err));
        fault_try(&cli->fault, "cyan keys address --state %s HOST:PORT", state->folder);
        return CLI_FAILED;
    }
    target_address_text(&address, text);
    output_say(&cli->output, "%s", text);
    return output_data(&cli->output,
                       json_pack("{s:s, s:s, s:i}", "address", text, "host", address.host, "port",
                                 (int)address.port),
                       &cli->fault);
}

static int set(struct cli *cli, const struct state *state, const struct cyan_address *address)
{
    uint8_t record[CYAN_ADDRESS_LEN];
    char text[TARGET_ADDRESS_TEXT], backup[STATE_PATH_MAX];
    if (cyan_address_write(address, record) < 0) {
        return cli_usage(cli, &command_keys_address, "this host does not fit into a device");
    }
    int err = state_write(state, CYAN_SETTING_SERVER_ADDRESS, record, sizeof record, STATE_ADDRESS,
                          backup, &cli->fault);
    if (err) {
        return err;
    }
    target_address_text(address, text);
    output_say(&cli->output, "%s", text);
    return output_data(&cli->output,
                       json_pack("{s:s, s:s, s:i, s:s?}", "address", text, "host", address->host,
                                 "port", (int)address->port, "backup", backup[0] ? backup : NULL),
                       &cli->fault);
}

static int run(struct cli *cli)
{
    const char *folder = args_value(&cli->args, "state");
    const char *text = args_word(&cli->args, 0);
    struct cyan_address address;
    struct state state;
    if (!folder) {
        return cli_usage(cli, &command_keys_address, "--state DIR is missing");
    }
    int err = text ? target_address(text, NULL, &address, &cli->fault) : 0;
    if (!err) {
        err = state_open(&state, folder, &cli->fault);
    }
    if (err) {
        return err;
    }
    err = text ? set(cli, &state, &address) : show(cli, &state);
    state_close(&state);
    return err;
}

const struct command command_keys_address = {
    .name = "keys address",
    .usage = "--state DIR [HOST[:PORT]]",
    .does = "Shows or sets where a device finds its cloud",
    .example = "cyan keys address --state ./photon 192.168.1.10:5683",
    .options = options,
    .most_words = 1,
    .run = run,
};
