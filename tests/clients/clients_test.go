// Package clients runs unmodified client programs and drivers against pgz:
// psql (its output compared with the same script on a native server), pgbench,
// pgx and psycopg; and sends what no good client would send.
package clients

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgzdb/pgz/tests/harness"
)

// pgz is the server all tests of this package share.
var pgz *harness.Server

func TestMain(m *testing.M) {
	dir, err := harness.ScratchDir("clients")
	if err == nil {
		pgz, err = harness.StartPgz(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot start pgz:", err)
		os.Exit(1)
	}
	code := m.Run()
	if err := pgz.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if code != 0 {
		fmt.Fprintln(os.Stderr, "the server's log ends with:\n"+pgz.LogTail())
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

func connect(t *testing.T) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(context.Background(), pgz.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

// run runs a program and returns its standard output and error together.
func run(t *testing.T, s *harness.Server, stdin, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "PGHOST=127.0.0.1", fmt.Sprint("PGPORT=", s.Port), "PGUSER=postgres",
		"PGDATABASE=postgres", "PSQLRC=/dev/null", "PGTZ=UTC")
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func need(t *testing.T, program string) string {
	t.Helper()
	if bin := harness.NativeBin(); bin != "" {
		if path := filepath.Join(bin, program); exec.Command(path, "--version").Run() == nil {
			return path
		}
	}
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed (Debian package postgresql-15)", program)
	}
	return path
}

// TestPsqlScripts runs testdata/*.sql through psql on both servers.
func TestPsqlScripts(t *testing.T) {
	psql := need(t, "psql")
	native, fresh := harness.Native(t), harness.Pgz(t) // without other tests' tables
	scripts, err := filepath.Glob("testdata/*.sql")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts (%v)", err)
	}
	for _, path := range scripts {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want, _ := run(t, native, string(text), psql, "-X", "-a", "-v", "VERBOSITY=default")
			got, _ := run(t, fresh, string(text), psql, "-X", "-a", "-v", "VERBOSITY=default")
			diff(t, got, want)
		})
	}
}

// diff reports the first lines that differ.
func diff(t *testing.T, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			from := max(0, i-6)
			t.Fatalf("line %d differs\n-- got\n%s\n-- want\n%s", i+1,
				strings.Join(g[min(from, len(g)):min(i+6, len(g))], "\n"),
				strings.Join(w[min(from, len(w)):min(i+6, len(w))], "\n"))
		}
	}
}

// TestPgbench initialises scale 1 and runs both built-in scripts in the three
// protocols over TCP and the Unix socket; no transaction may fail, and the
// four balance sums must agree.
func TestPgbench(t *testing.T) {
	pgbench := need(t, "pgbench")
	if out, err := run(t, pgz, "", pgbench, "-i", "-s", "1", "-q"); err != nil {
		t.Fatalf("pgbench -i: %v\n%s", err, out)
	}
	for _, host := range []string{"127.0.0.1", pgz.Dir} {
		for _, protocol := range []string{"simple", "extended", "prepared"} {
			for _, clients := range []string{"1", "8"} {
				for _, script := range []string{"tpcb-like", "select-only"} {
					args := []string{"-h", host, "-n", "-c", clients, "-j", "2", "-t", "60", "-M", protocol, "-b", script}
					out, err := run(t, pgz, "", pgbench, args...)
					if err != nil || !strings.Contains(out, "number of failed transactions: 0 (0.000%)") ||
						strings.Contains(out, "aborted") {
						t.Fatalf("pgbench %v: %v\n%s", args, err, out)
					}
				}
			}
		}
	}
	var agree bool
	err := connect(t).QueryRow(context.Background(), `SELECT
		(SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)
		AND (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(delta) FROM pgbench_history)
		AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(delta) FROM pgbench_history)`).Scan(&agree)
	if err != nil || !agree {
		t.Errorf("the balance sums agree: %v (%v)", agree, err)
	}
}

