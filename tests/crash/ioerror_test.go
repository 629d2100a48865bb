package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgzdb/pgz/tests/harness"
)

// faults makes file calls of a server fail (testdata/faults.c), from its
// start to the end of the test.
type faults struct{ control *os.File }

// newFaults builds the library; programs started from now on load it.
func newFaults(t *testing.T, dir string) *faults {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler for the library that makes calls fail: ", err)
	}
	lib := filepath.Join(dir, "faults.so")
	if out, err := exec.Command(cc, "-shared", "-fPIC", "-O1", "-o", lib, "testdata/faults.c").CombinedOutput(); err != nil {
		t.Fatalf("faults.c: %v\n%s", err, out)
	}
	control, err := os.Create(filepath.Join(dir, "faults"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { control.Close() })
	if err := control.Truncate(4096); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LD_PRELOAD", lib)
	t.Setenv("PGZ_FAULTS", control.Name())
	return &faults{control}
}

// on lets calls (letters of faults.c) on files whose path has part fail.
func (f *faults) on(t *testing.T, calls string, errno int, part string) {
	t.Helper()
	text := fmt.Sprintf(" %s %d %s ", calls, errno, part)
	for at, b := range map[int64][]byte{0: {'0'}, 1: append([]byte(text), 0)} {
		if _, err := f.control.WriteAt(b, at); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.control.WriteAt([]byte{'1'}, 0); err != nil {
		t.Fatal(err)
	}
}

func (f *faults) off(t *testing.T) {
	t.Helper()
	if _, err := f.control.WriteAt([]byte{'0'}, 0); err != nil {
		t.Fatal(err)
	}
}

// eio is the number of EIO, which is the same wherever LD_PRELOAD is.
const eio = 5

// TestFailedWrites lets a write or sync fail with EIO under load: of the log,
// of a new table, of the manifest. The instance must stop: every connection
// gets an error and ends, the server exits and says why, and the next one has
// all that was acknowledged.
func TestFailedWrites(t *testing.T) {
	for _, c := range []struct{ name, calls, part string }{
		{"log write", "w", "/log/"},
		{"log sync", "s", "/log/"},
		{"table write", "w", "/sst/"},
		{"table sync", "s", "/sst/"},
		{"manifest", "ws", "/manifest/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range max(1, *rounds/3) {
				failWrites(t, c.calls, c.part)
			}
		})
	}
}

func failWrites(t *testing.T, calls, part string) {
	dir := harness.Scratch(t, "eio")
	f := newFaults(t, dir)
	// Small memtables, so that tables are being written all the time; plain
	// calls, and a sync for each commit, which the library sees.
	flags := []string{"--io", "posix", "--durable-writes", "sync", "--memory", "2"}
	s := startVictim(t, dir, flags...)
	if err := setUp(s.Server); err != nil {
		t.Fatal(err)
	}
	l := &ledger{acked: map[int64]bool{}, unknown: map[int64]bool{}}
	var wg sync.WaitGroup
	for range *clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := transferUntilFailure(s.Server, l); err != nil {
				t.Error(err)
			}
		}()
	}
	stopFiller := fill(s.Server)
	time.Sleep(500 * time.Millisecond)
	f.on(t, calls, eio, part)
	wg.Wait()
	stopFiller()
	if err := s.Wait(10 * time.Second); err == nil {
		t.Error("the server ended as if nothing had happened")
	} else if !strings.Contains(s.LogTail(), part) {
		t.Errorf("the server ended, but its log does not name the file: %s", s.LogTail())
	}
	f.off(t)
	s.again(t)
	t.Logf("%d transfers were acknowledged", len(l.acked))
	if err := check(s.Server, l); err != nil {
		t.Fatal(err)
	}
	s.stop(t)
}

// stopCodes are what a client may be told when the instance stops: the outcome
// of a commit is unknown, the store has stopped, the server ends because of that.
var stopCodes = map[string]bool{"08007": true, "58000": true, "58030": true, "57P02": true}

// transferUntilFailure runs transfers until one fails, which must break the
// connection with an error that says why.
func transferUntilFailure(s *harness.Server, l *ledger) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, s.DSN())
	if err != nil {
		return err
	}
	defer c.Close(context.Background())
	rng := newRand()
	for {
		if err := transfer(ctx, c, l, rng); err != nil {
			var pg *pgconn.PgError
			switch {
			case ctx.Err() != nil:
				return fmt.Errorf("the instance goes on: %w", err)
			case !c.IsClosed():
				return fmt.Errorf("the connection lives on after: %w", err)
			case errors.As(err, &pg) && !stopCodes[pg.Code]:
				return fmt.Errorf("an error that does not tell: %w", err)
			}
			return nil
		}
	}
}

// fill writes wide rows, so that memtables fill up; the function it returns
// waits for the end of the connection.
func fill(s *harness.Server) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		c, err := pgx.Connect(ctx, s.DSN())
		if err != nil {
			return // the load of transfers tells
		}
		defer c.Close(context.Background())
		_, err = c.Exec(ctx, "CREATE TABLE wide (id serial, t text)")
		for err == nil {
			_, err = c.Exec(ctx, "INSERT INTO wide (t) SELECT repeat(md5(random()::text), 30) FROM generate_series(1, 200)")
		}
	}()
	return func() { <-done }
}

// TestFailedReads lets reads of tables fail with EIO: the statement gets an
// error that says so, and the instance goes on.
func TestFailedReads(t *testing.T) {
	dir := harness.Scratch(t, "eio-read")
	f := newFaults(t, dir)
	flags := []string{"--io", "posix", "--memory", "2"}
	s := startVictim(t, dir, flags...)
	ctx := context.Background()
	c := harness.Connect(t, s.Server)
	for _, sql := range []string{
		"CREATE TABLE wide (id int PRIMARY KEY, t text)",
		"INSERT INTO wide SELECT g, repeat(md5(g::text), 30) FROM generate_series(1, 20000) g",
	} {
		if _, err := c.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	// A merge that meets the error would stop the instance, as it should.
	waitForQuiet(t, filepath.Join(dir, "data", "sst"))
	var n int
	const sum = "SELECT count(*) FROM wide WHERE t <> ''"
	f.on(t, "r", eio, "/sst/")
	err := c.QueryRow(ctx, sum).Scan(&n)
	f.off(t)
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "58030" {
		t.Fatalf("%d rows, %v; want SQLSTATE 58030 (io_error)", n, err)
	}
	if err := c.QueryRow(ctx, sum).Scan(&n); err != nil || n != 20000 {
		t.Errorf("afterwards: %d rows, %v", n, err)
	}
	s.stop(t)
}

// waitForQuiet waits until no file of the directory has come or gone for a
// second.
func waitForQuiet(t *testing.T, dir string) {
	t.Helper()
	var before string
	since := time.Now()
	for start := time.Now(); time.Since(since) < time.Second; time.Sleep(50 * time.Millisecond) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if now := fmt.Sprint(entries); now != before {
			before, since = now, time.Now()
		}
		if time.Since(start) > time.Minute {
			t.Fatal("tables come and go without a reason")
		}
	}
}
