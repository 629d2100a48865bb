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

// finish does for the rows what the subcommands asked for.
func (a *alteration) finish() error {
	v, t, err := a.table()
	if err != nil {
		return err
	}
	r, err := a.newReader(v, t)
	if err != nil {
		return err
	}
	if a.rewrite || !sameKey(a.old, t) {
		return a.rewriteRows(t, r)
	}
	if len(r.notNull) > 0 || len(r.checks) > 0 {
		err := a.s.scanTable(t, t.StorageID, func(row *scanRow) error { return r.verify(row.vals) })
		if err != nil {
			return err
		}
	}
	for _, index := range a.indexes {
		if t.Index(index) == nil {
			continue
		}
		if err := a.s.buildIndex(t.OID, index); err != nil {
			return err
		}
	}
	return nil
}

// sameKey reports whether rows lie under the same keys in both.
func sameKey(a, b *catalog.Table) bool {
	if len(a.Key) != len(b.Key) || a.StorageID != b.StorageID {
		return false
	}
	for i := range a.Key {
		if a.Key[i] != b.Key[i] || a.Columns[a.Key[i].Attnum-1].TypeOID != b.Columns[b.Key[i].Attnum-1].TypeOID {
			return false
		}
	}
	return true
}

// rowReader turns a row as it lies into the row as it shall be, and checks it.
type rowReader struct {
	t       *catalog.Table
	c       *expr.Ctx
	fill    map[int16]*expr.Compiled
	notNull []*catalog.Column
	checks  []compiledCheck
	vals    []data.Datum
}

type compiledCheck struct {
	name string
	expr *expr.Compiled
}

func (a *alteration) newReader(v catalog.View, t *catalog.Table) (*rowReader, error) {
	r := &rowReader{t: t, c: a.s.EvalCtx(), fill: map[int16]*expr.Compiled{}, vals: make([]data.Datum, len(t.Columns))}
	env := a.s.Plan(v)
	for num, e := range a.fill {
		c, err := planner.CompileOverTable(env, e)
		if err != nil {
			return nil, err
		}
		r.fill[num] = c
	}
	for _, num := range a.notNull {
		if c := &t.Columns[num-1]; c.NotNull && !c.Dropped {
			r.notNull = append(r.notNull, c)
		}
	}
	for _, check := range a.checks {
		c, err := planner.CompileOverTable(env, check.expr)
		if err != nil {
			return nil, err
		}
		r.checks = append(r.checks, compiledCheck{check.name, c})
	}
	return r, nil
}

// row computes the new values from the old ones. They are valid until the next
// call.
func (r *rowReader) row(old []data.Datum) ([]data.Datum, error) {
	r.c.Arena.Reset()
	for i := range r.t.Columns {
		c := &r.t.Columns[i]
		fill := r.fill[c.Num]
		switch {
		case c.Dropped:
			r.vals[i] = data.Null
		case fill != nil:
			d, err := fill.Eval(r.c, old)
			if err != nil {
				return nil, err
			}
			r.vals[i] = d
		case i < len(old):
			r.vals[i] = old[i]
		default:
			r.vals[i] = c.Missing
		}
	}
	return r.vals, nil
}

// verify checks a row against new constraints.
func (r *rowReader) verify(vals []data.Datum) error {
	for _, c := range r.notNull {
		if vals[c.Num-1].IsNull() {
			return pgerr.Newf(pgerr.NotNullViolation, "column \"%s\" of relation \"%s\" contains null values", c.Name, r.t.Name).
				WithTable(r.t.SchemaName, r.t.Name).WithColumn(c.Name)
		}
	}
	for _, k := range r.checks {
		ok, err := evalTrue(r.c, k.expr, vals)
		if err != nil {
			return err
		}
		if !ok {
			return pgerr.Newf(pgerr.CheckViolation, "check constraint \"%s\" of relation \"%s\" is violated by some row", k.name, r.t.Name).
				WithTable(r.t.SchemaName, r.t.Name).WithConstraint(k.name)
		}
	}
	return nil
}

