/* What is asked of a device over HTTP, the upload of its key, and publishing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "keys/spki.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/http_client.h"
#include "tests/unit/unit.h"

#define LAMP "/v1/devices/" FAKE_LAMP

/* How an answer of a device becomes one of HTTP, whatever was asked. */
static const struct {
    int status;
    int http;
    const char *code;
} failures[] = {
    {CYAN_E_OFFLINE, 404, "DEVICE_OFFLINE"},
    {CYAN_E_TIMEOUT, 408, "TIMED_OUT"},
    {CYAN_E_NOT_FOUND, 404, "NOT_FOUND"},
    {CYAN_E_TOO_LONG, 400, "INVALID"},
    {CYAN_E_FULL, 503, "BUSY"},
    {CYAN_E_MALFORMED, 502, "BAD_ANSWER"},
    {CYAN_E_REFUSED, 502, "BAD_ANSWER"},
};

static void set_value(struct cyan_value value)
{
    fake.reply = (struct call_reply){.value = value};
}

static void assert_variable(struct cyan_value value, const char *json, const char *raw)
{
    set_value(value);
    struct answer answer = get(LAMP "/x", FAKE_ANN);
    assert_int_equal(answer.status, 200);
    char *result = json_dumps(json_object_get(answer.json, "result"),
                              JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
    assert_string_equal(result, json);
    free(result);
    answer_done(&answer);
    answer = get(LAMP "/x?format=raw", FAKE_ANN);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, raw);
    assert_non_null(strstr(answer.head, "Content-Type: text/plain"));
    answer_done(&answer);
}

static void variables_of_every_type_come_back(void **state)
{
    (void)state;
    assert_variable((struct cyan_value){.type = CYAN_VALUE_BOOL, .boolean = true}, "true", "true");
    assert_variable((struct cyan_value){.type = CYAN_VALUE_BOOL}, "false", "false");
    assert_variable((struct cyan_value){.type = CYAN_VALUE_INT, .integer = INT32_MIN},
                    "-2147483648", "-2147483648");
    assert_variable((struct cyan_value){.type = CYAN_VALUE_DOUBLE, .number = 21.5}, "21.5", "21.5");
    assert_variable((struct cyan_value){.type = CYAN_VALUE_STRING}, "\"\"", "");
    assert_variable((struct cyan_value){.type = CYAN_VALUE_STRING,
                                        .text = (const uint8_t *)"a\"\n\xFF",
                                        .text_len = 4},
                    "\"a\\\"\\n\xEF\xBF\xBD\"", "a\"\n\xEF\xBF\xBD");
}

static void a_variable_comes_with_its_name_and_device(void **state)
{
    (void)state;
    set_value((struct cyan_value){.type = CYAN_VALUE_INT, .integer = 1});
    struct answer answer = get("/v1/devices/lamp/my%20var", FAKE_ANN);
    assert_string_equal(answer_text(&answer, "cmd"), "VarReturn");
    assert_string_equal(answer_text(&answer, "name"), "my var");
    const json_t *info = json_object_get(answer.json, "coreInfo");
    assert_string_equal(json_string_value(json_object_get(info, "deviceID")), FAKE_LAMP);
    assert_string_equal(json_string_value(json_object_get(info, "name")), "lamp");
    assert_true(json_is_true(json_object_get(info, "connected")));
    assert_int_equal(json_integer_value(json_object_get(info, "product_id")), 6);
    answer_done(&answer);
    assert_int_equal(fake.call.kind, CALL_VARIABLE);
    assert_string_equal(fake.call.name, "my var");
    assert_int_equal(fake.call.device[11], 1);
}

static void a_name_is_taken_up_to_64_bytes_and_beyond_is_not_found(void **state)
{
    (void)state;
    set_value((struct cyan_value){.type = CYAN_VALUE_INT});
    for (size_t len = 63; len <= 66; len++) {
        char path[200];
        size_t at = (size_t)snprintf(path, sizeof path, LAMP "/");
        memset(path + at, 'n', len);
        path[at + len] = '\0';
        assert_answer(get(path, FAKE_ANN), len <= 64 ? 200 : 404, "", "");
        assert_answer(post(path, FAKE_ANN, ""), len <= 64 ? 200 : 404, "", "");
    }
}

