package planner

import (
	"math"

	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// aggregate plans GROUP BY, aggregates and HAVING.
func (s *step) aggregate() error {
	q := s.l.q
	if len(q.GroupingSets) > 0 {
		return pgerr.FeatureNotSupported("GROUPING SETS, ROLLUP and CUBE")
	}
	if !q.HasAggs && len(q.GroupClause) == 0 && q.HavingQual == nil {
		return nil
	}
	if !q.HasAggs && len(q.GroupClause) == 0 {
		return s.havingOnly()
	}
	n := &Agg{Child: s.node, Strategy: AggPlain}
	lay := newLayout()
	if err := s.groups(n, &lay); err != nil {
		return err
	}
	for _, a := range s.aggrefs() {
		c, err := s.aggCall(a)
		if err != nil {
			return err
		}
		n.Calls = append(n.Calls, c)
		lay.addExpr(a)
	}
	var err error
	if n.Having, err = s.l.filter(conjuncts(q.HavingQual), &lay); err != nil {
		return err
	}
	in := s.node.Info()
	s.above(n, &n.Base, 0, 0)
	n.Rows = 1
	if len(n.Groups) > 0 {
		n.Strategy = AggHashed
		n.Rows = math.Max(1, math.Round(math.Min(in.Rows, math.Max(in.Rows*0.1, math.Min(in.Rows, 200)))))
	}
	n.Startup = in.Total + in.Rows*cpuOperatorCost*float64(len(n.Calls)+len(n.Groups))
	n.Total = n.Startup + n.Rows*cpuTupleCost
	n.Cols = lay.n
	s.node, s.lay = n, lay
	return nil
}

// havingOnly plans HAVING without grouping or aggregates: one row or none, whatever FROM holds.
func (s *step) havingOnly() error {
	n := &Result{}
	var err error
	if n.OneTime, err = s.l.filter(conjuncts(s.l.q.HavingQual), nil); err != nil {
		return err
	}
	n.Cost = Cost{Total: cpuTupleCost, Rows: 1}
	s.node, s.lay = n, newLayout()
	return nil
}

// groups sets up the group columns: those of GROUP BY, and others that the target list
// reads because they depend on them.
func (s *step) groups(n *Agg, lay *layout) error {
	var exprs []query.Expr
	for _, c := range s.l.q.GroupClause {
		e, _ := s.l.targetExpr(c)
		if e == nil {
			return pgerr.Internal("group clause without target entry")
		}
		exprs = append(exprs, e)
	}
	if len(exprs) > 0 {
		exprs = append(exprs, s.ungrouped(exprs)...)
	}
	for _, e := range exprs {
		c, err := s.l.compile(e, &s.lay)
		if err != nil {
			return err
		}
		t, err := types.Resolve(s.l.b.env.Types, e.Type())
		if err != nil {
			return err
		}
		if !t.HasHash() {
			return pgerr.FeatureNotSupported("grouping by type " + t.Name)
		}
		n.Groups, n.GroupTypes, n.GroupTree = append(n.Groups, c), append(n.GroupTypes, t), append(n.GroupTree, e)
		lay.addExpr(e)
	}
	return nil
}

// ungrouped lists the variables read above the grouping that no group column provides.
func (s *step) ungrouped(groups []query.Expr) []query.Expr {
	var out []query.Expr
	s.aboveGroups(func(e query.Expr, level int) bool {
		if level == 0 {
			for _, g := range groups {
				if query.Equal(g, e) {
					return false
				}
			}
		}
		switch v := e.(type) {
		case *query.Aggref:
			return v.Agglevelsup != level
		case *query.Var:
			if v.Varlevelsup != level {
				return true
			}
			here := *v
			here.Varlevelsup = 0
			for _, g := range append(groups, out...) {
				if query.Equal(g, &here) {
					return true
				}
			}
			out = append(out, &here)
		}
		return true
	})
	return out
}

// aboveGroups walks over everything that is computed after grouping.
func (s *step) aboveGroups(visit func(e query.Expr, level int) bool) {
	for _, te := range s.l.q.TargetList {
		query.WalkLevels(te.Expr, visit)
	}
	query.WalkLevels(s.l.q.HavingQual, visit)
	for _, w := range s.l.q.WindowClause {
		query.WalkLevels(w.StartOffset, visit)
		query.WalkLevels(w.EndOffset, visit)
	}
}

// aggrefs lists the different aggregates of this level.
func (s *step) aggrefs() []*query.Aggref {
	var out []*query.Aggref
	s.aboveGroups(func(e query.Expr, level int) bool {
		a, ok := e.(*query.Aggref)
		if !ok || a.Agglevelsup != level {
			return true
		}
		if level > 0 {
			a = query.IncrementVarSublevelsUp(a, -level, level).(*query.Aggref)
		}
		for _, have := range out {
			if query.Equal(have, a) {
				return false
			}
		}
		out = append(out, a)
		return false
	})
	return out
}

func (s *step) aggCall(a *query.Aggref) (*AggCall, error) {
	c := &AggCall{Agg: expr.LookupAggregate(a.Aggfnoid)}
	if c.Agg == nil {
		return nil, pgerr.Newf(pgerr.FeatureNotSupportedCode, "aggregate function with OID %d is not supported", a.Aggfnoid)
	}
	c.Site = expr.Call{OID: a.Aggfnoid, ArgTypes: a.Aggargtypes, Result: a.Aggtype, Typmod: -1,
		Collation: a.Inputcollid, Variadic: a.Aggvariadic}
	var err error
	if c.Direct, err = s.l.compileAll(a.Aggdirectargs, &s.lay); err != nil {
		return nil, err
	}
	for _, te := range a.Args {
		arg, err := s.l.compile(te.Expr, &s.lay)
		if err != nil {
			return nil, err
		}
		t, err := types.Resolve(s.l.b.env.Types, te.Expr.Type())
		if err != nil {
			return nil, err
		}
		c.Args, c.ArgTypes = append(c.Args, arg), append(c.ArgTypes, t)
		if !te.Resjunk {
			c.NumArgs++
		}
	}
	if a.Aggfilter != nil {
		if c.Filter, err = s.l.compile(a.Aggfilter, &s.lay); err != nil {
			return nil, err
		}
	}
	c.Distinct = len(a.Aggdistinct) > 0
	order := a.Aggorder
	if c.Distinct {
		order = a.Aggdistinct
	}
	if len(order) > 0 && (c.Distinct || !c.Agg.OrderInsensitive) {
		for _, o := range order {
			for i, te := range a.Args {
				if te.Ressortgroupref != o.TleSortGroupRef {
					continue
				}
				k, err := s.l.sortKey(o, te.Expr, i)
				if err != nil {
					return nil, err
				}
				c.Order = append(c.Order, k)
			}
		}
	}
	return c, nil
}
