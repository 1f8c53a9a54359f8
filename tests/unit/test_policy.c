#include "server/cloud/policy.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

static const uint8_t lamp[CYAN_ID_LEN] = {1}, other[CYAN_ID_LEN] = {2};

static void fill(struct policy *policy, size_t ids, size_t networks)
{
    policy_init(policy);
    policy->base = POLICY_HEAL;
    policy->familiar = FAMILIAR_ALL & ~(unsigned)FAMILIAR_MODULE;
    policy->opened_ms = 1700000000000;
    policy->until_ms = 1700000600000;
    for (size_t i = 0; i < ids; i++) {
        memset(policy->ids[i], (int)i, CYAN_ID_LEN);
        policy->ids[i][0] = (uint8_t)(i >> 8);
    }
    policy->id_count = ids;
    for (size_t i = 0; i < networks; i++) {
        (void)snprintf(policy->networks[i], sizeof policy->networks[i],
                       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:%04zx/128", i);
    }
    policy->network_count = networks;
}

static void assert_same(const struct policy *a, const struct policy *b)
{
    assert_int_equal(a->base, b->base);
    assert_int_equal(a->familiar, b->familiar);
    assert_int_equal(a->opened_ms, b->opened_ms);
    assert_int_equal(a->until_ms, b->until_ms);
    assert_int_equal(a->id_count, b->id_count);
    assert_memory_equal(a->ids, b->ids, a->id_count * CYAN_ID_LEN);
    assert_int_equal(a->network_count, b->network_count);
    for (size_t i = 0; i < a->network_count; i++) {
        assert_string_equal(a->networks[i], b->networks[i]);
    }
}

static void every_size_of_a_policy_comes_back_from_its_text(void **state)
{
    (void)state;
    static char text[STORE_POLICY_MAX + 1];
    static struct policy policy, back;
    for (size_t ids = 0; ids <= POLICY_IDS_MAX; ids += ids < 4 ? 1 : 63) {
        for (size_t networks = 0; networks <= POLICY_NETWORKS_MAX; networks++) {
            fill(&policy, ids, networks);
            assert_int_equal(policy_format(&policy, text, sizeof text), 0);
            assert_int_equal(policy_parse(text, &back), 0);
            assert_same(&policy, &back);
        }
    }
    for (int base = POLICY_NONE; base < POLICY_ENROLL; base++) {
        for (unsigned familiar = 0; familiar <= FAMILIAR_ALL; familiar++) {
            fill(&policy, 1, 1);
            policy.base = (enum policy_value)base;
            policy.familiar = familiar;
            assert_int_equal(policy_format(&policy, text, sizeof text), 0);
            assert_int_equal(policy_parse(text, &back), 0);
            assert_same(&policy, &back);
        }
    }
}

static void a_text_without_room_is_no_text(void **state)
{
    (void)state;
    static char text[STORE_POLICY_MAX + 1];
    static struct policy policy;
    fill(&policy, 3, 2);
    assert_int_equal(policy_format(&policy, text, sizeof text), 0);
    size_t len = strlen(text);
    for (size_t cap = 1; cap <= len; cap++) {
        assert_int_equal(policy_format(&policy, text, cap), CYAN_E_NO_SPACE);
    }
    assert_int_equal(policy_format(&policy, text, len + 1), 0);
}

/* Texts of somebody who can write into the store, or of a version that is not there yet. */
static void a_text_that_makes_no_sense_is_corrupt_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{",
        "null",
        "[]",
        "\"heal\"",
        "{}",
        "{\"base\":\"heal\"}",
        "{\"familiar\":15}",
        "{\"base\":3,\"familiar\":15}",
        "{\"base\":\"heal\",\"familiar\":\"15\"}",
        "{\"base\":\"heal\",\"familiar\":1.5}",
        "{\"base\":\"enroll\",\"familiar\":15}", /* a base is never that */
        "{\"base\":\"Heal\",\"familiar\":15}",
        "{\"base\":\"\",\"familiar\":15}",
        "{\"base\":\"anything\",\"familiar\":15}",
        "{\"base\":\"heal\",\"familiar\":15,\"ids\":[1]}",
        "{\"base\":\"heal\",\"familiar\":15,\"ids\":[\"2f\"]}",
        "{\"base\":\"heal\",\"familiar\":15,\"ids\":[\"2f000000000000000000000g\"]}",
        "{\"base\":\"heal\",\"familiar\":15,\"ids\":[\"2f00000000000000000000012f\"]}",
        "{\"base\":\"heal\",\"familiar\":15,\"networks\":[null]}",
        "{\"base\":\"heal\",\"familiar\":15,\"networks\":[\"10.0.0.0/33\"]}",
        "{\"base\":\"heal\",\"familiar\":15,\"networks\":[\"home\"]}",
        "{\"base\":\"heal\",\"familiar\":15} trailing",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct policy policy;
        memset(&policy, 0x5A, sizeof policy);
        if (policy_parse(texts[i], &policy) != CYAN_E_CORRUPT) {
            fail_msg("%s", texts[i]);
        }
        assert_int_equal(policy.id_count, (size_t)0x5A5A5A5A5A5A5A5A);
    }
}

