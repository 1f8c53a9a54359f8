/* router.h - which handler a method and a path lead to: one table. */
#ifndef CYAN_SERVER_API_ROUTER_H
#define CYAN_SERVER_API_ROUTER_H

#include <stddef.h>

struct request;

typedef void route_fn(struct request *request);

/* What happens before the handler runs. */
enum route_needs {
    NEEDS_NOTHING,
    NEEDS_ACCOUNT, /* a valid access token */
    NEEDS_DEVICE,  /* and :device is one of the account's own */
};

enum { ROUTE_PARAMS = 2, ROUTE_ALLOW_MAX = 64 };

/* In a pattern, :x stands for one segment, * for all that is left, which may be nothing. */
struct route {
    const char *method;
    const char *pattern;
    enum route_needs needs;
    route_fn *handle;
};

struct route_match {
    const struct route *route;
    const char *params[ROUTE_PARAMS]; /* decoded, in the order of the pattern; "" when not there */
    char allow[ROUTE_ALLOW_MAX];      /* for 405: the methods there are */
};

/* path: without the query, still percent-encoded; is changed in place, and params point into it.
 * HEAD finds what GET finds. Returns 0 or the status to answer: 404, 405, 400 (a bad escape). */
unsigned router_find(const char *method, char *path, struct route_match *out_match);

#endif
