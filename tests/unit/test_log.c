#include "server/net/log.h"

#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static int real_stderr;

static int set_up(void **state)
{
    (void)state;
    scratch_init();
    real_stderr = dup(STDERR_FILENO);
    int file = open(scratch_path("log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(real_stderr >= 0 && file >= 0);
    assert_true(dup2(file, STDERR_FILENO) >= 0);
    close(file);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    log_setup(false, LOG_INFO);
    scratch_done();
    return 0;
}

/* What was logged since the last call, as text on the heap. */
static char *take_log(void)
{
    size_t len = 0;
    uint8_t *bytes = scratch_read("log", &len);
    char *text = malloc(len + 1);
    assert_non_null(text);
    memcpy(text, bytes, len);
    text[len] = '\0';
    assert_int_equal(strlen(text), len);
    free(bytes);
    assert_int_equal(truncate(scratch_path("log"), 0), 0);
    return text;
}

static void assert_one_line(const char *text)
{
    const char *end = strchr(text, '\n');
    assert_non_null(end);
    assert_string_equal(end, "\n");
}

static void a_line_of_text_has_time_level_message_and_pairs(void **state)
{
    (void)state;
    log_setup(false, LOG_INFO);
    log_write(LOG_WARN, "device refused", "cause", "unknown", "why", "two words", "none", "", NULL);
    char *text = take_log();
    assert_int_equal(strlen(text) > 24, 1);
    assert_int_equal(text[10], 'T');
    assert_int_equal(text[23], 'Z');
    assert_string_equal(text + 24,
                        " warn  device refused cause=unknown why=\"two words\" none=\"\"\n");
    free(text);
}

static void lines_below_the_least_level_are_left_out(void **state)
{
    (void)state;
    for (int least = LOG_DEBUG; least <= LOG_ERROR; least++) {
        for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
            log_setup(level % 2, (enum log_level)least);
            log_write((enum log_level)level, "something", NULL);
            char *text = take_log();
            assert_int_equal(strlen(text) > 0, level >= least);
            free(text);
        }
    }
}

static void no_byte_of_a_value_ends_a_line_or_reaches_the_terminal(void **state)
{
    (void)state;
    log_setup(false, LOG_INFO);
    for (int byte = 1; byte <= 255; byte++) {
        char value[] = {'a', (char)byte, 'b', '\0'};
        log_write(LOG_INFO, "something", "name", value, "after", "it", NULL);
        char *text = take_log();
        assert_one_line(text);
        for (const char *c = text; *c != '\n'; c++) {
            assert_in_range((unsigned char)*c, 0x20, 0x7e);
        }
        assert_non_null(strstr(text, " after=it\n"));
        free(text);
    }
}

static void every_json_line_parses_whatever_bytes_a_value_has(void **state)
{
    (void)state;
    log_setup(true, LOG_INFO);
    for (int byte = 1; byte <= 255; byte++) {
        char value[] = {'a', (char)byte, 'b', '\0'};
        log_write(LOG_ERROR, "something", "name", value, "after", "it", NULL);
        char *text = take_log();
        assert_one_line(text);
        json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(line);
        assert_string_equal(json_string_value(json_object_get(line, "level")), "error");
        assert_string_equal(json_string_value(json_object_get(line, "message")), "something");
        assert_string_equal(json_string_value(json_object_get(line, "after")), "it");
        if (byte < 0x80) {
            assert_string_equal(json_string_value(json_object_get(line, "name")), value);
        }
        assert_int_equal(strlen(json_string_value(json_object_get(line, "time"))), 24);
        json_decref(line);
        free(text);
    }
}

static void a_value_is_cut_at_256_bytes_and_a_line_stays_whole(void **state)
{
    (void)state;
    enum { LONGEST = 600, CUT = 256 };
    char value[LONGEST + 1];
    for (size_t len = CUT - 2; len <= LONGEST; len += len < CUT + 4 ? 1 : 50) {
        memset(value, 'v', len);
        value[len] = '\0';
        log_setup(false, LOG_INFO);
        log_write(LOG_INFO, "m", "name", value, NULL);
        char *text = take_log();
        size_t want = len < CUT ? len : CUT;
        assert_int_equal(strlen(strstr(text, "name=")), strlen("name=\n") + want);
        free(text);
        /* Far more than a line holds: the pairs at its end are left out. */
        memset(value, '\001', len);
        for (int as_json = 0; as_json <= 1; as_json++) {
            log_setup(as_json, LOG_INFO);
            log_write(LOG_INFO, "m", "a", value, "b", value, "c", value, "d", value, "e", value,
                      "f", value, "g", value, "h", value, "i", value, "j", value, NULL);
            text = take_log();
            assert_one_line(text);
            assert_non_null(strstr(text, as_json ? "\"a\":\"" : " a=\""));
            json_t *line = as_json ? json_loads(text, 0, NULL) : json_null();
            assert_non_null(line);
            json_decref(line);
            free(text);
        }
    }
}

enum { THREADS = 4, LINES = 300 };

static void *write_lines(void *arg)
{
    for (int i = 0; i < LINES; i++) {
        log_write(LOG_INFO, "line", "thread", arg, "same", arg, NULL);
    }
    return NULL;
}

static void lines_of_many_threads_do_not_mix(void **state)
{
    (void)state;
    static char names[THREADS][64];
    pthread_t threads[THREADS];
    unsigned count = 0;
    log_setup(true, LOG_INFO);
    for (size_t i = 0; i < THREADS; i++) {
        memset(names[i], (int)('a' + i), sizeof names[i] - 1);
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    char *text = take_log();
    char *at = text;
    for (char *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        *end = '\0';
        json_t *line = json_loads(at, 0, NULL);
        assert_non_null(line);
        assert_string_equal(json_string_value(json_object_get(line, "thread")),
                            json_string_value(json_object_get(line, "same")));
        json_decref(line);
        count++;
    }
    assert_int_equal(count, THREADS * LINES);
    free(text);
}

static void a_closed_stderr_stops_nobody(void **state)
{
    (void)state;
    close(STDERR_FILENO);
    log_setup(false, LOG_INFO);
    log_write(LOG_INFO, "nobody hears", NULL);
    assert_int_equal(dup2(real_stderr, STDERR_FILENO), STDERR_FILENO);
    char *text = take_log();
    assert_string_equal(text, "");
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_of_text_has_time_level_message_and_pairs),
        TEST(lines_below_the_least_level_are_left_out),
        TEST(no_byte_of_a_value_ends_a_line_or_reaches_the_terminal),
        TEST(every_json_line_parses_whatever_bytes_a_value_has),
        TEST(a_value_is_cut_at_256_bytes_and_a_line_stays_whole),
        TEST(lines_of_many_threads_do_not_mix),
        TEST(a_closed_stderr_stops_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
