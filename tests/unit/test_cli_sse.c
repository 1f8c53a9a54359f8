#include "cli/sse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

/* What the sink got, as "name=data;" one after the other. */
struct heard {
    char text[1024];
    size_t len;
    int events;
    int verdict; /* what the sink answers to the event number stop_at */
    int stop_at;
};

static int on_event(void *ctx, const char *name, const char *data)
{
    struct heard *heard = ctx;
    int len = snprintf(heard->text + heard->len, sizeof heard->text - heard->len, "%s=%.300s;",
                       name, data);
    assert_in_range(len, 0, sizeof heard->text - heard->len - 1);
    heard->len += (size_t)len;
    heard->events++;
    return heard->events == heard->stop_at ? heard->verdict : 0;
}

static void begin(struct sse *sse, struct sse_sink *sink, struct heard *heard)
{
    *heard = (struct heard){0};
    *sink = (struct sse_sink){.ctx = heard, .on_event = on_event};
    assert_int_equal(sse_init(sse, sink), 0);
}

/* What comes of a text that arrives in two pieces, cut at this place. */
static void assert_hears(const char *text, size_t len, size_t cut, const char *wanted)
{
    struct sse sse;
    struct sse_sink sink;
    struct heard heard;
    begin(&sse, &sink, &heard);
    assert_int_equal(sse_take(&sse, text, cut), 0);
    assert_int_equal(sse_take(&sse, text + cut, len - cut), 0);
    assert_string_equal(heard.text, wanted);
    sse_done(&sse);
}

static const char stream[] = ":ok\n\nevent: one\ndata: {\"data\":\"1\"}\n\n\n\n"
                             "event:two\r\ndata:a:b\r\ndata:  c\r\nid: 7\r\n\r\n"
                             ": comment\rdata: nameless\r\r"
                             "event: dataless\n\nretry: 5\ndata\n\ndata: cut off\n";
static const char stream_events[] = "one={\"data\":\"1\"};two=a:b\n c;=nameless;=;";

static void a_stream_gives_the_same_events_wherever_it_is_split(void **state)
{
    (void)state;
    for (size_t cut = 0; cut <= strlen(stream); cut++) {
        assert_hears(stream, strlen(stream), cut, stream_events);
    }
}

static void a_stream_gives_the_same_events_byte_by_byte(void **state)
{
    (void)state;
    struct sse sse;
    struct sse_sink sink;
    struct heard heard;
    begin(&sse, &sink, &heard);
    for (size_t i = 0; i < strlen(stream); i++) {
        assert_int_equal(sse_take(&sse, stream + i, 1), 0);
    }
    assert_string_equal(heard.text, stream_events);
    sse_done(&sse);
}

static void the_verdict_of_the_sink_ends_the_reading_at_once(void **state)
{
    (void)state;
    static const char three[] = "data: 1\n\ndata: 2\n\ndata: 3\n\n";
    for (int stop_at = 1; stop_at <= 3; stop_at++) {
        struct sse sse;
        struct sse_sink sink;
        struct heard heard;
        begin(&sse, &sink, &heard);
        heard.stop_at = stop_at;
        heard.verdict = 42;
        assert_int_equal(sse_take(&sse, three, strlen(three)), 42);
        assert_int_equal(heard.events, stop_at);
        sse_done(&sse);
    }
}

static void restarting_forgets_what_had_begun(void **state)
{
    (void)state;
    static const char *const begun[] = {"event: old\ndata: old\n", "event: old\nda", "data: old\r",
                                        "data: o"};
    for (size_t i = 0; i < COUNT_OF(begun); i++) {
        struct sse sse;
        struct sse_sink sink;
        struct heard heard;
        begin(&sse, &sink, &heard);
        assert_int_equal(sse_take(&sse, begun[i], strlen(begun[i])), 0);
        sse_restart(&sse);
        assert_int_equal(sse_take(&sse, "\n\ndata: new\n\n", 13), 0);
        assert_string_equal(heard.text, "=new;");
        sse_done(&sse);
    }
}

/* Sends an event whose data has len bytes in lines of at most line_len. */
static int send_long(struct sse *sse, size_t len, size_t line_len)
{
    char *line = malloc(line_len);
    assert_non_null(line);
    memset(line, 'x', line_len);
    while (len > 0) {
        size_t now = len < line_len ? len : line_len;
        assert_int_equal(sse_take(sse, "data:", 5), 0);
        assert_int_equal(sse_take(sse, line, now), 0);
        assert_int_equal(sse_take(sse, "\n", 1), 0);
        len -= now;
    }
    free(line);
    return sse_take(sse, "\ndata: next\n\n", 13);
}

static void an_event_beyond_the_limit_is_left_out_whole(void **state)
{
    (void)state;
    enum { LINE = SSE_LINE_MAX - 5 };
    static const struct {
        size_t len, line_len;
        int events;
    } cases[] = {
        {LINE, LINE, 2},         {LINE + 1, LINE + 1, 1},
        {4 * LINE, 4 * LINE, 1}, {SSE_LINE_MAX / 2, 1000, 2},
        {SSE_LINE_MAX, 1000, 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sse sse;
        struct sse_sink sink;
        struct heard heard;
        begin(&sse, &sink, &heard);
        assert_int_equal(send_long(&sse, cases[i].len, cases[i].line_len), 0);
        assert_int_equal(heard.events, cases[i].events);
        assert_memory_equal(heard.text + heard.len - 6, "=next;", 6);
        sse_done(&sse);
    }
}

static void a_name_beyond_the_limit_is_left_out_with_its_event(void **state)
{
    (void)state;
    for (size_t len = SSE_NAME_MAX; len <= SSE_NAME_MAX + 1; len++) {
        char text[SSE_NAME_MAX + 64] = "event:";
        struct sse sse;
        struct sse_sink sink;
        struct heard heard;
        memset(text + 6, 'n', len);
        memcpy(text + 6 + len, "\ndata: d\n\n", 11);
        begin(&sse, &sink, &heard);
        assert_int_equal(sse_take(&sse, text, strlen(text)), 0);
        assert_int_equal(heard.events, len == SSE_NAME_MAX);
        sse_done(&sse);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_gives_the_same_events_wherever_it_is_split),
        cmocka_unit_test(a_stream_gives_the_same_events_byte_by_byte),
        cmocka_unit_test(the_verdict_of_the_sink_ends_the_reading_at_once),
        cmocka_unit_test(restarting_forgets_what_had_begun),
        cmocka_unit_test(an_event_beyond_the_limit_is_left_out_whole),
        cmocka_unit_test(a_name_beyond_the_limit_is_left_out_with_its_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
