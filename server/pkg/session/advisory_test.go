package session

import (
	"testing"

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/kv/memkv"
)

// openCounter counts the transactions that are open.
type openCounter struct {
	kv.Store
	open, most int
}

type countedTxn struct {
	kv.Txn
	of   *openCounter
	over bool
}

func (c *openCounter) Begin(o kv.TxnOptions) (kv.Txn, error) {
	txn, err := c.Store.Begin(o)
	if err != nil {
		return nil, err
	}
	c.open++
	c.most = max(c.most, c.open)
	return &countedTxn{Txn: txn, of: c}, nil
}

func (t *countedTxn) Rollback() {
	t.Txn.Rollback()
	if !t.over {
		t.over = true
		t.of.open--
	}
}

// The locks of a session cost a transaction for many of them, in whatever order they are given back.
func TestAdvisoryLocksShareTransactions(t *testing.T) {
	counter := &openCounter{Store: memkv.New()}
	defer counter.Store.Close()
	srv, err := NewServer(Options{Store: counter})
	if err != nil {
		t.Fatal(err)
	}
	s, err := srv.Open(Startup{User: "postgres", Database: "postgres", Out: &Out{Write: func([]byte) error { return nil }}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	query := func(q string) {
		t.Helper()
		if err := s.Query(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	held := func(when string, want int) {
		t.Helper()
		locks, err := counter.Locks(false)
		if err != nil || len(locks) != want || len(s.advisory.held) != want {
			t.Errorf("%s: %d locks, %d of the session (%v), want %d", when, len(locks), len(s.advisory.held), err, want)
		}
	}
	const n = 3 * advisoryGroupLocks
	most := func(when string, of *[2][]*advisoryGroup, rooms int) {
		t.Helper()
		if len(of[0])+len(of[1]) != rooms {
			t.Errorf("%s: %d and %d groups with room, want %d", when, len(of[0]), len(of[1]), rooms)
		}
	}
	for round := range 3 {
		counter.most = counter.open
		query("select count(pg_advisory_lock(g)), count(pg_advisory_lock_shared(g)) from generate_series(1, 768) g")
		held("taken", 2*n)
		most("taken", &s.advisory.room, 0)
		if counter.most > 10 {
			t.Errorf("round %d: %d transactions for %d locks", round, counter.most, 2*n)
		}
		query("select count(pg_advisory_unlock(g)) from generate_series(1, 767, 2) g")
		held("every other given back", 2*n-n/2)
		query("select count(pg_advisory_lock(1000 + g)) from generate_series(1, 384) g")
		held("taken again", 2*n)
		most("taken again", &s.advisory.room, 0)
		if round == 0 {
			query("select pg_advisory_unlock_all()")
		} else {
			query("select count(pg_advisory_unlock(g)), count(pg_advisory_unlock_shared(g)) from generate_series(768, 1, -1) g")
			query("select count(pg_advisory_unlock(1000 + g)) from generate_series(1, 384) g")
		}
		held("all given back", 0)
		most("all given back", &s.advisory.room, 0)
		if counter.open != 0 {
			t.Errorf("round %d: %d transactions are open", round, counter.open)
		}
	}
}
