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

int rows_device_each(void *ctx, uint32_t owner, store_device_fn *fn, void *arg)
{
    struct query q;
    struct store_device device;
    int status;
    query_begin(&q, ctx, ST_DEVICE_EACH);
    query_int(&q, owner);
    while ((status = take_device(&q, &device)) == 0) {
        status = fn(arg, &device);
        if (status != 0) {
            query_end(&q);
            return status;
        }
    }
    query_end(&q);
    return status == CYAN_E_NOT_FOUND ? 0 : status;
}

/* For updates of one row: that there is none is an error. */
static int run_on_one(struct query *q)
{
    int status = query_run(q);
    query_end(q);
    if (status == 0 && sqlite3_changes(q->db->handle) == 0) {
        status = CYAN_E_NOT_FOUND;
    }
    return status;
}

int rows_device_hello(void *ctx, const struct store_device *device)
{
    struct query q;
    query_begin(&q, ctx, ST_DEVICE_HELLO);
    query_blob(&q, device->id, sizeof device->id);
    put_hello(&q, device);
    return run_on_one(&q);
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
