package memkv

import (
	"context"
	"slices"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// serial is what the model knows of a serializable transaction: what it read
// and, from the transaction, what it wrote. Edges are not kept but found anew
// whenever somebody commits, among all that are left. It fails pivots that
// commit after the transaction behind them, and readers of such a pivot: more
// often than needed, but never too seldom.
type serial struct {
	txn      *txn
	ts       kv.Timestamp
	readOnly bool
	begun    uint64 // orders snapshots and ends
	ended    uint64 // 0: not yet
	prepared bool
	adopted  bool // what it read is not known: it may be everything
	safe     bool // cannot fail any more
	waiting  bool // in WaitSafe
	reads    []keyRange
	writes   map[string]struct{} // kept at the end, the transaction's own go
	drops    []keyRange
}

// TS implements kv.Serial.
func (r *serial) TS() kv.Timestamp { return r.ts }

// Serialize implements kv.Txn.
func (t *txn) Serialize(readOnly bool, like kv.Serial) (kv.Serial, error) {
	if err := t.begin(); err != nil {
		return nil, err
	}
	s := t.store
	defer s.mu.Unlock()
	if len(t.writes) > 0 || len(t.drops) > 0 || t.serial != nil && len(t.serial.reads) > 0 {
		return nil, kv.ErrInvalidArg
	}
	s.seq++
	r := &serial{txn: t, ts: s.now, begun: s.seq, readOnly: readOnly}
	if like != nil {
		other, ok := like.(*serial)
		if !ok || other.txn.store != s || other.ended != 0 || !slices.Contains(s.serials, other) {
			return nil, kv.ErrInvalidArg
		}
		r.ts, r.begun = other.ts, other.begun
	}
	s.forgetSerial(t.serial)
	t.serial = r
	s.serials = append(s.serials, r)
	return r, nil
}

// noteRead keeps what a read at the serializable snapshot looked at.
func (t *txn) noteRead(v kv.View, r keyRange) {
	if t.serial != nil && !t.serial.safe && v.TS == t.serial.ts {
		t.serial.reads = append(t.serial.reads, r)
	}
}

func (t *txn) noteReadKey(v kv.View, key []byte) {
	if t.serial != nil {
		t.noteRead(v, keyRange{start: slices.Clone(key), end: append(slices.Clone(key), 0)})
	}
}

// Check implements kv.Txn: the model judges when a transaction commits.
func (t *txn) Check() error { return nil }

func (r *serial) finished() bool { return r.ended != 0 || r.prepared }

// misses tells whether r read something that w writes and r does not see.
func (r *serial) misses(w *serial) bool {
	if r == w || r.safe || w.readOnly {
		return false
	}
	if w.ended != 0 && w.ended < r.begun || r.ended != 0 && r.ended < w.begun {
		return false // one saw all of the other
	}
	if r.adopted {
		return len(w.writes)+len(w.txn.writes)+len(w.drops)+len(w.txn.drops) > 0
	}
	for _, read := range r.reads {
		for k := range w.writes {
			if inRange(k, read.start, read.end) {
				return true
			}
		}
		for k := range w.txn.writes {
			if inRange(k, read.start, read.end) {
				return true
			}
		}
		for _, d := range append(slices.Clone(w.drops), w.txn.drops...) {
			if inRange(max(string(read.start), string(d.start)), d.start, d.end) && inRange(max(string(read.start), string(d.start)), read.start, read.end) {
				return true
			}
		}
	}
	return false
}

// judge tells whether t may commit or be prepared. The store is locked.
func (t *txn) judge() error {
	me := t.serial
	if me == nil || me.safe || me.prepared {
		return nil
	}
	var in, out, farther, nearer bool
	for _, other := range t.store.serials {
		in = in || other.misses(me)
		if !me.misses(other) {
			if other.prepared && other.ended == 0 && other.misses(me) {
				// It is too late for it to fail: I must, if it is a pivot.
				nearer = nearer || t.store.hasIn(other)
			}
			continue
		}
		out = out || other.finished()
		if other.finished() {
			farther = farther || t.store.hasOutBefore(other)
		}
	}
	if in && out || farther || nearer {
		return kv.ErrSerialization
	}
	return nil
}

func (s *Store) hasIn(pivot *serial) bool {
	return slices.ContainsFunc(s.serials, func(r *serial) bool { return r.misses(pivot) })
}

// hasOutBefore tells whether pivot missed a write of somebody who was done
// before it.
func (s *Store) hasOutBefore(pivot *serial) bool {
	return pivot.adopted || slices.ContainsFunc(s.serials, func(w *serial) bool {
		return w.finished() && pivot.misses(w) && (w.ended == 0 || pivot.ended == 0 || w.ended < pivot.ended)
	})
}

// endSerial keeps what others may still have to be compared with.
func (t *txn) endSerial(committed bool) {
	s, r := t.store, t.serial
	if r == nil {
		return
	}
	if !committed || r.safe {
		s.forgetSerial(r)
	} else {
		s.seq++
		r.ended = s.seq
		r.writes = map[string]struct{}{}
		for k := range t.writes {
			r.writes[k] = struct{}{}
		}
		r.drops = t.drops
	}
	// Kept are the contemporaries of all that are unfinished, and theirs.
	oldest := ^uint64(0)
	for _, other := range s.serials {
		if other.ended == 0 {
			oldest = min(oldest, other.begun)
		}
	}
	farther := oldest
	for _, other := range s.serials {
		if other.ended > oldest {
			farther = min(farther, other.begun)
		}
	}
	s.serials = slices.DeleteFunc(s.serials, func(other *serial) bool { return other.ended != 0 && other.ended < farther })
	close(s.serialEnded)
	s.serialEnded = make(chan struct{})
}

func (s *Store) forgetSerial(r *serial) {
	s.serials = slices.DeleteFunc(s.serials, func(other *serial) bool { return other == r })
}

// writers lists the unfinished transactions that can still spoil r's snapshot.
func (r *serial) writers() (list []*serial) {
	for _, other := range r.txn.store.serials {
		if other != r && other.ended == 0 && !other.readOnly && other.begun < r.begun {
			list = append(list, other)
		}
	}
	return list
}

// WaitSafe implements kv.Serial.
func (r *serial) WaitSafe(ctx context.Context, onWait func()) error {
	if err := r.txn.begin(); err != nil {
		return err
	}
	s := r.txn.store
	defer s.mu.Unlock()
	if !r.readOnly {
		return kv.ErrInvalidArg
	}
	spoilers := r.writers()
	for first := true; len(r.writers()) > 0; first = false {
		r.waiting = true
		ended := s.serialEnded
		s.mu.Unlock()
		if first && onWait != nil {
			onWait()
		}
		select {
		case <-ended:
		case <-ctx.Done():
		}
		s.mu.Lock()
		r.waiting = false
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if s.closed || r.txn.done {
			return kv.ErrClosed
		}
	}
	for _, w := range spoilers {
		for _, out := range s.serials {
			if w.ended != 0 && out.ended != 0 && out.ended < r.begun && w.misses(out) {
				return kv.ErrSerialization
			}
		}
	}
	r.safe, r.reads = true, nil
	return nil
}

// SafeBlockedBy implements kv.Store.
func (s *Store) SafeBlockedBy(owner uint64) (owners []uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.serials {
		if r.txn.owner != owner || !r.waiting {
			continue
		}
		for _, w := range r.writers() {
			owners = append(owners, w.txn.owner)
		}
	}
	return owners
}
