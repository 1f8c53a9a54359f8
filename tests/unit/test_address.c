#include "wire/address.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "tests/unit/support.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"
#include "wire/limits.h"

static const struct {
    const char *vector, *host;
    enum cyan_address_type type;
    uint16_t port;
    bool written; /* does writing what was read give the record back? */
} rows[] = {
    {"ipv4_192_168_1_10_port_5683", "192.168.1.10", CYAN_ADDRESS_IPV4, 5683, true},
    {"ipv4_127_0_0_1_port_1", "127.0.0.1", CYAN_ADDRESS_IPV4, 1, true},
    {"ipv4_255_255_255_255_port_65534", "255.255.255.255", CYAN_ADDRESS_IPV4, 65534, true},
    {"ipv4_0_9_10_99_no_port", "0.9.10.99", CYAN_ADDRESS_IPV4, 5683, false},
    {"ipv4_10_0_0_100_zero_port", "10.0.0.100", CYAN_ADDRESS_IPV4, 5683, false},
    {"domain_short", "a", CYAN_ADDRESS_DOMAIN, 80, true},
    {"domain_spark", "device.spark.io", CYAN_ADDRESS_DOMAIN, 5683, false},
    {"domain_with_id", "$id.cloud_1.example-2.org", CYAN_ADDRESS_DOMAIN, 5683, true},
    {"domain_63", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.net",
     CYAN_ADDRESS_DOMAIN, 443, true},
};

static void records_of_an_independent_tool_are_read_and_written_byte_for_byte(void **state)
{
    (void)state;
    struct vectors *v = vectors_open("address.txt");
    assert_int_equal(v->count, COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const uint8_t *record = vectors_bytes(v, rows[i].vector, CYAN_ADDRESS_LEN);
        struct cyan_address address;
        uint8_t back[CYAN_ADDRESS_LEN];
        assert_int_equal(cyan_address_read(record, &address), 0);
        assert_int_equal(address.type, rows[i].type);
        assert_string_equal(address.host, rows[i].host);
        assert_int_equal(address.port, rows[i].port);
        assert_int_equal(cyan_address_write(&address, back), 0);
        assert_int_equal(memcmp(back, record, sizeof back) == 0, rows[i].written);
        /* The port that a record left out stands in the written one: nothing else may differ. */
        memcpy(back + CYAN_ADDRESS_PORT, record + CYAN_ADDRESS_PORT, 2);
        assert_memory_equal(back, record, sizeof back);
    }
    vectors_close(v);
}

static void the_examples_of_the_specification_are_read(void **state)
{
    (void)state;
    struct vectors *v = vectors_open("spec-keys.txt");
    const struct vector *begin = vectors_get(v, "address_ipv4_begin");
    uint8_t record[CYAN_ADDRESS_LEN];
    struct cyan_address address;
    memset(record, 0xFF, sizeof record);
    memcpy(record, begin->data, begin->len);
    memcpy(record + 66, vectors_bytes(v, "address_ipv4_port", 2), 2);
    assert_int_equal(cyan_address_read(record, &address), 0);
    assert_string_equal(address.host, "192.168.1.10");
    assert_int_equal(address.port, 5683);

    begin = vectors_get(v, "address_builtin_begin");
    memset(record, 0xFF, sizeof record);
    memcpy(record, begin->data, begin->len);
    assert_int_equal(cyan_address_read(record, &address), 0);
    assert_string_equal(address.host, "device.spark.io");
    assert_int_equal(address.port, CYAN_DEVICE_PORT);
    vectors_close(v);
}

static void every_type_but_0_and_1_is_blank(void **state)
{
    (void)state;
    for (unsigned type = 2; type < 256; type++) {
        for (unsigned len = 0; len < 256; len += 5) {
            uint8_t record[CYAN_ADDRESS_LEN];
            struct cyan_address address = {.port = 7};
            memset(record, 'a', sizeof record);
            record[0] = (uint8_t)type;
            record[1] = (uint8_t)len;
            assert_int_equal(cyan_address_read(record, &address), CYAN_E_BLANK);
            assert_int_equal(address.port, 7);
        }
    }
}

