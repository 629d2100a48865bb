package exec

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// joinTable holds the inner rows of a hash join by the hash of their keys.
type joinTable struct {
	r       *Run
	keys    []*types.Type
	cols    int
	arena   *data.Arena
	slab    []data.Datum // per row: the key values, then the row
	hashes  []uint64
	chain   []int32
	heads   []int32
	matched []bool
	charged int64
}

func newJoinTable(r *Run, keys []*types.Type, cols int) *joinTable {
	return &joinTable{r: r, keys: keys, cols: cols, arena: data.NewArena(r.st.Account)}
}

func (t *joinTable) len() int { return len(t.hashes) }

func (t *joinTable) width() int { return len(t.keys) + t.cols }

func (t *joinTable) key(n int) []data.Datum {
	from := n * t.width()
	return t.slab[from : from+len(t.keys) : from+len(t.keys)]
}

func (t *joinTable) row(n int) []data.Datum {
	from := n*t.width() + len(t.keys)
	return t.slab[from : from+t.cols : from+t.cols]
}

// add copies a row in. Rows with a NULL in the key are kept, but in no bucket.
func (t *joinTable) add(key, row []data.Datum, h uint64, null bool) {
	if len(t.hashes) >= len(t.heads) {
		t.grow()
	}
	for _, d := range key {
		t.slab = append(t.slab, t.arena.CopyDatum(d))
	}
	for _, d := range row {
		t.slab = append(t.slab, t.arena.CopyDatum(d))
	}
	n := int32(len(t.hashes))
	t.hashes = append(t.hashes, h)
	t.matched = append(t.matched, false)
	t.chain = append(t.chain, -1)
	if !null {
		b := h & uint64(len(t.heads)-1)
		t.chain[n] = t.heads[b]
		t.heads[b] = n + 1
	}
	if now := t.ownBytes(); now > t.charged {
		t.r.st.Account.Grow(now - t.charged)
		t.charged = now
	}
}

func (t *joinTable) grow() {
	t.heads = make([]int32, max(64, 2*len(t.heads)))
	mask := uint64(len(t.heads) - 1)
	for n, h := range t.hashes {
		if t.chain[n] < 0 {
			continue
		}
		t.chain[n] = t.heads[h&mask]
		t.heads[h&mask] = int32(n + 1)
	}
}

// first and following walk the rows whose keys equal key; -1 is the end.
func (t *joinTable) first(key []data.Datum, h uint64) int {
	if len(t.heads) == 0 {
		return -1
	}
	return t.seek(t.heads[h&uint64(len(t.heads)-1)]-1, key, h)
}

func (t *joinTable) following(n int, key []data.Datum, h uint64) int {
	return t.seek(t.chain[n]-1, key, h)
}

func (t *joinTable) seek(n int32, key []data.Datum, h uint64) int {
	for ; n >= 0; n = t.chain[n] - 1 {
		if t.hashes[n] == h && equalRows(t.keys, t.key(int(n)), key) {
			return int(n)
		}
	}
	return -1
}

func (t *joinTable) ownBytes() int64 {
	return 24*int64(cap(t.slab)) + 8*int64(cap(t.hashes)) + 4*int64(cap(t.chain)+cap(t.heads)) + int64(cap(t.matched))
}

func (t *joinTable) memBytes() int64 { return t.arena.MemBytes() + t.ownBytes() }

func (t *joinTable) clear() {
	t.arena.Free()
	t.r.st.Account.Shrink(t.charged)
	t.charged = 0
	t.slab, t.hashes, t.chain, t.heads, t.matched = nil, nil, nil, nil, nil
}
