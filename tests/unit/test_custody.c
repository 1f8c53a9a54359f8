/* The registry below custody is this file. */
#include "server/cloud/custody.h"

#include <string.h>

#include "server/cloud/cloud.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"
#include "tests/unit/yard.h"

enum { OWNER = 7 };

static struct vectors *publics;
static struct cloud cloud;

/* What the registry answers, and what it was asked. */
static struct {
    int key_status, proven_status;
    struct device_key key;
    unsigned key_calls, proven_calls;
    uint8_t id[CYAN_ID_LEN], fingerprint[CYAN_SHA256_LEN];
    char address[ADDRESS_TEXT_MAX + 1];
    key_fn *done, *proven_done;
    void *arg;
} below;

/* What custody answered. */
static struct {
    unsigned judged, admitted;
    enum session_verdict verdict;
    uint8_t modulus[CYAN_RSA1024_LEN], fingerprint[CYAN_SHA256_LEN];
    bool has_key;
    uint32_t owner;
} answer;

void registry_key(struct registry *registry, const uint8_t id[static CYAN_ID_LEN], key_fn *done,
                  void *arg)
{
    (void)registry;
    below.key_calls++;
    memcpy(below.id, id, CYAN_ID_LEN);
    below.done = done;
    below.arg = arg;
}

void registry_proven(struct registry *registry, const uint8_t id[static CYAN_ID_LEN],
                     const uint8_t fingerprint[static CYAN_SHA256_LEN],
                     const struct cyan_hello *hello, const char *address, key_fn *done, void *arg)
{
    (void)registry;
    below.proven_calls++;
    memcpy(below.id, id, CYAN_ID_LEN);
    memcpy(below.fingerprint, fingerprint, CYAN_SHA256_LEN);
    memcpy(below.address, address, strlen(address) + 1);
    assert_int_equal(hello->platform_id, CYAN_PLATFORM_PHOTON);
    below.proven_done = done;
    below.arg = arg;
}

/* The registry answers what custody asked last. */
static void registry_answers(void)
{
    key_fn *done = below.done;
    assert_non_null(done);
    below.done = NULL;
    done(below.arg, below.key_status, below.key_status == 0 ? &below.key : NULL);
}

static const uint8_t *spki(const char *name)
{
    return vectors_bytes(publics, name, CYAN_DEVICE_SPKI_LEN);
}

static int set_up(void **state)
{
    (void)state;
    memset(&below, 0, sizeof below);
    memset(&answer, 0, sizeof answer);
    publics = vectors_open("keys-public.txt");
    below.key.owner = OWNER;
    below.key.has_key = true;
    memcpy(below.key.spki, spki("device_spki"), CYAN_DEVICE_SPKI_LEN);
    memcpy(below.key.fingerprint, vectors_bytes(publics, "device_fingerprint", CYAN_SHA256_LEN),
           CYAN_SHA256_LEN);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_null(below.done);
    vectors_close(publics);
    return 0;
}

static struct cyan_claim claim_of(const uint8_t *key)
{
    struct cyan_claim claim = {.has_key = key != NULL};
    memset(claim.id, 0x5A, sizeof claim.id);
    if (key) {
        memcpy(claim.spki, key, sizeof claim.spki);
    }
    return claim;
}

/* What is presented: no key, the trusted one, a sound other one, and every kind of damage. */
enum { NONE, SAME, OTHER, EVEN, CONSTANT, ZERO, BAD_HEADER, BAD_TAIL, PRESENTED };

