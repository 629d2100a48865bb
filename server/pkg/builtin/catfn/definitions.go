package catfn

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	stable(getExpr, 1716, 2509)
	stable(getIndexdef, 1643, 2507)
	stable(getConstraintdef, 1387, 2508)
	stable(functionArguments(true), 2162)
	stable(functionArguments(false), 2232)
	stable(functionResult, 2165)
	stable(constant(data.Null), 3808)       // pg_get_function_arg_default: no user functions yet
	stable(constant(data.Null), 3352, 3408) // partition keys and bounds: no partitioned tables yet
	stable(relationPublishable, 6121)
}

// deparser writes stored expressions of t's columns.
func deparser(c *expr.Ctx, t *catalog.Table, pretty bool) *query.Deparser {
	return &query.Deparser{View: c.Env.Catalog(), Types: c.Types, Table: t, Pretty: pretty}
}

func pretty(a []data.Datum, i int) bool { return i < len(a) && a[i].Bool() }

// getExpr is pg_get_expr(tree, relation [, pretty]). The tree of a catalog
// column holds the stored expression's bytes.
func getExpr(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	var t *catalog.Table
	if oid := oidArg(a, 1); oid != 0 {
		var err error
		if t, err = c.Env.Catalog().Relation(oid); err != nil || t == nil {
			return data.Null, err
		}
	}
	e, err := query.DecodeExpr(a[0].Bytes())
	if err != nil {
		return data.Null, err
	}
	s, err := deparser(c, t, pretty(a, 2)).Expr(e)
	if err != nil {
		return data.Null, err
	}
	return text(c, s)
}

// getIndexdef is pg_get_indexdef(index [, column, pretty]).
func getIndexdef(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	view := c.Env.Catalog()
	ix, err := view.Index(oidArg(a, 0))
	if err != nil || ix == nil {
		return data.Null, err
	}
	t, err := view.Relation(ix.Table)
	if err != nil || t == nil {
		return data.Null, err
	}
	var exprs []query.Expr
	if len(ix.Exprs) > 0 {
		list, err := query.DecodeExpr(ix.Exprs)
		if err != nil {
			return data.Null, err
		}
		if row, ok := list.(*query.RowExpr); ok {
			exprs = row.Args
		}
	}
	w := &indexWriter{c: c, ix: ix, table: t, exprs: exprs, pretty: pretty(a, 2)}
	var s string
	if len(a) > 1 && a[1].Int() != 0 {
		n := a[1].Int()
		if n < 1 || n > int64(len(ix.Columns)) {
			return text(c, "")
		}
		s, err = w.column(int(n-1), false)
	} else {
		s, err = w.statement()
	}
	if err != nil {
		return data.Null, err
	}
	return text(c, s)
}

// indexWriter writes CREATE INDEX as PostgreSQL does.
type indexWriter struct {
	c      *expr.Ctx
	ix     *catalog.Index
	table  *catalog.Table
	exprs  []query.Expr
	pretty bool
}

func (w *indexWriter) statement() (string, error) {
	var b strings.Builder
	b.WriteString("CREATE ")
	if w.ix.Unique {
		b.WriteString("UNIQUE ")
	}
	am, err := amName(w.ix.AM)
	if err != nil {
		return "", err
	}
	b.WriteString("INDEX " + types.QuoteIdent(w.ix.Name) + " ON " + w.tableName() + " USING " + am + " (")
	for i := range w.ix.Columns {
		switch {
		case i == w.ix.NumKeys:
			b.WriteString(") INCLUDE (")
		case i > 0:
			b.WriteString(", ")
		}
		s, err := w.column(i, true)
		if err != nil {
			return "", err
		}
		b.WriteString(s)
	}
	b.WriteString(")")
	if w.ix.NullsNotDistinct {
		b.WriteString(" NULLS NOT DISTINCT")
	}
	if len(w.ix.Options) > 0 {
		b.WriteString(" WITH (" + options(w.ix.Options) + ")")
	}
	if len(w.ix.Predicate) > 0 {
		e, err := query.DecodeExpr(w.ix.Predicate)
		if err != nil {
			return "", err
		}
		s, err := deparser(w.c, w.table, w.pretty).Expr(e)
		if err != nil {
			return "", err
		}
		b.WriteString(" WHERE " + s)
	}
	return b.String(), nil
}

// tableName is qualified unless the pretty form is asked for and the search
// path finds the table.
func (w *indexWriter) tableName() string {
	if n, ok := w.c.Types.Lookup.RegName(types.RegClass, w.table.OID); ok && n.Visible && w.pretty {
		return types.QuoteIdent(w.table.Name)
	}
	return types.QuoteIdent(w.table.SchemaName) + "." + types.QuoteIdent(w.table.Name)
}

