#include "tests/unit/hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/cloud/password.h"
#include "server/net/log.h"
#include "server/store/sqlite.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

int64_t hub_now_ms = 1700000000000;
uv_loop_t hub_loop;
struct store hub_store;
struct jobs *hub_jobs;

int64_t clock_now_ms(void)
{
    return hub_now_ms;
}

int password_hash(const char *password, const uint8_t salt[static PASSWORD_SALT_LEN],
                  char out_text[static PASSWORD_TEXT_MAX + 1])
{
    uint64_t hash = salt[0];
    for (const char *c = password; *c; c++) {
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
    }
    (void)snprintf(out_text, PASSWORD_TEXT_MAX + 1, "%u$%llx", salt[0], (unsigned long long)hash);
    return 0;
}

int password_check(const char *password, const char *text)
{
    char again[PASSWORD_TEXT_MAX + 1];
    if (!text) {
        return CYAN_E_REFUSED;
    }
    const uint8_t salt[PASSWORD_SALT_LEN] = {(uint8_t)strtoul(text, NULL, 10)};
    int status = password_hash(password, salt, again);
    return status == 0 && strcmp(text, again) != 0 ? CYAN_E_REFUSED : status;
}

void hub_open(void)
{
    assert_int_equal(store_sqlite_open(scratch_path("cyan.db"), &hub_store), 0);
    assert_int_equal(uv_loop_init(&hub_loop), 0);
    hub_jobs = jobs_create(&hub_loop, &hub_store);
    assert_non_null(hub_jobs);
}

void hub_close(void)
{
    jobs_destroy(hub_jobs);
    assert_int_equal(uv_loop_close(&hub_loop), 0);
    hub_store.close(hub_store.ctx);
}

uint32_t hub_add_account(const char *name)
{
    struct store_account account = {.password = "x"};
    uint32_t id = 0;
    memcpy(account.name, name, strlen(name) + 1);
    assert_int_equal(hub_store.account_add(hub_store.ctx, &account, &id), 0);
    return id;
}
