package query

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// call writes name(args).
func (d *Deparser) call(name string, args []Expr) error {
	d.write(name + "(")
	if err := d.list(args); err != nil {
		return err
	}
	d.write(")")
	return nil
}

// function writes a call, a cast, or SQL's own syntax for one.
func (d *Deparser) function(f *FuncExpr, showImplicit bool) error {
	switch f.Funcformat {
	case CoerceImplicitCast, CoerceExplicitCast:
		typmod := int32(-1)
		if len(f.Args) > 1 {
			if c, ok := f.Args[1].(*Const); ok && c.Consttype == types.Int4 && !c.Constisnull {
				typmod = int32(c.Constvalue.Int())
			}
		}
		return d.cast(f, f.Args[0], f.Funcformat, f.Funcresulttype, typmod, showImplicit)
	}
	p, err := d.View.Proc(f.Funcid)
	if err != nil {
		return err
	}
	if p == nil {
		return pgerr.Newf(pgerr.UndefinedFunction, "function with OID %d does not exist", f.Funcid)
	}
	if f.Funcformat == CoerceSQLSyntax {
		if done, err := d.sqlSyntax(p.Name, f); done || err != nil {
			return err
		}
	}
	name := types.QuoteIdent(p.Name)
	if !d.inPath(p.Schema) || f.Funcformat == CoerceSQLSyntax {
		if name, err = d.qualified(p.Schema, p.Name); err != nil {
			return err
		}
	}
	d.write(name + "(")
	for i, a := range f.Args {
		if i > 0 {
			d.write(", ")
		}
		if f.Funcvariadic && i == len(f.Args)-1 {
			d.write("VARIADIC ")
		}
		if err := d.expr(a, true); err != nil {
			return err
		}
	}
	d.write(")")
	return nil
}

func (d *Deparser) inPath(schema uint32) bool {
	for _, s := range d.View.SearchPath() {
		if s == schema {
			return true
		}
	}
	return false
}

// sqlSyntax writes the functions the grammar has words for.
func (d *Deparser) sqlSyntax(name string, f *FuncExpr) (bool, error) {
	parts := func(head string, between ...string) (bool, error) {
		d.write(head)
		for i, a := range f.Args {
			if i > 0 {
				d.write(between[i-1])
			}
			if err := d.expr(a, false); err != nil {
				return true, err
			}
		}
		d.write(")")
		return true, nil
	}
	switch {
	case name == "timezone" && len(f.Args) == 2:
		d.write("(")
		if err := d.paren(f.Args[1], false, f); err != nil {
			return true, err
		}
		d.write(" AT TIME ZONE ")
		err := d.paren(f.Args[0], false, f)
		d.write(")")
		return true, err
	case name == "extract" && len(f.Args) == 2:
		c, ok := f.Args[0].(*Const)
		if !ok || c.Constisnull {
			return false, nil
		}
		d.write("EXTRACT(" + c.Constvalue.Str() + " FROM ")
		err := d.expr(f.Args[1], false)
		d.write(")")
		return true, err
	case name == "position" && len(f.Args) == 2:
		f = &FuncExpr{Args: []Expr{f.Args[1], f.Args[0]}}
		return parts("POSITION((", ") IN (")
	case name == "substring" && len(f.Args) <= 3 && types.Get(f.Args[len(f.Args)-1].Type()).Category == 'N':
		return parts("SUBSTRING(", " FROM ", " FOR ")
	case name == "overlay":
		return parts("OVERLAY(", " PLACING ", " FROM ", " FOR ")
	case strings.HasSuffix(name, "trim") && len(f.Args) <= 2:
		side := map[string]string{"btrim": "BOTH", "ltrim": "LEADING", "rtrim": "TRAILING"}[name]
		if side == "" {
			return false, nil
		}
		d.write("TRIM(" + side)
		if len(f.Args) == 2 {
			d.write(" ")
			if err := d.expr(f.Args[1], false); err != nil {
				return true, err
			}
		}
		d.write(" FROM ")
		err := d.expr(f.Args[0], false)
		d.write(")")
		return true, err
	}
	return false, nil
}

// cast writes arg::type, or arg alone where the cast need not be seen.
func (d *Deparser) cast(node, arg Expr, form CoercionForm, typ uint32, typmod int32, showImplicit bool) error {
	if form == CoerceImplicitCast && !showImplicit {
		return d.paren(arg, false, node)
	}
	if c, ok := arg.(*Const); ok && c.Consttype == typ && c.Consttypmod == -1 {
		if err := d.constant(c, -1); err != nil {
			return err
		}
	} else {
		d.open()
		if err := d.paren(arg, false, node); err != nil {
			return err
		}
		d.shut()
	}
	d.write("::" + types.FormatType(d.Types, typ, typmod))
	return nil
}

// operatorName writes an operator, qualified if the search path does not find it.
func (d *Deparser) operatorName(oid uint32) (string, error) {
	op, err := d.View.Operator(oid)
	if err != nil {
		return "", err
	}
	if op == nil {
		return "", pgerr.Newf(pgerr.UndefinedFunction, "operator with OID %d does not exist", oid)
	}
	if d.inPath(op.Schema) {
		return op.Name, nil
	}
	s, err := d.View.Schema(op.Schema)
	if err != nil || s == nil {
		return op.Name, err
	}
	return "OPERATOR(" + types.QuoteIdent(s.Name) + "." + op.Name + ")", nil
}

