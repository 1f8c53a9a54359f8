/* What a proof changes. */
#include <stdio.h>
#include <string.h>

#include "server/cloud/apply_inner.h"

/* What the Hello brings, and that the key was seen. */
static int note_hello(const struct custody_change *change, const struct custody_case *c,
                      const struct store_key *key)
{
    const struct store *store = change->store;
    struct store_device row = {.has_hello = true,
                               .platform_id = c->hello.platform_id,
                               .product_id = c->hello.product_id,
                               .product_version = c->hello.product_version,
                               .flags = c->hello.flags,
                               .system_version =
                                   c->hello.extended ? c->hello.system_version : (uint16_t)0,
                               .has_server_key = true,
                               .last_heard_ms = change->now_ms,
                               .last_handshake_ms = change->now_ms};
    memcpy(row.id, c->id, sizeof row.id);
    memcpy(row.server_key, c->server_key, sizeof row.server_key);
    (void)snprintf(row.last_ip, sizeof row.last_ip, "%s", c->address);
    int status = store->device_hello(store->ctx, &row);
    if (status == 0) {
        status = store->key_seen(store->ctx, c->id, key->fingerprint, change->now_ms, row.last_ip);
    }
    return status;
}

/* The key of a case as a row that is not stored yet. */
static void new_key(const struct custody_case *c, struct store_key *out_key)
{
    *out_key = (struct store_key){.first_seen_ms = c->now_ms,
                                  .last_seen_ms = c->now_ms,
                                  .created_ms = c->now_ms,
                                  .changed_ms = c->now_ms};
    memcpy(out_key->device, c->id, sizeof out_key->device);
    memcpy(out_key->fingerprint, c->fingerprint, sizeof out_key->fingerprint);
    memcpy(out_key->spki, c->spki, sizeof out_key->spki);
    (void)snprintf(out_key->last_ip, sizeof out_key->last_ip, "%s", c->address);
}

static bool has_live(const struct custody_case *c, const uint8_t *fingerprint)
{
    for (size_t i = 0; i < c->live_count; i++) {
        if (memcmp(c->live[i], fingerprint, CYAN_SHA256_LEN) == 0) {
            return true;
        }
    }
    return false;
}

/* How many pending keys of the id came from an address. */
static size_t from_address(const struct dossier *d, const char *address)
{
    size_t count = 0;
    for (size_t i = 0; i < d->pending_count && i < DOSSIER_PENDING_MAX; i++) {
        count += strcmp(d->pending[i].last_ip, address) == 0;
    }
    return count;
}

/* Which pending key makes room: first one without a live session, else the oldest of the address
 * that holds most. One place is kept for the address at which the device was last seen. */
static const struct store_key *victim(const struct dossier *d, const struct custody_case *c)
{
    const struct store_key *best = NULL;
    bool newcomer_is_home = strcmp(c->address, d->device.last_ip) == 0;
    bool best_live = true;
    size_t best_crowd = 0;
    for (size_t i = 0; i < d->pending_count && i < DOSSIER_PENDING_MAX; i++) {
        const struct store_key *key = &d->pending[i];
        bool is_home = strcmp(key->last_ip, d->device.last_ip) == 0;
        if (is_home && !newcomer_is_home && from_address(d, key->last_ip) == 1) {
            continue;
        }
        bool live = has_live(c, key->fingerprint);
        size_t crowd = from_address(d, key->last_ip);
        bool older = best && key->last_seen_ms < best->last_seen_ms;
        if (!best || live < best_live ||
            (live == best_live && (crowd > best_crowd || (crowd == best_crowd && older)))) {
            best = key;
            best_live = live;
            best_crowd = crowd;
        }
    }
    return best;
}

/* Of four pending keys one goes for a new one. */
static int make_room_for_pending(const struct custody_change *change, const struct custody_case *c,
                                 const struct dossier *d, struct custody_outcome *out)
{
    if (d->pending_count < DOSSIER_PENDING_MAX) {
        return 0;
    }
    const struct store *store = change->store;
    const struct store_key *old = victim(d, c);
    int status = old ? store->key_remove(store->ctx, c->id, old->fingerprint) : CYAN_E_FULL;
    if (status == 0) {
        out->has_displaced = true;
        memcpy(out->displaced, old->fingerprint, sizeof out->displaced);
    }
    return status;
}

static int pend(const struct custody_change *change, const struct custody_case *c,
                const struct dossier *d, struct custody_outcome *out)
{
    const struct store *store = change->store;
    if (!d->known) {
        new_key(c, &out->key); /* the hub's memory keeps it */
        out->key.state = STORE_KEY_PENDING;
        return 0;
    }
    if (d->has_presented && d->presented.state == STORE_KEY_PENDING) {
        out->key = d->presented;
        return store->key_seen(store->ctx, c->id, c->fingerprint, c->now_ms, c->address);
    }
    int status = apply_sweep(change, c->id);
    if (status == 0) {
        status = make_room_for_pending(change, c, d, out);
    }
    if (status != 0) {
        return status;
    }
    new_key(c, &out->key);
    out->key.state = STORE_KEY_PENDING;
    return store->key_put(store->ctx, &out->key);
}

/* The window has done its work for this id, at the level that it stands on. */
static int serve_window(const struct custody_change *change, const struct custody_case *c,
                        const struct dossier *d)
{
    if (!d->known || d->choice.value != POLICY_ENROLL) {
        return 0;
    }
    struct policy policy = *d->choice.of;
    policy_serve(&policy, c->id);
    return d->choice.of == &d->of_device
               ? policy_put_device(change->store, c->id, &policy)
               : policy_put_account(change->store, d->device.owner, &policy);
}

