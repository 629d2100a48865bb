package query

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// Deparser writes resolved expressions as SQL text the way PostgreSQL's
// pg_get_expr and its relatives do, so that what psql and pg_dump show is
// what they show there.
//
// Pretty leaves out parentheses that are not needed and breaks CASE over
// lines; without it every operator stands in parentheses.
type Deparser struct {
	View   catalog.View
	Types  *types.Ctx     // writes constants and type names
	Table  *catalog.Table // what Vars of range table index 1 are columns of
	Pretty bool
	// Leaf, if set, is asked for every node first: what it returns stands for the node.
	// EXPLAIN names columns of several tables, parameters and aggregates this way.
	Leaf func(e Expr) (text string, ok bool)

	out    strings.Builder
	indent int
}

// Expr returns the text of e.
func (d *Deparser) Expr(e Expr) (string, error) {
	d.out.Reset()
	d.indent = 0
	err := d.expr(e, false)
	return d.out.String(), err
}

// indentCase is how far the branches of CASE stand in.
const indentCase = 4

func (d *Deparser) write(s string) { d.out.WriteString(s) }

// open and shut write the parentheses of the plain style.
func (d *Deparser) open() {
	if !d.Pretty {
		d.out.WriteByte('(')
	}
}

func (d *Deparser) shut() {
	if !d.Pretty {
		d.out.WriteByte(')')
	}
}

// keyword starts a line in the pretty style, a word in the plain one.
func (d *Deparser) keyword(s string, before, after int) {
	if !d.Pretty {
		if before != 0 || s != "CASE" {
			d.out.WriteByte(' ')
		}
		d.write(s)
		return
	}
	d.indent += before
	text := strings.TrimRight(d.out.String(), " ")
	d.out.Reset()
	d.write(text + "\n" + strings.Repeat(" ", max(0, min(d.indent, 40))) + s)
	d.indent += after
}

// paren writes e as an operand of parent.
func (d *Deparser) paren(e Expr, showImplicit bool, parent Expr) error {
	if !d.Pretty || d.simple(e, parent) {
		return d.expr(e, showImplicit)
	}
	d.out.WriteByte('(')
	err := d.expr(e, showImplicit)
	d.out.WriteByte(')')
	return err
}

func (d *Deparser) list(args []Expr) error {
	for i, a := range args {
		if i > 0 {
			d.write(", ")
		}
		if err := d.expr(a, true); err != nil {
			return err
		}
	}
	return nil
}

// expr writes e; showImplicit writes implicit casts too.
func (d *Deparser) expr(e Expr, showImplicit bool) error {
	if d.Leaf != nil {
		if text, ok := d.Leaf(e); ok {
			d.write(text)
			return nil
		}
	}
	switch n := e.(type) {
	case *Var:
		return d.column(n)
	case *Const:
		return d.constant(n, 0)
	case *FuncExpr:
		return d.function(n, showImplicit)
	case *NamedArgExpr:
		d.write(types.QuoteIdent(n.Name) + " => ")
		return d.expr(n.Arg, showImplicit)
	case *OpExpr:
		return d.operator(n)
	case *DistinctExpr:
		return d.infix(n, &n.OpExpr, " IS DISTINCT FROM ")
	case *NullIfExpr:
		return d.call("NULLIF", n.Args)
	case *ScalarArrayOpExpr:
		return d.arrayOperator(n)
	case *BoolExpr:
		return d.boolean(n)
	case *RelabelType:
		return d.cast(n, n.Arg, n.Relabelformat, n.Resulttype, n.Resulttypmod, showImplicit)
	case *CoerceViaIO:
		return d.cast(n, n.Arg, n.Coerceformat, n.Resulttype, -1, showImplicit)
	case *ArrayCoerceExpr:
		return d.cast(n, n.Arg, n.Coerceformat, n.Resulttype, n.Resulttypmod, showImplicit)
	case *ConvertRowtypeExpr:
		return d.cast(n, n.Arg, n.Convertformat, n.Resulttype, -1, showImplicit)
	case *CoerceToDomain:
		return d.cast(n, n.Arg, n.Coercionformat, n.Resulttype, n.Resulttypmod, showImplicit)
	case *CoerceToDomainValue:
		d.write("VALUE")
		return nil
	case *CollateExpr:
		return d.collate(n)
	case *CaseExpr:
		return d.caseExpr(n)
	}
	return d.otherExpr(e)
}

