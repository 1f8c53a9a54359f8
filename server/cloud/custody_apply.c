#include "server/cloud/custody_apply.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "server/cloud/audit.h"
#include "server/cloud/device_names.h"
#include "server/cloud/outbox.h"
#include "server/json.h"

/* One transition: its row in the audit and its event. */
struct telling {
    const char *action; /* of the audit */
    const char *event;  /* NULL: none */
    const char *cause, *via, *by, *reason;
    uint32_t account, owner;
    const uint8_t *device;
    const uint8_t *old_print, *new_print;
};

static void put_print(struct json *json, const char *key, const uint8_t *print)
{
    char text[2 * CYAN_SHA256_LEN + 1];
    if (print) {
        cyan_hex_encode(print, CYAN_SHA256_LEN, text);
        jsonw_put_text(json, key, text);
    }
}

static int tell(const struct custody_change *change, const struct telling *t,
                struct custody_outcome *out)
{
    char detail[STORE_DETAIL_MAX + 1];
    uint8_t head[CYAN_SHA256_LEN];
    struct json json;
    jsonw_init(&json, detail, sizeof detail - 1);
    jsonw_object(&json);
    put_print(&json, "old", t->old_print);
    put_print(&json, "new", t->new_print);
    if (t->via) {
        jsonw_put_text(&json, "via", t->via);
    }
    if (t->reason && t->reason[0] != '\0') {
        jsonw_put_text(&json, "reason", t->reason);
    }
    jsonw_object_end(&json);
    if (jsonw_failed(&json)) {
        return CYAN_E_TOO_LONG;
    }
    detail[json.len] = '\0';
    const struct audit_entry entry = {.account = t->account,
                                      .owner = t->owner,
                                      .device = t->device,
                                      .action = t->action,
                                      .by = t->by ? t->by : "",
                                      .detail = detail,
                                      .at_ms = change->now_ms};
    int status = audit_append(change->store, change->crypto, &entry, head);
    if (status != 0 || !t->event) {
        return status;
    }
    struct outbox_event event = {.name = t->event,
                                 .owner = t->owner,
                                 .old_print = t->old_print,
                                 .new_print = t->new_print,
                                 .cause = t->cause,
                                 .via = t->via,
                                 .by = t->by && t->by[0] != '\0' ? t->by : NULL,
                                 .at_ms = change->now_ms};
    memcpy(event.device, t->device, CYAN_ID_LEN);
    status = outbox_write(change->store, &event, head, &out->events[out->event_count]);
    if (status == 0 && out->events[out->event_count].seq != 0) {
        out->event_count++;
    }
    return status;
}

int custody_free_name(const struct custody_change *change, uint32_t owner, const char *wanted,
                      char out_name[static DEVICE_NAME_MAX + 1])
{
    const struct store *store = change->store;
    struct store_device device;
    struct store_binding binding;
    for (unsigned i = 0; i <= DEVICE_NAMES_ATTEMPTS; i++) {
        char name[DEVICE_NAME_MAX + 1];
        if (i == 0) {
            (void)snprintf(name, sizeof name, "%s", wanted);
        } else {
            device_names_make(change->random, i - 1, name);
        }
        if (name[0] == '\0') {
            continue;
        }
        int status = store->device_find(store->ctx, owner, name, &device);
        if (status == CYAN_E_NOT_FOUND) {
            status = store->binding_find(store->ctx, owner, name, &binding);
        }
        if (status == CYAN_E_NOT_FOUND) {
            (void)snprintf(out_name, DEVICE_NAME_MAX + 1, "%s", name);
            return 0;
        }
        if (status != 0) {
            return status;
        }
    }
    return CYAN_E_EXISTS;
}

