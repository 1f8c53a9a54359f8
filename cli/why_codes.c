#include "cli/why_codes.h"

/* Between two tries the LED blinks cyan; what tells failures apart is the flash of 250 ms. */
#define RED "fast cyan, then one red flash"
#define ORANGE "fast cyan, then one orange flash"
#define MAGENTA "fast cyan, then one magenta flash"
#define BLINK "blinks cyan while it connects again"
#define NONE "nothing of its own"

/* Whose fault it is. */
#define NOBODY "nobody's"
#define NETWORK "the network's"
#define CLOUD "the cloud's, or the network's"
#define DEVICE "the device's"
#define DEVICE_KEY "the device's key, or the cloud's record of it"
#define SERVER_KEY "the server key in the device"
#define EITHER_KEY "the server key in the device, or the device's key"
#define APP "the application's"

#define WHY "cyan why DEVICE"
#define KEYS "cyan keys list DEVICE"
#define INCIDENTS "cyan incidents"
#define LIST "cyan list"
#define SERVER "cyan keys server --out BLOB --host HOST"

const struct why_code why_codes[] = {
    /* A. Negative numbers are the negated wiced_result_t of the Photon's HAL (wiced_result.h, the
     * same from 0.4.4 to 0.7.0), or mbed TLS' own; 6 and 8 are of protocol_defs.h. Which step gives
     * which: communication/src/handshake.cpp and spark_protocol.cpp of 0.7.0. */
    {-1, 'A', "WICED 1, or the firmware's own time limit", RED,
     "nothing came for 20 s (2 s for the Hello), or the socket was dead already", CLOUD, INCIDENTS},
    {-2, 'A', "WICED_TIMEOUT", RED, "the line gave nothing in time", NETWORK, LIST},
    {-4, 'A', "WICED_ERROR", RED, "the Wi-Fi module reported an error", NETWORK, LIST},
    {-8, 'A', "WICED_OUT_OF_HEAP_SPACE", RED, "the device has no memory left", APP, WHY},
    {-9, 'A', "interface down", RED, "the Wi-Fi went away", NETWORK, LIST},
    {-10, 'A', "WICED_UNFINISHED", RED, "the Wi-Fi module had not finished; rarely seen", NETWORK,
     LIST},
    {-11, 'A', "connection lost", RED, "the line broke", NETWORK, LIST},
    {-12, 'A', "not found", RED, "the name or the address was not found", NETWORK, LIST},
    {-16, 'A', "would block", RED, "the socket was not ready", NETWORK, LIST},
    {-17, 'A', "aborted", RED, "the connection was given up on the device", DEVICE, WHY},
    {-18, 'A', "connection reset by peer", RED,
     "the other side broke the connection off: a proxy, a firewall, or a cloud that stopped", CLOUD,
     INCIDENTS},
    {-19, 'A', "connection closed by peer", RED,
     "the cloud hung up: it could not decrypt what the device sent (a damaged or foreign server "
     "key in the device), or it does not trust the device's key, or does not know the device",
     EITHER_KEY, WHY},
    {-20, 'A', "not connected", RED, "the socket was not connected any more", NETWORK, LIST},
    {-22, 'A', "interface error", RED, "the Wi-Fi interface reported an error", NETWORK, LIST},
    {-25, 'A', "socket create fail", RED, "the device could make no socket", DEVICE, WHY},
    {-26, 'A', "invalid socket", RED, "the socket was closed already", DEVICE, WHY},
    {-28, 'A', "stack error", RED, "the device's network stack failed", DEVICE, WHY},
    {-17028, 'A', "mbed TLS -0x4284, RSA public operation on bad input", RED,
     "the server key in the device is so damaged that RSA refuses it (even, zero or too small); "
     "the device sends nothing",
     SERVER_KEY, SERVER},
    {6, 'A', "DECRYPTION_ERROR", ORANGE,
     "the device cannot decrypt the answer: its private key is damaged, or is not the one whose "
     "public half the cloud knows",
     DEVICE_KEY, KEYS},
    {8, 'A', "AUTHENTICATION_ERROR", MAGENTA,
     "the answer is signed by another server key than the one in the device", SERVER_KEY, SERVER},

    /* B. protocol_defs.h, by the compiler's count: the comments beside 22 to 26 there are one too
     * low. What makes each was measured with 0.7.0 built for a computer. */
    {0, 'B', "NO_ERROR", NONE, "all is well", NOBODY, LIST},
    {1, 'B', "PING_TIMEOUT", BLINK, "a ping was not answered", NETWORK, LIST},
    {2, 'B', "IO_ERROR", BLINK, "the line failed", NETWORK, LIST},
    {3, 'B', "INVALID_STATE", BLINK, "the firmware was in a state it did not expect", DEVICE, WHY},
    {4, 'B', "INSUFFICIENT_STORAGE", BLINK, "a message was larger than the device's buffer", CLOUD,
     WHY},
    {5, 'B', "MALFORMED_MESSAGE", BLINK, "a message could not be read", CLOUD, WHY},
    {6, 'B', "DECRYPTION_ERROR", ORANGE,
     "the device cannot decrypt the answer: its private key is damaged, or is not the one whose "
     "public half the cloud knows",
     DEVICE_KEY, KEYS},
    {7, 'B', "ENCRYPTION_ERROR", RED,
     "the server key in the device is so damaged that RSA refuses it; the device sends nothing",
     SERVER_KEY, SERVER},
    {8, 'B', "AUTHENTICATION_ERROR", MAGENTA,
     "the answer is signed by another server key than the one in the device", SERVER_KEY, SERVER},
    {9, 'B', "BANDWIDTH_EXCEEDED", NONE, "the application publishes too fast", APP, WHY},
    {10, 'B', "MESSAGE_TIMEOUT", RED,
     "the handshake went well, but the cloud's Hello did not come within 4 s", CLOUD, INCIDENTS},
    {11, 'B', "MISSING_MESSAGE_ID", BLINK, "a message came without an id", CLOUD, WHY},
    {12, 'B', "MESSAGE_RESET", BLINK, "the other side refused a message", CLOUD, WHY},
    {13, 'B', "SESSION_RESUMED", NONE, "no error: an old session goes on (UDP)", NOBODY, LIST},
    {14, 'B', "IO_ERROR_FORWARD_MESSAGE_CHANNEL", BLINK, "a message could not be passed on", DEVICE,
     WHY},
    {15, 'B', "IO_ERROR_SET_DATA_MAX_EXCEEDED", BLINK, "too much data for one message", APP, WHY},
    {16, 'B', "IO_ERROR_PARSING_SERVER_PUBLIC_KEY", RED,
     "UDP: the server key in the device is no point on the curve; it sends nothing", SERVER_KEY,
     SERVER},
    {17, 'B', "IO_ERROR_GENERIC_ESTABLISH", RED,
     "UDP: no answer for 9 s, or the server key in the device is another one", SERVER_KEY, SERVER},
    {18, 'B', "IO_ERROR_GENERIC_RECEIVE", BLINK, "receiving failed", NETWORK, LIST},
    {19, 'B', "IO_ERROR_GENERIC_SEND", BLINK, "sending failed", NETWORK, LIST},
    {20, 'B', "IO_ERROR_GENERIC_MBEDTLS_SSL_WRITE", BLINK, "UDP: sending failed", NETWORK, LIST},
    {21, 'B', "IO_ERROR_DISCARD_SESSION", BLINK, "UDP: the old session was given up", NETWORK,
     LIST},
    {22, 'B', "IO_ERROR_LIGHTSSL_BLOCKING_SEND", BLINK,
     "a session ended: a message could not be sent, so the line is gone", NETWORK, LIST},
    {23, 'B', "IO_ERROR_LIGHTSSL_BLOCKING_RECEIVE", BLINK,
     "a session ended in the middle of a message", NETWORK, LIST},
    {24, 'B', "IO_ERROR_LIGHTSSL_RECEIVE", BLINK,
     "a session ended: the cloud, or something on the way, closed it", CLOUD, INCIDENTS},
    {25, 'B', "IO_ERROR_LIGHTSSL_HANDSHAKE_NONCE", RED,
     "no nonce came: nobody listens at this address, or the cloud is silent or closes at once",
     CLOUD, INCIDENTS},
    {26, 'B', "IO_ERROR_LIGHTSSL_HANDSHAKE_RECV_KEY", RED,
     "the cloud hung up or was silent after the device's request: it could not decrypt it (a "
     "damaged or foreign server key in the device), or does not trust the device's key, or does "
     "not know the device",
     EITHER_KEY, WHY},
    {27, 'B', "NOT_IMPLEMENTED", NONE, "the firmware does not know this request", CLOUD, WHY},
    {28, 'B', "MISSING_REQUEST_TOKEN", NONE, "a request came without a token", CLOUD, WHY},
    {29, 'B', "NOT_FOUND", NONE, "what was asked for is not there", NOBODY, WHY},
    {30, 'B', "NO_MEMORY", BLINK, "the device has no memory left", APP, WHY},
    {31, 'B', "INTERNAL", BLINK, "the firmware failed inside", DEVICE, WHY},
    {32, 'B', "OTA_UPDATE_ERROR", NONE, "an update over the air failed", DEVICE, WHY},
    {33, 'B', "IO_ERROR_SOCKET_SEND_FAILED", BLINK, "sending failed", NETWORK, LIST},
    {34, 'B', "IO_ERROR_SOCKET_RECV_FAILED", BLINK, "receiving failed", NETWORK, LIST},
    {35, 'B', "IO_ERROR_REMOTE_END_CLOSED", BLINK, "the cloud closed the session", CLOUD,
     INCIDENTS},
    /* What mbed TLS says inside, in the lines before; measured likewise. */
    {-16640, 'B', "mbed TLS -0x4100, RSA invalid padding", ORANGE,
     "what the device decrypted makes no sense: another key was used than the one it has "
     "(beside \"signature\" it is the server key instead, and the flash is magenta)",
     DEVICE_KEY, KEYS},
    {-17156, 'B', "mbed TLS -0x4304, RSA private operation on bad input", ORANGE,
     "the device's private key is damaged", DEVICE_KEY, KEYS},
    {-17028, 'B', "mbed TLS -0x4284, RSA public operation on bad input", RED,
     "the server key in the device is so damaged that RSA refuses it; the device sends nothing",
     SERVER_KEY, SERVER},
    {-19968, 'B', "mbed TLS -0x4E00, verification failed", RED,
     "UDP: the server key in the device is another one than the cloud's", SERVER_KEY, SERVER},
    /* What the protocol's numbers become for an application (system_error.h). */
    {-130, 'B', "SYSTEM_ERROR_NOT_ALLOWED", MAGENTA,
     "number 8 of the protocol: a signature by another server key", SERVER_KEY, SERVER},
    {-160, 'B', "SYSTEM_ERROR_TIMEOUT", RED, "number 1 or 10 of the protocol: no answer in time",
     CLOUD, INCIDENTS},
    {-190, 'B', "SYSTEM_ERROR_TOO_LARGE", NONE, "number 4 of the protocol: a message too large",
     CLOUD, WHY},
    {-200, 'B', "SYSTEM_ERROR_LIMIT_EXCEEDED", NONE,
     "number 9 of the protocol: the application publishes too fast", APP, WHY},
    {-210, 'B', "SYSTEM_ERROR_INVALID_STATE", BLINK,
     "number 3 of the protocol: a state that the firmware did not expect", DEVICE, WHY},
    {-220, 'B', "SYSTEM_ERROR_IO", RED,
     "one of the numbers 2 and 14 to 26 of the protocol; the line before in the log says which",
     CLOUD, WHY},
    {-240, 'B', "SYSTEM_ERROR_PROTOCOL", ORANGE,
     "another number of the protocol, 6 or 7 among them; the line before says which", EITHER_KEY,
     WHY},
};

const size_t why_codes_count = sizeof why_codes / sizeof why_codes[0];

const struct why_code *why_codes_find(int code, char implementation)
{
    for (size_t i = 0; i < why_codes_count; i++) {
        if (why_codes[i].code == code && why_codes[i].implementation == implementation) {
            return &why_codes[i];
        }
    }
    return NULL;
}

const char *why_codes_whose(char implementation)
{
    return implementation == 'A' ? "Photon and P1 up to 0.7.0" : "0.8.0-rc.1 to 3.3.1";
}

const char *why_codes_twin(int code, char implementation)
{
    static const struct {
        int code;
        char implementation;
        const char *twin;
    } twins[] = {
        {-1, 'A', "25, 26 or 10"}, {-18, 'A', "25 or 26"}, {-19, 'A', "25 or 26"},
        {7, 'B', "-17028"},        {10, 'B', "-1"},        {25, 'B', "-1, -18 or -19"},
        {26, 'B', "-19 or -1"},
    };
    for (size_t i = 0; i < sizeof twins / sizeof twins[0]; i++) {
        if (twins[i].code == code && twins[i].implementation == implementation) {
            return twins[i].twin;
        }
    }
    return NULL;
}
