/* `cyan why`: numbers, logs, and what a scripted cloud says. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/why_codes.h"
#include "cli/why_log.h"
#include "tests/unit/cli_stage.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

enum { FIELDS = 6, LINE_MAX = 256 };

/* The words that stand for a LED and a culprit in the file. */
static const char *const words[][2] = {
    {"red", "fast cyan, then one red flash"},
    {"orange", "fast cyan, then one orange flash"},
    {"magenta", "fast cyan, then one magenta flash"},
    {"blink", "blinks cyan while it connects again"},
    {"none", "nothing of its own"},
    {"network", "the network's"},
    {"cloud", "the cloud's, or the network's"},
    {"device", "the device's"},
    {"device key", "the device's key, or the cloud's record of it"},
    {"server key", "the server key in the device"},
    {"either key", "the server key in the device, or the device's key"},
    {"application", "the application's"},
    {"nobody", "nobody's"},
};

static const char *long_for(const char *word)
{
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcmp(words[i][0], word) == 0) {
            return words[i][1];
        }
    }
    fail_msg("the file has an unknown word: %s", word);
    return NULL;
}

static void cut(char *line, char *fields[static FIELDS])
{
    char *at = line;
    for (size_t i = 0; i < FIELDS; i++) {
        fields[i] = at;
        char *bar = strstr(at, " | ");
        assert_int_equal(bar != NULL, i + 1 < FIELDS);
        if (bar) {
            *bar = '\0';
            at = bar + 3;
        }
    }
}

static void every_number_is_explained_as_a_hand_wrote_it(void **state)
{
    (void)state;
    FILE *file = fopen(CYAN_VECTORS "/why-codes.txt", "r");
    char line[LINE_MAX];
    size_t rows = 0;
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        char *fields[FIELDS];
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#') {
            continue;
        }
        cut(line, fields);
        int code = (int)strtol(fields[0], NULL, 10);
        const struct why_code *row = why_codes_find(code, fields[1][0]);
        assert_non_null(row);
        assert_string_equal(row->led, long_for(fields[2]));
        assert_string_equal(row->fault, long_for(fields[3]));
        assert_non_null(strstr(row->cause, fields[4]));
        assert_memory_equal(row->command, fields[5], strlen(fields[5]));

        RUN_CLI(&ran, "why", "--code", fields[0]);
        assert_int_equal(ran.exit, 0);
        assert_non_null(strstr(ran.out, row->cause));
        assert_non_null(strstr(ran.out, row->name));
        assert_non_null(strstr(ran.out, row->led));
        RUN_CLI(&ran, "why", "--json", "--code", fields[0]);
        const json_t *meanings = json_object_get(json_object_get(ran.json, "data"), "meanings");
        bool both = why_codes_find(code, 'A') && why_codes_find(code, 'B');
        assert_int_equal(json_array_size(meanings), both ? 2 : 1);
        rows++;
    }
    (void)fclose(file);
    assert_int_equal(rows, why_codes_count);
}

static void an_unknown_number_is_code_4_and_no_number_is_usage(void **state)
{
    (void)state;
    static const char *const unknown[] = {"36", "-3", "99999", "-99999", "0x7fff"};
    static const char *const bad[] = {"", "x", "6x", "--", "999999999999999999999", "-0x"};
    for (size_t i = 0; i < COUNT_OF(unknown); i++) {
        RUN_CLI(&ran, "why", "--json", "--code", unknown[i]);
        assert_ran_fault(&ran, 4, "UNKNOWN_CODE");
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        RUN_CLI(&ran, "why", "--json", "--code", bad[i]);
        assert_ran_fault(&ran, 2, "USAGE");
    }
    RUN_CLI(&ran, "why", "--code", "-0x4284");
    assert_int_equal(ran.exit, 0);
    RUN_CLI(&ran, "why", "--json");
    assert_ran_fault(&ran, 2, "USAGE");
    RUN_CLI(&ran, "why", "k", "--code", "6", "--json");
    assert_ran_fault(&ran, 2, "USAGE");
    RUN_CLI(&ran, "why", "", "--json");
    assert_ran_fault(&ran, 2, "USAGE");
}

static void explain(const char *log, size_t len)
{
    scratch_write("log", log, len);
    RUN_CLI(&ran, "why", "--json", "--log", scratch_path("log"));
}

static const char *headline(void)
{
    return RAN_STRING(&ran, "data", "headline");
}

