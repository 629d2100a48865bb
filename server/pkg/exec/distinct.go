package exec

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// uniqueOp is planner.Unique: it compares each row with the one before.
type uniqueOp struct {
	output
	n    *planner.Unique
	in   reader
	last []data.Datum // nil: no row yet
	keep *data.Arena
}

func newUnique(r *Run, n *planner.Unique) (operator, error) {
	child, err := r.build(n.Child)
	if err != nil {
		return nil, err
	}
	return &uniqueOp{output: newOutput(r, n.Info().Cols), n: n, in: reader{in: child}, keep: data.NewArena(r.st.Account)}, nil
}

func (op *uniqueOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	return op.fillFrom(want, op.row)
}

func (op *uniqueOp) row() ([]data.Datum, error) {
	for {
		row, err := op.in.next()
		if err != nil || row == nil {
			return nil, err
		}
		if op.last != nil && sameKeys(op.n.Keys, op.last, row) {
			continue
		}
		op.keep.Reset()
		op.last = data.Row(row).CopyTo(op.last[:0], op.keep)
		return row, nil
	}
}

func (op *uniqueOp) rescan() error {
	op.last, op.pending = nil, nil
	return op.in.rescan()
}

func (op *uniqueOp) close() {
	op.in.in.close()
	op.keep.Free()
	op.free()
}

// distinctOp is planner.Distinct: it remembers the keys it has seen. Once they
// take more than work_mem, rows with other keys are put off into files.
type distinctOp struct {
	output
	n     *planner.Distinct
	in    reader
	seen  *rowSet
	spill partitions
	rest  *rowCursor // rows of spill being read; nil: the input is
	key   []data.Datum
}

func keyTypes(keys []planner.SortKey) []*types.Type {
	ts := make([]*types.Type, len(keys))
	for i := range keys {
		ts[i] = keys[i].Type
	}
	return ts
}

func newDistinct(r *Run, n *planner.Distinct) (operator, error) {
	child, err := r.build(n.Child)
	if err != nil {
		return nil, err
	}
	return &distinctOp{output: newOutput(r, n.Info().Cols), n: n, in: reader{in: child},
		seen: newRowSet(r, keyTypes(n.Keys)), spill: partitions{r: r}}, nil
}

func (op *distinctOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	return op.fillFrom(want, op.row)
}

func (op *distinctOp) row() ([]data.Datum, error) {
	for {
		row, err := op.input()
		if err != nil || row == nil {
			return nil, err
		}
		op.key = op.key[:0]
		for i := range op.n.Keys {
			op.key = append(op.key, row[op.n.Keys[i].Slot])
		}
		h := hashRow(op.seen.types, op.key)
		switch {
		case op.seen.lookup(op.key, h) >= 0:
		case op.seen.rows() > 0 && op.spill.splits() && op.seen.memBytes() > op.r.st.workMem():
			if err := op.spill.put(row, h); err != nil {
				return nil, err
			}
		default:
			op.seen.insert(op.key, h)
			return row, nil
		}
	}
}

// input returns the next row, of the input or of what was put off; nil at the end.
func (op *distinctOp) input() ([]data.Datum, error) {
	for {
		next := op.in.next
		if op.rest != nil {
			next = op.rest.next
		}
		row, err := next()
		if row != nil || err != nil {
			return row, err
		}
		op.spill.seal()
		if op.rest, err = op.spill.next(op.n.Info().Cols); err != nil || op.rest == nil {
			return nil, err
		}
		op.seen.clear()
		if err := op.c.Cancelled(); err != nil {
			return nil, err
		}
	}
}

func (op *distinctOp) rescan() error {
	op.pending, op.rest = nil, nil
	op.spill.reset()
	op.seen.clear()
	return op.in.rescan()
}

func (op *distinctOp) close() {
	op.in.in.close()
	op.spill.reset()
	op.seen.close()
	op.free()
}

// setOpOp is planner.SetOp. It counts how often each row stands on either
// side, then returns the left side's rows in order of first appearance.
type setOpOp struct {
	output
	n           *planner.SetOp
	left, right reader
	set         *rowSet
	counts      [][2]int64
	ready       bool
	at          int
	repeat      int64
}

func newSetOp(r *Run, n *planner.SetOp) (operator, error) {
	left, err := r.build(n.Left)
	if err != nil {
		return nil, err
	}
	right, err := r.build(n.Right)
	if err != nil {
		left.close()
		return nil, err
	}
	return &setOpOp{output: newOutput(r, n.Info().Cols), n: n, left: reader{in: left}, right: reader{in: right},
		set: newRowSet(r, n.Types)}, nil
}

func (op *setOpOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	if !op.ready {
		for side, in := range []*reader{&op.left, &op.right} {
			if err := op.count(side, in); err != nil {
				return nil, err
			}
		}
		op.ready = true
	}
	return op.fillFrom(want, op.row)
}

func (op *setOpOp) count(side int, in *reader) error {
	for {
		row, err := in.next()
		if err != nil || row == nil {
			return err
		}
		if side == 1 {
			if n := op.set.find(row); n >= 0 {
				op.counts[n][1]++
			}
			continue
		}
		n, fresh, err := op.set.add(row)
		if err != nil {
			return err
		}
		if fresh {
			op.counts = append(op.counts, [2]int64{})
		}
		op.counts[n][0]++
	}
}

// times is how often a row with these counts is returned.
func (op *setOpOp) times(c [2]int64) int64 {
	var n int64
	if op.n.Op == query.SetOpIntersect {
		n = min(c[0], c[1])
	} else if op.n.All {
		n = max(0, c[0]-c[1])
	} else if c[1] == 0 {
		n = 1
	}
	if !op.n.All {
		n = min(n, 1)
	}
	return n
}

func (op *setOpOp) row() ([]data.Datum, error) {
	for op.at < len(op.counts) {
		if op.repeat < op.times(op.counts[op.at]) {
			op.repeat++
			return op.set.row(op.at), nil
		}
		op.at++
		op.repeat = 0
	}
	return nil, nil
}

func (op *setOpOp) rescan() error {
	op.ready, op.at, op.repeat, op.pending = false, 0, 0, nil
	op.counts = op.counts[:0]
	op.set.clear()
	if err := op.left.rescan(); err != nil {
		return err
	}
	return op.right.rescan()
}

func (op *setOpOp) close() {
	op.left.in.close()
	op.right.in.close()
	op.set.close()
	op.free()
}
