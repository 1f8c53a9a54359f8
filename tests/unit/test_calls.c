/* The link below calls is this file, and so is the time: the linker leads uv_now here. */
#include "server/cloud/calls.h"

#include <stdlib.h>
#include <string.h>

#include "server/actor/actor.h"
#include "server/cloud/calls_inbox.h"
#include "server/cloud/cloud.h"
#include "server/cloud/link.h"
#include "server/cloud/presence.h"
#include "tests/unit/unit.h"
#include "tests/unit/yard.h"

uint64_t __real_uv_now(const uv_loop_t *any);
uint64_t __wrap_uv_now(const uv_loop_t *any);

enum { SHARD = 3, REPLIES_MAX = 64 };

static uint64_t ahead_ms;
static uv_loop_t loop;
static struct cloud cloud;

/* What the link was given last. */
static struct {
    unsigned count;
    int status;
    uint32_t shard;
    struct letter_call call;
    char name[CYAN_NAME_MAX + 1], argument[CYAN_FUNCTION_ARG_MAX + 1];
} sent;

/* What the asker heard; arg points to its element. */
static struct {
    unsigned count;
    struct call_reply reply;
    char text[64];
} heard[REPLIES_MAX];

static bool inside_start; /* nothing may be answered now */

uint64_t __wrap_uv_now(const uv_loop_t *any)
{
    return __real_uv_now(any) + ahead_ms;
}

int link_call(struct link *link, uint32_t shard, const struct letter_call *call, const char *name,
              const char *argument)
{
    (void)link;
    sent.count++;
    sent.shard = shard;
    sent.call = *call;
    assert_int_equal(strlen(name), call->name_len);
    assert_int_equal(strlen(argument), call->argument_len);
    memcpy(sent.name, name, strlen(name) + 1);
    memcpy(sent.argument, argument, strlen(argument) + 1);
    return sent.status;
}

static const uint8_t online_id[CYAN_ID_LEN] = {1, 2, 3};

static int set_up(void **state)
{
    (void)state;
    struct online online = {.shard = SHARD, .session = 9};
    memset(&sent, 0, sizeof sent);
    memset(heard, 0, sizeof heard);
    assert_int_equal(uv_loop_init(&loop), 0);
    cloud = (struct cloud){.loop = &loop, .presence = presence_create()};
    cloud.calls = calls_create(&cloud);
    memcpy(online.id, online_id, sizeof online.id);
    assert_non_null(cloud.calls);
    return presence_put(cloud.presence, &online);
}

static void stop(void)
{
    if (cloud.calls) {
        calls_stop(cloud.calls);
        (void)uv_run(&loop, UV_RUN_DEFAULT);
        calls_destroy(cloud.calls);
        cloud.calls = NULL;
    }
}

static int tear_down(void **state)
{
    (void)state;
    stop();
    presence_destroy(cloud.presence);
    return uv_loop_close(&loop);
}

static void on_reply(void *arg, const struct call_reply *reply)
{
    size_t i = (size_t)((char *)arg - (char *)heard) / sizeof heard[0];
    assert_false(inside_start);
    heard[i].count++;
    heard[i].reply = *reply;
    if (reply->status == 0 && reply->description) {
        memcpy(heard[i].text, reply->description, reply->description_len);
    }
}

/* Asks; the answer goes to heard[i]. Returns the number that the shard answers under. */
static uint64_t ask(size_t i, enum call_kind kind, const uint8_t *id, const char *name,
                    const char *argument)
{
    struct call call = {.kind = kind, .on = true};
    memcpy(call.device, id, sizeof call.device);
    memcpy(call.name, name, strlen(name) + 1);
    memcpy(call.argument, argument, strlen(argument) + 1);
    inside_start = true;
    calls_start(&cloud, &call, on_reply, &heard[i]);
    inside_start = false;
    memset(&call, 0, sizeof call);
    return sent.call.call;
}

static void answer(uint64_t number, int status, enum cyan_value_type type, int32_t result,
                   const char *bytes, size_t len)
{
    struct letter_reply *letter = calloc(1, sizeof *letter + len);
    assert_non_null(letter);
    *letter = (struct letter_reply){
        .call = number, .status = status, .result = result, .type = type, .len = (uint32_t)len};
    memcpy(letter + 1, bytes, len);
    calls_reply(cloud.calls, letter);
    free(letter);
}

static void turn(void)
{
    (void)uv_run(&loop, UV_RUN_NOWAIT);
}

