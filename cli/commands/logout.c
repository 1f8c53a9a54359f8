#include <string.h>

#include "base/secret.h"
#include "cli/api.h"
#include "cli/commands.h"

static int report(struct cli *cli, const char *words)
{
    output_say(&cli->output, "%s %s", words, cli->config.api);
    return output_data(
        &cli->output,
        json_pack("{s:s, s:s}", "api", cli->config.api, "profile", cli->config.profile),
        &cli->fault);
}

static int run(struct cli *cli)
{
    struct api_path path;
    json_t *answer = NULL;
    int err = cli_configure(cli);
    if (err) {
        return err;
    }
    if (!cli->config.token[0]) {
        return report(cli, "you were not logged in at");
    }
    api_path_init(&path, "/v1/access_tokens/current");
    err = api_delete(cli, &path, &answer);
    json_decref(answer);
    /* A token that the cloud does not know any more is as good as revoked. */
    if (err && err != CLI_NOT_LOGGED_IN) {
        return err;
    }
    if (cli->config.token_from_environment) {
        output_note(&cli->output, "CYAN_TOKEN is still set; its token is revoked");
        return report(cli, "logged out of");
    }
    cyan_wipe(cli->config.token, sizeof cli->config.token);
    err = config_save(&cli->config, &cli->fault);
    return err ? err : report(cli, "logged out of");
}

const struct command command_logout = {
    .name = "logout",
    .usage = "",
    .does = "Revokes the token at the cloud and forgets it",
    .example = "cyan logout",
    .run = run,
};
