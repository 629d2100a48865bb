package exec

import (
	"bytes"
	"context"
	"errors"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
)

// writer writes rows of one table: constraints, the row itself, index entries.
// Whoever calls it holds the lock of an existing row.
type writer struct {
	st    *State
	rel   *planner.Rel
	c     *expr.Ctx
	guard guard
	xid   uint32
	ids   idSource
	rowID uint64 // of the row that is written

	key, val     []byte // the row's key and bytes
	entry, found []byte // an index entry's key, and what a look-up found
	old          []byte
	vals         []data.Datum
}

func newWriter(st *State, c *expr.Ctx, rel *planner.Rel) *writer {
	w := &writer{st: st, rel: rel, c: c}
	w.restart(st)
	return w
}

func (w *writer) restart(st *State) {
	w.st, w.xid, w.ids = st, 0, idSource{}
	w.guard.restart(st, w.rel)
}

func (w *writer) ctx() context.Context { return w.c.Context }

// header is the header of a row written now.
func (w *writer) header(rowID uint64) (rowcodec.Header, error) {
	if w.xid == 0 && w.st.Env != nil {
		var err error
		if w.xid, err = w.st.Env.XID(true); err != nil {
			return rowcodec.Header{}, err
		}
	}
	return rowcodec.Header{XID: w.xid, RowID: rowID}, nil
}

// lockGet locks a unique key for writing and reads its newest version; one that is
// certainly not there may go unlocked. Where a row has the key and is only locked by
// others there is nothing to wait for, as in PostgreSQL: the key is not free.
func (w *writer) lockGet(key []byte) (v kv.Version, err error) {
	w.found, v, err = w.guard.tryFree(w.ctx(), key, w.found[:0])
	if !errors.Is(err, kv.ErrLockNotAvailable) {
		return v, err
	}
	if v, err = w.existing(key, false); err != nil || v.Found() {
		return v, err
	}
	w.found, v, err = w.guard.lockGet(w.ctx(), key, kv.Update, w.st.Lock, w.found[:0])
	return v, err
}

// lockEntry is lockGet of an entry of a unique index. Where a row has it, whoever is
// changing that row is waited for: the row may be about to go.
func (w *writer) lockEntry(ix *planner.RelIndex, entry []byte) (v kv.Version, err error) {
	for {
		v, err = w.lockGet(entry)
		if err != nil || !v.Found() || v.Own || w.guard.alone {
			return v, err
		}
		if v, err = w.settled(ix, entry); err != nil || v.Found() {
			return v, err
		}
	}
}

// settled waits for whoever is changing the row that an entry found in w.found leads to,
// and reads the entry again.
func (w *writer) settled(ix *planner.RelIndex, entry []byte) (v kv.Version, err error) {
	key, err := w.entryRow(ix, entry)
	if err != nil {
		return v, err
	}
	if w.old, _, err = w.guard.unwritten(w.ctx(), key, w.old[:0]); err != nil {
		return v, err
	}
	w.found, v, err = w.st.Txn.Get(newest, entry, w.found[:0])
	return v, err
}

// entryRow is the store's key of the row that an entry found in w.found leads to.
func (w *writer) entryRow(ix *planner.RelIndex, entry []byte) ([]byte, error) {
	rk, err := ix.Codec.EntryRowKey(entry, w.found)
	if err != nil {
		return nil, err
	}
	return append(rowcodec.AppendPrefix(nil, w.rel.Table.Database, w.rel.Table.StorageID), rk...), nil
}

// insert writes a new row. With a Conflict clause that covers the collision it
// writes nothing and returns what it collided with; otherwise that is 23505.
func (w *writer) insert(row []data.Datum, on *planner.Conflict) (*conflict, error) {
	if err := w.check(row); err != nil {
		return nil, err
	}
	t := w.rel.Table
	id, err := w.ids.id(w.ctx(), w.st, t.Database, t.StorageID)
	if err != nil {
		return nil, err
	}
	w.rowID = id
	w.key = w.rel.AppendRowKey(w.key[:0], row, id)
	if on != nil {
		if c, err := w.probe(row, on); c != nil || err != nil {
			return c, err
		}
	}
	h, err := w.header(id) // before any wait: who waits for a unique key has an id
	if err != nil {
		return nil, err
	}
	// A key made of a fresh row id needs no lock: nobody else can name it before the commit.
	if len(w.rel.KeyCols) > 0 {
		v, err := w.lockGet(w.key)
		if err != nil {
			return nil, w.whileInserting(err, w.rowKeyIndex().Index.Name)
		}
		if v.Found() {
			return nil, w.duplicate(w.rowKeyIndex(), row, w.key)
		}
	}
	w.val = rowcodec.EncodeRow(w.val[:0], w.rel.Desc, h, row)
	w.guard.ascent.noteWrite(w.st)
	if err := w.st.Txn.Put(w.st.WriteOp, w.key, w.val); err != nil {
		return nil, err
	}
	for _, ix := range w.rel.Indexes {
		if err := w.addEntry(ix, row, w.key); err != nil {
			return nil, err
		}
	}
	return nil, w.refers(nil, row)
}

func (w *writer) rowKeyIndex() *planner.RelIndex {
	for _, ix := range w.rel.Indexes {
		if ix.RowKey {
			return ix
		}
	}
	return nil
}

