#include "photon/options.h"

#include <stdio.h>
#include <string.h>

#include "photon/number.h"

/* What is left of the command line, and where the complaint goes. */
struct words {
    int argc;
    char *const *argv;
    int next;
    char *error;
};

static int refuse(const struct words *words, const char *what, const char *word)
{
    snprintf(words->error, OPTIONS_ERROR_MAX, "%s: %.100s", what, word);
    return CYAN_E_INVALID;
}

static int set_state(struct options *o, const char *value, const struct words *words)
{
    if (*value == '\0') {
        return refuse(words, "--state needs the name of a folder", "it is empty");
    }
    o->state = value;
    return 0;
}

static int set_server(struct options *o, const char *value, const struct words *words)
{
    char host[CYAN_ADDRESS_HOST_MAX + 1];
    uint32_t port;
    const char *colon = strrchr(value, ':');
    size_t len = colon ? (size_t)(colon - value) : 0;
    if (!colon || len >= sizeof host || number_parse(colon + 1, UINT16_MAX, &port) < 0) {
        return refuse(words, "--server wants HOST:PORT", value);
    }
    memcpy(host, value, len);
    host[len] = '\0';
    if (cyan_address_parse(host, (uint16_t)port, &o->server) < 0) {
        return refuse(words, "--server wants a name or an IPv4 address, and a port", value);
    }
    o->has_server = true;
    return 0;
}

static int set_impl(struct options *o, const char *value, const struct words *words)
{
    if (strcmp(value, "a") != 0 && strcmp(value, "b") != 0) {
        return refuse(words, "--impl is a or b, not", value);
    }
    o->impl = value[0];
    return 0;
}

static int add_fault(struct options *o, const char *value, const struct words *words)
{
    if (o->fault_count == OPTIONS_FAULTS_MAX) {
        return refuse(words, "too many --corrupt", value);
    }
    switch (fault_parse(value, &o->faults[o->fault_count])) {
    case 0:
        o->fault_count++;
        return 0;
    case CYAN_E_NOT_FOUND:
        return refuse(words, "--corrupt knows device-key, server-key and address, not", value);
    default:
        return refuse(words, "--corrupt wants FIELD, FIELD:erase or FIELD:OFFSET inside the field",
                      value);
    }
}

static int set_cut(struct options *o, const char *value, const struct words *words)
{
    if (number_parse(value, UINT32_MAX, &o->cut_after) < 0) {
        return refuse(words, "--cut-after-flash-ops wants a number, not", value);
    }
    o->has_cut = true;
    return 0;
}

static const struct {
    const char *name;
    int (*set)(struct options *o, const char *value, const struct words *words);
} with_value[] = {
    {"--state", set_state},   {"--server", set_server},           {"--impl", set_impl},
    {"--corrupt", add_fault}, {"--cut-after-flash-ops", set_cut},
};

/* 1: word was an option with a value; 0: it was not. */
static int take_with_value(struct options *o, struct words *words, const char *word)
{
    size_t name_len = strcspn(word, "=");
    for (size_t i = 0; i < sizeof with_value / sizeof with_value[0]; i++) {
        if (strlen(with_value[i].name) != name_len ||
            strncmp(with_value[i].name, word, name_len) != 0) {
            continue;
        }
        const char *value = word + name_len + 1;
        if (word[name_len] == '\0') {
            if (words->next == words->argc) {
                return refuse(words, "a value is missing after", word);
            }
            value = words->argv[words->next++];
        }
        int err = with_value[i].set(o, value, words);
        return err < 0 ? err : 1;
    }
    return 0;
}

static bool take_flag(struct options *o, const char *word)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {
        {"--init", &o->init}, {"--short-handshake", &o->short_handshake},
        {"--json", &o->json}, {"--help", &o->help},
        {"-h", &o->help},
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(flags[i].name, word) == 0) {
            *flags[i].flag = true;
            return true;
        }
    }
    return false;
}

static int check_together(const struct options *o, const struct words *words)
{
    if (o->help) {
        return 0;
    }
    if (!o->state) {
        return refuse(words, "which Photon?", "give --state DIR");
    }
    if (o->init && (o->fault_count > 0 || o->has_cut || o->short_handshake)) {
        return refuse(words, "--init makes a state and does not run it",
                      "--corrupt, --cut-after-flash-ops and --short-handshake belong to a run");
    }
    return 0;
}

int options_parse(int argc, char *const *argv, struct options *out_options,
                  char out_error[static OPTIONS_ERROR_MAX])
{
    struct options o = {0};
    struct words words = {.argc = argc, .argv = argv, .next = 1, .error = out_error};
    while (words.next < argc) {
        const char *word = argv[words.next++];
        if (take_flag(&o, word)) {
            continue;
        }
        int taken = take_with_value(&o, &words, word);
        if (taken < 0) {
            return taken;
        }
        if (taken == 0) {
            return refuse(&words, "no such option", word);
        }
    }
    int err = check_together(&o, &words);
    if (err == 0) {
        *out_options = o;
    }
    return err;
}

const char *options_help(void)
{
    return "usage: cyan-photon --state DIR [options]\n"
           "\n"
           "A virtual Photon: real keys in an emulated flash, the real handshake, and its LED.\n"
           "\n"
           "  --state DIR             the folder that it lives in\n"
           "  --init                  make that folder: a new id and a new device key; print the "
           "id\n"
           "  --server HOST:PORT      dial this address, whatever the settings say; with --init,\n"
           "                          store it in the settings\n"
           "  --impl a|b              behave as firmware up to 0.7.0 (a) or from 0.8.0 on (b)\n"
           "  --short-handshake       leave the public key out, as firmware before 0.4.0 did\n"
           "  --corrupt FIELD         erase a field before the start (also FIELD:erase): "
           "device-key,\n"
           "                          server-key or address; FIELD:OFFSET flips bit 0 of one byte\n"
           "  --cut-after-flash-ops N power fails after N flash operations: exit 1\n"
           "  --json                  one JSON object a line\n"
           "  --help                  this\n"
           "\n"
           "Example: cyan-photon --state ./photon --init\n"
           "         cyan-photon --state ./photon --server 127.0.0.1:5683\n";
}