int custody_found(const struct custody_change *change, const uint8_t id[static CYAN_ID_LEN],
                  uint32_t owner, const char *name, struct store_key *key)
{
    const struct store *store = change->store;
    struct store_device device = {.owner = owner, .created_ms = change->now_ms};
    memcpy(device.id, id, sizeof device.id);
    int status = store->binding_remove_all(store->ctx, id);
    if (status == 0 && owner != 0) {
        status = custody_free_name(change, owner, name, device.name);
    }
    if (status == 0) {
        status = store->device_add(store->ctx, &device);
    }
    if (status == 0) {
        key->state = STORE_KEY_TRUSTED;
        key->created_ms = key->changed_ms = change->now_ms;
        memcpy(key->device, id, sizeof key->device);
        status = store->key_put(store->ctx, key);
    }
    return status;
}

/* The trusted key steps back; old may be NULL. */
static int retire(const struct custody_change *change, struct store_key *old,
                  const struct store_key *successor)
{
    if (!old) {
        return 0;
    }
    old->state = STORE_KEY_RETIRED;
    old->changed_ms = change->now_ms;
    old->replaced_via = successor->source;
    old->has_replaced_by = true;
    memcpy(old->replaced_by, successor->fingerprint, sizeof old->replaced_by);
    return change->store->key_put(change->store->ctx, old);
}

static int trust(const struct custody_change *change, struct store_key *key,
                 enum store_key_source source, struct store_key *old)
{
    key->state = STORE_KEY_TRUSTED;
    key->source = source;
    key->changed_ms = change->now_ms;
    key->replaced_via = STORE_KEY_NO_SOURCE;
    key->has_replaced_by = false;
    int status = retire(change, old, key);
    return status != 0 ? status : change->store->key_put(change->store->ctx, key);
}

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
    if (d->pending_count >= DOSSIER_PENDING_MAX) {
        const struct store_key *old = victim(d, c);
        int status = old ? store->key_remove(store->ctx, c->id, old->fingerprint) : CYAN_E_FULL;
        if (status != 0) {
            return status;
        }
        out->has_displaced = true;
        memcpy(out->displaced, old->fingerprint, sizeof out->displaced);
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
    int status = 0;
    if (d->has_trusted) {
        struct store_key other = d->trusted;
        other.state = STORE_KEY_PENDING;
        other.changed_ms = change->now_ms;
        other.last_seen_ms = change->now_ms;
        status = store->key_put(store->ctx, &other);
    }
    out->key = d->presented;
    if (status == 0) {
        status = trust(change, &out->key, STORE_KEY_REVERTED, NULL);
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
    int status = trust(change, &out->key, source, old);
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
    return status != 0 ? status : tell(change, &t, out);
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
    status = trust(change, &out->key, STORE_KEY_RECOVERED, d.has_trusted ? &old : NULL);
    const struct telling t = {.action = "recover",
                              .event = "cyan/key/changed",
                              .via = "recovery",
                              .owner = out->owner,
                              .device = c->id,
                              .old_print = d.has_trusted ? d.trusted.fingerprint : NULL,
                              .new_print = c->fingerprint};
    return status != 0 ? status : tell(change, &t, out);
}

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
    return status != 0 ? status : tell(change, &t, out);
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
    int status = trust(change, &next, next.source, NULL);
    const struct telling t = {.action = "trust",
                              .event = "cyan/key/changed",
                              .via = "upload",
                              .by = order->by,
                              .account = order->account,
                              .owner = out->owner,
                              .device = order->id,
                              .old_print = order->fingerprint,
                              .new_print = next.fingerprint};
    return status != 0 ? status : tell(change, &t, out);
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
        status = trust(change, key, source_of(order, d->has_trusted), old);
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
        status = tell(change, &t, out);
    }
    if (status == 0 && was_trusted && order->action == ACTION_REVOKE && d->has_announced) {
        status = promote_announced(change, order, d, out);
    }
    return status;
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
    status = store->key_get(store->ctx, order->id, order->fingerprint, &out->key);
    if (status == 0 && !dossier_is_alive(&out->key, change->now_ms)) {
        status = store->key_remove(store->ctx, order->id, order->fingerprint);
        status = status == 0 ? CYAN_E_NOT_FOUND : status;
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
        return step.drops_announced ? drop_announced(change, &d, NULL) : 0;
    default:
        return carry_out(change, order, &d, step, out);
    }
}
