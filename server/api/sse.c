#include "server/api/sse.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/secret.h"
#include "server/api/daemon.h"
#include "server/api/reply.h"
#include "server/cloud/accounts.h"
#include "server/cloud/cloud.h"
#include "server/cloud/outbox.h"

/* A question whether a stream's token still counts; outlives the stream. */
struct check {
    struct sse *sse; /* NULL: the stream is gone */
};

struct sse {
    struct sleeper sleeper;
    struct sse_list *list;
    struct stream *stream;
    struct sse *next;
    struct sse *prev;
    uint64_t visited_ms;
    uint64_t moved_ms; /* when libmicrohttpd last asked for more */
    struct accounts *accounts;
    struct check *check; /* NULL: none is under way */
    char token[TOKEN_LEN + 1];
    bool is_greeted;
    bool wants_beat;
    bool is_ending;
};

enum { BLOCK = 1024 }; /* of a response without chunks: HTTP/1.0 */

static uint64_t now_ms(const struct sse_list *list)
{
    return uv_now(list->timer.loop);
}

/* At the end of the ring: visited last. */
static void list_insert(struct sse_list *list, struct sse *sse)
{
    if (list->oldest) {
        sse->next = list->oldest;
        sse->prev = list->oldest->prev;
        sse->prev->next = sse;
        sse->next->prev = sse;
    } else {
        sse->next = sse->prev = sse;
        list->oldest = sse;
    }
    list->count++;
}

static void list_remove(struct sse_list *list, struct sse *sse)
{
    sse->next->prev = sse->prev;
    sse->prev->next = sse->next;
    if (list->oldest == sse) {
        list->oldest = sse->next == sse ? NULL : sse->next;
    }
    list->count--;
    if (list->count == 0) {
        uv_timer_stop(&list->timer);
    }
}

static void hang_up(const struct sse *sse)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(sse->sleeper.connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info) {
        shutdown(info->connect_fd, SHUT_RDWR);
    }
}

static void on_checked(void *arg, int status, const struct account *account)
{
    struct check *check = arg;
    struct sse *sse = check->sse;
    (void)account;
    free(check);
    if (!sse) {
        return;
    }
    sse->check = NULL;
    if (status == CYAN_E_NOT_FOUND || status == CYAN_E_TIMEOUT) {
        sse->is_ending = true;
        sleeper_wake(&sse->sleeper);
    }
}

/* A stream may outlive its token for a beat and no longer. */
static void check_token(struct sse *sse)
{
    if (sse->check) {
        return;
    }
    sse->check = calloc(1, sizeof *sse->check);
    if (sse->check) {
        sse->check->sse = sse;
        accounts_authenticate(sse->accounts, sse->token, on_checked, sse->check);
    }
}

static void visit(struct sse *sse, uint64_t now)
{
    sse->visited_ms = now;
    check_token(sse);
    if (sse->sleeper.is_asleep) {
        sse->wants_beat = true;
        sleeper_wake(&sse->sleeper);
    } else if (now - sse->moved_ms > sse->list->stuck_ms) {
        hang_up(sse);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct sse_list *list = timer->data;
    uint64_t now = now_ms(list);
    /* Streams that were opened together would stay together for ever. */
    size_t most = list->count / (SSE_TICKS / 8) + 1;
    for (size_t i = 0; i < most && now - list->oldest->visited_ms >= list->beat_ms; i++) {
        struct sse *sse = list->oldest;
        list->oldest = sse->next;
        visit(sse, now);
    }
}

void sse_list_init(struct sse_list *list, uv_loop_t *loop)
{
    *list = (struct sse_list){.beat_ms = SSE_BEAT_MS, .stuck_ms = SSE_STUCK_MS};
    uv_timer_init(loop, &list->timer);
    list->timer.data = list;
}

void sse_list_end(struct sse_list *list)
{
    struct sse *sse = list->oldest;
    for (size_t i = 0; i < list->count; i++, sse = sse->next) {
        sse->is_ending = true;
        sleeper_wake(&sse->sleeper);
    }
}

static void on_wake(void *arg)
{
    struct sse *sse = arg;
    sleeper_wake(&sse->sleeper);
}

/* libmicrohttpd asks for the next bytes; 0 is allowed only when the connection sleeps. */
static ssize_t on_read(void *arg, uint64_t pos, char *buf, size_t max)
{
    static const char greeting[] = ":ok\n\n";
    struct sse *sse = arg;
    (void)pos;
    sse->moved_ms = now_ms(sse->list);
    if (!sse->is_greeted && max >= sizeof greeting - 1) {
        sse->is_greeted = true;
        memcpy(buf, greeting, sizeof greeting - 1);
        return sizeof greeting - 1;
    }
    if (sse->is_ending) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    ssize_t n = stream_read(sse->stream, buf, max);
    if (n < 0) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (n == 0 && sse->wants_beat) {
        buf[0] = '\n';
        n = 1;
    }
    sse->wants_beat = false;
    if (n == 0) {
        sleeper_sleep(&sse->sleeper);
    }
    return n;
}

static void on_free(void *arg)
{
    struct sse *sse = arg;
    sleeper_done(&sse->sleeper);
    list_remove(sse->list, sse);
    stream_close(sse->stream);
    if (sse->check) {
        sse->check->sse = NULL;
    }
    cyan_wipe(sse->token, sizeof sse->token);
    free(sse);
}

/* The kernel would take megabytes for a client that never reads. */
static void limit_send_buffer(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int size = SSE_SEND_BUFFER / 2; /* the kernel doubles it */
    if (info) {
        (void)setsockopt(info->connect_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }
}

static struct sse *sse_create(struct request *request, const struct stream_filter *filter)
{
    struct http *http = request->http;
    struct sse *sse = calloc(1, sizeof *sse);
    if (!sse) {
        return NULL;
    }
    sse->stream = stream_open(request->cloud->events, filter, on_wake, sse);
    if (!sse->stream) {
        free(sse);
        return NULL;
    }
    sse->sleeper = (struct sleeper){
        .waker = &http->waker, .connection = request->sleeper.connection, .is_stream = true};
    sse->list = &http->streams;
    sse->accounts = request->cloud->accounts;
    memcpy(sse->token, request->token, sizeof sse->token);
    sse->visited_ms = sse->moved_ms = now_ms(sse->list);
    list_insert(sse->list, sse);
    if (sse->list->count == 1) {
        uint64_t tick = sse->list->beat_ms / SSE_TICKS;
        uv_timer_start(&sse->list->timer, on_tick, tick, tick);
    }
    return sse;
}

void sse_start(struct request *request, const struct stream_filter *filter)
{
    struct outbox *outbox = request->cloud->outbox;
    uint32_t account = filter->account;
    struct sse *sse = sse_create(request, filter);
    if (!sse) {
        reply_error(request, 503, "BUSY", "There is no room for another stream.");
        return;
    }
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, on_read, sse, on_free);
    if (!response) {
        on_free(sse);
        reply_error(request, 503, "BUSY", "There is no room for another stream.");
        return;
    }
    limit_send_buffer(request->sleeper.connection);
    request_lighten(request);
    reply_stream(request, response);
    outbox_stream_opened(outbox, account);
}
