package planner

import "github.com/pgzdb/pgz/server/pkg/query"

// pullSublink turns conditions into joins: `x IN (SELECT ...)` over an uncorrelated
// subquery and EXISTS over one table into a semi join, NOT EXISTS into an anti join.
// Other sublinks stay expressions.
func (l *level) pullSublink(p *problem, q query.Expr) (bool, error) {
	if n, ok := q.(*query.BoolExpr); ok && n.Boolop == query.NotExpr {
		if s, ok := n.Args[0].(*query.SubLink); ok && s.SubLinkType == query.ExistsSublink {
			return l.pullExists(p, s, query.JoinAnti)
		}
		return false, nil
	}
	s, ok := q.(*query.SubLink)
	if ok && s.SubLinkType == query.ExistsSublink {
		return l.pullExists(p, s, query.JoinSemi)
	}
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

// pullExists makes EXISTS over one table a join with that table.
func (l *level) pullExists(p *problem, s *query.SubLink, typ query.JoinType) (bool, error) {
	sub := s.Subselect
	if existsQuery(sub) == sub || len(sub.CteList) > 0 || len(sub.RTable) != 1 || len(l.q.RowMarks) > 0 ||
		len(l.q.RTable) >= relsetMax-1 || sub.RTable[0].Rtekind != query.RTERelation ||
		len(sub.JoinTree.Fromlist) != 1 || volatileQuery(sub) {
		return false, nil
	}
	if t, err := l.b.rel(sub.RTable[0].Relid, false); err != nil || !t.Table.HasStorage() {
		return false, err
	}
	rti := len(l.q.RTable) + 1
	where, err := l.b.fold(sub.JoinTree.Quals)
	if err != nil {
		return false, err
	}
	where = query.RewriteLevels(where, func(e query.Expr, level int) query.Expr { return raise(e, level, rti) })
	if where, err = l.params(where); err != nil {
		return false, err
	}
	left := l.refs(where).minus(relsetOf(rti))
	if left.empty() || !left.within(p.set()) {
		return false, nil
	}
	l.q.RTable = append(l.q.RTable[:len(l.q.RTable):len(l.q.RTable)], sub.RTable[0])
	l.use(where)
	src, err := l.source(rti)
	if err != nil {
		return false, err
	}
	src.typ = typ
	for _, q := range conjuncts(where) {
		if set := l.refs(q); set.within(src.set) && !set.empty() {
			src.quals = append(src.quals, q)
		} else {
			src.on = append(src.on, q)
		}
	}
	p.sources = append(p.sources, src)
	return true, nil
}

// raise moves an expression of a subquery over one table into the query around it,
// where that table is entry rti.
func raise(e query.Expr, level, rti int) query.Expr {
	switch v := e.(type) {
	case *query.Var:
		if v.Varlevelsup == level {
			v.Varno = rti
		} else if v.Varlevelsup > level {
			v.Varlevelsup--
		}
	case *query.Aggref:
		if v.Agglevelsup > level {
			v.Agglevelsup--
		}
	case *query.GroupingFunc:
		if v.Agglevelsup > level {
			v.Agglevelsup--
		}
	}
	return e
}
