package ddl

import (
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
)

// newest sees everything committed, and all that this transaction did before
// the statement.
func (s *Session) newest() kv.View { return kv.View{TS: kv.Newest, ReadOp: s.Op} }

// scanRow is a row of a table under way: its key behind the prefix, its bytes
// and its values.
type scanRow struct {
	rest  []byte
	bytes []byte
	vals  []data.Datum
}

// scanTable calls f for every row of a table as it is now, under a lock that
// keeps writers out. What f gets is valid for the call.
func (s *Session) scanTable(t *catalog.Table, storage uint32, f func(r *scanRow) error) error {
	vals := make([]data.Datum, t.Row.Columns())
	return s.scanBytes(t, storage, func(r *scanRow) error {
		r.vals = vals
		if err := rowcodec.DecodeRow(t.Row, r.bytes, r.vals); err != nil {
			return err
		}
		return f(r)
	})
}

// scanBytes is scanTable without the values of the rows.
func (s *Session) scanBytes(t *catalog.Table, storage uint32, f func(r *scanRow) error) error {
	start := rowcodec.AppendPrefix(nil, t.Database, storage)
	sc, err := s.Txn.NewScan(s.newest(), kv.ScanSpec{Start: start, End: rowcodec.AppendPrefixEnd(nil, t.Database, storage)})
	if err != nil {
		return err
	}
	defer sc.Close()
	var rows kv.Rows
	var r scanRow
	for {
		more, err := sc.Next(&rows, kv.MaxScanRows)
		if err != nil {
			return err
		}
		if err := s.Ctx.Err(); err != nil {
			return expr.CancelError(s.Ctx)
		}
		for i := range rows.Len() {
			r.rest, r.bytes = rows.Key(i)[rowcodec.PrefixLen:], rows.Value(i)
			if err := f(&r); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

// entryMaker computes an index's entries.
type entryMaker struct {
	ix   *planner.RelIndex
	c    *expr.Ctx
	vals []data.Datum
	key  []byte
	val  []byte
}

// entry computes the entry of a row under row key rest; false when a partial
// index leaves the row out.
func (m *entryMaker) entry(row []data.Datum, rest []byte) (bool, error) {
	m.c.Arena.Reset()
	if m.ix.Predicate != nil {
		ok, err := m.ix.Predicate.True(m.c, row)
		if err != nil || !ok {
			return false, err
		}
	}
	m.vals = m.vals[:0]
	for i, c := range m.ix.Cols {
		if c >= 0 {
			m.vals = append(m.vals, row[c])
			continue
		}
		d, err := m.ix.Exprs[i].Eval(m.c, row)
		if err != nil {
			return false, err
		}
		m.vals = append(m.vals, d)
	}
	var alone bool
	m.key, alone = m.ix.Codec.AppendEntryKey(m.key[:0], m.vals, rest)
	m.val = m.ix.Codec.AppendEntryValue(m.val[:0], rest, alone)
	return true, nil
}

// relIndex finds an index of a prepared relation.
func relIndex(rel *planner.Rel, oid uint32) *planner.RelIndex {
	for _, ix := range rel.Indexes {
		if ix.Index.OID == oid {
			return ix
		}
	}
	return nil
}

// buildIndex fills the storage of a new index from the table's rows.
func (s *Session) buildIndex(table, index uint32) error {
	v := s.View()
	t, err := v.Relation(table)
	if err != nil {
		return err
	}
	rel, err := planner.NewRel(s.Plan(v), t, true)
	if err != nil {
		return err
	}
	return s.buildFrom(rel, relIndex(rel, index), t.StorageID)
}

// buildFrom builds an index over the rows under a storage id.
func (s *Session) buildFrom(rel *planner.Rel, ix *planner.RelIndex, storage uint32) error {
	built := s.newBulkBuild(rel.Table, ix.Index)
	defer built.close()
	m := &entryMaker{ix: ix, c: s.EvalCtx()}
	err := s.scanTable(rel.Table, storage, func(r *scanRow) error {
		ok, err := m.entry(r.vals, r.rest)
		if err != nil || !ok {
			return err
		}
		return built.add(m.key, m.val)
	})
	if err != nil {
		return err
	}
	return built.finish()
}

// duplicate is the error of a unique build over equal keys.
func (s *Session) duplicate(t *catalog.Table, ix *catalog.Index, key []byte) error {
	e := pgerr.Newf(pgerr.UniqueViolation, "could not create unique index \"%s\"", ix.Name).
		WithTable(t.SchemaName, t.Name).WithConstraint(ix.Name)
	c := s.EvalCtx()
	vals := make([]data.Datum, len(ix.Entry.Cols))
	if _, err := rowcodec.DecodeKeyColumns(c.Arena, key[rowcodec.PrefixLen:], ix.Entry.Cols, vals); err != nil {
		return e
	}
	names, texts := "", ""
	for i, d := range vals {
		if i > 0 {
			names, texts = names+", ", texts+", "
		}
		names += ix.Columns[i].Name
		if d.IsNull() {
			texts += "null"
		} else {
			texts += string(ix.Entry.Cols[i].Type.Out(c.Types, nil, d))
		}
	}
	return e.WithDetailf("Key (%s)=(%s) is duplicated.", names, texts)
}

// rebuildIndexes gives every index that has entries of its own a new storage
// id and builds it over the rows under storage.
func (s *Session) rebuildIndexes(w *catalog.Writer, table, storage uint32) error {
	t, err := s.View().Relation(table)
	if err != nil {
		return err
	}
	for _, ix := range t.Indexes {
		if ix.IsRowKey {
			continue
		}
		fresh, err := s.newStorage(w)
		if err != nil {
			return err
		}
		if err := updateClass(w, ix.OID, func(c *catalog.PgClass) { c.Relfilenode = fresh }); err != nil {
			return err
		}
		if err := s.dropStorage(ix.StorageID); err != nil {
			return err
		}
	}
	// The statement's own rows are read below: they are numbered like this
	// statement, so the view has to reach past it.
	v := s.View()
	if t, err = v.Relation(table); err != nil {
		return err
	}
	rel, err := planner.NewRel(s.Plan(v), t, true)
	if err != nil {
		return err
	}
	after := *s
	after.Op++
	for _, ix := range rel.Indexes {
		if ix.RowKey {
			continue
		}
		if err := after.buildFrom(rel, ix, storage); err != nil {
			return err
		}
	}
	return nil
}
