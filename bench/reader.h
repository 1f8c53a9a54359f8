/* reader.h - a process of its own that reads many connections, so that what it costs is not counted
 * as the server's. */
#ifndef CYAN_BENCH_READER_H
#define CYAN_BENCH_READER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { READER_REQUEST_MAX = 256 };

struct reader {
    pid_t pid;
    int orders;
    int words; /* readable: one byte when all are connected, then one each time all have a message
                */
};

/* One round: connections to 127.0.0.1, on which messages of message_len bytes come. */
struct reader_order {
    uint16_t port;
    size_t connections;
    char request[READER_REQUEST_MAX]; /* sent first on each, unless empty */
    char greeting[16];                /* what the answer to it ends with */
    size_t message_len;
    size_t messages;
};

/* Forks; call it before there are threads. Ends the program when it cannot. */
struct reader reader_start(void);

/* Begins a round; the one before must be over. */
void reader_order(const struct reader *reader, const struct reader_order *order);

/* Waits for one byte. */
void reader_wait(const struct reader *reader);

void reader_stop(struct reader *reader);

/* Says why and ends the process. */
_Noreturn void bench_die(const char *what);

#endif
