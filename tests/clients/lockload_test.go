package clients

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgzdb/pgz/tests/harness"
)

func mustExec(t *testing.T, c *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := c.Exec(context.Background(), sql, args...); err != nil {
		t.Fatalf("%.100s: %v", sql, err)
	}
}

func number(t *testing.T, c *pgx.Conn, sql string, args ...any) (n int) {
	t.Helper()
	if err := c.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		t.Fatalf("%.100s: %v", sql, err)
	}
	return n
}

func sqlState(err error) string {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return pe.Code
	}
	return fmt.Sprint(err)
}

// TestAThousandBlockedSessions: sessions that wait for one row hold no threads,
// others are served as if they were not there, and each gets its turn.
func TestAThousandBlockedSessions(t *testing.T) {
	const sessions, threadsMax = 1000, 40
	ctx := context.Background()
	s := harness.Pgz(t, "--max-connections", "1100")
	holder, other := harness.Connect(t, s), harness.Connect(t, s)
	mustExec(t, holder, "CREATE TABLE hot (id int PRIMARY KEY, v int); INSERT INTO hot VALUES (1, 0), (2, 0)")
	mustExec(t, holder, "BEGIN; UPDATE hot SET v = v + 1 WHERE id = 1")
	var wg sync.WaitGroup
	for range sessions {
		c, err := pgconn.Connect(ctx, s.DSN())
		if err != nil {
			t.Fatal(err)
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer c.Close(ctx)
			if _, err := c.Exec(ctx, "UPDATE hot SET v = v + 1 WHERE id = 1").ReadAll(); err != nil {
				t.Errorf("a waiter: %v", err)
			}
		}()
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		waiting := number(t, other, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND state = 'active'")
		if waiting == sessions {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("only %d of %d wait", waiting, sessions)
		}
	}
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", s.Pid()))
	if err != nil {
		t.Skip("no /proc here: ", err)
	}
	if len(tasks) >= threadsMax {
		t.Errorf("%d threads with %d sessions waiting; want fewer than %d", len(tasks), sessions, threadsMax)
	}
	var slowest time.Duration
	for i := range 200 {
		begin := time.Now()
		mustExec(t, other, "UPDATE hot SET v = v + 1 WHERE id = $1", 2)
		if n := number(t, other, "SELECT v FROM hot WHERE id = $1", 2); n != i+1 {
			t.Fatalf("row 2 is %d after %d updates", n, i+1)
		}
		slowest = max(slowest, time.Since(begin))
	}
	if slowest > time.Second {
		t.Errorf("an update and a read took %v beside %d waiting sessions", slowest, sessions)
	}
	t.Logf("%d threads; the slowest of 200 updates and reads took %v", len(tasks), slowest)
	mustExec(t, holder, "COMMIT")
	wg.Wait()
	if n := number(t, other, "SELECT v FROM hot WHERE id = 1"); n != sessions+1 {
		t.Errorf("the row was updated %d times, want %d", n, sessions+1)
	}
	if n := number(t, other, "SELECT count(*) FROM pg_locks WHERE NOT granted"); n != 0 {
		t.Errorf("%d waits are left", n)
	}
}

// TestLockMemoryIsBounded: where the memory for locks ends, a statement locks the
// table instead of its rows, if need be after those who write there; what has no
// table fails, alone, and gives back what it had.
func TestLockMemoryIsBounded(t *testing.T) {
	ctx := context.Background()
	s := harness.Pgz(t, "--lock-memory", "1")
	a, b, c := harness.Connect(t, s), harness.Connect(t, s), harness.Connect(t, s)
	mustExec(t, a, "CREATE TABLE many (id int PRIMARY KEY, v int); INSERT INTO many SELECT g, 0 FROM generate_series(1, 30000) g")
	mustExec(t, a, "CREATE TABLE other (id int PRIMARY KEY); INSERT INTO other VALUES (1)")
	mustExec(t, b, "BEGIN; UPDATE many SET v = 1 WHERE id = 1")
	mustExec(t, a, "SET lock_timeout = '300ms'")
	for _, try := range []struct{ sql, code, message string }{
		{"UPDATE many SET v = 2 WHERE id > 1", "55P03", "canceling statement due to lock timeout"},
		{"SELECT id FROM many WHERE id > 1 FOR UPDATE NOWAIT", "53200", "out of shared memory"},
		{"SELECT id FROM many WHERE id > 1 FOR SHARE SKIP LOCKED", "53200", "out of shared memory"},
		{"SELECT count(pg_advisory_xact_lock(g)) FROM generate_series(1, 30000) g", "53200", "out of shared memory"},
		{"SELECT count(pg_advisory_lock(g)) FROM generate_series(1, 30000) g", "53200", "out of shared memory"},
	} {
		_, err := a.Exec(ctx, try.sql)
		var pe *pgconn.PgError
		if !errors.As(err, &pe) || pe.Code != try.code || pe.Message != try.message || try.code == "53200" && pe.Hint == "" {
			t.Errorf("%s: %v; want %s %s", try.sql, err, try.code, try.message)
		}
		mustExec(t, a, "SELECT pg_advisory_unlock_all()")
		mustExec(t, a, "UPDATE many SET v = 3 WHERE id BETWEEN 2 AND 100")
	}
	// Beyond the bound it waits for b, then all is its own.
	mustExec(t, a, "RESET lock_timeout; BEGIN")
	done := make(chan error, 1)
	go func() {
		_, err := a.Exec(ctx, "UPDATE many SET v = v + 10")
		done <- err
	}()
	for number(t, c, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	mustExec(t, b, "COMMIT")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := number(t, c, "SELECT count(*) FROM pg_locks WHERE relation = 'many'::regclass AND mode = 'ExclusiveLock' AND granted"); n != 1 {
		t.Errorf("%d locks on the table", n)
	}
	mustExec(t, c, "SET lock_timeout = '100ms'")
	for sql, code := range map[string]string{
		"UPDATE many SET v = 0 WHERE id = 30000":            "55P03",
		"SELECT v FROM many WHERE id = 30000 FOR KEY SHARE": "55P03",
		"SELECT v FROM many WHERE id = 30000":               "<nil>",
		"SELECT id FROM other WHERE id > 0":                 "<nil>",
	} {
		if _, err := c.Exec(ctx, sql); sqlState(err) != code {
			t.Errorf("%s: %v; want %s", sql, err, code)
		}
	}
	mustExec(t, a, "COMMIT")
	if n := number(t, c, "SELECT count(*) FROM many WHERE v = CASE WHEN id = 1 THEN 11 WHEN id <= 100 THEN 13 ELSE 10 END"); n != 30000 {
		t.Errorf("%d rows are right, want 30000", n)
	}
}

// TestAHundredThousandRowLocks takes them in one statement, and gives half of
// them back.
func TestAHundredThousandRowLocks(t *testing.T) {
	ctx := context.Background()
	a, b := connect(t), connect(t)
	mustExec(t, a, "CREATE TABLE lakh (id int PRIMARY KEY, v int); INSERT INTO lakh SELECT g, 0 FROM generate_series(1, 100000) g")
	mustExec(t, a, "BEGIN")
	lock := "SELECT count(*) FROM (SELECT id FROM lakh WHERE id BETWEEN $1 AND $2 FOR UPDATE) x"
	if n := number(t, a, lock, 1, 50000); n != 50000 {
		t.Fatal(n)
	}
	mustExec(t, a, "SAVEPOINT half")
	if n := number(t, a, lock, 1, 100000); n != 100000 {
		t.Fatal(n)
	}
	for _, id := range []int{1, 50000, 50001, 100000} {
		if _, err := b.Exec(ctx, "SELECT 1 FROM lakh WHERE id = $1 FOR UPDATE NOWAIT", id); sqlState(err) != "55P03" {
			t.Errorf("row %d: %v; want 55P03", id, err)
		}
	}
	mustExec(t, a, "ROLLBACK TO half")
	if n := number(t, b, "SELECT count(*) FROM (SELECT id FROM lakh FOR UPDATE SKIP LOCKED) x"); n != 50000 {
		t.Errorf("%d rows are free after the rollback, want 50000", n)
	}
	mustExec(t, a, "COMMIT")
	if n := number(t, b, "SELECT count(*) FROM (SELECT id FROM lakh FOR UPDATE SKIP LOCKED) x"); n != 100000 {
		t.Errorf("%d rows are free after the commit, want 100000", n)
	}
}

// TestSavepointsTenThousandDeep: each takes a lock, and a rollback to one in the
// middle gives back exactly those taken after it.
func TestSavepointsTenThousandDeep(t *testing.T) {
	const depth, middle = 10000, 4000
	ctx := context.Background()
	a, b := connect(t), connect(t)
	mustExec(t, a, "CREATE TABLE deep (id int PRIMARY KEY, v int)")
	mustExec(t, a, "INSERT INTO deep SELECT g, 0 FROM generate_series(1, 10000) g")
	mustExec(t, a, "BEGIN")
	for from := 0; from < depth; from += 500 {
		batch := ""
		for i := from + 1; i <= from+500; i++ {
			batch += fmt.Sprintf("SAVEPOINT s%d; UPDATE deep SET v = v + 1 WHERE id = %d; SELECT pg_advisory_xact_lock(%d);", i, i, i)
		}
		mustExec(t, a, batch)
	}
	if _, err := b.Exec(ctx, "SELECT 1 FROM deep WHERE id = $1 FOR UPDATE NOWAIT", depth); sqlState(err) != "55P03" {
		t.Errorf("the innermost row: %v", err)
	}
	mustExec(t, a, fmt.Sprintf("ROLLBACK TO s%d", middle+1))
	if n := number(t, b, "SELECT count(*) FROM (SELECT id FROM deep FOR UPDATE SKIP LOCKED) x"); n != depth-middle {
		t.Errorf("%d rows are free, want %d", n, depth-middle)
	}
	if n := number(t, b, "SELECT count(*) FROM generate_series(1, $1::int) g WHERE pg_try_advisory_xact_lock(g)", depth); n != depth-middle {
		t.Errorf("%d advisory locks are free, want %d", n, depth-middle)
	}
	if _, err := a.Exec(ctx, fmt.Sprintf("ROLLBACK TO s%d", middle+2)); sqlState(err) != "3B001" {
		t.Errorf("a savepoint that was rolled back: %v", err)
	}
	mustExec(t, a, "ROLLBACK TO s1; COMMIT")
	if n := number(t, a, "SELECT sum(v)::int FROM deep"); n != 0 {
		t.Errorf("%d updates are left", n)
	}
}

// TestCommitsDuringShutdown: what was acknowledged is there afterwards, what was
// not is there or not as a whole, and clients get an answer.
func TestCommitsDuringShutdown(t *testing.T) {
	const clients = 8
	ctx := context.Background()
	s := harness.Pgz(t)
	setup := harness.Connect(t, s)
	mustExec(t, setup, "CREATE TABLE acked (client int, n int, half int, PRIMARY KEY (client, n, half)); CREATE TABLE hot (id int PRIMARY KEY)")
	mustExec(t, setup, "INSERT INTO hot VALUES (1)")
	mustExec(t, setup, "BEGIN; SELECT * FROM hot FOR UPDATE") // an idle holder, and somebody who waits
	waiter := harness.Connect(t, s)
	waited := make(chan error, 1)
	go func() {
		_, err := waiter.Exec(ctx, "DELETE FROM hot")
		waited <- err
	}()
	var acked [clients]int
	var total atomic.Int64
	var wg sync.WaitGroup
	for i := range clients {
		c := harness.Connect(t, s)
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := 1; ; n++ {
				_, err := c.Exec(ctx, fmt.Sprintf("BEGIN; INSERT INTO acked VALUES (%d, %d, 1); INSERT INTO acked VALUES (%d, %d, 2); COMMIT", i, n, i, n))
				if err != nil {
					var pe *pgconn.PgError
					if errors.As(err, &pe) && pe.Code != "57P01" {
						t.Errorf("a client was told %v", err)
					}
					return
				}
				acked[i] = n
				total.Add(1)
			}
		}()
	}
	for total.Load() < 200 {
		time.Sleep(time.Millisecond)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := <-waited; err == nil {
		t.Error("who waited for a lock was told that it was done")
	}
	again, err := harness.StartPgz(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Kill)
	c := harness.Connect(t, again)
	for i, n := range acked {
		there := number(t, c, "SELECT count(*) FROM acked WHERE client = $1 AND half = 1", i)
		if there != n && there != n+1 {
			t.Errorf("client %d: %d commits acknowledged, %d there", i, n, there)
		}
	}
	if n := number(t, c, "SELECT count(*) FROM acked WHERE half = 1") - number(t, c, "SELECT count(*) FROM acked WHERE half = 2"); n != 0 {
		t.Errorf("%d torn transactions", n)
	}
	if n := number(t, c, "SELECT count(*) FROM hot"); n != 1 {
		t.Error("the waiter's DELETE happened")
	}
	if n := number(t, c, "SELECT count(*) FROM pg_locks WHERE locktype <> 'virtualxid' AND relation IS NULL"); n != 0 {
		t.Errorf("%d locks came back", n)
	}
}
