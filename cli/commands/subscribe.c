#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/heads.h"
#include "cli/sse.h"

enum {
    SILENCE_MS = 20 * 1000, /* the cloud sends something every 10 s */
    BACKOFF_FIRST_MS = 1000,
    BACKOFF_MAX_MS = 30 * 1000,
};

/* Why the reader ended the stream. */
enum { ENOUGH = 1, OUTPUT_FAILED = 2 };

static const struct args_option options[] = {
    {"device", "DEVICE", "only events of this device"},
    {"mine", NULL, "events of your devices and of yourself; the default"},
    {"all", NULL, "public events of everybody too"},
    {"count", "N", "end after N events"},
    {"timeout", "SECONDS", "end with exit code 6 after so many seconds"},
    {NULL, NULL, NULL},
};

struct subscription {
    struct cli *cli;
    struct sse sse;
    unsigned long left; /* events until the end; 0: no end */
    int64_t deadline_ms;
    int64_t backoff_ms;
    bool was_open; /* at least once */
    bool forgets;  /* heads cannot be remembered; that was said */
};

static void say_event(struct cli *cli, const char *name, const json_t *event)
{
    static const char *const keys[] = {"published_at", "coreid", "data"};
    const char *texts[3];
    for (size_t i = 0; i < 3; i++) {
        texts[i] = json_string_value(json_object_get(event, keys[i]));
        texts[i] = texts[i] ? texts[i] : "";
    }
    output_say(&cli->output, "%s  %s  %s  %s", texts[0], texts[1], name, texts[2]);
}

static int print_event(struct cli *cli, const char *name, json_t *event)
{
    static const char *const keys[] = {"data", "ttl", "published_at", "coreid"};
    if (!cli->output.json) {
        say_event(cli, name, event);
        return output_flush(&cli->output, &cli->fault);
    }
    json_t *line = json_pack("{s:s}", "name", name);
    for (size_t i = 0; line && i < sizeof keys / sizeof keys[0]; i++) {
        json_t *value = json_object_get(event, keys[i]);
        (void)json_object_set_new(line, keys[i], value ? json_incref(value) : json_null());
    }
    return output_object(&cli->output, line, &cli->fault);
}

/* Each head that an event brings is one that the audit must still have later. */
static void remember_head(struct subscription *s, const char *name, const json_t *event)
{
    const char *data = json_string_value(json_object_get(event, "data"));
    uint8_t head[CYAN_SHA256_LEN];
    struct fault fault;
    if (!s->forgets && heads_in_event(name, data, head) &&
        heads_add(&s->cli->config, head, &fault) != 0) {
        output_note(&s->cli->output, "the audit's heads are not remembered: %s", fault.message);
        s->forgets = true;
    }
}

/* An event that is no JSON object is none of a Cyan cloud, and is passed over. */
static int on_event(void *ctx, const char *name, const char *data)
{
    struct subscription *s = ctx;
    json_t *event = json_loads(data, 0, NULL);
    if (!json_is_object(event)) {
        json_decref(event);
        return 0;
    }
    int err = print_event(s->cli, name, event);
    remember_head(s, name, event);
    json_decref(event);
    if (err) {
        return OUTPUT_FAILED;
    }
    return s->left > 0 && --s->left == 0 ? ENOUGH : 0;
}

static int on_open(void *ctx)
{
    struct subscription *s = ctx;
    output_note(&s->cli->output, s->was_open ? "the stream is open again" : "the stream is open");
    s->was_open = true;
    s->backoff_ms = BACKOFF_FIRST_MS;
    s->cli->output.streaming = true;
    return 0;
}

static int on_bytes(void *ctx, const char *data, size_t len)
{
    struct subscription *s = ctx;
    return sse_take(&s->sse, data, len);
}

static int timed_out(struct cli *cli)
{
    return fault_set(&cli->fault, CLI_OFFLINE, "TIMED_OUT", "the time is over");
}

/* Waits as long as the back-off says, but not beyond the deadline. Returns 0 or an exit code. */
static int back_off(struct subscription *s, const char *why)
{
    int64_t until = http_now_ms() + s->backoff_ms;
    output_note(&s->cli->output, "the stream broke (%s); next try in %lld s", why,
                (long long)(s->backoff_ms / 1000));
    s->backoff_ms = s->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : s->backoff_ms * 2;
    if (s->deadline_ms != 0 && s->deadline_ms < until) {
        until = s->deadline_ms;
    }
    for (int64_t left = until - http_now_ms(); left > 0; left = until - http_now_ms()) {
        struct timespec pause = {.tv_sec = left / 1000, .tv_nsec = (long)(left % 1000) * 1000000};
        (void)nanosleep(&pause, NULL);
    }
    bool over = s->deadline_ms != 0 && http_now_ms() >= s->deadline_ms;
    return over ? timed_out(s->cli) : 0;
}

