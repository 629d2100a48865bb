package planner

import (
	"math"

	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// windows plans window functions, one WindowAgg for each window in use.
func (s *step) windows() error {
	q := s.l.q
	if !q.HasWindowFuncs {
		return nil
	}
	for _, w := range q.WindowClause {
		calls := s.windowFuncs(w.Winref)
		if len(calls) == 0 {
			continue
		}
		if err := s.window(w, calls); err != nil {
			return err
		}
	}
	return nil
}

// windowFuncs lists the different functions over one window.
func (s *step) windowFuncs(winref int) []*query.WindowFunc {
	var out []*query.WindowFunc
	for _, te := range s.l.q.TargetList {
		query.Walk(te.Expr, func(e query.Expr) bool {
			w, ok := e.(*query.WindowFunc)
			if !ok || w.Winref != winref {
				return true
			}
			for _, have := range out {
				if query.Equal(have, w) {
					return false
				}
			}
			out = append(out, w)
			return false
		})
	}
	return out
}

func (s *step) window(w *query.WindowClause, funcs []*query.WindowFunc) error {
	clause := append(append([]*query.SortGroupClause(nil), w.PartitionClause...), w.OrderClause...)
	_, exprs := s.sortExprs(clause)
	slots, err := s.extend(exprs)
	if err != nil {
		return err
	}
	var keys []SortKey
	for i, c := range clause {
		k, err := s.l.sortKey(c, exprs[i], slots[i])
		if err != nil {
			return err
		}
		keys = append(keys, k)
	}
	if len(keys) > 0 {
		s.addSort(keys, false)
		s.node.(*Sort).KeyTree = exprs
	}
	n := &WindowAgg{Child: s.node, Partition: keys[:len(w.PartitionClause)], Order: keys[len(w.PartitionClause):]}
	if err := s.frame(n, w); err != nil {
		return err
	}
	lay := copyOf(s.lay)
	for _, f := range funcs {
		c := &WindowCall{Fn: expr.LookupWindow(f.Winfnoid)}
		if f.Winagg {
			c.Fn, c.Agg = nil, expr.LookupAggregate(f.Winfnoid)
		}
		if c.Fn == nil && c.Agg == nil {
			return pgerr.Newf(pgerr.FeatureNotSupportedCode, "window function with OID %d is not supported", f.Winfnoid)
		}
		c.Site = expr.Call{OID: f.Winfnoid, Result: f.Wintype, Typmod: -1, Collation: f.Inputcollid}
		for _, a := range f.Args {
			c.Site.ArgTypes = append(c.Site.ArgTypes, a.Type())
		}
		if c.Args, err = s.l.compileAll(f.Args, &s.lay); err != nil {
			return err
		}
		if f.Aggfilter != nil {
			if c.Filter, err = s.l.compile(f.Aggfilter, &s.lay); err != nil {
				return err
			}
		}
		n.Calls = append(n.Calls, c)
		lay.addExpr(f)
	}
	s.above(n, &n.Base, 1, cpuTupleCost)
	n.Cols = lay.n
	s.node, s.lay = n, lay
	return nil
}

func (s *step) frame(n *WindowAgg, w *query.WindowClause) error {
	n.Frame = Frame{Options: w.FrameOptions, Asc: w.InRangeAsc, NullsFirst: w.InRangeNullsFirst}
	var err error
	if w.StartOffset != nil {
		if n.Frame.Start, err = s.l.compile(w.StartOffset, nil); err != nil {
			return err
		}
	}
	if w.EndOffset != nil {
		if n.Frame.End, err = s.l.compile(w.EndOffset, nil); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		oid uint32
		dst **expr.Proc
	}{{w.StartInRangeFunc, &n.Frame.StartInRange}, {w.EndInRangeFunc, &n.Frame.EndInRange}} {
		if f.oid == 0 {
			continue
		}
		if *f.dst = expr.Lookup(f.oid); *f.dst == nil {
			return pgerr.FeatureNotSupported("RANGE with offsets of this type")
		}
	}
	return nil
}

// projectSet computes a target list with set-returning functions; nested sets are
// computed below, one level at a time.
func (s *step) projectSet() error {
	q := s.l.q
	var inner []query.Expr
	for _, te := range q.TargetList {
		for _, a := range setArgs(te.Expr) {
			query.Walk(a, func(e query.Expr) bool {
				if returnsSet(e) {
					inner = append(inner, e)
					return false
				}
				return true
			})
		}
	}
	if len(inner) > 0 {
		if err := s.addSets(inner); err != nil {
			return err
		}
	}
	var sets []query.Expr
	for _, te := range q.TargetList {
		if _, ok := s.lay.slot(te.Expr); ok {
			continue
		}
		query.Walk(te.Expr, func(e query.Expr) bool {
			if returnsSet(e) {
				sets = append(sets, e)
				return false
			}
			return true
		})
	}
	if err := s.addSets(sets); err != nil {
		return err
	}
	n := &Project{Child: s.node}
	for _, te := range q.TargetList {
		c, err := s.l.compile(te.Expr, &s.lay)
		if err != nil {
			return err
		}
		n.Exprs, n.Tree = append(n.Exprs, c), append(n.Tree, te.Expr)
		n.RowByRow = n.RowByRow || volatile(te.Expr)
	}
	vol := n.RowByRow
	s.above(n, &n.Base, 1, 0)
	n.Cols, n.RowByRow = len(n.Exprs), n.RowByRow || vol
	s.node = n
	return nil
}

// addSets computes set-returning calls side by side beneath, keeping the row's columns.
func (s *step) addSets(sets []query.Expr) error {
	if len(sets) == 0 {
		return nil
	}
	n := &ProjectSet{Child: s.node}
	lay := copyOf(s.lay)
	for i := range s.lay.n {
		n.Items = append(n.Items, ProjectItem{Expr: expr.SlotRef(i)})
	}
	for _, e := range sets {
		if _, ok := lay.slot(e); ok {
			continue
		}
		p, err := s.l.params(e)
		if err != nil {
			return err
		}
		c, err := s.l.setCall(p, &s.lay)
		if err != nil {
			return err
		}
		n.Items = append(n.Items, ProjectItem{Set: c})
		lay.addExpr(e)
	}
	s.above(n, &n.Base, 1, cpuTupleCost)
	n.Cols, n.Rows = lay.n, math.Max(1, n.Rows*1000)
	s.node, s.lay = n, lay
	return nil
}

func returnsSet(e query.Expr) bool {
	switch f := e.(type) {
	case *query.FuncExpr:
		return f.Funcretset
	case *query.OpExpr:
		return f.Opretset
	}
	return false
}

// setArgs lists the arguments of the outermost set-returning calls of e.
func setArgs(e query.Expr) []query.Expr {
	var out []query.Expr
	query.Walk(e, func(e query.Expr) bool {
		if !returnsSet(e) {
			return true
		}
		switch f := e.(type) {
		case *query.FuncExpr:
			out = append(out, f.Args...)
		case *query.OpExpr:
			out = append(out, f.Args...)
		}
		return false
	})
	return out
}
