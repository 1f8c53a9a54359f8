#include "wire/hello.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

enum { UNTOUCHED = 0x6B };

static int read_bytes(const uint8_t *data, size_t len, struct cyan_hello *out_hello)
{
    struct cyan_coap msg;
    int err = cyan_coap_parse(data, len, &msg);
    return err < 0 ? err : cyan_hello_read(&msg, out_hello);
}

static void expect_written(const struct cyan_hello *hello, const struct vector *expected)
{
    uint8_t back[64];
    struct cyan_writer w;
    cyan_writer_init(&w, back, sizeof back);
    cyan_hello_write(&w, hello);
    assert_false(w.failed);
    assert_int_equal(w.len, expected->len);
    assert_memory_equal(back, expected->data, w.len);
}

static void the_hello_of_0_7_0_is_read_and_written_byte_for_byte(void **state)
{
    (void)state;
    struct vectors *v = vectors_open("spec-messages.txt");
    const struct vector *vector = vectors_get(v, "device_hello");
    struct cyan_hello hello = {0};
    assert_int_equal(read_bytes(vector->data, vector->len, &hello), 0);
    assert_int_equal(hello.message_id, 0x2022);
    assert_int_equal(hello.product_id, CYAN_PRODUCT_NONE);
    assert_int_equal(hello.product_version, CYAN_PRODUCT_NONE);
    assert_int_equal(hello.flags, CYAN_HELLO_UPDATED);
    assert_int_equal(hello.platform_id, CYAN_PLATFORM_PHOTON);
    assert_false(hello.extended);
    expect_written(&hello, vector);
    vectors_close(v);
}

static void the_hello_of_3_3_1_is_read_and_written_byte_for_byte(void **state)
{
    (void)state;
    struct vectors *v = vectors_open("spec-messages.txt");
    const struct vector *vector = vectors_get(v, "device_hello_extended");
    struct cyan_hello hello = {0};
    assert_int_equal(read_bytes(vector->data, vector->len, &hello), 0);
    assert_int_equal(hello.message_id, 0x2121);
    assert_int_equal(hello.flags,
                     CYAN_HELLO_DIAGNOSTICS | CYAN_HELLO_IMMEDIATE_UPDATES | CYAN_HELLO_GOODBYE);
    assert_int_equal(hello.platform_id, CYAN_PLATFORM_PHOTON);
    assert_true(hello.extended);
    assert_int_equal(hello.system_version, 3301);
    assert_int_equal(hello.max_message, 960);
    assert_int_equal(hello.max_binary, 262144);
    assert_int_equal(hello.ota_chunk, 512);
    expect_written(&hello, vector);
    vectors_close(v);
}

static void the_server_hello_is_what_every_firmware_takes(void **state)
{
    (void)state;
    struct vectors *v = vectors_open("spec-messages.txt");
    const struct vector *expected = vectors_get(v, "server_hello");
    uint8_t back[16];
    struct cyan_writer w;
    cyan_writer_init(&w, back, sizeof back);
    cyan_server_hello_write(&w, 0x1235);
    assert_int_equal(w.len, expected->len);
    assert_memory_equal(back, expected->data, w.len);
    vectors_close(v);
}

/* A Hello with these changes: its first byte, code, path text, and payload length. */
static size_t make_hello(uint8_t *out, size_t cap, uint8_t type, uint8_t code,
                         const char *const *paths, size_t path_count, size_t payload_len)
{
    static const uint8_t payload[64] = {0};
    struct cyan_writer w;
    struct cyan_coap_writer cw;
    cyan_writer_init(&w, out, cap);
    cyan_coap_begin(&cw, &w, (enum cyan_coap_type)type, code, 1, NULL, 0);
    for (size_t i = 0; i < path_count; i++) {
        cyan_coap_option(&cw, CYAN_COAP_URI_PATH, paths[i], strlen(paths[i]));
    }
    cyan_coap_payload(&cw, payload, payload_len);
    assert_false(w.failed);
    return w.len;
}

static void only_a_con_or_non_post_is_a_hello(void **state)
{
    (void)state;
    static const char *const path[] = {"h"};
    for (unsigned type = 0; type < 4; type++) {
        for (unsigned code = 1; code < 256; code++) {
            uint8_t data[64];
            struct cyan_hello hello = {0};
            size_t len = make_hello(data, sizeof data, (uint8_t)type, (uint8_t)code, path, 1, 8);
            bool good = code == CYAN_COAP_POST && type <= CYAN_COAP_NON;
            memset(&hello, UNTOUCHED, sizeof hello);
            assert_int_equal(read_bytes(data, len, &hello), good ? 0 : CYAN_E_MALFORMED);
            assert_int_equal(all_bytes_are((uint8_t *)&hello, UNTOUCHED, sizeof hello), !good);
        }
    }
}

