#include "server/cloud/policies.h"

#include <stdlib.h>
#include <string.h>

#include "server/cloud/audit.h"
#include "server/cloud/cloud.h"
#include "server/cloud/custody.h"
#include "server/cloud/jobs.h"
#include "server/json.h"
#include "server/net/log.h"

static const char heal_fact[] = "heal_was_set";

struct changing {
    struct job job;
    struct cloud *cloud;
    struct account account;
    bool of_device;
    uint8_t device[CYAN_ID_LEN];
    bool changes, removes;
    enum policy_value value;
    struct policy wanted; /* what the change gives */
    int64_t now_ms;
    struct policy_view view;
    policy_fn *done;
    void *arg;
};

static void apply(const struct changing *c, struct policy *policy)
{
    const struct policy *wanted = &c->wanted;
    bool window = c->removes ? policy_is_open(policy, c->now_ms) : c->value == POLICY_ENROLL;
    if (window || !policy_is_open(policy, c->now_ms)) {
        policy->opened_ms = policy->until_ms = 0; /* the one before has ended */
        policy->id_count = 0;
    }
    if (window && !c->removes) {
        policy->opened_ms = c->now_ms;
        policy->until_ms = wanted->until_ms;
        policy->id_count = wanted->id_count;
        memcpy(policy->ids, wanted->ids, sizeof policy->ids);
    }
    if (!window) {
        policy->base = c->removes ? POLICY_NONE : c->value;
        policy->familiar = c->removes ? FAMILIAR_ALL : wanted->familiar;
        policy->network_count = c->removes ? 0 : wanted->network_count;
        memcpy(policy->networks, wanted->networks, sizeof policy->networks);
    }
}

static int note(const struct changing *c, const struct store *store)
{
    char detail[STORE_DETAIL_MAX + 1];
    uint8_t head[CYAN_SHA256_LEN];
    struct json json;
    jsonw_init(&json, detail, sizeof detail - 1);
    jsonw_object(&json);
    jsonw_put_text(&json, "policy", c->removes ? "none" : policy_name(c->value));
    if (!c->removes && c->value == POLICY_ENROLL) {
        jsonw_put_int(&json, "ids", (int64_t)c->wanted.id_count);
        jsonw_put_int(&json, "until_ms", c->wanted.until_ms);
    }
    jsonw_object_end(&json);
    if (jsonw_failed(&json)) {
        return CYAN_E_TOO_LONG;
    }
    detail[json.len] = '\0';
    const struct audit_entry entry = {.account = c->account.id,
                                      .owner = c->account.id,
                                      .device = c->of_device ? c->device : NULL,
                                      .action = "policy",
                                      .by = c->account.name,
                                      .detail = detail,
                                      .at_ms = c->now_ms};
    return audit_append(store, &entry, head);
}

static int put_change(struct changing *c, const struct store *store)
{
    struct policy *own = &c->view.own;
    apply(c, own);
    int status = c->of_device ? policy_put_device(store, c->device, own)
                              : policy_put_account(store, c->account.id, own);
    if (status == 0 && !c->removes && c->value == POLICY_HEAL) {
        status = store->meta_set(store->ctx, heal_fact, "1");
    }
    return status != 0 ? status : note(c, store);
}

/* A device's policy is its owner's. One that has proven nothing yet has none: several accounts may
 * have uploaded a key for its id, and what one of them left behind would hold for the others. */
static int check_owner(const struct changing *c, const struct store *store)
{
    struct store_device device;
    int status = store->device_get(store->ctx, c->device, &device);
    if (status == CYAN_E_NOT_FOUND) {
        return c->changes ? CYAN_E_NOT_FOUND : 0;
    }
    bool is_own = device.owner == c->account.id || (device.owner == 0 && c->account.is_operator);
    return status == 0 && !is_own ? CYAN_E_REFUSED : status;
}

static int run(struct job *job, const struct store *store)
{
    struct changing *c = (struct changing *)job;
    struct policy_view *view = &c->view;
    int status = c->of_device ? check_owner(c, store) : 0;
    if (status == 0) {
        status = policy_of_account(store, c->account.id, &view->account);
    }
    if (status == 0 && c->of_device) {
        status = policy_of_device(store, c->device, &view->own);
    } else if (status == 0) {
        view->own = view->account;
    }
    if (status == 0 && c->changes) {
        status = put_change(c, store);
    }
    return status;
}

/* An account's window names ids, not the account: for its own view every one of them counts. */
static void choose(struct changing *c)
{
    static const uint8_t nobody[CYAN_ID_LEN];
    struct policy_view *view = &c->view;
    struct policy none;
    policy_init(&none);
    if (c->of_device) {
        policy_choose(&view->own, &view->account, c->device, c->now_ms, &view->choice);
        return;
    }
    const uint8_t *id = view->own.id_count > 0 ? view->own.ids[0] : nobody;
    policy_choose(&none, &view->own, id, c->now_ms, &view->choice);
}

static void answer(struct job *job, int status)
{
    struct changing *c = (struct changing *)job;
    if (status == 0) {
        choose(c);
    }
    c->done(c->arg, status, status == 0 ? &c->view : NULL);
    if (status == 0 && c->changes) {
        if (!c->removes && c->value == POLICY_HEAL) {
            custody_wants_modules(c->cloud);
        }
        if (c->of_device) {
            custody_review(c->cloud, c->device);
        } else {
            custody_review_account(c->cloud, c->account.id);
        }
    }
    free(c);
}

void policies_change(struct cloud *cloud, const struct policy_level *level,
                     const struct policy_change *change, policy_fn *done, void *arg)
{
    struct changing *c = calloc(1, sizeof *c);
    if (!c) {
        done(arg, CYAN_E_NO_MEMORY, NULL);
        return;
    }
    c->job = (struct job){.run = run, .done = answer};
    c->cloud = cloud;
    c->account = level->account;
    c->of_device = level->device != NULL;
    if (level->device) {
        memcpy(c->device, level->device, sizeof c->device);
    }
    policy_init(&c->wanted);
    if (change) {
        c->changes = true;
        c->removes = change->removes;
        c->value = change->value;
        c->wanted.until_ms = change->until_ms;
        c->wanted.familiar = change->familiar;
        for (size_t i = 0; i < change->id_count && i < POLICY_IDS_MAX; i++) {
            memcpy(c->wanted.ids[c->wanted.id_count++], change->ids[i], CYAN_ID_LEN);
        }
        for (size_t i = 0; i < change->network_count && i < POLICY_NETWORKS_MAX; i++) {
            memcpy(c->wanted.networks[c->wanted.network_count++], change->networks[i],
                   POLICY_NETWORK_TEXT);
        }
    }
    c->now_ms = clock_now_ms();
    c->done = done;
    c->arg = arg;
    jobs_store(cloud->jobs, &c->job);
}

struct starting {
    struct job job;
    struct cloud *cloud;
};

static int read_fact(struct job *job, const struct store *store)
{
    char value[8];
    (void)job;
    return store->meta_get(store->ctx, heal_fact, value, sizeof value);
}

static void fact_read(struct job *job, int status)
{
    struct starting *starting = (struct starting *)job;
    if (status == 0) {
        custody_wants_modules(starting->cloud);
    }
    free(starting);
}

void policies_start(struct cloud *cloud)
{
    struct starting *starting = calloc(1, sizeof *starting);
    if (starting) {
        starting->job = (struct job){.run = read_fact, .done = fact_read};
        starting->cloud = cloud;
        jobs_store(cloud->jobs, &starting->job);
    }
}
