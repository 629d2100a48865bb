package exec

import (
	"bytes"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// KeyQueue collects what foreign keys have to look at when the statement has
// ended: rows that refer to another, and keys that others may have referred to.
// It is in memory, charged to the statement's account. The zero value is empty.
type KeyQueue struct {
	Events []KeyEvent
	arena  data.Arena
	cmp    valueCompare
}

// valueCompare tells whether values of a key column are equal.
type valueCompare struct{ a, b []byte }

func (v *valueCompare) same(t *types.Type, x, y data.Datum) bool {
	if x.IsNull() || y.IsNull() {
		return x.IsNull() == y.IsNull()
	}
	v.a = rowcodec.AppendKey(v.a[:0], t, x, false, false)
	v.b = rowcodec.AppendKey(v.b[:0], t, y, false, false)
	return bytes.Equal(v.a, v.b)
}

// KeyEvent is one key of one foreign key.
type KeyEvent struct {
	Con *catalog.Constraint
	Op  kv.OpNum
	// Row of the referencing table: its columns, as they are now. Otherwise nil.
	Refers []data.Datum
	// Row of the referenced table: its key as it was and, if it was updated, as it is now.
	Old, New []data.Datum
}

const keyEventBytes = 120

// Reset empties the queue.
func (q *KeyQueue) Reset() {
	if q.Events != nil {
		q.Events = nil
		q.arena.Free()
	}
}

// Cut forgets what commands numbered op or higher queued.
func (q *KeyQueue) Cut(op kv.OpNum) {
	n := 0
	for _, e := range q.Events {
		if e.Op < op {
			q.Events[n] = e
			n++
		}
	}
	q.Events = q.Events[:n]
}

func (q *KeyQueue) key(row []data.Datum, cols []int16) []data.Datum {
	out := make([]data.Datum, len(cols))
	for i, c := range cols {
		out[i] = q.arena.CopyDatum(row[c-1])
	}
	return out
}

func (q *KeyQueue) add(st *State, e KeyEvent) error {
	e.Op = st.WriteOp
	q.Events = append(q.Events, e)
	if st.Account == nil {
		return nil
	}
	size := keyEventBytes
	for _, list := range [][]data.Datum{e.Refers, e.Old, e.New} {
		for _, d := range list {
			size += d.MemSize()
		}
	}
	return st.Account.Reserve(int64(size))
}

// same tells whether both rows have equal values in the columns.
func (q *KeyQueue) same(ts []*types.Type, cols []int16, a, b []data.Datum) bool {
	for _, c := range cols {
		if !q.cmp.same(ts[c-1], a[c-1], b[c-1]) {
			return false
		}
	}
	return true
}

func nulls(row []data.Datum, cols []int16) (n int) {
	for _, c := range cols {
		if row[c-1].IsNull() {
			n++
		}
	}
	return n
}

// refers notes a row that refers to others. One with nulls refers to nothing,
// unless MATCH FULL wants all or none of them.
func (w *writer) refers(oldRow, row []data.Datum) error {
	q := w.st.Keys
	for _, con := range w.rel.Table.ForeignKeys {
		n := nulls(row, con.Columns)
		if n == len(con.Columns) || n > 0 && con.MatchType != 'f' {
			continue
		}
		if oldRow != nil && q.same(w.rel.Types, con.Columns, oldRow, row) {
			continue
		}
		if err := q.add(w.st, KeyEvent{Con: con, Refers: q.key(row, con.Columns)}); err != nil {
			return err
		}
	}
	return nil
}

// referenced notes a row that went, or changed into row.
func (w *writer) referenced(oldRow, row []data.Datum) error {
	q := w.st.Keys
	for _, con := range w.rel.Table.Referenced {
		if nulls(oldRow, con.RefColumns) > 0 {
			continue
		}
		e := KeyEvent{Con: con}
		if row != nil {
			if q.same(w.rel.Types, con.RefColumns, oldRow, row) {
				continue
			}
			e.New = q.key(row, con.RefColumns)
		}
		e.Old = q.key(oldRow, con.RefColumns)
		if err := q.add(w.st, e); err != nil {
			return err
		}
	}
	return nil
}
