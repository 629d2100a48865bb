package planner

import (
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// source makes the join input of a range table entry.
func (l *level) source(rti int) (*source, error) {
	rte := l.q.RTable[rti-1]
	src := &source{set: relsetOf(rti), rti: rti, rte: rte}
	l.rtes[rti] = src
	var err error
	switch rte.Rtekind {
	case query.RTERelation:
		err = l.relation(src)
	case query.RTESubquery:
		err = l.subquerySource(src, rte.Subquery, l)
	case query.RTEFunction:
		err = l.functionSource(src)
	case query.RTEValues:
		err = l.valuesSource(src)
	case query.RTECTE:
		err = l.cteSource(src)
	case query.RTEResult:
		src.lay = newLayout()
		src.node = &Result{Base: Base{Cost: Cost{Rows: 1}}}
	default:
		err = pgerr.FeatureNotSupported("this kind of table reference")
	}
	return src, err
}

func (l *level) relation(src *source) error {
	t, err := l.b.rel(src.rte.Relid, false)
	if err != nil {
		return err
	}
	mode := kv.ObjectMode(src.rte.Rellockmode)
	if mode == 0 {
		mode = kv.AccessShare
	}
	l.b.lock(t.Table, mode)
	if !t.Table.HasStorage() {
		return pgerr.Newf(pgerr.WrongObjectType, "cannot open relation \"%s\"", t.Table.Name)
	}
	src.rel = t
	return nil
}

// rteLayout gives the columns of an entry that is no table.
func rteLayout(rti, cols int) layout {
	lay := newLayout()
	for i := range cols {
		lay.addVar(rti, int16(i+1))
	}
	return lay
}

func (l *level) subquerySource(src *source, sub *query.Query, parent *level) error {
	n, sl, err := l.b.query(sub, parent)
	if err != nil {
		return err
	}
	src.node = n
	src.lay = rteLayout(src.rti, visible(sub.TargetList))
	l.lateral(src, sl.outer)
	return nil
}

func visible(tlist []*query.TargetEntry) int {
	n := 0
	for _, te := range tlist {
		if !te.Resjunk {
			n++
		}
	}
	return n
}

// lateral notes the values a source reads from its neighbours.
func (l *level) lateral(src *source, params []SubplanParamExpr) {
	for _, p := range params {
		src.params = append(src.params, p)
		src.deps = src.deps.union(l.refs(p.Expr))
	}
	src.deps = src.deps.minus(src.set)
}

// lateralExpr replaces the variables of neighbours in e by parameters.
func (l *level) lateralExpr(src *source, e query.Expr) query.Expr {
	return query.Rewrite(e, func(e query.Expr) query.Expr {
		v, ok := e.(*query.Var)
		if !ok || v.Varlevelsup != 0 {
			return e
		}
		var id int
		found := false
		for _, p := range src.params {
			if query.Equal(p.Expr, v) {
				id, found = p.ID, true
			}
		}
		if !found {
			id = l.b.newParam()
			l.lateral(src, []SubplanParamExpr{{id, v}})
		}
		return execParam(id, v)
	})
}

func execParam(id int, e query.Expr) *query.Param {
	return &query.Param{
		Paramkind: query.ParamExec, Paramid: id, Paramtype: e.Type(), Paramtypmod: e.Typmod(),
		Paramcollid: e.Collation(), Loc: -1,
	}
}

func (l *level) valuesSource(src *source) error {
	n := &ValuesScan{Alias: alias(src.rte)}
	cols := 0
	for _, list := range src.rte.ValuesLists {
		var row []*expr.Compiled
		for _, e := range list {
			c, err := l.compile(l.lateralExpr(src, e), nil)
			if err != nil {
				return err
			}
			n.RowByRow = n.RowByRow || volatile(e)
			row = append(row, c)
		}
		cols = len(row)
		n.Rows = append(n.Rows, row)
	}
	n.Base.Rows, n.Total, n.Base.Cols = float64(len(n.Rows)), 0.0125*float64(len(n.Rows)), cols
	src.lay = rteLayout(src.rti, cols)
	src.node = n
	return nil
}

func alias(rte *query.RangeTblEntry) string {
	if rte.Alias != nil {
		return rte.Alias.Aliasname
	}
	if rte.Eref != nil {
		return rte.Eref.Aliasname
	}
	return ""
}

func (l *level) functionSource(src *source) error {
	n := &FunctionScan{Alias: alias(src.rte), Ordinality: src.rte.Funcordinality}
	cols := 0
	rows := 1.0
	for _, f := range src.rte.Functions {
		e := l.lateralExpr(src, f.Funcexpr)
		call, err := l.setCall(e, nil)
		if err != nil {
			return err
		}
		call.Columns = len(f.Funccoltypes)
		call.RowTypes = f.Funccoltypes
		call.Expand = call.Columns != 1 || isComposite(e.Type(), f.Funccoltypes)
		if call.Set != nil && call.Set.Columns == call.Columns {
			call.Expand = false
		}
		n.Names = append(n.Names, l.funcName(e))
		cols += call.Columns
		if call.Set != nil {
			rows = max(rows, l.setRows(e))
			n.RowByRow = n.RowByRow || call.Set.Volatility == expr.Volatile
		} else {
			n.RowByRow = n.RowByRow || call.Scalar.Volatile()
		}
		n.Funcs = append(n.Funcs, call)
	}
	if n.Ordinality {
		cols++
	}
	n.Base.Rows, n.Total, n.Base.Cols = rows, 0.01*rows, cols
	src.lay = rteLayout(src.rti, cols)
	src.node = n
	return nil
}

// isComposite tells whether the one column of a function is a field of its composite result.
func isComposite(result uint32, cols []uint32) bool {
	return len(cols) == 1 && result == types.Record && cols[0] != types.Record
}

func (l *level) funcName(e query.Expr) string {
	if f, ok := e.(*query.FuncExpr); ok {
		if p, err := l.b.env.Cat.Proc(f.Funcid); err == nil && p != nil {
			return p.Name
		}
	}
	return ""
}

func (l *level) setRows(e query.Expr) float64 {
	if f, ok := e.(*query.FuncExpr); ok {
		if p, err := l.b.env.Cat.Proc(f.Funcid); err == nil && p != nil && p.Rows > 0 {
			return p.Rows
		}
	}
	return 1000
}

// setCall prepares a function that may return a set, over rows of the given layout.
func (l *level) setCall(e query.Expr, lay *layout) (*SetCall, error) {
	c := &SetCall{Columns: 1}
	var oid, collation uint32
	var args []query.Expr
	set := false
	switch f := e.(type) {
	case *query.FuncExpr:
		oid, collation, args, set = f.Funcid, f.Inputcollid, f.Args, f.Funcretset
		c.Site.Variadic = f.Funcvariadic
	case *query.OpExpr:
		oid, collation, args, set = f.Opfuncid, f.Inputcollid, f.Args, f.Opretset
	}
	if !set {
		var err error
		c.Scalar, err = l.compile(e, lay)
		return c, err
	}
	if c.Set = expr.LookupSet(oid); c.Set == nil {
		return nil, pgerr.Newf(pgerr.FeatureNotSupportedCode, "set-returning function with OID %d is not supported", oid)
	}
	c.Site.OID, c.Site.Collation, c.Site.Result, c.Site.Typmod = oid, collation, e.Type(), -1
	for _, a := range args {
		c.Site.ArgTypes = append(c.Site.ArgTypes, a.Type())
	}
	var err error
	c.Args, err = l.compileAll(args, lay)
	return c, err
}