static void a_log_is_told_as_its_last_failure(void **state)
{
    (void)state;
    static const struct {
        const char *log, *implementation, *headline, *led, *fault;
        int code;
    } cases[] = {
        {"0000 [comm] INFO: Sending encrypted nonce\r\n"
         "0611 ERROR: Unable to receive key -19\r\n"
         "0612 Cloud handshake failed, code=-19\r\n",
         "A", "no answer came to the device's request", "red", "either key", -19},
        {"Unable to receive key \xE2\x88\x92"
         "19",
         "", "no answer came", "red", "either key", -19},
        {"receive error -19\nUnable to receive key -19\nhandshake failed with code 26\n"
         "Cloud handshake failed, code=26\n",
         "B", "no answer came", "red", "either key", 26},
        {"decryption failed with code -16640\nCould not set key, 6\nhandshake failed with code 6\n"
         "Cloud handshake failed, code=6\n",
         "B", "could not decrypt the answer", "orange", "device key", 6},
        {"Could not set key, 6\nCloud handshake failed, code=6\n", "", "could not be used",
         "orange", "device key", 6},
        {"signature validation failed with code -16640\nCould not set key, 8\n", "",
         "signed by another server key", "magenta", "server key", 8},
        {"signature validation failed with code -16640\n", "", "signed by another server key",
         "magenta", "server key", 8},
        {"RSA encrypt error -17028\nCloud handshake failed, code=-17028\n", "A",
         "RSA refuses the server key", "red", "server key", -17028},
        {"RSA encrypt error -17028\nCloud handshake failed, code=7\n", "B",
         "RSA refuses the server key", "red", "server key", 7},
        {"Could not receive nonce: -1\nCloud handshake failed, code=25", "B", "no nonce came",
         "red", "cloud", 25},
        {"Public Server Key was blank, restoring\nSending encrypted nonce\n"
         "Unable to receive key -19\nCloud handshake failed, code=-19",
         "A", "the server key was erased", "red", "either key", -19},
        {"could not receive HELLO response 10\nhandshake failed with code 10\n", "B",
         "the cloud's Hello did not come", "red", "cloud", 10},
        /* The attempt before had another reason. */
        {"RSA encrypt error -17028\nCloud handshake failed, code=7\n"
         "receive timeout\nUnable to receive key -1\nCloud handshake failed, code=26\n",
         "B", "no answer came", "red", "either key", 26},
        /* An attempt that went well ends what was before. */
        {"RSA encrypt error -17028\nHandshake completed\nreceive error -19\nEvent loop error 24\n",
         "", "the line ended", "blink", "cloud", 24},
        {"RSA encrypt error -17028\nCloud handshake failed, code=7\nHandshake completed\n"
         "Cloud connected\nreceive error -19\nEvent loop error 24\n",
         "B", "the line ended", "blink", "cloud", 24},
    };
    assert_int_equal(unsetenv("CYAN_TOKEN"), 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        explain(cases[i].log, strlen(cases[i].log));
        assert_int_equal(ran.exit, 0);
        assert_non_null(strstr(headline(), cases[i].headline));
        assert_string_equal(RAN_STRING(&ran, "data", "implementation"), cases[i].implementation);
        assert_string_equal(RAN_STRING(&ran, "data", "verdict", "led"), long_for(cases[i].led));
        assert_string_equal(RAN_STRING(&ran, "data", "verdict", "fault"), long_for(cases[i].fault));
        const json_t *verdict = json_object_get(json_object_get(ran.json, "data"), "verdict");
        assert_int_equal(json_integer_value(json_object_get(verdict, "code")), cases[i].code);
    }
}

