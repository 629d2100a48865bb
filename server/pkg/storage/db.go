package storage

import (
	"context"
	"errors"
	"iter"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// Errors of the key-value API; test with errors.Is. Those of package kv come
// as they are.
var (
	ErrNotFound   = errors.New("key not found")
	ErrConflict   = errors.New("key was written by another transaction")
	ErrInvalidArg = kv.ErrInvalidArg
	ErrClosed     = kv.ErrClosed
	ErrTxnDone    = kv.ErrTxnDone
	ErrDeadlock   = kv.ErrDeadlock
	ErrNoSpace    = kv.ErrNoSpace
	ErrLocked     = kv.ErrLocked
)

// DB is an open key-value database. Its methods may be called from any
// goroutine. Keys have 1 to 16384 bytes, values less than 1 GiB.
type DB struct {
	store *Store
}

// Open opens the database directory path, making it if it is not there.
func Open(path string) (*DB, error) {
	if path == "" {
		return nil, ErrInvalidArg
	}
	s, err := OpenStore(path, Options{})
	if err != nil {
		return nil, err
	}
	return &DB{store: s}, nil
}

// Close closes the database; transactions still open are rolled back.
func (d *DB) Close() error { return d.store.Close() }

// Put stores a pair. It is durable when Put returns. Of two writers at the
// same time the later one stays.
func (d *DB) Put(key, value []byte) error {
	return d.once(key, func(t kv.Txn) error { return t.Put(1, key, value) })
}

// Delete removes a key, whether it is there or not. It is durable when Delete
// returns.
func (d *DB) Delete(key []byte) error {
	return d.once(key, func(t kv.Txn) error { return t.Delete(1, key) })
}

func (d *DB) once(key []byte, write func(kv.Txn) error) error {
	ctx := context.Background()
	t, err := d.store.Begin(kv.TxnOptions{})
	if err != nil {
		return err
	}
	defer t.Rollback()
	if _, err := t.LockRow(ctx, 1, key, kv.Update, kv.LockOptions{}); err != nil {
		return err
	}
	if err := write(t); err != nil {
		return err
	}
	_, err = t.Commit(ctx, kv.CommitOptions{Sync: true})
	return err
}

// Get returns the newest value of key, or ErrNotFound.
func (d *DB) Get(key []byte) ([]byte, error) {
	t, err := d.store.Begin(kv.TxnOptions{})
	if err != nil {
		return nil, err
	}
	defer t.Rollback()
	return get(t, kv.View{TS: kv.Newest}, key)
}

func get(t kv.Txn, v kv.View, key []byte) ([]byte, error) {
	value, version, err := t.Get(v, key, nil)
	if err != nil {
		return nil, err
	}
	if !version.Found() {
		return nil, ErrNotFound
	}
	return value, nil
}

// Scan yields the pairs with start <= key < end in key order, as they are when
// the loop begins; an empty end means the last key. The error, if there is
// one, comes last, with an empty pair. Key and value are valid until the next
// step.
func (d *DB) Scan(start, end []byte) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		t, err := d.store.Begin(kv.TxnOptions{})
		if err != nil {
			yield(Pair{}, err)
			return
		}
		defer t.Rollback()
		scan(t, kv.View{TS: kv.Newest}, start, end, yield)
	}
}

// Pair is one row of a scan.
type Pair struct{ Key, Value []byte }

func scan(t kv.Txn, v kv.View, start, end []byte, yield func(Pair, error) bool) {
	s, err := t.NewScan(v, kv.ScanSpec{Start: start, End: end})
	if err != nil {
		yield(Pair{}, err)
		return
	}
	defer s.Close()
	var rows kv.Rows
	for more := true; more; {
		if more, err = s.Next(&rows, kv.MaxScanRows); err != nil {
			yield(Pair{}, err)
			return
		}
		for i := range rows.Ents {
			if !yield(Pair{rows.Key(i), rows.Value(i)}, nil) {
				return
			}
		}
	}
}

// Txn is a transaction on one snapshot. Use it from one goroutine at a time.
type Txn struct {
	txn  kv.Txn
	snap kv.Snapshot
	op   kv.OpNum
}

// Begin starts a transaction. It sees the database as it is now and its own
// writes; a write of a key that somebody else has written since is
// ErrConflict. End it with Commit or Rollback.
func (d *DB) Begin() (*Txn, error) {
	t, err := d.store.Begin(kv.TxnOptions{})
	if err != nil {
		return nil, err
	}
	snap, err := d.store.Snapshot()
	if err != nil {
		t.Rollback()
		return nil, err
	}
	return &Txn{txn: t, snap: snap}, nil
}

func (t *Txn) view() kv.View { return kv.View{TS: t.snap.TS(), ReadOp: kv.MaxOp} }

// Get returns the value of key, or ErrNotFound.
func (t *Txn) Get(key []byte) ([]byte, error) { return get(t.txn, t.view(), key) }

// Scan is DB.Scan inside the transaction.
func (t *Txn) Scan(start, end []byte) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) { scan(t.txn, t.view(), start, end, yield) }
}

// Put writes a pair. It waits for other transactions that have written the
// key (ErrDeadlock when they wait for this one).
func (t *Txn) Put(key, value []byte) error {
	return t.write(key, func(op kv.OpNum) error { return t.txn.Put(op, key, value) })
}

// Delete removes a key, as Put otherwise.
func (t *Txn) Delete(key []byte) error {
	return t.write(key, func(op kv.OpNum) error { return t.txn.Delete(op, key) })
}

func (t *Txn) write(key []byte, write func(kv.OpNum) error) error {
	if t.op >= kv.MaxOp-1 {
		return ErrInvalidArg
	}
	t.op++
	_, version, _, err := t.txn.LockRowGet(context.Background(), t.op, key, kv.Update, kv.LockOptions{}, nil)
	if err != nil {
		return err
	}
	if !version.Own && version.TS > t.snap.TS() {
		return ErrConflict
	}
	return write(t.op)
}

// Commit makes the writes durable and visible at once.
func (t *Txn) Commit() error {
	t.snap.Release()
	_, err := t.txn.Commit(context.Background(), kv.CommitOptions{Sync: true})
	return err
}

// Rollback forgets the writes. After Commit or Rollback it does nothing.
func (t *Txn) Rollback() {
	t.snap.Release()
	t.txn.Rollback()
}
