package planner

import (
	"math"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// dpSources is up to how many inputs every join order is tried; above it the
// cheapest next join is taken at each step.
const dpSources = 10

// solve finds the cheapest way to join the inputs of a problem. outer are
// relations whose values the inputs may use as parameters (none at the top).
func (l *level) solve(p *problem) (*path, error) {
	if len(p.sources) == 0 {
		return emptyPath(), nil
	}
	if len(p.sources) > dpSources {
		return l.greedy(p)
	}
	n := len(p.sources)
	best := make([]*path, 1<<n)
	for i, src := range p.sources {
		if src.typ != query.JoinInner || src.deps.overlaps(p.set()) {
			continue
		}
		first, err := l.cheapest(src)
		if err != nil {
			return nil, err
		}
		best[1<<i] = l.apply(p, first)
	}
	for mask := 1; mask < 1<<n; mask++ {
		left := best[mask]
		if left == nil {
			continue
		}
		for i, src := range p.sources {
			if mask&(1<<i) != 0 {
				continue
			}
			j, err := l.extend(p, left, src)
			if err != nil {
				return nil, err
			}
			if j != nil && cheaper(j, best[mask|1<<i]) {
				best[mask|1<<i] = j
			}
		}
	}
	top := best[1<<n-1]
	if top == nil {
		return nil, pgerr.Internal("no join order satisfies the lateral references")
	}
	return top, nil
}

func cheaper(a, b *path) bool { return b == nil || a.cost < b.cost }

func emptyPath() *path {
	p := &path{rows: 1, cost: 0.01}
	p.build = func() (Node, layout, error) {
		n := &Result{}
		n.setCost(p, 0)
		return n, newLayout(), nil
	}
	return p
}

// greedy joins the cheapest next input at each step.
func (l *level) greedy(p *problem) (*path, error) {
	var cur *path
	left := append([]*source(nil), p.sources...)
	for len(left) > 0 {
		var best *path
		at := -1
		for i, src := range left {
			var j *path
			var err error
			if cur == nil {
				if src.typ != query.JoinInner || src.deps.overlaps(p.set()) {
					continue
				}
				if j, err = l.cheapest(src); err == nil {
					j = l.apply(p, j)
				}
			} else {
				j, err = l.extend(p, cur, src)
			}
			if err != nil {
				return nil, err
			}
			if j != nil && (best == nil || j.rows < best.rows || j.rows == best.rows && j.cost < best.cost) {
				best, at = j, i
			}
		}
		if best == nil {
			return nil, pgerr.Internal("no join order satisfies the lateral references")
		}
		cur = best
		left = append(left[:at:at], left[at+1:]...)
	}
	return cur, nil
}

// cheapest is the best path of one source without values from others.
func (l *level) cheapest(src *source) (*path, error) {
	if src.join != nil {
		return l.outerPath(src)
	}
	if src.rel == nil {
		return l.otherPath(src), nil
	}
	var best *path
	for _, p := range l.tablePaths(src, nil, relset{}) {
		if cheaper(p, best) {
			best = p
		}
	}
	return best, nil
}

// apply filters a first input by conditions of the problem that only it satisfies
// and that could not be pushed into it (volatile ones, or over outer joins).
func (l *level) apply(p *problem, in *path) *path {
	var quals []query.Expr
	for _, q := range p.quals {
		if set := l.refs(q); !set.empty() && set.within(in.set) && !volatile(q) {
			quals = append(quals, q)
		}
	}
	return l.filterPath(in, quals)
}

func (l *level) filterPath(in *path, quals []query.Expr) *path {
	if len(quals) == 0 {
		return in
	}
	out := *in
	for _, q := range quals {
		out.rows = math.Max(1, out.rows*l.selectivity(q))
	}
	out.cost += in.rows * cpuOperatorCost * float64(len(quals))
	out.build = func() (Node, layout, error) {
		child, lay, err := in.build()
		if err != nil {
			return nil, lay, err
		}
		f, err := l.filter(quals, &lay)
		n := &FilterNode{Child: child, Filter: f}
		n.setCost(&out, lay.n)
		n.RowByRow = child.Info().RowByRow || anyVolatile(quals)
		return n, lay, err
	}
	return &out
}

// extend joins one more source to a path; nil if its lateral references or
// conditions are not there yet.
func (l *level) extend(p *problem, left *path, src *source) (*path, error) {
	if src.deps.overlaps(p.set()) && !src.deps.minus(left.set).minus(outside(p, src)).empty() {
		return nil, nil
	}
	set := left.set.union(src.set)
	var quals []query.Expr
	if src.typ != query.JoinInner {
		quals = src.on
		for _, q := range quals {
			if !l.refs(q).within(set) {
				return nil, nil
			}
		}
	} else {
		for _, q := range p.quals {
			if r := l.refs(q); r.within(set) && r.overlaps(src.set) && !volatile(q) {
				quals = append(quals, q)
			}
		}
	}
	right, err := l.cheapest(src)
	if err != nil {
		return nil, err
	}
	return l.joinPath(src.typ, left, right, src, quals, nil)
}

// outside are dependencies of a source on relations that are not part of the problem.
func outside(p *problem, src *source) relset { return src.deps.minus(p.set()) }

// outerPath plans an outer join: both sides on their own, then the join.
func (l *level) outerPath(src *source) (*path, error) {
	left, err := l.solve(src.join.left)
	if err != nil {
		return nil, err
	}
	left = l.finish(src.join.left, left)
	right, err := l.solve(src.join.right)
	if err != nil {
		return nil, err
	}
	right = l.finish(src.join.right, right)
	var inner *source
	if r := src.join.right.sources; len(r) == 1 && len(src.join.right.quals) == 0 {
		inner = r[0]
	}
	j, err := l.joinPath(src.join.typ, left, right, inner, src.join.on, src.quals)
	if err != nil {
		return nil, err
	}
	return j, nil
}

// finish applies what a problem's joins left over: conditions without variables and volatile ones.
func (l *level) finish(p *problem, in *path) *path {
	var once, top []query.Expr
	for _, q := range p.quals {
		switch {
		case volatile(q):
			top = append(top, q)
		case l.refs(q).empty():
			once = append(once, q)
		}
	}
	out := l.filterPath(in, top)
	if len(once) == 0 {
		return out
	}
	child := out
	gated := *child
	gated.build = func() (Node, layout, error) {
		n, lay, err := child.build()
		if err != nil {
			return nil, lay, err
		}
		f, err := l.filter(once, nil)
		r := &Result{Child: n, OneTime: f}
		r.setCost(&gated, lay.n)
		r.RowByRow = n.Info().RowByRow
		return r, lay, err
	}
	return &gated
}

// equality is a join condition that can be hashed.
type equality struct {
	qual        query.Expr
	left, right query.Expr
	typ         *types.Type
}

// equalities splits join conditions into hashable ones and others.
func (l *level) equalities(quals []query.Expr, left, right relset) (eqs []equality, rest []query.Expr) {
	for _, q := range quals {
		op, ok := q.(*query.OpExpr)
		if ok && len(op.Args) == 2 && !volatile(q) {
			a, b := l.refs(op.Args[0]), l.refs(op.Args[1])
			t := l.equalityType(op.Opno, op.Args[0].Type(), op.Args[1].Type())
			if t != nil && t.HasHash() && !a.empty() && !b.empty() {
				if a.within(left) && b.within(right) {
					eqs = append(eqs, equality{q, op.Args[0], op.Args[1], t})
					continue
				}
				if a.within(right) && b.within(left) {
					eqs = append(eqs, equality{q, op.Args[1], op.Args[0], t})
					continue
				}
			}
		}
		rest = append(rest, q)
	}
	return eqs, rest
}

// joinRows estimates the result of a join.
func (l *level) joinRows(typ query.JoinType, left, right *path, quals []query.Expr) float64 {
	sel := 1.0
	for _, q := range quals {
		sel *= l.selectivity(q)
	}
	rows := left.rows * right.rows * sel
	switch typ {
	case query.JoinLeft:
		rows = math.Max(rows, left.rows)
	case query.JoinFull:
		rows = math.Max(rows, left.rows+right.rows)
	case query.JoinSemi:
		rows = math.Min(left.rows, math.Max(1, left.rows*0.5))
	case query.JoinAnti:
		rows = math.Max(1, left.rows*0.5)
	}
	return math.Max(1, rows)
}

// joinPath picks the method of a join. inner, when not nil, is the single source on the
// right, which may then be read through an index with values of the left.
func (l *level) joinPath(typ query.JoinType, left, right *path, inner *source, quals, other []query.Expr) (*path, error) {
	rows := l.joinRows(typ, left, right, quals)
	eqs, rest := l.equalities(quals, left.set, right.set)
	lateral := right.needs.overlaps(left.set)
	var best *path
	if len(eqs) > 0 && !lateral {
		c := left.cost + right.cost + cpuOperatorCost*float64(len(eqs))*(left.rows+right.rows) + cpuTupleCost*(rows+right.rows)
		if l.b.env.Disable.HashJoin {
			c += disabledCost
		}
		best = l.newJoin(typ, left, right, rows, c)
		l.hashBuild(best, typ, left, right, eqs, rest, other)
	}
	if typ == query.JoinFull && best != nil {
		return best, nil
	}
	if typ == query.JoinFull {
		return nil, pgerr.New(pgerr.FeatureNotSupportedCode,
			"FULL JOIN is only supported with merge-joinable or hash-joinable join conditions")
	}
	try := func(in *path, used []query.Expr) {
		c := left.cost + in.cost + (left.rows-1)*in.rescan + left.rows*in.rows*(cpuTupleCost+cpuOperatorCost*float64(len(quals)-len(used)))
		if l.b.env.Disable.NestLoop {
			c += disabledCost
		}
		p := l.newJoin(typ, left, in, rows, c)
		l.loopBuild(p, typ, left, in, quals, used, other)
		if cheaper(p, best) {
			best = p
		}
	}
	if lateral || inner == nil || inner.rel == nil || !plainInner(inner, right) {
		try(l.materialize(right, lateral), nil)
		return best, nil
	}
	try(l.materialize(right, false), nil)
	for _, in := range l.tablePaths(inner, quals, left.set) {
		try(in, nil)
	}
	return best, nil
}

// plainInner tells whether the right side is the source itself, without more above it.
func plainInner(src *source, right *path) bool { return src.join == nil && right.set == src.set }

func (l *level) newJoin(typ query.JoinType, left, right *path, rows, cost float64) *path {
	p := &path{set: left.set.union(right.set), rows: rows, start: left.start + right.start, cost: cost, width: left.width + right.width}
	if typ == query.JoinSemi || typ == query.JoinAnti {
		p.width = left.width
	}
	p.rescan = p.cost
	p.needs = left.needs.union(right.needs).minus(p.set)
	return p
}

// materialize keeps the rows of an input that a nested loop reads again and again.
func (l *level) materialize(in *path, lateral bool) *path {
	if lateral || l.correlated || !in.needs.empty() || l.b.env.Disable.Material || in.rows <= 1 && in.cost < 1 {
		return in
	}
	m := *in
	m.rescan = in.rows * cpuOperatorCost
	m.cost += in.rows * cpuOperatorCost
	m.build = func() (Node, layout, error) {
		child, lay, err := in.build()
		if err != nil {
			return nil, lay, err
		}
		n := &Materialize{Child: child}
		n.setCost(&m, lay.n)
		n.RowByRow = child.Info().RowByRow
		return n, lay, nil
	}
	return &m
}

func (l *level) joinLayouts(typ query.JoinType, a, b layout) (both, out layout) {
	both = concat(a, b)
	if typ == query.JoinSemi || typ == query.JoinAnti {
		return both, a
	}
	return both, both
}

func (l *level) hashBuild(p *path, typ query.JoinType, left, right *path, eqs []equality, rest, other []query.Expr) {
	p.build = func() (Node, layout, error) {
		ln, ll, err := left.build()
		if err != nil {
			return nil, ll, err
		}
		rn, rl, err := right.build()
		if err != nil {
			return nil, rl, err
		}
		both, out := l.joinLayouts(typ, ll, rl)
		n := &HashJoin{Type: typ, Outer: ln, Inner: rn}
		for _, e := range eqs {
			lk, err := l.compile(e.left, &ll)
			if err != nil {
				return nil, out, err
			}
			rk, err := l.compile(e.right, &rl)
			if err != nil {
				return nil, out, err
			}
			n.OuterKeys, n.InnerKeys = append(n.OuterKeys, lk), append(n.InnerKeys, rk)
			n.KeyTypes, n.Cond = append(n.KeyTypes, e.typ), append(n.Cond, e.qual)
		}
		if n.JoinQual, err = l.filter(rest, &both); err != nil {
			return nil, out, err
		}
		if n.Other, err = l.filter(other, &both); err != nil {
			return nil, out, err
		}
		n.setCost(p, out.n)
		n.RowByRow = ln.Info().RowByRow || rn.Info().RowByRow
		return n, out, nil
	}
}

func (l *level) loopBuild(p *path, typ query.JoinType, left, right *path, quals, used, other []query.Expr) {
	p.build = func() (Node, layout, error) {
		ln, ll, err := left.build()
		if err != nil {
			return nil, ll, err
		}
		rn, rl, err := right.build()
		if err != nil {
			return nil, rl, err
		}
		both, out := l.joinLayouts(typ, ll, rl)
		n := &NestLoop{Type: typ, Outer: ln, Inner: rn}
		for _, prm := range right.params {
			if !l.refs(prm.Expr).within(left.set) {
				continue // set further out
			}
			v, err := l.compile(prm.Expr, &ll)
			if err != nil {
				return nil, out, err
			}
			n.Params = append(n.Params, ParamSet{prm.ID, v})
		}
		var rest []query.Expr
		done := indexConds(rn)
		for _, q := range quals {
			if !contains(done, q) {
				rest = append(rest, q)
			}
		}
		if n.JoinQual, err = l.filter(rest, &both); err != nil {
			return nil, out, err
		}
		if n.Other, err = l.filter(other, &both); err != nil {
			return nil, out, err
		}
		n.setCost(p, out.n)
		n.RowByRow = ln.Info().RowByRow || rn.Info().RowByRow
		return n, out, nil
	}
}

// indexConds are the conditions a scan answers by its range.
func indexConds(n Node) []query.Expr {
	if s, ok := n.(*IndexScan); ok {
		return s.Cond
	}
	return nil
}
