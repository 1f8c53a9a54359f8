#include "server/store/query.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int db_error(struct db *db, int code)
{
    int cause = errno; /* SQLite does not note it on all of its ways */
    switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
        return CYAN_E_EXISTS;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return CYAN_E_NOT_FOUND;
    default:
        break;
    }
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_CONSTRAINT:
        return CYAN_E_INVALID;
    case SQLITE_FULL:
        return CYAN_E_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return CYAN_E_BUSY;
    case SQLITE_NOMEM:
        return CYAN_E_NO_MEMORY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* our own statements meet tables that are not ours */
    case SQLITE_SCHEMA:
        return CYAN_E_CORRUPT;
    case SQLITE_READONLY:
        errno = EROFS;
        return CYAN_E_IO;
    default:
        break;
    }
    if (db->handle && sqlite3_system_errno(db->handle) != 0) {
        cause = sqlite3_system_errno(db->handle);
    }
    if (cause == ENOSPC || cause == EDQUOT || cause == EFBIG) {
        return CYAN_E_FULL;
    }
    errno = cause != 0 ? cause : EIO;
    return CYAN_E_IO;
}

char *db_literal_path(const char *path)
{
    char *literal = NULL;
    int len = asprintf(&literal, "%s%s", path[0] == '/' ? "" : "./", path);
    return len < 0 ? NULL : literal;
}

void query_begin(struct query *q, struct db *db, enum statement which)
{
    *q = (struct query){.db = db, .stmt = db->statements[which], .next = 1};
}

static void note(struct query *q, int code)
{
    if (q->status == 0 && code != SQLITE_OK) {
        q->status = db_error(q->db, code);
    }
}

void query_int(struct query *q, int64_t value)
{
    note(q, sqlite3_bind_int64(q->stmt, q->next++, value));
}

void query_int_or_null(struct query *q, int64_t value)
{
    if (value != 0) {
        query_int(q, value);
    } else {
        note(q, sqlite3_bind_null(q->stmt, q->next++));
    }
}

void query_text(struct query *q, const char *text)
{
    note(q, sqlite3_bind_text(q->stmt, q->next++, text, -1, SQLITE_STATIC));
}

void query_text_or_null(struct query *q, const char *text)
{
    if (text[0] != '\0') {
        query_text(q, text);
    } else {
        note(q, sqlite3_bind_null(q->stmt, q->next++));
    }
}

void query_blob(struct query *q, const void *data, size_t len)
{
    note(q, sqlite3_bind_blob64(q->stmt, q->next++, data, len, SQLITE_STATIC));
}

void query_blob_or_null(struct query *q, bool is_there, const void *data, size_t len)
{
    if (is_there) {
        query_blob(q, data, len);
    } else {
        note(q, sqlite3_bind_null(q->stmt, q->next++));
    }
}

/* SQLITE_ROW, SQLITE_DONE, or the failure is in q->status. */
static int step(struct query *q)
{
    int code = q->status == 0 ? sqlite3_step(q->stmt) : SQLITE_ERROR;
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        note(q, code);
    }
    return code;
}

int query_row(struct query *q)
{
    return step(q) == SQLITE_DONE ? CYAN_E_NOT_FOUND : q->status;
}

int query_run(struct query *q)
{
    (void)step(q);
    return q->status;
}

void query_end(struct query *q)
{
    /* What reset returns has been seen already, as the result of the step. */
    sqlite3_reset(q->stmt);
    sqlite3_clear_bindings(q->stmt);
}

int64_t query_get_int(struct query *q, int column)
{
    return sqlite3_column_int64(q->stmt, column);
}

void query_get_text(struct query *q, int column, char *out_text, size_t cap)
{
    const void *text = sqlite3_column_text(q->stmt, column);
    size_t len = (size_t)sqlite3_column_bytes(q->stmt, column);
    if (!text || len >= cap || memchr(text, '\0', len)) {
        if (text) {
            note(q, SQLITE_CORRUPT);
        }
        len = 0;
    } else {
        memcpy(out_text, text, len);
    }
    out_text[len] = '\0';
}

void query_get_blob(struct query *q, int column, void *out_data, size_t len)
{
    const void *data = sqlite3_column_blob(q->stmt, column);
    if (!data || (size_t)sqlite3_column_bytes(q->stmt, column) != len) {
        note(q, SQLITE_CORRUPT);
        memset(out_data, 0, len);
        return;
    }
    memcpy(out_data, data, len);
}

bool query_get_blob_or_null(struct query *q, int column, void *out_data, size_t len)
{
    if (sqlite3_column_type(q->stmt, column) == SQLITE_NULL) {
        memset(out_data, 0, len);
        return false;
    }
    query_get_blob(q, column, out_data, len);
    return true;
}

int query_run_once(struct query *q)
{
    int status = query_run(q);
    query_end(q);
    return status;
}

int query_run_on_one(struct query *q)
{
    int status = query_run_once(q);
    if (status == 0 && sqlite3_changes(q->db->handle) == 0) {
        status = CYAN_E_NOT_FOUND;
    }
    return status;
}

int query_get_word(struct query *q, int column, const char *const *words, size_t count)
{
    const char *text = (const char *)sqlite3_column_text(q->stmt, column);
    for (size_t i = 0; i < count; i++) {
        if (words[i] ? text && strcmp(words[i], text) == 0 : !text) {
            return (int)i;
        }
    }
    note(q, SQLITE_CORRUPT);
    return 0;
}
