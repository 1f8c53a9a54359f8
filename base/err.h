/* err.h - the errors of Cyan.
 *
 * A function returns 0 or a count on success and a negative CYAN_E_* on failure. Each error has
 * a number that never changes its meaning, a short name for machines and a sentence for people.
 * Libraries return errors and never print; programs speak. */
#ifndef CYAN_BASE_ERR_H
#define CYAN_BASE_ERR_H

#define CYAN_MUST_CHECK __attribute__((warn_unused_result))

/*   number name             sentence */
#define CYAN_ERRORS(X)                                                                             \
    X(1, TRUNCATED, "the data ends too early")                                                     \
    X(2, TOO_LONG, "the data is longer than allowed")                                              \
    X(3, NO_SPACE, "the buffer is too small")                                                      \
    X(4, MALFORMED, "the data does not have the required form")                                    \
    X(5, INVALID, "the value is not allowed here")                                                 \
    X(6, PADDING, "the padding is wrong")                                                          \
    X(7, NOT_DECIPHERABLE, "the message cannot be deciphered with this key")                       \
    X(8, SIGNATURE, "the signature does not match")                                                \
    X(9, KEY_DAMAGED, "the key is damaged")                                                        \
    X(10, KEY_UNUSABLE, "the key cannot be used for this operation")                               \
    X(11, RANDOM, "the random source failed")                                                      \
    X(12, CRYPTO, "a cryptographic operation failed inside the library")                           \
    X(13, NOT_FOUND, "no such thing")                                                              \
    X(14, EXISTS, "it exists already")                                                             \
    X(15, REFUSED, "refused")                                                                      \
    X(16, BUSY, "in use by somebody else")                                                         \
    X(17, TIMEOUT, "no answer in time")                                                            \
    X(18, CLOSED, "the other end closed the connection")                                           \
    X(19, RESET, "the other end reset the connection")                                             \
    X(20, AGAIN, "not ready yet")                                                                  \
    X(21, IO, "reading or writing failed")                                                         \
    X(22, NO_MEMORY, "out of memory")                                                              \
    X(23, CORRUPT, "the stored data is damaged")                                                   \
    X(24, FULL, "the limit is reached")                                                            \
    X(25, UNSUPPORTED, "not supported")                                                            \
    X(26, BLANK, "nothing has been written there yet")                                             \
    X(27, OFFLINE, "the device is not connected")

enum cyan_err {
#define X(number, name, sentence) CYAN_E_##name = -(number),
    CYAN_ERRORS(X)
#undef X
};

/* Short name such as "TOO_LONG"; "OK" for values >= 0, "UNKNOWN" for numbers not listed. Static. */
const char *cyan_err_name(int err);

/* One sentence without a full stop, for people. Static. */
const char *cyan_err_text(int err);

#endif
