package crash

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgzdb/pgz/tests/harness"
)

// TestKillUnderPgbench kills the server under an unmodified pgbench with its
// TPC-B-like script. pgbench logs a transaction when its COMMIT is answered,
// so its log bounds what pgbench_history must hold; and each transaction adds
// the same amount in four tables, so the sums tell of torn ones.
func TestKillUnderPgbench(t *testing.T) {
	if harness.NativeBin() == "" {
		t.Skip("no pgbench (Debian package postgresql-15)")
	}
	s := startVictim(t, harness.Scratch(t, "crash-pgbench"))
	if out, err := pgbench(s.Server, "-i", "-q", "-s", strconv.Itoa(*scale)).CombinedOutput(); err != nil {
		t.Fatalf("pgbench -i: %v\n%s", err, out)
	}
	before := 0 // transactions there when the round began
	for round := range *rounds {
		n, err := killPgbench(s.Server, filepath.Join(s.Dir, fmt.Sprint("round", round)))
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		took := s.inTime(t, round)
		there, err := checkPgbench(s.Server)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if there < before+n || there > before+n+*clients {
			t.Fatalf("round %d: %d transactions were there and %d acknowledged by %d clients, now %d are there",
				round, before, n, *clients, there)
		}
		t.Logf("round %d: %d transactions acknowledged, %d new ones there; restart in %v", round, n, there-before, took)
		before = there
	}
	s.stop(t)
}

func pgbench(s *harness.Server, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(harness.NativeBin(), "pgbench"), args...)
	cmd.Env = append(os.Environ(), "PGHOST="+s.Dir, fmt.Sprint("PGPORT=", s.Port), "PGUSER=postgres", "PGDATABASE=postgres")
	cmd.Dir = s.Dir
	return cmd
}

// killPgbench runs pgbench, kills the server under it and returns how many
// transactions were acknowledged.
func killPgbench(s *harness.Server, log string) (int, error) {
	load := pgbench(s, "-n", "-c", strconv.Itoa(*clients), "-T", "60", "--log", "--log-prefix", log)
	var out strings.Builder
	load.Stdout, load.Stderr = &out, &out
	if err := load.Start(); err != nil {
		return 0, err
	}
	time.Sleep(time.Duration(500+rand.Intn(1000)) * time.Millisecond)
	s.Kill()
	if err := load.Wait(); err == nil {
		return 0, fmt.Errorf("pgbench did not notice that the server was killed:\n%s", out.String())
	}
	paths, err := filepath.Glob(log + ".*")
	if err != nil || len(paths) == 0 {
		return 0, fmt.Errorf("pgbench left no log (%v):\n%s", err, out.String())
	}
	n := 0
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		n += strings.Count(string(b), "\n")
	}
	if n == 0 {
		return 0, fmt.Errorf("no transaction was acknowledged:\n%s", out.String())
	}
	return n, nil
}

// checkPgbench compares the four sums and returns the number of transactions.
func checkPgbench(s *harness.Server) (int, error) {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, s.DSN())
	if err != nil {
		return 0, err
	}
	defer c.Close(ctx)
	var n int
	var history, account, teller, branch int64
	err = c.QueryRow(ctx, `SELECT (SELECT count(*) FROM pgbench_history),
		(SELECT coalesce(sum(delta), 0) FROM pgbench_history), (SELECT sum(abalance) FROM pgbench_accounts),
		(SELECT sum(tbalance) FROM pgbench_tellers), (SELECT sum(bbalance) FROM pgbench_branches)`).
		Scan(&n, &history, &account, &teller, &branch)
	if err == nil && (account != history || teller != history || branch != history) {
		err = fmt.Errorf("the sums differ: history %d, accounts %d, tellers %d, branches %d", history, account, teller, branch)
	}
	return n, err
}
