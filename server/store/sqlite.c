#include "server/store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/store/query.h"
#include "server/store/rows.h"
#include "server/store/schema.h"

enum { BUSY_TIMEOUT_MS = 5000 };

static const char in_memory[] = ":memory:";

static int run_plain(struct db *db, enum statement which)
{
    struct query q;
    query_begin(&q, db, which);
    int status = query_run(&q);
    query_end(&q);
    return status;
}

static int sqlite_begin(void *ctx)
{
    return run_plain(ctx, ST_BEGIN);
}

/* After some errors (a full disk, say) SQLite has rolled back by itself: what comes next in the
 * same transaction would then stand alone. */
static int in_transaction(struct db *db)
{
    return sqlite3_get_autocommit(db->handle) ? CYAN_E_IO : 0;
}

static int sqlite_commit(void *ctx)
{
    int status = in_transaction(ctx);
    return status != 0 ? status : run_plain(ctx, ST_COMMIT);
}

static void sqlite_rollback(void *ctx)
{
    if (in_transaction(ctx) == 0) {
        (void)run_plain(ctx, ST_ROLLBACK);
    }
}

static int sqlite_savepoint(void *ctx)
{
    int status = in_transaction(ctx);
    return status != 0 ? status : run_plain(ctx, ST_SAVEPOINT);
}

static int sqlite_release(void *ctx)
{
    int status = in_transaction(ctx);
    return status != 0 ? status : run_plain(ctx, ST_RELEASE);
}

static int sqlite_rollback_to(void *ctx)
{
    int status = in_transaction(ctx);
    if (status == 0) {
        status = run_plain(ctx, ST_ROLLBACK_TO);
    }
    return status != 0 ? status : run_plain(ctx, ST_RELEASE);
}

static int sqlite_meta_get(void *ctx, const char *name, char *out_value, size_t cap)
{
    struct query q;
    char value[STORE_META_MAX + 1];
    query_begin(&q, ctx, ST_META_GET);
    query_text(&q, name);
    int status = query_row(&q);
    if (status == 0) {
        query_get_text(&q, 0, value, sizeof value);
        status = q.status;
    }
    query_end(&q);
    if (status != 0) {
        return status;
    }
    if (strlen(value) >= cap) {
        return CYAN_E_NO_SPACE;
    }
    memcpy(out_value, value, strlen(value) + 1);
    return 0;
}

static int sqlite_meta_set(void *ctx, const char *name, const char *value)
{
    struct query q;
    query_begin(&q, ctx, ST_META_SET);
    query_text(&q, name);
    query_text(&q, value);
    int status = query_run(&q);
    query_end(&q);
    return status;
}

static void sqlite_close(void *ctx)
{
    struct db *db = ctx;
    if (!db) {
        return;
    }
    for (int i = 0; i < ST_COUNT; i++) {
        sqlite3_finalize(db->statements[i]);
    }
    sqlite3_close(db->handle);
    free(db);
}

/* SQLite gives -wal and -shm the mode of the file itself, so that is set before it looks. It takes
 * what is shorter than a header for an empty database and would write over it: we do not. */
static int prepare_file(const char *path)
{
    static const char magic[16] = "SQLite format 3";
    enum { HEADER_LEN = 100 };
    char header[HEADER_LEN];
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return CYAN_E_IO;
    }
    int status = 0;
    ssize_t len = read(fd, header, sizeof header);
    if (len < 0 || fchmod(fd, 0600) != 0) {
        status = CYAN_E_IO;
    } else if (len != 0 && (len != HEADER_LEN || memcmp(header, magic, sizeof magic) != 0)) {
        status = CYAN_E_CORRUPT;
    }
    int cause = errno;
    close(fd);
    errno = cause;
    return status;
}

static int configure(struct db *db)
{
    static const char pragmas[] = "PRAGMA foreign_keys = ON;"
                                  "PRAGMA synchronous = FULL;"
                                  "PRAGMA cell_size_check = ON;"
                                  "PRAGMA trusted_schema = OFF;"
                                  "PRAGMA journal_mode = WAL;";
    sqlite3_extended_result_codes(db->handle, 1);
    int code = sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    if (code == SQLITE_OK) {
        code = sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(db->handle, pragmas, NULL, NULL, NULL);
    }
    return code == SQLITE_OK ? 0 : db_error(db, code);
}

