package exec

import (
	"bytes"

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
	for i, ix := range w.rel.Indexes {
		key, err := w.uniqueKey(ix, row, on)
		if err != nil {
			return nil, err
		}
		if key == nil {
			continue
		}
		var v kv.Version
		if lock {
			v, err = w.lockGet(key)
		} else {
			v, err = w.existing(key, on.Update)
		}
		if err == nil && v.Found() && !v.Own && !ix.RowKey && !on.Update {
			v, err = w.settled(ix, key)
			if err == nil && !v.Found() && lock {
				v, err = w.lockEntry(ix, key)
			}
		}
		if err != nil {
			return nil, w.whileProbing(err, ix, key)
		}
		if !v.Found() {
			continue
		}
		c := &conflict{}
		if ix.RowKey {
			c.rowKey = bytes.Clone(key)
		} else {
			c.index, c.entry = ix, bytes.Clone(key)
			if c.rowKey, err = w.entryRow(ix, key); err != nil {
				return nil, err
			}
		}
		if lock {
			err = w.unlockKeys(row, on, i)
		}
		return c, err
	}
	return nil, nil
}

// whileProbing is inWait for a key that another row may have, which PostgreSQL names. One
// that is not committed cannot be seen: then it is the row that should get the key.
func (w *writer) whileProbing(err error, ix *planner.RelIndex, key []byte) error {
	if !endsWait(err) {
		return err
	}
	id := w.rowID
	if ix.RowKey {
		id = w.guard.rowID(key, id)
	} else if val, v, failed := w.st.Txn.Get(newest, key, nil); failed == nil && v.Found() {
		w.found = val
		if row, failed := w.entryRow(ix, key); failed == nil {
			id = w.guard.rowID(row, id)
		}
	}
	return inWait(err, "inserting index tuple", id, w.rel.Table.Name)
}

// uniqueKey is the key of a row in a unique index that ON CONFLICT looks at, nil where it
// does not or the row has none there. It is w.key or w.entry.
func (w *writer) uniqueKey(ix *planner.RelIndex, row []data.Datum, on *planner.Conflict) ([]byte, error) {
	if !ix.Index.Unique || !on.Any && !hasIndex(on.Keys, ix) {
		return nil, nil
	}
	if ix.RowKey {
		return w.key, nil
	}
	ok, alone, err := w.entryKey(ix, row, w.key)
	if err != nil || !ok || !alone {
		return nil, err
	}
	return w.entry, nil
}

// unlockKeys gives back the keys that collision has locked, up to the index with the
// collision: nothing is written under them.
func (w *writer) unlockKeys(row []data.Datum, on *planner.Conflict, last int) error {
	for _, ix := range w.rel.Indexes[:last+1] {
		key, err := w.uniqueKey(ix, row, on)
		if err != nil {
			return err
		}
		if key == nil {
			continue
		}
		if err := w.guard.unlock(key, kv.Update); err != nil {
			return err
		}
	}
	return nil
}

// existing reads the newest version of a unique key. For one that is to be updated the
// lock on its row will wait for whoever is changing it; else that is waited for here, as
// in PostgreSQL. A serializable transaction's looks are watched: it looks only then.
func (w *writer) existing(key []byte, update bool) (v kv.Version, err error) {
	if !w.st.Watched {
		w.found, v, err = w.st.Txn.Get(newest, key, w.found[:0])
		if err != nil || !v.Found() || v.Own || update {
			return v, err
		}
	}
	w.found, v, err = w.guard.unwritten(w.ctx(), key, w.found[:0])
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
