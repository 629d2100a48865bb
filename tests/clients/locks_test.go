package clients

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestPointReadsMeetExclusiveLocks: a point read takes no lock of its own where
// nobody holds an exclusive one, and waits like any other where somebody does.
func TestPointReadsMeetExclusiveLocks(t *testing.T) {
	ctx := context.Background()
	a, b := connect(t), connect(t)
	if _, err := a.Exec(ctx, "CREATE TABLE guarded (id int PRIMARY KEY, v int); INSERT INTO guarded VALUES (1, 10)"); err != nil {
		t.Fatal(err)
	}
	tx, err := a.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "LOCK TABLE guarded IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Exec(ctx, "SET lock_timeout = '50ms'"); err != nil {
		t.Fatal(err)
	}
	var v int
	var pe *pgconn.PgError
	if err := b.QueryRow(ctx, "SELECT v FROM guarded WHERE id = $1", 1).Scan(&v); !errors.As(err, &pe) || pe.Code != "55P03" {
		t.Errorf("a read under somebody's exclusive lock: %d, %v; want SQLSTATE 55P03", v, err)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := b.QueryRow(ctx, "SELECT v FROM guarded WHERE id = $1", 1).Scan(&v); err != nil || v != 10 {
		t.Errorf("after it: %d, %v", v, err)
	}
}

// TestPointReadsDuringDDL reads one row without end while its table is emptied
// and refilled, rewritten and extended, each in a transaction: every read finds
// the row.
func TestPointReadsDuringDDL(t *testing.T) {
	ctx := context.Background()
	ddl := connect(t)
	exec := func(sql string) {
		t.Helper()
		if _, err := ddl.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec("CREATE TABLE shifting (id int, v int); INSERT INTO shifting SELECT g, g FROM generate_series(1, 100) g; ALTER TABLE shifting ADD PRIMARY KEY (id)")
	var stop atomic.Bool
	var reads atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		c := connect(t)
		wg.Add(1)
		go func() {
			defer wg.Done()
			for !stop.Load() {
				var v int
				if err := c.QueryRow(ctx, "SELECT v FROM shifting WHERE id = $1", 7).Scan(&v); err != nil || v != 7 {
					t.Errorf("a read found %d, %v", v, err)
					return
				}
				reads.Add(1)
			}
		}()
	}
	refill := "TRUNCATE shifting; INSERT INTO shifting (id, v) SELECT g, g FROM generate_series(1, 100) g"
	rounds := 0
	for end := time.Now().Add(1500 * time.Millisecond); time.Now().Before(end); rounds++ {
		exec(refill)
		exec("BEGIN; DELETE FROM shifting; " + refill + "; COMMIT")
		exec("BEGIN; DROP TABLE shifting; CREATE TABLE shifting (x text, id int PRIMARY KEY, v int); " + refill + "; COMMIT")
		exec("ALTER TABLE shifting ADD COLUMN w int DEFAULT 5")
		exec("BEGIN; DROP TABLE shifting; CREATE TABLE shifting (id int PRIMARY KEY, v int); " + refill + "; COMMIT")
	}
	stop.Store(true)
	wg.Wait()
	t.Logf("%d reads over %d rounds of changes", reads.Load(), rounds)
}
