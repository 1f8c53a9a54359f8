#include "server/cloud/accounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "crypto/openssl.h"
#include "tests/unit/hub.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static struct cyan_crypto *crypto;
static struct accounts *accounts;

static int set_up(void **state)
{
    (void)state;
    hub_now_ms = 1700000000000;
    scratch_init();
    hub_open();
    crypto = cyan_openssl_create();
    assert_non_null(crypto);
    accounts = accounts_create(hub_jobs, crypto);
    assert_non_null(accounts);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    accounts_destroy(accounts);
    cyan_openssl_destroy(crypto);
    hub_close();
    scratch_done();
    return 0;
}

enum { NOT_DONE = 1000 };

/* What a callback said, for all kinds of them. */
struct answer {
    int status;
    struct account account;
    struct grant grant;
};

static const struct answer not_done = {.status = NOT_DONE};

static void on_account(void *arg, int status, const struct account *account)
{
    struct answer *answer = arg;
    assert_int_equal(answer->status, NOT_DONE);
    assert_int_equal(account != NULL, status == 0);
    answer->status = status;
    if (account) {
        answer->account = *account;
    }
}

static void on_grant(void *arg, int status, const struct grant *grant)
{
    struct answer *answer = arg;
    assert_int_equal(answer->status, NOT_DONE);
    assert_int_equal(grant != NULL, status == 0);
    answer->status = status;
    if (grant) {
        answer->grant = *grant;
    }
}

static void on_status(void *arg, int status)
{
    struct answer *answer = arg;
    assert_int_equal(answer->status, NOT_DONE);
    answer->status = status;
}

/* Nothing may be answered from inside the call. */
static void wait_for(struct answer *answer)
{
    assert_int_equal(answer->status, NOT_DONE);
    jobs_drain(hub_jobs);
    assert_int_not_equal(answer->status, NOT_DONE);
}

static struct answer add(const char *name, const char *password)
{
    struct answer answer = not_done;
    accounts_add(accounts, name, password, on_account, &answer);
    wait_for(&answer);
    return answer;
}

static struct answer login_from(const char *name, const char *password, const char *address,
                                int64_t expires_in)
{
    struct answer answer = not_done;
    accounts_login(accounts, name, password, address, "test", expires_in, on_grant, &answer);
    wait_for(&answer);
    return answer;
}

static struct answer login(const char *name, const char *password)
{
    return login_from(name, password, "127.0.0.1", 3600);
}

static struct answer authenticate(const char *token)
{
    struct answer answer = not_done;
    accounts_authenticate(accounts, token, on_account, &answer);
    wait_for(&answer);
    return answer;
}

static struct answer refresh(const char *token)
{
    struct answer answer = not_done;
    accounts_refresh(accounts, token, on_grant, &answer);
    wait_for(&answer);
    return answer;
}

static int end_token(const char *token)
{
    struct answer answer = not_done;
    accounts_revoke(accounts, token, on_status, &answer);
    wait_for(&answer);
    return answer.status;
}

static void the_first_account_alone_is_the_operator(void **state)
{
    (void)state;
    struct answer ann = add("ann", "secret");
    struct answer bob = add("bob", "secret");
    assert_int_equal(ann.status, 0);
    assert_true(ann.account.is_operator);
    assert_string_equal(ann.account.name, "ann");
    assert_int_equal(bob.status, 0);
    assert_false(bob.account.is_operator);
    assert_int_not_equal(ann.account.id, 0);
    assert_int_not_equal(ann.account.id, bob.account.id);
    assert_int_equal(add("ANN", "other").status, CYAN_E_EXISTS);
}

static void of_accounts_added_at_once_one_is_the_operator(void **state)
{
    (void)state;
    struct answer answers[8];
    unsigned operators = 0;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        char name[8];
        snprintf(name, sizeof name, "a%zu", i / 2); /* each name twice */
        answers[i] = not_done;
        accounts_add(accounts, name, "secret", on_account, &answers[i]);
    }
    jobs_drain(hub_jobs);
    for (size_t i = 0; i < COUNT_OF(answers); i += 2) {
        int one = answers[i].status;
        int two = answers[i + 1].status;
        assert_true((one == 0 && two == CYAN_E_EXISTS) || (two == 0 && one == CYAN_E_EXISTS));
        operators += answers[i].account.is_operator + answers[i + 1].account.is_operator;
    }
    assert_int_equal(operators, 1);
}