static void a_call_goes_to_the_shard_of_its_device_with_all_that_it_says(void **state)
{
    (void)state;
    static const struct {
        enum call_kind kind;
        enum request_kind request;
        const char *name, *argument;
    } table[] = {{CALL_DESCRIBE, REQUEST_DESCRIBE, "", ""},
                 {CALL_VARIABLE, REQUEST_VARIABLE, "temp", ""},
                 {CALL_FUNCTION, REQUEST_FUNCTION, "led", "on"},
                 {CALL_SIGNAL, REQUEST_SIGNAL, "", ""},
                 {CALL_PING, REQUEST_PING, "", ""},
                 {CALL_RESET, REQUEST_RESET, "", "safe mode"}};
    uint64_t last = 0;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        uint64_t number = ask(i, table[i].kind, online_id, table[i].name, table[i].argument);
        assert_int_equal(sent.count, i + 1);
        assert_int_equal(sent.shard, SHARD);
        assert_memory_equal(sent.call.id, online_id, CYAN_ID_LEN);
        assert_int_equal(sent.call.kind, table[i].request);
        assert_string_equal(sent.name, table[i].name);
        assert_string_equal(sent.argument, table[i].argument);
        assert_true(sent.call.on);
        assert_true(number != 0 && number != last);
        last = number;
    }
}

static void an_answer_reaches_the_one_who_asked_once(void **state)
{
    (void)state;
    uint64_t numbers[20];
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        numbers[i] = ask(i, CALL_FUNCTION, online_id, "led", "");
    }
    for (size_t n = 0; n < COUNT_OF(numbers); n++) {
        size_t i = n * 7 % COUNT_OF(numbers);
        answer(numbers[i], 0, 0, (int32_t)i - 10, "", 0);
        answer(numbers[i], 0, 0, 99, "", 0); /* again: nobody waits for it */
        assert_int_equal(heard[i].count, 1);
        assert_int_equal(heard[i].reply.status, 0);
        assert_int_equal(heard[i].reply.result, (int32_t)i - 10);
    }
    answer(12345678, 0, 0, 0, "", 0);
}

static void a_description_comes_as_text_and_a_variable_as_its_type(void **state)
{
    (void)state;
    answer(ask(0, CALL_DESCRIBE, online_id, "", ""), 0, 0, 0, "{\"f\":[]}", 8);
    assert_string_equal(heard[0].text, "{\"f\":[]}");
    assert_int_equal(heard[0].reply.description_len, 8);
    answer(ask(1, CALL_VARIABLE, online_id, "n", ""), 0, CYAN_VALUE_INT, 0, "\0\0\0\x2a", 4);
    assert_int_equal(heard[1].reply.status, 0);
    assert_int_equal(heard[1].reply.value.type, CYAN_VALUE_INT);
    assert_int_equal(heard[1].reply.value.integer, 42);
    answer(ask(2, CALL_VARIABLE, online_id, "on", ""), 0, CYAN_VALUE_BOOL, 0, "\1", 1);
    assert_true(heard[2].reply.value.boolean);
    answer(ask(3, CALL_VARIABLE, online_id, "s", ""), 0, CYAN_VALUE_STRING, 0, "", 0);
    assert_int_equal(heard[3].reply.status, 0);
    assert_int_equal(heard[3].reply.value.text_len, 0);
    answer(ask(4, CALL_VARIABLE, online_id, "d", ""), 0, CYAN_VALUE_DOUBLE, 0,
           "\0\0\0\0\0\0\xf8\x3f", 8);
    assert_true(heard[4].reply.value.number == 1.5);
}

static void a_variable_of_the_wrong_length_is_nonsense(void **state)
{
    (void)state;
    static const struct {
        enum cyan_value_type type;
        size_t len;
    } right[] = {{CYAN_VALUE_BOOL, 1}, {CYAN_VALUE_INT, 4}, {CYAN_VALUE_DOUBLE, 8}};
    for (size_t i = 0; i < COUNT_OF(right); i++) {
        for (size_t len = 0; len < 10; len++) {
            heard[0].count = 0;
            answer(ask(0, CALL_VARIABLE, online_id, "x", ""), 0, right[i].type, 0, "0123456789",
                   len);
            assert_int_equal(heard[0].count, 1);
            assert_int_equal(heard[0].reply.status, len == right[i].len ? 0 : CYAN_E_MALFORMED);
        }
    }
}

static void the_devices_error_is_passed_on_without_an_answer(void **state)
{
    (void)state;
    static const int errors[] = {CYAN_E_OFFLINE,  CYAN_E_TIMEOUT, CYAN_E_NOT_FOUND,
                                 CYAN_E_TOO_LONG, CYAN_E_FULL,    CYAN_E_REFUSED};
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        answer(ask(i, CALL_VARIABLE, online_id, "x", ""), errors[i], 0, 0, "", 0);
        assert_int_equal(heard[i].count, 1);
        assert_int_equal(heard[i].reply.status, errors[i]);
        assert_null(heard[i].reply.description);
    }
}