/* One element more than there is room for. */
static void a_list_that_is_too_long_is_corrupt(void **state)
{
    (void)state;
    static char text[64 * 1024];
    static const struct {
        const char *key, *item;
        size_t most;
    } lists[] = {{"ids", "\"2f0000000000000000000001\"", POLICY_IDS_MAX},
                 {"networks", "\"10.0.0.0/8\"", POLICY_NETWORKS_MAX}};
    for (size_t l = 0; l < COUNT_OF(lists); l++) {
        for (size_t extra = 0; extra < 2; extra++) {
            static struct policy policy;
            int len = snprintf(text, sizeof text, "{\"base\":\"heal\",\"familiar\":15,\"%s\":[",
                               lists[l].key);
            for (size_t i = 0; i < lists[l].most + extra; i++) {
                len += snprintf(text + len, sizeof text - (size_t)len, "%s%s", i ? "," : "",
                                lists[l].item);
            }
            (void)snprintf(text + len, sizeof text - (size_t)len, "]}");
            assert_int_equal(policy_parse(text, &policy), extra ? CYAN_E_CORRUPT : 0);
        }
    }
}

static void every_cut_of_a_text_is_corrupt(void **state)
{
    (void)state;
    char text[1024], cut[1024];
    static struct policy policy;
    fill(&policy, 2, 2);
    assert_int_equal(policy_format(&policy, text, sizeof text), 0);
    for (size_t len = 0; len < strlen(text); len++) {
        memcpy(cut, text, len);
        cut[len] = '\0';
        assert_int_equal(policy_parse(cut, &policy), CYAN_E_CORRUPT);
    }
}

/* --- windows --- */

static void a_window_is_open_until_its_very_end_and_forgets_whom_it_served(void **state)
{
    (void)state;
    static struct policy policy;
    policy_init(&policy);
    assert_false(policy_is_open(&policy, 0));
    policy.opened_ms = 1000;
    policy.until_ms = 2000;
    assert_true(policy_is_open(&policy, 1999));
    assert_false(policy_is_open(&policy, 2000));
    for (size_t served = 0; served < 5; served++) {
        fill(&policy, 5, 0);
        policy_serve(&policy, other); /* not named: nothing happens */
        assert_int_equal(policy.id_count, 5);
        uint8_t id[CYAN_ID_LEN];
        memcpy(id, policy.ids[served], sizeof id);
        policy_serve(&policy, id);
        policy_serve(&policy, id);
        assert_int_equal(policy.id_count, 4);
        assert_false(policy_names(&policy, id));
        assert_true(policy.until_ms != 0);
    }
    fill(&policy, 5, 0);
    memcpy(policy.ids[4], policy.ids[1], CYAN_ID_LEN); /* named twice, served once */
    memcpy(policy.ids[2], policy.ids[1], CYAN_ID_LEN);
    uint8_t twice[CYAN_ID_LEN];
    memcpy(twice, policy.ids[1], sizeof twice);
    policy_serve(&policy, twice);
    assert_false(policy_names(&policy, twice));
    assert_int_equal(policy.id_count, 2);
    while (policy.id_count > 0) {
        uint8_t id[CYAN_ID_LEN];
        memcpy(id, policy.ids[0], sizeof id);
        policy_serve(&policy, id);
    }
    assert_int_equal(policy.until_ms, 0); /* nobody is left: closed */
}