static struct cyan_claim presented(int what)
{
    struct cyan_claim claim = claim_of(what == NONE    ? NULL
                                       : what == OTHER ? spki("other_device_spki")
                                                       : spki("device_spki"));
    uint8_t *modulus = claim.spki + CYAN_DEVICE_SPKI_MODULUS;
    switch (what) {
    case EVEN:
        modulus[CYAN_RSA1024_LEN - 1] ^= 1;
        break;
    case CONSTANT:
        memset(modulus, 0xFF, CYAN_RSA1024_LEN);
        break;
    case ZERO:
        memset(modulus, 0, CYAN_RSA1024_LEN);
        break;
    case BAD_HEADER:
        claim.spki[3] ^= 1;
        break;
    case BAD_TAIL:
        claim.spki[CYAN_DEVICE_SPKI_LEN - 1] ^= 2;
        break;
    default:
        break;
    }
    return claim;
}

static void the_decision_follows_from_what_is_presented_and_what_is_known(void **state)
{
    (void)state;
    struct device_key keyless = below.key;
    keyless.has_key = false;
    const struct device_key *const known[] = {NULL, &keyless, &below.key};
    static const enum custody_reason without_key[] = {CUSTODY_UNKNOWN_DEVICE,
                                                      CUSTODY_NO_TRUSTED_KEY, CUSTODY_NO_KEY_SENT};
    for (int what = NONE; what < PRESENTED; what++) {
        for (size_t k = 0; k < COUNT_OF(known); k++) {
            struct cyan_claim claim = presented(what);
            enum custody_reason want = what >= EVEN   ? CUSTODY_MALFORMED_KEY
                                       : k < 2        ? without_key[k]
                                       : what == NONE ? CUSTODY_NO_KEY_SENT
                                       : what == SAME ? CUSTODY_TRUSTED
                                                      : CUSTODY_OTHER_KEY;
            assert_int_equal(custody_decide(&claim, known[k]), want);
        }
    }
}

