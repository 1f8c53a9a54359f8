/* led.h - what the status LED of a device shows and what it means; the one table for devices,
 * the virtual Photon, the command line and the console (docs/SPEC-wire.md, "LED"). */
#ifndef CYAN_WIRE_LED_H
#define CYAN_WIRE_LED_H

#include <stdint.h>

enum cyan_led_pattern { CYAN_LED_SOLID, CYAN_LED_BLINK, CYAN_LED_BREATHE };

/*   state            colour    pattern  period ms  meaning / likely cause / remedy */
#define CYAN_LED_STATES(X)                                                                         \
    X(OFF, 0x000000, SOLID, 0, "off", "", "")                                                      \
    X(WIFI_OFF, 0xFFFFFF, BREATHE, 4000, "Wi-Fi is off", "", "")                                   \
    X(WIFI_CONNECTING, 0x00FF00, BLINK, 200, "connecting to Wi-Fi", "", "")                        \
    X(WIFI_DHCP, 0x00FF00, BLINK, 100, "asking for an address", "", "")                            \
    X(WIFI_CONNECTED, 0x00FF00, BREATHE, 4000, "Wi-Fi connected, no cloud", "", "")                \
    X(CLOUD_CONNECTING, 0x00FFFF, BLINK, 200, "connecting to the cloud", "", "")                   \
    X(CLOUD_HANDSHAKE, 0x00FFFF, BLINK, 100, "handshake with the cloud", "", "")                   \
    X(CLOUD_CONNECTED, 0x00FFFF, BREATHE, 4000, "connected to the cloud", "", "")                  \
    X(SAFE_MODE, 0xFF00FF, BREATHE, 4000, "safe mode, connected",                                  \
      "the application is missing a system module or was stopped on purpose",                      \
      "flash the application again")                                                               \
    X(LISTENING, 0x0000FF, BLINK, 500, "listening for Wi-Fi credentials", "", "")                  \
    X(DFU, 0xFFFF00, BLINK, 200, "DFU mode", "", "")                                               \
    X(KEY_GENERATION, 0xFFFFFF, BLINK, 200, "making a new device key",                             \
      "the stored key began with FF: it was erased",                                               \
      "send the new public key to the cloud: cyan keys send")                                      \
    X(HANDSHAKE_FAILED, 0xFF0000, SOLID, 250, "handshake failed",                                  \
      "the cloud hung up: it does not know this device's key, or this device's copy of the "       \
      "cloud's key is wrong",                                                                      \
      "cyan keys server, then cyan keys send")                                                     \
    X(DECRYPTION_FAILED, 0xFF6000, SOLID, 250, "the cloud's answer cannot be decrypted",           \
      "the device's private key is damaged, or the cloud used another key of this device",         \
      "cyan keys send, or cyan keys new when the key is damaged")                                  \
    X(SIGNATURE_FAILED, 0xFF00FF, SOLID, 250, "the cloud's signature does not match",              \
      "the cloud answers with another key than the one this device holds", "cyan keys server")     \
    X(NO_INTERNET, 0xFF6000, BLINK, 500, "no cloud and no internet: 2 blinks",                     \
      "the network does not reach the internet", "check the access point")                         \
    X(NO_CLOUD, 0xFF6000, BLINK, 500, "no cloud, but internet: 3 blinks",                          \
      "the cloud's host or port is wrong, or the cloud is down",                                   \
      "start the cloud, or check cyan keys address")                                               \
    X(SIGNAL, 0xEE82EE, BLINK, 700, "signalling: the cloud asks to be noticed", "", "")

enum cyan_led_state {
#define X(state, colour, pattern, period, meaning, cause, remedy) CYAN_LED_##state,
    CYAN_LED_STATES(X)
#undef X
        CYAN_LED_COUNT
};

struct cyan_led {
    const char *name; /* "CLOUD_CONNECTED" */
    uint32_t colour;  /* 0xRRGGBB */
    enum cyan_led_pattern pattern;
    uint16_t period_ms; /* a whole cycle; of SOLID how long it is shown, 0 for ever */
    const char *meaning;
    const char *cause;  /* the likely one; "" when nothing is wrong */
    const char *remedy; /* what to do or type next; "" when nothing is wrong */
};

/* The row of a state; states outside the table give OFF. Static. */
const struct cyan_led *cyan_led_of(enum cyan_led_state state);

/* "solid", "blink" or "breathe". Static. */
const char *cyan_led_pattern_name(enum cyan_led_pattern pattern);

/* The flash of a failed handshake, from the code that a device logs: 6 orange, 8 magenta, any
 * other red. */
enum cyan_led_state cyan_led_of_handshake_code(int code);

/* The seven colours of the signal, 100 ms each, from 0 to 6. */
uint32_t cyan_led_signal_colour(unsigned step);

#endif
