package storage

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// Writes are collected in Go and cross to the engine together with the next
// call that needs them, at the latest beyond this size.
const batchBytes = 64 << 10

const (
	writeHeaderBytes = C.PGZ_WRITE_HEADER_BYTES
	lockHeaderBytes  = C.PGZ_LOCK_HEADER_BYTES
)

// scratch is what a transaction needs only while it runs; pooled.
type scratch struct {
	call   C.sh_call
	batch  []byte   // writes not yet handed over
	from   kv.OpNum // of the first of them
	tmp    []byte   // keys and lock names on their way to C
	behind behind
}

// txn implements kv.Txn. The engine's transaction begins with the first write
// or lock; before, reads go to the database itself.
type txn struct {
	store  *Store
	owner  uint64
	sc     *scratch
	first  kv.OpNum // number of the oldest write not rolled back; 0: none
	last   kv.OpNum // of the newest
	done   bool
	serial bool // Serialize was called
	excl   bool // counted in store.exclusive
}

var _ kv.Txn = (*txn)(nil)

// enter readies the transaction for a call of the engine.
func (t *txn) enter() error {
	if err := t.ready(); err != nil {
		return err
	}
	return t.join()
}

// ready readies the transaction for a call that does not reach the engine.
func (t *txn) ready() error {
	if t.done {
		return kv.ErrTxnDone
	}
	if t.store.closing.Load() {
		return kv.ErrClosed
	}
	if t.sc == nil {
		t.sc = t.store.scratch.Get().(*scratch)
		t.sc.call.txn = 0
	}
	return nil
}

// end gives everything back.
func (t *txn) end() {
	t.done = true
	sc := t.sc
	if sc == nil {
		return
	}
	_ = t.join() // what it wrote goes away
	sc.behind.reset()
	t.sc = nil
	if sc.call.txn != 0 {
		C.sh_free(sc.call.txn)
		sc.call.txn = 0
	}
	if t.excl {
		t.excl = false
		t.store.exclusive.Add(-1)
	}
	sc.batch = recycled(sc.batch)
	sc.tmp = recycled(sc.tmp)
	t.store.scratch.Put(sc)
}

// recycled empties b, and lets go of it when it has become large.
func recycled(b []byte) []byte {
	if cap(b) > 2*batchBytes {
		return nil
	}
	return b[:0]
}

// pending returns the batch to hand over with a call that reads own writes
// numbered below op.
func (t *txn) pending(op kv.OpNum) []byte {
	if t.first == 0 || op <= t.first {
		return nil
	}
	return t.sc.batch
}

// handedOver forgets the batch once the engine has it. It has it, or has
// refused it, whenever the call came back, with status st.
func (t *txn) handedOver(batch []byte, st C.pgz_status) {
	sc := t.sc
	if len(batch) == 0 {
		return
	}
	sc.batch = recycled(sc.batch)
	if sc.call.lost != 0 { // and not only the call failed for which it was handed over
		sc.call.lost = 0
		sc.behind.refuse(statusError(st, &sc.call.err), sc.from)
	}
}

func (t *txn) append(op kv.OpNum, kind byte, key, value []byte) error {
	if err := t.ready(); err != nil {
		return err
	}
	if op == 0 || op == kv.MaxOp || op < t.last {
		return kv.ErrInvalidArg
	}
	sc := t.sc
	if len(sc.batch) == 0 {
		sc.from = op
	}
	var h [writeHeaderBytes]byte
	h[0] = kind
	binary.LittleEndian.PutUint32(h[4:], uint32(op))
	binary.LittleEndian.PutUint32(h[8:], uint32(len(key)))
	binary.LittleEndian.PutUint32(h[12:], uint32(len(value)))
	sc.batch = append(sc.batch, h[:]...)
	sc.batch = append(sc.batch, key...)
	sc.batch = append(sc.batch, value...)
	t.last = op
	if t.first == 0 && kind != C.PGZ_WRITE_OWN_RANGE {
		t.first = op
	}
	if len(sc.batch) < batchBytes {
		return nil
	}
	return t.batchFull()
}

func (t *txn) handOver() error {
	if err := t.join(); err != nil {
		return err
	}
	sc := t.sc
	if len(sc.batch) == 0 {
		return nil
	}
	st := C.sh_write(C.uint64_t(t.store.db), C.uint64_t(t.owner), pointer(sc.batch),
		C.size_t(len(sc.batch)), &sc.call)
	t.handedOver(sc.batch, st)
	if st != C.PGZ_OK {
		return statusError(st, &sc.call.err)
	}
	return nil
}

