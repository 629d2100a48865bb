package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgzdb/pgz/tests/harness"
)

// smallDisk is a file system of its own for one server's data directory.
type smallDisk struct {
	dir     string // for the server; its data directory is the mount
	data    string
	ballast string // takes space until it is removed
}

func mountSmallDisk(t *testing.T, mib int) *smallDisk {
	t.Helper()
	dir := harness.Scratch(t, "full")
	d := &smallDisk{dir: dir, data: filepath.Join(dir, "data")}
	if err := os.Mkdir(d.data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", d.data, "tmpfs", 0, fmt.Sprintf("size=%dm", mib)); err != nil {
		t.Skip("cannot mount a small file system: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(d.data, 0); err != nil {
			t.Error(err)
		}
	})
	// Directories of the name are part of a data directory's file system.
	d.ballast = filepath.Join(d.data, "lost+found", "ballast")
	if err := os.Mkdir(filepath.Dir(d.ballast), 0o755); err != nil {
		t.Fatal(err)
	}
	return d
}

// take makes the ballast larger, up to all that is free but leave bytes.
func (d *smallDisk) take(t *testing.T, leave int64) {
	t.Helper()
	f, err := os.OpenFile(d.ballast, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var st syscall.Statfs_t
	if err := syscall.Statfs(d.data, &st); err != nil {
		t.Fatal(err)
	}
	size, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	more := int64(st.Bavail)*st.Bsize - leave
	if more <= 0 {
		return
	}
	if err := syscall.Fallocate(int(f.Fd()), 0, 0, size.Size()+more); err != nil {
		t.Fatal(err)
	}
}

func isDiskFull(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "53100"
}

func detail(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Detail
	}
	return ""
}

// TestFullDisk fills the disk under a server: writes get SQLSTATE 53100 and
// leave nothing behind, reads go on, a kill -9 and restarts lose nothing, a
// DROP makes room, and with space again writes succeed.
func TestFullDisk(t *testing.T) {
	d := mountSmallDisk(t, 640)
	s := startVictim(t, d.dir, "--memory", "64")
	f := &filler{}
	for _, sql := range []string{
		"CREATE TABLE kept (id int PRIMARY KEY, t text NOT NULL)",
		"CREATE TABLE other (id int PRIMARY KEY, t text NOT NULL)",
		// Nothing of it can be compressed.
		"INSERT INTO other SELECT g / 30, string_agg(md5(g::text), '') FROM generate_series(30, 1200029) g GROUP BY 1",
	} {
		f.must(t, s.Server, sql)
	}
	d.take(t, 100<<20)
	f.untilFull(t, s.Server)
	t.Logf("full after %d rows", f.acked)
	f.check(t, s.Server)

	// A full disk at COMMIT: the transaction is gone as a whole.
	for range 3 {
		f.refusedCommit(t, s.Server)
	}
	for range 2 { // on a full disk
		s.Kill()
		s.again(t)
		f.check(t, s.Server)
	}
	f.untilFull(t, s.Server)
	f.check(t, s.Server)

	t.Run("drop", func(t *testing.T) {
		f.must(t, s.Server, "DROP TABLE other")
		f.heals(t, s.Server)
		f.check(t, s.Server)
	})
	d.take(t, 0)
	f.untilFull(t, s.Server)
	if err := os.Remove(d.ballast); err != nil {
		t.Fatal(err)
	}
	f.heals(t, s.Server)
	s.Kill()
	s.again(t)
	f.check(t, s.Server)
	s.stop(t)
}

// filler inserts rows numbered from 1 and knows how many were acknowledged.
type filler struct{ acked int }

func (f *filler) must(t *testing.T, s *harness.Server, sql string) {
	t.Helper()
	ctx := context.Background()
	c := harness.Connect(t, s)
	if _, err := c.Exec(ctx, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

const insertKept = `INSERT INTO kept SELECT $1::int, string_agg(md5((g + 1000 * $1::int)::text), '')
	FROM generate_series(1, 250) g`

func (f *filler) insert(ctx context.Context, c *pgx.Conn) error {
	if _, err := c.Exec(ctx, insertKept, f.acked+1); err != nil {
		return err
	}
	f.acked++
	return nil
}

// untilFull inserts until the disk is full, which must be an error of the
// statement, not of the connection.
func (f *filler) untilFull(t *testing.T, s *harness.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := harness.Connect(t, s)
	for {
		if err := f.insert(ctx, c); err != nil {
			if !isDiskFull(err) || c.IsClosed() {
				t.Fatalf("after %d rows: %v; want SQLSTATE 53100 and a connection that goes on", f.acked, err)
			}
			return
		}
	}
}

func (f *filler) refusedCommit(t *testing.T, s *harness.Server) {
	t.Helper()
	ctx := context.Background()
	c := harness.Connect(t, s)
	tx, err := c.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if _, err := tx.Exec(ctx, insertKept, -1-i); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(ctx); !isDiskFull(err) {
		t.Errorf("COMMIT on a full disk: %v; want SQLSTATE 53100", err)
	}
	var n int
	if err := c.QueryRow(ctx, "SELECT count(*) FROM kept WHERE id < 0").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d rows of a refused commit are there (%v)", n, err)
	}
}

// heals waits for a write to succeed.
func (f *filler) heals(t *testing.T, s *harness.Server) {
	t.Helper()
	ctx := context.Background()
	c := harness.Connect(t, s)
	start := time.Now()
	for {
		err := f.insert(ctx, c)
		if err == nil {
			t.Logf("writes go on after %v", time.Since(start))
			return
		}
		if !isDiskFull(err) {
			t.Fatal(err)
		}
		if time.Since(start) > 15*time.Second {
			t.Fatalf("space has come back and writes still fail: %v; %s", err, detail(err))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// check reads everything: what was acknowledged is there, and nothing else.
func (f *filler) check(t *testing.T, s *harness.Server) {
	t.Helper()
	ctx := context.Background()
	c := harness.Connect(t, s)
	var n, low, high, width int
	const sql = "SELECT count(*), min(id), max(id), min(length(t)) FROM kept"
	if err := c.QueryRow(ctx, sql).Scan(&n, &low, &high, &width); err != nil {
		t.Fatal(err)
	}
	if n != f.acked || low != 1 || high != f.acked || width != 8000 {
		t.Fatalf("%d rows from %d to %d, at least %d wide; %d were acknowledged", n, low, high, width, f.acked)
	}
}

// TestStartWithoutSpace starts servers on a disk that is full, and on one
// that is read-only: they must end with a message that says so and names the
// directory, change nothing, and start when that is over.
func TestStartWithoutSpace(t *testing.T) {
	d := mountSmallDisk(t, 160)
	d.take(t, 0)
	refused := func(want string) {
		t.Helper()
		s, err := harness.StartPgz(d.dir)
		if err == nil {
			s.Kill()
			t.Fatal("the server has started")
		}
		if text := strings.ToLower(err.Error()); !strings.Contains(text, want) || !strings.Contains(text, d.data) {
			t.Errorf("want %q and the directory in: %v", want, err)
		}
	}
	refused("no space left on device")
	if err := os.Remove(d.ballast); err != nil {
		t.Fatal(err)
	}
	s := startVictim(t, d.dir)
	f := &filler{}
	f.must(t, s.Server, "CREATE TABLE kept (id int PRIMARY KEY, t text NOT NULL)")
	f.heals(t, s.Server)
	s.Kill()
	if err := syscall.Mount("", d.data, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	refused("read-only")
	if err := syscall.Mount("", d.data, "", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	s.again(t)
	f.check(t, s.Server)
	s.stop(t)
}