// column writes key or included column i; full adds collation, operator class
// and order where they are not the default.
func (w *indexWriter) column(i int, full bool) (string, error) {
	col := w.ix.Columns[i]
	s, collation, err := w.columnText(i)
	if err != nil || !full || i >= w.ix.NumKeys {
		return s, err
	}
	view := w.c.Env.Catalog()
	if col.Collation != 0 && col.Collation != collation {
		coll, err := view.Collation(col.Collation)
		if err != nil {
			return "", err
		}
		if coll != nil {
			s += " COLLATE " + types.QuoteIdent(coll.Name)
		}
	}
	typ := col.TypeOID
	if c := w.tableColumn(col.Attnum); c != nil {
		typ = c.TypeOID // pg_attribute has the operator class's storage type for some
	}
	def, err := view.DefaultOpClass(w.ix.AM, typ)
	if err != nil {
		return "", err
	}
	if def == nil || def.OID != col.OpClass {
		oc, err := view.OpClass(col.OpClass)
		if err != nil {
			return "", err
		}
		if oc != nil {
			s += " " + types.QuoteIdent(oc.Name)
		}
	}
	switch {
	case col.Desc && !col.NullsFirst:
		s += " DESC NULLS LAST"
	case col.Desc:
		s += " DESC"
	case col.NullsFirst:
		s += " NULLS FIRST"
	}
	return s, nil
}

// columnText returns the column's name or expression, and its collation.
func (w *indexWriter) columnText(i int) (string, uint32, error) {
	col := w.ix.Columns[i]
	if col.Attnum != 0 {
		if c := w.tableColumn(col.Attnum); c != nil {
			return types.QuoteIdent(c.Name), c.Collation, nil
		}
		return "", 0, pgerr.Newf(pgerr.UndefinedColumn, "column %d of index \"%s\" does not exist", col.Attnum, w.ix.Name)
	}
	n := 0
	for _, before := range w.ix.Columns[:i] {
		if before.Attnum == 0 {
			n++
		}
	}
	if n >= len(w.exprs) {
		return "", 0, pgerr.Newf(pgerr.DataCorrupted, "index \"%s\" has too few expressions", w.ix.Name)
	}
	e := w.exprs[n]
	s, err := deparser(w.c, w.table, w.pretty).Expr(e)
	if f, ok := e.(*query.FuncExpr); !ok || f.Funcformat != query.CoerceExplicitCall {
		s = "(" + s + ")"
	}
	return s, e.Collation(), err
}

// tableColumn finds a column of the table by number; nil for 0.
func (w *indexWriter) tableColumn(num int16) *catalog.Column {
	for i := range w.table.Columns {
		if w.table.Columns[i].Num == num {
			return &w.table.Columns[i]
		}
	}
	return nil
}

func amName(oid uint32) (string, error) {
	switch oid {
	case 403:
		return "btree", nil
	case 405:
		return "hash", nil
	}
	return "", pgerr.FeatureNotSupported("text form of this index access method")
}

// options turns reloptions ("name=value") into a WITH list.
func options(list []string) string {
	out := make([]string, len(list))
	for i, o := range list {
		name, value, _ := strings.Cut(o, "=")
		out[i] = types.QuoteIdent(name) + "=" + types.QuoteLiteral(value)
	}
	return strings.Join(out, ", ")
}

// getConstraintdef is pg_get_constraintdef(constraint [, pretty]).
func getConstraintdef(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	con, err := c.Env.Catalog().Constraint(oidArg(a, 0))
	if err != nil || con == nil {
		return data.Null, err
	}
	t, err := c.Env.Catalog().Relation(con.Table)
	if err != nil || t == nil {
		return data.Null, err
	}
	var s string
	switch con.Type {
	case catalog.ConstraintPrimary:
		s = "PRIMARY KEY (" + columnNames(t, con.Columns) + ")" + included(t, con)
	case catalog.ConstraintUnique:
		s = "UNIQUE "
		if ix := t.Index(con.Index); ix != nil && ix.NullsNotDistinct {
			s += "NULLS NOT DISTINCT "
		}
		s += "(" + columnNames(t, con.Columns) + ")" + included(t, con)
	case catalog.ConstraintCheck:
		s, err = checkDefinition(c, t, con, pretty(a, 1))
	case catalog.ConstraintForeign:
		s, err = foreignKeyDefinition(c, t, con)
	default:
		err = pgerr.FeatureNotSupported("text form of this kind of constraint")
	}
	if err != nil {
		return data.Null, err
	}
	if con.Deferrable {
		s += " DEFERRABLE"
	}
	if con.Deferred {
		s += " INITIALLY DEFERRED"
	}
	if !con.Validated {
		s += " NOT VALID"
	}
	return text(c, s)
}

