#include "cli/why_log.h"

#include <string.h>
#include <strings.h>

enum { DIGITS_MAX = 6 };

/* How much a line tells of what went wrong; the highest of one attempt is its verdict. */
enum { STEP, CODE, HINT, SIGN, REASON };

/* In the order in which they are looked for: the first one that a line holds counts. Lines are from
 * handshake.cpp, spark_protocol.cpp and system_cloud_internal.cpp of 0.7.0, and from logs of it. */
static const struct known {
    const char *text;
    const char *says;
    int weight;
    bool with_code; /* the number behind it is a code */
    bool ends;      /* an attempt that went well */
    int stands_for; /* the number of a failure that this one is part of; 0: its own */
} known_lines[] = {
    {"Public Server Key was blank, restoring",
     "the server key was erased; firmware from 0.7.0 on uses the vendor's instead, which no other "
     "cloud can answer",
     REASON, false, false, 0},
    {"Public Server Address was blank, restoring",
     "no server address is stored, so the device dials the vendor (device.spark.io)", REASON, false,
     false, 0},
    {"defaulting to device.spark.io",
     "no server address is stored, so the device dials the vendor (device.spark.io)", REASON, false,
     false, 0},
    {"decryption failed with code", "the device could not decrypt the answer with its private key",
     REASON, true, false, 6},
    {"signature validation failed", "the answer is signed by another server key than the device's",
     REASON, true, false, 8},
    {"RSA encrypt error", "RSA refuses the server key in the device", REASON, true, false, 0},
    {"Error extracting public key", "the device's own key cannot be read", REASON, true, false, 0},
    {"mbedtls_pk_verify()", "the server key in the device is not the cloud's (UDP)", REASON, true,
     false, 0},
    {"receive error", "the line ended while the device waited", HINT, true, false, 0},
    {"receive timeout", "nothing came for 20 s", HINT, false, false, 0},
    {"unable to resolve IP", "the server's name was not found: DNS, or no internet", REASON, false,
     false, 0},
    {"Could not receive nonce", "no nonce came from the server", SIGN, true, false, 0},
    {"Unable to receive key", "no answer came to the device's request", SIGN, true, false, 0},
    {"Could not set key", "the answer came, but could not be used", SIGN, true, false, 0},
    {"could not receive HELLO response",
     "the handshake went well, but the cloud's Hello did not come", SIGN, true, false, 0},
    {"Cloud handshake failed, code=", "the handshake failed", CODE, true, false, 0},
    {"handshake failed with code", "the handshake failed", CODE, true, false, 0},
    {"Cloud connection failed, code=", "the connection failed", CODE, true, false, 0},
    {"Event loop error", "a session ended", CODE, true, false, 0},
    {"blocking send error", "a message could not be sent: the line is gone", HINT, true, false, 0},
    {"key/error",
     "after a connection the device tells what it had to replace: 1 the server key, 4 "
     "the address",
     HINT, false, false, 0},
    {"Sending encrypted nonce", "the device sent its request", STEP, false, false, 0},
    {"Cloud connected", "the device was online", STEP, false, true, 0},
    {"Handshake completed", "a handshake went well", STEP, false, true, 0},
    {"Cloud disconnected", "the session was over", STEP, false, true, 0},
    {"Cloud connecting", "the device tried to connect", STEP, false, false, 0},
};

enum { KNOWN = sizeof known_lines / sizeof known_lines[0] };

static const char *find_in(const char *line, size_t len, const char *text)
{
    size_t text_len = strlen(text);
    for (size_t i = 0; i + text_len <= len; i++) {
        if (strncasecmp(line + i, text, text_len) == 0) {
            return line + i;
        }
    }
    return NULL;
}

/* The first number in the text, which ends at end; typographic minus signs count too. */
static bool read_number(const char *at, const char *end, int *out_number)
{
    static const char minus[] = "\xE2\x88\x92";
    int number = 0;
    size_t digits = 0;
    bool negative = false;
    for (; at < end && (*at < '0' || *at > '9'); at++) {
        bool long_minus = end - at > 3 && memcmp(at, minus, 3) == 0;
        negative = *at == '-' || long_minus;
        at += long_minus ? 2 : 0;
    }
    for (; at < end && *at >= '0' && *at <= '9' && digits <= DIGITS_MAX; at++, digits++) {
        number = number * 10 + (*at - '0');
    }
    *out_number = negative ? -number : number;
    return digits > 0 && digits <= DIGITS_MAX;
}