/* --- which one holds --- */

static struct policy level(enum policy_value base, int window)
{
    struct policy policy;
    policy_init(&policy);
    policy.base = base;
    if (window) { /* 1: it names the lamp; 2: it names another; 3: it has ended */
        policy.opened_ms = 100;
        policy.until_ms = window == 3 ? 1000 : 1001;
        memcpy(policy.ids[policy.id_count++], window == 2 ? other : lamp, CYAN_ID_LEN);
    }
    return policy;
}

/* The nearest base counts; a window stands above the base of its own level and above the levels
 * behind it, but never above a nearer base. */
static void the_nearest_policy_holds_and_a_window_above_its_own_level(void **state)
{
    (void)state;
    for (int d = POLICY_NONE; d < POLICY_ENROLL; d++) {
        for (int dw = 0; dw <= 3; dw++) {
            for (int a = POLICY_NONE; a < POLICY_ENROLL; a++) {
                for (int aw = 0; aw <= 3; aw++) {
                    struct policy device = level((enum policy_value)d, dw);
                    struct policy account = level((enum policy_value)a, aw);
                    struct policy_choice choice;
                    policy_choose(&device, &account, lamp, 1000, &choice);
                    const struct policy *base = d != POLICY_NONE   ? &device
                                                : a != POLICY_NONE ? &account
                                                                   : NULL;
                    bool opens = dw == 1 || (aw == 1 && d == POLICY_NONE);
                    const struct policy *of = dw == 1 ? &device : opens ? &account : base;
                    assert_ptr_equal(choice.familiar_of, base);
                    assert_int_equal(choice.base, base ? base->base : POLICY_QUARANTINE);
                    assert_int_equal(choice.value, opens ? POLICY_ENROLL : choice.base);
                    assert_ptr_equal(choice.of, of);
                    assert_string_equal(choice.from, !of             ? "default"
                                                     : of == &device ? "device"
                                                                     : "account");
                }
            }
        }
    }
}

static void every_value_has_a_name_and_no_other_word_is_one(void **state)
{
    (void)state;
    static const char *const others[] = {"none", "", "Strict", "strict ", "enrol", "default"};
    for (int value = POLICY_STRICT; value <= POLICY_ENROLL; value++) {
        assert_int_equal(policy_value_of(policy_name((enum policy_value)value)), value);
    }
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_int_equal(policy_value_of(others[i]), POLICY_NONE);
    }
}

/* --- networks --- */

static void a_network_is_an_address_with_or_without_its_bits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
    } cases[] = {
        {"10.0.0.0/8", true},
        {"192.0.2.7", true},
        {"0.0.0.0/0", true},
        {"192.0.2.7/32", true},
        {"192.0.2.7/33", false},
        {"::/0", true},
        {"2001:db8::/32", true},
        {"2001:db8::1", true},
        {"2001:db8::1/128", true},
        {"2001:db8::1/129", false},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128", true},
        {"", false},
        {"/", false},
        {"/8", false},
        {"10.0.0.0/", false},
        {"10.0.0.0/-1", false},
        {"10.0.0.0/+8", false},
        {"10.0.0.0/ 8", false},
        {"10.0.0.0/8 ", false},
        {" 10.0.0.0/8", false},
        {"10.0.0.0/0x8", false},
        {"10.0.0.0/8/8", false},
        {"10.0.0.0/0008", false},
        {"10.0.0/8", false},
        {"10.0.0.256/8", false},
        {"10.0.0.0.0/8", false},
        {"g::/8", false},
        {"1:2:3:4:5:6:7:8:9/8", false},
        {"example.com/8", false},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/0000", false},
        {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff/8", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (policy_network_ok(cases[i].text) != cases[i].ok) {
            fail_msg("%s", cases[i].text);
        }
    }
}