static void names_and_passwords_are_taken_up_to_their_limits(void **state)
{
    (void)state;
    char text[ACCOUNT_PASSWORD_MAX + 2];
    for (size_t len = 0; len < sizeof text; len++) {
        memset(text, 'x', len);
        text[len] = '\0';
        assert_int_equal(account_name_ok(text), len >= 1 && len <= ACCOUNT_NAME_MAX);
        assert_int_equal(account_password_ok(text), len >= 1 && len <= ACCOUNT_PASSWORD_MAX);
    }
    for (int c = 1; c < 256; c++) {
        char one[] = {'a', (char)c, 'b', '\0'};
        bool control = c < 0x20 || c == 0x7f;
        assert_int_equal(account_name_ok(one), !control);
        assert_int_equal(account_password_ok(one), !control);
    }
    assert_int_equal(add("", "secret").status, CYAN_E_INVALID);
    assert_int_equal(add("ann", "").status, CYAN_E_INVALID);
    assert_int_equal(add("ann", text).status, CYAN_E_INVALID);
    text[ACCOUNT_PASSWORD_MAX] = '\0';
    assert_int_equal(add("ann", text).status, 0);
    assert_int_equal(login("ann", text).status, 0);
    text[ACCOUNT_PASSWORD_MAX - 1] = '\0';
    assert_int_equal(login("ann", text).status, CYAN_E_REFUSED);
}

static void a_token_names_its_account_until_it_expires(void **state)
{
    (void)state;
    struct answer ann = add("ann", "secret");
    add("bob", "secret");
    struct answer grant = login_from("aNN", "secret", "", 3600);
    assert_int_equal(grant.status, 0);
    assert_int_equal(grant.grant.expires_in, 3600);
    assert_int_equal(strspn(grant.grant.access_token, "0123456789abcdef"), TOKEN_LEN);
    assert_int_equal(strlen(grant.grant.refresh_token), TOKEN_LEN);
    assert_string_not_equal(grant.grant.access_token, grant.grant.refresh_token);
    /* The first answer comes from the store, the others from the cache. */
    for (int i = 0; i < 3; i++) {
        struct answer who = authenticate(grant.grant.access_token);
        assert_int_equal(who.status, 0);
        assert_int_equal(who.account.id, ann.account.id);
        assert_string_equal(who.account.name, "ann");
        assert_true(who.account.is_operator);
    }
    hub_now_ms += 3600 * 1000 - 1;
    assert_int_equal(authenticate(grant.grant.access_token).status, 0);
    hub_now_ms += 1;
    assert_int_equal(authenticate(grant.grant.access_token).status, CYAN_E_TIMEOUT);
    accounts_destroy(accounts);
    accounts = accounts_create(hub_jobs, crypto);
    assert_int_equal(authenticate(grant.grant.access_token).status, CYAN_E_TIMEOUT);
}

static void a_token_without_an_end_lives_on(void **state)
{
    (void)state;
    add("ann", "secret");
    struct answer grant = login_from("ann", "secret", "", 0);
    assert_int_equal(grant.status, 0);
    assert_int_equal(grant.grant.expires_in, 0);
    hub_now_ms += (int64_t)1000 * 366 * 86400 * 1000;
    assert_int_equal(authenticate(grant.grant.access_token).status, 0);
    assert_int_equal(refresh(grant.grant.refresh_token).grant.expires_in, 0);
}

static void a_life_below_zero_or_above_a_hundred_years_is_invalid(void **state)
{
    (void)state;
    static const int64_t lives[] = {-1, INT64_MIN, INT64_MAX, (int64_t)100 * 365 * 86400 + 1};
    add("ann", "secret");
    for (size_t i = 0; i < COUNT_OF(lives); i++) {
        assert_int_equal(login_from("ann", "secret", "", lives[i]).status, CYAN_E_INVALID);
    }
    assert_int_equal(login_from("ann", "secret", "", (int64_t)100 * 365 * 86400).status, 0);
}

static void what_is_no_token_is_not_found(void **state)
{
    (void)state;
    static const char *const tokens[] = {
        "",
        "x",
        "0123456789abcdef0123456789abcdef01234567",
        "0123456789ABCDEF0123456789abcdef01234567",
        "0123456789abcdef0123456789abcdef0123456",
        "0123456789abcdef0123456789abcdef012345678",
        "0123456789abcdef0123456789abcdef0123456g",
    };
    add("ann", "secret");
    struct answer grant = login("ann", "secret");
    for (size_t i = 0; i < COUNT_OF(tokens); i++) {
        assert_int_equal(authenticate(tokens[i]).status, CYAN_E_NOT_FOUND);
        assert_int_equal(refresh(tokens[i]).status, CYAN_E_REFUSED);
        assert_int_equal(end_token(tokens[i]), CYAN_E_NOT_FOUND);
    }
    /* Each kind of token is good for its own purpose only. */
    assert_int_equal(authenticate(grant.grant.refresh_token).status, CYAN_E_NOT_FOUND);
    assert_int_equal(refresh(grant.grant.access_token).status, CYAN_E_REFUSED);
    assert_int_equal(authenticate(grant.grant.access_token).status, 0);
}

