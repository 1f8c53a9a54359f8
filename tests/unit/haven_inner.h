/* haven_inner.h - what the files of the haven share (haven.h). */
#ifndef CYAN_TESTS_HAVEN_INNER_H
#define CYAN_TESTS_HAVEN_INNER_H

#include "tests/unit/haven.h"

struct stream;

extern int haven_status;                /* what a callback said; before that HAVEN_NOT_DONE */
extern struct stream *haven_streams[2]; /* of ann and bob */

/* Fails when the answer came from inside the call, or does not come. */
void haven_wait_done(void);

#endif
