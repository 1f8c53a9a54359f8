/* multipart.h - the fields of a multipart form, for body.c. */
#ifndef CYAN_SERVER_API_MULTIPART_H
#define CYAN_SERVER_API_MULTIPART_H

#include "server/api/body.h"

/* type: the Content-Type, with its boundary. A file is a field like others. Errors as of
 * fields_read_body. */
int multipart_read(struct fields *fields, const char *type, const char *text, size_t len);

#endif