static void a_trade_ends_the_old_pair_at_once_and_keeps_its_life(void **state)
{
    (void)state;
    struct answer ann = add("ann", "secret");
    struct answer old = login_from("ann", "secret", "", 1000);
    assert_int_equal(authenticate(old.grant.access_token).status, 0);
    hub_now_ms += 1500 * 1000; /* the access token has expired, the other one has not */
    struct answer new = refresh(old.grant.refresh_token);
    assert_int_equal(new.status, 0);
    assert_int_equal(new.grant.expires_in, 1000);
    assert_int_equal(authenticate(old.grant.access_token).status, CYAN_E_NOT_FOUND);
    assert_int_equal(refresh(old.grant.refresh_token).status, CYAN_E_REFUSED);
    assert_int_equal(authenticate(new.grant.access_token).account.id, ann.account.id);
    hub_now_ms += 999 * 1000;
    assert_int_equal(authenticate(new.grant.access_token).status, 0);
    hub_now_ms += 1000;
    assert_int_equal(authenticate(new.grant.access_token).status, CYAN_E_TIMEOUT);
    hub_now_ms += 1000 * 1000;
    assert_int_equal(refresh(new.grant.refresh_token).status, CYAN_E_REFUSED);
}

static void of_two_trades_of_one_token_at_once_one_succeeds(void **state)
{
    (void)state;
    struct answer one = not_done;
    struct answer two = not_done;
    add("ann", "secret");
    struct answer old = login("ann", "secret");
    accounts_refresh(accounts, old.grant.refresh_token, on_grant, &one);
    accounts_refresh(accounts, old.grant.refresh_token, on_grant, &two);
    jobs_drain(hub_jobs);
    assert_int_equal(one.status, 0);
    assert_int_equal(two.status, CYAN_E_REFUSED);
}

static void a_revoked_token_is_refused_at_once_though_it_was_cached(void **state)
{
    (void)state;
    add("ann", "secret");
    struct answer one = login("ann", "secret");
    struct answer two = login("ann", "secret");
    assert_int_equal(authenticate(one.grant.access_token).status, 0);
    assert_int_equal(authenticate(two.grant.access_token).status, 0);
    assert_int_equal(end_token(one.grant.access_token), 0);
    assert_int_equal(authenticate(one.grant.access_token).status, CYAN_E_NOT_FOUND);
    assert_int_equal(refresh(one.grant.refresh_token).status, CYAN_E_REFUSED);
    assert_int_equal(end_token(one.grant.access_token), CYAN_E_NOT_FOUND);
    assert_int_equal(authenticate(two.grant.access_token).status, 0);
    /* An answer that was on its way when the token was revoked is not kept. */
    struct answer before = not_done;
    struct answer ending = not_done;
    accounts_destroy(accounts);
    accounts = accounts_create(hub_jobs, crypto);
    accounts_authenticate(accounts, two.grant.access_token, on_account, &before);
    accounts_revoke(accounts, two.grant.refresh_token, on_status, &ending);
    jobs_drain(hub_jobs);
    assert_int_equal(ending.status, 0);
    assert_int_equal(authenticate(two.grant.access_token).status, CYAN_E_NOT_FOUND);
}

