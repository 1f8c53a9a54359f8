#include "tests/unit/world.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "wire/frame.h"
#include "wire/hello.h"
#include "wire/message.h"

static double temp = 21.5;
static int32_t count = 42;
static bool on = true;

static int connect_port(void *ctx, const struct cyan_address *address)
{
    struct world *w = ctx;
    assert_string_equal(address->host, w->address.host);
    w->connect_calls++;
    if (w->connect_result == 0) {
        w->connects++;
        w->down_len = 0;
        w->up_len = 0;
    }
    return w->connect_result;
}

static int send_port(void *ctx, const uint8_t *data, size_t len)
{
    struct world *w = ctx;
    if (w->send_error < 0) {
        return w->send_error;
    }
    if (w->send_max > 0 && len > w->send_max) {
        len = w->send_max;
    }
    assert_true(len <= sizeof w->up - w->up_len);
    memcpy(w->up + w->up_len, data, len);
    w->up_len += len;
    return (int)len;
}

static int recv_port(void *ctx, uint8_t *out, size_t len)
{
    struct world *w = ctx;
    assert_true(len > 0);
    if (w->recv_max > 0 && len > w->recv_max) {
        len = w->recv_max;
    }
    if (len > w->down_len) {
        len = w->down_len;
    }
    if (len == 0) {
        return w->down_error;
    }
    memcpy(out, w->down, len);
    w->down_len -= len;
    memmove(w->down, w->down + len, w->down_len);
    return (int)len;
}

static void finish_port(void *ctx)
{
    struct world *w = ctx;
    w->finishes++;
}

static void close_port(void *ctx)
{
    struct world *w = ctx;
    w->closes++;
}

static uint32_t millis_port(void *ctx)
{
    const struct world *w = ctx;
    return w->now_ms;
}

static void on_state(void *ctx, enum cyan_client_state state, const struct cyan_client_end *end)
{
    struct world *w = ctx;
    if (w->state_count == WORLD_STATES) {
        memmove(w->states, w->states + 1, sizeof w->states - sizeof w->states[0]);
        w->state_count--;
    }
    w->states[w->state_count++] = state;
    if (end) {
        w->end = *end;
    }
}

static void on_handshake(void *ctx, const struct cyan_client_end *end)
{
    struct world *w = ctx;
    w->handshake_code = end->code;
    w->handshakes++;
}

static void on_event(void *ctx, const struct cyan_event *event)
{
    struct world *w = ctx;
    assert_true(w->event_count < WORLD_EVENTS);
    char *data = w->event_data[w->event_count];
    if (event->data_len > 0) {
        memcpy(data, event->data, event->data_len);
    }
    data[event->data_len] = '\0';
    w->events[w->event_count++] = *event;
}

static void on_published(void *ctx, uint16_t id, int err)
{
    struct world *w = ctx;
    w->published_id = id;
    w->published_err = err;
    w->published++;
}

static void on_time(void *ctx, uint32_t seconds)
{
    struct world *w = ctx;
    w->cloud_time = seconds;
}

static int32_t call_led(void *ctx, const char *argument)
{
    struct world *w = ctx;
    assert_true(strlen(argument) < sizeof w->argument);
    memcpy(w->argument, argument, strlen(argument) + 1);
    w->calls++;
    return 7;
}

static const struct cyan_variable variables[] = {
    {"temp", CYAN_VALUE_DOUBLE, &temp},
    {"count", CYAN_VALUE_INT, &count},
    {"name", CYAN_VALUE_STRING, "a photon"},
    {"on", CYAN_VALUE_BOOL, &on},
};
static const struct cyan_function functions[] = {{"led", call_led}};
static const struct cyan_subscribe subscriptions[] = {
    {.filter = "photon/", .scope = CYAN_SUBSCRIBE_MINE},
};

