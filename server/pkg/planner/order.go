package planner

import (
	"math"

	"github.com/pgzdb/pgz/server/pkg/query"
)

// requiredOrder is what ORDER BY asks of the rows of FROM, when it consists of plain
// columns and nothing regroups the rows in between.
func (l *level) requiredOrder() []orderKey {
	q := l.q
	if len(q.SortClause) == 0 || q.HasAggs || len(q.GroupClause) > 0 || q.HasWindowFuncs || q.HavingQual != nil ||
		len(q.DistinctClause) > 0 || q.HasTargetSRFs || q.SetOperations != nil {
		return nil
	}
	var out []orderKey
	for _, c := range q.SortClause {
		e, _ := l.targetExpr(c)
		v, ok := stripRelabel(e).(*query.Var)
		if !ok || v.Varlevelsup != 0 {
			return nil
		}
		out = append(out, orderKey{v.Varno, v.Varattno, c.Reverse, c.NullsFirst})
	}
	return out
}

// satisfies tells whether rows in order have are in order want.
func (l *level) satisfies(have, want []orderKey) bool {
	if len(want) == 0 || len(have) < len(want) {
		return false
	}
	for i, w := range want {
		h := have[i]
		if h.rti != w.rti || h.attno != w.attno || h.desc != w.desc {
			return false
		}
		if h.nullsFirst != w.nullsFirst && !l.notNull(w) {
			return false
		}
	}
	return true
}

func (l *level) notNull(k orderKey) bool {
	src := l.rtes[k.rti]
	return src != nil && src.rel != nil && k.attno > 0 && src.rel.Table.Columns[k.attno-1].NotNull
}

// ordered replaces the cheapest path by one that already has the order of ORDER BY,
// when that is cheaper than sorting.
func (l *level) ordered(p *problem, best *path) *path {
	want := l.requiredOrder()
	if want == nil || len(p.sources) != 1 || p.sources[0].rel == nil {
		return best
	}
	src := p.sources[0]
	share := 1.0
	if c, ok := l.q.LimitCount.(*query.Const); ok && !c.Constisnull {
		n := float64(c.Constvalue.Int())
		if o, ok := l.q.LimitOffset.(*query.Const); ok && !o.Constisnull {
			n += float64(o.Constvalue.Int())
		}
		share = math.Min(1, n/best.rows)
	}
	sorted := best.cost
	if !l.satisfies(best.order, want) {
		r := math.Max(2, best.rows)
		sorted += 2 * cpuOperatorCost * r * math.Log2(r)
	} else {
		sorted *= share
	}
	pick := best
	for _, ix := range src.rel.Indexes {
		if !l.indexUsable(src, ix) {
			continue
		}
		m := l.matchIndex(src, ix, src.quals, relset{})
		for _, reverse := range []bool{false, true} {
			c := l.indexPath(src, ix, m, l.wanted(src), nil, reverse)
			if l.satisfies(c.order, want) && c.cost*share < sorted {
				pick, sorted = l.apply(p, c), c.cost*share
			}
		}
	}
	l.order = pick.order
	return pick
}

// alreadySorted tells whether the rows come in the order of ORDER BY.
func (s *step) alreadySorted(_ []*query.SortGroupClause, _ []query.Expr) bool {
	return s.l.satisfies(s.l.order, s.l.requiredOrder())
}
