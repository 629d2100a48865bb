package planner

import (
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// setOperations plans UNION, INTERSECT and EXCEPT. The target list's variables are
// columns of the leftmost query.
func (s *step) setOperations() error {
	n, err := s.l.setOp(s.l.q.SetOperations)
	if err != nil {
		return err
	}
	leaf := s.l.q.SetOperations
	for {
		op, ok := leaf.(*query.SetOperationStmt)
		if !ok {
			break
		}
		leaf = op.Larg
	}
	s.node = n
	s.lay = rteLayout(leaf.(*query.RangeTblRef).Rtindex, n.Info().Cols)
	return nil
}

func (l *level) setOp(n query.SetOpNode) (Node, error) {
	switch n := n.(type) {
	case *query.RangeTblRef:
		rte := l.q.RTable[n.Rtindex-1]
		node, _, err := l.b.query(rte.Subquery, l)
		return node, err
	case *query.SetOperationStmt:
		return l.setOpNode(n)
	}
	return nil, pgerr.Internal("set operation node %T", n)
}

func (l *level) setOpNode(n *query.SetOperationStmt) (Node, error) {
	if n.Op == query.SetOpUnion {
		return l.union(n)
	}
	left, err := l.setOp(n.Larg)
	if err != nil {
		return nil, err
	}
	right, err := l.setOp(n.Rarg)
	if err != nil {
		return nil, err
	}
	ts, err := l.colTypes(n)
	if err != nil {
		return nil, err
	}
	out := &SetOp{Op: n.Op, All: n.All, Left: left, Right: right, Types: ts}
	li, ri := left.Info(), right.Info()
	out.Cost = Cost{Startup: li.Total + ri.Total, Total: li.Total + ri.Total + (li.Rows+ri.Rows)*cpuTupleCost, Rows: li.Rows, Width: li.Width}
	out.Cols = li.Cols
	out.RowByRow = li.RowByRow || ri.RowByRow
	return out, nil
}

func (l *level) colTypes(n *query.SetOperationStmt) ([]*types.Type, error) {
	var ts []*types.Type
	for _, oid := range n.ColTypes {
		t, err := types.Resolve(l.b.env.Types, oid)
		if err != nil {
			return nil, err
		}
		if !t.HasHash() {
			return nil, pgerr.FeatureNotSupported("set operations over type " + t.Name)
		}
		ts = append(ts, t)
	}
	return ts, nil
}

// union flattens UNION ALL below UNION ALL, and anything but a differing ALL below UNION.
func (l *level) union(n *query.SetOperationStmt) (Node, error) {
	out := &Append{}
	if err := l.unionInputs(out, n, n.All); err != nil {
		return nil, err
	}
	for _, in := range out.Inputs {
		i := in.Info()
		out.Rows += i.Rows
		out.Total += i.Total
		out.Width = i.Width
		out.Cols = i.Cols
		out.RowByRow = out.RowByRow || i.RowByRow
	}
	if n.All {
		return out, nil
	}
	d := &Distinct{Child: out}
	d.Base = out.Base
	d.Total += out.Rows * cpuTupleCost
	ts, err := l.colTypes(n)
	if err != nil {
		return nil, err
	}
	for i, t := range ts {
		d.Keys = append(d.Keys, SortKey{Slot: i, Type: t})
	}
	return d, nil
}

func (l *level) unionInputs(out *Append, n query.SetOpNode, all bool) error {
	if op, ok := n.(*query.SetOperationStmt); ok && op.Op == query.SetOpUnion && (op.All == all || !all) {
		if err := l.unionInputs(out, op.Larg, all); err != nil {
			return err
		}
		return l.unionInputs(out, op.Rarg, all)
	}
	in, err := l.setOp(n)
	if err != nil {
		return err
	}
	out.Inputs = append(out.Inputs, in)
	return nil
}