static void every_known_line_is_found_wherever_it_stands(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
        int code; /* 0: none */
        bool failed;
    } cases[] = {
        {"Public Server Key was blank, restoring", "server key was erased", 0, true},
        {"Public Server Address was blank, restoring", "no server address is stored", 0, true},
        {"type:255, defaulting to device.spark.io", "no server address is stored", 0, true},
        {"decryption failed with code -17156", "could not decrypt", -17156, true},
        {"signature validation failed with code -16640", "another server key", -16640, true},
        {"RSA encrypt error -17028", "RSA refuses", -17028, true},
        {"Error extracting public key", "own key cannot be read", 0, true},
        {"mbedtls_pk_verify() -19968", "not the cloud's (UDP)", -19968, true},
        {"receive error -19", "the line ended", -19, true},
        {"receive timeout", "nothing came for 20 s", 0, true},
        {"unable to resolve IP for x", "name was not found", 0, true},
        {"Could not receive nonce: -1", "no nonce", -1, true},
        {"Unable to receive key -19", "no answer came", -19, true},
        {"Could not set key, 6", "could not be used", 6, true},
        {"could not receive HELLO response 10", "Hello did not come", 10, true},
        {"Cloud handshake failed, code=26", "the handshake failed", 26, true},
        {"handshake failed with code 26", "the handshake failed", 26, true},
        {"Cloud connection failed, code=-220", "the connection failed", -220, true},
        {"Event loop error 24", "a session ended", 24, true},
        {"blocking send error -1", "the line is gone", -1, true},
        {"spark/device/key/error 1", "what it had to replace", 0, true},
        {"Sending encrypted nonce", "sent its request", 0, false},
        {"Cloud connected", "was online", 0, false},
        {"Handshake completed", "went well", 0, false},
        {"Cloud disconnected", "was over", 0, false},
        {"Cloud connecting", "tried to connect", 0, false},
    };
    struct why_log *log = malloc(sizeof *log);
    assert_non_null(log);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[256];
        int len = snprintf(text, sizeof text, "x\n0000012345 [comm] INFO: %s \r\n", cases[i].line);
        for (char *at = text; i % 2 == 0 && *at; at++) {
            *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
        }
        why_log_read(text, (size_t)len, log);
        assert_int_equal(log->lines, 2);
        assert_int_equal(log->count, 1);
        assert_int_equal(log->findings[0].line, 2);
        assert_non_null(strstr(log->findings[0].says, cases[i].says));
        assert_int_equal(log->findings[0].has_code, cases[i].code != 0);
        assert_int_equal(log->findings[0].code, cases[i].code);
        assert_int_equal(log->findings[0].failed, cases[i].failed);
    }
    free(log);
}

static void a_story_has_line_numbers_and_its_repeats_are_counted(void **state)
{
    (void)state;
    static const char log[] = "\nnoise\n  Cloud connecting\n\nCould not receive nonce: -1\n"
                              "Could not receive nonce: -1\nnoise\nCould not receive nonce: -1\n";
    scratch_write("log", log, strlen(log));
    RUN_CLI(&ran, "why", "--log", scratch_path("log"));
    assert_int_equal(ran.exit, 0);
    assert_non_null(strstr(ran.out, "\nthe story, line by line:\n"
                                    "    3: the device tried to connect\n"
                                    "       | Cloud connecting\n"
                                    "    5: no nonce came from the server\n"
                                    "       | Could not receive nonce: -1\n"
                                    "       and again, 3 times in all, until line 8\n"));
    assert_memory_equal(ran.out, "no nonce came from the server\n", 30);
    static const char good[] = "Handshake completed\nCloud connected\n";
    scratch_write("log", good, strlen(good));
    RUN_CLI(&ran, "why", "--log", scratch_path("log"));
    assert_memory_equal(ran.out, "no failure is in this log\n", 26);
}

static void hostile_bytes_of_a_log_are_harmless(void **state)
{
    (void)state;
    static const char log[] = "\x1b[2J\0\x07 Unable to receive key -19 \x9b\xff\x1b]0;x\x07";
    scratch_write("log", log, sizeof log - 1);
    RUN_CLI(&ran, "why", "--log", scratch_path("log"));
    assert_int_equal(ran.exit, 0);
    assert_null(strpbrk(ran.out, "\x1b\x07\x9b"));
    assert_non_null(strstr(ran.out, "\\x1b[2J?\\x07 Unable"));
    explain(log, sizeof log - 1);
    assert_int_equal(ran.exit, 0);
}

static void a_log_cut_at_any_byte_is_read(void **state)
{
    (void)state;
    static const char log[] = "decryption failed with code \xE2\x88\x92"
                              "16640\r\nCould not set key, 6\nCloud handshake failed, code=6\n";
    struct why_log *read = malloc(sizeof *read);
    assert_non_null(read);
    for (size_t len = 0; len < sizeof log; len++) {
        char *exact = malloc(len + (len == 0));
        assert_non_null(exact);
        memcpy(exact, log, len);
        why_log_read(exact, len, read);
        assert_in_range(read->count, 0, 3);
        struct why_verdict verdict = why_log_verdict(read);
        assert_int_equal(verdict.finding != NULL, read->count > 0);
        free(exact);
    }
    free(read);
}

static void a_log_has_a_limit_and_so_have_its_findings(void **state)
{
    (void)state;
    static const char *const lines[] = {"Cloud connecting\n", "receive timeout\n"};
    char *log = malloc(WHY_LOG_MAX + 2);
    assert_non_null(log);
    size_t len = 0;
    for (size_t i = 0; len + 32 < WHY_LOG_MAX; i++) {
        memcpy(log + len, lines[i % 2], strlen(lines[i % 2]));
        len += strlen(lines[i % 2]);
    }
    memset(log + len, 'x', WHY_LOG_MAX + 2 - len);
    explain(log, WHY_LOG_MAX);
    assert_int_equal(ran.exit, 0);
    const json_t *data = json_object_get(ran.json, "data");
    assert_int_equal(json_array_size(json_object_get(data, "findings")), WHY_LOG_FINDINGS_MAX);
    assert_true(json_integer_value(json_object_get(data, "left_out")) > 10000);
    explain(log, WHY_LOG_MAX + 1);
    assert_ran_fault(&ran, 1, "TOO_LONG");
    free(log);
}