static void an_unknown_name_and_a_wrong_password_are_refused_alike(void **state)
{
    (void)state;
    char longest[ACCOUNT_NAME_MAX + 2];
    memset(longest, 'n', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    add("ann", "secret");
    assert_int_equal(login("ann", "wrong").status, CYAN_E_REFUSED);
    assert_int_equal(login("ann", "").status, CYAN_E_REFUSED);
    assert_int_equal(login("nobody", "secret").status, CYAN_E_REFUSED);
    assert_int_equal(login("", "").status, CYAN_E_REFUSED);
    assert_int_equal(login(longest, "secret").status, CYAN_E_REFUSED);
}

static void the_eleventh_attempt_is_refused_even_with_the_right_password(void **state)
{
    (void)state;
    add("ann", "secret");
    for (int i = 0; i < 10; i++) {
        assert_int_equal(login("ann", "wrong").status, CYAN_E_REFUSED);
    }
    assert_int_equal(login("ann", "secret").status, CYAN_E_FULL);
    assert_int_equal(login_from("ann", "secret", "127.0.0.2", 0).status, 0);
    hub_now_ms += 30 * 60 * 1000 - 1;
    assert_int_equal(login("ann", "secret").status, CYAN_E_FULL);
    hub_now_ms += 1;
    assert_int_equal(login("ann", "secret").status, 0);
}

static void more_passwords_than_may_wait_are_turned_away_and_the_rest_are_answered(void **state)
{
    (void)state;
    enum { COUNT = 70 };
    struct answer answers[COUNT];
    unsigned full = 0;
    for (size_t i = 0; i < COUNT; i++) {
        char name[8];
        snprintf(name, sizeof name, "n%zu", i);
        answers[i] = not_done;
        accounts_login(accounts, name, "secret", "", "", 0, on_grant, &answers[i]);
        assert_int_equal(answers[i].status, NOT_DONE);
    }
    jobs_drain(hub_jobs);
    for (size_t i = 0; i < COUNT; i++) {
        full += answers[i].status == CYAN_E_FULL;
        assert_true(answers[i].status == (i < 64 ? CYAN_E_REFUSED : CYAN_E_FULL));
    }
    assert_int_equal(full, COUNT - 64);
    assert_int_equal(add("ann", "secret").status, 0);
}

static void neither_a_password_nor_a_token_is_in_the_files(void **state)
{
    (void)state;
    static const char *const names[] = {"cyan.db", "cyan.db-wal"};
    add("ann", "correct horse battery");
    struct answer grant = login("ann", "correct horse battery");
    const char *const secrets[] = {"correct horse battery", grant.grant.access_token,
                                   grant.grant.refresh_token};
    size_t total = 0;
    for (size_t f = 0; f < COUNT_OF(names); f++) {
        size_t len = 0;
        uint8_t *bytes = scratch_read(names[f], &len);
        total += len;
        for (size_t i = 0; i < COUNT_OF(secrets); i++) {
            assert_null(memmem(bytes, len, secrets[i], strlen(secrets[i])));
        }
        free(bytes);
    }
    assert_true(total > 4096);
}

static int commit_fails(void *ctx)
{
    (void)ctx;
    return CYAN_E_FULL;
}

static void a_store_that_fails_grants_nothing_and_is_no_failed_attempt(void **state)
{
    (void)state;
    struct store broken = hub_store;
    broken.commit = commit_fails;
    add("ann", "secret");
    struct answer grant = login("ann", "secret");
    accounts_destroy(accounts);
    jobs_destroy(hub_jobs);
    hub_jobs = jobs_create(&hub_loop, &broken);
    accounts = accounts_create(hub_jobs, crypto);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(login("ann", "secret").status, CYAN_E_IO);
    }
    assert_int_equal(authenticate(grant.grant.access_token).status, CYAN_E_IO);
    assert_int_equal(refresh(grant.grant.refresh_token).status, CYAN_E_IO);
    assert_int_equal(end_token(grant.grant.access_token), CYAN_E_IO);
    assert_int_equal(add("bob", "secret").status, CYAN_E_IO);
    broken.commit = hub_store.commit;
    assert_int_equal(login("ann", "secret").status, 0);
    assert_int_equal(login("bob", "secret").status, CYAN_E_REFUSED);
    assert_int_equal(authenticate(grant.grant.access_token).status, 0);
}

static void destroying_answers_all_that_was_asked(void **state)
{
    (void)state;
    struct answer answers[4] = {not_done, not_done, not_done, not_done};
    accounts_add(accounts, "ann", "secret", on_account, &answers[0]);
    accounts_login(accounts, "ann", "secret", "", "", 0, on_grant, &answers[1]);
    accounts_authenticate(accounts, "x", on_account, &answers[2]);
    accounts_revoke(accounts, "x", on_status, &answers[3]);
    accounts_destroy(accounts);
    accounts = NULL;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        assert_int_not_equal(answers[i].status, NOT_DONE);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_account_alone_is_the_operator),
        TEST(of_accounts_added_at_once_one_is_the_operator),
        TEST(names_and_passwords_are_taken_up_to_their_limits),
        TEST(a_token_names_its_account_until_it_expires),
        TEST(a_token_without_an_end_lives_on),
        TEST(a_life_below_zero_or_above_a_hundred_years_is_invalid),
        TEST(what_is_no_token_is_not_found),
        TEST(a_trade_ends_the_old_pair_at_once_and_keeps_its_life),
        TEST(of_two_trades_of_one_token_at_once_one_succeeds),
        TEST(a_revoked_token_is_refused_at_once_though_it_was_cached),
        TEST(an_unknown_name_and_a_wrong_password_are_refused_alike),
        TEST(the_eleventh_attempt_is_refused_even_with_the_right_password),
        TEST(more_passwords_than_may_wait_are_turned_away_and_the_rest_are_answered),
        TEST(neither_a_password_nor_a_token_is_in_the_files),
        TEST(a_store_that_fails_grants_nothing_and_is_no_failed_attempt),
        TEST(destroying_answers_all_that_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
