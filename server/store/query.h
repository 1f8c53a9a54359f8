/* query.h - one prepared statement at work; inside server/store only.
 *
 *   struct query q;
 *   query_begin(&q, db, ST_ACCOUNT_GET);
 *   query_int(&q, id);
 *   if ((status = query_row(&q)) == 0) { ... query_get_int(&q, 0) ... }
 *   query_end(&q);
 *
 * Values are bound in order and borrowed until query_end. The first failure is remembered, so
 * that a caller asks once. Statements are prepared at their first use and kept. */
#ifndef CYAN_SERVER_STORE_QUERY_H
#define CYAN_SERVER_STORE_QUERY_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "server/store/statements.h"

struct db {
    sqlite3 *handle;
    sqlite3_stmt *statements[ST_COUNT];
};

struct query {
    struct db *db;
    sqlite3_stmt *stmt;
    int next;   /* number of the next parameter */
    int status; /* the first failure */
};

/* What a result code of SQLite means to the callers of a store. */
int db_error(struct db *db, int code);

/* The path in a form that SQLite takes for nothing but a path: a folder named "file:" is no URI to
 * us. On the heap; NULL without memory. */
char *db_literal_path(const char *path);

void query_begin(struct query *q, struct db *db, enum statement which);
void query_int(struct query *q, int64_t value);
void query_int_or_null(struct query *q, int64_t value); /* 0 is NULL */
void query_text(struct query *q, const char *text);
void query_text_or_null(struct query *q, const char *text); /* "" is NULL */
void query_blob(struct query *q, const void *data, size_t len);
void query_blob_or_null(struct query *q, bool is_there, const void *data, size_t len);

/* 0: there is a row; CYAN_E_NOT_FOUND: none, or no more. */
int query_row(struct query *q) CYAN_MUST_CHECK;
/* Runs a statement that gives no rows. */
int query_run(struct query *q) CYAN_MUST_CHECK;
void query_end(struct query *q);

/* Column of the row, from 0. NULL reads as 0 or "". A text or blob that does not fit, which no
 * statement of ours has written, makes query_end's caller see CYAN_E_CORRUPT: q->status. */
int64_t query_get_int(struct query *q, int column);
void query_get_text(struct query *q, int column, char *out_text, size_t cap);
void query_get_blob(struct query *q, int column, void *out_data, size_t len);
/* false for NULL; then out_data is zeroes. */
bool query_get_blob_or_null(struct query *q, int column, void *out_data, size_t len);

/* For an update of one row that must be there: runs, ends; CYAN_E_NOT_FOUND. */
int query_run_on_one(struct query *q) CYAN_MUST_CHECK;
/* Runs and ends. */
int query_run_once(struct query *q) CYAN_MUST_CHECK;

/* The number of a word in a list, or CYAN_E_CORRUPT in q->status. */
int query_get_word(struct query *q, int column, const char *const *words, size_t count);

#endif
