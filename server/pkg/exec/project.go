package exec

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/planner"
)

// projectOp is planner.Project.
type projectOp struct {
	output
	n     *planner.Project
	child operator
	in    *data.Batch // rows of child, from at on still to be projected
	at    int
	row   []data.Datum
	vals  []data.Datum
}

func newProject(r *Run, n *planner.Project) (operator, error) {
	child, err := r.build(n.Child)
	if err != nil {
		return nil, err
	}
	return &projectOp{output: newOutput(r, len(n.Exprs)), n: n, child: child}, nil
}

func (op *projectOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	var err error
	if op.in == nil || op.at >= op.in.Rows() {
		if op.in, err = op.child.next(want); err != nil || op.in == nil {
			return nil, err
		}
		op.at = 0
	}
	// Values may be far larger than what they are computed from: the rest of
	// the input waits when the batch is full.
	for op.at < op.in.Rows() && op.b.N < want && !op.b.Full() {
		op.row = op.in.Row(op.in.Lane(op.at), op.row)
		op.at++
		if op.vals, err = evalInto(op.c, op.vals, op.n.Exprs, op.row); err != nil {
			return op.finish(err)
		}
		op.add(op.vals)
		op.c.Arena.Reset()
	}
	return op.finish(nil)
}

func (op *projectOp) rescan() error { op.pending, op.in = nil, nil; return op.child.rescan() }
func (op *projectOp) close()        { op.child.close(); op.free() }

// filterOp is planner.FilterNode and planner.SubqueryScan.
type filterOp struct {
	output
	filter *planner.Filter
	child  operator
	row    []data.Datum
	sel    []uint16
}

func newFilter(r *Run, child planner.Node, filter *planner.Filter) (operator, error) {
	op, err := r.build(child)
	if err != nil || len(filter.Quals) == 0 {
		return op, err
	}
	return &filterOp{output: newOutput(r, 0), filter: filter, child: op}, nil
}

func (op *filterOp) next(want int) (*data.Batch, error) {
	for {
		if err := op.begin(); err != nil {
			return nil, err
		}
		in, err := op.child.next(want)
		if err != nil || in == nil {
			return nil, err
		}
		op.sel = op.sel[:0]
		for i := range in.Rows() {
			lane := in.Lane(i)
			op.row = in.Row(lane, op.row)
			ok, err := pass(op.c, op.filter, op.row)
			op.c.Arena.Reset()
			if err != nil {
				if len(op.sel) == 0 {
					return nil, err
				}
				op.pending = err
				break
			}
			if ok {
				op.sel = append(op.sel, uint16(lane))
			}
		}
		if len(op.sel) > 0 {
			in.Sel = op.sel
			return in, nil
		}
	}
}

func (op *filterOp) rescan() error { op.pending = nil; return op.child.rescan() }
func (op *filterOp) close()        { op.child.close(); op.free() }

// projectSetOp is planner.ProjectSet: each input row gives as many rows as its
// longest set, shorter ones continue with NULL.
type projectSetOp struct {
	output
	n     *planner.ProjectSet
	in    reader
	row   []data.Datum // the input row; nil between rows
	sets  []setCall    // one for each item that is a set
	vals  []data.Datum
	moved bool
}

func newProjectSet(r *Run, n *planner.ProjectSet) (operator, error) {
	child, err := r.build(n.Child)
	if err != nil {
		return nil, err
	}
	op := &projectSetOp{output: newOutput(r, len(n.Items)), n: n, in: reader{in: child, want: 1}}
	op.sets = make([]setCall, len(n.Items))
	op.vals = make([]data.Datum, len(n.Items))
	for i, it := range n.Items {
		if it.Set != nil {
			op.sets[i] = newSetCall(r, it.Set)
		}
	}
	return op, nil
}

func (op *projectSetOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	for op.b.N < want && !op.b.Full() {
		if op.row == nil {
			row, err := op.in.next()
			if err != nil || row == nil {
				return op.finish(err)
			}
			op.row = row
			for i := range op.sets {
				if op.n.Items[i].Set != nil {
					if err := op.sets[i].start(row); err != nil {
						return op.finish(err)
					}
				}
			}
		}
		any, err := op.step()
		if err != nil {
			return op.finish(err)
		}
		if any {
			op.add(op.vals)
		} else {
			op.row = nil
		}
	}
	return op.finish(nil)
}

// step computes one output row; false when every set is at its end.
func (op *projectSetOp) step() (bool, error) {
	any := false
	for i, it := range op.n.Items {
		if it.Set == nil {
			continue
		}
		ok, err := op.sets[i].next()
		if err != nil {
			return false, err
		}
		op.vals[i] = data.Null
		if ok {
			any = true
			op.vals[i] = op.sets[i].value(op.c)
		}
	}
	if !any {
		return false, nil
	}
	for i, it := range op.n.Items {
		if it.Set == nil {
			d, err := it.Expr.Eval(op.c, op.row)
			if err != nil {
				return false, err
			}
			op.vals[i] = d
		}
	}
	return true, nil
}

func (op *projectSetOp) rescan() error {
	op.pending, op.row = nil, nil
	return op.in.rescan()
}

func (op *projectSetOp) close() {
	op.in.in.close()
	for i := range op.sets {
		op.sets[i].close()
	}
	op.free()
}
