package exec

import (
	"context"
	"fmt"
	"sync"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// rowIDBlock is how many row ids are taken from the store at a time.
const rowIDBlock = 4096

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
}

// NewRowIDs returns an empty dispenser.
func NewRowIDs() *RowIDs { return &RowIDs{tables: map[tableID]*idBlock{}} }

// Next returns a fresh row id of the table stored under storage.
func (x *RowIDs) Next(ctx context.Context, store kv.Store, database, storage uint32) (uint64, error) {
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
		first, err := store.Reserve(ctx, fmt.Sprintf("rowid/%d/%d", database, storage), rowIDBlock)
		if err != nil {
			return 0, err
		}
		b.next, b.end = first, first+rowIDBlock
	}
	id := b.next
	b.next++
	return id, nil
}
