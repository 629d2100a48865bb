package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgzdb/pgz/tests/harness"
)

const (
	itemsPerClient = 200
	batchRows      = 3000
	claimsPerRound = 400
)

// world is what the clients of the mixed load know. Each client changes only
// its own items, so a key's value is the last acknowledged one or the one that
// was under way when the server went away.
type world struct {
	mu      sync.Mutex
	claims  map[int]int        // key: the client whose insert was acknowledged
	tried   map[[2]int]bool    // key and client: an insert whose answer never came
	numbers map[int64]bool     // what the sequence has given out
	items   []map[int]string   // by client: acknowledged
	pending []map[int]*string  // by client: under way; nil is a delete
	batches map[int]batchState // of the table bulk
	next    int                // batch
	base    int                // claims below were fought for in earlier rounds
}

type batchState int

const (
	batchThere batchState = iota
	batchGone
	batchUnknown
)

// TestKillUnderMixedLoad kills the server under inserts that fight for unique
// keys, upserts and deletes with indexes and large values, savepoints, a
// sequence, and transactions of thousands of rows.
func TestKillUnderMixedLoad(t *testing.T) {
	s := startVictim(t, harness.Scratch(t, "crash-mixed"))
	setUpMixed(t, s.Server)
	w := &world{claims: map[int]int{}, tried: map[[2]int]bool{}, numbers: map[int64]bool{}, batches: map[int]batchState{}}
	for range *clients {
		w.items = append(w.items, map[int]string{})
		w.pending = append(w.pending, map[int]*string{})
	}
	for round := range *rounds {
		killMixed(t, s.Server, w)
		took := s.inTime(t, round)
		rows, err := w.check(s.Server)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		t.Logf("round %d: %d rows as acknowledged, %d numbers, %d claims; restart in %v", round, rows, len(w.numbers), len(w.claims), took)
		w.base += claimsPerRound
	}
	s.stop(t)
}

func setUpMixed(t *testing.T, s *harness.Server) {
	t.Helper()
	ctx := context.Background()
	c := harness.Connect(t, s)
	for _, sql := range []string{
		"CREATE SEQUENCE numbers",
		"CREATE TABLE claim (k int PRIMARY KEY, who int NOT NULL, n int8 UNIQUE DEFAULT nextval('numbers'))",
		"CREATE TABLE item (owner int, k int, v text NOT NULL, n int8 NOT NULL UNIQUE, PRIMARY KEY (owner, k))",
		"CREATE INDEX item_start ON item (owner, left(v, 8))",
		"CREATE TABLE bulk (batch int, row int, filler text, PRIMARY KEY (batch, row))",
		"CREATE INDEX bulk_row ON bulk (row)",
	} {
		if _, err := c.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// killMixed runs the load for about a second and kills the server.
func killMixed(t *testing.T, s *harness.Server, w *world) {
	var wg sync.WaitGroup
	for i := range *clients {
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
			m := &mixedClient{world: w, me: i, c: c, rng: rand.New(rand.NewSource(time.Now().UnixNano() + int64(i)))}
			for {
				if err := m.step(ctx); err != nil {
					if !c.IsClosed() {
						t.Errorf("client %d: a statement failed on a living connection: %v", i, err)
					}
					return
				}
			}
		}()
	}
	time.Sleep(time.Duration(400+rand.Intn(1200)) * time.Millisecond)
	s.Kill()
	wg.Wait()
}

type mixedClient struct {
	*world
	me  int
	c   *pgx.Conn
	rng *rand.Rand
}

func (m *mixedClient) step(ctx context.Context) error {
	switch p := m.rng.Intn(20); {
	case p < 8:
		return m.claim(ctx)
	case p < 10:
		return m.number(ctx)
	case p < 11 && m.me == 0:
		return m.batch(ctx)
	default:
		return m.change(ctx)
	}
}

// claim inserts a key that other clients want as well.
func (m *mixedClient) claim(ctx context.Context) error {
	k := m.base + m.rng.Intn(claimsPerRound)
	m.mu.Lock()
	m.tried[[2]int{k, m.me}] = true
	m.mu.Unlock()
	_, err := m.c.Exec(ctx, "INSERT INTO claim (k, who) VALUES ($1, $2)", k, m.me)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		m.mu.Lock()
		delete(m.tried, [2]int{k, m.me})
		m.mu.Unlock()
		return nil
	}
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.tried, [2]int{k, m.me})
	if other, ok := m.claims[k]; ok {
		return fmt.Errorf("key %d was given to client %d and to client %d", k, other, m.me)
	}
	m.claims[k] = m.me
	return nil
}

