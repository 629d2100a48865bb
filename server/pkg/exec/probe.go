package exec

import (
	"bytes"
	"errors"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
)

// conflict is an existing row that an insert collides with.
type conflict struct {
	index  *planner.RelIndex // nil: the row key
	entry  []byte            // the index entry that led to it
	rowKey []byte            // the existing row's key in the store
}

// probe looks for a row that an INSERT ... ON CONFLICT collides with. A row that is
// there stays unlocked, as in PostgreSQL: DO NOTHING does not want it, and who locked an
// entry before the row could wait for one who deletes the row and then its entry. Only
// where nothing is found are the keys locked, and looked at again. A serializable
// transaction's looks are watched, so it locks at once.
func (w *writer) probe(row []data.Datum, on *planner.Conflict) (*conflict, error) {
	if !w.st.Watched {
		if c, err := w.collision(row, on, false); c != nil || err != nil {
			return c, err
		}
	}
	return w.collision(row, on, true)
}

func (w *writer) collision(row []data.Datum, on *planner.Conflict, lock bool) (*conflict, error) {
	for _, ix := range w.rel.Indexes {
		if !ix.Index.Unique || !on.Any && !hasIndex(on.Keys, ix) {
			continue
		}
		key := w.key
		if !ix.RowKey {
			ok, alone, err := w.entryKey(ix, row, w.key)
			if err != nil {
				return nil, err
			}
			if !ok || !alone {
				continue
			}
			key = w.entry
		}
		var v kv.Version
		var err error
		if lock {
			v, err = w.lockGet(key)
		} else {
			v, err = w.existing(key, on.Update)
		}
		if err != nil {
			return nil, err
		}
		if !v.Found() {
			continue
		}
		if ix.RowKey {
			return &conflict{rowKey: bytes.Clone(key)}, nil
		}
		rk, err := ix.Codec.EntryRowKey(key, w.found)
		if err != nil {
			return nil, err
		}
		full := rowcodec.AppendPrefix(nil, w.rel.Table.Database, w.rel.Table.StorageID)
		return &conflict{index: ix, entry: bytes.Clone(key), rowKey: append(full, rk...)}, nil
	}
	return nil, nil
}

// existing reads the newest version of a unique key. For one that is to be updated the
// lock on its row will wait for whoever is changing it; else that is waited for here, as
// in PostgreSQL. It also waits for those who hold the row FOR UPDATE without changing it:
// the store does not tell them apart.
func (w *writer) existing(key []byte, update bool) (v kv.Version, err error) {
	w.found, v, err = w.st.Txn.Get(newest, key, w.found[:0])
	if err != nil || !v.Found() || v.Own || update || w.guard.alone {
		return v, err
	}
	x, err := w.st.Store.Begin(kv.TxnOptions{})
	if err != nil {
		return v, err
	}
	w.found, v, _, err = x.LockRowGet(w.ctx(), 1, key, kv.Share, kv.LockOptions{Policy: kv.NoWait}, w.found[:0])
	x.Rollback() // the lock has told that nobody is changing it
	if errors.Is(err, kv.ErrLockNotAvailable) || errors.Is(err, kv.ErrTooManyLocks) {
		w.found, v, err = w.guard.lockGet(w.ctx(), key, kv.Share, w.st.Lock, w.found[:0])
	}
	return v, err
}

// collides tells whether the row at key, locked by now, is still the one of c.
func (w *writer) collides(c *conflict, key []byte) (bool, error) {
	if !bytes.Equal(key, c.rowKey) || c.index == nil {
		return bytes.Equal(key, c.rowKey), nil
	}
	var v kv.Version
	var err error
	if w.found, v, err = w.st.Txn.Get(newest, c.entry, w.found[:0]); err != nil || !v.Found() {
		return false, err
	}
	rk, err := c.index.Codec.EntryRowKey(c.entry, w.found)
	return bytes.Equal(rk, key[rowcodec.PrefixLen:]), err
}

func hasIndex(list []*planner.RelIndex, ix *planner.RelIndex) bool {
	for _, x := range list {
		if x == ix || x != nil && x.Index.OID == ix.Index.OID {
			return true
		}
	}
	return false
}
