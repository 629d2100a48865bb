package clients

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgzdb/pgz/tests/harness"
)

// TestTwoPhaseCommit: what PREPARE TRANSACTION answered for survives kill -9
// with its locks, and is committed or rolled back once, by another session.
func TestTwoPhaseCommit(t *testing.T) {
	dir := harness.Scratch(t, "twophase")
	var err error
	var s *harness.Server
	var c *pgx.Conn
	ctx := context.Background()
	start := func() {
		t.Helper()
		if s, err = harness.StartPgz(dir, "--set", "max_prepared_transactions=2"); err != nil {
			t.Fatal(err)
		}
		if c, err = pgx.Connect(ctx, s.DSN()); err != nil {
			t.Fatal(err)
		}
	}
	run := func(want string, statements ...string) {
		t.Helper()
		code := ""
		for _, sql := range statements {
			_, err := c.Exec(ctx, sql)
			var pg *pgconn.PgError
			if errors.As(err, &pg) {
				code = pg.Code
			} else if err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
		}
		if code != want {
			t.Fatalf("%q gives SQLSTATE %q, want %q", statements, code, want)
		}
	}
	expect := func(sql, want string) {
		t.Helper()
		var got string
		if err := c.QueryRow(ctx, sql).Scan(&got); err != nil || got != want {
			t.Fatalf("%s: %q %v, want %q", sql, got, err, want)
		}
	}
	const rows = "SELECT coalesce(string_agg(a || '=' || b, ' ' ORDER BY a), '') FROM t"
	const names = "SELECT coalesce(string_agg(gid, ' ' ORDER BY gid), '') FROM pg_prepared_xacts"
	start()
	run("", "CREATE TABLE t (a int PRIMARY KEY, b text UNIQUE)", "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z')")
	run("", "BEGIN", "UPDATE t SET b = 'w' WHERE a = 1", "SAVEPOINT s", "DELETE FROM t", "ROLLBACK TO s",
		"DELETE FROM t WHERE a = 2", "UPDATE t SET a = 4 WHERE a = 3", "PREPARE TRANSACTION 'keep'")
	run("", "BEGIN", "INSERT INTO t VALUES (9, 'no')", "PREPARE TRANSACTION 'drop'")
	run("42710", "BEGIN", "INSERT INTO t VALUES (5, 'v')", "PREPARE TRANSACTION 'keep'")
	run("53200", "BEGIN", "INSERT INTO t VALUES (5, 'v')", "PREPARE TRANSACTION 'third'")
	run("0A000", "BEGIN", "CREATE TABLE u (a int)", "PREPARE TRANSACTION 'ddl'")
	run("0A000", "BEGIN", "SELECT pg_export_snapshot()", "PREPARE TRANSACTION 'snapshot'")
	run("0A000", "SELECT pg_advisory_lock(7)", "BEGIN", "SELECT pg_advisory_xact_lock_shared(7)", "PREPARE TRANSACTION 'both'")
	run("53200", "BEGIN", "SELECT pg_advisory_xact_lock(8)", "PREPARE TRANSACTION 'third'") // not both: it gets further

	for range 2 { // the second time it is made from what the first start read
		s.Kill()
		start()
		expect(names, "drop keep")
		expect(rows, "1=x 2=y 3=z")
		run("", "SET lock_timeout = '50ms'")
		run("55P03", "UPDATE t SET b = 'q' WHERE a = 1")
		run("55P03", "UPDATE t SET b = 'q' WHERE a = 3")
		run("55P03", "INSERT INTO t VALUES (7, 'w')")
		run("55P03", "BEGIN", "LOCK TABLE t IN EXCLUSIVE MODE")
		run("", "ROLLBACK")
	}
	run("25001", "BEGIN", "COMMIT PREPARED 'keep'", "ROLLBACK")
	run("", "ROLLBACK PREPARED 'drop'")
	run("", "COMMIT PREPARED 'keep'")
	run("42704", "COMMIT PREPARED 'keep'")
	expect(rows, "1=w 4=z")
	run("", "INSERT INTO t VALUES (9, 'yes')", "UPDATE t SET b = 'q' WHERE a = 4")
	s.Kill()
	start()
	expect(names, "")
	expect(rows, "1=w 4=q 9=yes")

	// What a serializable one has read is not kept: after a restart it has read everything.
	run("", "BEGIN ISOLATION LEVEL SERIALIZABLE", "SELECT count(*) FROM t", "INSERT INTO t VALUES (20, 's')",
		"PREPARE TRANSACTION 'serial'")
	s.Kill()
	start()
	run("40001", "BEGIN ISOLATION LEVEL SERIALIZABLE", "SELECT count(*) FROM t")
	run("", "ROLLBACK")
	run("", "COMMIT PREPARED 'serial'")
	run("", "BEGIN ISOLATION LEVEL SERIALIZABLE", "SELECT count(*) FROM t", "INSERT INTO t VALUES (21, 't')", "COMMIT")
	expect(rows, "1=w 4=q 9=yes 20=s 21=t")
	s.Kill()
}
