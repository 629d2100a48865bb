package exec

import (
	"context"
	"errors"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// lookups counts the look-ups and scans of a transaction.
type lookups struct {
	kv.Txn
	gets, scans int
}

func (l *lookups) Get(v kv.View, key, dst []byte) ([]byte, kv.Version, error) {
	l.gets++
	return l.Txn.Get(v, key, dst)
}

func (l *lookups) NewScan(v kv.View, spec kv.ScanSpec) (kv.Scanner, error) {
	l.scans++
	return l.Txn.NewScan(v, spec)
}

// owner starts a COPY into accounts() by whom nobody else disturbs.
func owner(t *testing.T, s *session) (*CopyInsert, *lookups) {
	st := s.state()
	st.Owned = func(uint32) bool { return true }
	l := &lookups{Txn: s.txn}
	st.Txn = l
	x := NewCopyInsert(st, accounts())
	t.Cleanup(x.Close)
	return x, l
}

func put(x *CopyInsert, id int64) error {
	return x.Insert(context.Background(), []data.Datum{data.Int(id), data.Int(id + 1000), data.String("r")})
}

func wantDuplicate(t *testing.T, x *CopyInsert, id int64) {
	t.Helper()
	var e *pgerr.Error
	if err := put(x, id); !errors.As(err, &e) || e.Code != pgerr.UniqueViolation {
		t.Errorf("%d again: %v", id, err)
	}
}

func TestAscendingKeysAreNotLookedUp(t *testing.T) {
	store, ids := newStore(t)
	s := newSession(t, store, ids)
	x, l := owner(t, s)
	for id := range int64(1000) {
		if err := put(x, id); err != nil {
			t.Fatal(err)
		}
	}
	if l.gets >= 2*ascentAfter || l.scans != 2 {
		t.Errorf("%d look-ups and %d scans", l.gets, l.scans)
	}
	for _, id := range []int64{999, 0, 998, 500} {
		wantDuplicate(t, x, id)
	}
	if err := put(x, 1000); err != nil {
		t.Fatal(err)
	}
	wantDuplicate(t, x, 1000)
}

// What another command of the transaction writes between two rows is met.
func TestAscendingKeysMeetOtherCommands(t *testing.T) {
	old := ascentAfter
	ascentAfter = 2
	defer func() { ascentAfter = old }()
	store, ids := newStore(t)
	s := newSession(t, store, ids)
	x, _ := owner(t, s)
	y, _ := owner(t, s)
	for id := range int64(10) {
		if err := put(x, id); err != nil {
			t.Fatal(err)
		}
	}
	for id := int64(20); id < 30; id++ {
		if err := put(y, id); err != nil {
			t.Fatal(err)
		}
	}
	wantDuplicate(t, x, 25)
	wantDuplicate(t, y, 5)
	if err := put(x, 30); err != nil {
		t.Fatal(err)
	}
	wantDuplicate(t, y, 30)
	if err := put(y, 31); err != nil {
		t.Fatal(err)
	}
}
