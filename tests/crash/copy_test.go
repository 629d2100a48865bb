package crash

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgzdb/pgz/tests/harness"
)

// copyRows is enough for several sorted runs on disk before the commit.
const copyRows = 300_000

// rowStream is COPY text of rows with the keys from..to; half is closed when half of them are read,
// and the other half comes once gone is closed.
type rowStream struct {
	next, middle, to int
	left             []byte
	half, gone       chan struct{}
}

func newRowStream(from, to int) *rowStream {
	return &rowStream{next: from, middle: (from + to) / 2, to: to, half: make(chan struct{}), gone: make(chan struct{})}
}

func (r *rowStream) Read(p []byte) (int, error) {
	if len(r.left) == 0 {
		if r.next > r.to {
			return 0, io.EOF
		}
		if r.next == r.middle {
			close(r.half)
			<-r.gone
		}
		end := r.to
		if r.next < r.middle {
			end = r.middle - 1
		}
		r.left = nil
		for ; r.next <= end && len(r.left) < 32<<10; r.next++ {
			r.left = fmt.Appendf(r.left, "%d\t%d\tthe note of row %d, long enough to fill a few runs\n", r.next, r.next%7, r.next)
		}
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

// tableFiles lists the files of rows, without those a memtable of a few rows becomes.
func tableFiles(t *testing.T, dir string) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "data", "sst"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Size() >= 64<<10 { // an error: it has gone meanwhile
			names[e.Name()] = true
		}
	}
	return names
}

// expectNoNewFiles waits until no file is there that was not there before.
func expectNoNewFiles(t *testing.T, dir string, before map[string]bool) {
	t.Helper()
	var more []string
	for range 100 {
		more = more[:0]
		for name := range tableFiles(t, dir) {
			if !before[name] {
				more = append(more, name)
			}
		}
		if len(more) == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("files left behind: %v", more)
}

func one(t *testing.T, c *pgconn.PgConn, sql string) string {
	t.Helper()
	res := c.ExecParams(context.Background(), sql, nil, nil, nil, nil).Read()
	if res.Err != nil {
		t.Fatalf("%s: %v", sql, res.Err)
	}
	if len(res.Rows) == 0 {
		return ""
	}
	return string(res.Rows[0][0])
}

func connect(t *testing.T, s *harness.Server) *pgconn.PgConn {
	t.Helper()
	c, err := pgconn.Connect(context.Background(), s.DSN())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A COPY that is rolled back, and one in the middle of which the server is killed, leave the tables
// as they were and no files: into an existing table with rows, a primary key and an index.
func TestCopyUndone(t *testing.T) {
	s := startVictim(t, harness.Scratch(t, "copy"))
	ctx := context.Background()
	c := connect(t, s.Server)
	one(t, c, "create table c (id int primary key, d int, note text)")
	one(t, c, "create index on c (d, id)")
	one(t, c, "insert into c values (-1, 0, 'a'), (150000, 1, 'b')")
	before := tableFiles(t, s.Dir)

	one(t, c, "begin")
	whole := newRowStream(200_000, 200_000+copyRows)
	close(whole.gone)
	if _, err := c.CopyFrom(ctx, whole, "copy c from stdin"); err != nil {
		t.Fatal(err)
	}
	if len(tableFiles(t, s.Dir)) <= len(before) {
		t.Error("COPY wrote no runs: the test is too small")
	}
	one(t, c, "rollback")
	expectNoNewFiles(t, s.Dir, before)
	checkUndone(t, c)

	cut := newRowStream(200_000, 200_000+copyRows)
	done := make(chan error, 1)
	go func() {
		_, err := c.CopyFrom(ctx, cut, "copy c from stdin")
		done <- err
	}()
	<-cut.half
	for range 100 { // what was sent arrives
		if len(tableFiles(t, s.Dir)) > len(before) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if len(tableFiles(t, s.Dir)) <= len(before) {
		t.Error("half of COPY wrote no runs: the test is too small")
	}
	s.Kill()
	close(cut.gone)
	if err := <-done; err == nil {
		t.Fatal("COPY succeeded on a killed server")
	}
	s.again(t)
	expectNoNewFiles(t, s.Dir, before)
	c = connect(t, s.Server)
	defer c.Close(ctx)
	checkUndone(t, c)
	// The keys are free again, in the table and in the index.
	one(t, c, "insert into c select 200000 + i, i, '' from generate_series(1, 100) i")
}

func checkUndone(t *testing.T, c *pgconn.PgConn) {
	t.Helper()
	for _, sql := range []string{
		"select count(*) || ' ' || sum(id) from c", "select count(*) || ' ' || sum(id) from c where d >= 0",
	} {
		if got := one(t, c, sql); got != "2 149999" {
			t.Errorf("%s: %s, want 2 149999", sql, got)
		}
	}
}
