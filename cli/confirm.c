#include "cli/confirm.h"

#include <stdlib.h>

#include "cli/prompt.h"
#include "cli/text.h"

int confirm(struct cli *cli, const char *question)
{
    if (args_has(&cli->args, "yes")) {
        return 0;
    }
    if (!cli->interactive) {
        (void)fault_set(&cli->fault, CLI_REFUSED, "NOT_CONFIRMED",
                        "without a terminal this needs --yes; nothing was changed");
        fault_try(&cli->fault, "the same line with --yes");
        return CLI_REFUSED;
    }
    char *clean = text_clean(question);
    bool yes = clean && prompt_yes(clean);
    free(clean);
    return yes ? 0
               : fault_set(&cli->fault, CLI_REFUSED, "NOT_CONFIRMED",
                           "you did not say yes; nothing was changed");
}
