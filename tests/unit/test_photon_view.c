/* What a virtual Photon shows: JSON lines, plain lines, the live picture. */
#include "photon/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "photon/jsonl.h"
#include "photon/utf8.h"
#include "tests/unit/unit.h"

static struct cyan_event event_of(const char *name, const void *data, size_t len)
{
    struct cyan_event event = {.data = data, .data_len = len, .ttl = 60};
    memcpy(event.name, name, strlen(name) + 1);
    return event;
}

static void every_kind_of_news_has_its_json_keys(void **state)
{
    (void)state;
    const struct cyan_event event = event_of("tick", "1", 1);
    const struct {
        struct news news;
        const char *line;
    } cases[] = {
        {{.kind = NEWS_LED, .t_ms = 5, .led = cyan_led_of(CYAN_LED_CLOUD_CONNECTED)},
         "{\"t\":5,\"ev\":\"led\",\"pattern\":\"breathe\",\"color\":\"#00FFFF\","
         "\"meaning\":\"connected to the cloud\"}\n"},
        {{.kind = NEWS_LED,
          .led = cyan_led_of(CYAN_LED_DECRYPTION_FAILED),
          .has_code = true,
          .code = 6},
         "{\"t\":0,\"ev\":\"led\",\"pattern\":\"solid\",\"color\":\"#FF6000\","
         "\"meaning\":\"the cloud's answer cannot be decrypted\",\"code\":6}\n"},
        {{.kind = NEWS_HANDSHAKE, .t_ms = 611, .has_code = true, .code = -19, .text = "closed"},
         "{\"t\":611,\"ev\":\"handshake\",\"code\":-19,\"text\":\"closed\"}\n"},
        {{.kind = NEWS_STATE, .what = "connected"},
         "{\"t\":0,\"ev\":\"state\",\"state\":\"connected\"}\n"},
        {{.kind = NEWS_EVENT, .event = &event, .outward = true},
         "{\"t\":0,\"ev\":\"event\",\"name\":\"tick\",\"data\":\"1\",\"direction\":\"out\"}\n"},
        {{.kind = NEWS_KEY, .what = "generated", .fingerprint = "ab"},
         "{\"t\":0,\"ev\":\"key\",\"what\":\"generated\",\"fingerprint\":\"ab\"}\n"},
        {{.kind = NEWS_FLASH, .what = "power-cut", .text = "x"},
         "{\"t\":0,\"ev\":\"flash\",\"what\":\"power-cut\",\"text\":\"x\"}\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char line[JSONL_MAX];
        size_t len = jsonl_format(&cases[i].news, line);
        assert_string_equal(line, cases[i].line);
        assert_int_equal(len, strlen(line));
    }
}

static void every_byte_of_an_event_becomes_sound_json(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        char line[JSONL_MAX], expected[160], escaped[16];
        uint8_t data[3] = {'a', (uint8_t)byte, 'b'};
        const struct cyan_event event = event_of("x", data, sizeof data);
        const struct news news = {.kind = NEWS_EVENT, .event = &event};
        if (byte >= 0x80) {
            snprintf(escaped, sizeof escaped, "\\ufffd");
        } else if (byte < 0x20 || byte == 0x7F) {
            snprintf(escaped, sizeof escaped, "\\u%04x", byte);
        } else if (byte == '"' || byte == '\\') {
            snprintf(escaped, sizeof escaped, "\\%c", (int)byte);
        } else {
            snprintf(escaped, sizeof escaped, "%c", (int)byte);
        }
        snprintf(expected, sizeof expected,
                 "{\"t\":0,\"ev\":\"event\",\"name\":\"x\",\"data\":\"a%sb\","
                 "\"direction\":\"in\"}\n",
                 escaped);
        jsonl_format(&news, line);
        assert_string_equal(line, expected);
    }
}

static void the_longest_event_fits_into_a_line(void **state)
{
    (void)state;
    char line[JSONL_MAX];
    uint8_t data[CYAN_EVENT_DATA_MAX];
    struct cyan_event event = {.data = data, .data_len = sizeof data};
    memset(data, 1, sizeof data);
    memset(event.name, '"', CYAN_EVENT_NAME_MAX);
    const struct news news = {.kind = NEWS_EVENT, .event = &event};
    size_t len = jsonl_format(&news, line);
    assert_true(len > 6 * sizeof data);
    assert_string_equal(line + len - 18, "\"direction\":\"in\"}\n");
}

