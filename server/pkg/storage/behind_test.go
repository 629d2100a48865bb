package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

func begin(t *testing.T, s *Store) *txn {
	t.Helper()
	x, err := s.Begin(kv.TxnOptions{Owner: 1})
	if err != nil {
		t.Fatal(err)
	}
	return x.(*txn)
}

// manyBatches writes rows until a few batches have been handed over behind the
// writer's back, and returns how many rows that took.
func manyBatches(t *testing.T, txn kv.Txn, op kv.OpNum, from int) int {
	t.Helper()
	value := bytes.Repeat([]byte("v"), 500)
	n := (behindAfter*batchBytes + 3*behindBytes) / len(value)
	for i := from; i < from+n; i++ {
		if err := txn.Put(op, fmt.Appendf(nil, "k%06d", i), value); err != nil {
			t.Fatal(err)
		}
	}
	return from + n
}

func countKeys(t *testing.T, txn kv.Txn, op kv.OpNum) int {
	t.Helper()
	sc, err := txn.NewScan(kv.View{TS: kv.Newest, ReadOp: op}, kv.ScanSpec{Start: []byte("k"), End: []byte("l"), KeysOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer sc.Close()
	var rows kv.Rows
	for n := 0; ; {
		more, err := sc.Next(&rows, kv.MaxScanRows)
		if err != nil {
			t.Fatal(err)
		}
		if n += rows.Len(); !more {
			return n
		}
	}
}

func TestWritesGoToTheEngineBehindTheWriter(t *testing.T) {
	s := openStore(t, t.TempDir(), small)
	defer s.Close()
	txn := begin(t, s)
	first := manyBatches(t, txn, 1, 0)
	all := manyBatches(t, txn, 2, first)
	if n := countKeys(t, txn, 3); n != all {
		t.Fatalf("the transaction sees %d of its %d rows", n, all)
	}
	if n := countKeys(t, txn, 2); n != first {
		t.Fatalf("its first command wrote %d rows, not %d", first, n)
	}
	again := manyBatches(t, txn, 3, all)
	if err := txn.RollbackTo(2); err != nil {
		t.Fatal(err)
	}
	if n := countKeys(t, txn, kv.MaxOp); n != first {
		t.Fatalf("%d rows are left of %d, %d of them before the savepoint", n, again, first)
	}
	if _, err := txn.Commit(context.Background(), kv.CommitOptions{Sync: true}); err != nil {
		t.Fatal(err)
	}
	txn = begin(t, s)
	if n := countKeys(t, txn, 1); n != first {
		t.Fatalf("%d rows were committed of %d", n, first)
	}
	manyBatches(t, txn, 1, first)
	txn.Rollback() // with a batch under way
	txn = begin(t, s)
	defer txn.Rollback()
	if n := countKeys(t, txn, 1); n != first {
		t.Fatalf("%d rows are there of %d", n, first)
	}
}

// refuse has the engine refuse a batch behind the writer's back.
func refuse(t *testing.T, x *txn, op kv.OpNum) {
	t.Helper()
	x.sc.behind.before = behindAfter
	const noSuchKind = 99
	if err := x.append(op, noSuchKind, []byte("k"), make([]byte, behindBytes)); err != nil {
		t.Fatal(err)
	}
}

func TestARefusedBatchIsNotForgotten(t *testing.T) {
	s := openStore(t, t.TempDir(), small)
	defer s.Close()
	x := begin(t, s)
	if err := x.enter(); err != nil {
		t.Fatal(err)
	}
	refuse(t, x, 5)
	for range 2 {
		if _, _, err := x.Get(kv.View{TS: kv.Newest, ReadOp: 6}, []byte("k"), nil); !errors.Is(err, kv.ErrInvalidArg) {
			t.Fatalf("a read after it: %v", err)
		}
	}
	if err := x.RollbackTo(6); !errors.Is(err, kv.ErrInvalidArg) {
		t.Fatalf("back to a point behind it: %v", err)
	}
	if _, err := x.Commit(context.Background(), kv.CommitOptions{}); !errors.Is(err, kv.ErrInvalidArg) {
		t.Fatalf("the commit: %v", err)
	}

	x = begin(t, s)
	if err := x.Put(1, []byte("k1"), nil); err != nil {
		t.Fatal(err)
	}
	if err := x.Check(); err != nil { // the engine has it
		t.Fatal(err)
	}
	refuse(t, x, 5)
	if err := x.RollbackTo(5); err != nil {
		t.Fatalf("back to a point before it: %v", err)
	}
	if err := x.Put(5, []byte("k2"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Commit(context.Background(), kv.CommitOptions{}); err != nil {
		t.Fatal(err)
	}
	x = begin(t, s)
	defer x.Rollback()
	if n := countKeys(t, x, 1); n != 2 {
		t.Fatalf("%d rows of 2", n)
	}
}

// A batch that goes along with a call and is refused is missing until the end,
// unless all of it is rolled back.
func TestABatchRefusedWithACallIsNotForgotten(t *testing.T) {
	const noSuchKind = 99
	s := openStore(t, t.TempDir(), small)
	defer s.Close()
	calls := []struct {
		name string
		call func(x *txn) error
	}{
		{"Check", func(x *txn) error { return x.Check() }},
		{"Get", func(x *txn) error {
			_, _, err := x.Get(kv.View{TS: kv.Newest, ReadOp: 8}, []byte("a"), nil)
			return err
		}},
		{"LockRowGet", func(x *txn) error {
			_, _, _, err := x.LockRowGet(context.Background(), 7, []byte("a"), kv.Update, kv.LockOptions{}, nil)
			return err
		}},
		{"UnlockRow", func(x *txn) error { return x.UnlockRow(7, []byte("a"), kv.Update) }},
		{"RollbackTo", func(x *txn) error { return x.RollbackTo(7) }},
	}
	for _, c := range calls {
		for _, behind := range []bool{true, false} {
			t.Run(fmt.Sprint(c.name, behind), func(t *testing.T) {
				x := begin(t, s)
				if err := x.Put(4, []byte("k4"), nil); err != nil {
					t.Fatal(err)
				}
				if err := x.Check(); err != nil {
					t.Fatal(err)
				}
				if err := x.Put(5, []byte("k5"), nil); err != nil {
					t.Fatal(err)
				}
				if err := x.append(6, noSuchKind, []byte("k"), nil); err != nil {
					t.Fatal(err)
				}
				if err := c.call(x); !errors.Is(err, kv.ErrInvalidArg) {
					t.Fatalf("the call: %v", err)
				}
				if behind {
					if err := x.RollbackTo(6); !errors.Is(err, kv.ErrInvalidArg) {
						t.Fatalf("back to behind k5, which may be missing: %v", err)
					}
					if _, err := x.Commit(context.Background(), kv.CommitOptions{}); !errors.Is(err, kv.ErrInvalidArg) {
						t.Fatalf("the commit: %v", err)
					}
					return
				}
				defer x.Rollback()
				if err := x.RollbackTo(5); err != nil {
					t.Fatalf("back to before the batch: %v", err)
				}
				if n := countKeys(t, x, 6); n != 1 {
					t.Fatalf("%d rows, want k4 alone", n)
				}
			})
		}
	}
	// Rolled back whole before it was handed over: it is never sent.
	x := begin(t, s)
	defer x.Rollback()
	if err := x.append(6, noSuchKind, []byte("k"), nil); err != nil {
		t.Fatal(err)
	}
	if err := x.RollbackTo(6); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Commit(context.Background(), kv.CommitOptions{}); err != nil {
		t.Fatal(err)
	}
}

// A call that fails after its batch was taken refuses nothing.
func TestAFailedCallKeepsItsBatch(t *testing.T) {
	s := openStore(t, t.TempDir(), small)
	defer s.Close()
	x := begin(t, s)
	if err := x.Put(5, []byte("k5"), nil); err != nil {
		t.Fatal(err)
	}
	if err := x.UnlockRow(5, []byte("k5"), kv.Update); !errors.Is(err, kv.ErrInvalidArg) {
		t.Fatalf("a written row's lock is given back: %v", err)
	}
	if err := x.RollbackTo(6); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Commit(context.Background(), kv.CommitOptions{}); err != nil {
		t.Fatal(err)
	}
	x = begin(t, s)
	defer x.Rollback()
	if n := countKeys(t, x, 1); n != 1 {
		t.Fatalf("%d rows, want 1", n)
	}
}