// rewriteRows stores the table anew, by its new key, and builds all its
// indexes again, whose entries name rows by their keys.
func (a *alteration) rewriteRows(t *catalog.Table, r *rowReader) error {
	s := a.s
	storage, err := s.newStorage(a.w)
	if err != nil {
		return err
	}
	moved := []uint32{t.OID}
	if len(t.Key) > 0 {
		moved = append(moved, t.PrimaryKey.OID)
	}
	for _, oid := range moved {
		if err := updateClass(a.w, oid, func(c *catalog.PgClass) { c.Relfilenode = storage }); err != nil {
			return err
		}
	}
	for i := range t.Columns {
		if !t.Columns[i].HasMissing {
			continue
		}
		err := updateAttribute(a.w, t.OID, t.Columns[i].Num, func(at *catalog.PgAttribute) {
			at.Atthasmissing, at.Attmissingval = false, nil
		})
		if err != nil {
			return err
		}
	}
	built := s.newBulkBuild(t, t.PrimaryKey)
	defer built.close()
	m := &mover{s: s, t: t, storage: storage, built: built}
	if err := a.moveRows(m, r); err != nil {
		return err
	}
	if err := built.finish(); err != nil {
		return err
	}
	if err := s.dropStorage(a.old.StorageID); err != nil {
		return err
	}
	return s.rebuildIndexes(a.w, t.OID, storage)
}

// moveRows gives all rows to m as they shall be. Rows whose columns stay as they are
// keep their bytes, and only what the key and the new constraints need is read.
func (a *alteration) moveRows(m *mover, r *rowReader) error {
	if !a.keepsBytes(m.t, r) {
		var row []byte
		return a.s.scanTable(a.old, a.old.StorageID, func(old *scanRow) error {
			vals, err := r.row(old.vals)
			if err != nil {
				return err
			}
			if err := r.verify(vals); err != nil {
				return err
			}
			row = rowcodec.EncodeRow(row[:0], m.t.Row, rowcodec.Header{}, vals)
			return m.put(vals, row)
		})
	}
	var wanted []int
	for _, k := range m.t.Key {
		wanted = append(wanted, int(k.Attnum-1))
	}
	for _, c := range r.notNull {
		wanted = append(wanted, int(c.Num-1))
	}
	read := make([]data.Datum, len(wanted))
	vals := make([]data.Datum, len(m.t.Columns))
	var row []byte
	return a.s.scanBytes(a.old, a.old.StorageID, func(old *scanRow) error {
		row = append(row[:0], old.bytes...)
		if err := rowcodec.DecodeColumns(m.t.Row, row, wanted, read); err != nil {
			return err
		}
		for i, col := range wanted {
			vals[col] = read[i]
		}
		if err := r.verify(vals); err != nil {
			return err
		}
		return m.put(vals, row)
	})
}

// keepsBytes reports whether the rows' columns stay as they are.
func (a *alteration) keepsBytes(t *catalog.Table, r *rowReader) bool {
	if a.rewrite || len(r.fill) > 0 || len(r.checks) > 0 || len(a.old.Columns) != len(t.Columns) {
		return false
	}
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Dropped || c.HasMissing || c.TypeOID != a.old.Columns[i].TypeOID {
			return false
		}
	}
	return true
}

// mover writes the rows of a table that is stored anew.
type mover struct {
	s         *Session
	t         *catalog.Table
	storage   uint32
	built     *bulkBuild
	key       []byte
	next, end uint64 // row ids at hand
}

// rowIDsAtATime is how many row ids are taken together; the last few may stay unused.
const rowIDsAtATime = 64

// put writes a row with these values, encoded in row, under its new key.
func (m *mover) put(vals []data.Datum, row []byte) error {
	s, t := m.s, m.t
	if m.next == m.end {
		var err error
		if m.next, m.end, err = s.RowIDs.Take(s.Ctx, s.Store, t.Database, m.storage, rowIDsAtATime); err != nil {
			return err
		}
	}
	id := m.next
	m.next++
	rowcodec.SetHeader(row, rowcodec.Header{XID: s.XID, RowID: id})
	m.key = rowcodec.AppendPrefix(m.key[:0], t.Database, m.storage)
	if len(t.Key) == 0 {
		return s.Txn.Put(s.Op, rowcodec.AppendRowID(m.key, id), row)
	}
	for i, k := range t.Key {
		m.key = rowcodec.AppendKey(m.key, t.RowKey[i].Type, vals[k.Attnum-1], k.Desc, k.NullsFirst)
	}
	if len(m.key) > kv.MaxKeyBytes {
		return rowKeyTooLong(t, len(m.key))
	}
	return m.built.add(m.key, row)
}

func rowKeyTooLong(t *catalog.Table, n int) error {
	return pgerr.Newf(pgerr.ProgramLimitExceeded, "index row size %d exceeds maximum %d for index \"%s\"", n, kv.MaxKeyBytes, t.PrimaryKey.Name).
		WithTable(t.SchemaName, t.Name).WithConstraint(t.PrimaryKey.Name)
}
