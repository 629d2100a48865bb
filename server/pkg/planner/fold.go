package planner

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// fold computes what is constant: immutable functions of constants, AND, OR, NOT,
// CASE and COALESCE as far as constants decide them. Like PostgreSQL it goes from
// the top down where a branch may make another one unreachable, so that
// CASE WHEN true THEN 1 ELSE 1/0 END has no error. Subqueries fold when they are planned.
func (b *builder) fold(e query.Expr) (query.Expr, error) {
	f := folder{b: b}
	e = f.fold(e)
	return e, f.err
}

type folder struct {
	b   *builder
	err error
}

func (f *folder) fold(e query.Expr) query.Expr {
	if e == nil || f.err != nil {
		return e
	}
	switch n := e.(type) {
	case *query.Var, *query.Const, *query.Param:
		return e
	case *query.CaseExpr:
		return f.foldCase(n)
	case *query.BoolExpr:
		return f.foldBool(n)
	case *query.CoalesceExpr:
		return f.foldCoalesce(n)
	}
	e = query.MutateExpr(e, f.fold, nil)
	if f.err != nil || !f.foldable(e) {
		return e
	}
	return f.eval(e)
}

// foldable tells whether e can be computed now: its children are already folded.
func (f *folder) foldable(e query.Expr) bool {
	switch n := e.(type) {
	case *query.FuncExpr:
		return !n.Funcretset && allConst(n.Args) && immutable(n.Funcid)
	case *query.OpExpr:
		return !n.Opretset && allConst(n.Args) && immutable(n.Opfuncid)
	case *query.DistinctExpr:
		return allConst(n.Args) && immutable(n.Opfuncid)
	case *query.NullIfExpr:
		return allConst(n.Args) && immutable(n.Opfuncid)
	case *query.ScalarArrayOpExpr:
		return allConst(n.Args) && immutable(n.Opfuncid)
	case *query.RelabelType:
		return isConst(n.Arg)
	case *query.CollateExpr:
		return false
	case *query.CoerceViaIO:
		return isConst(n.Arg) && plainIO(n.Arg.Type()) && plainIO(n.Resulttype)
	case *query.NullTest:
		return isConst(n.Arg) && !n.Argisrow
	case *query.BooleanTest:
		return isConst(n.Arg)
	case *query.ArrayExpr:
		return allConst(n.Elements)
	}
	return false
}

// plainIO tells whether a type's text form depends on nothing but the value.
func plainIO(t uint32) bool {
	switch t {
	case types.Int2, types.Int4, types.Int8, types.Text, types.Varchar, types.BpChar, types.Bool, types.Numeric, types.Name:
		return true
	}
	return false
}

func isConst(e query.Expr) bool {
	_, ok := e.(*query.Const)
	return ok
}

func allConst(list []query.Expr) bool {
	for _, e := range list {
		if !isConst(e) {
			return false
		}
	}
	return true
}

func immutable(oid uint32) bool {
	p := expr.Lookup(oid)
	return p != nil && p.Volatility == expr.Immutable
}

func (f *folder) eval(e query.Expr) query.Expr {
	if r, ok := e.(*query.RelabelType); ok {
		c := *r.Arg.(*query.Const)
		c.Consttype, c.Consttypmod, c.Constcollid = r.Resulttype, r.Resulttypmod, r.Resultcollid
		return &c
	}
	k := expr.Compiler{Types: f.b.env.Types, Domain: f.b.env.domain}
	c, err := k.Compile(e)
	if err != nil {
		f.err = err
		return e
	}
	ctx := f.b.env.exprCtx()
	d, err := c.Eval(ctx, nil)
	if err != nil {
		f.err = err
		return e
	}
	return &query.Const{
		Consttype: e.Type(), Consttypmod: e.Typmod(), Constcollid: e.Collation(),
		Constvalue: ctx.Arena.CopyDatum(d), Constisnull: d.IsNull(), Loc: e.Location(),
	}
}

func (f *folder) foldBool(n *query.BoolExpr) query.Expr {
	if n.Boolop == query.NotExpr {
		arg := f.fold(n.Args[0])
		if c, ok := arg.(*query.Const); ok {
			if c.Constisnull {
				return c
			}
			return boolConst(!c.Constvalue.Bool())
		}
		m := *n
		m.Args = []query.Expr{arg}
		return &m
	}
	and := n.Boolop == query.AndExpr
	var keep []query.Expr
	null := false
	for _, a := range n.Args {
		a = f.fold(a)
		if c, ok := a.(*query.Const); ok {
			if c.Constisnull {
				null = true
				continue
			}
			if c.Constvalue.Bool() == and {
				continue
			}
			return boolConst(!and)
		}
		keep = append(keep, a)
	}
	if null {
		keep = append(keep, &query.Const{Consttype: types.Bool, Consttypmod: -1, Constisnull: true, Loc: -1})
	}
	switch len(keep) {
	case 0:
		return boolConst(and)
	case 1:
		return keep[0]
	}
	m := *n
	m.Args = keep
	return &m
}

func boolConst(v bool) query.Expr {
	return &query.Const{Consttype: types.Bool, Consttypmod: -1, Constvalue: data.Bool(v), Loc: -1}
}

func (f *folder) foldCase(n *query.CaseExpr) query.Expr {
	m := *n
	m.Args = nil
	m.Arg = f.fold(n.Arg)
	tested := m.Arg
	if m.Arg != nil && isConst(m.Arg) {
		m.Arg = nil
	}
	for _, w := range n.Args {
		c := *w
		if m.Arg == nil && tested != nil {
			c.Expr = withTest(w.Expr, tested)
		}
		c.Expr = f.fold(c.Expr)
		if m.Arg == nil {
			if isFalseOrNull(c.Expr) {
				continue
			}
			if isTrue(c.Expr) {
				m.Defresult = f.fold(w.Result)
				return f.endCase(&m)
			}
		}
		c.Result = f.fold(w.Result)
		m.Args = append(m.Args, &c)
	}
	m.Defresult = f.fold(n.Defresult)
	return f.endCase(&m)
}

// withTest replaces the value under test in a WHEN of a simple CASE.
func withTest(e, value query.Expr) query.Expr {
	switch n := e.(type) {
	case *query.CaseTestExpr:
		return value
	case *query.CaseExpr:
		if n.Arg != nil {
			return n
		}
	case *query.ArrayCoerceExpr:
		m := *n
		m.Arg = withTest(n.Arg, value)
		return &m
	}
	return query.MutateExpr(e, func(c query.Expr) query.Expr { return withTest(c, value) }, nil)
}

func (f *folder) endCase(m *query.CaseExpr) query.Expr {
	if len(m.Args) == 0 && m.Defresult != nil {
		return m.Defresult
	}
	return m
}

func (f *folder) foldCoalesce(n *query.CoalesceExpr) query.Expr {
	m := *n
	m.Args = nil
	for _, a := range n.Args {
		a = f.fold(a)
		c, ok := a.(*query.Const)
		if ok && c.Constisnull {
			continue
		}
		m.Args = append(m.Args, a)
		if ok {
			break
		}
	}
	switch len(m.Args) {
	case 0:
		return &query.Const{Consttype: n.Coalescetype, Consttypmod: -1, Constcollid: n.Coalescecollid, Constisnull: true, Loc: -1}
	case 1:
		return m.Args[0]
	}
	return &m
}