/* All at once: a statement that does not fit the tables is found now and not at its first use. */
static int prepare_statements(struct db *db)
{
    for (int i = 0; i < ST_COUNT; i++) {
        int code = sqlite3_prepare_v3(db->handle, statement_text[i], -1, SQLITE_PREPARE_PERSISTENT,
                                      &db->statements[i], NULL);
        if (code != SQLITE_OK) {
            return db_error(db, code);
        }
    }
    return 0;
}

static const struct store functions = {
    .close = sqlite_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .savepoint = sqlite_savepoint,
    .release = sqlite_release,
    .rollback_to = sqlite_rollback_to,
    .meta_get = sqlite_meta_get,
    .meta_set = sqlite_meta_set,
    .account_count = rows_account_count,
    .account_add = rows_account_add,
    .account_get = rows_account_get,
    .account_find = rows_account_find,
    .token_add = rows_token_add,
    .token_get = rows_token_get,
    .pair_remove = rows_pair_remove,
    .tokens_trim = rows_tokens_trim,
    .device_count = rows_device_count,
    .device_add = rows_device_add,
    .device_get = rows_device_get,
    .device_find = rows_device_find,
    .device_each = rows_device_each,
    .device_at = rows_device_at,
    .device_by_server_key = rows_device_by_server_key,
    .device_hello = rows_device_hello,
    .device_owner = rows_device_owner,
    .device_heal = rows_device_heal,
    .device_module = rows_device_module,
    .device_recovery = rows_device_recovery,
    .device_reset = rows_device_reset,
    .device_heard = rows_device_heard,
    .device_count_with_server_key = rows_device_count_with_server_key,
    .device_assume_server_key = rows_device_assume_server_key,
    .key_trusted = rows_key_trusted,
    .key_get = rows_key_get,
    .key_each = rows_key_each,
    .key_put = rows_key_put,
    .key_remove = rows_key_remove,
    .key_seen = rows_key_seen,
    .binding_put = rows_binding_put,
    .binding_each = rows_binding_each,
    .binding_of_account = rows_binding_of_account,
    .binding_find = rows_binding_find,
    .binding_count = rows_binding_count,
    .binding_remove = rows_binding_remove,
    .binding_remove_all = rows_binding_remove_all,
    .binding_trim = rows_binding_trim,
    .policy_get = rows_policy_get,
    .policy_put = rows_policy_put,
    .policy_remove = rows_policy_remove,
    .claim_put = rows_claim_put,
    .claim_get = rows_claim_get,
    .claim_trim = rows_claim_trim,
    .claim_remove = rows_claim_remove,
    .incident_put = rows_incident_put,
    .incident_each = rows_incident_each,
    .incident_remove = rows_incident_remove,
    .outbox_put = rows_outbox_put,
    .outbox_each = rows_outbox_each,
    .outbox_remove = rows_outbox_remove,
    .audit_add = rows_audit_add,
    .audit_last = rows_audit_last,
    .audit_each = rows_audit_each,
    .counter_next = rows_counter_next,
};

/* One thread at a time, as store.h says: SQLite's own locks would only cost. */
static int open_file(struct db *db, const char *path)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    char *literal = strcmp(path, in_memory) == 0 ? strdup(path) : db_literal_path(path);
    if (!literal) {
        return SQLITE_NOMEM;
    }
    int code = sqlite3_open_v2(literal, &db->handle, flags, NULL);
    free(literal);
    return code;
}

int store_sqlite_open(const char *path, struct store *out_store)
{
    int status = strcmp(path, in_memory) == 0 ? 0 : prepare_file(path);
    if (status != 0) {
        return status;
    }
    struct db *db = calloc(1, sizeof *db);
    if (!db) {
        return CYAN_E_NO_MEMORY;
    }
    int code = open_file(db, path);
    status = code == SQLITE_OK ? configure(db) : db_error(db, code);
    if (status == 0) {
        status = schema_open(db);
    }
    if (status == 0) {
        status = prepare_statements(db);
    }
    if (status != 0) {
        int cause = errno;
        sqlite_close(db);
        errno = cause;
        return status;
    }
    *out_store = functions;
    out_store->ctx = db;
    return 0;
}
