#include "cli/cli.h"

#include <string.h>

#include "cli/commands.h"
#include "cli/help.h"

int cli_configure(struct cli *cli)
{
    if (cli->configured) {
        return 0;
    }
    int err = config_load(&cli->config, args_value(&cli->args, "profile"),
                          args_value(&cli->args, "api"), &cli->fault);
    cli->configured = err == 0;
    return err;
}

int cli_http(struct cli *cli, struct http **out_http)
{
    if (!cli->http) {
        cli->http = http_create();
    }
    if (!cli->http) {
        return fault_set(&cli->fault, CLI_FAILED, "NO_MEMORY", "the HTTP library does not start");
    }
    *out_http = cli->http;
    return 0;
}

int cli_usage(struct cli *cli, const struct command *command, const char *what)
{
    (void)fault_set(&cli->fault, CLI_USAGE, "USAGE", "%s", what);
    fault_try(&cli->fault, "cyan %s --help", command->name);
    return CLI_USAGE;
}

/* Whether errors are to be JSON must be known before the first of them. */
static bool wants_json(size_t argc, char *const *argv)
{
    for (size_t i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}

static bool is_option(const char *word)
{
    return strncmp(word, "--", 2) == 0 || strcmp(word, "-h") == 0;
}

/* Takes options until a word that is none, or all that is left. Returns how many words were used,
 * argc + 1 after a fault. */
static size_t take(struct cli *cli, const struct command *command, size_t from, size_t argc,
                   char *const *argv)
{
    while (from < argc && (command || is_option(argv[from]))) {
        size_t used = args_take(&cli->args, command ? command->options : NULL, commands_global,
                                argv + from, argc - from, &cli->fault);
        if (used == 0) {
            return argc + 1;
        }
        from += used;
    }
    return from;
}

static int show_help(struct cli *cli, const char *const *words, size_t count)
{
    size_t used = 0;
    if (count == 0 || (count == 1 && commands_is_group(words[0]))) {
        help_overview(cli->output.out, count ? words[0] : NULL);
        return 0;
    }
    const struct command *command = commands_find(words, count, &used, &cli->fault);
    if (!command) {
        return CLI_USAGE;
    }
    help_command(cli->output.out, command);
    return 0;
}

static int run_command(struct cli *cli, const struct command *command)
{
    if (args_has(&cli->args, "help")) {
        help_command(cli->output.out, command);
        return 0;
    }
    if (cli->args.word_count < command->least_words) {
        return cli_usage(cli, command, "something is missing");
    }
    if (cli->args.word_count > command->most_words) {
        return cli_usage(cli, command, "that is one word too many");
    }
    return command->run(cli);
}

static int dispatch(struct cli *cli, size_t argc, char *const *argv)
{
    const char *words[2] = {NULL, NULL};
    size_t count = 0, used = 0;
    size_t from = take(cli, NULL, 0, argc, argv);
    if (from > argc) {
        return CLI_USAGE;
    }
    if (args_has(&cli->args, "version")) {
        (void)fprintf(cli->output.out, "cyan %s\n", CYAN_VERSION);
        return 0;
    }
    bool help = args_has(&cli->args, "help");
    if (from < argc && strcmp(argv[from], "help") == 0) {
        help = true;
        from++;
    }
    while (count < 2 && from + count < argc && !is_option(argv[from + count])) {
        words[count] = argv[from + count];
        count++;
    }
    bool asks = from + count < argc && (strcmp(argv[from + count], "--help") == 0 ||
                                        strcmp(argv[from + count], "-h") == 0);
    if (help || (asks && count == 1 && commands_is_group(words[0]))) {
        return show_help(cli, words, count);
    }
    const struct command *command = commands_find(words, count, &used, &cli->fault);
    if (!command || take(cli, command, from + used, argc, argv) > argc) {
        if (command && !cli->fault.remedy[0]) {
            fault_try(&cli->fault, "cyan %s --help", command->name);
        }
        return CLI_USAGE;
    }
    return run_command(cli, command);
}

int cli_run(struct cli *cli, size_t argc, char *const *argv)
{
    cli->output.json = wants_json(argc, argv);
    int exit = dispatch(cli, argc, argv);
    if (exit == 0) {
        exit = output_flush(&cli->output, &cli->fault);
    }
    if (exit != 0) {
        output_fault(&cli->output, &cli->fault);
        (void)fflush(cli->output.err);
    }
    http_destroy(cli->http);
    config_done(&cli->config);
    cli->http = NULL;
    return exit;
}
