#include "tests/unit/pantry.h"

#include "server/store/sqlite.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

struct store pantry;

void pantry_open(void)
{
    assert_int_equal(store_sqlite_open(scratch_path("cyan.db"), &pantry), 0);
}

void pantry_close(void)
{
    pantry.close(pantry.ctx);
    pantry.ctx = NULL;
}

int pantry_set_up(void **state)
{
    (void)state;
    scratch_init();
    pantry_open();
    return 0;
}

int pantry_tear_down(void **state)
{
    (void)state;
    if (pantry.ctx) {
        pantry_close();
    }
    scratch_done();
    return 0;
}
