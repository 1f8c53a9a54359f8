/* The table of tests/vectors/diagnosis.txt, and the loader over a real store. */
#include "server/cloud/diagnosis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/cloud/cloud.h"
#include "tests/unit/hub.h"
#include "tests/unit/incident_desk.h"
#include "tests/unit/timers.h"
#include "tests/unit/unit.h"

enum { LINE_MAX_LEN = 512, MINUTE = 60000, CASES_LEAST = 28 };

#define HOME "192.0.2.7"

static const int64_t now = 1773576000000;

/* A case on its way. */
static struct diagnosis_facts facts;
static struct diagnosis told;
static bool is_told;
static char name[LINE_MAX_LEN], policy[32], reset[32];

/* What follows a prefix, as a number; false when the word begins otherwise. */
static bool take_number(const char *word, const char *prefix, long *out)
{
    size_t len = strlen(prefix);
    char *end = NULL;
    if (strncmp(word, prefix, len) != 0) {
        return false;
    }
    *out = strtol(word + len, &end, 10);
    assert_true(end != word + len && *end == '\0');
    return true;
}

static bool take_text(const char *word, const char *prefix, char *out, size_t cap)
{
    size_t len = strlen(prefix);
    return strncmp(word, prefix, len) == 0 && snprintf(out, cap, "%s", word + len) > 0;
}

/* CAUSE=MINUTES, or CAUSE!=MINUTES */
static void take_failure(const char *word, struct diagnosis_cause *causes)
{
    char cause[64] = "";
    long minutes = 0;
    size_t len = strcspn(word, "!=");
    bool proven = word[len] == '!';
    assert_true(len < sizeof cause);
    memcpy(cause, word, len);
    assert_true(cause_find(cause) < INCIDENT_CAUSES);
    assert_true(take_number(word + len, proven ? "!=" : "=", &minutes));
    causes[cause_find(cause)] = (struct diagnosis_cause){
        .count = 1, .last_ms = now - (int64_t)minutes * MINUTE, .proven = proven};
}

static void take_word(const char *word)
{
    long value = 0;
    if (strcmp(word, "online") == 0) {
        facts.online = true;
    } else if (strcmp(word, "held") == 0) {
        facts.held = true;
    } else if (strcmp(word, "trusted") == 0) {
        facts.has_trusted = true;
    } else if (strcmp(word, "announced") == 0) {
        facts.has_announced = true;
    } else if (strcmp(word, "revoked") == 0) {
        facts.has_revoked = true;
    } else if (strcmp(word, "address") == 0) {
        facts.address = HOME;
    } else if (take_number(word, "pending=", &value)) {
        facts.pending_count = (size_t)value;
    } else if (take_number(word, "handshake=", &value)) {
        facts.last_handshake_ms = now - (int64_t)value * MINUTE;
    } else if (take_number(word, "heard=", &value)) {
        facts.last_heard_ms = now - (int64_t)value * MINUTE;
    } else if (take_text(word, "policy=", policy, sizeof policy)) {
        facts.policy = policy;
    } else if (take_text(word, "reset=", reset, sizeof reset)) {
        facts.last_reset = reset;
    } else if (strncmp(word, "own:", 4) == 0) {
        take_failure(word + 4, facts.own);
    } else {
        assert_int_equal(strncmp(word, "near:", 5), 0);
        take_failure(word + 5, facts.near);
    }
}

static void take_facts(char *words)
{
    char *rest = NULL;
    facts = (struct diagnosis_facts){.device = "lamp",
                                     .now_ms = now,
                                     .address = "",
                                     .firmware = "A (0.7.0 or earlier)",
                                     .last_reset = ""};
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        take_word(word);
    }
    diagnosis_tell(&facts, &told);
    is_told = true;
    assert_true(told.story_count > 0);
}

static bool in_story(const char *text)
{
    for (size_t i = 0; i < told.story_count; i++) {
        if (strstr(told.story[i], text)) {
            return true;
        }
    }
    return false;
}

