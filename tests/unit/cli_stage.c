#include "tests/unit/cli_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

enum { REPLIES_MAX = 16, REPLY_MAX = 8192 };

struct ran ran;
struct scripted *cloud;
static struct scripted_answer answers[REPLIES_MAX];
static char replies[REPLIES_MAX][REPLY_MAX];
static size_t reply_count;

int stage_set_up(void **state)
{
    (void)state;
    scratch_init();
    reply_count = 0;
    cloud = NULL;
    assert_int_equal(unsetenv("CYAN_API"), 0);
    assert_int_equal(unsetenv("CYAN_PROFILE"), 0);
    assert_int_equal(setenv("CYAN_TOKEN", "token", 1), 0);
    return 0;
}

int stage_tear_down(void **state)
{
    (void)state;
    ran_done(&ran);
    if (cloud) {
        scripted_destroy(cloud);
    }
    assert_int_equal(SCRATCH_RUN("rm", "-rf", "xdg"), 0);
    scratch_done();
    return 0;
}

void reply(int status, const char *body)
{
    assert_in_range(reply_count, 0, REPLIES_MAX - 1);
    char *text = replies[reply_count];
    int len = snprintf(text, REPLY_MAX, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s", status,
                       strlen(body), body);
    assert_in_range(len, 1, REPLY_MAX - 1);
    answers[reply_count++] = (struct scripted_answer){.bytes = text};
}

void reply_stream(const char *events, bool stays)
{
    assert_in_range(reply_count, 0, REPLIES_MAX - 1);
    char *text = replies[reply_count];
    int len =
        snprintf(text, REPLY_MAX, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n:ok\n\n%s", events);
    assert_in_range(len, 1, REPLY_MAX - 1);
    answers[reply_count++] = (struct scripted_answer){.bytes = text, .stays = stays};
}

void start(void)
{
    if (cloud) {
        scripted_destroy(cloud);
    }
    cloud = scripted_start(answers, reply_count);
    reply_count = 0;
    assert_int_equal(setenv("CYAN_API", scripted_url(cloud), 1), 0);
}

void assert_asked(size_t number, const char *line)
{
    const char *request = scripted_request(cloud, number);
    size_t len = strlen(line);
    assert_memory_equal(request, line, len);
    assert_memory_equal(request + len, " HTTP/1.1\r\n", 11);
}

const char *body_of(size_t number)
{
    return strstr(scripted_request(cloud, number), "\r\n\r\n") + 4;
}
