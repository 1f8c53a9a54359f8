/* What an order of a person changes. */
#include <string.h>

#include "server/cloud/apply_inner.h"

/* An order on an id that nobody knows: the account that may founds the device. */
static int order_on_stranger(const struct custody_change *change, const struct custody_order *order,
                             struct custody_outcome *out)
{
    if (!order->may_found || !order->has_spki) {
        return CYAN_E_NOT_FOUND;
    }
    out->was = STORE_KEY_PENDING;
    if (order->action != ACTION_APPROVE) {
        return CYAN_E_EXISTS;
    }
    out->owner = order->account;
    out->key = (struct store_key){.source = STORE_KEY_APPROVED, .by_account = order->account};
    memcpy(out->key.fingerprint, order->fingerprint, sizeof out->key.fingerprint);
    memcpy(out->key.spki, order->spki, sizeof out->key.spki);
    int status = custody_found(change, order->id, order->account, "", &out->key);
    const struct telling t = {.action = "approve",
                              .event = "cyan/key/approved",
                              .via = order->via,
                              .by = order->by,
                              .account = order->account,
                              .owner = order->account,
                              .device = order->id,
                              .new_print = order->fingerprint};
    return status != 0 ? status : apply_tell(change, &t, out);
}

static enum store_key_source source_of(const struct custody_order *order, bool had_trusted)
{
    switch (order->action) {
    case ACTION_REVERT:
        return STORE_KEY_REVERTED;
    case ACTION_UPLOAD:
        return had_trusted ? STORE_KEY_BY_ANNOUNCEMENT : STORE_KEY_PROVISIONED;
    default:
        return STORE_KEY_APPROVED;
    }
}

/* The device's one announcement ends. */
static int drop_announced(const struct custody_change *change, const struct dossier *d,
                          const uint8_t *but)
{
    if (!d->has_announced || (but && memcmp(d->announced.fingerprint, but, CYAN_SHA256_LEN) == 0)) {
        return 0;
    }
    return change->store->key_remove(change->store->ctx, d->device.id, d->announced.fingerprint);
}

static int forget(const struct custody_change *change, struct custody_outcome *out)
{
    out->is_gone = true;
    return change->store->key_remove(change->store->ctx, out->key.device, out->key.fingerprint);
}

/* When the trusted key is revoked, the one that was announced takes its place. */
static int promote_announced(const struct custody_change *change, const struct custody_order *order,
                             const struct dossier *d, struct custody_outcome *out)
{
    struct store_key next = d->announced;
    int status = apply_trust(change, &next, next.source, NULL);
    const struct telling t = {.action = "trust",
                              .event = "cyan/key/changed",
                              .via = "upload",
                              .by = order->by,
                              .account = order->account,
                              .owner = out->owner,
                              .device = order->id,
                              .old_print = order->fingerprint,
                              .new_print = next.fingerprint};
    return status != 0 ? status : apply_tell(change, &t, out);
}

/* Of 16 denied keys the one denied first is forgotten for a new one. */
struct oldest {
    struct store_key key;
    bool found;
};

static int find_oldest_denied(void *arg, const struct store_key *key)
{
    struct oldest *oldest = arg;
    if (key->state == STORE_KEY_DENIED &&
        (!oldest->found || key->changed_ms < oldest->key.changed_ms)) {
        oldest->key = *key;
        oldest->found = true;
    }
    return 0;
}

static int make_room_for_denied(const struct custody_change *change, const struct dossier *d)
{
    struct oldest oldest = {.found = false};
    const struct store *store = change->store;
    if (d->denied_count < DOSSIER_DENIED_MAX) {
        return 0;
    }
    int status = store->key_each(store->ctx, d->device.id, find_oldest_denied, &oldest);
    return status == 0 && oldest.found
               ? store->key_remove(store->ctx, d->device.id, oldest.key.fingerprint)
               : status;
}

static int put_state(const struct custody_change *change, const struct custody_order *order,
                     const struct dossier *d, enum store_key_state to, struct custody_outcome *out)
{
    struct store_key old_row = d->trusted;
    struct store_key *key = &out->key;
    int status = 0;
    key->by_account = order->account;
    if (to == STORE_KEY_TRUSTED) {
        struct store_key *old = d->has_trusted ? &old_row : NULL;
        status = apply_trust(change, key, source_of(order, d->has_trusted), old);
        /* What was uploaded last counts; an approval leaves an announcement waiting. */
        return status == 0 && order->action == ACTION_UPLOAD
                   ? drop_announced(change, d, key->fingerprint)
                   : status;
    }
    if (to == STORE_KEY_ANNOUNCED) {
        key->source = STORE_KEY_BY_ANNOUNCEMENT;
        status = drop_announced(change, d, key->fingerprint);
    } else if (to == STORE_KEY_DENIED) {
        status = make_room_for_denied(change, d);
    }
    key->state = to;
    key->changed_ms = change->now_ms;
    key->replaced_via = STORE_KEY_NO_SOURCE; /* a person has spoken: it does not return by itself */
    key->has_replaced_by = false;
    return status != 0 ? status : change->store->key_put(change->store->ctx, key);
}