// TestPsycopg runs psycopg_smoke.py with the Python that has psycopg.
func TestPsycopg(t *testing.T) {
	root, err := harness.RepoRoot()
	if err != nil {
		t.Fatal(err)
	}
	python := filepath.Join(root, ".tools", "venv", "bin", "python")
	if exec.Command(python, "-c", "import psycopg").Run() != nil {
		t.Skip("psycopg is not installed (./justw test installs it)")
	}
	if out, err := run(t, pgz, "", python, "psycopg_smoke.py"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestBlockedUpdateRechecks holds a row in one session while another waits,
// then looks again as READ COMMITTED demands; and breaks a deadlock.
func TestBlockedUpdateRechecks(t *testing.T) {
	ctx := context.Background()
	a, b := connect(t), connect(t)
	exec := func(c *pgx.Conn, sql string) {
		t.Helper()
		if _, err := c.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec(a, "CREATE TABLE wait_t (id int PRIMARY KEY, v int)")
	exec(a, "INSERT INTO wait_t VALUES (1, 0), (2, 0), (3, 0)")
	for _, c := range []struct {
		name, first, second string
		rows                int64
		final               int
	}{
		{"increment", "UPDATE wait_t SET v = v + 1 WHERE id = 1", "UPDATE wait_t SET v = v + 10 WHERE id = 1", 1, 11},
		{"no longer matches", "UPDATE wait_t SET v = 99 WHERE id = 1", "UPDATE wait_t SET v = 0 WHERE v = 11", 0, 99},
		{"deleted meanwhile", "DELETE FROM wait_t WHERE id = 1", "UPDATE wait_t SET v = 5 WHERE id = 1", 0, -1},
	} {
		exec(a, "BEGIN")
		exec(a, c.first)
		type result struct {
			rows int64
			err  error
		}
		done := make(chan result, 1)
		go func() {
			tag, err := b.Exec(ctx, c.second)
			done <- result{tag.RowsAffected(), err}
		}()
		select {
		case r := <-done:
			t.Fatalf("%s: the second did not wait: %+v", c.name, r)
		case <-time.After(100 * time.Millisecond):
		}
		exec(a, "COMMIT")
		if r := <-done; r.err != nil || r.rows != c.rows {
			t.Errorf("%s: %d rows, %v; want %d", c.name, r.rows, r.err, c.rows)
		}
		v := -1
		if err := a.QueryRow(ctx, "SELECT v FROM wait_t WHERE id = 1").Scan(&v); err != nil && err != pgx.ErrNoRows {
			t.Fatal(err)
		}
		if v != c.final {
			t.Errorf("%s: v is %d, want %d", c.name, v, c.final)
		}
	}
	deadlock(t, a, b)
}

func deadlock(t *testing.T, a, b *pgx.Conn) {
	ctx := context.Background()
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i, c := range []*pgx.Conn{a, b} {
		if _, err := c.Exec(ctx, "BEGIN"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Exec(ctx, fmt.Sprintf("UPDATE wait_t SET v = 1 WHERE id = %d", 2+i)); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range []*pgx.Conn{a, b} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if _, errs[i] = c.Exec(ctx, fmt.Sprintf("UPDATE wait_t SET v = 2 WHERE id = %d", 3-i)); errs[i] != nil {
				_, _ = c.Exec(ctx, "ROLLBACK") // the error is already kept
			}
		}()
	}
	wg.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Fatalf("exactly one should fail: %v, %v", errs[0], errs[1])
	}
	for i, c := range []*pgx.Conn{a, b} {
		if errs[i] != nil {
			if !strings.Contains(errs[i].Error(), "40P01") {
				t.Errorf("the victim got %v", errs[i])
			}
		} else if _, err := c.Exec(ctx, "COMMIT"); err != nil {
			t.Errorf("the survivor's commit: %v", err)
		}
	}
}
