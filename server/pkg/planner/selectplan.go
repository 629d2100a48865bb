package planner

import (
	"math"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// step is a plan under construction: a node and where its columns are.
type step struct {
	l    *level
	node Node
	lay  layout
}

// selectQuery plans l.q, a SELECT. The result's columns are the visible target entries.
func (l *level) selectQuery() (Node, error) {
	q := l.q
	if err := l.planCTEs(); err != nil {
		return nil, err
	}
	for _, m := range q.RowMarks {
		l.targets[m.Rti] = true
	}
	s := &step{l: l}
	var err error
	if q.SetOperations != nil {
		err = s.setOperations()
	} else {
		err = s.from(q.JoinTree)
	}
	if err != nil {
		return nil, err
	}
	for _, f := range []func() error{s.aggregate, s.windows} {
		if err := f(); err != nil {
			return nil, err
		}
	}
	if len(q.DistinctClause) > 0 || q.HasTargetSRFs {
		err = s.distinctTail()
	} else {
		err = s.plainTail()
	}
	if err == nil && l.parent == nil {
		err = l.pointSelect()
	}
	return s.node, err
}

// from plans FROM and WHERE.
func (s *step) from(from *query.FromExpr) error {
	p, err := s.l.joinTree(from)
	if err != nil {
		return err
	}
	best, err := s.l.solve(p)
	if err != nil {
		return err
	}
	best = s.l.ordered(p, best)
	s.node, s.lay, err = s.l.finish(p, best).build()
	return err
}

// plainTail is ORDER BY, row locks, the target list and LIMIT. Values that ORDER BY does
// not need are computed last, for the rows that remain.
func (s *step) plainTail() error {
	if err := s.sort(s.sortExprs(s.l.q.SortClause)); err != nil {
		return err
	}
	if err := s.lockRows(); err != nil {
		return err
	}
	if err := s.project(false); err != nil {
		return err
	}
	return s.limit(nil)
}

// distinctTail is for DISTINCT and set-returning target lists: the target list comes first.
func (s *step) distinctTail() error {
	q := s.l.q
	if err := s.project(true); err != nil {
		return err
	}
	keys, err := s.targetKeys(q.DistinctClause)
	if err != nil {
		return err
	}
	if len(keys) > 0 && !q.HasDistinctOn {
		n := &Distinct{Child: s.node, Keys: keys}
		s.above(n, &n.Base, 0.3, cpuTupleCost)
		s.node = n
	}
	order := q.SortClause
	if q.HasDistinctOn && len(order) == 0 {
		order = q.DistinctClause
	}
	sortKeys, err := s.targetKeys(order)
	if err != nil {
		return err
	}
	s.addSort(sortKeys, len(keys) == 0 || !q.HasDistinctOn)
	if q.HasDistinctOn {
		n := &Unique{Child: s.node, Keys: keys}
		s.above(n, &n.Base, 0.3, cpuOperatorCost)
		s.node = n
	}
	if err := s.limit(sortKeys); err != nil {
		return err
	}
	return s.visibleOnly()
}

// above fills in the figures of a node put on top.
func (s *step) above(n Node, b *Base, share, perRow float64) {
	in := s.node.Info()
	b.Cols = in.Cols
	b.RowByRow = in.RowByRow
	b.Cost = in.Cost
	b.Rows = math.Max(1, math.Round(in.Rows*share))
	b.Total += in.Rows * perRow
}

// targetExpr finds the target entry that a sort or group clause names.
func (l *level) targetExpr(c *query.SortGroupClause) (query.Expr, int) {
	for i, te := range l.q.TargetList {
		if te.Ressortgroupref == c.TleSortGroupRef {
			return te.Expr, i
		}
	}
	return nil, -1
}

func (s *step) sortExprs(clause []*query.SortGroupClause) ([]*query.SortGroupClause, []query.Expr) {
	var exprs []query.Expr
	for _, c := range clause {
		e, _ := s.l.targetExpr(c)
		exprs = append(exprs, e)
	}
	return clause, exprs
}

func (l *level) sortKey(c *query.SortGroupClause, e query.Expr, slot int) (SortKey, error) {
	t, err := types.Resolve(l.b.env.Types, e.Type())
	if err != nil {
		return SortKey{}, err
	}
	if !t.HasOrder() {
		return SortKey{}, pgerr.FeatureNotSupported("ordering of type " + t.Name)
	}
	return SortKey{Slot: slot, Type: t, Desc: c.Reverse, NullsFirst: c.NullsFirst}, nil
}

// targetKeys are sort keys over the projected target list.
func (s *step) targetKeys(clause []*query.SortGroupClause) ([]SortKey, error) {
	var out []SortKey
	for _, c := range clause {
		e, at := s.l.targetExpr(c)
		if e == nil {
			return nil, pgerr.Internal("sort clause without target entry")
		}
		k, err := s.l.sortKey(c, e, at)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

// extend adds columns for expressions that are not among the row's yet and returns their slots.
func (s *step) extend(list []query.Expr) ([]int, error) {
	slots := make([]int, len(list))
	var add []query.Expr
	lay := copyOf(s.lay)
	for i, e := range list {
		if at, ok := lay.slot(e); ok {
			slots[i] = at
			continue
		}
		slots[i] = lay.addExpr(e)
		add = append(add, e)
	}
	if len(add) == 0 {
		return slots, nil
	}
	n := &Project{Child: s.node}
	for i := range s.lay.n {
		n.Exprs = append(n.Exprs, expr.SlotRef(i))
	}
	more, err := s.l.compileAll(add, &s.lay)
	if err != nil {
		return nil, err
	}
	n.Exprs = append(n.Exprs, more...)
	s.above(n, &n.Base, 1, cpuOperatorCost*float64(len(add)))
	n.Cols = len(n.Exprs)
	n.RowByRow = n.RowByRow || anyVolatile(add)
	s.node, s.lay = n, lay
	return slots, nil
}

// sort orders the rows by expressions over them.
func (s *step) sort(clause []*query.SortGroupClause, exprs []query.Expr) error {
	if len(clause) == 0 || s.alreadySorted(clause, exprs) {
		return nil
	}
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
	s.addSort(keys, true)
	s.node.(*Sort).KeyTree = exprs
	return nil
}

// addSort puts a sort on top; bounded tells that LIMIT stands directly above it.
func (s *step) addSort(keys []SortKey, bounded bool) {
	if len(keys) == 0 {
		return
	}
	n := &Sort{Child: s.node, Keys: keys}
	s.above(n, &n.Base, 1, 0)
	rows := math.Max(2, n.Rows)
	n.Startup = n.Total + 2*cpuOperatorCost*rows*math.Log2(rows)
	n.Total = n.Startup + cpuOperatorCost*rows
	if q := s.l.q; bounded && q.LimitCount != nil && q.LimitOption == query.LimitOptionCount && len(q.RowMarks) == 0 {
		if c, err := s.l.compile(q.LimitCount, nil); err == nil {
			n.Limit = c
			if q.LimitOffset != nil {
				n.Offset, _ = s.l.compile(q.LimitOffset, nil)
			}
		}
	}
	s.node = n
}

// project computes the target list. With all set junk entries stay, and the layout
// afterwards is the target list's.
func (s *step) project(all bool) error {
	q := s.l.q
	if q.HasTargetSRFs {
		return s.projectSet()
	}
	n := &Project{Child: s.node}
	for _, te := range q.TargetList {
		if te.Resjunk && !all {
			continue
		}
		c, err := s.l.compile(te.Expr, &s.lay)
		if err != nil {
			return err
		}
		n.Exprs, n.Tree = append(n.Exprs, c), append(n.Tree, te.Expr)
		n.RowByRow = n.RowByRow || c.Volatile() && volatile(te.Expr)
	}
	if s.identity(n.Exprs) {
		return nil
	}
	vol := n.RowByRow
	s.above(n, &n.Base, 1, 0)
	n.Cols = len(n.Exprs)
	n.RowByRow = n.RowByRow || vol
	s.node = n
	return nil
}

// identity tells whether a projection would return its input.
func (s *step) identity(exprs []*expr.Compiled) bool {
	if len(exprs) != s.node.Info().Cols {
		return false
	}
	for i, e := range exprs {
		if e.SlotOnly() != i {
			return false
		}
	}
	return true
}

// visibleOnly drops junk columns from a projected target list.
func (s *step) visibleOnly() error {
	n := &Project{Child: s.node}
	for i, te := range s.l.q.TargetList {
		if !te.Resjunk {
			n.Exprs = append(n.Exprs, expr.SlotRef(i))
		}
	}
	if s.identity(n.Exprs) {
		return nil
	}
	s.above(n, &n.Base, 1, 0)
	n.Cols = len(n.Exprs)
	s.node = n
	return nil
}

// limit is LIMIT and OFFSET.
func (s *step) limit(ties []SortKey) error {
	q := s.l.q
	if q.LimitCount == nil && q.LimitOffset == nil {
		return nil
	}
	n := &Limit{Child: s.node}
	var err error
	if q.LimitCount != nil {
		if n.Count, err = s.l.compile(q.LimitCount, nil); err != nil {
			return err
		}
	}
	if q.LimitOffset != nil {
		if n.Offset, err = s.l.compile(q.LimitOffset, nil); err != nil {
			return err
		}
	}
	if q.LimitOption == query.LimitOptionWithTies {
		if ties == nil {
			return pgerr.FeatureNotSupported("FETCH FIRST ... WITH TIES")
		}
		n.WithTies = ties
	}
	s.above(n, &n.Base, 1, 0)
	if n.Count != nil {
		if d, ok := n.Count.Const(); ok && !d.IsNull() && float64(d.Int()) < n.Rows {
			share := float64(d.Int()) / n.Rows
			n.Total = n.Startup + (n.Total-n.Startup)*share
			n.Rows = math.Max(1, float64(d.Int()))
		}
	}
	s.node = n
	return nil
}

// rowModes are the row lock modes of FOR UPDATE and its kin, which write nothing.
var rowModes = [...]kv.RowMode{
	query.LockForKeyShare: kv.KeyShare, query.LockForShare: kv.Share,
	query.LockForNoKeyUpdate: kv.ForNoKeyUpdate, query.LockForUpdate: kv.ForUpdate,
}

// lockRows is FOR UPDATE and its kin.
func (s *step) lockRows() error {
	l := s.l
	if len(l.q.RowMarks) == 0 {
		return nil
	}
	n := &LockRows{Child: s.node}
	for _, m := range l.q.RowMarks {
		src := l.rtes[m.Rti]
		if src == nil || src.rel == nil {
			continue
		}
		if t := src.rel.Table; t.Relkind == catalog.RelkindSequence {
			return pgerr.Newf(pgerr.WrongObjectType, "cannot lock rows in sequence \"%s\"", t.Name)
		}
		t, err := l.target(m.Rti, src.rel, &s.lay)
		if err != nil {
			return err
		}
		l.b.lock(src.rel.Table, kv.RowShare)
		l.b.writes = true
		n.Marks = append(n.Marks, RowMark{Target: t, Mode: rowModes[m.Strength], Policy: m.WaitPolicy, Name: alias(src.rte)})
	}
	if len(n.Marks) == 0 {
		return nil
	}
	s.above(n, &n.Base, 1, cpuTupleCost)
	n.RowByRow = true
	s.node = n
	return nil
}

// target describes a relation whose rows are locked within the row of the given layout.
func (l *level) target(rti int, rel *Rel, lay *layout) (Target, error) {
	t := Target{Rel: rel, KeySlot: -1}
	for k, slot := range lay.vars {
		if k.varno != rti {
			continue
		}
		if ScanCol(k.attno) == ScanRowKey {
			t.KeySlot = slot
		}
		t.Cols, t.Slots = append(t.Cols, ScanCol(k.attno)), append(t.Slots, slot)
	}
	if t.KeySlot < 0 {
		return t, pgerr.Internal("the row key of range table entry %d is not in the row", rti)
	}
	var err error
	for _, o := range l.outers {
		var r OuterRecheck
		for k, slot := range lay.vars {
			if relsetOf(k.varno).within(o.nullable) {
				r.Slots = append(r.Slots, slot)
			}
		}
		if r.On, err = l.filter(o.on, lay); err != nil {
			return t, err
		}
		t.Outer = append(t.Outer, r)
	}
	t.Recheck, err = l.filter(l.quals, lay)
	return t, err
}