static void any_flipped_bit_of_the_key_is_another_key_or_a_damaged_one(void **state)
{
    (void)state;
    struct cyan_claim claim = presented(SAME);
    for (size_t bit = 0; bit < sizeof claim.spki * 8; bit++) {
        claim.spki[bit / 8] ^= (uint8_t)(1U << bit % 8);
        enum custody_reason reason = custody_decide(&claim, &below.key);
        size_t byte = bit / 8 - CYAN_DEVICE_SPKI_MODULUS;
        bool last_bit = byte == CYAN_RSA1024_LEN - 1 && bit % 8 == 0;
        assert_int_equal(reason, byte < CYAN_RSA1024_LEN && !last_bit ? CUSTODY_OTHER_KEY
                                                                      : CUSTODY_MALFORMED_KEY);
        assert_int_equal(custody_verdict(reason), SESSION_REFUSE);
        claim.spki[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void only_the_trusted_key_or_none_is_full_and_every_reason_has_its_name(void **state)
{
    (void)state;
    for (int reason = CUSTODY_TRUSTED; reason <= CUSTODY_MALFORMED_KEY; reason++) {
        bool full = reason == CUSTODY_TRUSTED || reason == CUSTODY_NO_KEY_SENT;
        assert_int_equal(custody_verdict((enum custody_reason)reason),
                         full ? SESSION_FULL : SESSION_REFUSE);
        assert_true(strlen(custody_reason_name((enum custody_reason)reason)) > 0);
        for (int other = CUSTODY_TRUSTED; other < reason; other++) {
            assert_string_not_equal(custody_reason_name((enum custody_reason)reason),
                                    custody_reason_name((enum custody_reason)other));
        }
    }
}

static void on_judged(void *arg, enum session_verdict verdict, const uint8_t *modulus,
                      const uint8_t *fingerprint)
{
    assert_ptr_equal(arg, &answer);
    answer.judged++;
    answer.verdict = verdict;
    answer.has_key = modulus != NULL;
    assert_int_equal(modulus != NULL, fingerprint != NULL);
    if (modulus) {
        memcpy(answer.modulus, modulus, sizeof answer.modulus);
        memcpy(answer.fingerprint, fingerprint, sizeof answer.fingerprint);
    }
}

static void judge(int what)
{
    struct cyan_claim claim = presented(what);
    unsigned judged = answer.judged;
    custody_judge(&cloud, &claim, "127.0.0.1", on_judged, &answer);
    memset(&claim, 0, sizeof claim); /* borrowed for the call only */
    assert_int_equal(answer.judged, judged);
    assert_memory_equal(below.id, "ZZZZZZZZZZZZ", CYAN_ID_LEN);
    registry_answers();
    assert_int_equal(answer.judged, judged + 1);
}

static void a_full_judgement_names_the_trusted_key_and_never_the_presented_one(void **state)
{
    (void)state;
    static const int whats[] = {SAME, NONE};
    for (size_t i = 0; i < COUNT_OF(whats); i++) {
        judge(whats[i]);
        assert_int_equal(answer.verdict, SESSION_FULL);
        assert_memory_equal(answer.modulus, below.key.spki + CYAN_DEVICE_SPKI_MODULUS,
                            CYAN_RSA1024_LEN);
        assert_memory_equal(answer.fingerprint, below.key.fingerprint, CYAN_SHA256_LEN);
    }
}

static void a_refusal_gives_no_key(void **state)
{
    (void)state;
    for (int what = OTHER; what < PRESENTED; what++) {
        judge(what);
        assert_int_equal(answer.verdict, SESSION_REFUSE);
        assert_false(answer.has_key);
    }
    static const int errors[] = {CYAN_E_NOT_FOUND, CYAN_E_IO, CYAN_E_NO_MEMORY, CYAN_E_CORRUPT};
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        below.key_status = errors[i];
        judge(SAME);
        assert_int_equal(answer.verdict, SESSION_REFUSE);
        judge(NONE);
        assert_int_equal(answer.verdict, SESSION_REFUSE);
        assert_false(answer.has_key);
    }
}

static void on_admitted(void *arg, enum session_verdict verdict, uint32_t owner)
{
    assert_ptr_equal(arg, &answer);
    answer.admitted++;
    answer.verdict = verdict;
    answer.owner = owner;
}

static void prove(void)
{
    static const struct cyan_hello hello = {.platform_id = CYAN_PLATFORM_PHOTON};
    uint8_t id[CYAN_ID_LEN], fingerprint[CYAN_SHA256_LEN];
    memset(id, 0x5A, sizeof id);
    memcpy(fingerprint, vectors_bytes(publics, "device_fingerprint", CYAN_SHA256_LEN),
           sizeof fingerprint);
    answer.admitted = 0;
    below.proven_calls = below.key_calls = 0;
    custody_proven(&cloud, id, fingerprint, &hello, "127.0.0.1", on_admitted, &answer);
    assert_int_equal(below.proven_calls, 1);
    assert_memory_equal(below.fingerprint, fingerprint, sizeof fingerprint);
    assert_memory_equal(below.id, id, sizeof id);
    assert_string_equal(below.address, "127.0.0.1");
}

static void a_proof_is_answered_when_it_is_stored_and_only_then(void **state)
{
    (void)state;
    static const int statuses[] = {0, CYAN_E_REFUSED, CYAN_E_IO, CYAN_E_NO_MEMORY, 0};
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        int status = statuses[i];
        prove();
        assert_int_equal(answer.admitted, 0);
        below.proven_done(below.arg, status, status == 0 ? &below.key : NULL);
        assert_int_equal(answer.admitted, 1);
        assert_int_equal(answer.verdict, status == 0 ? SESSION_FULL : SESSION_REFUSE);
        assert_int_equal(answer.owner, status == 0 ? OWNER : 0);
        assert_int_equal(below.key_calls, 0);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_decision_follows_from_what_is_presented_and_what_is_known),
        CASE(any_flipped_bit_of_the_key_is_another_key_or_a_damaged_one),
        CASE(only_the_trusted_key_or_none_is_full_and_every_reason_has_its_name),
        CASE(a_full_judgement_names_the_trusted_key_and_never_the_presented_one),
        CASE(a_refusal_gives_no_key),
        CASE(a_proof_is_answered_when_it_is_stored_and_only_then),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