static void every_length_that_does_not_fit_its_type_is_malformed(void **state)
{
    (void)state;
    for (unsigned type = 0; type <= 1; type++) {
        for (unsigned len = 0; len < 256; len++) {
            uint8_t record[CYAN_ADDRESS_LEN];
            struct cyan_address address;
            memset(record, 'a', sizeof record);
            record[0] = (uint8_t)type;
            record[1] = (uint8_t)len;
            bool fits = type == 0 ? len == 4 : len >= 1 && len <= CYAN_ADDRESS_HOST_MAX;
            assert_int_equal(cyan_address_read(record, &address), fits ? 0 : CYAN_E_MALFORMED);
            if (fits && type == 1) {
                assert_int_equal(strlen(address.host), len);
            }
        }
    }
}

static bool is_host_character(int c)
{
    return c > 0 &&
           strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._$", c) != NULL;
}

static void every_character_outside_the_set_is_refused_in_reading_and_in_parsing(void **state)
{
    (void)state;
    for (int c = 1; c < 256; c++) {
        uint8_t record[CYAN_ADDRESS_LEN];
        struct cyan_address address;
        char host[] = "host.name";
        memset(record, 0xFF, sizeof record);
        host[4] = (char)c;
        record[0] = CYAN_ADDRESS_DOMAIN;
        record[1] = (uint8_t)strlen(host);
        memcpy(record + 2, host, strlen(host));
        bool good = is_host_character(c);
        assert_int_equal(cyan_address_read(record, &address), good ? 0 : CYAN_E_MALFORMED);
        assert_int_equal(cyan_address_parse(host, 1, &address), good ? 0 : CYAN_E_INVALID);
    }
}

static void every_port_comes_back_and_0_and_ffff_mean_5683(void **state)
{
    (void)state;
    for (uint32_t port = 0; port <= UINT16_MAX; port++) {
        uint8_t record[CYAN_ADDRESS_LEN];
        struct cyan_address address = {.type = CYAN_ADDRESS_DOMAIN, .host = "h", .port = 9};
        assert_int_equal(cyan_address_write(&address, record), 0);
        cyan_put_be16(record + CYAN_ADDRESS_PORT, (uint16_t)port);
        assert_int_equal(cyan_address_read(record, &address), 0);
        bool none = port == 0 || port == UINT16_MAX;
        assert_int_equal(address.port, none ? CYAN_DEVICE_PORT : port);
        struct cyan_address parsed = {.port = 3};
        assert_int_equal(cyan_address_parse("h", (uint16_t)port, &parsed),
                         none ? CYAN_E_INVALID : 0);
        assert_int_equal(parsed.port, none ? 3 : port);
    }
}

static void numbers_with_dots_are_ipv4_or_refused_and_never_names(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "1.2.3",     "1.2.3.4.",   ".1.2.3.4",  "1..2.3",   "1.2.3.256", "256.1.1.1",  "1.2.3.999",
        "1.2.3.4.5", "1.2.3.0001", "1234",      ".",        "....",      "1.2.3.",     "0",
        "1.2.3.4 ",  " 1.2.3.4",   "1.2.3.4:5", "1.2.3.+4", "",          "1.2.3.1000",
    };
    struct cyan_address address;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(cyan_address_parse(bad[i], 1, &address), CYAN_E_INVALID);
    }
    for (unsigned value = 0; value < 256; value++) {
        char host[16], text[16];
        (void)snprintf(host, sizeof host, "%u.%u.0.%u", value, 255 - value, value / 2);
        assert_int_equal(cyan_address_parse(host, 1, &address), 0);
        assert_int_equal(address.type, CYAN_ADDRESS_IPV4);
        assert_string_equal(address.host, host);
        (void)snprintf(text, sizeof text, "%03u.1.1.1", value);
        assert_int_equal(cyan_address_parse(text, 1, &address), 0);
        (void)snprintf(host, sizeof host, "%u.1.1.1", value);
        assert_string_equal(address.host, host);
    }
}

