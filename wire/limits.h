/* limits.h - sizes that both ends of the wire agree on (docs/SPEC-wire.md). */
#ifndef CYAN_WIRE_LIMITS_H
#define CYAN_WIRE_LIMITS_H

enum {
    CYAN_ID_LEN = 12,  /* a device id in bytes; 24 hexadecimal digits in text */
    CYAN_ID_TEXT = 25, /* its text with the NUL */
    CYAN_DEVICE_PORT = 5683,

    /* One frame carries one message. A device of implementation A (Photon up to 0.7.0) drops a
     * frame longer than its 800-byte buffer and needs its tail for the answer; later ones take
     * 782 bytes or more. So this is the most that we send to any device, and a multiple of 16. */
    CYAN_FRAME_MAX_TO_DEVICE = 768,
    /* The most that a device sends: 942 bytes of message in 3.x, padded, with room to spare. */
    CYAN_FRAME_MAX_FROM_DEVICE = 1024,
    CYAN_FRAME_HEADER = 2,

    CYAN_EVENT_NAME_MAX = 64,  /* characters; older firmware sends 63 */
    CYAN_EVENT_DATA_MAX = 864, /* bytes from a device; 255 from older firmware, 622 from 0.8 on */
    CYAN_EVENT_DATA_TO_DEVICE_MAX = 622,
    CYAN_EVENT_TTL_DEFAULT = 60, /* seconds; not sent when it has this value */
    CYAN_EVENT_TTL_MAX = 0xFFFFFF,

    CYAN_NAME_MAX = 64,          /* of a function or variable; 12 in older firmware */
    CYAN_FUNCTION_ARG_MAX = 622, /* 63 in older firmware */
};

#endif
