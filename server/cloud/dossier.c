#include "server/cloud/dossier.h"

#include <stddef.h>
#include <string.h>

bool dossier_is_alive(const struct store_key *key, int64_t now_ms)
{
    int64_t idle = key->last_seen_ms > key->changed_ms ? key->last_seen_ms : key->changed_ms;
    switch (key->state) {
    case STORE_KEY_ANNOUNCED:
        return now_ms - key->changed_ms < DOSSIER_ANNOUNCED_MS;
    case STORE_KEY_PENDING:
        return now_ms - idle < DOSSIER_PENDING_MS;
    case STORE_KEY_DENIED:
        return now_ms - key->changed_ms < DOSSIER_DENIED_MS;
    default:
        return true;
    }
}

/* What a walk over the keys collects. */
struct walk {
    struct dossier *dossier;
    int64_t now_ms;
    const uint8_t *presented; /* NULL: none */
};

static int take_key(void *arg, const struct store_key *key)
{
    struct walk *walk = arg;
    struct dossier *d = walk->dossier;
    if (!dossier_is_alive(key, walk->now_ms)) {
        return 0;
    }
    if (walk->presented && memcmp(key->fingerprint, walk->presented, CYAN_SHA256_LEN) == 0) {
        d->presented = *key;
        d->has_presented = true;
    }
    switch (key->state) {
    case STORE_KEY_TRUSTED:
        d->trusted = *key;
        d->has_trusted = true;
        break;
    case STORE_KEY_ANNOUNCED:
        d->announced = *key;
        d->has_announced = true;
        break;
    case STORE_KEY_PENDING:
        if (d->pending_count < DOSSIER_PENDING_MAX) {
            d->pending[d->pending_count] = *key;
        }
        d->pending_count++;
        break;
    case STORE_KEY_DENIED:
        d->denied_count++;
        break;
    case STORE_KEY_REVOKED:
        d->has_revoked = true;
        break;
    default:
        break;
    }
    return 0;
}

struct binding_walk {
    struct dossier *dossier; /* NULL: they are only counted */
    const struct custody_case *c;
    size_t count;
    size_t turn; /* of 52 bytes: the place of the one to try */
};

static int take_binding(void *arg, const struct store_binding *binding)
{
    struct binding_walk *walk = arg;
    const struct custody_case *c = walk->c;
    if (c->now_ms - binding->created_ms >= DOSSIER_BINDING_MS) {
        return 0;
    }
    bool fits = c->has_key ? memcmp(binding->fingerprint, c->fingerprint, CYAN_SHA256_LEN) == 0
                           : walk->count == walk->turn;
    /* Of several accounts that uploaded one key the first one counts: it is no secret. */
    if (fits && walk->dossier && !walk->dossier->has_binding) {
        walk->dossier->binding = *binding;
        walk->dossier->has_binding = true;
    }
    walk->count++;
    return 0;
}

/* For 52 bytes all uploads take turns, in the order in which the store gives them: one that does
 * not fit, whoever made it, keeps none of the others away. */
static int read_unknown(const struct store *store, const struct custody_case *c, struct dossier *d)
{
    struct binding_walk walk = {.c = c};
    int status = 0;
    if (!c->has_key) {
        status = store->binding_each(store->ctx, c->id, take_binding, &walk);
        walk.turn = walk.count > 0 ? c->turn % walk.count : 0;
        walk.count = 0;
    }
    walk.dossier = d;
    return status != 0 ? status : store->binding_each(store->ctx, c->id, take_binding, &walk);
}

static int read_known(const struct store *store, const uint8_t *id, const uint8_t *presented,
                      int64_t now_ms, struct dossier *d)
{
    struct walk walk = {.dossier = d, .now_ms = now_ms, .presented = presented};
    policy_init(&d->of_account);
    int status = store->key_each(store->ctx, id, take_key, &walk);
    if (status == 0) {
        status = policy_of_device(store, id, &d->of_device);
    }
    if (status == 0 && d->device.owner != 0) {
        status = policy_of_account(store, d->device.owner, &d->of_account);
    }
    if (status == 0) {
        policy_choose(&d->of_device, &d->of_account, id, now_ms, &d->choice);
    }
    return status;
}