/* Only the last line of a failed attempt carries a number that differs between the two; what the
 * lines before it say is the same in both, but for B's words of its own. */
static char written_by(const struct known *known, bool has_code, int code)
{
    if (strcmp(known->text, "handshake failed with code") == 0) {
        return 'B';
    }
    if (strcmp(known->text, "Cloud handshake failed, code=") != 0 || !has_code) {
        return 0;
    }
    return code < 0 ? 'A' : code == 7 || code == 10 || (code >= 22 && code <= 26) ? 'B' : 0;
}

static bool is_repeat(const struct why_finding *last, const struct why_finding *found)
{
    return last->says == found->says && last->has_code == found->has_code &&
           last->code == found->code;
}

static void add(struct why_log *log, const struct why_finding *found)
{
    struct why_finding *last = log->count > 0 ? &log->findings[log->count - 1] : NULL;
    if (last && log->left_out == 0 && is_repeat(last, found)) {
        last->count++;
        last->last_line = found->line;
    } else if (log->count < WHY_LOG_FINDINGS_MAX) {
        log->findings[log->count++] = *found;
    } else {
        log->left_out++;
    }
}

static void copy_line(const char *line, size_t len, char out_text[static WHY_LOG_TEXT])
{
    while (len > 0 && (line[0] == ' ' || line[0] == '\t')) {
        line++;
        len--;
    }
    len = len < WHY_LOG_TEXT ? len : WHY_LOG_TEXT - 1;
    for (size_t i = 0; i < len; i++) {
        out_text[i] = line[i] ? line[i] : '?';
    }
    out_text[len] = '\0';
}

static void read_line(struct why_log *log, const char *line, size_t len)
{
    for (size_t i = 0; i < KNOWN; i++) {
        const struct known *known = &known_lines[i];
        const char *at = find_in(line, len, known->text);
        if (!at) {
            continue;
        }
        struct why_finding found = {.line = log->lines,
                                    .last_line = log->lines,
                                    .count = 1,
                                    .says = known->says,
                                    .failed = known->weight > STEP};
        copy_line(line, len, found.text);
        found.has_code =
            known->with_code && read_number(at + strlen(known->text), line + len, &found.code);
        char by = written_by(known, found.has_code, found.code);
        log->implementation = by ? by : log->implementation;
        add(log, &found);
        return;
    }
}

void why_log_read(const char *text, size_t len, struct why_log *log)
{
    *log = (struct why_log){0};
    for (size_t from = 0; from < len;) {
        const char *end = memchr(text + from, '\n', len - from);
        size_t line_len = end ? (size_t)(end - text) - from : len - from;
        log->lines++;
        read_line(log, text + from,
                  line_len > 0 && text[from + line_len - 1] == '\r' ? line_len - 1 : line_len);
        from += line_len + 1;
    }
}

static const struct known *known_of(const struct why_finding *finding)
{
    for (size_t i = 0; i < KNOWN; i++) {
        if (known_lines[i].says == finding->says) {
            return &known_lines[i];
        }
    }
    return NULL;
}

/* From the end back to where the last attempt began: its heaviest line, the first of two. An
 * attempt begins behind a success, or behind the number that the one before ended with. */
struct why_verdict why_log_verdict(const struct why_log *log)
{
    struct why_verdict verdict = {0};
    int best = STEP;
    bool inside = false;
    for (size_t i = log->count; i > 0; i--) {
        const struct why_finding *finding = &log->findings[i - 1];
        const struct known *known = known_of(finding);
        if ((known->weight == CODE && inside) || (known->ends && best > STEP)) {
            break;
        }
        inside = inside || known->weight > CODE;
        if (known->weight > STEP && known->weight >= best) {
            best = known->weight;
            verdict.finding = finding;
        }
        if (known->weight > STEP && !verdict.has_code && finding->has_code) {
            verdict.has_code = true;
            verdict.code = known->stands_for ? known->stands_for : finding->code;
        }
    }
    return verdict;
}
