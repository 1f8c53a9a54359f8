#include "cli/table.h"

#include <stdbool.h>
#include <stdlib.h>

#include "cli/text.h"

void table_init(struct table *table, size_t columns)
{
    *table = (struct table){.columns = columns};
}

void table_done(struct table *table)
{
    for (size_t i = 0; i < table->rows * table->columns; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    *table = (struct table){0};
}

int table_add(struct table *table, const char *const *cells)
{
    size_t count = table->rows * table->columns;
    char **grown = realloc(table->cells, (count + table->columns) * sizeof *grown);
    if (!grown) {
        return -1;
    }
    table->cells = grown;
    for (size_t i = 0; i < table->columns; i++) {
        grown[count + i] = text_clean(cells[i] ? cells[i] : "");
        if (!grown[count + i]) {
            while (i > 0) {
                free(grown[count + --i]);
            }
            return -1;
        }
    }
    table->rows++;
    return 0;
}

void table_print(const struct table *table, FILE *out)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    for (size_t i = 0; i < table->rows * table->columns; i++) {
        size_t width = text_width(table->cells[i]);
        size_t *widest = &widths[i % table->columns];
        *widest = width > *widest ? width : *widest;
    }
    for (size_t i = 0; i < table->rows * table->columns; i++) {
        const char *cell = table->cells[i];
        bool last = i % table->columns + 1 == table->columns;
        int padding = last ? 0 : (int)(widths[i % table->columns] - text_width(cell) + 2);
        (void)fprintf(out, "%s%*s%s", cell, padding, "", last ? "\n" : "");
    }
}
