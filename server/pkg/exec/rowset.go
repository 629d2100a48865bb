package exec

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// rowSet is a hash table of rows under SQL's "not distinct": NULLs are equal
// to each other. Each row has a number, in order of first appearance.
type rowSet struct {
	types   []*types.Type
	arena   *data.Arena
	account *data.Account
	slab    []data.Datum
	hashes  []uint64
	heads   []int32 // by hash: number of the first row + 1
	chain   []int32 // next row of the same bucket + 1
	charged int64
}

func newRowSet(r *Run, ts []*types.Type) *rowSet {
	return &rowSet{types: ts, arena: data.NewArena(r.st.Account), account: r.st.Account}
}

func hashRow(ts []*types.Type, row []data.Datum) uint64 {
	h := uint64(len(ts)) * 0x9e3779b97f4a7c15
	for i, t := range ts {
		v := uint64(0x2545f4914f6cdd1d)
		if !row[i].IsNull() {
			v = t.Hash(row[i])
		}
		h = (h ^ v) * 0xff51afd7ed558ccd
		h ^= h >> 32
	}
	return h
}

func equalRows(ts []*types.Type, a, b []data.Datum) bool {
	for i, t := range ts {
		if a[i].IsNull() != b[i].IsNull() || !a[i].IsNull() && !t.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// rows is the number of different rows.
func (s *rowSet) rows() int { return len(s.hashes) }

// row returns row n.
func (s *rowSet) row(n int) []data.Datum {
	w := len(s.types)
	return s.slab[n*w : (n+1)*w : (n+1)*w]
}

// find returns the number of the row equal to row, -1 if there is none.
func (s *rowSet) find(row []data.Datum) int { return s.lookup(row, hashRow(s.types, row)) }

func (s *rowSet) lookup(row []data.Datum, h uint64) int {
	if len(s.heads) == 0 {
		return -1
	}
	for n := s.heads[h&uint64(len(s.heads)-1)] - 1; n >= 0; n = s.chain[n] - 1 {
		if s.hashes[n] == h && equalRows(s.types, s.row(int(n)), row) {
			return int(n)
		}
	}
	return -1
}

// add puts a copy of row in unless an equal one is there; it returns the row's
// number and whether it is new.
func (s *rowSet) add(row []data.Datum) (n int, fresh bool, err error) {
	h := hashRow(s.types, row)
	if n := s.lookup(row, h); n >= 0 {
		return n, false, nil
	}
	return s.insert(row, h), true, nil
}

// insert puts in a copy of a row with hash h that is not there.
func (s *rowSet) insert(row []data.Datum, h uint64) int {
	if len(s.hashes) >= len(s.heads) {
		s.grow()
	}
	for i := range s.types {
		s.slab = append(s.slab, s.arena.CopyDatum(row[i]))
	}
	n := len(s.hashes)
	s.hashes = append(s.hashes, h)
	b := h & uint64(len(s.heads)-1)
	s.chain = append(s.chain, s.heads[b])
	s.heads[b] = int32(n + 1)
	if now := s.ownBytes(); now > s.charged {
		s.account.Grow(now - s.charged)
		s.charged = now
	}
	return n
}

// grow doubles the buckets.
func (s *rowSet) grow() {
	s.heads = make([]int32, max(64, 2*len(s.heads)))
	mask := uint64(len(s.heads) - 1)
	for n, h := range s.hashes {
		s.chain[n] = s.heads[h&mask]
		s.heads[h&mask] = int32(n + 1)
	}
}

func (s *rowSet) ownBytes() int64 {
	return 24*int64(cap(s.slab)) + 8*int64(cap(s.hashes)) + 4*int64(cap(s.heads)+cap(s.chain))
}

// memBytes is what the rows take; not what is kept for more of them, which would make
// a table that was filled once look full for ever.
func (s *rowSet) memBytes() int64 {
	return s.arena.MemBytes() + 24*int64(len(s.slab)) + 12*int64(len(s.hashes))
}

func (s *rowSet) clear() {
	s.arena.Reset()
	s.slab, s.hashes, s.chain = s.slab[:0], s.hashes[:0], s.chain[:0]
	clear(s.heads)
}

func (s *rowSet) close() {
	s.arena.Free()
	s.account.Shrink(s.charged)
	s.charged = 0
	s.slab, s.hashes, s.chain, s.heads = nil, nil, nil, nil
}
