#include "tests/unit/opened.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/openssl.h"
#include "server/cloud/password.h"
#include "server/store/sqlite.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

struct cyan_crypto *opened_crypto;
struct folder opened;
struct folder_words opened_words;
struct cyan_serverkey opened_keys[2];

int opened_make_keys(void **state)
{
    (void)state;
    opened_crypto = cyan_openssl_create();
    assert_non_null(opened_crypto);
    for (size_t i = 0; i < COUNT_OF(opened_keys); i++) {
        assert_int_equal(cyan_serverkey_generate(&opened_keys[i]), 0);
    }
    return 0;
}

int opened_drop_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(opened_keys); i++) {
        cyan_serverkey_done(&opened_keys[i]);
    }
    cyan_openssl_destroy(opened_crypto);
    return 0;
}

int opened_set_up(void **state)
{
    (void)state;
    scratch_init();
    return 0;
}

int opened_tear_down(void **state)
{
    (void)state;
    folder_close(&opened);
    scratch_done();
    return 0;
}

int opened_with(store_open_fn *store_open, const char *user, const char *password)
{
    struct folder_options options = {.path = scratch_path("data"),
                                     .store_open = store_open,
                                     .crypto = opened_crypto,
                                     .user = user,
                                     .password = password};
    folder_close(&opened);
    memset(&opened_words, 'x', sizeof opened_words);
    return folder_open(&options, &opened, &opened_words);
}

int opened_as_is(void)
{
    return opened_with(store_sqlite_open, NULL, NULL);
}

/* A folder with this key and nothing else. */
void opened_put_key(const struct cyan_serverkey *key)
{
    (void)mkdir(scratch_path("data"), 0700);
    (void)unlink(scratch_path("data/server.key"));
    assert_int_equal(cyan_serverkey_save(key, scratch_path("data/server.key")), 0);
}

void opened_remove(void)
{
    folder_close(&opened);
    assert_int_equal(scratch_run((const char *const[]){"rm", "-rf", "data", NULL}), 0);
}

int opened_check_login(const char *user, const char *password)
{
    struct store_account account;
    int status = opened.store.account_find(opened.store.ctx, user, &account);
    return status != 0 ? status : password_check(password, account.password);
}

void opened_assert_words(const char *what, const char *next)
{
    assert_non_null(strstr(opened_words.what, what));
    assert_non_null(strstr(opened_words.next, next));
}

/* The two lines of first-login. */
void opened_read_login(char user[200], char password[200])
{
    size_t len = 0;
    uint8_t *bytes = scratch_read("data/first-login", &len);
    char text[400];
    assert_true(len < sizeof text);
    memcpy(text, bytes, len);
    text[len] = '\0';
    free(bytes);
    char *user_line = strstr(text, "user: ");
    char *password_line = strstr(text, "\npassword: ");
    assert_ptr_equal(user_line, text);
    assert_non_null(password_line);
    *password_line = '\0';
    snprintf(user, 200, "%s", user_line + strlen("user: "));
    snprintf(password, 200, "%s", password_line + strlen("\npassword: "));
    assert_int_equal(password[strlen(password) - 1], '\n');
    password[strlen(password) - 1] = '\0';
    assert_null(strchr(password, '\n'));
}