static void a_log_without_a_known_line_is_code_4(void **state)
{
    (void)state;
    static const char *const logs[] = {"", "\n", "hello\nworld\n", "Unable to receive"};
    for (size_t i = 0; i < COUNT_OF(logs); i++) {
        explain(logs[i], strlen(logs[i]));
        assert_ran_fault(&ran, 4, "NOTHING_KNOWN");
    }
    RUN_CLI(&ran, "why", "--json", "--log", scratch_path("none"));
    assert_ran_fault(&ran, 4, "NOT_FOUND");
    RUN_CLI(&ran, "why", "--json", "--log", scratch_path(""));
    assert_ran_fault(&ran, 1, "IO");
}

static void a_log_can_come_from_stdin(void **state)
{
    (void)state;
    static const char log[] = "Could not set key, 6\n";
    int old = dup(STDIN_FILENO);
    scratch_write("log", log, strlen(log));
    int fd = open(scratch_path("log"), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && dup2(fd, STDIN_FILENO) >= 0);
    RUN_CLI(&ran, "why", "--json", "--log", "-");
    assert_true(dup2(old, STDIN_FILENO) >= 0);
    (void)close(fd);
    (void)close(old);
    assert_int_equal(ran.exit, 0);
    assert_string_equal(headline(), "the answer came, but could not be used");
}

static void a_diagnosis_has_its_headline_first(void **state)
{
    (void)state;
    static const char diagnosis[] =
        "{\"device\":\"01\",\"name\":\"k\",\"headline\":\"held: the LED breathes cyan, but the "
        "device is not trusted\",\"story\":[\"One.\",\"T\\u001bwo.\",5],\"led\":\"breathes cyan\","
        "\"fault\":\"nobody\",\"command\":\"cyan keys list k\",\"key_state\":\"pending\","
        "\"session\":\"held\",\"incidents\":[]}";
    reply(200, diagnosis);
    reply(200, diagnosis);
    reply(200, "{\"headline\":\"all is well\",\"story\":null,\"led\":null}");
    reply(200, "{}");
    reply(404, "{\"ok\":false,\"error\":\"No such device.\",\"code\":\"NOT_FOUND\"}");
    start();
    RUN_CLI(&ran, "why", "k");
    assert_int_equal(ran.exit, 0);
    assert_string_equal(ran.out, "held: the LED breathes cyan, but the device is not trusted\n"
                                 "  One.\n  T\\x1bwo.\n  \n"
                                 "LED: breathes cyan\nwhose fault: nobody\n"
                                 "type next: cyan keys list k\n");
    RUN_CLI(&ran, "why", "k", "--json");
    assert_string_equal(RAN_STRING(&ran, "data", "session"), "held");
    RUN_CLI(&ran, "why", "k");
    assert_string_equal(ran.out, "all is well\n");
    RUN_CLI(&ran, "why", "k", "--json");
    assert_ran_fault(&ran, 1, "BAD_ANSWER");
    RUN_CLI(&ran, "why", "k", "--json");
    assert_ran_fault(&ran, 4, "NOT_FOUND");
    scripted_stop(cloud);
    assert_asked(0, "GET /v1/devices/k/diagnosis");
    assert_int_equal(unsetenv("CYAN_TOKEN"), 0);
    RUN_CLI(&ran, "why", "k", "--json");
    assert_ran_fault(&ran, 3, "NOT_LOGGED_IN");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_number_is_explained_as_a_hand_wrote_it),
        TEST(an_unknown_number_is_code_4_and_no_number_is_usage),
        TEST(a_log_is_told_as_its_last_failure),
        TEST(every_known_line_is_found_wherever_it_stands),
        TEST(a_story_has_line_numbers_and_its_repeats_are_counted),
        TEST(hostile_bytes_of_a_log_are_harmless),
        TEST(a_log_cut_at_any_byte_is_read),
        TEST(a_log_has_a_limit_and_so_have_its_findings),
        TEST(a_log_without_a_known_line_is_code_4),
        TEST(a_log_can_come_from_stdin),
        TEST(a_diagnosis_has_its_headline_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
