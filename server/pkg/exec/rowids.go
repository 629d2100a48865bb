package exec

import (
	"context"
	"fmt"
	"sync"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// A table's row ids are taken from the store in blocks, each twice as large as the
// one before: taking one waits for the log. What is left of a block when the server
// ends is never used.
const (
	rowIDBlock    = 4096
	rowIDBlockMax = 1 << 17
)

// RowIDs hands out row ids per table, in blocks from the store's counters. One
// serves all sessions of a server.
type RowIDs struct {
	mu     sync.Mutex
	tables map[tableID]*idBlock
}

type tableID struct{ database, storage uint32 }

type idBlock struct {
	mu        sync.Mutex
	next, end uint64
	block     uint64 // size of the next block, 0 before the first
}

// NewRowIDs returns an empty dispenser.
func NewRowIDs() *RowIDs { return &RowIDs{tables: map[tableID]*idBlock{}} }

// Next returns a fresh row id of the table stored under storage.
func (x *RowIDs) Next(ctx context.Context, store kv.Store, database, storage uint32) (uint64, error) {
	first, _, err := x.Take(ctx, store, database, storage, 1)
	return first, err
}

// Take returns up to n fresh row ids of the table stored under storage: those from
// first to before end, at least one.
func (x *RowIDs) Take(ctx context.Context, store kv.Store, database, storage uint32, n uint64) (first, end uint64, err error) {
	x.mu.Lock()
	b := x.tables[tableID{database, storage}]
	if b == nil {
		b = &idBlock{}
		x.tables[tableID{database, storage}] = b
	}
	x.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == b.end {
		b.block = min(max(2*b.block, rowIDBlock), rowIDBlockMax)
		from, err := store.Reserve(ctx, fmt.Sprintf("rowid/%d/%d", database, storage), b.block)
		if err != nil {
			return 0, 0, err
		}
		b.next, b.end = from, from+b.block
	}
	first, end = b.next, min(b.next+n, b.end)
	b.next = end
	return first, end, nil
}

// rowIDsMax is how many row ids a statement takes at a time.
const rowIDsMax = 512

// idSource gives the rows of one statement their ids, which it takes in ever larger
// pieces: a statement of one row leaves none unused.
type idSource struct {
	next, end uint64
	piece     uint64
}

func (s *idSource) id(ctx context.Context, st *State, database, storage uint32) (uint64, error) {
	if s.next == s.end {
		s.piece = min(max(2*s.piece, 1), rowIDsMax)
		var err error
		if s.next, s.end, err = st.RowIDs.Take(ctx, st.Store, database, storage, s.piece); err != nil {
			*s = idSource{}
			return 0, err
		}
	}
	s.next++
	return s.next - 1, nil
}