func (d *Deparser) operator(n *OpExpr) error {
	name, err := d.operatorName(n.Opno)
	if err != nil {
		return err
	}
	if len(n.Args) == 2 {
		return d.infix(n, n, " "+name+" ")
	}
	d.open()
	d.write(name + " ")
	if err := d.paren(n.Args[0], true, n); err != nil {
		return err
	}
	d.shut()
	return nil
}

func (d *Deparser) infix(node Expr, op *OpExpr, between string) error {
	d.open()
	if err := d.paren(op.Args[0], true, node); err != nil {
		return err
	}
	d.write(between)
	if err := d.paren(op.Args[1], true, node); err != nil {
		return err
	}
	d.shut()
	return nil
}

func (d *Deparser) arrayOperator(n *ScalarArrayOpExpr) error {
	name, err := d.operatorName(n.Opno)
	if err != nil {
		return err
	}
	d.open()
	if err := d.paren(n.Args[0], true, n); err != nil {
		return err
	}
	d.write(" " + name + map[bool]string{true: " ANY (", false: " ALL ("}[n.UseOr])
	if err := d.paren(n.Args[1], true, n); err != nil {
		return err
	}
	d.write(")")
	d.shut()
	return nil
}

func (d *Deparser) boolean(n *BoolExpr) error {
	d.open()
	if n.Boolop == NotExpr {
		d.write("NOT ")
	}
	for i, a := range n.Args {
		if i > 0 {
			d.write(map[BoolExprType]string{AndExpr: " AND ", OrExpr: " OR "}[n.Boolop])
		}
		if err := d.paren(a, false, n); err != nil {
			return err
		}
	}
	d.shut()
	return nil
}

func (d *Deparser) collate(n *CollateExpr) error {
	name, err := d.collation(n.Colloid)
	if err != nil {
		return err
	}
	d.open()
	if err := d.paren(n.Arg, true, n); err != nil {
		return err
	}
	d.write(" COLLATE " + name)
	d.shut()
	return nil
}

func (d *Deparser) caseExpr(n *CaseExpr) error {
	d.keyword("CASE", 0, indentCase)
	if n.Arg != nil {
		d.write(" ")
		if err := d.expr(n.Arg, true); err != nil {
			return err
		}
	}
	for _, w := range n.Args {
		cond := w.Expr
		if n.Arg != nil {
			cond = comparedWith(cond)
		}
		d.keyword("WHEN ", 0, 0)
		if err := d.expr(cond, false); err != nil {
			return err
		}
		d.write(" THEN ")
		if err := d.expr(w.Result, true); err != nil {
			return err
		}
	}
	d.keyword("ELSE ", 0, 0)
	if n.Defresult == nil {
		d.write("NULL")
	} else if err := d.expr(n.Defresult, true); err != nil {
		return err
	}
	d.keyword("END", -indentCase, 0)
	return nil
}

// comparedWith returns x of the comparison "tested value = x" that a WHEN of
// CASE v WHEN x stands for.
func comparedWith(cond Expr) Expr {
	if op, ok := cond.(*OpExpr); ok && len(op.Args) == 2 {
		arg := op.Args[0]
		for {
			switch c := arg.(type) {
			case *CaseTestExpr:
				return op.Args[1]
			case *RelabelType:
				arg = c.Arg
				continue
			case *CoerceViaIO:
				arg = c.Arg
				continue
			case *FuncExpr:
				if c.Funcformat == CoerceImplicitCast {
					arg = c.Args[0]
					continue
				}
			}
			return cond
		}
	}
	return cond
}

func (d *Deparser) subscript(n *SubscriptingRef) error {
	bare := false
	switch n.Refexpr.(type) {
	case *Var, *Param, *SubscriptingRef:
		bare = true
	}
	if !bare {
		d.write("(")
	}
	if err := d.expr(n.Refexpr, true); err != nil {
		return err
	}
	if !bare {
		d.write(")")
	}
	for i, upper := range n.Refupperindexpr {
		d.write("[")
		if len(n.Reflowerindexpr) > 0 {
			if lower := n.Reflowerindexpr[i]; lower != nil {
				if err := d.expr(lower, false); err != nil {
					return err
				}
			}
			d.write(":")
		}
		if upper != nil {
			if err := d.expr(upper, false); err != nil {
				return err
			}
		}
		d.write("]")
	}
	return nil
}

func (d *Deparser) sqlValue(n *SQLValueFunction) error {
	name := [...]string{"CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP",
		"LOCALTIME", "LOCALTIME", "LOCALTIMESTAMP", "LOCALTIMESTAMP", "CURRENT_ROLE", "CURRENT_USER", "USER",
		"SESSION_USER", "CURRENT_CATALOG", "CURRENT_SCHEMA"}[n.Op]
	switch n.Op {
	case SVFCurrentTimeN, SVFCurrentTimestampN, SVFLocaltimeN, SVFLocaltimestampN:
		name += "(" + string(types.Get(types.Int4).Out(d.Types, nil, intDatum(n.Typemod))) + ")"
	}
	d.write(name)
	return nil
}
