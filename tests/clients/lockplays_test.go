package clients

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pgzdb/pgz/tests/harness"
)

// table makes the two tables of a play.
const tables = "c CREATE TABLE p (id int PRIMARY KEY, k int UNIQUE, v int); CREATE TABLE q (id int PRIMARY KEY, v int);" +
	" INSERT INTO p SELECT g, g, g FROM generate_series(1, 5) g; INSERT INTO q SELECT g, g FROM generate_series(1, 5) g"

// TestLockPlays runs what sessions can do to each other with locks on both
// servers.
func TestLockPlays(t *testing.T) {
	native := harness.Native(t)
	compare(t, native, tableLockPlays())
	compare(t, native, rowLockPlays())
	compare(t, native, timeoutPlays)
	compare(t, native, advisoryPlays)
	compare(t, native, backendPlays)
	compare(t, native, deadlockPlays)
	compare(t, native, contextPlays())
}

// contextPlays end waits of all kinds with an error, which says what was done.
func contextPlays() []play {
	lines := []string{tables, "c CREATE TABLE r (id int PRIMARY KEY, pid int REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE);" +
		" INSERT INTO r VALUES (1, 3)", "b SET lock_timeout = '300ms'"}
	for _, w := range [][2]string{
		{"UPDATE p SET v = 0 WHERE id = 1", "UPDATE p SET v = 1 WHERE id = 1"},
		{"UPDATE p SET v = 0 WHERE id = 1", "DELETE FROM p WHERE v < 3"},
		{"UPDATE p SET v = 0 WHERE id = 1", "SELECT v FROM p WHERE id = 1 FOR UPDATE"},
		{"UPDATE p SET v = 0 WHERE id = 1", "SELECT p.v FROM p, q WHERE p.id = q.id FOR SHARE OF p"},
		{"UPDATE p SET v = 0 WHERE id = 1", "INSERT INTO p VALUES (1, 10, 10)"},
		{"UPDATE p SET v = 0 WHERE id = 1", "INSERT INTO p VALUES (10, 1, 10)"},
		{"UPDATE p SET v = 0 WHERE id = 1", "INSERT INTO p VALUES (1, 10, 10) ON CONFLICT (id) DO UPDATE SET v = 1"},
		{"UPDATE p SET v = 0 WHERE id = 1", "INSERT INTO p VALUES (10, 1, 10) ON CONFLICT DO NOTHING"},
		{"INSERT INTO p VALUES (9, 9, 9)", "INSERT INTO p VALUES (9, 10, 10)"},
		{"INSERT INTO p VALUES (9, 9, 9)", "INSERT INTO p VALUES (10, 9, 10)"},
		{"INSERT INTO p VALUES (9, 9, 9)", "INSERT INTO p VALUES (9, 10, 10) ON CONFLICT DO NOTHING"},
		{"INSERT INTO p VALUES (9, 9, 9)", "UPDATE p SET id = 9 WHERE id = 2"},
		{"SELECT 1 FROM p WHERE id = 2 FOR KEY SHARE", "UPDATE p SET id = 9 WHERE id = 2"},
		{"DELETE FROM p WHERE id = 4", "INSERT INTO r VALUES (5, 4)"},
		{"DELETE FROM p WHERE id = 4", "UPDATE r SET pid = 4"},
		{"INSERT INTO r VALUES (7, 4)", "DELETE FROM p WHERE id = 4"},
		{"UPDATE r SET id = 2", "DELETE FROM p WHERE id = 3"},
		{"UPDATE r SET id = 2", "UPDATE p SET id = 30 WHERE id = 3"},
	} {
		lines = append(lines, "a BEGIN", "a "+w[0], "b "+w[1], "b wait", "a ROLLBACK")
	}
	lines = append(lines, "c DROP TABLE r")
	return []play{
		{"what was waited for", lines},
		{"behind another", []string{tables, "a BEGIN", "a UPDATE p SET v = 0 WHERE id = 1", "c UPDATE p SET v = 1 WHERE id = 1",
			"b SET lock_timeout = '300ms'", "b UPDATE p SET v = 2 WHERE id = 1", "b wait", "a COMMIT", "c wait"}},
		{"violations of a key's action", []string{"c CREATE TABLE k (id int PRIMARY KEY);" +
			" CREATE TABLE l (id int PRIMARY KEY, kid int NOT NULL REFERENCES k ON DELETE SET NULL); INSERT INTO k VALUES (1); INSERT INTO l VALUES (1, 1)",
			"c DELETE FROM k", "c DROP TABLE l, k"}},
	}
}

