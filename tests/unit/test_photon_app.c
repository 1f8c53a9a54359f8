/* The application of the virtual Photon, on a client whose cloud is the test. */
#include "photon/app.h"

#include <string.h>

#include "tests/unit/unit.h"
#include "tests/unit/world.h"
#include "wire/message.h"

static struct app app;
static char told[256];

/* Remembers what was told: kinds, codes and names in one line. */
static void tell(void *owner, struct news *news)
{
    size_t len = strlen(told);
    (void)owner;
    assert_true(len < sizeof told - 64);
    if (news->kind == NEWS_EVENT) {
        assert_true(strlen(news->event->name) < 32);
        told[len++] = news->outward ? '>' : '<';
        memcpy(told + len, news->event->name, strlen(news->event->name));
        len += strlen(news->event->name);
    } else if (news->kind == NEWS_HANDSHAKE) {
        told[len++] = news->code == 0 ? 'H' : 'h';
        assert_non_null(news->text);
    } else {
        memcpy(told + len, news->what, strlen(news->what));
        len += strlen(news->what);
    }
    told[len++] = ' ';
    told[len] = '\0';
}

static struct world *open_world(const struct cyan_client_profile *profile)
{
    struct world *w = world_open(profile);
    struct cyan_client_config config = w->client.config;
    memset(told, 0, sizeof told);
    app_init(&app, &w->client, tell, NULL);
    config.application = &app.face;
    assert_int_equal(cyan_client_init(&w->client, &config), 0);
    cyan_client_start(&w->client);
    return w;
}

/* world_connect, but with the news of the app. */
static void connect_app(struct world *w)
{
    world_poll(w);
    world_send_nonce(w);
    world_poll(w);
    world_take_request(w);
    world_send_answer(w);
    world_poll(w);
    world_send_hello(w);
    world_poll(w);
    world_hear(w);
}

static int32_t call(const char *name, const char *argument)
{
    const struct cyan_function *function = cyan_application_function(&app.face, name);
    assert_non_null(function);
    return function->call(app.face.ctx, argument);
}

static void functions_take_what_they_know_and_refuse_the_rest(void **state)
{
    (void)state;
    app_init(&app, NULL, tell, NULL);
    assert_int_equal(call("led", "on"), 1);
    assert_true(app.on);
    assert_int_equal(call("led", "ON"), -1);
    assert_true(app.on);
    assert_int_equal(call("led", "off"), 0);
    assert_false(app.on);
    assert_int_equal(call("led", ""), -1);
    static const struct {
        const char *argument;
        int32_t sum;
    } sums[] = {{"2,3", 5},
                {"-2,3", 1},
                {"0,0", 0},
                {"2147483647,0", 2147483647},
                {"2147483647,1", -1},
                {"-2147483648,0", -2147483647 - 1},
                {"-2147483648,-1", -1},
                {"2147483648,0", -1},
                {"99999999999999999999,1", -1},
                {"", -1},
                {",", -1},
                {"1,", -1},
                {",1", -1},
                {"1", -1},
                {"1,2,3", -1},
                {"1, 2", -1},
                {" 1,2", -1},
                {"1,2 ", -1},
                {"a,b", -1},
                {"0x1,2", -1}};
    for (size_t i = 0; i < COUNT_OF(sums); i++) {
        assert_int_equal(call("add", sums[i].argument), sums[i].sum);
    }
}

static void the_application_fits_both_implementations(void **state)
{
    (void)state;
    app_init(&app, NULL, tell, NULL);
    assert_int_equal(cyan_application_check(&app.face, &cyan_profile_a, 6), 0);
    assert_int_equal(cyan_application_check(&app.face, &cyan_profile_b, 6), 0);
}

static void a_tick_goes_out_right_after_connecting_and_every_ten_seconds(void **state)
{
    (void)state;
    struct world *w = open_world(&cyan_profile_a);
    app_poll(&app, w->now_ms);
    assert_int_equal(app.count, 0);
    assert_int_equal(app_wait_ms(&app, w->now_ms), UINT32_MAX);
    connect_app(w);
    assert_string_equal(told, "connecting handshake H connected ");
    assert_int_equal(app_wait_ms(&app, w->now_ms), 0);
    for (int32_t i = 1; i <= 3; i++) {
        app_poll(&app, w->now_ms);
        app_poll(&app, w->now_ms);
        world_poll(w);
        world_hear(w);
        const struct world_message *m = world_find(w, CYAN_MSG_EVENT);
        char name_and_data[] = "\xb1\x45\x04tick\xff?";
        name_and_data[8] = (char)('0' + i);
        assert_memory_equal(m->bytes + 4, name_and_data, 9);
        assert_int_equal(app.count, i);
        assert_int_equal(app_wait_ms(&app, w->now_ms), 10000);
        world_pass_ms(w, 9999);
        app_poll(&app, w->now_ms);
        assert_int_equal(app.count, i);
        world_pass_ms(w, 1);
    }
    world_close(w);
}

static void events_under_its_prefix_are_told_and_counted(void **state)
{
    (void)state;
    struct world *w = open_world(&cyan_profile_b);
    connect_app(w);
    memset(told, 0, sizeof told);
    world_send(w, "\x50\x02\x12\x3a\xb1\x65\x08photon/x\xffhi", 18);
    world_send(w, "\x50\x02\x12\x3b\xb1\x65\x05spark", 12);
    world_send(w, "\x50\x02\x12\x3c\xb1\x65\x05other", 12);
    world_poll(w);
    assert_string_equal(told, "<photon/x <spark ");
    assert_int_equal(app.heard, 1);
    world_close(w);
}

static void failures_are_told_in_the_order_in_which_they_happen(void **state)
{
    (void)state;
    struct world *w = open_world(&cyan_profile_a);
    w->down_error = CYAN_E_CLOSED;
    world_poll(w);
    assert_string_equal(told, "connecting handshake h disconnected ");
    assert_int_equal(app.handshake_code, -19);
    w->down_error = CYAN_E_AGAIN;
    world_pass_ms(w, 1000);
    connect_app(w);
    memset(told, 0, sizeof told);
    w->connect_result = CYAN_E_AGAIN;
    w->down_error = CYAN_E_CLOSED;
    world_poll(w);
    assert_string_equal(told, "disconnected connecting ");
    assert_int_equal(app_wait_ms(&app, w->now_ms), UINT32_MAX);
    cyan_client_stop(&w->client);
    assert_string_equal(told, "disconnected connecting stopped ");
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_take_what_they_know_and_refuse_the_rest),
        cmocka_unit_test(the_application_fits_both_implementations),
        cmocka_unit_test(a_tick_goes_out_right_after_connecting_and_every_ten_seconds),
        cmocka_unit_test(events_under_its_prefix_are_told_and_counted),
        cmocka_unit_test(failures_are_told_in_the_order_in_which_they_happen),
    };
    return cmocka_run_group_tests_name("photon_app", tests, NULL, NULL);
}