static void fill_in(struct world *w)
{
    static struct cyan_port port;
    const struct vector *key = vectors_get(w->keys, "server_key");
    assert_int_equal(cyan_openssl_key_create(key->data, key->len, &w->cloud_key), 0);
    memset(w->device_key, 0xFF, sizeof w->device_key);
    memcpy(w->device_key, vectors_bytes(w->keys, "device_key", CYAN_DEVICE_KEY_LEN),
           CYAN_DEVICE_KEY_LEN);
    memcpy(w->server_key, vectors_bytes(w->publics, "server_spki", CYAN_SERVER_SPKI_LEN),
           CYAN_SERVER_SPKI_LEN);
    assert_int_equal(cyan_address_parse("cloud.test", 5683, &w->address), 0);
    for (size_t i = 0; i < sizeof w->credentials; i++) {
        w->credentials[i] = (uint8_t)i; /* so the salt is 20 21 22... */
    }
    w->identity = (struct cyan_identity){
        .id = "\x2f\x00\x30\x00\x04\x47\x35\x31\x38\x31\x38\x31",
        .device_key = w->device_key,
        .server_key = w->server_key,
        .address = &w->address,
        .product_id = CYAN_PRODUCT_NONE,
        .product_version = CYAN_PRODUCT_NONE,
        .platform_id = CYAN_PLATFORM_PHOTON,
        .reset_reason = "power_down",
    };
    w->application = (struct cyan_application){
        .ctx = w,
        .variables = variables,
        .variable_count = COUNT_OF(variables),
        .functions = functions,
        .function_count = COUNT_OF(functions),
        .subscriptions = subscriptions,
        .subscription_count = COUNT_OF(subscriptions),
        .on_state = on_state,
        .on_handshake = on_handshake,
        .on_event = on_event,
        .on_published = on_published,
        .on_time = on_time,
    };
    port = (struct cyan_port){.ctx = w,
                              .connect = connect_port,
                              .send = send_port,
                              .recv = recv_port,
                              .finish = finish_port,
                              .close = close_port,
                              .millis = millis_port};
    w->client.config.port = &port;
}

struct world *world_open(const struct cyan_client_profile *profile)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->now_ms = UINT32_MAX - 5000; /* the clock wraps in every test */
    w->down_error = CYAN_E_AGAIN;
    w->crypto = cyan_openssl_create();
    assert_non_null(w->crypto);
    w->keys = vectors_open("keys.txt");
    w->publics = vectors_open("keys-public.txt");
    fill_in(w);
    const struct cyan_client_config config = {
        .port = w->client.config.port,
        .crypto = w->crypto,
        .profile = profile,
        .application = &w->application,
        .identity = &w->identity,
    };
    assert_int_equal(cyan_client_init(&w->client, &config), 0);
    cyan_client_start(&w->client);
    return w;
}

void world_close(struct world *w)
{
    cyan_client_done(&w->client);
    cyan_openssl_key_destroy(w->cloud_key);
    cyan_openssl_destroy(w->crypto);
    vectors_close(w->keys);
    vectors_close(w->publics);
    free(w);
}

void world_poll(struct world *w)
{
    unsigned polls = 0;
    do {
        cyan_client_poll(&w->client);
        assert_true(++polls < 10000);
    } while (w->client.more);
}

void world_pass_ms(struct world *w, uint32_t ms)
{
    w->now_ms += ms;
    world_poll(w);
}

void world_put(struct world *w, const void *data, size_t len)
{
    assert_true(len <= sizeof w->down - w->down_len);
    memcpy(w->down + w->down_len, data, len);
    w->down_len += len;
}

void world_send_nonce(struct world *w)
{
    assert_int_equal(w->crypto->random(w->crypto->ctx, w->nonce, sizeof w->nonce), 0);
    world_put(w, w->nonce, sizeof w->nonce);
}

void world_take_request(struct world *w)
{
    assert_int_equal(w->up_len, CYAN_REQUEST_LEN);
    assert_int_equal(cyan_handshake_open(w->crypto, w->cloud_key, w->nonce, w->up, &w->claim), 0);
    w->up_len = 0;
}

