package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgzdb/pgz/tests/harness"
)

// copyBudgetMiB is the memory pgz is given in the COPY comparison.
const copyBudgetMiB = 384

// copyCase is a COPY of all rows in one transaction.
type copyCase struct {
	name   string
	key    string // of the id column
	inside bool   // the table is created in the transaction
}

var copyCases = []copyCase{
	{"new table", "", true},
	{"new table, primary key", "primary key", true},
	{"existing, primary key", "primary key", false},
}

// copyRow is a figure of `just bench --only copy`.
type copyRow struct {
	Case       string  `json:"case"`
	Server     string  `json:"server"`
	Rows       int     `json:"rows"`
	Seconds    float64 `json:"seconds"` // transaction, commit included
	Commit     float64 `json:"commit_seconds"`
	PeakRSSMiB float64 `json:"peak_rss_mib"`
}

// rowSource makes COPY text: rows in ascending order of id, about 50 bytes each.
type rowSource struct {
	next, end int
	buf, left []byte
	rng       *rand.Rand
	pause     chan struct{} // closed: the source blocks at half of the rows
	half      chan struct{} // closed by the source when it has come to half of them
}

func newRowSource(rows int) *rowSource {
	return &rowSource{next: 1, end: rows, rng: rand.New(rand.NewPCG(1, 2))}
}

