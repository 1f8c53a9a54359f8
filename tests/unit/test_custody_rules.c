/* The tables of docs/SPEC-custody.md, as tests/vectors has them, against the rules. */
#include "server/cloud/custody_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

enum { LINE_CAP = 256, COLUMNS = 8, ROWS_MAX = 64, WORDS_MAX = 10 };

/* The words of each column in the order of what they stand for. */
static const char *const words[COLUMNS][WORDS_MAX + 1] = {
    {"none", "trusted", "announced", "new", "pending", "denied", "retired", "revoked", "malformed",
     "uploaded"},
    {"no", "yes"},
    {"no", "yes"},
    {"strict", "quarantine", "heal", "enroll"},
    {"refuse", "quarantine", "enroll"},
    {"allowed", "denied"},
    {"no", "yes"},
    {"no", "yes"},
};
static const char *const verdicts[] = {
    [SESSION_REFUSE] = "refuse", [SESSION_HELD] = "held", [SESSION_FULL] = "full"};
static const char *const effects[] = {
    [EFFECT_NONE] = "none",     [EFFECT_SEEN] = "seen",     [EFFECT_TRUST] = "trust",
    [EFFECT_ADOPT] = "adopt",   [EFFECT_ENROLL] = "enroll", [EFFECT_HEAL] = "heal",
    [EFFECT_RETURN] = "return", [EFFECT_PEND] = "pend",     [EFFECT_CLONE] = "clone",
};

struct row {
    unsigned fits[COLUMNS]; /* a bit for each word */
    enum session_verdict verdict;
    enum custody_effect effect;
    bool is_incident;
    enum incident_cause cause;
    unsigned line;
    size_t count; /* combinations that fit */
};

static struct row rows[ROWS_MAX];
static size_t row_count;

static size_t place(const char *word, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count && list[i]; i++) {
        if (strcmp(list[i], word) == 0) {
            return i;
        }
    }
    fail_msg("no such word: %s", word);
    return count;
}

static size_t words_of(size_t column)
{
    size_t count = 0;
    while (words[column][count]) {
        count++;
    }
    return count;
}

static unsigned read_cell(char *text, size_t column)
{
    unsigned fits = 0;
    char *rest = NULL;
    if (strcmp(text, "*") == 0) {
        return (1U << words_of(column)) - 1;
    }
    for (char *word = strtok_r(text, "|", &rest); word; word = strtok_r(NULL, "|", &rest)) {
        fits |= 1U << place(word, words[column], WORDS_MAX);
    }
    return fits;
}

static const char *next_word(char **rest)
{
    char *word = strtok_r(NULL, " \n", rest);
    if (!word) {
        fail_msg("a row is too short");
    }
    return word;
}

static void read_row(char *first, char **rest, unsigned line)
{
    struct row *row = &rows[row_count++];
    assert_true(row_count <= ROWS_MAX);
    *row = (struct row){.line = line, .fits[0] = read_cell(first, 0)};
    for (size_t i = 1; i < COLUMNS; i++) {
        row->fits[i] = read_cell((char *)next_word(rest), i);
    }
    assert_string_equal(next_word(rest), ":");
    row->verdict = (enum session_verdict)place(next_word(rest), verdicts, COUNT_OF(verdicts));
    row->effect = (enum custody_effect)place(next_word(rest), effects, COUNT_OF(effects));
    const char *cause = next_word(rest);
    row->is_incident = strcmp(cause, "-") != 0;
    row->cause = row->is_incident ? cause_find(cause) : 0;
    assert_int_not_equal(row->cause, INCIDENT_CAUSES);
    assert_null(strtok_r(NULL, " \n", rest));
}

/* Calls take for every line that is neither empty nor a comment. */
static void read_table(const char *name, void (*take)(char *first, char **rest, unsigned line))
{
    char line[LINE_CAP];
    unsigned number = 0;
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        char *rest = NULL;
        number++;
        assert_non_null(strchr(line, '\n'));
        char *first = strtok_r(line, " \n", &rest);
        if (first && first[0] != '#') {
            take(first, &rest, number);
        }
    }
    (void)fclose(file);
}

static int read_judgement(void **state)
{
    (void)state;
    row_count = 0;
    read_table(CYAN_VECTORS "/custody-judgement.txt", read_row);
    return 0;
}

/* The next combination; false after the last one. */
static bool advance(unsigned at[static COLUMNS])
{
    for (size_t i = 0; i < COLUMNS; i++) {
        if (++at[i] < words_of(i)) {
            return true;
        }
        at[i] = 0;
    }
    return false;
}

static struct row *only_row(const unsigned at[static COLUMNS])
{
    struct row *found = NULL;
    for (size_t r = 0; r < row_count; r++) {
        bool fits = true;
        for (size_t i = 0; i < COLUMNS; i++) {
            fits = fits && (rows[r].fits[i] & 1U << at[i]) != 0;
        }
        if (fits && found) {
            fail_msg("lines %u and %u fit both", found->line, rows[r].line);
        }
        found = fits ? &rows[r] : found;
    }
    if (!found) {
        fail_msg("no row for %s, known %s, key %s, %s, unknown %s, %s, familiar %s, return %s",
                 words[0][at[0]], words[1][at[1]], words[2][at[2]], words[3][at[3]],
                 words[4][at[4]], words[5][at[5]], words[6][at[6]], words[7][at[7]]);
    }
    return found;
}

