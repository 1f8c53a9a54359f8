/* main.c - cyand: puts the parts together, says when it is ready, and takes them apart. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "crypto/openssl.h"
#include "server/api/http.h"
#include "server/bus/bus.h"
#include "server/cloud/cloud.h"
#include "server/cloud/folder.h"
#include "server/cloud/link.h"
#include "server/commands/commands.h"
#include "server/commands/speak.h"
#include "server/net/log.h"
#include "server/options.h"
#include "server/store/sqlite.h"

enum { SHARDS_MAX = 64, READY_MAX = 1024 };

/* Everything that main takes apart again. */
struct program {
    struct options options;
    struct folder folder;
    struct cyan_crypto *crypto; /* the hub's */
    struct cyan_crypto *shard_crypto[SHARDS_MAX];
    struct cyan_rsa_key *shard_key[SHARDS_MAX][2]; /* the present one and the one before it */
    struct link_tools tools[SHARDS_MAX];
    size_t shard_count;
    struct bus bus;
    uv_loop_t loop;
    uv_signal_t signals[2];
    struct cloud cloud;
    struct http *http[OPTIONS_ADDRESSES_MAX];
    size_t http_count;
};

/* A socket a device: as many descriptors as this process may have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int open_folder(struct program *p)
{
    const struct folder_options options = {.path = p->options.data,
                                           .store_open = store_sqlite_open,
                                           .crypto = p->crypto,
                                           .user = getenv("CYAN_USER"),
                                           .password = getenv("CYAN_PASSWORD")};
    int code = speak_open_folder(&options, &p->folder);
    (void)unsetenv("CYAN_PASSWORD");
    return code;
}

static int make_tools(struct program *p)
{
    p->shard_count = p->options.shards ? p->options.shards : uv_available_parallelism();
    if (p->shard_count > SHARDS_MAX) {
        p->shard_count = SHARDS_MAX;
    }
    const struct cyan_serverkey *keys[] = {&p->folder.key, &p->folder.prev};
    for (size_t i = 0; i < p->shard_count; i++) {
        struct link_tools *tools = &p->tools[i];
        p->shard_crypto[i] = cyan_openssl_create();
        *tools = (struct link_tools){.crypto = p->shard_crypto[i],
                                     .server_key_count = p->folder.has_prev ? 2 : 1};
        int err = p->shard_crypto[i] ? 0 : CYAN_E_CRYPTO;
        for (size_t k = 0; k < tools->server_key_count && err == 0; k++) {
            err = cyan_openssl_key_create(keys[k]->der, keys[k]->der_len, &p->shard_key[i][k]);
            tools->server_keys[k] = p->shard_key[i][k];
        }
        if (err < 0) {
            return speak_failed(COMMAND_FAILED, "OpenSSL cannot be set up for the devices' threads",
                                "");
        }
    }
    return 0;
}

static enum custody_unknown unknown_of(const char *word)
{
    return strcmp(word, "refuse") == 0   ? UNKNOWN_REFUSE
           : strcmp(word, "enroll") == 0 ? UNKNOWN_ENROLL
                                         : UNKNOWN_QUARANTINE;
}

static int make_cloud(struct program *p)
{
    const struct cloud_parts parts = {.loop = &p->loop,
                                      .crypto = p->crypto,
                                      .store = &p->folder.store,
                                      .bus = &p->bus,
                                      .tools = p->tools,
                                      .shard_count = p->shard_count,
                                      .server_spki = p->folder.key.spki,
                                      .server_prev_spki =
                                          p->folder.has_prev ? p->folder.prev.spki : NULL,
                                      .unknown = unknown_of(p->options.unknown),
                                      .signup = p->options.signup};
    if (uv_loop_init(&p->loop) < 0 || bus_local_create(&p->bus) < 0 ||
        cloud_create(&parts, &p->cloud) < 0) {
        return speak_failed(COMMAND_FAILED, "there is not enough memory to start", "");
    }
    return 0;
}

static int cannot_listen(const char *what, const struct options_address *address, int err)
{
    const char *reason = err == CYAN_E_BUSY      ? "the port is taken"
                         : err == CYAN_E_INVALID ? "this machine has no such IP address"
                                                 : cyan_err_text(err);
    (void)fprintf(
        stderr,
        "cyand: cannot listen on %s:%u for %s: %s\n"
        "  try: another --%s ADDRESS:PORT (port 0 picks a free one), or end what uses it\n",
        address->host, address->port, what, reason, what[0] == 'd' ? "device" : "http");
    return COMMAND_FAILED;
}

static int listen_all(struct program *p)
{
    for (size_t i = 0; i < p->options.device_count; i++) {
        struct options_address *address = &p->options.device[i];
        int err = link_listen(p->cloud.link, address->host, &address->port);
        if (err < 0) {
            return cannot_listen("devices", address, err);
        }
    }
    for (size_t i = 0; i < p->options.http_count; i++) {
        struct options_address *address = &p->options.http[i];
        int err = http_start(&p->cloud, address->host, address->port, &p->http[i]);
        if (err < 0) {
            return cannot_listen("people", address, err);
        }
        p->http_count++;
        address->port = http_port(p->http[i]);
    }
    return link_start(p->cloud.link) < 0
               ? speak_failed(COMMAND_FAILED, "no more threads can be started", "")
               : 0;
}

static void append_addresses(char *line, const char *name, const struct options_address *list,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(line);
        bool v6 = strchr(list[i].host, ':') != NULL;
        (void)snprintf(line + used, READY_MAX - used, " %s=%s%s%s:%u", name, v6 ? "[" : "",
                       list[i].host, v6 ? "]" : "", list[i].port);
    }
}

static void tell_ready(const struct program *p)
{
    char line[READY_MAX] = "cyand ready";
    append_addresses(line, "http", p->options.http, p->options.http_count);
    append_addresses(line, "device", p->options.device, p->options.device_count);
    (void)puts(line);
    (void)fflush(stdout);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    uv_stop(handle->loop);
}

static void run(struct program *p)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        (void)uv_signal_init(&p->loop, &p->signals[i]);
        (void)uv_signal_start(&p->signals[i], on_signal, numbers[i]);
    }
    tell_ready(p);
    (void)uv_run(&p->loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uv_close((uv_handle_t *)&p->signals[i], NULL);
    }
}

static void take_apart(struct program *p)
{
    for (size_t i = 0; i < p->http_count; i++) {
        http_stop(p->http[i]);
    }
    cloud_stop(&p->cloud);
    char longest[32];
    (void)snprintf(longest, sizeof longest, "%llu",
                   (unsigned long long)(link_longest_turn_ns(p->cloud.link) / 1000));
    log_write(LOG_INFO, "stopped", "longest_turn_us", longest, NULL);
    cloud_destroy(&p->cloud);
    p->bus.destroy(p->bus.ctx);
    (void)uv_loop_close(&p->loop);
}

static int start(struct program *p)
{
    p->crypto = cyan_openssl_create();
    if (!p->crypto) {
        return speak_failed(COMMAND_FAILED, "OpenSSL cannot be set up", "");
    }
    int code = open_folder(p);
    if (code != 0) {
        return code;
    }
    code = make_tools(p);
    if (code == 0) {
        code = make_cloud(p);
    }
    if (code != 0) {
        return code;
    }
    code = listen_all(p);
    if (code == 0) {
        run(p);
    }
    take_apart(p);
    return code;
}

static void release(struct program *p)
{
    folder_close(&p->folder);
    for (size_t i = 0; i < p->shard_count; i++) {
        cyan_openssl_key_destroy(p->shard_key[i][0]);
        cyan_openssl_key_destroy(p->shard_key[i][1]);
        cyan_openssl_destroy(p->shard_crypto[i]);
    }
    cyan_openssl_destroy(p->crypto);
}

static int run_command(const struct command *command, int count, char **words)
{
    struct cyan_crypto *crypto = cyan_openssl_create();
    if (!crypto) {
        return speak_failed(COMMAND_FAILED, "OpenSSL cannot be set up", "");
    }
    const struct command_tools tools = {.crypto = crypto,
                                        .store_open = store_sqlite_open,
                                        .store_copy = store_sqlite_copy,
                                        .user = getenv("CYAN_USER"),
                                        .password = getenv("CYAN_PASSWORD")};
    int code = command_run(command, &tools, count, words);
    cyan_openssl_destroy(crypto);
    return code;
}

int main(int argc, char **argv)
{
    static struct program program;
    char error[256];
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    const struct command *command = argc > 1 ? commands_find(argv[1]) : NULL;
    if (command) {
        return run_command(command, argc - 2, argv + 2);
    }
    if (options_parse(argc, argv, &program.options, error, sizeof error) < 0) {
        (void)fprintf(stderr, "cyand: %s\n  try: cyand --help\n", error);
        return COMMAND_USAGE;
    }
    if (program.options.help) {
        (void)fputs(options_help(), stdout);
        return 0;
    }
    if (program.options.version) {
        (void)puts("cyand " CYAN_VERSION);
        return 0;
    }
    raise_descriptor_limit();
    log_setup(program.options.log_json, LOG_INFO);
    int code = start(&program);
    release(&program);
    return code;
}