func checkKey(key []byte) error {
	if len(key) == 0 || len(key) > kv.MaxKeyBytes {
		return kv.ErrInvalidArg
	}
	return nil
}

// Put implements kv.Txn.
func (t *txn) Put(op kv.OpNum, key, value []byte) error {
	if checkKey(key) != nil || len(value) > C.PGZ_VALUE_MAX {
		return kv.ErrInvalidArg
	}
	return t.append(op, C.PGZ_WRITE_PUT, key, value)
}

// Delete implements kv.Txn.
func (t *txn) Delete(op kv.OpNum, key []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return t.append(op, C.PGZ_WRITE_DELETE, key, nil)
}

// Move implements kv.Txn.
func (t *txn) Move(op kv.OpNum, key, newKey []byte) error {
	if checkKey(key) != nil || checkKey(newKey) != nil {
		return kv.ErrInvalidArg
	}
	return t.append(op, C.PGZ_WRITE_MOVE, key, newKey)
}

// OwnRange implements kv.Txn.
func (t *txn) OwnRange(op kv.OpNum, start, end []byte) error {
	return t.append(op, C.PGZ_WRITE_OWN_RANGE, start, end)
}

// DropRange implements kv.Txn.
func (t *txn) DropRange(op kv.OpNum, start, end []byte) error {
	return t.append(op, C.PGZ_WRITE_DROP_RANGE, start, end)
}

// RollbackTo implements kv.Txn.
func (t *txn) RollbackTo(op kv.OpNum) error {
	if err := t.ready(); err != nil {
		return err
	}
	if err := t.joinForRollback(op); err != nil {
		return err
	}
	sc := t.sc
	if op <= sc.from {
		sc.batch = sc.batch[:0] // nothing of it is to stay
	}
	if sc.call.txn == 0 && len(sc.batch) == 0 {
		t.rolledBackTo(op)
		return nil
	}
	st := C.sh_rollback_to(C.uint64_t(t.store.db), C.uint64_t(t.owner), pointer(sc.batch),
		C.size_t(len(sc.batch)), C.uint32_t(op), &sc.call)
	t.handedOver(sc.batch, st)
	t.rolledBackTo(op)
	if st != C.PGZ_OK {
		return statusError(st, &sc.call.err)
	}
	return nil
}

func (t *txn) rolledBackTo(op kv.OpNum) {
	if t.first >= op {
		t.first = 0
	}
	t.last = min(t.last, op)
}

// Written implements kv.Txn.
func (t *txn) Written() bool { return !t.done && t.first != 0 }

// Commit implements kv.Txn.
func (t *txn) Commit(_ context.Context, opts kv.CommitOptions) (kv.Timestamp, error) {
	if t.done {
		return 0, kv.ErrTxnDone
	}
	refused := t.join()
	sc := t.sc
	if sc == nil || (refused == nil && sc.call.txn == 0 && len(sc.batch) == 0) {
		t.end()
		return 0, nil
	}
	kept := false
	defer func() {
		if !kept {
			t.end()
		}
	}()
	if refused != nil {
		return 0, refused
	}
	// Before looking at closing, so that Close waits for what it does not stop.
	t.store.commits.Add(1)
	defer t.store.commits.Done()
	if t.store.closing.Load() {
		return 0, kv.ErrClosed
	}
	k := t.store.tickets.issue()
	if k == nil {
		return 0, kv.ErrClosed
	}
	defer t.store.tickets.giveBack(k)
	flags, keep := C.uint32_t(C.PGZ_COMMIT_ASYNC), C.int(0)
	if opts.Sync {
		flags = 0
	}
	if opts.Keep {
		keep = 1
	}
	st := C.sh_commit(C.uint64_t(t.store.db), C.uint64_t(t.owner), pointer(sc.batch),
		C.size_t(len(sc.batch)), flags, C.uint64_t(k.tag), keep, &sc.call)
	if st == C.PGZ_PENDING {
		c := <-k.done
		if c.status != C.PGZ_OK {
			return 0, statusError(c.status, nil)
		}
		return kv.Timestamp(c.value), nil
	}
	if st != C.PGZ_OK {
		if kept = opts.Keep && st != C.PGZ_UNKNOWN; kept {
			sc.batch = sc.batch[:0] // the engine has it
		}
		return 0, statusError(st, &sc.call.err)
	}
	return kv.Timestamp(sc.call.value), nil
}

// Rollback implements kv.Txn.
func (t *txn) Rollback() {
	if !t.done {
		t.end()
	}
}

func micros(d time.Duration) C.uint64_t {
	if d <= 0 {
		return 0
	}
	return C.uint64_t(max(d.Microseconds(), 1))
}
