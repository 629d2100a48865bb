package exec

import (
	"strings"
	"unicode/utf8"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// check applies NOT NULL and CHECK constraints to a new row.
func (w *writer) check(row []data.Datum) error {
	t := w.rel.Table
	for _, i := range w.rel.NotNull {
		if row[i].IsNull() {
			return pgerr.Newf(pgerr.NotNullViolation,
				"null value in column \"%s\" of relation \"%s\" violates not-null constraint", t.Columns[i].Name, t.Name).
				WithDetail(w.failingRow(row)).WithTable(t.SchemaName, t.Name).WithColumn(t.Columns[i].Name)
		}
	}
	for _, ck := range w.rel.Checks {
		d, err := ck.Expr.Eval(w.c, row)
		if err != nil {
			return err
		}
		if !d.IsNull() && !d.Bool() {
			return pgerr.Newf(pgerr.CheckViolation,
				"new row for relation \"%s\" violates check constraint \"%s\"", t.Name, ck.Name).
				WithDetail(w.failingRow(row)).WithTable(t.SchemaName, t.Name).WithConstraint(ck.Name)
		}
	}
	return nil
}

// failingValueMax is how many bytes of a value an error shows.
const failingValueMax = 64

// failingRow describes a row in an error's detail.
func (w *writer) failingRow(row []data.Datum) string {
	var b strings.Builder
	b.WriteString("Failing row contains (")
	first := true
	for i, t := range w.rel.Types {
		if t == nil {
			continue
		}
		if !first {
			b.WriteString(", ")
		}
		first = false
		if row[i].IsNull() {
			b.WriteString("null")
			continue
		}
		v := t.Out(w.c.Types, nil, row[i])
		if len(v) > failingValueMax {
			cut := failingValueMax
			for cut > 0 && !utf8.RuneStart(v[cut]) {
				cut--
			}
			b.Write(v[:cut])
			b.WriteString("...")
		} else {
			b.Write(v)
		}
	}
	b.WriteString(").")
	return b.String()
}

// duplicate is the error of a second row with the same unique key. A
// serializable transaction that looked at the key before somebody else took it
// hears of that instead: then a second try succeeds, or finds the row.
func (w *writer) duplicate(ix *planner.RelIndex, row []data.Datum, key []byte) error {
	if w.st.Watched {
		if err := w.st.Txn.Put(w.st.WriteOp, key, nil); err != nil {
			return err
		}
		if err := w.st.Txn.Check(); err != nil {
			return err
		}
	}
	t := w.rel.Table
	var names, vals []string
	for i, col := range ix.Cols {
		d := data.Null
		name := ix.Index.Columns[i].Name
		var ty *types.Type
		if col >= 0 {
			d, name, ty = row[col], t.Columns[col].Name, w.rel.Types[col]
		} else {
			ty = ix.Codec.Cols[i].Type
			var err error
			if d, err = ix.Exprs[i].Eval(w.c, row); err != nil {
				return err
			}
			if text, ok := planner.DeparseOver(w.view(), w.c.Types, t, ix.Trees[i]); ok {
				name = text
			}
		}
		names = append(names, name)
		if d.IsNull() {
			vals = append(vals, "null")
		} else {
			vals = append(vals, string(ty.Out(w.c.Types, nil, d)))
		}
	}
	return pgerr.Newf(pgerr.UniqueViolation,
		"duplicate key value violates unique constraint \"%s\"", ix.Index.Name).
		WithDetailf("Key (%s)=(%s) already exists.", strings.Join(names, ", "), strings.Join(vals, ", ")).
		WithTable(t.SchemaName, t.Name).WithConstraint(ix.Index.Name)
}

// view is the catalog that names in errors come from, nil if there is none.
func (w *writer) view() catalog.View {
	if w.st.Cat == nil && w.st.Env != nil {
		return w.st.Env.Catalog()
	}
	return w.st.Cat
}