static void demand(bool holds, const char *key, const char *wanted, const char *given)
{
    if (!holds) {
        fail_msg("%s: %s is \"%s\", not \"%s\"", name, key, given, wanted);
    }
}

static void check(const char *key, const char *wanted)
{
    const struct {
        const char *key;
        const char *text;
        bool is_whole;
    } texts[] = {{"headline", told.headline, false},  {"led", told.led, false},
                 {"fault", told.fault, false},        {"command", told.command, true},
                 {"key_state", told.key_state, true}, {"session", told.session, true}};
    assert_true(is_told);
    if (strcmp(key, "story") == 0 || strcmp(key, "no story") == 0) {
        demand(in_story(wanted) == (key[0] == 's'), key, wanted, told.story[0]);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (strcmp(key, texts[i].key) == 0) {
            bool fits = texts[i].is_whole ? strcmp(texts[i].text, wanted) == 0
                                          : strncmp(texts[i].text, wanted, strlen(wanted)) == 0;
            demand(fits, key, wanted, texts[i].text);
            return;
        }
    }
    fail_msg("%s: what is %s?", name, key);
}

static void the_story_is_that_of_the_table(void **state)
{
    (void)state;
    char line[LINE_MAX_LEN];
    unsigned cases = 0;
    unsigned checks = 0;
    FILE *file = fopen(CYAN_VECTORS "/diagnosis.txt", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *value = strchr(line, ':');
        if (line[0] == '#' || !value) {
            continue;
        }
        *value++ = '\0';
        value += *value == ' ';
        if (strcmp(line, "name") == 0) {
            memcpy(name, value, strlen(value) + 1);
            is_told = false;
            assert_true(cases == 0 || checks >= 6); /* of the case before */
            cases++;
            checks = 0;
        } else if (strcmp(line, "facts") == 0) {
            take_facts(value);
        } else {
            check(line, value);
            checks++;
        }
    }
    (void)fclose(file);
    assert_true(cases >= CASES_LEAST && checks >= 6);
}

/* All combinations of what a device may be: there is always a story, whole and without gaps. */
static void every_device_has_a_story(void **state)
{
    (void)state;
    enum { FLAGS = 8 };
    for (unsigned bits = 0; bits < 1u << FLAGS; bits++) {
        for (unsigned cause = 0; cause <= 2 * INCIDENT_CAUSES; cause++) {
            char words[] = "";
            take_facts(words);
            facts.online = bits & 1;
            facts.held = (bits & 2) && !facts.online;
            facts.has_trusted = bits & 4;
            facts.has_announced = bits & 8;
            facts.has_revoked = bits & 16;
            facts.pending_count = bits >> 5 & 3;
            facts.last_handshake_ms = bits & 128 ? now - 9 * MINUTE : 0;
            facts.last_heard_ms = facts.last_handshake_ms;
            if (cause < 2 * INCIDENT_CAUSES) {
                (cause % 2 ? facts.own : facts.near)[cause / 2] = (struct diagnosis_cause){
                    .count = cause, .last_ms = now, .proven = bits % 3 == 0};
            }
            diagnosis_tell(&facts, &told);
            assert_true(told.headline[0] != '\0' && told.story_count > 0);
            assert_true(told.led[0] != '\0' && told.fault[0] != '\0');
            assert_int_equal(strncmp(told.command, "cyan ", 5), 0);
            for (size_t i = 0; i < told.story_count; i++) {
                assert_int_equal(told.story[i][strlen(told.story[i]) - 1], '.');
            }
        }
    }
}

static struct cloud cloud;
static struct diagnosis_answer answer;
static int answer_status;

static void on_answer(void *arg, int status, const struct diagnosis_answer *given)
{
    assert_ptr_equal(arg, &cloud);
    answer_status = status;
    if (status == 0) {
        answer = *given;
    }
}

