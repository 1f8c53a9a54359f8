#include "keys/audit_chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

enum { ROWS = 5, FIELDS = 7, TEXT_MAX = 1024 };

/* A canonical text cut into its fields, which stay in text. */
static struct cyan_audit_row row_of(const struct vector *vector, char text[static TEXT_MAX])
{
    char *fields[FIELDS] = {text};
    size_t count = 1;
    assert_in_range(vector->len, 1, TEXT_MAX - 1);
    memcpy(text, vector->data, vector->len);
    text[vector->len] = '\0';
    for (char *at = text; *at; at++) {
        if (*at == '\n') {
            *at = '\0';
            assert_in_range(count, 1, FIELDS - 1);
            fields[count++] = at + 1;
        }
    }
    assert_int_equal(count, FIELDS);
    return (struct cyan_audit_row){.seq = strtoull(fields[0], NULL, 10),
                                   .at_ms = strtoll(fields[1], NULL, 10),
                                   .account = strtoll(fields[2], NULL, 10),
                                   .device = fields[3],
                                   .action = fields[4],
                                   .by = fields[5],
                                   .detail = fields[6]};
}

static void rows_and_heads_are_what_another_tool_computed(void **state)
{
    (void)state;
    struct vectors *vectors = vectors_open("audit-chain.txt");
    uint8_t head[CYAN_SHA256_LEN] = {0};
    assert_memory_equal(vectors_bytes(vectors, "head_0", sizeof head), head, sizeof head);
    for (size_t i = 1; i <= ROWS; i++) {
        char name[32], text[TEXT_MAX];
        uint8_t row[CYAN_SHA256_LEN];
        (void)snprintf(name, sizeof name, "text_%zu", i);
        struct cyan_audit_row fields = row_of(vectors_get(vectors, name), text);
        assert_int_equal(cyan_audit_row(&fields, row), 0);
        (void)snprintf(name, sizeof name, "row_%zu", i);
        assert_memory_equal(row, vectors_bytes(vectors, name, sizeof row), sizeof row);
        assert_int_equal(cyan_audit_head(head, row, head), 0);
        (void)snprintf(name, sizeof name, "head_%zu", i);
        assert_memory_equal(head, vectors_bytes(vectors, name, sizeof head), sizeof head);
    }
    vectors_close(vectors);
}

static void every_field_changes_the_hash_of_a_row(void **state)
{
    (void)state;
    const struct cyan_audit_row row = {1, 2, 3, "d", "a", "b", "{}"};
    struct cyan_audit_row others[] = {row, row, row, row, row, row, row, row};
    uint8_t hash[CYAN_SHA256_LEN], other[CYAN_SHA256_LEN];
    others[0].seq = 4;
    others[1].at_ms = 4;
    others[2].account = 4;
    others[3].device = "x";
    others[4].action = "x";
    others[5].by = NULL;
    others[6].detail = "x";
    /* A text may not slip over into its neighbour. */
    others[7].device = "";
    others[7].action = "da";
    assert_int_equal(cyan_audit_row(&row, hash), 0);
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_int_equal(cyan_audit_row(&others[i], other), 0);
        assert_memory_not_equal(hash, other, sizeof hash);
    }
}

static void a_line_end_in_a_text_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct cyan_audit_row row = {1,
                                     2,
                                     3,
                                     i == 0 ? "\n" : "d",
                                     i == 1 ? "a\nb" : "a",
                                     i == 2 ? "b\n" : "b",
                                     i == 3 ? "{\n}" : "{}"};
        uint8_t hash[CYAN_SHA256_LEN] = {7};
        assert_int_equal(cyan_audit_row(&row, hash), CYAN_E_INVALID);
        assert_int_equal(hash[0], 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_heads_are_what_another_tool_computed),
        cmocka_unit_test(every_field_changes_the_hash_of_a_row),
        cmocka_unit_test(a_line_end_in_a_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
