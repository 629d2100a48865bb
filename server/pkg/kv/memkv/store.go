// Package memkv is the model of the storage seam: kv.Store in plain Go, in
// memory, one mutex, correct before fast. Tests run the server on it, and
// kv/kvtest compares the real engine with it. Nothing survives Close.
package memkv

import (
	"context"
	"sort"
	"strings"
	"sync"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// Store is an in-memory kv.Store.
type Store struct {
	mu        sync.Mutex
	closed    bool
	now       kv.Timestamp // timestamp of the newest commit
	keys      []*entry     // sorted by key
	snapshots map[*snapshot]struct{}
	counters  map[string]uint64
	locks     map[string]*lock
	txns      map[*txn]struct{}
	exclusive int // transactions that asked for an AccessExclusive lock on a relation

	serials     []*serial     // unfinished serializable transactions, and ended ones they may collide with
	seq         uint64        // orders their snapshots and ends
	serialEnded chan struct{} // closed and made anew when one ends
}

type entry struct {
	key      string
	versions []version // oldest first
}

type version struct {
	ts    kv.Timestamp
	kind  kv.VersionKind
	value []byte
}

// New returns an empty store.
func New() *Store {
	return &Store{
		snapshots: map[*snapshot]struct{}{},
		counters:  map[string]uint64{},
		locks:     map[string]*lock{},
		txns:      map[*txn]struct{}{},

		serialEnded: make(chan struct{}),
	}
}

type snapshot struct {
	store *Store
	ts    kv.Timestamp
}

func (s *snapshot) TS() kv.Timestamp { return s.ts }

func (s *snapshot) Release() {
	s.store.mu.Lock()
	delete(s.store.snapshots, s)
	s.store.mu.Unlock()
}

// Snapshot implements kv.Store.
func (s *Store) Snapshot() (kv.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, kv.ErrClosed
	}
	snap := &snapshot{store: s, ts: s.now}
	s.snapshots[snap] = struct{}{}
	return snap, nil
}

// SnapshotAt implements kv.Store.
func (s *Store) SnapshotAt(ts kv.Timestamp) (kv.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, kv.ErrClosed
	}
	for other := range s.snapshots {
		if other.ts == ts {
			snap := &snapshot{store: s, ts: ts}
			s.snapshots[snap] = struct{}{}
			return snap, nil
		}
	}
	return nil, kv.ErrInvalidArg
}

// Begin implements kv.Store.
func (s *Store) Begin(opts kv.TxnOptions) (kv.Txn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, kv.ErrClosed
	}
	t := &txn{store: s, owner: opts.Owner, writes: map[string][]write{}}
	s.txns[t] = struct{}{}
	return t, nil
}

// Reserve implements kv.Store.
func (s *Store) Reserve(_ context.Context, name string, n uint64) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, kv.ErrClosed
	}
	if name == "" || n == 0 {
		return 0, kv.ErrInvalidArg
	}
	first := s.counters[name] + 1
	s.counters[name] += n
	return first, nil
}

// ApproximateBytes implements kv.Store; here the figure is exact.
func (s *Store) ApproximateBytes(start, end []byte) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, kv.ErrClosed
	}
	var n int64
	for i := s.lowerBound(string(start)); i < len(s.keys) && inRange(s.keys[i].key, start, end); i++ {
		n += int64(len(s.keys[i].key))
		for _, v := range s.keys[i].versions {
			n += int64(len(v.value))
		}
	}
	return n, nil
}

// Stats implements kv.Store.
func (s *Store) Stats() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return map[string]int64{
		"keys":         int64(len(s.keys)),
		"snapshots":    int64(len(s.snapshots)),
		"transactions": int64(len(s.txns)),
		"locks":        int64(len(s.locks)),
	}
}

// Close implements kv.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return kv.ErrClosed
	}
	s.closed = true
	open := make([]*txn, 0, len(s.txns))
	for t := range s.txns {
		open = append(open, t)
	}
	s.mu.Unlock()
	for _, t := range open {
		t.Rollback()
	}
	return nil
}

// lowerBound returns the index of the first key at or above key.
func (s *Store) lowerBound(key string) int {
	return sort.Search(len(s.keys), func(i int) bool { return s.keys[i].key >= key })
}

func (s *Store) find(key string) *entry {
	if i := s.lowerBound(key); i < len(s.keys) && s.keys[i].key == key {
		return s.keys[i]
	}
	return nil
}

// visible returns the newest version of e at or before ts; kind None if none.
func (e *entry) visible(ts kv.Timestamp) version {
	if e != nil {
		for i := len(e.versions) - 1; i >= 0; i-- {
			if e.versions[i].ts <= ts {
				return e.versions[i]
			}
		}
	}
	return version{}
}

// apply adds a committed version and forgets versions no snapshot can see.
func (s *Store) apply(key string, v version) {
	i := s.lowerBound(key)
	if i == len(s.keys) || s.keys[i].key != key {
		s.keys = append(s.keys, nil)
		copy(s.keys[i+1:], s.keys[i:])
		s.keys[i] = &entry{key: strings.Clone(key)}
	}
	e := s.keys[i]
	e.versions = append(e.versions, v)
	oldest := s.now
	for snap := range s.snapshots {
		oldest = min(oldest, snap.ts)
	}
	for _, r := range s.serials {
		if r.ended == 0 {
			oldest = min(oldest, r.ts)
		}
	}
	keep := len(e.versions) - 1
	for keep > 0 && e.versions[keep].ts > oldest {
		keep--
	}
	e.versions = append([]version(nil), e.versions[keep:]...)
}

func inRange(key string, start, end []byte) bool {
	return key >= string(start) && (len(end) == 0 || key < string(end))
}
