package planner

import (
	"slices"

	"github.com/pgzdb/pgz/server/pkg/query"
)

// pushDown moves conditions of WHERE that read one subquery or view only into its
// own WHERE, where they find indexes, and are checked before its rows are locked and
// again after a wait. It returns the conditions that stay.
func (l *level) pushDown(from *query.FromExpr, quals []query.Expr) []query.Expr {
	var inner relset
	for _, n := range from.Fromlist {
		inner = inner.union(filtered(n))
	}
	stay := quals[:0:0]
	for _, q := range quals {
		if rti := l.onlySubquery(q); rti == 0 || !relsetOf(rti).within(inner) || !l.pushInto(rti, q) {
			stay = append(stay, q)
		}
	}
	return stay
}

// filtered is the set of relations below n whose rows a condition above the join may
// be checked on: not the nullable sides of outer joins.
func filtered(n query.JoinNode) relset {
	switch n := n.(type) {
	case *query.RangeTblRef:
		return relsetOf(n.Rtindex)
	case *query.JoinExpr:
		switch n.Jointype {
		case query.JoinInner:
			return filtered(n.Larg).union(filtered(n.Rarg))
		case query.JoinLeft:
			return filtered(n.Larg)
		case query.JoinRight:
			return filtered(n.Rarg)
		}
	}
	return relset{}
}

// onlySubquery is the one subquery of this level that q reads columns of; 0 if it reads
// anything else, or must not be checked elsewhere or more often.
func (l *level) onlySubquery(q query.Expr) int {
	rti, ok := 0, !volatile(q) && !hasSublink(q)
	query.Walk(q, func(e query.Expr) bool {
		switch v := e.(type) {
		case *query.Var:
			ok = ok && v.Varattno > 0 && (rti == 0 || rti == v.Varno)
			rti = v.Varno
		case *query.Param: // of an outer query: the subquery would have to be told when it changes
			ok = ok && v.Paramkind == query.ParamExtern
		}
		return ok
	})
	if !ok || rti == 0 || l.q.RTable[rti-1].Rtekind != query.RTESubquery {
		return 0
	}
	return rti
}

// pushInto adds a condition on entry rti to its WHERE, if each row of the subquery
// comes from one row there.
func (l *level) pushInto(rti int, q query.Expr) bool {
	rte := l.q.RTable[rti-1]
	sub := rte.Subquery
	if sub.CommandType != query.CmdSelect || sub.SetOperations != nil || sub.HasAggs || sub.HasWindowFuncs ||
		sub.HasTargetSRFs || len(sub.GroupClause) > 0 || len(sub.GroupingSets) > 0 || sub.HavingQual != nil ||
		len(sub.DistinctClause) > 0 || sub.LimitCount != nil || sub.LimitOffset != nil || rte.SecurityBarrier ||
		sub.JoinTree == nil || len(sub.JoinTree.Fromlist) == 0 {
		return false
	}
	ok := true
	q = query.Rewrite(q, func(e query.Expr) query.Expr {
		v, isVar := e.(*query.Var)
		if !isVar {
			return e
		}
		if int(v.Varattno) > len(sub.TargetList) {
			ok = false
			return e
		}
		te := sub.TargetList[v.Varattno-1]
		ok = ok && !te.Resjunk && !volatile(te.Expr) && !hasSublink(te.Expr)
		return query.Rewrite(te.Expr, func(e query.Expr) query.Expr { return e })
	})
	if !ok {
		return false
	}
	from := *sub.JoinTree
	from.Quals = &query.BoolExpr{Boolop: query.AndExpr, Args: append(conjuncts(from.Quals), q), Loc: -1}
	inner := *sub
	inner.JoinTree = &from
	changed := *rte
	changed.Subquery = &inner
	l.q.RTable = slices.Clone(l.q.RTable)
	l.q.RTable[rti-1] = &changed
	return true
}
