package memkv

import (
	"sort"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// scanner finds its place again by key at every call, so writes between two
// calls cannot confuse it.
type scanner struct {
	txn    *txn
	view   kv.View
	spec   kv.ScanSpec
	last   string // the last key looked at
	begun  bool
	closed bool
}

// NewScan implements kv.Txn.
func (t *txn) NewScan(v kv.View, spec kv.ScanSpec) (kv.Scanner, error) {
	if err := t.begin(); err != nil {
		return nil, err
	}
	defer t.store.mu.Unlock()
	spec.Start = append([]byte(nil), spec.Start...)
	spec.End = append([]byte(nil), spec.End...)
	t.noteRead(v, keyRange{start: spec.Start, end: spec.End})
	return &scanner{txn: t, view: v, spec: spec}, nil
}

// Next implements kv.Scanner.
func (sc *scanner) Next(out *kv.Rows, maxRows int) (bool, error) {
	out.Reset()
	if sc.closed {
		return false, kv.ErrInvalidArg
	}
	if err := sc.txn.begin(); err != nil {
		return false, err
	}
	defer sc.txn.store.mu.Unlock()
	maxRows = min(maxRows, kv.MaxScanRows)
	for out.Len() < maxRows && len(out.Buf) < kv.MaxScanBytes {
		key, ok := sc.nextKey()
		if !ok {
			return false, nil
		}
		sc.last, sc.begun = key, true
		val, ver := sc.txn.read(sc.view, key)
		if !ver.Found() {
			continue
		}
		if sc.spec.KeysOnly {
			val = nil
		}
		out.Append([]byte(key), val, ver)
	}
	return true, nil
}

// nextKey returns the key after last among committed and own keys.
func (sc *scanner) nextKey() (string, bool) {
	s, own := sc.txn.store, sc.txn.order
	committedKey := func(i int) string { return s.keys[i].key }
	ownKey := func(i int) string { return own[i] }
	a, okA := sc.step(len(s.keys), committedKey)
	b, okB := sc.step(len(own), ownKey)
	switch {
	case !okA:
		return b, okB
	case !okB:
		return a, okA
	case sc.spec.Reverse:
		return max(a, b), true
	}
	return min(a, b), true
}

// step returns the next key in one sorted list of n keys.
func (sc *scanner) step(n int, key func(int) string) (string, bool) {
	var i int
	if sc.spec.Reverse {
		bound, inclusive := string(sc.spec.End), false
		if sc.begun {
			bound = sc.last
		} else if bound == "" {
			inclusive = true
		}
		i = n - 1
		if !inclusive {
			i = sort.Search(n, func(i int) bool { return key(i) >= bound }) - 1
		}
	} else {
		bound := string(sc.spec.Start)
		i = sort.Search(n, func(i int) bool {
			if sc.begun {
				return key(i) > sc.last
			}
			return key(i) >= bound
		})
	}
	if i < 0 || i >= n || !inRange(key(i), sc.spec.Start, sc.spec.End) {
		return "", false
	}
	return key(i), true
}

// Close implements kv.Scanner.
func (sc *scanner) Close() { sc.closed = true }