static void hosts_up_to_63_characters_are_taken_and_longer_ones_refused(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 300; len++) {
        char host[301];
        struct cyan_address address = {.port = 3};
        memset(host, 'n', len);
        host[len] = '\0';
        int err = cyan_address_parse(host, 1, &address);
        assert_int_equal(err, len <= CYAN_ADDRESS_HOST_MAX ? 0 : CYAN_E_INVALID);
        assert_int_equal(address.port, err < 0 ? 3 : 1);
        if (err == 0) {
            assert_int_equal(address.type, CYAN_ADDRESS_DOMAIN);
            assert_string_equal(address.host, host);
        }
    }
}

static void writing_refuses_what_reading_would_not_give_back_and_writes_nothing(void **state)
{
    (void)state;
    static const struct cyan_address bad[] = {
        {CYAN_ADDRESS_DOMAIN, "", 1},        {CYAN_ADDRESS_DOMAIN, "a b", 1},
        {CYAN_ADDRESS_IPV4, "host.name", 1}, {CYAN_ADDRESS_IPV4, "1.2.3.256", 1},
        {CYAN_ADDRESS_NONE, "host.name", 1}, {CYAN_ADDRESS_DOMAIN, "host.name", 0},
        {CYAN_ADDRESS_IPV4, "1.2.3.4", 0},   {CYAN_ADDRESS_IPV4, "1.2.3.4", UINT16_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        uint8_t record[CYAN_ADDRESS_LEN];
        memset(record, 0x21, sizeof record);
        assert_int_equal(cyan_address_write(&bad[i], record), CYAN_E_INVALID);
        assert_true(all_bytes_are(record, 0x21, sizeof record));
    }
}

static void whatever_a_flipped_bit_leaves_readable_is_written_and_read_back_alike(void **state)
{
    (void)state;
    struct vectors *v = vectors_open("address.txt");
    for (size_t i = 0; i < v->count; i++) {
        uint8_t record[CYAN_ADDRESS_LEN];
        memcpy(record, v->items[i].data, sizeof record);
        for (size_t bit = 0; bit < sizeof record * 8; bit++) {
            struct cyan_address address, again;
            uint8_t back[CYAN_ADDRESS_LEN];
            record[bit / 8] ^= (uint8_t)(1U << bit % 8);
            if (cyan_address_read(record, &address) == 0) {
                assert_int_equal(cyan_address_write(&address, back), 0);
                assert_int_equal(cyan_address_read(back, &again), 0);
                assert_int_equal(again.type, address.type);
                assert_string_equal(again.host, address.host);
                assert_int_equal(again.port, address.port);
            }
            record[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
    vectors_close(v);
}

static void a_stored_name_of_digits_can_be_written_back(void **state)
{
    (void)state;
    uint8_t record[CYAN_ADDRESS_LEN], back[CYAN_ADDRESS_LEN];
    struct cyan_address address;
    memset(record, 0xFF, sizeof record);
    record[0] = CYAN_ADDRESS_DOMAIN;
    record[1] = 8;
    memcpy(record + 2, "10.0.0.1", 8);
    cyan_put_be16(record + CYAN_ADDRESS_PORT, 5683);
    assert_int_equal(cyan_address_read(record, &address), 0);
    assert_int_equal(cyan_address_write(&address, back), 0);
    assert_memory_equal(back, record, sizeof record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_an_independent_tool_are_read_and_written_byte_for_byte),
        cmocka_unit_test(the_examples_of_the_specification_are_read),
        cmocka_unit_test(every_type_but_0_and_1_is_blank),
        cmocka_unit_test(every_length_that_does_not_fit_its_type_is_malformed),
        cmocka_unit_test(every_character_outside_the_set_is_refused_in_reading_and_in_parsing),
        cmocka_unit_test(every_port_comes_back_and_0_and_ffff_mean_5683),
        cmocka_unit_test(numbers_with_dots_are_ipv4_or_refused_and_never_names),
        cmocka_unit_test(hosts_up_to_63_characters_are_taken_and_longer_ones_refused),
        cmocka_unit_test(writing_refuses_what_reading_would_not_give_back_and_writes_nothing),
        cmocka_unit_test(whatever_a_flipped_bit_leaves_readable_is_written_and_read_back_alike),
        cmocka_unit_test(a_stored_name_of_digits_can_be_written_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
