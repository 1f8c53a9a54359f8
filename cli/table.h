/* table.h - columns of text for people, as wide as their widest cell. */
#ifndef CYAN_CLI_TABLE_H
#define CYAN_CLI_TABLE_H

#include <stddef.h>
#include <stdio.h>

enum { TABLE_COLUMNS_MAX = 8 };

struct table {
    size_t columns;
    size_t rows;
    char **cells; /* owned, row after row; the first row is the heading */
};

/* columns is at most TABLE_COLUMNS_MAX. */
void table_init(struct table *table, size_t columns);
void table_done(struct table *table);

/* Adds a row of copies, made harmless for a terminal; NULL is an empty cell. Returns 0, or -1 when
 * memory is short. */
int table_add(struct table *table, const char *const *cells);

void table_print(const struct table *table, FILE *out);

#endif