func (m *mixedClient) number(ctx context.Context) error {
	var n int64
	if err := m.c.QueryRow(ctx, "SELECT nextval('numbers')").Scan(&n); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.numbers[n] {
		return fmt.Errorf("the sequence gave %d twice", n)
	}
	m.numbers[n] = true
	return nil
}

// change writes one to three of the client's items in one transaction, with
// a savepoint that is rolled back among them.
func (m *mixedClient) change(ctx context.Context) error {
	tx, err := m.c.Begin(ctx)
	if err != nil {
		return err
	}
	changes := map[int]*string{}
	for range 1 + m.rng.Intn(3) {
		k := m.rng.Intn(itemsPerClient)
		if m.rng.Intn(4) == 0 {
			_, err = tx.Exec(ctx, "DELETE FROM item WHERE owner = $1 AND k = $2", m.me, k)
			changes[k] = nil
		} else {
			v := fmt.Sprintf("%08x", m.rng.Uint32()) + strings.Repeat("x", m.rng.Intn(4)*m.rng.Intn(3000))
			_, err = tx.Exec(ctx, `INSERT INTO item VALUES ($1, $2, $3, nextval('numbers'))
				ON CONFLICT (owner, k) DO UPDATE SET v = excluded.v, n = excluded.n`, m.me, k, v)
			changes[k] = &v
		}
		if err == nil && m.rng.Intn(4) == 0 {
			err = m.undone(ctx, tx)
		}
		if err != nil {
			return err
		}
	}
	if m.rng.Intn(10) == 0 {
		return tx.Rollback(ctx)
	}
	m.mu.Lock()
	m.pending[m.me] = changes
	m.mu.Unlock()
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	apply(m.items[m.me], changes)
	m.pending[m.me] = nil
	return nil
}

// undone makes changes behind a savepoint and takes them back.
func (m *mixedClient) undone(ctx context.Context, tx pgx.Tx) error {
	for _, sql := range []string{
		"SAVEPOINT s",
		fmt.Sprintf("UPDATE item SET v = 'undone', n = -n WHERE owner = %d AND k < 10", m.me),
		fmt.Sprintf("DELETE FROM item WHERE owner = %d AND k > %d", m.me, itemsPerClient-10),
		"ROLLBACK TO s",
	} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// batch inserts or deletes thousands of rows in one statement.
func (m *mixedClient) batch(ctx context.Context) error {
	m.mu.Lock()
	id, to := m.next, batchThere
	if m.next > 3 && m.rng.Intn(3) == 0 {
		id, to = m.rng.Intn(m.next), batchGone
	} else {
		m.next++
	}
	before, known := m.batches[id]
	m.batches[id] = batchUnknown
	m.mu.Unlock()
	sql := "DELETE FROM bulk WHERE batch = $1"
	if to == batchThere {
		sql = fmt.Sprintf("INSERT INTO bulk SELECT $1, g, repeat('f', 600) FROM generate_series(1, %d) g", batchRows)
	}
	tag, err := m.c.Exec(ctx, sql, id)
	if err != nil {
		return err
	}
	if known && before == batchThere && tag.RowsAffected() != batchRows {
		return fmt.Errorf("batch %d: %s", id, tag)
	}
	m.mu.Lock()
	m.batches[id] = to
	m.mu.Unlock()
	return nil
}

func apply(items map[int]string, changes map[int]*string) {
	for k, v := range changes {
		if v == nil {
			delete(items, k)
		} else {
			items[k] = *v
		}
	}
}
