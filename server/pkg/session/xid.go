package session

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// xids hands out transaction ids in blocks from the store's counter.
type xids struct {
	mu        sync.Mutex
	next, end uint64
	newest    atomic.Uint32 // the last one given out by this process; 0: none yet
}

const (
	xidBlock = 1024
	firstXID = 3 // smaller ones mean something else to PostgreSQL's tools
)

func (x *xids) take(ctx context.Context, store kv.Store) (uint32, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for {
		if x.next == x.end {
			first, err := store.Reserve(ctx, "xid", xidBlock)
			if err != nil {
				return 0, err
			}
			x.next, x.end = first, first+xidBlock
		}
		id := uint32(x.next)
		x.next++
		if id >= firstXID { // the 32 bits wrap around
			x.newest.Store(id)
			return id, nil
		}
	}
}

// XID implements expr.Env.
func (s *Session) XID(assign bool) (uint32, error) {
	if s.tx.xid == 0 && assign {
		s.beginTxn()
		id, err := s.srv.xids.take(context.Background(), s.srv.store)
		if err != nil {
			return 0, storeError(err)
		}
		s.tx.xid = id
		s.activity.xid.Store(id)
	}
	return s.tx.xid, nil
}