// entryKey computes the key of a row's entry into w.entry; ok is false when a
// partial index leaves the row out, or the index has no entries.
func (w *writer) entryKey(ix *planner.RelIndex, row []data.Datum, key []byte) (ok, alone bool, err error) {
	if ix.RowKey || !ix.Index.Ready {
		return false, false, nil
	}
	if ix.Predicate != nil {
		if in, err := ix.Predicate.True(w.c, row); err != nil || !in {
			return false, false, err
		}
	}
	w.vals = w.vals[:0]
	for i, col := range ix.Cols {
		if col >= 0 {
			w.vals = append(w.vals, row[col])
			continue
		}
		d, err := ix.Exprs[i].Eval(w.c, row)
		if err != nil {
			return false, false, err
		}
		w.vals = append(w.vals, d)
	}
	w.entry, alone = ix.Codec.AppendEntryKey(w.entry[:0], w.vals, key[rowcodec.PrefixLen:])
	return true, alone, nil
}

// addEntry writes the index entry of a new row.
func (w *writer) addEntry(ix *planner.RelIndex, row []data.Datum, key []byte) error {
	ok, alone, err := w.entryKey(ix, row, key)
	if err != nil || !ok {
		return err
	}
	if alone {
		v, err := w.lockEntry(ix, w.entry)
		if err != nil {
			return w.whileInserting(err, ix.Index.Name)
		}
		if v.Found() {
			return w.duplicate(ix, row, w.entry)
		}
	}
	w.found = ix.Codec.AppendEntryValue(w.found[:0], key[rowcodec.PrefixLen:], alone)
	return w.st.Txn.Put(w.st.WriteOp, w.entry, w.found)
}

// dropEntry deletes the entry of an old row. The entry of a unique value is locked:
// others who want the value wait for this transaction.
func (w *writer) dropEntry(entry []byte, alone bool) error {
	if alone {
		if err := w.guard.lock(w.ctx(), entry); err != nil {
			return err
		}
	}
	return w.st.Txn.Delete(w.st.WriteOp, entry)
}

// update replaces the row at key. changed tells which columns may differ.
func (w *writer) update(key []byte, oldRow, newRow []data.Datum, rowID uint64, changed func(col int) bool) error {
	if err := w.check(newRow); err != nil {
		return err
	}
	w.rowID = rowID
	moved := false
	newKey := key
	for _, c := range w.rel.KeyCols {
		moved = moved || changed(c)
	}
	if moved {
		w.key = w.rel.AppendRowKey(w.key[:0], newRow, rowID)
		if moved = !bytes.Equal(w.key, key); moved {
			newKey = w.key
			v, err := w.lockGet(newKey)
			if err != nil {
				return w.whileInserting(err, w.rowKeyIndex().Index.Name)
			}
			if v.Found() {
				return w.duplicate(w.rowKeyIndex(), newRow, newKey)
			}
		}
	}
	h, err := w.header(rowID)
	if err != nil {
		return err
	}
	w.val = rowcodec.EncodeRow(w.val[:0], w.rel.Desc, h, newRow)
	w.guard.ascent.noteWrite(w.st)
	if moved {
		if err := w.st.Txn.Move(w.st.WriteOp, key, newKey); err != nil {
			return err
		}
	}
	if err := w.st.Txn.Put(w.st.WriteOp, newKey, w.val); err != nil {
		return err
	}
	for _, ix := range w.rel.Indexes {
		if ix.RowKey || !moved && !touches(ix, changed) {
			continue
		}
		if err := w.changeEntry(ix, key, newKey, oldRow, newRow); err != nil {
			return err
		}
	}
	if err := w.refers(oldRow, newRow); err != nil {
		return err
	}
	return w.referenced(oldRow, newRow)
}

// touches tells whether an index may have another entry after the columns changed.
func touches(ix *planner.RelIndex, changed func(col int) bool) bool {
	if ix.Predicate != nil {
		return true
	}
	for _, c := range ix.Cols {
		if c < 0 || changed(c) {
			return true
		}
	}
	return false
}

func (w *writer) changeEntry(ix *planner.RelIndex, oldKey, newKey []byte, oldRow, newRow []data.Datum) error {
	had, oldAlone, err := w.entryKey(ix, oldRow, oldKey)
	if err != nil {
		return err
	}
	w.old = append(w.old[:0], w.entry...)
	has, alone, err := w.entryKey(ix, newRow, newKey)
	if err != nil {
		return err
	}
	if had && has && bytes.Equal(w.old, w.entry) {
		if bytes.Equal(oldKey, newKey) {
			return nil
		}
		w.found = ix.Codec.AppendEntryValue(w.found[:0], newKey[rowcodec.PrefixLen:], alone)
		return w.st.Txn.Put(w.st.WriteOp, w.entry, w.found)
	}
	if had {
		if err := w.dropEntry(w.old, oldAlone); err != nil {
			return err
		}
	}
	if !has {
		return nil
	}
	return w.addEntry(ix, newRow, newKey)
}

// remove deletes the row at key.
func (w *writer) remove(key []byte, row []data.Datum) error {
	if err := w.st.Txn.Delete(w.st.WriteOp, key); err != nil {
		return err
	}
	for _, ix := range w.rel.Indexes {
		ok, alone, err := w.entryKey(ix, row, key)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := w.dropEntry(w.entry, alone); err != nil {
			return err
		}
	}
	return w.referenced(row, nil)
}
