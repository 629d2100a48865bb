package planner

import "github.com/pgzdb/pgz/server/pkg/query"

// pullSublink turns a condition `x IN (SELECT ...)` over an uncorrelated subquery into
// a semi join. Other sublinks stay expressions.
func (l *level) pullSublink(p *problem, q query.Expr) (bool, error) {
	s, ok := q.(*query.SubLink)
	if !ok || s.SubLinkType != query.AnySublink || len(l.q.RTable) >= relsetMax-1 || len(l.q.RowMarks) > 0 {
		return false, nil
	}
	outer := false
	query.WalkQueryLevels(s.Subselect, func(e query.Expr, level int) bool {
		switch v := e.(type) {
		case *query.Var:
			outer = outer || v.Varlevelsup > level
		case *query.Aggref:
			outer = outer || v.Agglevelsup > level
		}
		return !outer
	})
	if outer || volatileQuery(s.Subselect) || volatile(s.Testexpr) || hasSublink(s.Testexpr) {
		return false, nil
	}
	left := l.refs(s.Testexpr)
	if left.empty() || !left.within(p.set()) {
		return false, nil
	}
	l.q.RTable = append(l.q.RTable[:len(l.q.RTable):len(l.q.RTable)], &query.RangeTblEntry{
		Rtekind: query.RTESubquery, Subquery: s.Subselect, Eref: &query.Alias{Aliasname: "ANY_subquery"},
	})
	rti := len(l.q.RTable)
	cols := make([]query.Expr, 0, len(s.Subselect.TargetList))
	for i, te := range s.Subselect.TargetList {
		if !te.Resjunk {
			cols = append(cols, &query.Var{Varno: rti, Varattno: int16(i + 1), Vartype: te.Expr.Type(),
				Vartypmod: te.Expr.Typmod(), Varcollid: te.Expr.Collation(), Loc: -1})
		}
	}
	on := query.Rewrite(s.Testexpr, func(e query.Expr) query.Expr {
		if prm, ok := e.(*query.Param); ok && prm.Paramkind == query.ParamSublink {
			return cols[prm.Paramid-1]
		}
		return e
	})
	src, err := l.source(rti)
	if err != nil {
		return false, err
	}
	src.typ, src.on = query.JoinSemi, conjuncts(on)
	p.sources = append(p.sources, src)
	return true, nil
}