static void every_failure_of_a_device_has_its_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        fake.reply = (struct call_reply){.status = failures[i].status};
        assert_answer(get(LAMP "/x", FAKE_ANN), failures[i].http, "code", failures[i].code);
        assert_answer(post(LAMP "/x", FAKE_ANN, "arg=1"), failures[i].http, "code",
                      failures[i].code);
        if (failures[i].status != CYAN_E_NOT_FOUND) {
            assert_answer(ask("PUT", LAMP, FAKE_ANN, "application/json", "{\"signal\":true}"),
                          failures[i].http, "code", failures[i].code);
        }
    }
    fake.reply = (struct call_reply){.status = CYAN_E_TIMEOUT};
    assert_answer(get(LAMP "/x", FAKE_ANN), 408, "error", "Timed out.");
}

static void a_function_gets_its_argument_in_either_spelling(void **state)
{
    (void)state;
    static const char *const forms[] = {"args=on", "arg=on", "args=on&arg=off"};
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        fake.reply = (struct call_reply){.result = -7};
        struct answer answer = post(LAMP "/led", FAKE_ANN, forms[i]);
        assert_int_equal(json_integer_value(json_object_get(answer.json, "return_value")), -7);
        assert_string_equal(answer_text(&answer, "name"), "led");
        assert_true(json_is_true(json_object_get(answer.json, "connected")));
        assert_answer(answer, 200, "id", FAKE_LAMP);
        assert_int_equal(fake.call.kind, CALL_FUNCTION);
        assert_string_equal(fake.call.name, "led");
        assert_string_equal(fake.call.argument, "on");
    }
    assert_answer(ask("POST", LAMP "/led", FAKE_ANN, "application/json", "{\"arg\":5}"), 200, "",
                  "");
    assert_string_equal(fake.call.argument, "5");
    assert_answer(ask("POST", LAMP "/led", FAKE_ANN, NULL, NULL), 200, "", "");
    assert_string_equal(fake.call.argument, "");
    assert_answer(ask("POST", LAMP "/led", FAKE_ANN, "application/json", "{\"arg\":{}}"), 400,
                  "code", "INVALID");
    struct answer answer = post(LAMP "/led", FAKE_ANN, "arg=1&format=raw");
    assert_string_equal(answer.body, "-7");
    answer_done(&answer);
}

static void an_argument_is_taken_up_to_622_bytes(void **state)
{
    (void)state;
    for (size_t len = 620; len <= 624; len++) {
        char form[700] = "arg=";
        memset(form + 4, 'a', len);
        fake.call.argument[0] = '\0';
        assert_answer(post(LAMP "/led", FAKE_ANN, form), len <= 622 ? 200 : 400, "", "");
        assert_int_equal(strlen(fake.call.argument), len <= 622 ? len : 0);
    }
}

static void a_ping_tells_whether_the_device_is_there(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
    } cases[] = {{0, "{\"online\":true,\"ok\":true}"},
                 {CYAN_E_OFFLINE, "{\"online\":false,\"ok\":true}"},
                 {CYAN_E_TIMEOUT, "{\"online\":false,\"ok\":true}"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fake.reply = (struct call_reply){.status = cases[i].status};
        struct answer answer = ask("PUT", LAMP "/ping", FAKE_ANN, NULL, NULL);
        assert_string_equal(answer.body, cases[i].body);
        assert_answer(answer, 200, "", "");
        assert_int_equal(fake.call.kind, CALL_PING);
    }
    fake.reply = (struct call_reply){.status = CYAN_E_FULL};
    assert_answer(ask("PUT", LAMP "/ping", FAKE_ANN, NULL, NULL), 503, "code", "BUSY");
}

static void a_signal_is_switched_on_and_off(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        bool on;
    } cases[] = {{"{\"signal\":true}", true},
                 {"{\"signal\":false}", false},
                 {"{\"signal\":1}", true},
                 {"{\"signal\":\"0\"}", false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct answer answer = ask("PUT", LAMP, FAKE_ANN, "application/json", cases[i].body);
        assert_true(json_is_true(json_object_get(answer.json, "connected")));
        assert_int_equal(json_is_true(json_object_get(answer.json, "signaling")), cases[i].on);
        assert_answer(answer, 200, "id", FAKE_LAMP);
        assert_int_equal(fake.call.kind, CALL_SIGNAL);
        assert_int_equal(fake.call.on, cases[i].on);
    }
    assert_answer(ask("PUT", LAMP, FAKE_ANN, "application/json", "{\"signal\":2}"), 400, "code",
                  "INVALID");
}

