#include "server/api/http.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "server/api/daemon.h"
#include "server/api/reply.h"
#include "server/api/request.h"
#include "server/cloud/cloud.h"
#include "server/net/listener.h"

enum {
    /* The headers of a request, their list and those of the answer must fit; what is left takes
     * the events of one write. Costs 11 kB in all for each sleeping stream (7 kB with 4096). */
    CONNECTION_MEMORY = 8192,
    IDLE_TIMEOUT_S = 60,
    /* Of a new connection, until the headers are there. Also the time after which a client is
     * noticed that left with half a request sent: libmicrohttpd misses the end when it comes
     * together with the last bytes. */
    HEAD_TIMEOUT_S = 10,
    RESERVE_MIN = 64,
    STOP_TURNS = 8,
};

/* Some requests never get here: libmicrohttpd has no hook for them and answers with a short page of
 * its own, or hangs up. They are those that it cannot read (400, 505), whose first line or headers
 * do not fit CONNECTION_MEMORY (414, 431), or whose Content-Length is no number (400, 413). */

/* The path is decoded once, by the router, after it was cut at its slashes. */
static size_t keep_escaped(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text);
}

static void *on_uri(void *arg, const char *uri, struct MHD_Connection *connection)
{
    return request_create(arg, connection, uri);
}

static void set_timeout(struct MHD_Connection *connection, unsigned seconds)
{
    (void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    (void)arg;
    (void)context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        set_timeout(connection, HEAD_TIMEOUT_S);
    }
}

static enum MHD_Result queue(struct request *request)
{
    enum MHD_Result result =
        MHD_queue_response(request->sleeper.connection, request->status, request->response);
    MHD_destroy_response(request->response);
    request->response = NULL;
    return result;
}

/* Called when the headers are there, for each piece of the body, when all is there, and again
 * after each sleep. MHD_NO closes the connection. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **context)
{
    struct request *request = *context;
    (void)arg;
    (void)url;
    (void)version;
    if (!request) {
        return MHD_NO;
    }
    if (!request->has_headers) {
        set_timeout(connection, IDLE_TIMEOUT_S);
        request_headers(request);
        return request->is_answered ? queue(request) : MHD_YES;
    }
    if (*upload_len > 0) {
        int err = request_body(request, upload, *upload_len);
        *upload_len = 0;
        return err < 0 ? MHD_NO : MHD_YES;
    }
    if (!request->is_started) {
        request_start(request, method);
    }
    if (request->is_answered) {
        return queue(request);
    }
    sleeper_sleep(&request->sleeper);
    return MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    (void)arg;
    (void)connection;
    (void)code;
    if (*context) {
        request_end(*context);
        *context = NULL;
    }
}

static void on_timeout(uv_timer_t *timer);

static void drive(void *arg)
{
    struct http *http = arg;
    MHD_UNSIGNED_LONG_LONG ms;
    MHD_run(http->daemon);
    if (MHD_get_timeout(http->daemon, &ms) == MHD_YES) {
        uv_timer_start(&http->timeout, on_timeout, ms, 0);
    } else {
        uv_timer_stop(&http->timeout);
    }
}

static void on_timeout(uv_timer_t *timer)
{
    drive(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    drive(poll->data);
}

/* A quarter of the descriptors stays with devices and the store. */
static unsigned connection_limit(void)
{
    struct rlimit limit = {.rlim_cur = 1024};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t most = limit.rlim_cur > 1000000 ? 1000000 : limit.rlim_cur;
    rlim_t reserve = most / 4 > RESERVE_MIN ? most / 4 : RESERVE_MIN;
    return most > 2 * reserve ? (unsigned)(most - reserve) : RESERVE_MIN;
}

/* Without MHD_USE_ERROR_LOG: it would write a line for each client that leaves. */
static struct MHD_Daemon *start_daemon(struct http *http, int fd, bool is_ip6)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (is_ip6 ? MHD_USE_IPv6 : 0u);
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, http, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_LIMIT,
        connection_limit(), MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, NULL, MHD_OPTION_URI_LOG_CALLBACK, on_uri, http, MHD_OPTION_UNESCAPE_CALLBACK,
        keep_escaped, NULL, MHD_OPTION_END);
}

int http_start(struct cloud *cloud, const char *host, uint16_t port, struct http **out_http)
{
    struct http *http = calloc(1, sizeof *http);
    if (!http) {
        return CYAN_E_NO_MEMORY;
    }
    fields_setup();
    http->cloud = cloud;
    int fd = -1;
    int err = listener_open(host, port, &fd, &http->port);
    if (err < 0) {
        free(http);
        return err;
    }
    bool is_ip6 = strchr(host, ':') != NULL;
    http->daemon = start_daemon(http, fd, is_ip6);
    if (!http->daemon) {
        free(http);
        return CYAN_E_IO;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info || uv_poll_init(cloud->loop, &http->poll, info->epoll_fd) < 0) {
        MHD_stop_daemon(http->daemon);
        free(http);
        return CYAN_E_IO;
    }
    http->poll.data = http;
    uv_timer_init(cloud->loop, &http->timeout);
    http->timeout.data = http;
    waker_init(&http->waker, cloud->loop, drive, http);
    sse_list_init(&http->streams, cloud->loop);
    uv_poll_start(&http->poll, UV_READABLE, on_readable);
    *out_http = http;
    return 0;
}

uint16_t http_port(const struct http *http)
{
    return http->port;
}

static void on_closed(uv_handle_t *handle)
{
    struct http *http = handle->data;
    if (--http->open_handles == 0) {
        free(http);
    }
}

static void close_handle(struct http *http, uv_handle_t *handle)
{
    handle->data = http;
    http->open_handles++;
    uv_close(handle, on_closed);
}

void http_stop(struct http *http)
{
    http->is_stopping = true;
    int fd = MHD_quiesce_daemon(http->daemon);
    if (fd >= 0) {
        close(fd);
    }
    for (struct request *r = http->requests; r; r = r->next) {
        if (r->is_started && !r->is_answered) {
            reply_error(r, 503, "BUSY", "The server is stopping.");
        }
    }
    sse_list_end(&http->streams);
    waker_flush(&http->waker);
    for (int i = 0; i < STOP_TURNS; i++) {
        MHD_run(http->daemon);
    }
    MHD_stop_daemon(http->daemon);
    close_handle(http, (uv_handle_t *)&http->poll);
    close_handle(http, (uv_handle_t *)&http->timeout);
    close_handle(http, (uv_handle_t *)&http->waker.timer);
    close_handle(http, (uv_handle_t *)&http->streams.timer);
}