static int begin(const struct store *store, const uint8_t *id, struct dossier *d)
{
    /* Not the policies: they are large, and the usual connect does not read them. */
    memset(d, 0, offsetof(struct dossier, of_device));
    int status = store->device_get(store->ctx, id, &d->device);
    d->known = status == 0;
    return status == CYAN_E_NOT_FOUND ? 0 : status;
}

int dossier_read(const struct store *store, const struct custody_case *c,
                 struct dossier *out_dossier)
{
    struct dossier *d = out_dossier;
    int status = begin(store, c->id, d);
    if (status != 0) {
        return status;
    }
    if (!d->known) {
        return read_unknown(store, c, d);
    }
    if (c->has_key) {
        status = store->key_trusted(store->ctx, c->id, &d->trusted);
        d->has_trusted = status == 0;
        if (status == 0 && memcmp(d->trusted.fingerprint, c->fingerprint, CYAN_SHA256_LEN) == 0) {
            d->presented = d->trusted;
            d->has_presented = true;
            return c->wants_policy ? read_known(store, c->id, c->fingerprint, c->now_ms, d) : 0;
        }
        if (status != 0 && status != CYAN_E_NOT_FOUND) {
            return status;
        }
    }
    return read_known(store, c->id, c->has_key ? c->fingerprint : NULL, c->now_ms, d);
}

int dossier_read_all(const struct store *store, const uint8_t id[static CYAN_ID_LEN],
                     int64_t now_ms, struct dossier *out_dossier)
{
    int status = begin(store, id, out_dossier);
    return status == 0 && out_dossier->known ? read_known(store, id, NULL, now_ms, out_dossier)
                                             : status;
}

static enum custody_presented presented_of(const struct dossier *d, const struct custody_case *c)
{
    if (!c->has_key) {
        return PRESENTED_NONE;
    }
    if (c->is_malformed) {
        return PRESENTED_MALFORMED;
    }
    if (!d->known) {
        return d->has_binding  ? PRESENTED_UPLOADED
               : c->was_denied ? PRESENTED_DENIED
                               : PRESENTED_NEW;
    }
    if (!d->has_presented) {
        return PRESENTED_NEW;
    }
    switch (d->presented.state) {
    case STORE_KEY_TRUSTED:
        return PRESENTED_TRUSTED;
    case STORE_KEY_ANNOUNCED:
        return PRESENTED_ANNOUNCED;
    case STORE_KEY_PENDING:
        return PRESENTED_PENDING;
    case STORE_KEY_DENIED:
        return PRESENTED_DENIED;
    case STORE_KEY_RETIRED:
        return PRESENTED_RETIRED;
    default:
        return PRESENTED_REVOKED;
    }
}

/* Other keys than this one that wait, too. */
static size_t rivals(const struct dossier *d)
{
    bool own = d->has_presented && d->presented.state == STORE_KEY_PENDING;
    return d->pending_count - (own ? 1 : 0);
}

static int64_t heard_ms(const struct dossier *d, const struct custody_case *c)
{
    return d->device.last_heard_ms > c->heard_ms ? d->device.last_heard_ms : c->heard_ms;
}

/* From when on the trusted key is surely absent: one that has just become trusted has had no time
 * to come. */
static int64_t absent_ms(const struct dossier *d, const struct custody_case *c)
{
    int64_t from = heard_ms(d, c) > c->listening_ms ? heard_ms(d, c) : c->listening_ms;
    return d->has_trusted && d->trusted.changed_ms > from ? d->trusted.changed_ms : from;
}

static unsigned familiar_of(const struct dossier *d, const struct custody_case *c)
{
    const struct store_device *device = &d->device;
    unsigned holds = 0;
    if (!c->is_online && c->now_ms - absent_ms(d, c) >= DOSSIER_ABSENT_MS) {
        holds |= FAMILIAR_ABSENT;
    }
    if (device->has_hello && device->platform_id == c->hello.platform_id &&
        device->product_id == c->hello.product_id &&
        device->product_version == c->hello.product_version) {
        holds |= FAMILIAR_FIRMWARE;
    }
    if (c->is_described && device->has_module == c->has_module &&
        memcmp(device->module, c->module, sizeof device->module) == 0) {
        holds |= FAMILIAR_MODULE;
    }
    if (strcmp(device->last_ip, c->address) == 0 ||
        (d->choice.familiar_of && policy_covers(d->choice.familiar_of, c->address))) {
        holds |= FAMILIAR_ADDRESS;
    }
    return holds;
}

