#include "server/cloud/causes.h"

#include <stdio.h>
#include <string.h>

#define RED "rapid cyan, one red flash"
#define ORANGE "rapid cyan, one orange flash (magenta if our signature was rejected)"
#define HELD "breathing cyan, as if all were well"

/* LED: docs/SPEC-wire.md, "LED". Every failed handshake is red but for the codes 6 (the answer
 * cannot be decrypted, orange) and 8 (its signature is another key's, magenta). */
static const struct cause causes[INCIDENT_CAUSES] = {
    [CAUSE_NOT_DECIPHERABLE] =
        {"not-decipherable", STAGE_REQUEST, RED, NULL, "the device's copy of the server's key",
         "% sent a request that the server's key does not open: its copy of the server's key is "
         "damaged or another server's, or it is no device at all. Nothing can repair that from "
         "afar: write the server's key by USB.",
         "cyan keys server"},
    [CAUSE_KEY_MISMATCH] =
        {"device-key-mismatch", STAGE_JUDGEMENT, RED, HELD, "the device's key, or a stranger",
         "% came with a key that is not the trusted one. A device whose key was erased makes a new "
         "one by itself: compare the fingerprint with the device before you approve it.",
         "cyan keys list DEVICE"},
    [CAUSE_KEY_MALFORMED] =
        {"device-key-malformed", STAGE_JUDGEMENT, RED, NULL, "the device's key",
         "% presented a key that cannot be one: its settings are damaged. It needs a new key, or "
         "its old one back, by USB.",
         "cyan keys new"},
    [CAUSE_KEY_REVOKED] =
        {"device-key-revoked", STAGE_JUDGEMENT, RED, NULL, "whoever revoked the key",
         "% came with a key that was revoked. Give the device a new key by USB; unrevoke this one "
         "only if it never left your hands.",
         "cyan keys list DEVICE"},
    [CAUSE_UNKNOWN_DEVICE] =
        {"unknown-device", STAGE_JUDGEMENT, RED, HELD, "nobody: the server does not know it",
         "% has an id that no account has announced. If it is yours, send its public key.",
         "cyan keys send DEVICE KEYFILE"},
    [CAUSE_SILENT] =
        {"silent", STAGE_NONCE, RED, NULL, "the network, or no device",
         "% connected and sent nothing for 20 seconds. A port scan or a health check looks like "
         "that, or a network that loses everything after the connection.",
         "cyan incidents --cause silent"},
    [CAUSE_TRUNCATED] =
        {"truncated", STAGE_REQUEST, RED, NULL, "the network, or the device's power",
         "% hung up in the middle of its request: the connection broke or its power failed. Only "
         "if it happens again and again is it more than that.",
         "cyan incidents --cause truncated"},
    [CAUSE_HUNG_UP] =
        {"hung-up-after-nonce", STAGE_NONCE, RED, NULL, "the device's copy of the server's key",
         "% hung up after the first 40 bytes without sending any. That is what a device does whose "
         "copy of the server's key cannot be used: write the server's key by USB. A port scan "
         "looks the same.",
         "cyan keys server"},
    [CAUSE_DROPPED_OUR_KEY] =
        {"dropped-our-key", STAGE_ANSWER, ORANGE, NULL, "the device's private key",
         "% could not use our answer. Orange: its private key is damaged or not the one whose "
         "public half it was answered with. Magenta: its copy of the server's key is not this "
         "server's. Both need the device by USB; then send its new public key.",
         "cyan keys new"},
    [CAUSE_BAD_FRAME] =
        {"bad-frame", STAGE_SESSION, "rapid cyan, then breathing cyan again", NULL,
         "the network, or somebody in it",
         "% sent bytes that do not decipher to a message, and was closed. A stock device comes "
         "back by itself at once; when it goes on, somebody changes bytes on the way.",
         "cyan incidents DEVICE"},
    [CAUSE_TIMEOUT] =
        {"timeout", STAGE_HELLO, RED, NULL, "the network, or the device's power",
         "% did not go on within 20 seconds. The network lost the rest, or its power failed.",
         "cyan incidents DEVICE"},
    [CAUSE_FLOOD] =
        {"flood", STAGE_NONCE, RED, NULL, "whoever opens so many connections",
         "% made more connections than this server takes at a time. Devices come back by "
         "themselves, more slowly each time.",
         "cyan incidents --cause flood"},
    [CAUSE_CONTESTED] =
        {"contested", STAGE_HELLO, HELD, HELD, "at least one stranger, or one device twice",
         "Several keys wait for one device. % holds one of them, and at most one is the device's. "
         "Approve by the fingerprint that you read from the device, or let it blink.",
         "cyan keys list DEVICE"},
    [CAUSE_CLONE] =
        {"clone", STAGE_SESSION, HELD, HELD, "one of two devices with one id",
         "% came with a key that was replaced before, or while the device with the trusted key was "
         "online and answered. Two devices may use one id: find out which is yours, and deny the "
         "key of the other; one that was trusted before you revoke.",
         "cyan keys list DEVICE"},
};

