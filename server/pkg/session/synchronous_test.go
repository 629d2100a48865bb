package session

import (
	"context"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/kv/memkv"
)

// commitWatch notes how the commits of a store's transactions were asked for.
type commitWatch struct {
	kv.Store
	syncs []bool
}

func (w *commitWatch) Begin(opts kv.TxnOptions) (kv.Txn, error) {
	txn, err := w.Store.Begin(opts)
	return &watchedTxn{txn, w}, err
}

type watchedTxn struct {
	kv.Txn
	w *commitWatch
}

func (t *watchedTxn) Commit(ctx context.Context, opts kv.CommitOptions) (kv.Timestamp, error) {
	if t.Written() {
		t.w.syncs = append(t.w.syncs, opts.Sync)
	}
	return t.Txn.Commit(ctx, opts)
}

// A commit waits for durability unless synchronous_commit is off when it ends, also where only the
// transaction says so.
func TestSynchronousCommit(t *testing.T) {
	w := &commitWatch{Store: memkv.New()}
	defer w.Close()
	srv, err := NewServer(Options{Store: w})
	if err != nil {
		t.Fatal(err)
	}
	s, err := srv.Open(Startup{User: "postgres", Database: "postgres", Out: &Out{Write: func([]byte) error { return nil }}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Query("create table t (a int)"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		sql  string
		want bool
	}{
		{"insert into t values (1)", true},
		{"set synchronous_commit = off; insert into t values (1)", false},
		{"insert into t values (1)", false},
		{"set synchronous_commit = local; insert into t values (1)", true},
		{"set synchronous_commit = remote_apply; update t set a = 2", true},
		{"begin; set local synchronous_commit = off; delete from t; commit", false},
		{"begin; insert into t values (1); commit", true},
		{"begin; savepoint a; set synchronous_commit = off; rollback to a; insert into t values (2); commit", true},
	} {
		w.syncs = nil
		if err := s.Query(c.sql); err != nil {
			t.Fatalf("%s: %v", c.sql, err)
		}
		if len(w.syncs) != 1 || w.syncs[0] != c.want {
			t.Errorf("%s: commits waited %v, want one that waits %v", c.sql, w.syncs, c.want)
		}
	}
}
