#include "device/profile.h"

#include "wire/hello.h"

enum { DECRYPTION_ERROR = 6, AUTHENTICATION_ERROR = 8 };

/* A logs what the failing call gave: its own time-out, or the socket's negative result. */
static int code_a(enum cyan_step step, int err)
{
    enum { FAILED = -1, CONNECTION_RESET = -18, CONNECTION_CLOSED = -19, RSA_PUBLIC = -17028 };
    switch (step) {
    case CYAN_STEP_CONNECT:
        return 0;
    case CYAN_STEP_REQUEST:
        return err == CYAN_E_KEY_UNUSABLE ? RSA_PUBLIC : FAILED;
    case CYAN_STEP_NONCE:
    case CYAN_STEP_ANSWER:
        switch (err) {
        case CYAN_E_CLOSED:
            return CONNECTION_CLOSED;
        case CYAN_E_RESET:
            return CONNECTION_RESET;
        case CYAN_E_NOT_DECIPHERABLE:
        case CYAN_E_KEY_DAMAGED:
            return DECRYPTION_ERROR;
        case CYAN_E_SIGNATURE:
            return AUTHENTICATION_ERROR;
        default:
            return FAILED;
        }
    default:
        return FAILED;
    }
}

static int code_b(enum cyan_step step, int err)
{
    enum {
        PING_TIMEOUT = 1,
        INSUFFICIENT_STORAGE = 4,
        MALFORMED_MESSAGE = 5,
        ENCRYPTION_ERROR = 7,
        MESSAGE_TIMEOUT = 10,
        BLOCKING_SEND = 22,
        RECEIVE = 24,
        HANDSHAKE_NONCE = 25,
        HANDSHAKE_RECV_KEY = 26,
    };
    switch (step) {
    case CYAN_STEP_CONNECT:
        return 0;
    case CYAN_STEP_NONCE:
        return HANDSHAKE_NONCE;
    case CYAN_STEP_REQUEST:
        return ENCRYPTION_ERROR;
    case CYAN_STEP_ANSWER:
        if (err == CYAN_E_NOT_DECIPHERABLE || err == CYAN_E_KEY_DAMAGED) {
            return DECRYPTION_ERROR;
        }
        return err == CYAN_E_SIGNATURE ? AUTHENTICATION_ERROR : HANDSHAKE_RECV_KEY;
    case CYAN_STEP_SEND:
        return BLOCKING_SEND;
    case CYAN_STEP_HELLO:
    case CYAN_STEP_SESSION:
        break;
    }
    switch (err) {
    case CYAN_E_TIMEOUT:
        return step == CYAN_STEP_HELLO ? MESSAGE_TIMEOUT : PING_TIMEOUT;
    case CYAN_E_TOO_LONG:
        return INSUFFICIENT_STORAGE;
    case CYAN_E_MALFORMED:
    case CYAN_E_PADDING:
        return MALFORMED_MESSAGE;
    default:
        return RECEIVE;
    }
}

/* The old system takes its events from anybody; servers give it only what concerns it. */
static const struct cyan_subscribe system_a[] = {
    {.filter = "spark", .scope = CYAN_SUBSCRIBE_ALL},
};
static const struct cyan_subscribe system_b[] = {
    {.filter = "spark", .scope = CYAN_SUBSCRIBE_MINE},
    {.filter = "particle", .scope = CYAN_SUBSCRIBE_MINE},
};

const struct cyan_client_profile cyan_profile_a = {
    .name = "a",
    .hello_wait_ms = 2000,
    .hello_flags = 0,
    .frame_max = CYAN_PROFILE_FRAME_MAX,
    .message_max = CYAN_PROFILE_MESSAGE_MAX,
    .name_max = 12,
    .argument_max = 63,
    .event_name_max = 63,
    .event_data_max = 255,
    .hangs_up_on_unknown = true,
    .misreads_event_token = true,
    .seeds_from_salt = true,
    .subscriptions = system_a,
    .subscription_count = sizeof system_a / sizeof system_a[0],
    .code = code_a,
};

const struct cyan_client_profile cyan_profile_b = {
    .name = "b",
    .hello_wait_ms = 4000,
    .hello_flags = CYAN_HELLO_DIAGNOSTICS | CYAN_HELLO_GOODBYE,
    .frame_max = 782,
    .message_max = CYAN_PROFILE_MESSAGE_MAX,
    .name_max = CYAN_NAME_MAX,
    .argument_max = CYAN_FUNCTION_ARG_MAX,
    .event_name_max = CYAN_EVENT_NAME_MAX,
    .event_data_max = CYAN_EVENT_DATA_TO_DEVICE_MAX,
    .answers_own_id = true,
    .acks_hello = true,
    .says_goodbye = true,
    .subscriptions = system_b,
    .subscription_count = sizeof system_b / sizeof system_b[0],
    .code = code_b,
};

const char *cyan_step_text(enum cyan_step step)
{
    switch (step) {
    case CYAN_STEP_CONNECT:
        return "no connection to the cloud";
    case CYAN_STEP_NONCE:
        return "no nonce from the cloud";
    case CYAN_STEP_REQUEST:
        return "the request cannot be enciphered for the cloud";
    case CYAN_STEP_ANSWER:
        return "no good answer from the cloud";
    case CYAN_STEP_HELLO:
        return "no Hello from the cloud";
    case CYAN_STEP_SEND:
        return "a message could not be sent";
    case CYAN_STEP_SESSION:
        return "the session ended";
    }
    return "";
}
