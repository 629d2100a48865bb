package planner

import (
	"math"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
)

// buildSeq makes the plan of reading a whole table.
func (l *level) buildSeq(src *source, cols []ScanCol, p *path) (Node, layout, error) {
	lay := scanLayout(src.rti, cols)
	f, err := l.filter(src.quals, &lay)
	n := &SeqScan{Scan: Scan{Rel: src.rel, Rti: src.rti, Alias: alias(src.rte), Reads: cols, Filter: f}}
	n.setCost(p, len(cols))
	n.RowByRow = anyVolatile(src.quals)
	return n, lay, err
}

func (b *Base) setCost(p *path, cols int) {
	b.Cost = Cost{Startup: p.start, Total: p.cost, Rows: math.Max(1, math.Round(p.rows)), Width: p.width}
	b.Cols = cols
}

func anyVolatile(list []query.Expr) bool {
	for _, e := range list {
		if volatile(e) {
			return true
		}
	}
	return false
}

// indexPath is reading the range m of an index. joinQuals are the conditions with other
// relations that the scan may answer; those it does not are left to the join.
func (l *level) indexPath(src *source, ix *RelIndex, m indexMatch, cols []ScanCol, joinQuals []query.Expr, reverse bool) *path {
	total := tableRows(src.rel)
	matched := math.Max(1, total*m.sel)
	if m.unique {
		matched = 1
	}
	rest := 1.0
	for _, q := range src.quals {
		if !contains(m.used, q) {
			rest *= l.selectivity(q)
		}
	}
	only := !ix.RowKey && ix.Index.AM != catalog.HashAM && !l.b.env.Disable.IndexOnlyScan && coveredBy(ix, src.rel, cols)
	c := lookupCost + matched*(cpuIndexCost+cpuTupleCost+cpuOperatorCost*float64(len(src.quals)))
	if ix.RowKey {
		c += seqPageCost * matched * float64(max(rowWidth(src.rel, cols), 40)) / pageBytes
	} else if !only {
		c += fetchCost * matched
	}
	p := &path{set: src.set, rows: math.Max(1, matched*rest), start: 0.1, cost: c, rescan: c, width: rowWidth(src.rel, cols)}
	p.order = keyOrder(src, ix, reverse)
	if m.in != nil && len(m.eq) < len(p.order) {
		p.order = nil
	}
	// Columns fixed by equality order nothing.
	if n := len(m.eq); n <= len(p.order) {
		p.order = p.order[n:]
	}
	for _, q := range m.used {
		p.needs = p.needs.union(l.refs(q))
	}
	p.needs = p.needs.minus(src.set)
	p.build = func() (Node, layout, error) { return l.buildIndex(src, ix, m, cols, p, only, reverse) }
	return p
}

func contains(list []query.Expr, e query.Expr) bool {
	for _, x := range list {
		if x == e {
			return true
		}
	}
	return false
}

// coveredBy tells whether an index entry alone holds every wanted column exactly.
func coveredBy(ix *RelIndex, r *Rel, cols []ScanCol) bool {
	for _, c := range cols {
		found := false
		for i, k := range ix.Cols {
			found = found || k == int(c)-1 && rowcodec.KeyExact(ix.Codec.Cols[i].Type)
		}
		for i, k := range r.KeyCols {
			found = found || k == int(c)-1 && rowcodec.KeyExact(r.Key[i].Type)
		}
		if !found || c <= 0 {
			return false
		}
	}
	return true
}

// buildIndex makes the plan of an index range. Values of other relations become
// executor parameters, listed in p.params for the nested loop above.
func (l *level) buildIndex(src *source, ix *RelIndex, m indexMatch, cols []ScanCol, p *path, only, reverse bool) (Node, layout, error) {
	lay := scanLayout(src.rti, cols)
	p.params = nil
	value := func(e query.Expr) (*expr.Compiled, error) {
		if e == nil {
			return nil, nil
		}
		if !l.refs(e).empty() {
			id := l.b.newParam()
			p.params = append(p.params, SubplanParamExpr{id, e})
			e = execParam(id, e)
		}
		return l.compile(e, nil)
	}
	n := &IndexScan{Index: ix, Only: only, Reverse: reverse, Cond: m.used}
	n.Rel, n.Rti, n.Alias, n.Reads = src.rel, src.rti, alias(src.rte), cols
	for _, e := range m.eq {
		c, err := value(e)
		if err != nil {
			return nil, lay, err
		}
		n.Eq = append(n.Eq, c)
	}
	var err error
	if n.In, err = value(m.in); err != nil {
		return nil, lay, err
	}
	if m.lo != nil {
		c, err := value(m.lo)
		if err != nil {
			return nil, lay, err
		}
		n.Lo = &Bound{c, m.loIncl}
	}
	if m.hi != nil {
		c, err := value(m.hi)
		if err != nil {
			return nil, lay, err
		}
		n.Hi = &Bound{c, m.hiIncl}
	}
	var rest []query.Expr
	for _, q := range src.quals {
		if !contains(m.used, q) {
			rest = append(rest, q)
		}
	}
	if n.Filter, err = l.filter(rest, &lay); err != nil {
		return nil, lay, err
	}
	n.setCost(p, len(cols))
	n.RowByRow = anyVolatile(rest)
	return n, lay, nil
}

// filterable gives a scan its filter, if it takes one and has none of its own: it may be
// the whole plan of a subquery.
func filterable(n Node, f Filter) bool {
	var own *Filter
	switch n := n.(type) {
	case *FunctionScan:
		own = &n.Filter
	case *ValuesScan:
		own = &n.Filter
	case *CTEScan:
		own = &n.Filter
	case *Result:
		return len(f.Quals) == 0
	default:
		return false
	}
	if len(f.Quals) > 0 && len(own.Quals) > 0 {
		return false
	}
	if len(f.Quals) > 0 {
		*own = f
	}
	return true
}

// otherPath is reading a subquery, function, VALUES list or CTE.
func (l *level) otherPath(src *source) *path {
	info := src.node.Info()
	sel := 1.0
	for _, q := range src.quals {
		sel *= l.selectivity(q)
	}
	p := &path{
		set: src.set, rows: math.Max(1, info.Rows*sel), start: info.Startup,
		cost: info.Total + info.Rows*cpuOperatorCost*float64(len(src.quals)), width: info.Width, needs: src.deps,
	}
	p.rescan = p.cost
	p.params = src.params
	p.build = func() (Node, layout, error) {
		f, err := l.filter(src.quals, &src.lay)
		if err != nil {
			return nil, src.lay, err
		}
		if filterable(src.node, f) {
			return src.node, src.lay, nil
		}
		n := &SubqueryScan{Alias: alias(src.rte), Child: src.node, Filter: f}
		n.setCost(p, src.lay.n)
		n.RowByRow = info.RowByRow || anyVolatile(src.quals)
		return n, src.lay, nil
	}
	return p
}