// tableLockPlays holds each of the eight modes against each, with NOWAIT.
func tableLockPlays() []play {
	modes := []string{"ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE",
		"SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"}
	lines := []string{tables}
	for _, held := range modes {
		lines = append(lines, "a BEGIN", "a LOCK TABLE p IN "+held+" MODE")
		for _, wanted := range modes {
			lines = append(lines, "b BEGIN", "b LOCK TABLE p IN "+wanted+" MODE NOWAIT", "b ROLLBACK")
		}
		lines = append(lines, "a COMMIT")
	}
	return []play{
		{"eight modes", lines},
		{"outside a block", []string{tables, "a LOCK TABLE p", "a LOCK p NOWAIT", "a BEGIN; LOCK nowhere", "a ROLLBACK"}},
		{"several tables", []string{tables, "a BEGIN; LOCK p, q IN SHARE MODE", "b BEGIN", "b LOCK q, p IN ROW EXCLUSIVE MODE",
			"a COMMIT", "b wait", "b COMMIT"}},
		{"queue", []string{tables, "a BEGIN; LOCK p IN ACCESS SHARE MODE", "b BEGIN", "b LOCK p IN ACCESS EXCLUSIVE MODE",
			"c BEGIN", "c LOCK p IN ACCESS SHARE MODE", "d BEGIN", "d LOCK p IN ACCESS SHARE MODE NOWAIT", "d ROLLBACK",
			"a LOCK p IN ROW SHARE MODE", "a COMMIT", "b COMMIT", "c COMMIT"}},
		{"upgrade", []string{tables, "a BEGIN; LOCK p IN SHARE MODE", "a LOCK p IN EXCLUSIVE MODE", "b BEGIN",
			"b LOCK p IN SHARE MODE NOWAIT", "b ROLLBACK", "a COMMIT"}},
		{"savepoint", []string{tables, "a BEGIN; SAVEPOINT s", "a LOCK p", "b SELECT count(*) FROM p", "a ROLLBACK TO s",
			"b wait", "a COMMIT"}},
		{"dropped meanwhile", []string{tables, "a BEGIN", "a DROP TABLE p", "b SELECT count(*) FROM p", "a COMMIT", "b wait"}},
		{"ddl waits", []string{tables, "a BEGIN", "a SELECT v FROM p WHERE id = 1", "b ALTER TABLE p ADD COLUMN w int DEFAULT 7",
			"c SELECT * FROM p WHERE id = 1", "a SELECT v FROM p WHERE id = 2", "a COMMIT", "b wait", "c wait"}},
	}
}