func (d *Deparser) otherExpr(e Expr) error {
	switch n := e.(type) {
	case *ArrayExpr:
		d.write("ARRAY[")
		if err := d.list(n.Elements); err != nil {
			return err
		}
		d.write("]")
		if len(n.Elements) == 0 {
			d.write("::" + types.FormatType(d.Types, n.ArrayTypeid, -1))
		}
		return nil
	case *RowExpr:
		return d.call("ROW", n.Args)
	case *CoalesceExpr:
		return d.call("COALESCE", n.Args)
	case *MinMaxExpr:
		return d.call(map[MinMaxOp]string{IsGreatest: "GREATEST", IsLeast: "LEAST"}[n.Op], n.Args)
	case *NullTest:
		d.open()
		if err := d.paren(n.Arg, true, n); err != nil {
			return err
		}
		d.write(map[NullTestType]string{IsNull: " IS NULL", IsNotNull: " IS NOT NULL"}[n.Nulltesttype])
		d.shut()
		return nil
	case *BooleanTest:
		d.open()
		if err := d.paren(n.Arg, false, n); err != nil {
			return err
		}
		d.write([]string{" IS TRUE", " IS NOT TRUE", " IS FALSE", " IS NOT FALSE", " IS UNKNOWN", " IS NOT UNKNOWN"}[n.Booltesttype])
		d.shut()
		return nil
	case *SubscriptingRef:
		return d.subscript(n)
	case *SQLValueFunction:
		return d.sqlValue(n)
	case *NextValueExpr:
		return pgerr.FeatureNotSupported("text form of a column's identity")
	}
	return pgerr.FeatureNotSupported("text form of this kind of stored expression")
}

func (d *Deparser) column(v *Var) error {
	switch {
	case d.Table == nil:
		return pgerr.New(pgerr.InvalidParameterValue, "expression contains variables")
	case v.Varno != 1 || v.Varlevelsup != 0:
		return pgerr.New(pgerr.InvalidParameterValue, "expression contains variables of more than one relation")
	case v.Varattno == 0:
		d.write(types.QuoteIdent(d.Table.Name) + ".*")
		return nil
	case v.Varattno < 0:
		d.write(systemColumns[v.Varattno])
		return nil
	}
	for i := range d.Table.Columns {
		if d.Table.Columns[i].Num == v.Varattno {
			d.write(types.QuoteIdent(d.Table.Columns[i].Name))
			return nil
		}
	}
	return pgerr.Newf(pgerr.UndefinedColumn, "column %d of relation \"%s\" does not exist", v.Varattno, d.Table.Name)
}

var systemColumns = map[int16]string{-1: "ctid", -2: "xmin", -3: "cmin", -4: "xmax", -5: "cmax", -6: "tableoid"}

// label says whether a constant's type is written behind it.
type label int

// constant writes a constant: show < 0 never with its type, 0 where the bare
// text would be taken for another type.
func (d *Deparser) constant(c *Const, show label) error {
	typeName := types.FormatType(d.Types, c.Consttype, c.Consttypmod)
	if c.Constisnull {
		d.write("NULL")
		if show >= 0 {
			d.write("::" + typeName)
		}
		return nil
	}
	t := types.Get(c.Consttype)
	if t == nil && d.Types.Lookup != nil {
		var err error
		if t, err = d.Types.Lookup.Type(c.Consttype); err != nil {
			return err
		}
	}
	if t == nil {
		return pgerr.Newf(pgerr.UndefinedObject, "type with OID %d does not exist", c.Consttype)
	}
	text := string(t.Out(d.Types, nil, c.Constvalue))
	needLabel := true
	switch c.Consttype {
	case types.Int4:
		needLabel = strings.HasPrefix(text, "-")
		d.write(quotedIf(needLabel, text))
	case types.Numeric:
		plain := text[0] >= '0' && text[0] <= '9' && strings.ContainsAny(text, "eE.")
		needLabel = !plain || c.Consttypmod >= 0
		d.write(quotedIf(!plain, text))
	case types.Bool:
		needLabel = false
		d.write(map[string]string{"t": "true", "f": "false"}[text])
	default:
		needLabel = c.Consttype != types.Unknown
		d.write(types.QuoteLiteral(text))
	}
	if needLabel && show >= 0 {
		d.write("::" + typeName)
	}
	return d.constantCollation(c, t)
}

func quotedIf(quote bool, s string) string {
	if quote {
		return "'" + s + "'"
	}
	return s
}

func (d *Deparser) constantCollation(c *Const, t *types.Type) error {
	if c.Constcollid == 0 || c.Constcollid == t.Collation {
		return nil
	}
	name, err := d.collation(c.Constcollid)
	d.write(" COLLATE " + name)
	return err
}

func (d *Deparser) collation(oid uint32) (string, error) {
	coll, err := d.View.Collation(oid)
	if err != nil {
		return "", err
	}
	if coll == nil {
		return "", pgerr.Newf(pgerr.UndefinedObject, "collation with OID %d does not exist", oid)
	}
	found, err := d.View.CollationByName("", coll.Name)
	if err != nil {
		return "", err
	}
	if found != nil && found.OID == oid {
		return types.QuoteIdent(coll.Name), nil
	}
	return d.qualified(coll.Schema, coll.Name)
}

func (d *Deparser) qualified(schema uint32, name string) (string, error) {
	s, err := d.View.Schema(schema)
	if err != nil || s == nil {
		return types.QuoteIdent(name), err
	}
	return types.QuoteIdent(s.Name) + "." + types.QuoteIdent(name), nil
}
