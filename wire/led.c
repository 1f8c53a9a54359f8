#include "wire/led.h"

static const struct cyan_led table[CYAN_LED_COUNT] = {
#define X(state, colour, pattern, period, meaning, cause, remedy)                                  \
    [CYAN_LED_##state] = {#state, colour, CYAN_LED_##pattern, period, meaning, cause, remedy},
    CYAN_LED_STATES(X)
#undef X
};

const struct cyan_led *cyan_led_of(enum cyan_led_state state)
{
    return &table[(unsigned)state < CYAN_LED_COUNT ? state : CYAN_LED_OFF];
}

const char *cyan_led_pattern_name(enum cyan_led_pattern pattern)
{
    switch (pattern) {
    case CYAN_LED_BLINK:
        return "blink";
    case CYAN_LED_BREATHE:
        return "breathe";
    default:
        return "solid";
    }
}

enum cyan_led_state cyan_led_of_handshake_code(int code)
{
    enum { DECRYPTION_ERROR = 6, AUTHENTICATION_ERROR = 8 };
    switch (code) {
    case DECRYPTION_ERROR:
        return CYAN_LED_DECRYPTION_FAILED;
    case AUTHENTICATION_ERROR:
        return CYAN_LED_SIGNATURE_FAILED;
    default:
        return CYAN_LED_HANDSHAKE_FAILED;
    }
}

uint32_t cyan_led_signal_colour(unsigned step)
{
    static const uint32_t colours[] = {0xEE82EE, 0x4B0082, 0x0000FF, 0x00FF00,
                                       0xFFFF00, 0xFFA500, 0xFF0000};
    return colours[step % (sizeof colours / sizeof colours[0])];
}
