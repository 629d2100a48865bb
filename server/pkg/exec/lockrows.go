package exec

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/planner"
)

// lockRowsOp is planner.LockRows. It locks one row after the other and only as
// many as are wanted.
type lockRowsOp struct {
	output
	n     *planner.LockRows
	in    reader
	locks []locker
}

func newLockRows(r *Run, n *planner.LockRows) (operator, error) {
	child, err := r.build(n.Child)
	if err != nil {
		return nil, err
	}
	op := &lockRowsOp{output: newOutput(r, n.Info().Cols), n: n, in: reader{in: child}}
	for i := range n.Marks {
		op.locks = append(op.locks, newLocker(r.st, n.Marks[i].Rel))
	}
	return op, nil
}

func (op *lockRowsOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	op.in.want = want
	for op.b.N < want && !op.b.Full() {
		row, err := op.in.next()
		if err != nil || row == nil {
			return op.finish(err)
		}
		keep, err := op.lockRow(row)
		if err != nil {
			return op.finish(err)
		}
		if keep {
			op.add(row)
		}
	}
	return op.finish(nil)
}

// lockRow locks the rows that made this one and reports whether it still counts.
func (op *lockRowsOp) lockRow(row []data.Datum) (bool, error) {
	changed := false
	for i := range op.n.Marks {
		m := &op.n.Marks[i]
		if row[m.KeySlot].IsNull() {
			continue // the missing side of an outer join
		}
		what, err := op.locks[i].lock(op.c.Context, row[m.KeySlot].Bytes(), m.Mode, m.Policy)
		if err != nil || what == rowGone {
			return false, err
		}
		if what == rowChanged {
			changed = true
			if err := op.locks[i].refresh(op.c, &m.Target, row); err != nil {
				return false, err
			}
		}
	}
	if !changed {
		return true, nil
	}
	return recheck(op.c, &op.n.Marks[0].Target, row)
}

func (op *lockRowsOp) rescan() error { op.pending = nil; return op.in.rescan() }

func (op *lockRowsOp) close() {
	op.in.in.close()
	op.free()
}