static bool covers(const char *network, const char *address)
{
    static struct policy policy;
    policy_init(&policy);
    (void)snprintf(policy.networks[0], sizeof policy.networks[0], "%s", network);
    policy.network_count = 1;
    assert_true(policy_network_ok(network));
    return policy_covers(&policy, address);
}

static void text_of_v4(const uint8_t *a, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
}

static void text_of_v6(const uint8_t *a, char *out, size_t cap)
{
    int len = 0;
    for (size_t i = 0; i < 16; i += 2) {
        len += snprintf(out + len, cap - (size_t)len, "%s%02x%02x", i ? ":" : "", a[i], a[i + 1]);
    }
}

/* For every length of the prefix: one flipped bit inside it is outside, one behind it is inside. */
static void check_prefixes(size_t bytes, void (*text_of)(const uint8_t *a, char *out, size_t cap))
{
    uint8_t base[16];
    char address[64], network[80], prefix[64];
    for (size_t i = 0; i < sizeof base; i++) {
        base[i] = (uint8_t)(0xA5 ^ (i * 29));
    }
    for (unsigned bits = 0; bits <= bytes * 8; bits++) {
        text_of(base, prefix, sizeof prefix);
        (void)snprintf(network, sizeof network, "%s/%u", prefix, bits);
        for (unsigned flip = 0; flip < bytes * 8; flip++) {
            base[flip / 8] ^= (uint8_t)(0x80 >> flip % 8);
            text_of(base, address, sizeof address);
            base[flip / 8] ^= (uint8_t)(0x80 >> flip % 8);
            if (covers(network, address) != (flip >= bits)) {
                fail_msg("%s in %s", address, network);
            }
        }
        assert_true(covers(network, prefix));
    }
    text_of(base, prefix, sizeof prefix);
    assert_true(covers(prefix, prefix)); /* one address */
    base[bytes - 1] ^= 1;
    text_of(base, address, sizeof address);
    assert_false(covers(prefix, address));
}

static void every_prefix_length_covers_exactly_its_bits(void **state)
{
    (void)state;
    check_prefixes(4, text_of_v4);
    check_prefixes(16, text_of_v6);
}

static void families_are_not_mixed_and_words_are_no_addresses(void **state)
{
    (void)state;
    assert_false(covers("0.0.0.0/0", "2001:db8::1"));
    assert_false(covers("::/0", "192.0.2.7"));
    assert_false(covers("0.0.0.0/0", ""));
    assert_false(covers("0.0.0.0/0", "somewhere"));
    assert_false(covers("0.0.0.0/0", "10.0.0.0/8"));
}

static void any_of_the_networks_is_enough(void **state)
{
    (void)state;
    static struct policy policy;
    policy_init(&policy);
    assert_false(policy_covers(&policy, "10.0.0.1"));
    for (size_t i = 0; i < POLICY_NETWORKS_MAX; i++) {
        (void)snprintf(policy.networks[i], sizeof policy.networks[i], "10.0.%zu.0/24", i);
    }
    policy.network_count = POLICY_NETWORKS_MAX;
    for (size_t i = 0; i <= POLICY_NETWORKS_MAX; i++) {
        char address[32];
        (void)snprintf(address, sizeof address, "10.0.%zu.9", i);
        assert_int_equal(policy_covers(&policy, address), i < POLICY_NETWORKS_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_of_a_policy_comes_back_from_its_text),
        cmocka_unit_test(a_text_without_room_is_no_text),
        cmocka_unit_test(a_text_that_makes_no_sense_is_corrupt_and_changes_nothing),
        cmocka_unit_test(a_list_that_is_too_long_is_corrupt),
        cmocka_unit_test(every_cut_of_a_text_is_corrupt),
        cmocka_unit_test(a_window_is_open_until_its_very_end_and_forgets_whom_it_served),
        cmocka_unit_test(the_nearest_policy_holds_and_a_window_above_its_own_level),
        cmocka_unit_test(every_value_has_a_name_and_no_other_word_is_one),
        cmocka_unit_test(a_network_is_an_address_with_or_without_its_bits),
        cmocka_unit_test(every_prefix_length_covers_exactly_its_bits),
        cmocka_unit_test(families_are_not_mixed_and_words_are_no_addresses),
        cmocka_unit_test(any_of_the_networks_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
