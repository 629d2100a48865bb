package planner

import (
	"math"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// wanted lists the columns a scan of a table returns.
func (l *level) wanted(src *source) []ScanCol {
	var cols []ScanCol
	used := l.used[src.rti]
	for i := range src.rel.Table.Columns {
		if used[int16(i+1)] {
			cols = append(cols, ScanCol(i+1))
		}
	}
	for a := int16(0); a >= -6; a-- {
		if used[a] {
			cols = append(cols, ScanCol(a))
		}
	}
	if l.targets[src.rti] {
		cols = append(cols, ScanRowKey)
	}
	return cols
}

func scanLayout(rti int, cols []ScanCol) layout {
	lay := newLayout()
	for _, c := range cols {
		lay.addVar(rti, int16(c))
	}
	return lay
}

// indexMatch is how far conditions restrict a range of an index.
type indexMatch struct {
	eq     []query.Expr
	lo, hi query.Expr
	loIncl bool
	hiIncl bool
	in     query.Expr
	used   []query.Expr
	sel    float64
	unique bool // at most one row
}

// Btree strategies.
const (
	stratLT = 1 + iota
	stratLE
	stratEQ
	stratGE
	stratGT
)

// matchIndex finds the longest range of an index that the conditions allow. Values
// may read the relations of outer only.
func (l *level) matchIndex(src *source, ix *RelIndex, quals []query.Expr, outer relset) indexMatch {
	m := indexMatch{sel: 1}
	for i := range ix.Cols {
		if q, v := l.findCond(src, ix, i, quals, outer, stratEQ); q != nil {
			m.eq = append(m.eq, v)
			m.used = append(m.used, q)
			m.sel *= l.selectivity(q)
			continue
		}
		if q, v := l.findIn(src, ix, i, quals, outer); q != nil {
			m.in, m.used = v, append(m.used, q)
			m.sel *= l.selectivity(q)
			return m
		}
		for _, s := range []int{stratGE, stratGT} {
			if q, v := l.findCond(src, ix, i, quals, outer, s); q != nil && m.lo == nil {
				m.lo, m.loIncl, m.used = v, s == stratGE, append(m.used, q)
			}
		}
		for _, s := range []int{stratLE, stratLT} {
			if q, v := l.findCond(src, ix, i, quals, outer, s); q != nil && m.hi == nil {
				m.hi, m.hiIncl, m.used = v, s == stratLE, append(m.used, q)
			}
		}
		if m.lo != nil && m.hi != nil {
			m.sel *= defaultEqSel
		} else if m.lo != nil || m.hi != nil {
			m.sel *= defaultRangeSel
		}
		break
	}
	m.unique = ix.Index.Unique && len(m.eq) == len(ix.Cols)
	if m.unique {
		m.sel = math.Min(m.sel, 1/tableRows(src.rel))
	}
	return m
}

// findCond looks for `column op value` on column i of an index.
func (l *level) findCond(src *source, ix *RelIndex, i int, quals []query.Expr, outer relset, strategy int) (query.Expr, query.Expr) {
	for _, q := range quals {
		op, ok := q.(*query.OpExpr)
		if !ok || len(op.Args) != 2 {
			continue
		}
		for side := range 2 {
			want := strategy
			if side == 1 {
				want = 6 - strategy
			}
			col, val := op.Args[side], op.Args[1-side]
			if !l.isIndexCol(src, ix, i, col) || !l.hasStrategy(ix, i, op.Opno, want) {
				continue
			}
			if l.usable(src, ix, i, val, val.Type(), outer) {
				return q, val
			}
		}
	}
	return nil, nil
}

// findIn looks for `column = ANY (array)`.
func (l *level) findIn(src *source, ix *RelIndex, i int, quals []query.Expr, outer relset) (query.Expr, query.Expr) {
	for _, q := range quals {
		op, ok := q.(*query.ScalarArrayOpExpr)
		if !ok || !op.UseOr || !l.isIndexCol(src, ix, i, op.Args[0]) || !l.hasStrategy(ix, i, op.Opno, stratEQ) {
			continue
		}
		t, err := types.Resolve(l.b.env.Types, op.Args[1].Type())
		if err != nil || t.ElemType() == nil {
			continue
		}
		if l.usable(src, ix, i, op.Args[1], t.ElemType().OID, outer) {
			return q, op.Args[1]
		}
	}
	return nil, nil
}

func (l *level) isIndexCol(src *source, ix *RelIndex, i int, e query.Expr) bool {
	if ix.Cols[i] < 0 {
		return query.Equal(atRti(ix.Trees[i], src.rti), e)
	}
	v, ok := stripRelabel(e).(*query.Var)
	return ok && v.Varlevelsup == 0 && v.Varno == src.rti && int(v.Varattno) == ix.Cols[i]+1
}

// atRti rewrites an expression over a table (varno 1) to a range table entry.
func atRti(e query.Expr, rti int) query.Expr {
	return query.Rewrite(e, func(e query.Expr) query.Expr {
		if v, ok := e.(*query.Var); ok {
			v.Varno = rti
		}
		return e
	})
}

func (l *level) hasStrategy(ix *RelIndex, i int, op uint32, strategy int) bool {
	fams, err := l.b.env.Cat.OperatorFamilies(op)
	if err != nil {
		return false
	}
	if ix.Index.AM == catalog.HashAM {
		if strategy != stratEQ {
			return false
		}
		strategy = catalog.HTEqual
	}
	for _, f := range fams {
		if f.Family == ix.Index.Columns[i].OpFamily && int(f.Strategy) == strategy {
			return true
		}
	}
	return false
}

// usable tells whether a value can be computed before the scan and has the key's form.
func (l *level) usable(src *source, ix *RelIndex, i int, val query.Expr, typ uint32, outer relset) bool {
	t, err := types.Resolve(l.b.env.Types, typ)
	if err != nil || volatile(val) {
		return false
	}
	key := ix.Codec.Cols[i].Type
	if t.OID != key.OID && (class(t) != class(key) || key.Kind == 0 || t.OID == types.Float4 || key.OID == types.Float4) {
		return false
	}
	refs := l.refs(val)
	if refs.overlaps(src.set) || !refs.within(outer) {
		return false
	}
	return refs.empty() || !hasSublink(val)
}

// tablePaths lists the ways to read a table. joinQuals are conditions with the
// relations of outer, whose values arrive as parameters.
func (l *level) tablePaths(src *source, joinQuals []query.Expr, outer relset) []*path {
	cols := l.wanted(src)
	rows := tableRows(src.rel)
	width := rowWidth(src.rel, cols)
	sel := 1.0
	for _, q := range src.quals {
		sel *= l.selectivity(q)
	}
	var out []*path
	if outer.empty() {
		c := seqPageCost*math.Ceil(rows*float64(max(width, 40))/pageBytes) + rows*(cpuTupleCost+cpuOperatorCost*float64(len(src.quals)))
		if l.b.env.Disable.SeqScan {
			c += disabledCost
		}
		p := &path{set: src.set, rows: math.Max(1, rows*sel), cost: c, rescan: c, width: width}
		p.order = keyOrder(src, src.rel.rowKey(), false)
		p.build = func() (Node, layout, error) { return l.buildSeq(src, cols, p) }
		out = append(out, p)
	}
	for _, ix := range src.rel.Indexes {
		if !l.indexUsable(src, ix) {
			continue
		}
		all := append(append([]query.Expr(nil), joinQuals...), src.quals...)
		m := l.matchIndex(src, ix, all, outer)
		if len(m.used) == 0 && (!outer.empty() || ix.RowKey || ix.Index.AM == catalog.HashAM) {
			continue
		}
		if !outer.empty() && !l.readsOuter(m, outer) {
			continue
		}
		out = append(out, l.indexPath(src, ix, m, cols, joinQuals, false))
	}
	return out
}

func (r *Rel) rowKey() *RelIndex {
	for _, ix := range r.Indexes {
		if ix.RowKey {
			return ix
		}
	}
	return nil
}

func (l *level) readsOuter(m indexMatch, outer relset) bool {
	for _, q := range m.used {
		if l.refs(q).overlaps(outer) {
			return true
		}
	}
	return false
}

// indexUsable tells whether queries may read an index at all.
func (l *level) indexUsable(src *source, ix *RelIndex) bool {
	env := l.b.env
	if !ix.Index.Valid || env.Disable.IndexScan && !ix.RowKey || ix.Codec == nil && !ix.RowKey {
		return false
	}
	if env.Snapshot != 0 && ix.Index.ValidFrom > uint64(env.Snapshot) {
		return false
	}
	if ix.PredTree == nil {
		return true
	}
	pred := atRti(ix.PredTree, src.rti)
	for _, p := range conjuncts(pred) {
		found := false
		for _, q := range src.quals {
			found = found || query.Equal(p, q)
		}
		if !found {
			return false
		}
	}
	return true
}

// keyOrder is the order in which an index, or the row key, returns rows.
func keyOrder(src *source, ix *RelIndex, reverse bool) []orderKey {
	if ix == nil || ix.Index.AM == catalog.HashAM {
		return nil
	}
	var out []orderKey
	for i, c := range ix.Cols {
		if c < 0 {
			break
		}
		k := &ix.Index.Columns[i]
		out = append(out, orderKey{src.rti, int16(c + 1), k.Desc != reverse, k.NullsFirst != reverse})
	}
	return out
}
