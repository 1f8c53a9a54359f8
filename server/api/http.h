/* http.h - the HTTP face of cyand: libmicrohttpd on the hub's loop, routes, event streams. */
#ifndef CYAN_SERVER_API_HTTP_H
#define CYAN_SERVER_API_HTTP_H

#include <stdint.h>

struct cloud;
struct http;

/* Listens on host (an IP address) and port; 0 picks a free one. Borrows cloud. May be called
 * several times, once an address. CYAN_E_BUSY: the port is taken; CYAN_E_INVALID: no such
 * address; CYAN_E_IO. */
int http_start(struct cloud *cloud, const char *host, uint16_t port, struct http **out_http);

/* The port that it listens on. */
uint16_t http_port(const struct http *http);

/* Stops listening, answers 503 to what waits, ends the streams; to be called with the loop
 * still alive, before the cloud is destroyed. */
void http_stop(struct http *http);

#endif
