package planner

import (
	"fmt"

	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// subplan plans the query of a SubLink.
func (l *level) subplan(s *query.SubLink) (expr.SubplanRef, error) {
	sub := s.Subselect
	if s.SubLinkType == query.ExistsSublink {
		sub = existsQuery(sub)
	}
	n, sl, err := l.b.query(sub, l)
	if err != nil {
		return expr.SubplanRef{}, err
	}
	p := &Subplan{Root: n, Correlated: sl.correlated}
	for _, te := range sub.TargetList {
		if !te.Resjunk {
			p.Columns++
		}
	}
	ref := expr.SubplanRef{ID: len(l.b.plan.Subplans)}
	p.Label = fmt.Sprintf("SubPlan %d", ref.ID+1)
	if !sl.correlated {
		p.Label = fmt.Sprintf("InitPlan %d", ref.ID+1)
	}
	for _, o := range sl.outer {
		ref.Params = append(ref.Params, expr.SubplanParam{ID: o.ID, Expr: o.Expr})
	}
	if s.SubLinkType == query.AnySublink && !sl.correlated {
		ref.HashLeft, p.KeyTypes = l.hashTest(s)
	}
	l.b.plan.Subplans = append(l.b.plan.Subplans, p)
	return ref, nil
}

// existsQuery drops what EXISTS does not look at: the target list and the order.
func existsQuery(q *query.Query) *query.Query {
	if q.SetOperations != nil || q.HasAggs || len(q.GroupClause) > 0 || q.HavingQual != nil || q.HasTargetSRFs ||
		q.HasWindowFuncs || q.LimitCount != nil || q.LimitOffset != nil || len(q.DistinctClause) > 0 || len(q.RowMarks) > 0 {
		return q
	}
	c := *q
	c.TargetList = nil
	c.SortClause = nil
	return &c
}

// hashTest finds the left sides of `(a, b) IN (subquery)` when each comparison is a
// plain equality of one type, column by column in order.
func (l *level) hashTest(s *query.SubLink) ([]query.Expr, []*types.Type) {
	var left []query.Expr
	var ts []*types.Type
	for i, c := range conjuncts(s.Testexpr) {
		op, ok := c.(*query.OpExpr)
		if !ok || len(op.Args) != 2 {
			return nil, nil
		}
		p, ok := stripRelabel(op.Args[1]).(*query.Param)
		if !ok || p.Paramkind != query.ParamSublink || p.Paramid != i+1 {
			return nil, nil
		}
		t := l.equalityType(op.Opno, op.Args[0].Type(), op.Args[1].Type())
		if t == nil || !t.HasHash() {
			return nil, nil
		}
		left = append(left, op.Args[0])
		ts = append(ts, t)
	}
	return left, ts
}

// equalityType returns a type whose hash and equality are those of the operator,
// nil if the operator is no such equality.
func (l *level) equalityType(op, left, right uint32) *types.Type {
	fams, err := l.b.env.Cat.OperatorFamilies(op)
	if err != nil {
		return nil
	}
	eq := false
	for _, f := range fams {
		eq = eq || f.AM == 403 && f.Strategy == 3 || f.AM == 405 && f.Strategy == 1
	}
	if !eq {
		return nil
	}
	lt, err := types.Resolve(l.b.env.Types, left)
	if err != nil {
		return nil
	}
	rt, err := types.Resolve(l.b.env.Types, right)
	if err != nil || class(lt) != class(rt) {
		return nil
	}
	return lt
}

// class groups types whose values hash and compare alike across types; others are
// their own class.
func class(t *types.Type) uint32 {
	switch t.OID {
	case types.Int2, types.Int4, types.Int8:
		return types.Int8
	case types.Float4, types.Float8:
		return types.Float8
	case types.Text, types.Varchar, types.Name:
		return types.Text
	}
	return t.OID
}
