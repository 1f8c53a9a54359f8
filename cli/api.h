/* api.h - the HTTP interface of a cloud: paths, requests as the logged-in user, and what an answer
 * means for an exit code. */
#ifndef CYAN_CLI_API_H
#define CYAN_CLI_API_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"

enum { API_PATH_MAX = 4096 };

/* A path below the cloud's address, such as /v1/devices/NAME. */
struct api_path {
    char text[API_PATH_MAX];
    size_t len;
    bool failed; /* it became too long */
};

/* Begins with a fixed path that needs no encoding. */
void api_path_init(struct api_path *path, const char *fixed);
/* Adds "/" and one segment in which every unusual byte is percent-encoded. */
void api_path_add(struct api_path *path, const char *segment);

/* Adds "?name=value" or "&name=value", the value percent-encoded. */
void api_path_query(struct api_path *path, const char *name, const char *value);

/* Each asks as the user, whose token is needed, and returns 0 or an exit code. out_json gets the
 * parsed answer; release it. */
int api_get(struct cli *cli, const struct api_path *path, json_t **out_json) CYAN_MUST_CHECK;
int api_delete(struct cli *cli, const struct api_path *path, json_t **out_json) CYAN_MUST_CHECK;
/* Takes over body; NULL is a text that was not UTF-8. */
int api_post(struct cli *cli, const struct api_path *path, json_t *body,
             json_t **out_json) CYAN_MUST_CHECK;
int api_put(struct cli *cli, const struct api_path *path, json_t *body,
            json_t **out_json) CYAN_MUST_CHECK;

/* Asks without a token. body is of the type application/x-www-form-urlencoded, or NULL to GET. The
 * answer is bytes, ended by a NUL that is not counted; free them. */
int api_open(struct cli *cli, const struct api_path *path, const char *form, char **out_data,
             size_t *out_len) CYAN_MUST_CHECK;

/* The whole address; free it. Returns 0 or an exit code. */
int api_url(struct cli *cli, const struct api_path *path, char **out_url) CYAN_MUST_CHECK;

/* CLI_NOT_LOGGED_IN when there is no token for this cloud. */
int api_need_token(struct cli *cli) CYAN_MUST_CHECK;

/* What an answer that is no success means: an exit code with its fault. */
int api_refusal(struct cli *cli, const struct http_response *response);

/* The words about a device whose key nobody has approved yet: CLI_OFFLINE. */
int api_held(struct cli *cli, const char *device);

/* What it means that there was no answer. */
int api_silence(struct cli *cli, int err, const char *why);

/* Appends text in the form of a form's value to a buffer that holds len characters of size;
 * returns the new length, or size when it does not fit. */
size_t api_encode(char *buffer, size_t size, size_t len, const char *text);

#endif