// rowLockPlays holds each of the four row modes against each, with NOWAIT and
// with SKIP LOCKED.
func rowLockPlays() []play {
	modes := []string{"KEY SHARE", "SHARE", "NO KEY UPDATE", "UPDATE"}
	nowait, skip := []string{tables}, []string{tables}
	for _, held := range modes {
		begin := []string{"a BEGIN", "a SELECT v FROM p WHERE id = 2 FOR " + held}
		nowait, skip = append(nowait, begin...), append(skip, begin...)
		for _, wanted := range modes {
			nowait = append(nowait, "b BEGIN", "b SELECT id FROM p WHERE id = 2 FOR "+wanted+" NOWAIT", "b ROLLBACK")
			skip = append(skip, "b SELECT id FROM p WHERE id < 4 ORDER BY id FOR "+wanted+" SKIP LOCKED")
		}
		nowait, skip = append(nowait, "a COMMIT"), append(skip, "a COMMIT")
	}
	plays := []play{
		{"row modes, nowait", nowait},
		{"row modes, skip locked", skip},
		{"statements' modes", []string{tables, "a BEGIN", "a UPDATE p SET v = 0 WHERE id = 1", "a DELETE FROM p WHERE id = 2",
			"a UPDATE p SET id = 30 WHERE id = 3", "b SELECT id FROM p ORDER BY id FOR KEY SHARE SKIP LOCKED",
			"b SELECT id FROM p ORDER BY id FOR SHARE SKIP LOCKED", "b SELECT v FROM p WHERE id = 1 FOR KEY SHARE NOWAIT",
			"b SELECT v FROM p WHERE id = 3 FOR KEY SHARE NOWAIT", "a COMMIT"}},
		{"skip locked queue", []string{tables, "a BEGIN", "a SELECT id FROM p ORDER BY id LIMIT 2 FOR UPDATE SKIP LOCKED", "b BEGIN",
			"b SELECT id FROM p ORDER BY id LIMIT 2 FOR UPDATE SKIP LOCKED", "c SELECT id FROM p FOR UPDATE SKIP LOCKED",
			"a ROLLBACK", "c SELECT id FROM p ORDER BY id FOR UPDATE SKIP LOCKED", "b COMMIT"}},
		{"nowait does not fail the session", []string{tables, "a BEGIN", "a UPDATE p SET v = 0 WHERE id = 1", "b BEGIN",
			"b SELECT 1 FROM p WHERE id = 1 FOR UPDATE NOWAIT", "b SELECT 1", "b ROLLBACK", "b SELECT v FROM p WHERE id = 1", "a COMMIT"}},
		{"nowait is about rows", []string{tables, "a BEGIN; LOCK p", "b SET lock_timeout = '50ms'", "b SELECT v FROM p FOR UPDATE NOWAIT",
			"b SELECT v FROM p FOR UPDATE SKIP LOCKED", "b wait", "a COMMIT"}},
		{"given back by a savepoint", []string{tables, "a BEGIN; SAVEPOINT s", "a SELECT v FROM p WHERE id = 1 FOR UPDATE",
			"b UPDATE p SET v = 9 WHERE id = 1", "a ROLLBACK TO s", "b wait", "a SELECT v FROM p WHERE id = 1", "a COMMIT"}},
		{"upgrade with a queue", []string{tables, "a BEGIN", "a SELECT v FROM p WHERE id = 1 FOR SHARE",
			"b UPDATE p SET v = v + 1 WHERE id = 1", "a UPDATE p SET v = 100 WHERE id = 1", "a COMMIT", "b wait",
			"b SELECT v FROM p WHERE id = 1"}},
		{"unique key", []string{tables, "a BEGIN", "a INSERT INTO q VALUES (7, 7)", "b INSERT INTO q VALUES (7, 8)", "a COMMIT", "b wait",
			"a BEGIN", "a INSERT INTO q VALUES (8, 8)", "b INSERT INTO q VALUES (8, 9)", "a ROLLBACK", "b wait",
			"a SELECT * FROM q WHERE id > 6 ORDER BY id"}},
		{"a client dies", []string{tables, "a BEGIN", "a UPDATE p SET v = 0 WHERE id = 1; LOCK q; SELECT pg_advisory_lock(77)",
			"b UPDATE p SET v = v + 10 WHERE id = 1", "c SELECT count(*) FROM q", "d SELECT pg_advisory_xact_lock(77)", "a leaves",
			"b wait", "c wait", "d wait", "b SELECT v FROM p WHERE id = 1"}},
		{"repeatable read", []string{tables, "a BEGIN", "a UPDATE p SET v = 0 WHERE id = 1", "b BEGIN ISOLATION LEVEL REPEATABLE READ",
			"b SELECT v FROM p WHERE id = 2", "b UPDATE p SET v = 9 WHERE id = 1", "a COMMIT", "b wait", "b SELECT 1", "b ROLLBACK"}},
	}
	var cut []string
	for _, mode := range modes {
		cut = append(cut, fmt.Sprintf("a SELECT v FROM p GROUP BY v FOR %s", mode))
	}
	return append(plays, play{"where it cannot be", append([]string{tables}, cut...)})
}