static void load(uint8_t device, uint32_t owner, bool held)
{
    struct device_record record = {.owner = owner, .held = held};
    memcpy(record.id, desk_id(device), sizeof record.id);
    cloud =
        (struct cloud){.jobs = hub_jobs, .presence = desk_presence, .incidents = desk_incidents};
    answer_status = 1;
    diagnosis_load(&cloud, &record, on_answer, &cloud);
    assert_int_equal(answer_status, 1);
    jobs_drain(hub_jobs);
}

static void add_key(uint8_t device, uint8_t print, enum store_key_state state)
{
    struct store_key key = {.state = state, .changed_ms = hub_now_ms};
    memcpy(key.device, desk_id(device), sizeof key.device);
    memset(key.fingerprint, print, sizeof key.fingerprint);
    key.source = state == STORE_KEY_TRUSTED ? STORE_KEY_PROVISIONED : STORE_KEY_NO_SOURCE;
    assert_int_equal(hub_store.key_put(hub_store.ctx, &key), 0);
}

static void the_loader_collects_what_the_store_and_memory_know(void **state)
{
    (void)state;
    desk_add_device(1, desk_ann, HOME);
    add_key(1, 1, STORE_KEY_TRUSTED);
    add_key(1, 2, STORE_KEY_PENDING);
    add_key(1, 3, STORE_KEY_REVOKED);
    assert_int_equal(hub_store.device_reset(hub_store.ctx, desk_id(1), "power_down"), 0);
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_ann, HOME);
    desk_note_nobody(CAUSE_NOT_DECIPHERABLE, HOME);
    timers_advance(2 * INCIDENTS_WINDOW_MS);
    load(1, desk_ann, true);
    assert_int_equal(answer_status, 0);
    assert_memory_equal(answer.id, desk_id(1), CYAN_ID_LEN);
    assert_string_equal(answer.name, "device_1");
    assert_string_equal(answer.diagnosis.session, "held");
    assert_string_equal(answer.diagnosis.key_state, "pending");
    assert_string_equal(answer.diagnosis.command, "cyan keys list device_1");
    assert_int_equal(answer.incident_count, 1); /* a held device is at its address and well */
    load(1, desk_ann, false);
    assert_string_equal(answer.diagnosis.session, "none");
    assert_int_equal(answer.incident_count, 2);
    assert_string_equal(answer.incidents[0].row.cause, "not-decipherable");
    assert_int_equal(answer.incidents[0].candidate_count, 1);
    assert_memory_equal(answer.incidents[0].candidates[0], desk_id(1), CYAN_ID_LEN);
    assert_int_equal(answer.incidents[1].candidate_count, 0);
    desk_go_online(1, desk_ann);
    load(1, desk_ann, true);
    assert_string_equal(answer.diagnosis.session, "full");
    assert_int_equal(answer.incident_count, 1);
}

/* It has proven nothing, but its record is there. */
static void an_id_that_nobody_knows_has_the_story_of_its_record(void **state)
{
    (void)state;
    load(9, 0, true);
    assert_int_equal(answer_status, 0);
    assert_memory_equal(answer.id, desk_id(9), CYAN_ID_LEN);
    assert_string_equal(answer.name, "");
    assert_string_equal(answer.diagnosis.session, "held");
    assert_string_equal(answer.diagnosis.key_state, "none");
    load(9, 0, false);
    assert_string_equal(answer.diagnosis.session, "none");
}

/* Somebody had uploaded a key for it; then it proved another account's. */
static void a_record_from_before_the_device_changed_hands_tells_nothing(void **state)
{
    (void)state;
    desk_add_device(1, desk_ann, HOME);
    load(1, desk_ann + 1, false);
    assert_int_equal(answer_status, CYAN_E_NOT_FOUND);
    load(1, 0, false);
    assert_int_equal(answer_status, CYAN_E_NOT_FOUND);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, desk_set_up, desk_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_story_is_that_of_the_table),
        cmocka_unit_test(every_device_has_a_story),
        CASE(the_loader_collects_what_the_store_and_memory_know),
        CASE(an_id_that_nobody_knows_has_the_story_of_its_record),
        CASE(a_record_from_before_the_device_changed_hands_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
