#include "server/cloud/causes.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "server/store/store.h"
#include "tests/unit/unit.h"

/* docs/SPEC-custody.md, "Incidents", in its order. */
static const char *const names[] = {"not-decipherable",
                                    "device-key-mismatch",
                                    "device-key-malformed",
                                    "device-key-revoked",
                                    "unknown-device",
                                    "silent",
                                    "truncated",
                                    "hung-up-after-nonce",
                                    "dropped-our-key",
                                    "bad-frame",
                                    "timeout",
                                    "flood",
                                    "contested",
                                    "clone"};

static const char *const stages[] = {"nonce", "request", "judgement", "answer", "hello", "session"};

static void every_cause_of_the_specification_is_there_and_no_other(void **state)
{
    (void)state;
    assert_int_equal(INCIDENT_CAUSES, COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        enum incident_cause cause = cause_find(names[i]);
        assert_true(cause < INCIDENT_CAUSES);
        assert_string_equal(cause_of(cause)->name, names[i]);
        assert_true(strlen(names[i]) <= STORE_WORD_MAX);
    }
    assert_int_equal(cause_find(""), INCIDENT_CAUSES);
    assert_int_equal(cause_find("clones"), INCIDENT_CAUSES);
    assert_int_equal(INCIDENT_STAGES, COUNT_OF(stages) + 1);
    for (size_t i = 0; i < COUNT_OF(stages); i++) {
        enum incident_stage stage = stage_find(stages[i]);
        assert_true(stage != STAGE_USUAL);
        assert_string_equal(stage_name(stage), stages[i]);
    }
    assert_int_equal(stage_find(""), STAGE_USUAL);
    assert_int_equal(stage_find("nonces"), STAGE_USUAL);
}

static void every_cause_has_all_its_words(void **state)
{
    (void)state;
    for (enum incident_cause i = 0; i < INCIDENT_CAUSES; i++) {
        const struct cause *cause = cause_of(i);
        assert_true(cause->stage != STAGE_USUAL);
        assert_non_null(strstr(cause->led, "cyan"));
        assert_true(strlen(cause->fault) > 3);
        assert_int_equal(strncmp(cause->command, "cyan ", 5), 0);
        assert_non_null(strchr(cause->advice, '%'));
        assert_null(strchr(strchr(cause->advice, '%') + 1, '%'));
        assert_int_equal(cause->advice[strlen(cause->advice) - 1], '.');
    }
}

/* The flash by which a stock device tells one failure from another. */
static void the_led_is_orange_for_our_answer_only_and_breathes_when_held(void **state)
{
    (void)state;
    for (enum incident_cause i = 0; i < INCIDENT_CAUSES; i++) {
        bool is_orange = strstr(cause_led(i, false), "orange") != NULL;
        assert_int_equal(is_orange, i == CAUSE_DROPPED_OUR_KEY);
    }
    assert_non_null(strstr(cause_led(CAUSE_KEY_MISMATCH, false), "red"));
    assert_non_null(strstr(cause_led(CAUSE_KEY_MISMATCH, true), "breathing cyan"));
    assert_non_null(strstr(cause_led(CAUSE_UNKNOWN_DEVICE, true), "breathing cyan"));
    assert_non_null(strstr(cause_led(CAUSE_KEY_REVOKED, true), "red"));
}

static void without_a_proof_it_is_somebody_who_says_so(void **state)
{
    (void)state;
    char text[CAUSE_TEXT_MAX];
    for (enum incident_cause i = 0; i < INCIDENT_CAUSES; i++) {
        struct cause_subject subject = {.device = "lamp", .address = "192.0.2.7"};
        cause_advice(i, &subject, text);
        assert_non_null(strstr(text, "Somebody who says it is lamp "));
        assert_null(strstr(text, "The device lamp"));
        subject.proven = true;
        cause_advice(i, &subject, text);
        assert_non_null(strstr(text, "The device lamp "));
        subject.device = NULL;
        cause_advice(i, &subject, text);
        assert_non_null(strstr(text, "Somebody at 192.0.2.7 "));
        subject.address = "";
        cause_advice(i, &subject, text);
        assert_non_null(strstr(text, "Somebody "));
        assert_null(strchr(text, '%'));
    }
}

static void the_longest_names_leave_every_sentence_whole(void **state)
{
    (void)state;
    char name[STORE_DEVICE_NAME_MAX + 1] = "";
    char text[CAUSE_TEXT_MAX];
    memset(name, 'n', STORE_DEVICE_NAME_MAX);
    const struct cause_subject subject = {.device = name};
    for (enum incident_cause i = 0; i < INCIDENT_CAUSES; i++) {
        cause_advice(i, &subject, text);
        assert_int_equal(text[strlen(text) - 1], '.');
        cause_command(i, &subject, text);
        assert_true(strlen(text) < CAUSE_TEXT_MAX - 1);
    }
}

/* What the command line understands. */
static void every_command_is_one_of_the_command_line(void **state)
{
    (void)state;
    static const char *const commands[] = {"cyan keys list kitchen",  "cyan keys new",
                                           "cyan keys server",        "cyan keys send kitchen",
                                           "cyan incidents --cause ", "cyan incidents kitchen"};
    const struct cause_subject subject = {.device = "kitchen"};
    for (enum incident_cause i = 0; i < INCIDENT_CAUSES; i++) {
        char text[CAUSE_TEXT_MAX];
        size_t fits = 0;
        cause_command(i, &subject, text);
        for (size_t c = 0; c < COUNT_OF(commands); c++) {
            fits += strncmp(text, commands[c], strlen(commands[c])) == 0;
        }
        assert_int_equal(fits, 1);
        assert_null(strstr(text, "DEVICE"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cause_of_the_specification_is_there_and_no_other),
        cmocka_unit_test(every_cause_has_all_its_words),
        cmocka_unit_test(the_led_is_orange_for_our_answer_only_and_breathes_when_held),
        cmocka_unit_test(without_a_proof_it_is_somebody_who_says_so),
        cmocka_unit_test(the_longest_names_leave_every_sentence_whole),
        cmocka_unit_test(every_command_is_one_of_the_command_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