var timeoutPlays = []play{
	{"lock timeout on a row", []string{tables, "a BEGIN", "a UPDATE p SET v = 0 WHERE id = 1", "b SET lock_timeout = '300ms'", "b BEGIN",
		"b UPDATE p SET v = 1 WHERE id = 1", "b wait", "b SELECT 1", "b ROLLBACK", "b SELECT v FROM p WHERE id = 1", "a COMMIT"}},
	{"lock timeout keeps what was done before a savepoint", []string{tables, "a BEGIN", "a UPDATE p SET v = 0 WHERE id = 1",
		"b BEGIN; UPDATE p SET v = 22 WHERE id = 2; SET LOCAL lock_timeout = 300; SAVEPOINT s", "b UPDATE p SET v = 1 WHERE id = 1", "b wait",
		"b ROLLBACK TO s", "b COMMIT", "a COMMIT", "a SELECT id, v FROM p WHERE id < 3 ORDER BY id", "b SHOW lock_timeout"}},
	{"lock timeout on a table", []string{tables, "a BEGIN; LOCK p", "b SET lock_timeout = '300ms'", "b SELECT v FROM p", "b wait", "b BEGIN",
		"b LOCK p IN SHARE MODE", "b wait", "b COMMIT", "a COMMIT", "b SELECT count(*) FROM p"}},
	{"lock timeout on a key", []string{tables, "a BEGIN", "a INSERT INTO q VALUES (9, 9)", "b SET lock_timeout = '300ms'",
		"b INSERT INTO q VALUES (9, 10)", "b wait", "a ROLLBACK", "b INSERT INTO q VALUES (9, 10)"}},
	{"lock timeout on an advisory lock", []string{"a SELECT pg_advisory_lock(5)", "b SET lock_timeout = '300ms'",
		"b SELECT pg_advisory_lock(5)", "b wait", "b SELECT pg_advisory_unlock(5)", "b SELECT pg_try_advisory_lock(5)",
		"a SELECT pg_advisory_unlock(5)", "b SELECT pg_try_advisory_lock(5)"}},
	{"statement timeout in a wait", []string{tables, "a BEGIN", "a UPDATE p SET v = 0 WHERE id = 1", "b SET statement_timeout = '300ms'",
		"b BEGIN", "b UPDATE p SET v = 1 WHERE id = 1", "b wait", "b SELECT 1", "b ROLLBACK", "a COMMIT", "b SELECT v FROM p WHERE id = 1"}},
	{"statement timeout before lock timeout", []string{tables, "a BEGIN; LOCK p", "b SET statement_timeout = 300; SET lock_timeout = 2000",
		"b SELECT 1 FROM p", "b wait", "b SET statement_timeout = 2000; SET lock_timeout = 300", "b SELECT 1 FROM p", "b wait", "a COMMIT"}},
	{"statement timeout elsewhere", []string{"a SET statement_timeout = 200", "a SELECT pg_sleep(5)", "a BEGIN",
		"a SELECT count(*) FROM generate_series(1, 100000000)", "a SELECT 1", "a ROLLBACK", "a SET statement_timeout = 0", "a SELECT pg_sleep(0.3)"}},
	{"bad values", []string{"a SET lock_timeout = -1", "a SET lock_timeout = '1 parsec'", "a SET statement_timeout = '5min'",
		"a SHOW statement_timeout", "a SET deadlock_timeout = 0", "a SET deadlock_timeout = '2s'; SHOW deadlock_timeout",
		"a SET idle_session_timeout = 'soon'", "a SET lock_timeout = '1.5s'; SHOW lock_timeout"}},
	{"idle in transaction", []string{tables, "a SET idle_in_transaction_session_timeout = 300; SET idle_session_timeout = 0", "a BEGIN",
		"a UPDATE p SET v = 0 WHERE id = 1", "b UPDATE p SET v = v + 1 WHERE id = 1", "b wait", "sleep 100ms", "a SELECT 1",
		"b SELECT v FROM p WHERE id = 1"}},
	{"idle in a failed transaction", []string{"a SET idle_in_transaction_session_timeout = 300", "a BEGIN", "a SELECT 1/0",
		"sleep 600ms", "a SELECT 1"}},
	{"idle outside", []string{"a SET idle_session_timeout = 300; SET idle_in_transaction_session_timeout = 100", "sleep 100ms", "a SELECT 1",
		"sleep 700ms", "a SELECT 1"}},
	{"idle session timeout spares transactions", []string{"a SET idle_session_timeout = 200", "a BEGIN", "sleep 500ms", "a COMMIT"}},
}

