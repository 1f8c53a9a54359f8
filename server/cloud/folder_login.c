#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "keys/files.h"
#include "server/cloud/folder_inner.h"
#include "server/cloud/password.h"
#include "server/net/log.h"

/* 125 bits, in characters that are not mistaken for each other. */
static int make_password(const struct cyan_crypto *crypto, char *out_text)
{
    enum { GROUPS = 5, GROUP_LEN = 5 };
    static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
    uint8_t bytes[GROUPS * GROUP_LEN];
    _Static_assert(sizeof letters - 1 == 32, "five bits a letter");
    int status = crypto->random(crypto->ctx, bytes, sizeof bytes);
    size_t at = 0;
    for (size_t i = 0; status == 0 && i < sizeof bytes; i++) {
        if (i > 0 && i % GROUP_LEN == 0) {
            out_text[at++] = '-';
        }
        out_text[at++] = letters[bytes[i] & 31];
    }
    out_text[at] = '\0';
    cyan_wipe(bytes, sizeof bytes);
    return status;
}

static int write_first_login(struct opening *o)
{
    char path[FILE_PATH_MAX];
    char text[ACCOUNT_NAME_MAX + ACCOUNT_PASSWORD_MAX + 32];
    folder_file(o, "first-login", path);
    int len = snprintf(text, sizeof text, "user: %s\npassword: %s\n", o->folder.first_user,
                       o->folder.first_password);
    int status = cyan_files_replace(path, text, (size_t)len, CYAN_FILES_SECRET);
    cyan_wipe(text, sizeof text);
    if (status != 0) {
        return folder_cannot_write(o, errno);
    }
    return 0;
}

/* The account counts when it is committed, and its password is on disk before that: whenever
 * this is cut short, the operator can log in, or the next start begins anew. */
static int save_account(struct opening *o, const struct store_account *account, bool tell)
{
    const struct store *store = &o->folder.store;
    uint32_t id = 0;
    int status = store->begin(store->ctx);
    if (status != 0) {
        return folder_store_failed(o, status, errno);
    }
    status = store->account_add(store->ctx, account, &id);
    if (status == 0 && tell) {
        status = write_first_login(o);
        if (status != 0) {
            store->rollback(store->ctx);
            return status;
        }
    }
    if (status == 0) {
        status = store->commit(store->ctx);
    }
    if (status != 0) {
        int cause = errno;
        store->rollback(store->ctx);
        return folder_store_failed(o, status, cause);
    }
    return 0;
}

static int make_account(struct opening *o)
{
    const struct cyan_crypto *crypto = o->options->crypto;
    const char *user = o->options->user && o->options->user[0] ? o->options->user : "admin";
    const char *given = o->options->password;
    bool chosen = !given || !given[0];
    struct store_account account = {.is_operator = true, .created_ms = clock_now_ms()};
    uint8_t salt[PASSWORD_SALT_LEN];
    if (!account_name_ok(user) || (!chosen && !account_password_ok(given))) {
        folder_say_what(o, "the first account cannot have the name in CYAN_USER or the password in "
                           "CYAN_PASSWORD: too long, or with control characters");
        folder_say_next(o, "set them to at most %d and %d characters, or unset them",
                        ACCOUNT_NAME_MAX, ACCOUNT_PASSWORD_MAX);
        return CYAN_E_INVALID;
    }
    memcpy(account.name, user, strlen(user) + 1);
    int status = crypto->random(crypto->ctx, salt, sizeof salt);
    if (status == 0 && chosen) {
        memcpy(o->folder.first_user, user, strlen(user) + 1);
        status = make_password(crypto, o->folder.first_password);
    }
    if (status == 0) {
        status = password_hash(chosen ? o->folder.first_password : given, salt, account.password);
    }
    if (status != 0) {
        folder_say_what(o, "the first account could not be made: %s", cyan_err_text(status));
        folder_say_next(o, "start cyand again");
    } else {
        status = save_account(o, &account, chosen);
    }
    cyan_wipe(&account, sizeof account);
    return status;
}

int folder_open_login(struct opening *o)
{
    const struct store *store = &o->folder.store;
    uint64_t accounts = 0;
    int status = store->account_count(store->ctx, &accounts);
    if (status != 0) {
        return folder_store_failed(o, status, errno);
    }
    return accounts == 0 ? make_account(o) : 0;
}
