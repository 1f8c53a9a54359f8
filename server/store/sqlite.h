/* sqlite.h - the store in one SQLite file, in WAL mode: a commit is on disk when it returns.
 *
 * The file, its -wal and its -shm are 0600. It must not be on a network file system. The path
 * ":memory:" is a store without a file, for benches: it is gone when it is closed. */
#ifndef CYAN_SERVER_STORE_SQLITE_H
#define CYAN_SERVER_STORE_SQLITE_H

#include "server/store/store.h"

store_open_fn store_sqlite_open;
store_copy_fn store_sqlite_copy;

#endif