// included is the INCLUDE clause of a key constraint.
func included(t *catalog.Table, con *catalog.Constraint) string {
	ix := t.Index(con.Index)
	if ix == nil || len(ix.Columns) == ix.NumKeys {
		return ""
	}
	var nums []int16
	for _, c := range ix.Columns[ix.NumKeys:] {
		nums = append(nums, c.Attnum)
	}
	return " INCLUDE (" + columnNames(t, nums) + ")"
}

func columnNames(t *catalog.Table, nums []int16) string {
	out := make([]string, len(nums))
	for i, n := range nums {
		for j := range t.Columns {
			if t.Columns[j].Num == n {
				out[i] = types.QuoteIdent(t.Columns[j].Name)
			}
		}
	}
	return strings.Join(out, ", ")
}

func checkDefinition(c *expr.Ctx, t *catalog.Table, con *catalog.Constraint, pretty bool) (string, error) {
	e, err := query.DecodeExpr(con.Expr)
	if err != nil {
		return "", err
	}
	s, err := deparser(c, t, pretty).Expr(e)
	s = "CHECK (" + s + ")"
	if con.NoInherit {
		s += " NO INHERIT"
	}
	return s, err
}

var foreignKeyActions = map[byte]string{'r': "RESTRICT", 'c': "CASCADE", 'n': "SET NULL", 'd': "SET DEFAULT"}

func foreignKeyDefinition(c *expr.Ctx, t *catalog.Table, con *catalog.Constraint) (string, error) {
	ref, err := c.Env.Catalog().Relation(con.RefTable)
	if err != nil || ref == nil {
		return "", err
	}
	name := types.QuoteIdent(ref.Name)
	if n, ok := c.Types.Lookup.RegName(types.RegClass, ref.OID); !ok || !n.Visible {
		name = types.QuoteIdent(ref.SchemaName) + "." + name
	}
	s := "FOREIGN KEY (" + columnNames(t, con.Columns) + ") REFERENCES " + name + "(" + columnNames(ref, con.RefColumns) + ")"
	if con.MatchType == 'f' {
		s += " MATCH FULL"
	}
	if a := foreignKeyActions[con.UpdateAction]; a != "" {
		s += " ON UPDATE " + a
	}
	if a := foreignKeyActions[con.DeleteAction]; a != "" {
		s += " ON DELETE " + a
	}
	return s, nil
}

// functionArguments lists a function's arguments: mode, name, type and, with
// defaults, the default's text.
func functionArguments(defaults bool) expr.Func {
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		p, err := c.Env.Catalog().Proc(oidArg(a, 0))
		if err != nil || p == nil {
			return data.Null, err
		}
		all, modes := p.AllArgTypes, p.ArgModes
		if all == nil {
			all = p.ArgTypes
		}
		var parts []string
		input := 0
		for i, typ := range all {
			mode := byte('i')
			if modes != nil {
				mode = modes[i]
			}
			if mode == 't' {
				continue
			}
			if !defaults && mode == 'o' && p.Kind != catalog.ProkindProcedure {
				continue
			}
			s := map[byte]string{'o': "OUT ", 'b': "INOUT ", 'v': "VARIADIC "}[mode]
			if i < len(p.ArgNames) && p.ArgNames[i] != "" {
				s += types.QuoteIdent(p.ArgNames[i]) + " "
			}
			s += types.FormatType(c.Types, typ, -1)
			if mode != 'o' {
				if k := input - (len(p.ArgTypes) - p.NumDefaults); defaults && k >= 0 && k < len(p.ArgDefaultTexts) {
					s += " DEFAULT " + p.ArgDefaultTexts[k]
				}
				input++
			}
			parts = append(parts, s)
		}
		return text(c, strings.Join(parts, ", "))
	}
}

func functionResult(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	p, err := c.Env.Catalog().Proc(oidArg(a, 0))
	if err != nil || p == nil || p.Kind == catalog.ProkindProcedure {
		return data.Null, err
	}
	var cols []string
	for i, m := range p.ArgModes {
		if m == 't' {
			cols = append(cols, types.QuoteIdent(p.ArgNames[i])+" "+types.FormatType(c.Types, p.AllArgTypes[i], -1))
		}
	}
	if cols != nil {
		return text(c, "TABLE("+strings.Join(cols, ", ")+")")
	}
	s := types.FormatType(c.Types, p.RetType, -1)
	if p.RetSet {
		s = "SETOF " + s
	}
	return text(c, s)
}

// relationPublishable: permanent tables of the user's schemas.
func relationPublishable(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	t, err := c.Env.Catalog().Relation(oidArg(a, 0))
	if err != nil || t == nil {
		return data.Null, err
	}
	return data.Bool(t.Relkind == catalog.RelkindTable && t.Persistence == catalog.PersistencePermanent && !t.IsCatalog), nil
}