static const char *const stages[INCIDENT_STAGES] = {
    [STAGE_USUAL] = "",          [STAGE_NONCE] = "nonce",
    [STAGE_REQUEST] = "request", [STAGE_JUDGEMENT] = "judgement",
    [STAGE_ANSWER] = "answer",   [STAGE_HELLO] = "hello",
    [STAGE_SESSION] = "session",
};

const struct cause *cause_of(enum incident_cause cause)
{
    return &causes[cause];
}

const char *stage_name(enum incident_stage stage)
{
    return stages[stage];
}

enum incident_cause cause_find(const char *name)
{
    size_t i = 0;
    while (i < INCIDENT_CAUSES && strcmp(causes[i].name, name) != 0) {
        i++;
    }
    return (enum incident_cause)i;
}

enum incident_stage stage_find(const char *name)
{
    for (size_t i = STAGE_NONCE; i < INCIDENT_STAGES; i++) {
        if (strcmp(stages[i], name) == 0) {
            return (enum incident_stage)i;
        }
    }
    return STAGE_USUAL;
}

const char *cause_led(enum incident_cause cause, bool proven)
{
    const struct cause *c = &causes[cause];
    return proven && c->led_held ? c->led_held : c->led;
}

static void name_subject(const struct cause_subject *subject, char out[static CAUSE_TEXT_MAX])
{
    bool has_address = subject->address && subject->address[0] != '\0';
    if (subject->device) {
        (void)snprintf(out, CAUSE_TEXT_MAX, "%s %.64s",
                       subject->proven ? "The device" : "Somebody who says it is", subject->device);
    } else if (has_address) {
        (void)snprintf(out, CAUSE_TEXT_MAX, "Somebody at %.45s", subject->address);
    } else {
        (void)snprintf(out, CAUSE_TEXT_MAX, "Somebody");
    }
}

/* The template with its mark replaced once. */
static void fill_in(const char *template, const char *mark, const char *text,
                    char out[static CAUSE_TEXT_MAX])
{
    const char *at = strstr(template, mark);
    if (at) {
        (void)snprintf(out, CAUSE_TEXT_MAX, "%.*s%s%s", (int)(at - template), template, text,
                       at + strlen(mark));
    } else {
        (void)snprintf(out, CAUSE_TEXT_MAX, "%s", template);
    }
}

void cause_advice(enum incident_cause cause, const struct cause_subject *subject,
                  char out[static CAUSE_TEXT_MAX])
{
    char who[CAUSE_TEXT_MAX];
    name_subject(subject, who);
    fill_in(causes[cause].advice, "%", who, out);
}

void cause_command(enum incident_cause cause, const struct cause_subject *subject,
                   char out[static CAUSE_TEXT_MAX])
{
    fill_in(causes[cause].command, "DEVICE", subject->device ? subject->device : "DEVICE", out);
}