/* Whether another try makes sense after a stream that ended so; if not, out_exit is the end. */
static bool is_worth_another(struct subscription *s, int err, struct http_response *response,
                             const char *why, int *out_exit)
{
    struct cli *cli = s->cli;
    if (err == ENOUGH) {
        *out_exit = 0;
        return false;
    }
    if (err == OUTPUT_FAILED) {
        *out_exit = CLI_FAILED;
        return false;
    }
    if (err == CYAN_E_AGAIN) {
        *out_exit = timed_out(cli);
        return false;
    }
    bool refused = err == 0 && response->status != 200;
    if (refused && (response->status < 500 || !s->was_open)) {
        *out_exit = api_refusal(cli, response);
        return false;
    }
    if (err < 0 && !s->was_open) {
        *out_exit = api_silence(cli, err, why);
        return false;
    }
    return true;
}

static int follow(struct subscription *s, const char *url)
{
    const struct http_request request = {
        .method = "GET", .url = url, .token = s->cli->config.token};
    const struct http_reader reader = {.ctx = s, .on_open = on_open, .on_bytes = on_bytes};
    const struct http_stream_limits limits = {.silence_ms = SILENCE_MS,
                                              .deadline_ms = s->deadline_ms};
    struct http *http = NULL;
    int exit = cli_http(s->cli, &http);
    while (!exit) {
        char why[HTTP_WHY_MAX] = "the cloud ended it";
        struct http_response response = {0};
        sse_restart(&s->sse);
        int err = http_stream(http, &request, &reader, &limits, &response, why);
        bool again = is_worth_another(s, err, &response, why, &exit);
        http_response_done(&response);
        if (!again) {
            return exit;
        }
        exit = back_off(s, why);
    }
    return exit;
}

static int read_options(struct cli *cli, struct subscription *s)
{
    const char *count = args_value(&cli->args, "count");
    const char *timeout = args_value(&cli->args, "timeout");
    unsigned long seconds = 0;
    const char *device = args_value(&cli->args, "device");
    int places = (device != NULL) + args_has(&cli->args, "all") + args_has(&cli->args, "mine");
    if (places > 1) {
        return cli_usage(cli, &command_subscribe, "one of --device, --mine, --all");
    }
    if (device && !*device) {
        return cli_usage(cli, &command_subscribe, "an empty name names nothing");
    }
    if (count && args_number(count, 1, 1000000000, &s->left) < 0) {
        return cli_usage(cli, &command_subscribe, "--count is a number from 1 on");
    }
    if (timeout && args_number(timeout, 1, 100000000, &seconds) < 0) {
        return cli_usage(cli, &command_subscribe, "--timeout is a number of seconds from 1 on");
    }
    s->deadline_ms = timeout ? http_now_ms() + (int64_t)seconds * 1000 : 0;
    return 0;
}

static void choose_path(const struct cli *cli, struct api_path *path)
{
    const char *prefix = args_word(&cli->args, 0);
    const char *device = args_value(&cli->args, "device");
    api_path_init(path, args_has(&cli->args, "all") ? "/v1" : "/v1/devices");
    if (device) {
        api_path_add(path, device);
    }
    api_path_add(path, "events");
    if (prefix && *prefix) {
        api_path_add(path, prefix);
    }
}

static int run(struct cli *cli)
{
    struct subscription s = {.cli = cli, .backoff_ms = BACKOFF_FIRST_MS};
    const struct sse_sink sink = {.ctx = &s, .on_event = on_event};
    struct api_path path;
    char *url = NULL;
    int exit = read_options(cli, &s);
    if (!exit) {
        exit = api_need_token(cli);
    }
    if (!exit) {
        choose_path(cli, &path);
        exit = api_url(cli, &path, &url);
    }
    if (!exit && sse_init(&s.sse, &sink) < 0) {
        exit = fault_set(&cli->fault, CLI_FAILED, "NO_MEMORY", "out of memory");
    }
    if (!exit) {
        exit = follow(&s, url);
    }
    sse_done(&s.sse);
    free(url);
    return exit;
}

const struct command command_subscribe = {
    .name = "subscribe",
    .usage = "[PREFIX] [--device DEVICE | --mine | --all] [--count N] [--timeout SECONDS]",
    .does = "Prints events as they come",
    .detail = "PREFIX is how their names begin. A broken stream is opened again. With --json each\n"
              "event is one object on one line: name, data, ttl, published_at, coreid.",
    .example = "cyan subscribe photon/ --count 1 --timeout 30 --json",
    .options = options,
    .most_words = 1,
    .run = run,
};
