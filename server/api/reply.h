/* reply.h - the answers of the HTTP interface. Exactly one for each request; headers for browsers
 * of other sites (CORS) are on all of them. */
#ifndef CYAN_SERVER_API_REPLY_H
#define CYAN_SERVER_API_REPLY_H

#include "server/api/request.h"
#include "server/json.h"

enum { REPLY_JSON_MAX = 64 * 1024 * 1024 };

/* Takes json, which is from jsonw_init_heap; 503 when it failed. */
void reply_json(struct request *request, unsigned status, struct json *json);

/* {"ok":true} */
void reply_ok(struct request *request);

/* Copies data. */
void reply_bytes(struct request *request, unsigned status, const char *type, const void *data,
                 size_t len);

/* {"ok":false,"error":sentence,"code":code} */
void reply_error(struct request *request, unsigned status, const char *code, const char *sentence);

/* The same for what a call of cloud/ returned about the device or the store. */
void reply_status(struct request *request, int status);

/* In the callback of something that the request waited for: request_back, and whatever failed is
 * answered with reply_status. True: the handler goes on with what it got. */
bool reply_back(struct request *request, int status);

/* 401 {"error":error,"error_description":sentence,...} with error invalid_token or
 * expired_token. */
void reply_unauthorized(struct request *request, const char *error, const char *sentence);

/* {"error":error,"error_description":sentence} as OAuth has it. */
void reply_oauth(struct request *request, unsigned status, const char *error, const char *sentence);

/* 405 with the methods there are; 204 for OPTIONS. */
void reply_wrong_method(struct request *request);
void reply_options(struct request *request);

/* Takes response: an event stream. */
void reply_stream(struct request *request, struct MHD_Response *response);

#endif