static void what_cannot_be_set_yet_is_501(void **state)
{
    (void)state;
    assert_answer(ask("PUT", LAMP, FAKE_ANN, "application/json", "{\"name\":\"new\"}"), 501, "code",
                  "NOT_SUPPORTED");
    assert_answer(ask("PUT", LAMP, FAKE_ANN, NULL, NULL), 501, "code", "NOT_SUPPORTED");
}

/* A form with this key as PEM, percent-encoded. */
static const char *key_form(const char *pem, const char *more)
{
    static char form[8192];
    size_t len = (size_t)snprintf(form, sizeof form, "%s&publicKey=", more);
    for (; *pem; pem++) {
        len += (size_t)snprintf(form + len, sizeof form - len, "%%%02x", (unsigned char)*pem);
    }
    return form;
}

static const char *device_pem(uint8_t spki[static CYAN_DEVICE_SPKI_LEN])
{
    static char pem[CYAN_SPKI_PEM_MAX];
    uint8_t modulus[CYAN_RSA1024_LEN];
    for (size_t i = 0; i < sizeof modulus; i++) {
        modulus[i] = (uint8_t)(0xC1 + i * 2);
    }
    cyan_device_spki_write(modulus, spki);
    assert_true(cyan_spki_to_pem(spki, CYAN_DEVICE_SPKI_LEN, pem) > 0);
    return pem;
}

static void a_key_is_bound_to_the_device_of_the_address(void **state)
{
    (void)state;
    uint8_t spki[CYAN_DEVICE_SPKI_LEN];
    uint8_t id[CYAN_ID_LEN];
    const char *pem = device_pem(spki);
    static const char path[] = "/v1/provisioning/2F00000000000000000000AB";
    struct answer answer = post(path, FAKE_ANN, key_form(pem, "algorithm=rsa"));
    assert_answer(answer, 200, "id", "2f00000000000000000000ab");
    assert_int_equal(cyan_hex_decode("2f00000000000000000000ab", 24, id, sizeof id), 0);
    assert_memory_equal(fake.device, id, sizeof id);
    assert_memory_equal(fake.spki, spki, sizeof spki);
    answer = post(path, FAKE_ANN,
                  key_form(pem, "deviceID=2f00000000000000000000ab&filename=cli&order=manual_1"));
    assert_answer(answer, 200, "owner", "ann");
    assert_answer(post("/v1/provisioning/" FAKE_BOBS, FAKE_ANN, key_form(pem, "")), 403, "error",
                  "Permission Denied");
    fake.status = CYAN_E_FULL;
    assert_answer(post(path, FAKE_ANN, key_form(pem, "")), 503, "code", "STORE_FAILED");
}

static void keys_that_cannot_be_are_told_apart(void **state)
{
    (void)state;
    static const char ec[] = "-----BEGIN PUBLIC KEY-----\n"
                             "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n"
                             "6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n"
                             "-----END PUBLIC KEY-----\n";
    uint8_t spki[CYAN_DEVICE_SPKI_LEN];
    static char pem[CYAN_SPKI_PEM_MAX];
    (void)snprintf(pem, sizeof pem, "%s", device_pem(spki));
    static const char path[] = "/v1/provisioning/2f00000000000000000000ab";
    static const char *const reasons[] = {
        "publicKey is not the PEM text of a sound public key.",
        "publicKey is not an RSA key.",
        "algorithm is rsa: these devices have no other keys.",
        "Give publicKey: the device's public key as PEM.",
        "deviceID is not the device of the address.",
        "A device id has 24 hexadecimal digits.",
    };
    assert_answer(post(path, FAKE_ANN, key_form("words", "")), 400, "error", reasons[0]);
    assert_answer(post(path, FAKE_ANN, key_form(ec, "")), 400, "error", reasons[1]);
    assert_answer(post(path, FAKE_ANN, key_form(pem, "algorithm=ecc")), 400, "error", reasons[2]);
    assert_answer(post(path, FAKE_ANN, "algorithm=rsa"), 400, "error", reasons[3]);
    assert_answer(post(path, FAKE_ANN, key_form(pem, "deviceID=" FAKE_LAMP)), 400, "error",
                  reasons[4]);
    assert_answer(post("/v1/provisioning/lamp", FAKE_ANN, key_form(pem, "")), 400, "error",
                  reasons[5]);
    assert_int_equal(fake.spki[0], 0);
}

