// Package crash kills pgz-server with SIGKILL under load, again and again, on
// a real file system, and checks after each restart that nothing that was
// acknowledged is lost, nothing is torn, and the restart was quick. It also
// lets writes and reads fail, and fills the disk.
//
//	go test ./tests/crash                        3 rounds
//	go test ./tests/crash -rounds 50 -scale 20   the long test
package crash

import (
	"context"
	"flag"
	"fmt"
	"math/rand"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgzdb/pgz/tests/harness"
)

var (
	rounds   = flag.Int("rounds", 3, "how often to kill the server")
	clients  = flag.Int("clients", 8, "connections that write")
	scale    = flag.Int("scale", 1, "pgbench's scale factor")
	accounts = flag.Int("accounts", 1000, "rows of the table of accounts")
)

// ledger is what the clients know: which transfers were acknowledged, and
// which were under way when the server went away.
type ledger struct {
	mu      sync.Mutex
	acked   map[int64]bool
	unknown map[int64]bool
	nextID  int64
}

func (l *ledger) begin() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nextID++
	l.unknown[l.nextID] = true
	return l.nextID
}

func (l *ledger) acknowledge(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.unknown, id)
	l.acked[id] = true
}

func TestKillUnderLoad(t *testing.T) {
	s := startVictim(t, harness.Scratch(t, "crash"))
	if err := setUp(s.Server); err != nil {
		t.Fatal(err)
	}
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewSource(seed))
	l := &ledger{acked: map[int64]bool{}, unknown: map[int64]bool{}}
	for round := range *rounds {
		load(t, s.Server, l, time.Duration(300+rng.Intn(1200))*time.Millisecond)
		took := s.inTime(t, round)
		if err := check(s.Server, l); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		t.Logf("round %d: %d transfers acknowledged, all there; restart in %v", round, len(l.acked), took)
	}
	s.stop(t)
}

func setUp(s *harness.Server) error {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, s.DSN())
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	for _, sql := range []string{
		"CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL)",
		"CREATE TABLE transfer (id int8 PRIMARY KEY, src int, dst int, amount int, UNIQUE (src, dst, id))",
		"CREATE INDEX transfer_dst ON transfer (dst)",
		fmt.Sprintf("INSERT INTO account SELECT g, 1000 FROM generate_series(1, %d) g", *accounts),
	} {
		if _, err := c.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

// load runs transfers from all clients, kills the server after d and waits
// for the clients to notice.
func load(t *testing.T, s *harness.Server, l *ledger, d time.Duration) {
	var wg sync.WaitGroup
	for range *clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			ctx := context.Background()
			c, err := pgx.Connect(ctx, s.DSN())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close(ctx)
			rng := newRand()
			for {
				if err := transfer(ctx, c, l, rng); err != nil {
					if !c.IsClosed() {
						t.Errorf("a transfer failed on a living connection: %v", err)
					}
					return
				}
			}
		}()
	}
	time.Sleep(d)
	s.Kill()
	wg.Wait()
}

func newRand() *rand.Rand { return rand.New(rand.NewSource(rand.Int63())) }

// transfer moves an amount and records it, in one transaction. Accounts are
// locked in order, so no transfer is a deadlock's victim.
func transfer(ctx context.Context, c *pgx.Conn, l *ledger, rng *rand.Rand) error {
	src, dst, amount := 1+rng.Intn(*accounts), 1+rng.Intn(*accounts), rng.Intn(100)
	id := l.begin()
	tx, err := c.Begin(ctx)
	if err != nil {
		return err
	}
	low, high, sign := src, dst, -1
	if src > dst {
		low, high, sign = dst, src, 1
	}
	if _, err := tx.Exec(ctx, "UPDATE account SET balance = balance + $1 WHERE id = $2", sign*amount, low); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "UPDATE account SET balance = balance + $1 WHERE id = $2", -sign*amount, high); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "INSERT INTO transfer VALUES ($1, $2, $3, $4)", id, src, dst, amount); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	l.acknowledge(id)
	return nil
}

// check compares the tables with the ledger and with each other. What was
// unknown and is there counts as acknowledged from now on.
func check(s *harness.Server, l *ledger) error {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, s.DSN())
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	balance := map[int]int{}
	rows, err := c.Query(ctx, "SELECT id, src, dst, amount FROM transfer")
	if err != nil {
		return err
	}
	var id int64
	var src, dst, amount int
	found := map[int64]bool{}
	_, err = pgx.ForEachRow(rows, []any{&id, &src, &dst, &amount}, func() error {
		if !l.acked[id] && !l.unknown[id] {
			return fmt.Errorf("transfer %d is there, but nobody sent it", id)
		}
		found[id] = true
		balance[src] -= amount
		balance[dst] += amount
		return nil
	})
	if err != nil {
		return err
	}
	for id := range l.acked {
		if !found[id] {
			return fmt.Errorf("transfer %d was acknowledged and is lost", id)
		}
	}
	for id := range l.unknown {
		if found[id] {
			l.acked[id] = true
		}
		delete(l.unknown, id)
	}
	rows, err = c.Query(ctx, "SELECT id, balance FROM account")
	if err != nil {
		return err
	}
	var account, have int
	n := 0
	_, err = pgx.ForEachRow(rows, []any{&account, &have}, func() error {
		n++
		if want := 1000 + balance[account]; have != want {
			return fmt.Errorf("account %d has %d, its transfers make %d: a torn transaction", account, have, want)
		}
		return nil
	})
	if err == nil && n != *accounts {
		err = fmt.Errorf("%d accounts, want %d", n, *accounts)
	}
	if err != nil {
		return err
	}
	return checkIndexes(ctx, c, len(found))
}

// checkIndexes counts the transfers through each index.
func checkIndexes(ctx context.Context, c *pgx.Conn, want int) error {
	for _, where := range []string{"id > 0", "src > 0", "dst > 0"} {
		var n int
		if err := c.QueryRow(ctx, "SELECT count(*) FROM transfer WHERE "+where).Scan(&n); err != nil {
			return err
		}
		if n != want {
			return fmt.Errorf("%d transfers where %s, want %d", n, where, want)
		}
	}
	return nil
}