static uint8_t credentials_to_give[CYAN_CREDENTIALS_LEN];

/* The first random bytes that an answer takes are its credentials. */
static int random_credentials(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    for (size_t i = 0; i < len; i++) {
        out[i] = len == CYAN_CREDENTIALS_LEN ? credentials_to_give[i] : (uint8_t)(1 + i % 255);
    }
    return 0;
}

void world_make_answer(struct world *w, uint8_t answer[static CYAN_ANSWER_LEN])
{
    const struct vector *device = vectors_get(w->publics, "device_spki");
    struct cyan_crypto fixed = *w->crypto;
    uint8_t credentials[CYAN_CREDENTIALS_LEN];
    fixed.random = random_credentials;
    memcpy(credentials_to_give, w->credentials, sizeof credentials_to_give);
    const uint8_t *modulus =
        w->claim.has_key ? w->claim.spki + CYAN_DEVICE_SPKI_MODULUS : device->data + 29;
    assert_int_equal(cyan_handshake_answer(&fixed, w->cloud_key, modulus, credentials, answer), 0);
    assert_memory_equal(credentials, w->credentials, sizeof credentials);
    cyan_cipher_init(&w->cipher, credentials);
}

void world_send_answer(struct world *w)
{
    uint8_t answer[CYAN_ANSWER_LEN];
    world_make_answer(w, answer);
    world_put(w, answer, sizeof answer);
}

void world_send(struct world *w, const void *message, size_t len)
{
    uint8_t frame[2048];
    size_t frame_len;
    assert_int_equal(
        cyan_cipher_seal(&w->cipher, w->crypto, message, len, frame, sizeof frame, &frame_len), 0);
    world_put(w, frame, frame_len);
}

void world_send_hello(struct world *w)
{
    uint8_t bytes[16];
    struct cyan_writer writer;
    cyan_writer_init(&writer, bytes, sizeof bytes);
    cyan_server_hello_write(&writer, 0x1234);
    world_send(w, bytes, writer.len);
}

void world_hear(struct world *w)
{
    size_t at = 0;
    w->message_count = 0;
    while (at < w->up_len) {
        int body = cyan_frame_next(w->up + at, w->up_len - at, CYAN_FRAME_MAX_FROM_DEVICE);
        assert_true(body > 0);
        assert_true(w->message_count < WORLD_MESSAGES);
        struct world_message *m = &w->messages[w->message_count++];
        uint8_t *text = w->up + at + CYAN_FRAME_HEADER;
        assert_int_equal(cyan_cipher_open(&w->cipher, w->crypto, text, (size_t)body, &m->len), 0);
        assert_true(m->len <= sizeof m->bytes);
        memcpy(m->bytes, text, m->len);
        assert_int_equal(cyan_coap_parse(m->bytes, m->len, &m->coap), 0);
        at += CYAN_FRAME_HEADER + (size_t)body;
    }
    w->up_len = 0;
}

const struct world_message *world_find(struct world *w, int kind)
{
    const struct world_message *found = NULL;
    for (size_t i = 0; i < w->message_count; i++) {
        if ((int)cyan_message_kind(&w->messages[i].coap) == kind) {
            assert_null(found);
            found = &w->messages[i];
        }
    }
    assert_non_null(found);
    return found;
}

void world_connect(struct world *w)
{
    world_poll(w);
    world_send_nonce(w);
    world_poll(w);
    world_take_request(w);
    world_send_answer(w);
    world_poll(w);
    world_send_hello(w);
    world_poll(w);
    assert_int_equal(world_last_state(w), CYAN_CLIENT_CONNECTED);
    world_hear(w);
}

enum cyan_client_state world_last_state(const struct world *w)
{
    assert_true(w->state_count > 0);
    return w->states[w->state_count - 1];
}
