#include "server/store/query.h"
#include "server/store/rows.h"

int rows_device_count(void *ctx, uint64_t *out_count)
{
    struct query q;
    query_begin(&q, ctx, ST_DEVICE_COUNT);
    int status = query_row(&q);
    if (status == 0) {
        *out_count = (uint64_t)query_get_int(&q, 0);
    }
    query_end(&q);
    return status;
}

/* What a Hello brings, in the order of the columns. */
static void put_hello(struct query *q, const struct store_device *device)
{
    query_int(q, device->has_hello);
    query_int(q, device->platform_id);
    query_int(q, device->product_id);
    query_int(q, device->product_version);
    query_text_or_null(q, device->last_ip);
    query_int(q, device->last_heard_ms);
    query_int(q, device->last_handshake_ms);
}

int rows_device_add(void *ctx, const struct store_device *device)
{
    struct query q;
    query_begin(&q, ctx, ST_DEVICE_ADD);
    query_blob(&q, device->id, sizeof device->id);
    query_int_or_null(&q, device->owner);
    query_text_or_null(&q, device->name);
    put_hello(&q, device);
    query_int(&q, device->created_ms);
    int status = query_run(&q);
    query_end(&q);
    return status;
}

/* The next row of a query that selects devices. */
static int take_device(struct query *q, struct store_device *out_device)
{
    struct store_device device = {0};
    int status = query_row(q);
    if (status == 0) {
        query_get_blob(q, 0, device.id, sizeof device.id);
        device.owner = (uint32_t)query_get_int(q, 1);
        query_get_text(q, 2, device.name, sizeof device.name);
        device.has_hello = query_get_int(q, 3) != 0;
        device.platform_id = (uint16_t)query_get_int(q, 4);
        device.product_id = (uint16_t)query_get_int(q, 5);
        device.product_version = (uint16_t)query_get_int(q, 6);
        query_get_text(q, 7, device.last_ip, sizeof device.last_ip);
        device.last_heard_ms = query_get_int(q, 8);
        device.last_handshake_ms = query_get_int(q, 9);
        device.created_ms = query_get_int(q, 10);
        device.flags = (uint16_t)query_get_int(q, 11);
        device.system_version = (uint16_t)query_get_int(q, 12);
        device.has_server_key =
            query_get_blob_or_null(q, 13, device.server_key, sizeof device.server_key);
        device.has_module = query_get_blob_or_null(q, 14, device.module, sizeof device.module);
        query_get_text(q, 15, device.last_reset, sizeof device.last_reset);
        device.last_heal_ms = query_get_int(q, 16);
        device.heal_off = query_get_int(q, 17) != 0;
        device.has_recovery =
            query_get_blob_or_null(q, 18, device.recovery, sizeof device.recovery);
        status = q->status;
    }
    if (status == 0) {
        *out_device = device;
    }
    return status;
}

int rows_device_get(void *ctx, const uint8_t id[CYAN_ID_LEN], struct store_device *out_device)
{
    struct query q;
    query_begin(&q, ctx, ST_DEVICE_GET);
    query_blob(&q, id, CYAN_ID_LEN);
    int status = take_device(&q, out_device);
    query_end(&q);
    return status;
}

int rows_device_find(void *ctx, uint32_t owner, const char *name, struct store_device *out_device)
{
    struct query q;
    query_begin(&q, ctx, ST_DEVICE_FIND);
    query_int(&q, owner);
    query_text(&q, name);
    int status = take_device(&q, out_device);
    query_end(&q);
    return status;
}

/* Gives every row of a query that selects devices to fn, and ends it. */
static int each_device(struct query *q, store_device_fn *fn, void *arg)
{
    struct store_device device;
    int status;
    while ((status = take_device(q, &device)) == 0) {
        status = fn(arg, &device);
        if (status != 0) {
            break;
        }
    }
    query_end(q);
    return status == CYAN_E_NOT_FOUND ? 0 : status;
}

int rows_device_each(void *ctx, uint32_t owner, store_device_fn *fn, void *arg)
{
    struct query q;
    query_begin(&q, ctx, ST_DEVICE_EACH);
    query_int_or_null(&q, owner);
    return each_device(&q, fn, arg);
}