static void a_device_without_a_session_is_offline_but_not_before_the_call_is_over(void **state)
{
    (void)state;
    static const uint8_t offline_id[CYAN_ID_LEN] = {9};
    for (size_t i = 0; i < 5; i++) {
        (void)ask(i, CALL_PING, offline_id, "", "");
        assert_int_equal(heard[i].count, 0);
    }
    turn();
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(heard[i].count, 1);
        assert_int_equal(heard[i].reply.status, CYAN_E_OFFLINE);
    }
    assert_int_equal(sent.count, 0);
    turn();
    assert_int_equal(heard[0].count, 1);
}

static void a_call_that_cannot_be_sent_fails_later_too(void **state)
{
    (void)state;
    sent.status = CYAN_E_NO_MEMORY;
    uint64_t number = ask(0, CALL_PING, online_id, "", "");
    assert_int_equal(heard[0].count, 0);
    answer(number, 0, 0, 0, "", 0); /* it is not waited for */
    assert_int_equal(heard[0].count, 0);
    turn();
    assert_int_equal(heard[0].count, 1);
    assert_int_equal(heard[0].reply.status, CYAN_E_NO_MEMORY);
}

static void a_call_whose_answer_is_lost_fails_after_30_seconds_once(void **state)
{
    (void)state;
    uint64_t number = ask(0, CALL_PING, online_id, "", "");
    uint64_t other = ask(1, CALL_PING, online_id, "", "");
    ahead_ms += 29500;
    /* The clock of the wheel runs in real time: its next tick is at most 0.1 s away. */
    (void)uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(heard[0].count + heard[1].count, 0);
    answer(other, 0, 0, 0, "", 0);
    ahead_ms += 700;
    (void)uv_run(&loop, UV_RUN_DEFAULT); /* nothing is armed behind it */
    assert_int_equal(heard[0].count, 1);
    assert_int_equal(heard[0].reply.status, CYAN_E_TIMEOUT);
    answer(number, 0, 0, 0, "", 0);
    assert_int_equal(heard[0].count, 1);
    assert_int_equal(heard[1].count, 1);
}

static void all_that_waits_is_offline_when_the_calls_stop(void **state)
{
    (void)state;
    for (size_t i = 0; i < 40; i++) {
        (void)ask(i, CALL_PING, online_id, "", "");
    }
    static const uint8_t offline_id[CYAN_ID_LEN] = {9};
    (void)ask(40, CALL_PING, offline_id, "", "");
    stop();
    for (size_t i = 0; i <= 40; i++) {
        assert_int_equal(heard[i].count, 1);
        assert_int_equal(heard[i].reply.status, CYAN_E_OFFLINE);
    }
}

static void what_is_asked_after_the_stop_is_offline_at_once(void **state)
{
    (void)state;
    struct call call = {.kind = CALL_PING};
    memcpy(call.device, online_id, sizeof call.device);
    calls_stop(cloud.calls);
    calls_start(&cloud, &call, on_reply, &heard[0]);
    assert_int_equal(heard[0].count, 1);
    assert_int_equal(heard[0].reply.status, CYAN_E_OFFLINE);
    assert_int_equal(sent.count, 0);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    calls_destroy(cloud.calls);
    cloud.calls = NULL;
}

static void ask_again(void *arg, const struct call_reply *reply)
{
    on_reply(arg, reply);
    if (heard[0].count < 3) {
        struct call call = {.kind = CALL_PING, .device = {9}};
        calls_start(&cloud, &call, ask_again, arg);
    }
}

static void who_hears_an_answer_may_ask_again_at_once(void **state)
{
    (void)state;
    struct call call = {.kind = CALL_PING, .device = {9}};
    calls_start(&cloud, &call, ask_again, &heard[0]);
    for (int i = 0; i < 5; i++) {
        turn();
    }
    assert_int_equal(heard[0].count, 3);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_call_goes_to_the_shard_of_its_device_with_all_that_it_says),
        CASE(an_answer_reaches_the_one_who_asked_once),
        CASE(a_description_comes_as_text_and_a_variable_as_its_type),
        CASE(a_variable_of_the_wrong_length_is_nonsense),
        CASE(the_devices_error_is_passed_on_without_an_answer),
        CASE(a_device_without_a_session_is_offline_but_not_before_the_call_is_over),
        CASE(a_call_that_cannot_be_sent_fails_later_too),
        CASE(a_call_whose_answer_is_lost_fails_after_30_seconds_once),
        CASE(all_that_waits_is_offline_when_the_calls_stop),
        CASE(what_is_asked_after_the_stop_is_offline_at_once),
        CASE(who_hears_an_answer_may_ask_again_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
