#include "wire/led.h"

#include <string.h>

#include "tests/unit/unit.h"

static void the_table_shows_what_stock_firmware_shows(void **state)
{
    (void)state;
    static const struct {
        enum cyan_led_state state;
        uint32_t colour;
        enum cyan_led_pattern pattern;
        unsigned period_ms;
    } rows[] = {
        {CYAN_LED_OFF, 0x000000, CYAN_LED_SOLID, 0},
        {CYAN_LED_WIFI_OFF, 0xFFFFFF, CYAN_LED_BREATHE, 4000},
        {CYAN_LED_WIFI_CONNECTING, 0x00FF00, CYAN_LED_BLINK, 200},
        {CYAN_LED_WIFI_DHCP, 0x00FF00, CYAN_LED_BLINK, 100},
        {CYAN_LED_WIFI_CONNECTED, 0x00FF00, CYAN_LED_BREATHE, 4000},
        {CYAN_LED_CLOUD_CONNECTING, 0x00FFFF, CYAN_LED_BLINK, 200},
        {CYAN_LED_CLOUD_HANDSHAKE, 0x00FFFF, CYAN_LED_BLINK, 100},
        {CYAN_LED_CLOUD_CONNECTED, 0x00FFFF, CYAN_LED_BREATHE, 4000},
        {CYAN_LED_SAFE_MODE, 0xFF00FF, CYAN_LED_BREATHE, 4000},
        {CYAN_LED_LISTENING, 0x0000FF, CYAN_LED_BLINK, 500},
        {CYAN_LED_DFU, 0xFFFF00, CYAN_LED_BLINK, 200},
        {CYAN_LED_KEY_GENERATION, 0xFFFFFF, CYAN_LED_BLINK, 200},
        {CYAN_LED_HANDSHAKE_FAILED, 0xFF0000, CYAN_LED_SOLID, 250},
        {CYAN_LED_DECRYPTION_FAILED, 0xFF6000, CYAN_LED_SOLID, 250},
        {CYAN_LED_SIGNATURE_FAILED, 0xFF00FF, CYAN_LED_SOLID, 250},
        {CYAN_LED_NO_INTERNET, 0xFF6000, CYAN_LED_BLINK, 500},
        {CYAN_LED_NO_CLOUD, 0xFF6000, CYAN_LED_BLINK, 500},
        {CYAN_LED_SIGNAL, 0xEE82EE, CYAN_LED_BLINK, 700},
    };
    assert_int_equal(COUNT_OF(rows), CYAN_LED_COUNT);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct cyan_led *led = cyan_led_of(rows[i].state);
        assert_int_equal(led->colour, rows[i].colour);
        assert_int_equal(led->pattern, rows[i].pattern);
        assert_int_equal(led->period_ms, rows[i].period_ms);
    }
}

static void every_state_has_a_name_and_a_meaning_and_a_cause_comes_with_a_remedy(void **state)
{
    (void)state;
    for (int i = 0; i < CYAN_LED_COUNT; i++) {
        const struct cyan_led *led = cyan_led_of((enum cyan_led_state)i);
        assert_true(strlen(led->name) > 0);
        assert_true(strlen(led->meaning) > 0);
        assert_int_equal(strlen(led->cause) > 0, strlen(led->remedy) > 0);
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(led->name, cyan_led_of((enum cyan_led_state)k)->name);
        }
    }
}

static void states_outside_the_table_are_off(void **state)
{
    (void)state;
    static const int outside[] = {CYAN_LED_COUNT, CYAN_LED_COUNT + 1, 1000, -1, -1000};
    for (size_t i = 0; i < COUNT_OF(outside); i++) {
        assert_string_equal(cyan_led_of((enum cyan_led_state)outside[i])->name, "OFF");
    }
}

static void a_failed_handshake_is_orange_for_6_magenta_for_8_and_red_else(void **state)
{
    (void)state;
    for (int code = -20000; code <= 1000; code++) {
        enum cyan_led_state expected = code == 6   ? CYAN_LED_DECRYPTION_FAILED
                                       : code == 8 ? CYAN_LED_SIGNATURE_FAILED
                                                   : CYAN_LED_HANDSHAKE_FAILED;
        assert_int_equal(cyan_led_of_handshake_code(code), expected);
    }
}

static void patterns_have_three_words(void **state)
{
    (void)state;
    assert_string_equal(cyan_led_pattern_name(CYAN_LED_SOLID), "solid");
    assert_string_equal(cyan_led_pattern_name(CYAN_LED_BLINK), "blink");
    assert_string_equal(cyan_led_pattern_name(CYAN_LED_BREATHE), "breathe");
    assert_string_equal(cyan_led_pattern_name((enum cyan_led_pattern)99), "solid");
}

static void the_signal_goes_round_its_seven_colours(void **state)
{
    (void)state;
    for (unsigned step = 0; step < 7; step++) {
        assert_int_equal(cyan_led_signal_colour(step), cyan_led_signal_colour(step + 7));
        for (unsigned other = 0; other < step; other++) {
            assert_true(cyan_led_signal_colour(step) != cyan_led_signal_colour(other));
        }
    }
    assert_int_equal(cyan_led_signal_colour(0), cyan_led_of(CYAN_LED_SIGNAL)->colour);
    assert_int_equal(cyan_led_signal_colour(6), 0xFF0000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_shows_what_stock_firmware_shows),
        cmocka_unit_test(every_state_has_a_name_and_a_meaning_and_a_cause_comes_with_a_remedy),
        cmocka_unit_test(states_outside_the_table_are_off),
        cmocka_unit_test(a_failed_handshake_is_orange_for_6_magenta_for_8_and_red_else),
        cmocka_unit_test(patterns_have_three_words),
        cmocka_unit_test(the_signal_goes_round_its_seven_colours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