static const char *event_of(const struct custody_order *order, enum store_key_state to)
{
    switch (order->action) {
    case ACTION_APPROVE:
        return "cyan/key/approved";
    case ACTION_DENY:
        return "cyan/key/denied";
    case ACTION_REVOKE:
        return "cyan/key/revoked";
    case ACTION_REVERT:
        return "cyan/key/reverted";
    case ACTION_UPLOAD:
        return to == STORE_KEY_TRUSTED ? "cyan/key/changed" : NULL;
    default:
        return "cyan/key/changed";
    }
}

static int carry_out(const struct custody_change *change, const struct custody_order *order,
                     const struct dossier *d, struct custody_step step, struct custody_outcome *out)
{
    bool was_trusted = out->was == STORE_KEY_TRUSTED;
    int status =
        step.kind == STEP_REMOVED ? forget(change, out) : put_state(change, order, d, step.to, out);
    bool becomes_trusted = step.kind == STEP_TO && step.to == STORE_KEY_TRUSTED;
    const struct telling t = {
        .action = custody_action_name(order->action),
        .event = event_of(order, step.to),
        .via = order->via,
        .by = order->by,
        .reason = order->reason,
        .account = order->account,
        .owner = out->owner,
        .device = order->id,
        .old_print = becomes_trusted ? (d->has_trusted ? d->trusted.fingerprint : NULL)
                                     : (order->action == ACTION_UPLOAD ? NULL : order->fingerprint),
        .new_print = becomes_trusted || order->action == ACTION_UPLOAD ? order->fingerprint : NULL,
    };
    if (status == 0) {
        status = apply_tell(change, &t, out);
    }
    if (status == 0 && was_trusted && order->action == ACTION_REVOKE && d->has_announced) {
        status = promote_announced(change, order, d, out);
    }
    return status;
}

/* The trusted key is uploaded once more: the one that was announced meanwhile is dropped. */
static int keep_trusted(const struct custody_change *change, const struct custody_order *order,
                        const struct dossier *d, struct custody_outcome *out)
{
    if (!d->has_announced) {
        return 0;
    }
    const struct telling t = {.action = "upload",
                              .via = order->via,
                              .by = order->by,
                              .account = order->account,
                              .owner = out->owner,
                              .device = order->id,
                              .old_print = d->announced.fingerprint,
                              .new_print = order->fingerprint};
    int status = drop_announced(change, d, NULL);
    return status != 0 ? status : apply_tell(change, &t, out);
}

/* A key that is uploaded for the first time. */
static int upload_new(const struct custody_change *change, const struct custody_order *order,
                      const struct dossier *d, struct custody_outcome *out)
{
    out->key = (struct store_key){.created_ms = change->now_ms};
    memcpy(out->key.device, order->id, sizeof out->key.device);
    memcpy(out->key.fingerprint, order->fingerprint, sizeof out->key.fingerprint);
    memcpy(out->key.spki, order->spki, sizeof out->key.spki);
    out->was = STORE_KEY_STATES;
    const struct custody_step step = {
        STEP_TO, d->has_trusted ? STORE_KEY_ANNOUNCED : STORE_KEY_TRUSTED, false};
    return carry_out(change, order, d, step, out);
}

int custody_apply_order(const struct custody_change *change, const struct custody_order *order,
                        struct custody_outcome *out)
{
    const struct store *store = change->store;
    struct dossier d;
    *out = (struct custody_outcome){0};
    int status = dossier_read_all(store, order->id, change->now_ms, &d);
    if (status != 0) {
        return status;
    }
    if (!d.known) {
        return order_on_stranger(change, order, out);
    }
    out->owner = d.device.owner;
    if (d.device.owner != order->account && !(d.device.owner == 0 && order->may_found)) {
        return CYAN_E_REFUSED;
    }
    status = apply_sweep(change, order->id);
    if (status == 0) {
        status = store->key_get(store->ctx, order->id, order->fingerprint, &out->key);
    }
    if (status == CYAN_E_NOT_FOUND && order->action == ACTION_UPLOAD) {
        return upload_new(change, order, &d, out);
    }
    if (status != 0) {
        return status;
    }
    out->was = out->key.state;
    struct custody_step step = custody_step(out->key.state, order->action);
    if (order->action == ACTION_UPLOAD && step.kind == STEP_TO && step.to == STORE_KEY_ANNOUNCED &&
        !d.has_trusted) {
        step.to = STORE_KEY_TRUSTED; /* nothing stands in its way */
    }
    switch (step.kind) {
    case STEP_REFUSED:
        return CYAN_E_EXISTS;
    case STEP_SAME:
        return step.drops_announced ? keep_trusted(change, order, &d, out) : 0;
    default:
        return carry_out(change, order, &d, step, out);
    }
}
