/* calls_inbox.h - calls.c as the link sees it. Inside cloud/. */
#ifndef CYAN_SERVER_CLOUD_CALLS_INBOX_H
#define CYAN_SERVER_CLOUD_CALLS_INBOX_H

#include "server/cloud/calls.h"
#include "server/cloud/letters.h"

struct calls;

/* Borrows cloud. NULL without memory. */
struct calls *calls_create(struct cloud *cloud);
/* Answers what still waits with CYAN_E_OFFLINE and closes its handle; calls_destroy after the
 * loop has closed it. */
void calls_stop(struct calls *calls);
void calls_destroy(struct calls *calls);

/* A shard's answer; the bytes follow the letter. */
void calls_reply(struct calls *calls, const struct letter_reply *letter);

#endif
