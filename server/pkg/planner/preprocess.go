package planner

import (
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// preprocess replaces l.q by an equal query that is simpler to plan: join columns
// and whole rows resolved, constants folded, outer values made parameters. Then it notes which columns are read.
func (l *level) preprocess() error {
	q := query.FlattenJoinAliases(l.q)
	var first error
	onExpr := func(e query.Expr) query.Expr {
		e = query.Rewrite(e, func(e query.Expr) query.Expr { return l.wholeRow(q, e) })
		e, err := l.b.fold(e)
		if err == nil {
			e, err = l.params(e)
		}
		if err != nil && first == nil {
			first = err
		}
		return e
	}
	l.q = query.MutateQuery(q, onExpr, nil)
	if first != nil {
		return first
	}
	query.WalkQueryLevels(l.q, func(e query.Expr, level int) bool {
		switch v := e.(type) {
		case *query.Var:
			if v.Varlevelsup == level {
				l.useVar(v.Varno, v.Varattno)
			}
			l.correlated = l.correlated || v.Varlevelsup > level
		case *query.Aggref:
			l.correlated = l.correlated || v.Agglevelsup > level
		}
		return true
	})
	return nil
}

// wholeRow replaces the whole-row variable of anything but a table by its columns.
func (l *level) wholeRow(q *query.Query, e query.Expr) query.Expr {
	v, ok := e.(*query.Var)
	if !ok || v.Varattno != 0 || v.Varlevelsup != 0 || v.Varno > len(q.RTable) {
		return e
	}
	rte := q.RTable[v.Varno-1]
	if rte.Rtekind == query.RTERelation || rte.Eref == nil {
		return e
	}
	cols := rteColumns(rte)
	if rte.Rtekind == query.RTEFunction && len(cols) == 1 && cols[0].typ == v.Vartype {
		c := *v
		c.Varattno = 1
		return &c
	}
	row := &query.RowExpr{RowTypeid: v.Vartype, Loc: v.Loc}
	for i, c := range cols {
		row.Args = append(row.Args, &query.Var{
			Varno: v.Varno, Varattno: int16(i + 1), Vartype: c.typ, Vartypmod: c.typmod, Varcollid: c.collation, Loc: -1,
		})
	}
	if rte.Eref != nil {
		row.Colnames = rte.Eref.Colnames
	}
	return row
}

type rteColumn struct {
	typ       uint32
	typmod    int32
	collation uint32
}

// rteColumns lists the columns of a range table entry that is no table or join.
func rteColumns(rte *query.RangeTblEntry) []rteColumn {
	var out []rteColumn
	switch rte.Rtekind {
	case query.RTESubquery:
		for _, te := range rte.Subquery.TargetList {
			if !te.Resjunk {
				out = append(out, rteColumn{te.Expr.Type(), te.Expr.Typmod(), te.Expr.Collation()})
			}
		}
	case query.RTEFunction:
		for _, f := range rte.Functions {
			for i, t := range f.Funccoltypes {
				c := rteColumn{typ: t, typmod: -1}
				if i < len(f.Funccoltypmods) {
					c.typmod = f.Funccoltypmods[i]
				}
				if i < len(f.Funccolcollations) {
					c.collation = f.Funccolcollations[i]
				}
				out = append(out, c)
			}
		}
		if rte.Funcordinality {
			out = append(out, rteColumn{types.Int8, -1, 0})
		}
	default:
		for i, t := range rte.Coltypes {
			c := rteColumn{typ: t, typmod: -1}
			if i < len(rte.Coltypmods) {
				c.typmod = rte.Coltypmods[i]
			}
			if i < len(rte.Colcollations) {
				c.collation = rte.Colcollations[i]
			}
			out = append(out, c)
		}
	}
	return out
}

// conjuncts lists the parts of a condition that must all hold.
func conjuncts(e query.Expr) []query.Expr {
	if e == nil {
		return nil
	}
	if b, ok := e.(*query.BoolExpr); ok && b.Boolop == query.AndExpr {
		var out []query.Expr
		for _, a := range b.Args {
			out = append(out, conjuncts(a)...)
		}
		return out
	}
	if isTrue(e) {
		return nil
	}
	return []query.Expr{e}
}

func isTrue(e query.Expr) bool {
	c, ok := e.(*query.Const)
	return ok && !c.Constisnull && c.Consttype == types.Bool && c.Constvalue.Bool()
}

func isFalseOrNull(e query.Expr) bool {
	c, ok := e.(*query.Const)
	return ok && c.Consttype == types.Bool && (c.Constisnull || !c.Constvalue.Bool())
}

func stripRelabel(e query.Expr) query.Expr {
	for {
		r, ok := e.(*query.RelabelType)
		if !ok {
			return e
		}
		e = r.Arg
	}
}