var advisoryPlays = []play{
	{"all functions", []string{
		"a SELECT pg_advisory_lock(1), pg_advisory_lock(1, 1), pg_advisory_lock_shared(2), pg_advisory_lock_shared(2, 2)",
		"a SELECT pg_try_advisory_lock(3), pg_try_advisory_lock(3, 3), pg_try_advisory_lock_shared(4), pg_try_advisory_lock_shared(4, 4)",
		"a BEGIN", "a SELECT pg_advisory_xact_lock(5), pg_advisory_xact_lock(5, 5), pg_advisory_xact_lock_shared(6), pg_advisory_xact_lock_shared(6, 6)",
		"a SELECT pg_try_advisory_xact_lock(7), pg_try_advisory_xact_lock(7, 7), pg_try_advisory_xact_lock_shared(8), pg_try_advisory_xact_lock_shared(8, 8)",
		"b SELECT i, pg_try_advisory_lock(i), pg_try_advisory_lock(i, i), pg_try_advisory_lock_shared(i), pg_try_advisory_lock_shared(i, i) FROM generate_series(1, 9) i",
		"b SELECT pg_advisory_unlock_all()", "a COMMIT",
		"b SELECT i, pg_try_advisory_lock(i), pg_try_advisory_lock(i, i) FROM generate_series(1, 9) i",
		"a SELECT pg_advisory_unlock(1), pg_advisory_unlock(1, 1), pg_advisory_unlock_shared(2), pg_advisory_unlock_shared(2, 2)",
		"a SELECT pg_advisory_unlock(5), pg_advisory_unlock_shared(6), pg_advisory_unlock(5, 5), pg_advisory_unlock_shared(6, 6)",
		"b SELECT pg_try_advisory_lock(1), pg_try_advisory_lock(2, 2)",
		"a SELECT pg_advisory_unlock_all()", "b SELECT pg_try_advisory_lock(3), pg_try_advisory_lock(4, 4)"}},
	{"counted", []string{"a SELECT pg_advisory_lock(1)", "a SELECT pg_advisory_lock(1)", "a SELECT pg_advisory_unlock(1)",
		"b SELECT pg_try_advisory_lock(1)", "a SELECT pg_advisory_unlock(1)", "a SELECT pg_advisory_unlock(1)", "b SELECT pg_try_advisory_lock(1)"}},
	{"not held", []string{"a SELECT pg_advisory_unlock(1)", "a SELECT pg_advisory_unlock_shared(1)", "a SELECT pg_advisory_unlock(1, 2)",
		"a SELECT pg_advisory_lock(1)", "a SELECT pg_advisory_unlock_shared(1)", "a SELECT pg_advisory_unlock(0, 1)",
		"a SELECT pg_advisory_unlock(4294967296)", "a SELECT pg_advisory_unlock_all()", "a SELECT pg_advisory_unlock(NULL)",
		"b SELECT pg_advisory_lock(1)", "a SELECT pg_advisory_unlock(1)", "b SELECT pg_advisory_unlock(1)"}},
	{"both modes of one session", []string{"a SELECT pg_advisory_lock(1), pg_advisory_lock_shared(1)", "a BEGIN; SELECT pg_advisory_xact_lock(1)",
		"b SELECT pg_try_advisory_lock_shared(1)", "a SELECT pg_advisory_unlock(1)", "b SELECT pg_try_advisory_lock_shared(1)", "a COMMIT",
		"b SELECT pg_try_advisory_lock_shared(1), pg_try_advisory_lock(1)", "a SELECT pg_advisory_unlock_shared(1)",
		"b SELECT pg_try_advisory_lock(1)"}},
	{"negative and large keys", []string{"a SELECT pg_advisory_lock(-1), pg_advisory_lock(9223372036854775807), pg_advisory_lock(-2147483648, 2147483647)",
		"b SELECT pg_try_advisory_lock(-1), pg_try_advisory_lock(-1, -1), pg_try_advisory_lock(9223372036854775807), pg_try_advisory_lock(-2147483648, 2147483647)"}},
	{"session locks survive a rollback", []string{"a BEGIN", "a SELECT pg_advisory_lock(1), pg_advisory_xact_lock(2)", "a SAVEPOINT s",
		"a SELECT pg_advisory_lock(3), pg_advisory_xact_lock(4)", "a ROLLBACK TO s", "b SELECT i, pg_try_advisory_lock(i) FROM generate_series(1, 4) i",
		"a ROLLBACK", "b SELECT i, pg_try_advisory_lock(i) FROM generate_series(1, 4) i", "a SELECT pg_advisory_unlock(1)"}},
	{"given to whoever waits", []string{"a SELECT pg_advisory_lock(1)", "b SELECT pg_advisory_lock(1)", "c SELECT pg_advisory_lock_shared(1)",
		"a SELECT pg_advisory_unlock(1)", "b SELECT pg_advisory_unlock(1)", "c SELECT pg_advisory_unlock_shared(1)"}},
	{"discard", []string{"a SELECT pg_advisory_lock(1)", "b SELECT pg_advisory_lock(1)", "a DISCARD ALL", "b wait"}},
}

