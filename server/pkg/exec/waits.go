package exec

import (
	"errors"
	"fmt"

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
)

// endsWait tells whether an error is of a wait that did not end with the lock: its time
// was up, it was cancelled, or it was part of a deadlock.
func endsWait(err error) bool {
	if errors.Is(err, kv.ErrDeadlock) || errors.Is(err, kv.ErrLockTimeout) {
		return true
	}
	e := pgerr.As(err)
	return e != nil && (e.Code == pgerr.QueryCanceled || e.Code == pgerr.AdminShutdown)
}

// inWait says in an error that ended a wait what was done with which tuple, in
// PostgreSQL's words. Other errors pass.
func inWait(err error, doing string, tuple uint64, relation string) error {
	if !endsWait(err) {
		return err
	}
	e := *pgerr.As(storeError(err)) // a cancel's error is not ours to change
	return e.WithWhere(fmt.Sprintf(`while %s (%d,%d) in relation "%s"`, doing, tuple>>16, tuple&0xffff, relation))
}

// inWait is inWait for the lock of a row. In PostgreSQL only the first who waits for a
// row does so for the tuple's sake; the others wait for that one.
func (l *locker) inWait(err error, mode kv.RowMode) error {
	if !endsWait(err) || l.st.Behind != nil && l.st.Behind(l.key, mode) {
		return err
	}
	return inWait(err, l.doing+" tuple", l.guard.rowID(l.key, 0), l.rel.Table.Name)
}

// rowID is the hidden id, which ctid shows, of the newest row at key; otherwise what is
// given instead.
func (g *guard) rowID(key []byte, instead uint64) uint64 {
	val, v, err := g.st.Txn.Get(newest, key, nil)
	if err != nil || !v.Found() {
		return instead
	}
	h, err := rowcodec.ReadHeader(val)
	if err != nil {
		return instead
	}
	return h.RowID
}

// whileInserting is inWait for a key that the row of w.rowID should get.
func (w *writer) whileInserting(err error, relation string) error {
	return inWait(err, "inserting index tuple", w.rowID, relation)
}
