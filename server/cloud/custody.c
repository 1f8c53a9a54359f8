#include "server/cloud/custody.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/secret.h"
#include "server/cloud/cloud.h"
#include "server/net/log.h"

enum custody_reason custody_decide(const struct cyan_claim *claim, const struct device_key *known)
{
    if (claim->has_key && cyan_device_spki_check(claim->spki, sizeof claim->spki) < 0) {
        return CUSTODY_MALFORMED_KEY;
    }
    if (!known) {
        return CUSTODY_UNKNOWN_DEVICE;
    }
    if (!known->has_key) {
        return CUSTODY_NO_TRUSTED_KEY;
    }
    if (!claim->has_key) {
        return CUSTODY_NO_KEY_SENT;
    }
    return cyan_ct_equal(claim->spki, known->spki, sizeof claim->spki) ? CUSTODY_TRUSTED
                                                                       : CUSTODY_OTHER_KEY;
}

enum session_verdict custody_verdict(enum custody_reason reason)
{
    return reason == CUSTODY_TRUSTED || reason == CUSTODY_NO_KEY_SENT ? SESSION_FULL
                                                                      : SESSION_REFUSE;
}

const char *custody_reason_name(enum custody_reason reason)
{
    static const char *const names[] = {
        [CUSTODY_TRUSTED] = "trusted",
        [CUSTODY_NO_KEY_SENT] = "no-key-sent",
        [CUSTODY_UNKNOWN_DEVICE] = "unknown-device",
        [CUSTODY_NO_TRUSTED_KEY] = "no-trusted-key",
        [CUSTODY_OTHER_KEY] = "device-key-mismatch",
        [CUSTODY_MALFORMED_KEY] = "device-key-malformed",
    };
    return names[reason];
}

/* A judgement that waits for the registry. */
struct judgement {
    custody_judged_fn *done;
    void *arg;
    struct cyan_claim claim;
    char address[ADDRESS_TEXT_MAX + 1];
};

static void log_refusal(const struct judgement *judgement, const char *cause)
{
    char id[CYAN_ID_TEXT];
    cyan_hex_encode(judgement->claim.id, CYAN_ID_LEN, id);
    log_write(LOG_WARN, "device refused", "claimed_device", id, "cause", cause, "address",
              judgement->address, NULL);
}

static void on_key(void *arg, int status, const struct device_key *key)
{
    struct judgement *judgement = arg;
    if (status < 0 && status != CYAN_E_NOT_FOUND) {
        log_refusal(judgement, "store-failed");
        judgement->done(judgement->arg, SESSION_REFUSE, NULL, NULL);
        free(judgement);
        return;
    }
    enum custody_reason reason = custody_decide(&judgement->claim, status == 0 ? key : NULL);
    if (custody_verdict(reason) == SESSION_FULL) {
        judgement->done(judgement->arg, SESSION_FULL, key->spki + CYAN_DEVICE_SPKI_MODULUS,
                        key->fingerprint);
    } else {
        log_refusal(judgement, custody_reason_name(reason));
        judgement->done(judgement->arg, SESSION_REFUSE, NULL, NULL);
    }
    free(judgement);
}

void custody_judge(struct cloud *cloud, const struct cyan_claim *claim, const char *address,
                   custody_judged_fn *done, void *arg)
{
    struct judgement *judgement = calloc(1, sizeof *judgement);
    if (!judgement) {
        done(arg, SESSION_REFUSE, NULL, NULL);
        return;
    }
    judgement->done = done;
    judgement->arg = arg;
    judgement->claim = *claim;
    memcpy(judgement->address, address, strnlen(address, ADDRESS_TEXT_MAX));
    registry_key(cloud->registry, claim->id, on_key, judgement);
}

/* A proof that waits for the commit. */
struct proof {
    custody_admitted_fn *done;
    void *arg;
    uint8_t id[CYAN_ID_LEN];
};

static void on_stored(void *arg, int status, const struct device_key *key)
{
    struct proof *proof = arg;
    if (status == 0) {
        proof->done(proof->arg, SESSION_FULL, key->owner);
    } else {
        char id[CYAN_ID_TEXT];
        cyan_hex_encode(proof->id, CYAN_ID_LEN, id);
        log_write(LOG_WARN, "proof not accepted", "device", id, "cause", cyan_err_text(status),
                  NULL);
        proof->done(proof->arg, SESSION_REFUSE, 0);
    }
    free(proof);
}

void custody_proven(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN],
                    const uint8_t fingerprint[static CYAN_SHA256_LEN],
                    const struct cyan_hello *hello, const char *address, custody_admitted_fn *done,
                    void *arg)
{
    struct proof *proof = calloc(1, sizeof *proof);
    if (!proof) {
        done(arg, SESSION_REFUSE, 0);
        return;
    }
    proof->done = done;
    proof->arg = arg;
    memcpy(proof->id, id, CYAN_ID_LEN);
    registry_proven(cloud->registry, id, fingerprint, hello, address, on_stored, proof);
}