func (r *rowSource) Read(p []byte) (int, error) {
	if len(r.left) == 0 {
		if r.next > r.end {
			return 0, io.EOF
		}
		if r.half != nil && r.next > r.end/2 {
			close(r.half)
			r.half = nil
			<-r.pause
		}
		r.buf = r.buf[:0]
		for ; r.next <= r.end && len(r.buf) < 60<<10; r.next++ {
			x := r.rng.Uint64()
			r.buf = strconv.AppendInt(r.buf, int64(r.next), 10)
			r.buf = append(r.buf, '\t')
			r.buf = strconv.AppendUint(r.buf, x%1_000_000, 10)
			r.buf = append(r.buf, '\t')
			r.buf = strconv.AppendUint(r.buf, x>>44, 10)
			r.buf = append(r.buf, "\ttransfer of the day, "...)
			r.buf = strconv.AppendUint(r.buf, x>>20&0xffff, 16)
			r.buf = append(r.buf, '\n')
		}
		r.left = r.buf
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

// copyBench compares COPY of many rows in one transaction.
func copyBench(cfg config) error {
	fmt.Printf("COPY of %d rows in one transaction, servers in turn, %d rounds, a flush per commit on both sides; pgz has %d MiB\n\n",
		cfg.rows, cfg.rounds, copyBudgetMiB)
	native, pgz, err := startForCopy(cfg)
	if err != nil {
		return err
	}
	fmt.Printf("%-24s %18s %18s %7s %24s\n", "", "native (commit)", "pgz (commit)", "ratio", "pgz peak RSS")
	fig := figures{Scale: cfg.rows, Rounds: cfg.rounds, Date: time.Now().Format("2006-01-02")}
	for _, c := range copyCases {
		if cfg.copyCase != "" && !strings.Contains(c.name, cfg.copyCase) {
			continue
		}
		for range cfg.rounds {
			var at [2]copyRow
			for i, s := range []*harness.Server{native, pgz} {
				if at[i], err = copyOnce(cfg, s, c); err != nil {
					return fmt.Errorf("%s: %s: %w", s.Name, c.name, err)
				}
				fig.Copy = append(fig.Copy, at[i])
			}
			n, p := at[0], at[1]
			fmt.Printf("%-24s %9.1f s (%4.1f) %9.1f s (%4.1f) %6.2fx %8.0f MiB = %.2f x budget\n", c.name, n.Seconds, n.Commit,
				p.Seconds, p.Commit, n.Seconds/p.Seconds, p.PeakRSSMiB, p.PeakRSSMiB/copyBudgetMiB)
		}
	}
	if cfg.copyCase == "" || cfg.copyCase == "undone" {
		if pgz, err = undone(cfg, pgz); err != nil {
			return err
		}
	}
	return write(cfg.out, fig)
}

func startForCopy(cfg config) (native, pgz *harness.Server, err error) {
	dir, err := scratch(cfg.dir, "native")
	if err != nil {
		return nil, nil, err
	}
	native, err = startNative(dir)
	if err != nil {
		return nil, nil, err
	}
	if dir, err = scratch(cfg.dir, "pgz"); err != nil {
		return native, nil, err
	}
	pgz, err = startPgzForCopy(dir)
	return native, pgz, err
}

func startPgzForCopy(dir string) (*harness.Server, error) {
	return startPgz(dir, fmt.Sprint("--memory=", copyBudgetMiB))
}

const copyColumns = "(id bigint %s, account int, amount int, note text)"

// copyOnce runs one COPY in a transaction and drops the table afterwards.
func copyOnce(cfg config, s *harness.Server, c copyCase) (copyRow, error) {
	r := copyRow{Case: c.name, Server: s.Name, Rows: cfg.rows}
	ctx := context.Background()
	conn, err := pgconn.Connect(ctx, s.DSN())
	if err != nil {
		return r, err
	}
	defer conn.Close(ctx)
	// Peak memory is counted from here. Refused in some containers: then it is the process's.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.Pid()), []byte("5"), 0)
	create := "create table c " + fmt.Sprintf(copyColumns, c.key)
	before, inside := create, ""
	if c.inside {
		before, inside = "", create
	}
	if err := execAll(conn, before, "begin", inside); err != nil {
		return r, err
	}
	start := time.Now()
	tag, err := conn.CopyFrom(ctx, newRowSource(cfg.rows), "copy c from stdin")
	if err != nil {
		return r, err
	}
	if tag.RowsAffected() != int64(cfg.rows) {
		return r, fmt.Errorf("%s for %d rows", tag, cfg.rows)
	}
	copied := time.Now()
	if err := execAll(conn, "commit"); err != nil {
		return r, err
	}
	r.Seconds, r.Commit = time.Since(start).Seconds(), time.Since(copied).Seconds()
	peak, err := s.MemoryBytes("VmHWM")
	if err != nil {
		return r, err
	}
	r.PeakRSSMiB = float64(peak) / (1 << 20)
	if n, err := count(conn, "c"); err != nil || n != cfg.rows {
		return r, fmt.Errorf("%d rows are there of %d: %w", n, cfg.rows, err)
	}
	if s.Name == "native" {
		return r, execAll(conn, "drop table c", "checkpoint")
	}
	return r, execAll(conn, "drop table c")
}

// undone shows that a rollback and a crash in the middle of a COPY leave neither rows nor files. It
// returns the server, started anew.
func undone(cfg config, s *harness.Server) (*harness.Server, error) {
	ctx := context.Background()
	conn, err := pgconn.Connect(ctx, s.DSN())
	if err != nil {
		return s, err
	}
	if err := execAll(conn, "create table c "+fmt.Sprintf(copyColumns, "primary key"), "insert into c values (-1, 1, 1, 'stays')"); err != nil {
		return s, err
	}
	before := settledBytes(s, 0)
	if err := execAll(conn, "begin"); err != nil {
		return s, err
	}
	if _, err := conn.CopyFrom(ctx, newRowSource(cfg.rows), "copy c from stdin"); err != nil {
		return s, err
	}
	full := tableBytes(s)
	if err := execAll(conn, "rollback"); err != nil {
		return s, err
	}
	after := settledBytes(s, before)
	fmt.Printf("\nrollback: tables took %d MiB before, %d at the end of COPY, %d after ROLLBACK\n", before>>20, full>>20, after>>20)
	if full <= before || after > before+16<<20 {
		return s, fmt.Errorf("the rollback did not give the space back")
	}
	src := newRowSource(cfg.rows)
	half := make(chan struct{})
	src.half, src.pause = half, make(chan struct{})
	done := make(chan error, 1)
	go func() {
		_, err := conn.CopyFrom(ctx, src, "copy c from stdin")
		done <- err
	}()
	<-half
	full = tableBytes(s)
	s.Kill()
	close(src.pause)
	if err := <-done; err == nil {
		return s, fmt.Errorf("COPY succeeded on a killed server")
	}
	start := time.Now()
	again, err := startPgzForCopy(s.Dir)
	if err != nil {
		return s, err
	}
	up := time.Since(start)
	after = settledBytes(again, before)
	fmt.Printf("kill -9:  %d MiB in the middle, %d after the restart, which took %d ms\n", full>>20, after>>20, up.Milliseconds())
	if full <= before || after > before+16<<20 {
		return again, fmt.Errorf("the crash left files behind")
	}
	if conn, err = pgconn.Connect(ctx, again.DSN()); err != nil {
		return again, err
	}
	defer conn.Close(ctx)
	n, err := count(conn, "c")
	if err == nil && n != 1 {
		err = fmt.Errorf("%d rows are there where 1 was before", n)
	}
	return again, err
}

// tableBytes is the size of the files under sst/ of a pgz server.
func tableBytes(s *harness.Server) int64 {
	var sum int64
	// A file that goes while it is looked at is gone.
	_ = filepath.WalkDir(filepath.Join(s.Dir, "data"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(path, "/sst/") {
			if info, err := d.Info(); err == nil {
				sum += info.Size()
			}
		}
		return nil
	})
	return sum
}

// settledBytes waits until the tables take no more than want, or do not change any more.
func settledBytes(s *harness.Server, want int64) int64 {
	last, same := tableBytes(s), 0
	for same < 10 && (want == 0 || last > want) {
		time.Sleep(200 * time.Millisecond)
		now := tableBytes(s)
		if same++; now != last {
			same = 0
		}
		last = now
	}
	return last
}

func execAll(c *pgconn.PgConn, statements ...string) error {
	for _, q := range statements {
		if q == "" {
			continue
		}
		if _, err := c.Exec(context.Background(), q).ReadAll(); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	return nil
}

func count(c *pgconn.PgConn, table string) (int, error) {
	res := c.ExecParams(context.Background(), "select count(*) from "+table, nil, nil, nil, nil).Read()
	if res.Err != nil {
		return 0, res.Err
	}
	return strconv.Atoi(string(res.Rows[0][0]))
}
