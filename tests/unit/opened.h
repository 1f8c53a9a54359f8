/* opened.h - a data folder in the scratch folder, opened again and again. */
#ifndef CYAN_TESTS_OPENED_H
#define CYAN_TESTS_OPENED_H

#include "server/cloud/folder.h"

/* Made once for all tests of a program, since a server key takes a while. */
extern struct cyan_crypto *opened_crypto;
extern struct cyan_serverkey opened_keys[2];
int opened_make_keys(void **state);
int opened_drop_keys(void **state);

/* The folder as it was opened last, and what was said. */
extern struct folder opened;
extern struct folder_words opened_words;
int opened_set_up(void **state);
int opened_tear_down(void **state);

/* Closes the folder and opens it again, on any store and with a first login; return what
 * folder_open does. */
int opened_with(store_open_fn *store_open, const char *user, const char *password);
int opened_as_is(void);

/* Puts a server key into the folder, which is made if it is not there. */
void opened_put_key(const struct cyan_serverkey *key);
void opened_remove(void);

/* 0 when the folder has this account with this password. */
int opened_check_login(const char *user, const char *password);
/* The two lines of first-login. */
void opened_read_login(char user[200], char password[200]);
/* Whether the words of the last failure hold these. */
void opened_assert_words(const char *what, const char *next);

#endif