/* What no switch turns off. A full session that stands may be the device itself, also when it was
 * silent once: it ends by its idle limit, and then its rivals are judged again. */
static bool may_heal(const struct dossier *d, const struct custody_case *c)
{
    return d->has_trusted && rivals(d) == 0 && !c->is_online && !c->is_clone &&
           !d->device.heal_off &&
           (d->device.last_heal_ms == 0 || c->now_ms - d->device.last_heal_ms >= DOSSIER_HEAL_MS);
}

/* A window serves neither a contested id nor one whose trusted key was heard since it opened. */
static bool window_serves(const struct dossier *d, const struct custody_case *c)
{
    return d->choice.value == POLICY_ENROLL && rivals(d) == 0 && !c->is_online &&
           heard_ms(d, c) < d->choice.of->opened_ms;
}

static unsigned wanted(const struct dossier *d)
{
    return d->choice.familiar_of ? d->choice.familiar_of->familiar : FAMILIAR_ALL;
}

/* Only the change itself is undone: the key that took the place is still the trusted one, and no
 * human has made it so since. */
static bool may_return(const struct dossier *d, const struct custody_case *c)
{
    const struct store_key *key = &d->presented;
    bool by_rule = key->replaced_via == STORE_KEY_HEALED || key->replaced_via == STORE_KEY_ENROLLED;
    return d->has_presented && key->state == STORE_KEY_RETIRED && by_rule && d->has_trusted &&
           d->trusted.source == key->replaced_via && key->has_replaced_by &&
           memcmp(key->replaced_by, d->trusted.fingerprint, sizeof key->replaced_by) == 0 &&
           c->now_ms - key->changed_ms <= DOSSIER_RETURN_MS;
}

void dossier_facts(const struct dossier *d, const struct custody_case *c,
                   struct custody_facts *out_facts, unsigned *out_familiar)
{
    struct custody_facts *f = out_facts;
    *f = (struct custody_facts){
        .presented = presented_of(d, c),
        .known = d->known,
        .has_key = d->has_trusted || d->has_announced || d->has_binding,
        .unknown = c->unknown,
        .policy = POLICY_QUARANTINE,
    };
    *out_familiar = 0;
    if (!d->known || f->presented == PRESENTED_TRUSTED) {
        return;
    }
    *out_familiar = familiar_of(d, c);
    f->policy = window_serves(d, c) ? POLICY_ENROLL : d->choice.base;
    f->familiar = may_heal(d, c) && (*out_familiar & wanted(d)) == wanted(d);
    f->may_return = may_return(d, c);
}

int64_t dossier_absent_from(const struct dossier *d, const struct custody_case *c)
{
    unsigned rest = wanted(d) & ~(unsigned)FAMILIAR_ABSENT;
    if (!d->known || d->choice.base != POLICY_HEAL || !may_heal(d, c) ||
        (familiar_of(d, c) & rest) != rest || (wanted(d) & FAMILIAR_ABSENT) == 0) {
        return 0;
    }
    int64_t from = absent_ms(d, c) + DOSSIER_ABSENT_MS;
    return from > c->now_ms ? from : 0;
}

struct dossier_target dossier_target(const struct dossier *d, const struct custody_case *c)
{
    struct dossier_target target = {0};
    if (c->has_key) {
        target = (struct dossier_target){c->spki, c->fingerprint};
    } else if (!d->known) {
        if (d->has_binding) {
            target = (struct dossier_target){d->binding.spki, d->binding.fingerprint};
        }
    } else if (d->has_announced && !(c->turn % 2 == 1 && d->has_trusted)) {
        target = (struct dossier_target){d->announced.spki, d->announced.fingerprint};
    } else if (d->has_trusted) {
        target = (struct dossier_target){d->trusted.spki, d->trusted.fingerprint};
    }
    return target;
}
