/* schema.h - the tables of the SQLite store and their version; inside server/store only. */
#ifndef CYAN_SERVER_STORE_SCHEMA_H
#define CYAN_SERVER_STORE_SCHEMA_H

#include "server/store/query.h"

/* Makes the tables in an empty file, in one transaction; leaves alone those of this version.
 * CYAN_E_UNSUPPORTED: made by a later version; CYAN_E_CORRUPT: a database that is not ours, or
 * one in which a check of all pages finds damage. Takes time in proportion to the file. */
int schema_open(struct db *db) CYAN_MUST_CHECK;

#endif
