// link: -lsqlite3
/* A table, a transaction taken back, and a full-text search. */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define CHECK(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "failed at line %d: %s\n", __LINE__, #what); \
			return 1; \
		} \
	} while (0)

int main(void)
{
	sqlite3 *db;
	sqlite3_stmt *query;

	CHECK(sqlite3_open(":memory:", &db) == SQLITE_OK);
	CHECK(sqlite3_exec(db, "CREATE TABLE t (n); INSERT INTO t VALUES (1), (2); BEGIN; DELETE FROM t; ROLLBACK;", NULL, NULL, NULL) == SQLITE_OK);
	CHECK(sqlite3_exec(db, "CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES ('one two'), ('three');", NULL, NULL, NULL) == SQLITE_OK);
	CHECK(sqlite3_prepare_v2(db, "SELECT (SELECT sum(n) FROM t), (SELECT count(*) FROM f WHERE f MATCH 'two')", -1, &query, NULL) == SQLITE_OK);
	CHECK(sqlite3_step(query) == SQLITE_ROW && sqlite3_column_int(query, 0) == 3 && sqlite3_column_int(query, 1) == 1);
	sqlite3_finalize(query);
	CHECK(sqlite3_close(db) == SQLITE_OK);
	CHECK(strcmp(sqlite3_libversion(), SQLITE_VERSION) == 0);
	return 0;
}