static void only_exactly_one_path_h_is_a_hello(void **state)
{
    (void)state;
    static const struct {
        const char *paths[3];
        size_t count;
        bool good;
    } rows[] = {
        {{"h"}, 1, true},       {{""}, 0, false},          {{""}, 1, false},
        {{"H"}, 1, false},      {{"hh"}, 1, false},        {{"h", "h"}, 2, false},
        {{"h", ""}, 2, false},  {{"", "h"}, 2, false},     {{"e", "h"}, 2, false},
        {{"h", "e"}, 2, false}, {{"h", "", ""}, 3, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t data[64];
        struct cyan_hello hello = {0};
        size_t len = make_hello(data, sizeof data, CYAN_COAP_NON, CYAN_COAP_POST, rows[i].paths,
                                rows[i].count, 8);
        assert_int_equal(read_bytes(data, len, &hello), rows[i].good ? 0 : CYAN_E_MALFORMED);
    }
    for (unsigned letter = 0; letter < 256; letter++) {
        uint8_t data[] = {0x50, 0x02, 0, 1, 0xB1, (uint8_t)letter, 0xFF, 0, 0, 0, 0, 0, 0, 0, 6};
        struct cyan_hello hello = {0};
        assert_int_equal(read_bytes(data, sizeof data, &hello),
                         letter == 'h' ? 0 : CYAN_E_MALFORMED);
    }
}

static void a_payload_below_8_bytes_is_no_hello_and_from_20_on_it_is_extended(void **state)
{
    (void)state;
    static const char *const path[] = {"h"};
    for (size_t payload = 0; payload <= 40; payload++) {
        uint8_t data[64];
        struct cyan_hello hello = {0};
        size_t len = make_hello(data, sizeof data, CYAN_COAP_NON, CYAN_COAP_POST, path, 1, payload);
        uint8_t *copy = copy_of(data, len);
        /* One byte behind the first eight is half a length. */
        bool good = payload >= 8 && payload != 9;
        assert_int_equal(read_bytes(copy, len, &hello), good ? 0 : CYAN_E_MALFORMED);
        if (good) {
            assert_int_equal(hello.extended, payload >= 20);
        }
        free(copy);
    }
}

static void an_id_of_any_length_is_stepped_over_and_one_that_is_not_there_is_malformed(void **state)
{
    (void)state;
    enum { REST = 30 };
    for (uint32_t id_len = 0; id_len <= UINT16_MAX; id_len += id_len < 64 ? 1 : 97) {
        uint8_t data[7 + 8 + 2 + REST] = {0x50, 0x02, 0, 1, 0xB1, 'h', 0xFF};
        struct cyan_hello hello = {0};
        cyan_put_be16(data + 15, (uint16_t)id_len);
        for (size_t i = 0; i < REST; i++) {
            data[17 + i] = (uint8_t)i;
        }
        int err = read_bytes(data, sizeof data, &hello);
        assert_int_equal(err, id_len <= REST ? 0 : CYAN_E_MALFORMED);
        if (err == 0) {
            assert_int_equal(hello.extended, id_len <= REST - 10);
        }
        if (err == 0 && hello.extended) {
            assert_int_equal(hello.system_version, id_len << 8 | (id_len + 1));
        }
    }
}

static void every_flipped_bit_of_a_hello_is_refused_or_changes_a_field(void **state)
{
    (void)state;
    struct vectors *v = vectors_open("spec-messages.txt");
    const struct vector *vector = vectors_get(v, "device_hello");
    struct cyan_hello good = {0};
    uint8_t *data = copy_of(vector->data, vector->len);
    assert_int_equal(read_bytes(data, vector->len, &good), 0);
    for (size_t bit = 0; bit < vector->len * 8; bit++) {
        struct cyan_hello hello = {0};
        data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        memset(&hello, 0, sizeof hello);
        if (read_bytes(data, vector->len, &hello) == 0) {
            bool type_only = bit == 4; /* NON and CON are both allowed */
            bool same = hello.message_id == good.message_id &&
                        hello.product_id == good.product_id &&
                        hello.product_version == good.product_version &&
                        hello.flags == good.flags && hello.platform_id == good.platform_id;
            assert_int_equal(same, type_only);
        }
        data[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    free(data);
    vectors_close(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hello_of_0_7_0_is_read_and_written_byte_for_byte),
        cmocka_unit_test(the_hello_of_3_3_1_is_read_and_written_byte_for_byte),
        cmocka_unit_test(the_server_hello_is_what_every_firmware_takes),
        cmocka_unit_test(only_a_con_or_non_post_is_a_hello),
        cmocka_unit_test(only_exactly_one_path_h_is_a_hello),
        cmocka_unit_test(a_payload_below_8_bytes_is_no_hello_and_from_20_on_it_is_extended),
        cmocka_unit_test(
            an_id_of_any_length_is_stepped_over_and_one_that_is_not_there_is_malformed),
        cmocka_unit_test(every_flipped_bit_of_a_hello_is_refused_or_changes_a_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
