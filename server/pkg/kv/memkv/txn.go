package memkv

import (
	"context"
	"sort"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

type txn struct {
	store  *Store
	owner  uint64
	done   bool
	writes map[string][]write // per key, in order of operation
	order  []string           // keys of writes, sorted
	drops  []keyRange
	held   []grant
	excl   bool    // counted in store.exclusive
	serial *serial // nil: not serializable
}

type write struct {
	op    kv.OpNum
	kind  kv.VersionKind
	value []byte
}

type keyRange struct {
	op         kv.OpNum
	start, end []byte
}

func checkKey(key []byte) error {
	if len(key) == 0 || len(key) > kv.MaxKeyBytes {
		return kv.ErrInvalidArg
	}
	return nil
}

// begin locks the store and checks that the transaction can be used.
func (t *txn) begin() error {
	t.store.mu.Lock()
	if t.done || t.store.closed {
		t.store.mu.Unlock()
		if t.done {
			return kv.ErrTxnDone
		}
		return kv.ErrClosed
	}
	return nil
}

// Get implements kv.Txn.
func (t *txn) Get(v kv.View, key, dst []byte) ([]byte, kv.Version, error) {
	if err := checkKey(key); err != nil {
		return dst, kv.Version{}, err
	}
	if err := t.begin(); err != nil {
		return dst, kv.Version{}, err
	}
	defer t.store.mu.Unlock()
	t.noteReadKey(v, key)
	val, ver := t.read(v, string(key))
	return append(dst, val...), ver, nil
}

// read returns what v sees of key. The store is locked.
func (t *txn) read(v kv.View, key string) ([]byte, kv.Version) {
	dropped := kv.OpNum(0) // 1 + number of the newest visible drop over key
	for _, d := range t.drops {
		if d.op < v.ReadOp && inRange(key, d.start, d.end) {
			dropped = d.op + 1
		}
	}
	ws := t.writes[key]
	for i := len(ws) - 1; i >= 0; i-- {
		if ws[i].op < v.ReadOp || v.ReadOp == kv.MaxOp {
			if ws[i].op+1 < dropped {
				break
			}
			return ws[i].value, kv.Version{Kind: ws[i].kind, Own: true}
		}
	}
	if dropped > 0 {
		return nil, kv.Version{Kind: kv.Deleted, Own: true}
	}
	c := t.store.find(key).visible(v.TS)
	return c.value, kv.Version{Kind: c.kind, TS: c.ts}
}

// MultiGet implements kv.Txn.
func (t *txn) MultiGet(v kv.View, keys [][]byte, out *kv.Rows) error {
	out.Reset()
	for _, k := range keys {
		if err := checkKey(k); err != nil {
			return err
		}
	}
	if err := t.begin(); err != nil {
		return err
	}
	defer t.store.mu.Unlock()
	for _, k := range keys {
		t.noteReadKey(v, k)
		val, ver := t.read(v, string(k))
		out.Append(k, val, ver)
	}
	return nil
}

func (t *txn) write(op kv.OpNum, key []byte, w write) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if len(w.value) > kv.MaxValueBytes {
		return kv.ErrInvalidArg
	}
	if err := t.begin(); err != nil {
		return err
	}
	defer t.store.mu.Unlock()
	w.op = op
	k := string(key)
	if _, ok := t.writes[k]; !ok {
		i := sort.SearchStrings(t.order, k)
		t.order = append(t.order, "")
		copy(t.order[i+1:], t.order[i:])
		t.order[i] = k
	}
	t.writes[k] = append(t.writes[k], w)
	return nil
}

// Put implements kv.Txn.
func (t *txn) Put(op kv.OpNum, key, value []byte) error {
	return t.write(op, key, write{kind: kv.Value, value: append([]byte(nil), value...)})
}

// Delete implements kv.Txn.
func (t *txn) Delete(op kv.OpNum, key []byte) error {
	return t.write(op, key, write{kind: kv.Deleted})
}

// Move implements kv.Txn.
func (t *txn) Move(op kv.OpNum, key, newKey []byte) error {
	if err := checkKey(newKey); err != nil {
		return err
	}
	return t.write(op, key, write{kind: kv.Moved, value: append([]byte(nil), newKey...)})
}

// OwnRange implements kv.Txn; the model has nothing to gain from it.
func (t *txn) OwnRange(_ kv.OpNum, _, _ []byte) error {
	if err := t.begin(); err != nil {
		return err
	}
	t.store.mu.Unlock()
	return nil
}

// DropRange implements kv.Txn.
func (t *txn) DropRange(op kv.OpNum, start, end []byte) error {
	if err := checkKey(start); err != nil {
		return err
	}
	if err := t.begin(); err != nil {
		return err
	}
	defer t.store.mu.Unlock()
	t.drops = append(t.drops, keyRange{op, append([]byte(nil), start...), append([]byte(nil), end...)})
	return nil
}

// RollbackTo implements kv.Txn.
func (t *txn) RollbackTo(op kv.OpNum) error {
	if err := t.begin(); err != nil {
		return err
	}
	defer t.store.mu.Unlock()
	order := t.order[:0]
	for _, k := range t.order {
		ws := t.writes[k]
		for len(ws) > 0 && ws[len(ws)-1].op >= op {
			ws = ws[:len(ws)-1]
		}
		if len(ws) == 0 {
			delete(t.writes, k)
			continue
		}
		t.writes[k] = ws
		order = append(order, k)
	}
	t.order = order
	for len(t.drops) > 0 && t.drops[len(t.drops)-1].op >= op {
		t.drops = t.drops[:len(t.drops)-1]
	}
	t.release(op)
	return nil
}

// Commit implements kv.Txn. The model is as durable as it gets at once.
func (t *txn) Commit(context.Context, kv.CommitOptions) (kv.Timestamp, error) {
	if err := t.begin(); err != nil {
		return 0, err
	}
	defer t.store.mu.Unlock()
	if err := t.judge(); err != nil {
		return 0, err
	}
	var ts kv.Timestamp
	if len(t.writes) > 0 || len(t.drops) > 0 {
		s := t.store
		ts = s.now + 1
		for _, d := range t.drops {
			for i := s.lowerBound(string(d.start)); i < len(s.keys) && inRange(s.keys[i].key, d.start, d.end); i++ {
				if v := s.keys[i].visible(kv.Newest); v.kind != kv.Deleted {
					s.apply(s.keys[i].key, version{ts: ts, kind: kv.Deleted})
				}
			}
		}
		for _, k := range t.order {
			ws := t.writes[k]
			w := ws[len(ws)-1]
			if !t.droppedAfter(k, w.op) {
				s.apply(k, version{ts: ts, kind: w.kind, value: w.value})
			}
		}
		s.now = ts
	}
	t.end(true)
	return ts, nil
}

func (t *txn) droppedAfter(key string, op kv.OpNum) bool {
	for _, d := range t.drops {
		if d.op > op && inRange(key, d.start, d.end) {
			return true
		}
	}
	return false
}

// Rollback implements kv.Txn.
func (t *txn) Rollback() {
	t.store.mu.Lock()
	defer t.store.mu.Unlock()
	if !t.done {
		t.end(false)
	}
}

// end releases everything. The store is locked.
func (t *txn) end(committed bool) {
	t.done = true
	t.endSerial(committed)
	t.writes, t.order, t.drops = nil, nil, nil
	t.release(0)
	if t.excl {
		t.excl = false
		t.store.exclusive--
	}
	delete(t.store.txns, t)
}

// Written implements kv.Txn.
func (t *txn) Written() bool { return len(t.writes) > 0 || len(t.drops) > 0 }
