#include "device/led_status.h"

void cyan_led_status_init(struct cyan_led_status *s, enum cyan_led_state activity)
{
    *s = (struct cyan_led_status){.activity = activity};
}

void cyan_led_status_set(struct cyan_led_status *s, enum cyan_led_state activity)
{
    s->activity = activity;
}

void cyan_led_status_signal(struct cyan_led_status *s, bool on)
{
    s->signal = on;
}

uint32_t cyan_led_error_ms(enum cyan_led_state error)
{
    uint32_t period_ms = cyan_led_of(error)->period_ms;
    switch (error) {
    case CYAN_LED_NO_INTERNET:
        return 2 * period_ms;
    case CYAN_LED_NO_CLOUD:
        return 3 * period_ms;
    default:
        return period_ms;
    }
}

static void expire(struct cyan_led_status *s, uint32_t now_ms)
{
    if (s->has_error && now_ms - s->error_since_ms >= cyan_led_error_ms(s->error)) {
        s->has_error = false;
    }
}

void cyan_led_status_error(struct cyan_led_status *s, enum cyan_led_state error, uint32_t now_ms)
{
    expire(s, now_ms);
    if (s->has_error && s->error == error) {
        return;
    }
    s->error = error;
    s->has_error = true;
    s->error_since_ms = now_ms;
}

enum cyan_led_state cyan_led_status_now(struct cyan_led_status *s, uint32_t now_ms)
{
    expire(s, now_ms);
    if (s->signal) {
        return CYAN_LED_SIGNAL;
    }
    return s->has_error ? s->error : s->activity;
}

uint32_t cyan_led_status_wait_ms(const struct cyan_led_status *s, uint32_t now_ms)
{
    if (!s->has_error) {
        return UINT32_MAX;
    }
    uint32_t shown_ms = now_ms - s->error_since_ms;
    uint32_t whole_ms = cyan_led_error_ms(s->error);
    return shown_ms < whole_ms ? whole_ms - shown_ms : 0;
}