static struct custody_ruling rule(const unsigned at[static COLUMNS])
{
    static const enum policy_value policies[] = {POLICY_STRICT, POLICY_QUARANTINE, POLICY_HEAL,
                                                 POLICY_ENROLL};
    struct custody_ruling ruling;
    const struct custody_facts facts = {.presented = (enum custody_presented)at[0],
                                        .known = at[1] != 0,
                                        .has_key = at[2] != 0,
                                        .policy = policies[at[3]],
                                        .unknown = (enum custody_unknown)at[4],
                                        .denied_by_product = at[5] != 0,
                                        .familiar = at[6] != 0,
                                        .may_return = at[7] != 0};
    memset(&ruling, 0xA5, sizeof ruling);
    custody_rule(&facts, &ruling);
    return ruling;
}

static void every_combination_is_judged_as_its_one_row_says(void **state)
{
    (void)state;
    unsigned at[COLUMNS] = {0};
    size_t count = 0;
    do {
        struct row *row = only_row(at);
        struct custody_ruling ruling = rule(at);
        row->count++;
        count++;
        if (ruling.verdict != row->verdict || ruling.effect != row->effect ||
            ruling.is_incident != row->is_incident ||
            (row->is_incident && ruling.cause != row->cause)) {
            fail_msg("line %u: %s known %s key %s %s unknown %s: %s %s %s", row->line,
                     words[0][at[0]], words[1][at[1]], words[2][at[2]], words[3][at[3]],
                     words[4][at[4]], verdicts[ruling.verdict], effects[ruling.effect],
                     ruling.is_incident ? cause_of(ruling.cause)->name : "-");
        }
    } while (advance(at));
    assert_int_equal(count, 10 * 2 * 2 * 4 * 3 * 2 * 2 * 2);
    for (size_t r = 0; r < row_count; r++) {
        assert_true(rows[r].count > 0);
    }
}

/* What no table could make up for: nothing that is refused has an effect, only a sound key that
 * nobody has spoken against becomes trusted, and without a key of one's own nothing is held. */
static void no_combination_trusts_what_must_never_be_trusted(void **state)
{
    (void)state;
    unsigned at[COLUMNS] = {0};
    do {
        struct custody_ruling r = rule(at);
        enum custody_presented presented = (enum custody_presented)at[0];
        assert_int_equal(r.verdict == SESSION_REFUSE, r.effect == EFFECT_NONE);
        assert_int_equal(r.verdict == SESSION_HELD,
                         r.effect == EFFECT_PEND || r.effect == EFFECT_CLONE);
        if (presented == PRESENTED_MALFORMED || presented == PRESENTED_DENIED || at[5] == 1 ||
            (presented == PRESENTED_REVOKED && at[1] == 1)) {
            assert_int_equal(r.verdict, SESSION_REFUSE);
        }
        if (presented == PRESENTED_NONE) {
            assert_int_not_equal(r.verdict, SESSION_HELD);
        }
        if (r.verdict == SESSION_HELD) {
            assert_true(r.is_incident);
        }
    } while (advance(at));
}

static bool cell_seen[STORE_KEY_STATES][ACTION_UPLOAD + 1];

static void check_cell(enum store_key_state state, enum custody_action action, const char *cell)
{
    struct custody_step step = custody_step(state, action);
    bool drops = strcmp(cell, "same,drop") == 0;
    assert_false(cell_seen[state][action]);
    cell_seen[state][action] = true;
    assert_int_equal(step.drops_announced, drops);
    if (strcmp(cell, "409") == 0) {
        assert_int_equal(step.kind, STEP_REFUSED);
    } else if (drops || strcmp(cell, "same") == 0) {
        assert_int_equal(step.kind, STEP_SAME);
    } else if (strcmp(cell, "none") == 0) {
        assert_int_equal(step.kind, STEP_REMOVED);
    } else {
        assert_int_equal(step.kind, STEP_TO);
        assert_string_equal(store_key_state_name(step.to), cell);
    }
}

static void check_state(char *first, char **rest, unsigned line)
{
    (void)line;
    for (int state = 0; state < STORE_KEY_STATES; state++) {
        if (strcmp(store_key_state_name((enum store_key_state)state), first) == 0) {
            for (int action = 0; action <= ACTION_UPLOAD; action++) {
                check_cell((enum store_key_state)state, (enum custody_action)action,
                           next_word(rest));
            }
            assert_null(strtok_r(NULL, " \n", rest));
            return;
        }
    }
    fail_msg("no such state: %s", first);
}

static void every_action_on_every_state_does_what_its_cell_says(void **state)
{
    (void)state;
    memset(cell_seen, 0, sizeof cell_seen);
    read_table(CYAN_VECTORS "/custody-transitions.txt", check_state);
    for (int s = 0; s < STORE_KEY_STATES; s++) {
        for (int action = 0; action <= ACTION_UPLOAD; action++) {
            assert_true(cell_seen[s][action]);
        }
    }
}

static void actions_have_the_names_of_their_routes(void **state)
{
    (void)state;
    static const char *const names[] = {"approve",  "deny",   "revoke",
                                        "unrevoke", "revert", "upload"};
    for (int action = 0; action <= ACTION_UPLOAD; action++) {
        assert_string_equal(custody_action_name((enum custody_action)action), names[action]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_combination_is_judged_as_its_one_row_says, read_judgement),
        cmocka_unit_test(no_combination_trusts_what_must_never_be_trusted),
        cmocka_unit_test(every_action_on_every_state_does_what_its_cell_says),
        cmocka_unit_test(actions_have_the_names_of_their_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