static void utf8_passes_whole_and_nothing_else_does(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"a", 1},
        {"\xc3\xa9", 2},
        {"\xe2\x82\xac", 3},
        {"\xf0\x9f\x98\x80", 4},
        {"\xc0\x80", 0},
        {"\xc1\xbf", 0},
        {"\xe0\x9f\xbf", 0},
        {"\xed\xa0\x80", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xf4\x90\x80\x80", 0},
        {"\xf5\x80\x80\x80", 0},
        {"\x80", 0},
        {"\xc3", 0},
        {"\xc3(", 0},
        {"\xe2\x82", 0},
        {"\xff", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(utf8_len((const uint8_t *)cases[i].bytes, strlen(cases[i].bytes)),
                         cases[i].len);
    }
    assert_int_equal(utf8_len((const uint8_t *)"", 0), 0);
    assert_int_equal(utf8_printable_len((const uint8_t *)"\x1b", 1), 0);
    assert_int_equal(utf8_printable_len((const uint8_t *)"\x7f", 1), 0);
    assert_int_equal(utf8_printable_len((const uint8_t *)"\xc2\x9b", 2), 0);
    assert_int_equal(utf8_printable_len((const uint8_t *)"\xc2\xa0", 2), 2);
}

static bool has_escape(const char *text)
{
    return strchr(text, '\x1b') != NULL;
}

