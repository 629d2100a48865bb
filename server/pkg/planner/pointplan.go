package planner

import (
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// pointInsertRows bounds the VALUES rows of a point INSERT.
const pointInsertRows = 64

// pointKey finds a unique index, the row key first, all of whose columns the conditions
// fix by values known before anything is read.
func (l *level) pointKey(src *source, quals []query.Expr) (*RelIndex, indexMatch) {
	var best *RelIndex
	var bm indexMatch
	for _, ix := range src.rel.Indexes {
		if !ix.Index.Unique || ix.PredTree != nil || ix.Index.NullsNotDistinct || !l.indexUsable(src, ix) {
			continue
		}
		if m := l.matchIndex(src, ix, quals, relset{}); m.unique && (best == nil || ix.RowKey) {
			best, bm = ix, m
		}
	}
	return best, bm
}

// pointSource returns the only table of a query that may be a point plan: no joins, no
// sublinks, nothing that regroups rows.
func (l *level) pointSource() *source {
	q := l.q
	if q.HasAggs || q.HasWindowFuncs || q.HasTargetSRFs || q.HasSubLinks || q.SetOperations != nil ||
		len(q.GroupClause) > 0 || q.HavingQual != nil || len(q.CteList) > 0 || len(l.rtes) != 1 || len(q.RTable) != 1 {
		return nil
	}
	src := l.rtes[1]
	if src == nil || src.rel == nil || anyVolatile(l.quals) {
		return nil
	}
	return src
}

// pointScan sets up the key and the columns of a point plan.
func (l *level) pointScan(p *Point, src *source) (ok bool, lay layout, err error) {
	ix, m := l.pointKey(src, l.quals)
	if ix == nil {
		return false, lay, nil
	}
	p.Rel, p.Index = src.rel, ix
	if p.Key, err = l.compileAll(m.eq, nil); err != nil {
		return false, lay, err
	}
	for _, c := range l.wanted(src) {
		if c != ScanRowKey {
			p.Cols = append(p.Cols, c)
		}
	}
	lay = scanLayout(src.rti, p.Cols)
	var rest []query.Expr
	for _, q := range l.quals {
		if !contains(m.used, q) {
			rest = append(rest, q)
		}
	}
	p.Filter, err = l.filter(rest, &lay)
	return err == nil, lay, err
}

// pointSelect makes a SELECT of one row by its key a point plan.
func (l *level) pointSelect() error {
	q := l.q
	src := l.pointSource()
	if src == nil || q.LimitCount != nil || q.LimitOffset != nil || len(q.RowMarks) > 1 || len(q.DistinctClause) > 0 {
		return nil
	}
	p := &Point{Op: query.CmdSelect}
	ok, lay, err := l.pointScan(p, src)
	if err != nil || !ok {
		return err
	}
	for _, te := range q.TargetList {
		if te.Resjunk {
			if volatile(te.Expr) {
				return nil
			}
			continue
		}
		c, err := l.compile(te.Expr, &lay)
		if err != nil {
			return err
		}
		p.Project = append(p.Project, c)
	}
	for _, m := range q.RowMarks {
		p.Lock = &RowMark{Target: Target{Rel: src.rel}, Mode: rowModes[m.Strength], Policy: m.WaitPolicy}
		if p.Lock.Recheck, err = l.filter(l.quals, &lay); err != nil {
			return err
		}
	}
	l.b.plan.Point = p
	return nil
}

// pointModify makes an UPDATE or DELETE of one row by its key a point plan.
func (l *level) pointModify(n *ModifyTable) error {
	src := l.pointSource()
	if src == nil {
		return nil
	}
	p := &Point{Op: n.Op}
	ok, lay, err := l.pointScan(p, src)
	if err != nil || !ok {
		return err
	}
	w := n.Write
	w.Set = nil
	for _, te := range l.q.TargetList {
		if n.Op != query.CmdUpdate {
			break
		}
		c, err := l.compile(te.Expr, &lay)
		if err != nil {
			return err
		}
		w.Set = append(w.Set, SetCol{int(te.Resno) - 1, c})
	}
	if w.Target.Recheck, err = l.filter(l.quals, &lay); err != nil {
		return err
	}
	ret := l.retLayout(w.Rel, lay)
	w.Returning = nil
	for _, te := range l.q.ReturningList {
		c, err := l.compile(te.Expr, &ret)
		if err != nil {
			return err
		}
		w.Returning = append(w.Returning, c)
	}
	w.Repeats = false
	p.Write = &w
	l.b.plan.Point = p
	return nil
}

// pointInsert makes INSERT ... VALUES without subqueries a point plan.
func (l *level) pointInsert(n *ModifyTable) error {
	q := l.q
	if q.HasSubLinks || q.HasTargetSRFs || len(q.CteList) > 0 || q.JoinTree.Quals != nil {
		return nil
	}
	lists, ok := l.insertRows(n)
	if !ok || len(lists) > pointInsertRows {
		return nil
	}
	p := &Point{Op: query.CmdInsert, Rel: n.Write.Rel}
	for _, list := range lists {
		var row []*expr.Compiled
		for _, e := range list {
			c, err := l.compile(e, nil)
			if err != nil {
				return err
			}
			row = append(row, c)
		}
		p.Values = append(p.Values, row)
	}
	w := n.Write
	p.Write = &w
	l.b.plan.Point = p
	return nil
}

// insertRows lists the expressions of each inserted row, when they need no source of rows.
func (l *level) insertRows(n *ModifyTable) ([][]query.Expr, bool) {
	q := l.q
	if len(q.JoinTree.Fromlist) == 0 {
		var row []query.Expr
		for _, te := range q.TargetList {
			row = append(row, te.Expr)
		}
		return [][]query.Expr{row}, true
	}
	ref, ok := q.JoinTree.Fromlist[0].(*query.RangeTblRef)
	if !ok || len(q.JoinTree.Fromlist) > 1 || q.RTable[ref.Rtindex-1].Rtekind != query.RTEValues {
		return nil, false
	}
	for _, te := range q.ReturningList {
		if l.refs(te.Expr).overlaps(relsetOf(ref.Rtindex)) {
			return nil, false
		}
	}
	var out [][]query.Expr
	for _, vals := range q.RTable[ref.Rtindex-1].ValuesLists {
		if len(vals) == 0 || anySublink(vals) {
			return nil, false
		}
		var row []query.Expr
		for _, te := range q.TargetList {
			row = append(row, query.Rewrite(te.Expr, func(e query.Expr) query.Expr {
				if v, ok := e.(*query.Var); ok && v.Varlevelsup == 0 && v.Varno == ref.Rtindex {
					return vals[v.Varattno-1]
				}
				return e
			}))
		}
		out = append(out, row)
	}
	return out, true
}

func anySublink(list []query.Expr) bool {
	for _, e := range list {
		if hasSublink(e) {
			return true
		}
	}
	return false
}