// whoBlocks is the query that monitors ask.
const whoBlocks = "c SELECT blocked.pid = pid:b, blocking.pid = pid:a, blocked.waitstart BETWEEN now() - interval '1min' AND now() " +
	"FROM pg_locks blocked JOIN pg_locks blocking ON blocking.locktype = blocked.locktype AND blocking.pid <> blocked.pid AND blocking.granted" +
	" AND blocking.database IS NOT DISTINCT FROM blocked.database AND blocking.relation IS NOT DISTINCT FROM blocked.relation" +
	" AND blocking.transactionid IS NOT DISTINCT FROM blocked.transactionid AND blocking.classid IS NOT DISTINCT FROM blocked.classid" +
	" AND blocking.objid IS NOT DISTINCT FROM blocked.objid AND blocking.objsubid IS NOT DISTINCT FROM blocked.objsubid WHERE NOT blocked.granted"

var backendPlays = []play{
	{"who blocks whom", []string{tables, "a BEGIN", "a UPDATE p SET v = 0 WHERE id = 1", "b UPDATE p SET v = 1 WHERE id = 1", whoBlocks,
		"c SELECT backend_xid IS NULL FROM pg_stat_activity WHERE pid = pid:b", "a ROLLBACK", "b wait", whoBlocks,
		"a BEGIN", "a SELECT id FROM p WHERE id = 2 FOR SHARE", "b DELETE FROM p WHERE id = 2", whoBlocks, "a COMMIT", "b wait",
		"a BEGIN", "a SELECT id FROM p WHERE id = 3 FOR KEY SHARE", "b SELECT id FROM p WHERE id = 3 FOR UPDATE", whoBlocks,
		"c SELECT backend_xid IS NULL FROM pg_stat_activity WHERE pid = pid:b", "a COMMIT", "b wait",
		"a BEGIN; LOCK q", "b SELECT count(*) FROM q", whoBlocks, "a COMMIT", "b wait",
		"a SELECT pg_advisory_lock(4, 5)", "b SELECT pg_advisory_lock(4, 5)", whoBlocks, "a SELECT pg_advisory_unlock(4, 5)", "b wait"}},
	{"cancel", []string{tables, "a BEGIN", "a UPDATE p SET v = 0 WHERE id = 1", "b BEGIN", "b UPDATE p SET v = 1 WHERE id = 1",
		"c SELECT pg_cancel_backend(pid:b)", "b wait", "b SELECT 1", "b ROLLBACK", "c SELECT pg_cancel_backend(pid:b)", "b SELECT 1",
		"c SELECT pg_cancel_backend(2147483647)", "c SELECT pg_cancel_backend(NULL)", "c SELECT pg_cancel_backend(pid:c)", "a COMMIT"}},
	{"terminate", []string{tables, "a BEGIN", "a UPDATE p SET v = 0 WHERE id = 1", "b UPDATE p SET v = v + 1 WHERE id = 1",
		"c SELECT pg_terminate_backend(pid:a)", "b wait", "a SELECT 1", "b SELECT v FROM p WHERE id = 1",
		"c SELECT pg_terminate_backend(2147483647)", "c SELECT pg_terminate_backend(pid:b, -1)", "b SELECT 1"}},
	{"terminate who waits", []string{tables, "a BEGIN", "a UPDATE p SET v = 0 WHERE id = 1", "b UPDATE p SET v = v + 1 WHERE id = 1",
		"c SELECT pg_terminate_backend(pid:b, 5000)", "b wait", "a COMMIT", "c SELECT v FROM p WHERE id = 1"}},
	{"without the right", []string{"a SELECT 1", "b SET ROLE pg_monitor", "b SELECT pg_cancel_backend(pid:a)",
		"b SELECT pg_terminate_backend(pid:a)", "b SELECT pg_terminate_backend(pid:b, -1)", "b SET ROLE pg_signal_backend",
		"b SELECT pg_cancel_backend(pid:a)", "b SELECT pg_terminate_backend(pid:a)", "b SELECT pg_terminate_backend(2147483647)", "a SELECT 1"}},
	{"activity", []string{tables, "a BEGIN", "a UPDATE p SET v = 0 WHERE id = 1", "b UPDATE p SET v = 1 WHERE id = 1", "idle a",
		"c SELECT state, wait_event_type, wait_event, query, backend_type, datname, usename, xact_start IS NULL, query_start IS NULL, " +
			"state_change IS NULL, backend_start IS NULL, pid = pid:a AND backend_xid IS NULL, backend_xmin IS NULL FROM pg_stat_activity WHERE pid IN (pid:a, pid:b) ORDER BY query",
		"c SELECT pg_blocking_pids(pid:b) = ARRAY[pid:a], pg_blocking_pids(pid:a), pg_isolation_test_session_is_blocked(pid:b, ARRAY[pid:a]), " +
			"pg_isolation_test_session_is_blocked(pid:b, ARRAY[pid:c]), pg_blocking_pids(2147483647)",
		"a COMMIT", "b wait", "idle a", "idle b",
		"c SELECT state, wait_event_type, wait_event, query, xact_start IS NULL, backend_xid IS NULL, backend_xmin IS NULL FROM pg_stat_activity WHERE pid IN (pid:a, pid:b) ORDER BY query",
		"a BEGIN", "a SELECT 1/0", "c SELECT state, query FROM pg_stat_activity WHERE pid = pid:a", "a ROLLBACK",
		"a BEGIN ISOLATION LEVEL REPEATABLE READ", "a SELECT v FROM p WHERE id = 5",
		"c SELECT state, backend_xid IS NULL, backend_xmin IS NULL FROM pg_stat_activity WHERE pid = pid:a",
		"a SELECT v FROM p WHERE id = 5 FOR KEY SHARE",
		"c SELECT state, backend_xid IS NULL, backend_xmin IS NULL FROM pg_stat_activity WHERE pid = pid:a", "a COMMIT"}},
}

