#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/query.h"
#include "server/store/sqlite.h"

enum { BUSY_TIMEOUT_MS = 5000 };

/* One reading transaction, whatever is written meanwhile; SQLite refuses a file with something in
 * it. */
static int vacuum_into(struct db *db, const char *to)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(db->handle, "VACUUM INTO ?1", -1, &stmt, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_bind_text(stmt, 1, to, -1, SQLITE_STATIC);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_step(stmt);
    }
    int status = db_error(db, code);
    int cause = errno;
    sqlite3_finalize(stmt);
    errno = cause;
    return status;
}

int store_sqlite_copy(const char *path, const char *to)
{
    struct db db = {0};
    char *from_literal = db_literal_path(path);
    char *to_literal = db_literal_path(to);
    int status = from_literal && to_literal ? 0 : CYAN_E_NO_MEMORY;
    if (status == 0) {
        status = db_error(&db, sqlite3_open_v2(from_literal, &db.handle,
                                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
    }
    if (status == 0) {
        sqlite3_extended_result_codes(db.handle, 1);
        status = db_error(&db, sqlite3_busy_timeout(db.handle, BUSY_TIMEOUT_MS));
    }
    if (status == 0) {
        status = vacuum_into(&db, to_literal);
    }
    int cause = errno;
    sqlite3_close(db.handle);
    free(from_literal);
    free(to_literal);
    errno = cause;
    return status;
}