static int undo(const struct custody_change *change, const struct custody_case *c,
                const struct dossier *d, struct custody_outcome *out)
{
    const struct store *store = change->store;
    int status = make_room_for_pending(change, c, d, out);
    if (status == 0 && d->has_trusted) {
        struct store_key other = d->trusted;
        other.state = STORE_KEY_PENDING;
        other.source = STORE_KEY_NO_SOURCE;
        other.by_account = 0;
        other.changed_ms = change->now_ms;
        other.last_seen_ms = change->now_ms;
        status = store->key_put(store->ctx, &other);
    }
    out->key = d->presented;
    if (status == 0) {
        status = apply_trust(change, &out->key, STORE_KEY_REVERTED, NULL);
    }
    return status != 0 ? status
                       : store->device_heal(store->ctx, c->id, d->device.last_heal_ms, true);
}

/* The change of keys itself. */
static int replace(const struct custody_change *change, const struct custody_case *c,
                   const struct dossier *d, enum custody_effect effect, struct custody_outcome *out)
{
    struct store_key old_row = d->trusted;
    struct store_key *old = d->has_trusted ? &old_row : NULL;
    enum store_key_source source = effect == EFFECT_TRUST  ? STORE_KEY_BY_ANNOUNCEMENT
                                   : effect == EFFECT_HEAL ? STORE_KEY_HEALED
                                                           : STORE_KEY_ENROLLED;
    if (effect == EFFECT_RETURN) {
        return undo(change, c, d, out);
    }
    if (d->has_presented) {
        out->key = d->presented;
    } else {
        new_key(c, &out->key);
    }
    if (effect == EFFECT_ADOPT) {
        memcpy(out->key.spki, d->binding.spki, sizeof out->key.spki);
        out->key.source = STORE_KEY_PROVISIONED;
        out->key.by_account = d->binding.account;
        out->owner = d->binding.account;
        int founded = custody_found(change, c->id, out->owner, d->binding.name, &out->key);
        return founded == 0 && d->binding.has_recovery
                   ? change->store->device_recovery(change->store->ctx, c->id, d->binding.recovery)
                   : founded;
    }
    if (!d->known) {
        out->key.source = source;
        return custody_found(change, c->id, 0, "", &out->key);
    }
    int status = apply_trust(change, &out->key, source, old);
    if (status == 0 && effect == EFFECT_HEAL) {
        status = change->store->device_heal(change->store->ctx, c->id, change->now_ms,
                                            d->device.heal_off);
    }
    if (status == 0 && effect == EFFECT_ENROLL) {
        status = serve_window(change, c, d);
    }
    return status;
}

int custody_apply_proof(const struct custody_change *change, const struct custody_case *c,
                        const struct dossier *d, enum custody_effect effect,
                        struct custody_outcome *out)
{
    *out = (struct custody_outcome){.owner = d->known ? d->device.owner : 0};
    static const char *const via[] = {
        [EFFECT_TRUST] = "proof", [EFFECT_ADOPT] = "proof",   [EFFECT_ENROLL] = "enroll",
        [EFFECT_HEAL] = "heal",   [EFFECT_RETURN] = "return",
    };
    switch (effect) {
    case EFFECT_NONE:
        return CYAN_E_REFUSED;
    case EFFECT_SEEN:
        out->key = d->presented;
        return note_hello(change, c, &out->key);
    case EFFECT_PEND:
        return pend(change, c, d, out);
    case EFFECT_CLONE:
        out->key = d->presented;
        return change->store->key_seen(change->store->ctx, c->id, c->fingerprint, c->now_ms,
                                       c->address);
    default:
        break;
    }
    int status = replace(change, c, d, effect, out);
    if (status == 0) {
        status = note_hello(change, c, &out->key);
    }
    const struct telling t = {
        .action = effect == EFFECT_RETURN ? "return" : via[effect],
        .event = effect == EFFECT_RETURN ? "cyan/key/reverted" : "cyan/key/changed",
        .via = via[effect],
        .owner = out->owner,
        .device = c->id,
        .old_print = d->has_trusted ? d->trusted.fingerprint : NULL,
        .new_print = c->fingerprint,
    };
    return status != 0 ? status : apply_tell(change, &t, out);
}

int custody_apply_recovery(const struct custody_change *change, const struct custody_case *c,
                           struct custody_outcome *out)
{
    struct dossier d;
    *out = (struct custody_outcome){0};
    int status = dossier_read(change->store, c, &d);
    if (status != 0) {
        return status;
    }
    if (!d.known || !d.has_presented || d.presented.state != STORE_KEY_PENDING) {
        return CYAN_E_REFUSED;
    }
    struct store_key old = d.trusted;
    out->owner = d.device.owner;
    out->key = d.presented;
    status = apply_trust(change, &out->key, STORE_KEY_RECOVERED, d.has_trusted ? &old : NULL);
    const struct telling t = {.action = "recover",
                              .event = "cyan/key/changed",
                              .via = "recovery",
                              .owner = out->owner,
                              .device = c->id,
                              .old_print = d.has_trusted ? d.trusted.fingerprint : NULL,
                              .new_print = c->fingerprint};
    return status != 0 ? status : apply_tell(change, &t, out);
}