int rows_device_at(void *ctx, const char *address, uint32_t max, store_device_fn *fn, void *arg)
{
    struct query q;
    query_begin(&q, ctx, ST_DEVICE_AT_ADDRESS);
    query_text(&q, address);
    query_int(&q, max);
    return each_device(&q, fn, arg);
}

int rows_device_by_server_key(void *ctx, const uint8_t fingerprint[CYAN_SHA256_LEN],
                              store_device_fn *fn, void *arg)
{
    struct query q;
    query_begin(&q, ctx, ST_DEVICE_BY_SERVER_KEY);
    query_blob(&q, fingerprint, CYAN_SHA256_LEN);
    return each_device(&q, fn, arg);
}

int rows_device_hello(void *ctx, const struct store_device *device)
{
    struct query q;
    query_begin(&q, ctx, ST_DEVICE_HELLO);
    query_blob(&q, device->id, sizeof device->id);
    put_hello(&q, device);
    query_int(&q, device->flags);
    query_int(&q, device->system_version);
    query_blob_or_null(&q, device->has_server_key, device->server_key, sizeof device->server_key);
    return query_run_on_one(&q);
}

int rows_device_owner(void *ctx, const uint8_t id[CYAN_ID_LEN], uint32_t owner, const char *name)
{
    struct query q;
    query_begin(&q, ctx, ST_DEVICE_OWNER);
    query_blob(&q, id, CYAN_ID_LEN);
    query_int_or_null(&q, owner);
    query_text_or_null(&q, name);
    return query_run_on_one(&q);
}

int rows_device_heal(void *ctx, const uint8_t id[CYAN_ID_LEN], int64_t last_ms, bool off)
{
    struct query q;
    query_begin(&q, ctx, ST_DEVICE_HEAL);
    query_blob(&q, id, CYAN_ID_LEN);
    query_int(&q, last_ms);
    query_int(&q, off);
    return query_run_on_one(&q);
}

int rows_device_module(void *ctx, const uint8_t id[CYAN_ID_LEN],
                       const uint8_t hash[CYAN_SHA256_LEN])
{
    struct query q;
    query_begin(&q, ctx, ST_DEVICE_MODULE);
    query_blob(&q, id, CYAN_ID_LEN);
    query_blob(&q, hash, CYAN_SHA256_LEN);
    return query_run_on_one(&q);
}

int rows_device_recovery(void *ctx, const uint8_t id[CYAN_ID_LEN],
                         const uint8_t key[STORE_RECOVERY_LEN])
{
    struct query q;
    query_begin(&q, ctx, ST_DEVICE_RECOVERY);
    query_blob(&q, id, CYAN_ID_LEN);
    query_blob_or_null(&q, key != NULL, key, STORE_RECOVERY_LEN);
    return query_run_on_one(&q);
}

int rows_device_reset(void *ctx, const uint8_t id[CYAN_ID_LEN], const char *reason)
{
    struct query q;
    query_begin(&q, ctx, ST_DEVICE_RESET);
    query_blob(&q, id, CYAN_ID_LEN);
    query_text_or_null(&q, reason);
    return query_run_on_one(&q);
}

int rows_device_heard(void *ctx, const uint8_t id[CYAN_ID_LEN], int64_t heard_ms)
{
    struct query q;
    query_begin(&q, ctx, ST_DEVICE_HEARD);
    query_blob(&q, id, CYAN_ID_LEN);
    query_int(&q, heard_ms);
    int status = query_run(&q);
    query_end(&q);
    return status;
}

int rows_device_count_with_server_key(void *ctx, const uint8_t fingerprint[CYAN_SHA256_LEN],
                                      uint64_t *out_count)
{
    struct query q;
    query_begin(&q, ctx, ST_DEVICE_COUNT_WITH_SERVER_KEY);
    query_blob(&q, fingerprint, CYAN_SHA256_LEN);
    int status = query_row(&q);
    if (status == 0) {
        *out_count = (uint64_t)query_get_int(&q, 0);
    }
    query_end(&q);
    return status;
}

int rows_device_assume_server_key(void *ctx, const uint8_t fingerprint[CYAN_SHA256_LEN])
{
    struct query q;
    query_begin(&q, ctx, ST_DEVICE_ASSUME_SERVER_KEY);
    query_blob(&q, fingerprint, CYAN_SHA256_LEN);
    int status = query_run(&q);
    query_end(&q);
    return status;
}
