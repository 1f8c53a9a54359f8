/* led_status.h - which row of wire/led.h a device shows now.
 *
 * Three layers, the upper hides the lower: the signal that the cloud asks for, an error that is
 * shown for its time, and what the device is doing. */
#ifndef CYAN_DEVICE_LED_STATUS_H
#define CYAN_DEVICE_LED_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/led.h"

struct cyan_led_status {
    enum cyan_led_state activity;
    enum cyan_led_state error;
    bool has_error;
    bool signal;
    uint32_t error_since_ms;
};

void cyan_led_status_init(struct cyan_led_status *s, enum cyan_led_state activity);
void cyan_led_status_set(struct cyan_led_status *s, enum cyan_led_state activity);
void cyan_led_status_signal(struct cyan_led_status *s, bool on);

/* Shows an error for cyan_led_error_ms. One that is being shown is not begun anew: its blinks
 * stay countable when failures follow one another faster. */
void cyan_led_status_error(struct cyan_led_status *s, enum cyan_led_state error, uint32_t now_ms);

enum cyan_led_state cyan_led_status_now(struct cyan_led_status *s, uint32_t now_ms);

/* Milliseconds until the answer of cyan_led_status_now changes by itself; UINT32_MAX: never. */
uint32_t cyan_led_status_wait_ms(const struct cyan_led_status *s, uint32_t now_ms);

/* How long an error is shown: 250 ms for the flash of a failed handshake, two or three whole
 * blinks for a failed connection. */
uint32_t cyan_led_error_ms(enum cyan_led_state error);

#endif