static void nothing(void *arg)
{
    (void)arg;
}

/* What a stream of ann's own events says of one publish. */
static const char *publish_and_read(const char *form, enum stream_scope scope, uint32_t account)
{
    static char text[8192];
    struct stream_filter filter = {.account = account, .scope = scope};
    struct stream *stream = stream_open(fake.cloud.events, &filter, nothing, NULL);
    assert_non_null(stream);
    struct answer answer = post("/v1/devices/events", FAKE_ANN, form);
    assert_string_equal(answer.body, "{\"ok\":true}");
    assert_answer(answer, 200, "", "");
    ssize_t len = stream_read(stream, text, sizeof text - 1);
    assert_true(len >= 0);
    text[len] = '\0';
    stream_close(stream);
    return text;
}

static void a_published_event_reaches_streams_and_devices(void **state)
{
    (void)state;
    assert_string_equal(publish_and_read("name=temp%2Fin&data=21%225&ttl=5", STREAM_MINE, 1),
                        "event: temp/in\ndata: {\"data\":\"21\\\"5\",\"ttl\":5,"
                        "\"published_at\":\"2026-01-02T03:04:05.678Z\",\"coreid\":\"api\"}\n\n");
    assert_int_equal(fake.to_devices, 1);
    assert_non_null(
        strstr(publish_and_read("name=a", STREAM_MINE, 1), "{\"data\":null,\"ttl\":60,"));
    assert_non_null(strstr(publish_and_read("name=a&data=", STREAM_MINE, 1), "{\"data\":\"\","));
}

static void an_event_is_private_unless_the_publisher_says_otherwise(void **state)
{
    (void)state;
    assert_string_equal(publish_and_read("name=a", STREAM_MINE_AND_PUBLIC, 2), "");
    assert_string_equal(publish_and_read("name=a&private=true", STREAM_MINE_AND_PUBLIC, 2), "");
    assert_string_not_equal(publish_and_read("name=a&private=false", STREAM_MINE_AND_PUBLIC, 2),
                            "");
}

static void events_that_cannot_be_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "",
        "name=",
        "data=x",
        "name=a%0Ab",
        "name=12345678901234567890123456789012345678901234567890123456789012345",
        "name=cyan/key/approved",
        "name=spark/status",
        "name=spark",
        "name=particle/device/name",
        "name=a&ttl=-1",
        "name=a&ttl=16777216",
        "name=a&ttl=x",
        "name=a&private=maybe",
    };
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct answer answer = post("/v1/devices/events", FAKE_ANN, forms[i]);
        if (answer.status != 400) {
            fail_msg("%s: %d", forms[i], answer.status);
        }
        assert_answer(answer, 400, "code", "INVALID");
    }
    assert_answer(ask("POST", "/v1/devices/events", FAKE_ANN, "application/json",
                      "{\"name\":\"a\",\"data\":{\"x\":1}}"),
                  400, "code", "INVALID");
    assert_int_equal(fake.to_devices, 0);
}

static void data_is_taken_up_to_864_bytes(void **state)
{
    (void)state;
    for (size_t len = 862; len <= 866; len++) {
        char form[1000] = "name=a&data=";
        memset(form + strlen(form), 'd', len);
        assert_answer(post("/v1/devices/events", FAKE_ANN, form), len <= 864 ? 200 : 400, "", "");
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_start, fake_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(variables_of_every_type_come_back),
        CASE(a_variable_comes_with_its_name_and_device),
        CASE(a_name_is_taken_up_to_64_bytes_and_beyond_is_not_found),
        CASE(every_failure_of_a_device_has_its_status),
        CASE(a_function_gets_its_argument_in_either_spelling),
        CASE(an_argument_is_taken_up_to_622_bytes),
        CASE(a_ping_tells_whether_the_device_is_there),
        CASE(a_signal_is_switched_on_and_off),
        CASE(what_cannot_be_set_yet_is_501),
        CASE(a_key_is_bound_to_the_device_of_the_address),
        CASE(keys_that_cannot_be_are_told_apart),
        CASE(a_published_event_reaches_streams_and_devices),
        CASE(an_event_is_private_unless_the_publisher_says_otherwise),
        CASE(events_that_cannot_be_are_refused_with_a_reason),
        CASE(data_is_taken_up_to_864_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