// In each the session named first in a cycle looks first, so that both servers
// choose the same victim.
func cycle(lines ...string) []string {
	return append(strings.Split(tables+"\na SET deadlock_timeout = '300ms'\nb SET deadlock_timeout = '10s'\nc SET deadlock_timeout = '10s'", "\n"), lines...)
}

var deadlockPlays = []play{
	{"rows", cycle("a BEGIN", "b BEGIN", "a UPDATE p SET v = 0 WHERE id = 1", "b UPDATE p SET v = 0 WHERE id = 2",
		"b UPDATE p SET v = 1 WHERE id = 1", "a UPDATE p SET v = 1 WHERE id = 2", "a wait", "b wait", "a SELECT 1", "a ROLLBACK", "b COMMIT")},
	{"tables", cycle("a BEGIN; LOCK p IN SHARE MODE", "b BEGIN; LOCK q IN SHARE MODE",
		"b LOCK p IN EXCLUSIVE MODE", "a LOCK q IN EXCLUSIVE MODE", "a wait", "b wait", "a ROLLBACK", "b COMMIT")},
	{"upgrade of one table lock", cycle("a BEGIN; LOCK p IN SHARE MODE", "b BEGIN; LOCK p IN SHARE MODE",
		"b LOCK p IN EXCLUSIVE MODE", "a LOCK p IN EXCLUSIVE MODE", "a wait", "b wait", "a ROLLBACK", "b COMMIT")},
	{"advisory", cycle("a BEGIN", "b BEGIN", "a SELECT pg_advisory_lock(1)", "b SELECT pg_advisory_xact_lock(2, 3)",
		"b SELECT pg_advisory_lock_shared(1)", "a SELECT pg_advisory_xact_lock(2, 3)", "a wait", "a ROLLBACK", "a SELECT pg_advisory_unlock(1)",
		"b wait", "b COMMIT")},
	{"row, table", cycle("a BEGIN", "a UPDATE p SET v = 0 WHERE id = 1", "b BEGIN", "b LOCK q",
		"b UPDATE p SET v = 1 WHERE id = 1", "a SELECT v FROM q", "a wait", "b wait", "a ROLLBACK", "b COMMIT")},
	{"row, advisory", cycle("a BEGIN", "a UPDATE p SET v = 0 WHERE id = 1", "b BEGIN", "b SELECT pg_advisory_lock(1)",
		"b UPDATE p SET v = 1 WHERE id = 1", "a SELECT pg_advisory_xact_lock(1)", "a wait", "b wait", "a ROLLBACK", "b COMMIT")},
	{"unique key, row", cycle("a BEGIN", "a INSERT INTO q VALUES (10, 1)", "b BEGIN", "b UPDATE p SET v = 0 WHERE id = 1",
		"b INSERT INTO q VALUES (10, 2)", "a UPDATE p SET v = 1 WHERE id = 1", "a wait", "b wait", "a ROLLBACK", "b COMMIT")},
	{"row, table, advisory", cycle("a BEGIN", "b BEGIN", "c BEGIN", "a UPDATE p SET v = 0 WHERE id = 1", "b LOCK q", "c SELECT pg_advisory_lock(1)",
		"b SELECT pg_advisory_lock(1)", "c UPDATE p SET v = 1 WHERE id = 1", "a SELECT v FROM q", "a wait", "a ROLLBACK", "c wait", "c COMMIT",
		"c SELECT pg_advisory_unlock_all()", "b wait", "b COMMIT")},
	{"no cycle", cycle("a BEGIN", "b BEGIN", "a UPDATE p SET v = 0 WHERE id = 1", "b UPDATE p SET v = 0 WHERE id = 2", "c BEGIN",
		"c UPDATE p SET v = 0 WHERE id = 2", "b UPDATE p SET v = 0 WHERE id = 1", "sleep 500ms", "a COMMIT", "b wait", "b COMMIT", "c wait", "c COMMIT")},
}
