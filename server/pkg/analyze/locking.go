package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// checkLocking rejects row locks on a query whose rows are not rows of tables.
func checkLocking(q *query.Query, strength ast.LockClauseStrength) error {
	with := ""
	switch {
	case q.SetOperations != nil:
		with = "UNION/INTERSECT/EXCEPT"
	case len(q.DistinctClause) > 0:
		with = "DISTINCT clause"
	case len(q.GroupClause) > 0:
		with = "GROUP BY clause"
	case q.HavingQual != nil:
		with = "HAVING clause"
	case q.HasAggs:
		with = "aggregate functions"
	case q.HasWindowFuncs:
		with = "window functions"
	case q.HasTargetSRFs:
		with = "set-returning functions in the target list"
	default:
		return nil
	}
	return errAt(-1, pgerr.FeatureNotSupportedCode, "%s is not allowed with %s", lockName(strength), with)
}

// lockingClause adds the row marks of one FOR UPDATE or the like. pushedDown: it comes from an
// outer query.
func (ps *pstate) lockingClause(q *query.Query, lc *ast.LockingClause, pushedDown bool) error {
	if err := checkLocking(q, lc.Strength); err != nil {
		return err
	}
	all := &ast.LockingClause{Strength: lc.Strength, WaitPolicy: lc.WaitPolicy}
	apply := func(i int, rte *query.RangeTblEntry) error {
		switch rte.Rtekind {
		case query.RTERelation:
			rte.RequiredPerms |= query.ACLUpdate
			addRowMark(q, i+1, lc, pushedDown)
		case query.RTESubquery:
			addRowMark(q, i+1, lc, pushedDown)
			return ps.lockingClause(rte.Subquery, all, true)
		}
		return nil
	}
	if lc.LockedRels == nil {
		for i, rte := range q.RTable {
			if !rte.InFromCl {
				continue
			}
			if err := apply(i, rte); err != nil {
				return err
			}
		}
		return nil
	}
	for _, r := range lc.LockedRels {
		rv, ok := r.(*ast.RangeVar)
		if !ok {
			return pgerr.Internal("unexpected item in locking clause")
		}
		if err := ps.lockNamed(q, rv, lc, apply); err != nil {
			return err
		}
	}
	return nil
}

func (ps *pstate) lockNamed(q *query.Query, rv *ast.RangeVar, lc *ast.LockingClause,
	apply func(int, *query.RangeTblEntry) error) error {
	name := lockName(lc.Strength)
	if rv.Catalogname != "" || rv.Schemaname != "" {
		return errAt(rv.Location, pgerr.SyntaxError, "%s must specify unqualified relation names", name)
	}
	for i, rte := range q.RTable {
		if !rte.InFromCl || lockableName(rte) != rv.Relname {
			continue
		}
		what := ""
		switch rte.Rtekind {
		case query.RTERelation, query.RTESubquery:
			return apply(i, rte)
		case query.RTEJoin:
			what = "a join"
		case query.RTEFunction:
			what = "a function"
		case query.RTEValues:
			what = "VALUES"
		case query.RTECTE:
			what = "a WITH query"
		default:
			what = "this kind of FROM item"
		}
		return errAt(rv.Location, pgerr.FeatureNotSupportedCode, "%s cannot be applied to %s", name, what)
	}
	return errAt(rv.Location, pgerr.UndefinedTable, "relation \"%s\" in %s clause not found in FROM clause", rv.Relname, name)
}

// addRowMark adds or strengthens the mark of one entry.
func addRowMark(q *query.Query, rti int, lc *ast.LockingClause, pushedDown bool) {
	if !pushedDown {
		q.HasForUpdate = true
	}
	strength, wait := query.LockClauseStrength(lc.Strength), query.LockWaitPolicy(lc.WaitPolicy)
	for _, rm := range q.RowMarks {
		if rm.Rti == rti {
			rm.Strength = max(rm.Strength, strength)
			rm.WaitPolicy = max(rm.WaitPolicy, wait)
			rm.PushedDown = rm.PushedDown && pushedDown
			return
		}
	}
	q.RowMarks = append(q.RowMarks, &query.RowMarkClause{Rti: rti, Strength: strength, WaitPolicy: wait, PushedDown: pushedDown})
}

// markForLocking has a view's query lock the rows of its tables, as m asks of the view.
func markForLocking(q *query.Query, m *query.RowMarkClause) error {
	var first error
	lc := &ast.LockingClause{Strength: ast.LockClauseStrength(m.Strength), WaitPolicy: ast.LockWaitPolicy(m.WaitPolicy)}
	var mark func(n query.JoinNode)
	mark = func(n query.JoinNode) {
		switch n := n.(type) {
		case *query.FromExpr:
			for _, c := range n.Fromlist {
				mark(c)
			}
		case *query.JoinExpr:
			mark(n.Larg)
			mark(n.Rarg)
		case *query.RangeTblRef:
			switch rte := q.RTable[n.Rtindex-1]; rte.Rtekind {
			case query.RTERelation:
				rte.RequiredPerms |= query.ACLUpdate
				rte.Rellockmode = max(rte.Rellockmode, lockRowShare)
				addRowMark(q, n.Rtindex, lc, true)
			case query.RTESubquery:
				addRowMark(q, n.Rtindex, lc, true)
				if err := markForLocking(rte.Subquery, m); err != nil && first == nil {
					first = err
				}
			}
		}
	}
	mark(q.JoinTree)
	if first == nil && len(q.RowMarks) > 0 {
		first = checkLocking(q, lc.Strength)
	}
	return first
}

// lockableName is the name FOR UPDATE OF can call an entry by; a join has one only if it was given
// one.
func lockableName(rte *query.RangeTblEntry) string {
	if rte.Rtekind == query.RTEJoin && rte.Alias == nil {
		if rte.JoinUsingAlias != nil {
			return rte.JoinUsingAlias.Aliasname
		}
		return ""
	}
	return rte.Eref.Aliasname
}
