/* folder.h - the data folder of cyand: opened as a whole, by one process, or not at all.
 *
 *   lock             flock'd while a cyand runs; a file that is left over is no lock
 *   cyan.db          the store
 *   server.key       the server's own key
 *   server-prev.key  the one before it, while devices may still know that one (rotation.h)
 *   server-next.key  only while server.key is being replaced
 *   first-login      name and password of the first account, when cyand chose the password
 *
 * Every stock device carries the public half of server.key and nothing can change that from afar.
 * So a new key is made only when the store has never seen one and knows no device; a key that is
 * lost or another one is an error that tells how to restore it, and so is a previous key. A start
 * may be killed at any moment: the next one goes on. Runs before the threads start; blocks. */
#ifndef CYAN_SERVER_CLOUD_FOLDER_H
#define CYAN_SERVER_CLOUD_FOLDER_H

#include <stdbool.h>

#include "base/err.h"
#include "crypto/crypto.h"
#include "keys/serverkey.h"
#include "server/cloud/accounts.h"
#include "server/store/store.h"

enum { FOLDER_PATH_MAX = 1024, FOLDER_WORDS_MAX = 1536 };

struct folder_options {
    const char *path;
    store_open_fn *store_open;
    const struct cyan_crypto *crypto;
    /* Of the first account; NULL or "" leaves the choice to cyand: "admin", and a random
     * password. Ignored when there is an account. */
    const char *user;
    const char *password;
    /* For a folder that has no server key yet; NULL: a new one is made. Borrowed. */
    const struct cyan_serverkey *key;
    /* A previous key that is lost is no error; then has_prev is false. */
    bool forgive_prev;
};

struct folder {
    struct store store;
    struct cyan_serverkey key;
    struct cyan_serverkey prev; /* when has_prev */
    bool has_prev;
    /* What has to be told to the operator, once; "" unless this start chose a password. Wipe
     * it with folder_forget_login when it is told. */
    char first_user[ACCOUNT_NAME_MAX + 1];
    char first_password[ACCOUNT_PASSWORD_MAX + 1];
    int lock; /* file descriptor, when has_lock */
    bool has_lock;
};

/* For people: what is wrong, and what to do about it; both without a full stop. */
struct folder_words {
    char what[FOLDER_WORDS_MAX];
    char next[FOLDER_WORDS_MAX];
};

/* Makes what is missing. On failure the words are set and the folder is as it was, or further on
 * its way to be complete. CYAN_E_INVALID: the name or password for the first account, or the
 * path's length; CYAN_E_NO_MEMORY, CYAN_E_CRYPTO, CYAN_E_RANDOM: not the folder's fault. All other
 * errors mean that this folder must not or cannot be used. */
int folder_open(const struct folder_options *options, struct folder *out_folder,
                struct folder_words *out_words) CYAN_MUST_CHECK;

/* Whether these are the keys that a store belongs to; prev NULL: there is none. Writes nothing.
 * CYAN_E_KEY_UNUSABLE: no. CYAN_E_CRYPTO, or an error of the store. */
int folder_check_keys(const struct store *store, const struct cyan_serverkey *key,
                      const struct cyan_serverkey *prev) CYAN_MUST_CHECK;

void folder_forget_login(struct folder *folder);

/* Closes the store, wipes the secrets and gives the lock back; a folder of zeroes is fine. */
void folder_close(struct folder *folder);

#endif
