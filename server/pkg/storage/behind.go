package storage

// #include "shim.h"
import "C"

import "github.com/pgzdb/pgz/server/pkg/kv"

// A transaction that has handed over behindAfter batches is a load: from then
// on its batches are larger, so that a thread that wakes for one has much to
// do, and are taken behind.
const (
	behindAfter = 4
	behindBytes = 256 << 10
)

// behind is a batch of writes the engine takes while the next one is formed:
// a load makes its rows on one processor while the engine sorts and spills
// those before on another. One batch at a time is under way, and every other
// call of the transaction waits for it first (txn.enter), so the engine still
// sees one call after the other.
//
// What it refuses is told by the next call. It stays refused, as does a batch
// that went along with a call, since writes the client was told of are missing:
// only RollbackTo before them, or the end, is left.
type behind struct {
	batch  []byte
	result chan C.pgz_status // of capacity 1
	under  bool              // a batch is under way
	before int               // so many full batches were handed over before, at most behindAfter

	refused error
	from    kv.OpNum // number of the first write of the batch under way, or refused
}

// refuse notes that the engine has not taken a batch, unless an older one is.
func (b *behind) refuse(err error, from kv.OpNum) {
	if b.refused == nil {
		b.refused, b.from = err, from
	}
}

// batchFull hands over a batch that has grown enough.
func (t *txn) batchFull() error {
	b := &t.sc.behind
	if b.before < behindAfter {
		b.before++
		return t.handOver()
	}
	if len(t.sc.batch) < behindBytes {
		return nil
	}
	return t.startHandOver()
}

// startHandOver hands the batch over and returns while the engine works.
func (t *txn) startHandOver() error {
	if err := t.join(); err != nil {
		return err
	}
	sc := t.sc
	b := &sc.behind
	if b.result == nil {
		b.result = make(chan C.pgz_status, 1)
	}
	b.batch, sc.batch = sc.batch, b.batch[:0]
	b.under, b.from, sc.from = true, sc.from, 0
	go func() {
		b.result <- C.sh_write(C.uint64_t(t.store.db), C.uint64_t(t.owner), pointer(b.batch), C.size_t(len(b.batch)), &sc.call)
	}()
	return nil
}

// reset readies it for the next transaction.
func (b *behind) reset() {
	b.batch, b.before, b.refused = recycled(b.batch), 0, nil
}

// join waits for the batch under way. Its error is that of a refused one.
func (t *txn) join() error {
	if t.sc == nil {
		return nil
	}
	b := &t.sc.behind
	if b.under {
		st := <-b.result
		b.under = false
		t.sc.call.lost = 0
		if st != C.PGZ_OK {
			b.refuse(statusError(st, &t.sc.call.err), b.from)
		}
	}
	return b.refused
}

// joinForRollback is join before RollbackTo(op): a refused batch with nothing
// older than op is forgotten.
func (t *txn) joinForRollback(op kv.OpNum) error {
	err := t.join()
	if err != nil && op <= t.sc.behind.from {
		t.sc.behind.refused = nil
		return nil
	}
	return err
}