static void plain_lines_name_pattern_colour_and_meaning_without_any_escape(void **state)
{
    (void)state;
    static const struct {
        enum cyan_led_state led;
        const char *words;
    } cases[] = {
        {CYAN_LED_CLOUD_CONNECTED, "breathes cyan: connected to the cloud"},
        {CYAN_LED_CLOUD_HANDSHAKE, "blinks cyan: handshake with the cloud"},
        {CYAN_LED_HANDSHAKE_FAILED, "shows red: handshake failed"},
        {CYAN_LED_DECRYPTION_FAILED, "shows orange: the cloud's answer cannot be decrypted"},
        {CYAN_LED_SIGNATURE_FAILED, "shows magenta: the cloud's signature does not match"},
        {CYAN_LED_NO_CLOUD, "blinks orange: no cloud, but internet: 3 blinks"},
        {CYAN_LED_KEY_GENERATION, "blinks white: making a new device key"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char line[VIEW_LINE_MAX];
        const struct news news = {.kind = NEWS_LED, .led = cyan_led_of(cases[i].led)};
        size_t len = view_plain(&news, line);
        assert_non_null(strstr(line, cases[i].words));
        assert_false(has_escape(line));
        assert_int_equal(line[len - 1], '\n');
    }
    for (int i = 0; i < CYAN_LED_COUNT; i++) {
        char line[VIEW_LINE_MAX];
        const struct news news = {.kind = NEWS_LED, .led = cyan_led_of((enum cyan_led_state)i)};
        view_plain(&news, line);
        assert_null(strstr(line, "another colour"));
    }
}

static void no_event_can_command_a_terminal(void **state)
{
    (void)state;
    static const char data[] = "\x1b[2J\x07\x9b\xc2\x9b\x7f\r\n\x80";
    const struct cyan_event event = event_of("a\x1b]0;x", data, sizeof data - 1);
    const struct news news = {.kind = NEWS_EVENT, .event = &event};
    char line[VIEW_LINE_MAX], frame[VIEW_FRAME_MAX];
    struct view view;
    size_t len = view_plain(&news, line);
    for (size_t i = 0; i + 1 < len; i++) {
        assert_true(line[i] >= ' ' && line[i] <= '~');
    }
    view_init(&view, "title");
    view_on_news(&view, &news);
    view_draw(&view, 0, 80, frame);
    assert_null(strstr(frame, "\x1b[2J"));
    assert_null(strchr(frame, '\x07'));
    assert_null(strstr(frame, "\x1b]"));
    assert_non_null(strstr(frame, ".[2J"));
}

static void long_news_are_cut_and_still_end_their_line(void **state)
{
    (void)state;
    uint8_t data[CYAN_EVENT_DATA_MAX];
    char line[VIEW_LINE_MAX];
    memset(data, 'x', sizeof data);
    const struct cyan_event event = event_of("tick", data, sizeof data);
    const struct news news = {.kind = NEWS_EVENT, .event = &event};
    size_t len = view_plain(&news, line);
    assert_int_equal(len, VIEW_LINE_MAX - 1);
    assert_int_equal(line[len - 1], '\n');
    assert_int_equal(line[len], '\0');
}

static struct view lit(enum cyan_led_state led)
{
    struct view view;
    const struct news news = {.kind = NEWS_LED, .t_ms = 1000, .led = cyan_led_of(led)};
    view_init(&view, "title");
    view_on_news(&view, &news);
    return view;
}

static void the_live_colour_follows_the_pattern(void **state)
{
    (void)state;
    struct view blink = lit(CYAN_LED_CLOUD_CONNECTING);
    struct view breathe = lit(CYAN_LED_CLOUD_CONNECTED);
    struct view solid = lit(CYAN_LED_SIGNATURE_FAILED);
    struct view signal = lit(CYAN_LED_SIGNAL);
    uint32_t last = 0;
    for (uint32_t ms = 0; ms < 8000; ms += 10) {
        uint32_t now = 1000 + ms;
        assert_int_equal(view_colour(&blink, now), ms % 200 < 100 ? 0x00FFFF : 0);
        assert_int_equal(view_colour(&solid, now), 0xFF00FF);
        assert_int_equal(view_colour(&signal, now), cyan_led_signal_colour(ms / 100));
        uint32_t colour = view_colour(&breathe, now);
        assert_int_equal(colour >> 16, 0);
        assert_int_equal(colour >> 8 & 0xFF, colour & 0xFF);
        if (ms % 4000 > 0) {
            assert_true(ms % 4000 <= 2000 ? colour >= last : colour <= last);
        }
        last = colour;
    }
    assert_int_equal(view_colour(&breathe, 1000 + 2000), 0x00FFFF);
}

/* Columns that a line takes, escapes left out. */
static unsigned columns(const char *line, const char *end)
{
    unsigned count = 0;
    for (; line < end; line++) {
        if (*line == '\x1b') {
            while (*line != 'm' && *line != 'K' && *line != 'A') {
                line++;
            }
        } else if (*line != '\r' && ((uint8_t)*line & 0xC0) != 0x80) {
            count++;
        }
    }
    return count;
}

static void no_line_of_the_picture_is_wider_than_the_terminal(void **state)
{
    (void)state;
    for (unsigned width = 12; width < 200; width += 7) {
        char frame[VIEW_FRAME_MAX];
        struct view view = lit(CYAN_LED_HANDSHAKE_FAILED);
        const struct cyan_event event = event_of("t\xc3\xa9l\xc3\xa9phone", "0123456789", 10);
        const struct news news = {.kind = NEWS_EVENT, .event = &event};
        view_on_news(&view, &news);
        size_t len = view_draw(&view, 1000, width, frame);
        unsigned lines = 0;
        const char *at = frame;
        for (const char *end; (end = memchr(at, '\n', (size_t)(frame + len - at))); at = end + 1) {
            assert_true(columns(at, end) <= width);
            lines++;
        }
        assert_int_equal(lines, view.drawn);
        assert_ptr_equal(at, frame + len);
    }
}

static void the_picture_is_drawn_over_the_last_one_and_says_who_and_what(void **state)
{
    (void)state;
    char frame[VIEW_FRAME_MAX];
    struct view view = lit(CYAN_LED_HANDSHAKE_FAILED);
    const struct news key = {
        .kind = NEWS_KEY, .what = "loaded", .fingerprint = "0123456789abcdef0123456789abcdef"};
    view_on_news(&view, &key);
    for (int i = 0; i < 7; i++) {
        char data[2] = {(char)('1' + i), '\0'};
        const struct cyan_event event = event_of("tick", data, 1);
        const struct news news = {.kind = NEWS_EVENT, .event = &event, .outward = true};
        view_on_news(&view, &news);
    }
    view_draw(&view, 1000, 120, frame);
    assert_null(strstr(frame, "A"));
    assert_non_null(strstr(frame, "title"));
    assert_non_null(strstr(frame, "48;2;255;0;0m"));
    assert_non_null(strstr(frame, "shows red: handshake failed"));
    assert_non_null(strstr(frame, "try: cyan keys server"));
    assert_non_null(strstr(frame, "0123-4567-89ab-cdef (loaded)"));
    assert_null(strstr(frame, "\"2\"")); /* the five newest are 3 to 7 */
    assert_non_null(strstr(frame, "\"3\""));
    assert_non_null(strstr(frame, "\"7\""));
    view_draw(&view, 1100, 120, frame);
    assert_non_null(strstr(frame, "\x1b[11A"));
}

static void what_is_no_terminal_gets_no_picture(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_false(view_possible(fileno(file)));
    assert_int_equal(fclose(file), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_news_has_its_json_keys),
        cmocka_unit_test(every_byte_of_an_event_becomes_sound_json),
        cmocka_unit_test(the_longest_event_fits_into_a_line),
        cmocka_unit_test(utf8_passes_whole_and_nothing_else_does),
        cmocka_unit_test(plain_lines_name_pattern_colour_and_meaning_without_any_escape),
        cmocka_unit_test(no_event_can_command_a_terminal),
        cmocka_unit_test(long_news_are_cut_and_still_end_their_line),
        cmocka_unit_test(the_live_colour_follows_the_pattern),
        cmocka_unit_test(no_line_of_the_picture_is_wider_than_the_terminal),
        cmocka_unit_test(the_picture_is_drawn_over_the_last_one_and_says_who_and_what),
        cmocka_unit_test(what_is_no_terminal_gets_no_picture),
    };
    return cmocka_run_group_tests_name("photon_view", tests, NULL, NULL);
}
