package exec

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
)

// valuesOp is planner.ValuesScan.
type valuesOp struct {
	output
	n    *planner.ValuesScan
	at   int
	vals []data.Datum
}

func newValues(r *Run, n *planner.ValuesScan) (operator, error) {
	return &valuesOp{output: newOutput(r, n.Info().Cols), n: n}, nil
}

func (op *valuesOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	var err error
	for op.at < len(op.n.Rows) && op.b.N < want && !op.b.Full() {
		if op.vals, err = evalInto(op.c, op.vals, op.n.Rows[op.at], nil); err != nil {
			return op.finish(err)
		}
		op.at++
		ok, err := pass(op.c, &op.n.Filter, op.vals)
		if err != nil {
			return op.finish(err)
		}
		if ok {
			op.add(op.vals)
		}
	}
	return op.finish(nil)
}

func (op *valuesOp) rescan() error { op.at, op.pending = 0, nil; return nil }
func (op *valuesOp) close()        { op.free() }

// appendOp is planner.Append.
type appendOp struct {
	inputs []operator
	at     int
}

func newAppend(r *Run, n *planner.Append) (operator, error) {
	op := &appendOp{}
	for _, in := range n.Inputs {
		child, err := r.build(in)
		if err != nil {
			op.close()
			return nil, err
		}
		op.inputs = append(op.inputs, child)
	}
	return op, nil
}

func (op *appendOp) next(want int) (*data.Batch, error) {
	for op.at < len(op.inputs) {
		b, err := op.inputs[op.at].next(want)
		if b != nil || err != nil {
			return b, err
		}
		op.at++
	}
	return nil, nil
}

func (op *appendOp) rescan() error {
	op.at = 0
	for _, in := range op.inputs {
		if err := in.rescan(); err != nil {
			return err
		}
	}
	return nil
}

func (op *appendOp) close() {
	for _, in := range op.inputs {
		in.close()
	}
}

// limitOp is planner.Limit. It never asks its input for more than it still
// has to pass on.
type limitOp struct {
	output
	n     *planner.Limit
	in    reader
	open  bool
	skip  int64
	left  int64 // rows still to pass on; -1: no bound
	last  []data.Datum
	keep  *data.Arena // owns last, for WITH TIES
	ended bool
}

func newLimit(r *Run, n *planner.Limit) (operator, error) {
	child, err := r.build(n.Child)
	if err != nil {
		return nil, err
	}
	return &limitOp{output: newOutput(r, n.Info().Cols), n: n, in: reader{in: child}, keep: data.NewArena(r.st.Account)}, nil
}

// limitValue evaluates a row count: NULL is def.
func limitValue(c *expr.Ctx, e *expr.Compiled, def int64, code, message string) (int64, error) {
	if e == nil {
		return def, nil
	}
	d, err := e.Eval(c, nil)
	if err != nil || d.IsNull() {
		return def, err
	}
	if d.Int() < 0 {
		return 0, pgerr.New(code, message)
	}
	return d.Int(), nil
}

func (op *limitOp) start() (err error) {
	op.open = true
	if op.skip, err = limitValue(op.c, op.n.Offset, 0, pgerr.InvalidRowCountInResultOffsetClause,
		"OFFSET must not be negative"); err != nil {
		return err
	}
	op.left, err = limitValue(op.c, op.n.Count, -1, pgerr.InvalidRowCountInLimitClause, "LIMIT must not be negative")
	return err
}

func (op *limitOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	if !op.open {
		if err := op.start(); err != nil {
			return nil, err
		}
	}
	if op.left == 0 && (op.last == nil || op.ended) {
		return nil, nil
	}
	if len(op.n.WithTies) == 0 && op.skip == 0 && op.in.b == nil {
		return op.passOn(want)
	}
	for op.b.N < want && !op.b.Full() && !op.ended {
		op.in.want = 1
		if op.left != 0 {
			op.in.want = int(min(data.MaxBatch, max(op.skip, 1)))
		}
		row, err := op.in.next()
		if err != nil || row == nil {
			op.ended = row == nil
			return op.finish(err)
		}
		switch {
		case op.skip > 0:
			op.skip--
			if op.skip == 0 && op.in.at >= op.in.b.Rows() {
				op.in.b = nil // the window begins with a new batch
				if len(op.n.WithTies) == 0 {
					return op.next(want)
				}
			}
		case op.left != 0:
			op.add(row)
			if op.left > 0 {
				if op.left--; op.left == 0 {
					op.remember(row)
				}
			}
		case !sameKeys(op.n.WithTies, op.last, row):
			op.ended = true
		default:
			op.add(row)
		}
	}
	return op.finish(nil)
}

// remember keeps the last row of the window, whose ties follow.
func (op *limitOp) remember(row []data.Datum) {
	if len(op.n.WithTies) == 0 {
		op.ended = true
		return
	}
	op.keep.Reset()
	op.last = data.Row(row).CopyTo(nil, op.keep)
}

// passOn hands the input's batches through.
func (op *limitOp) passOn(want int) (*data.Batch, error) {
	if op.left >= 0 {
		want = int(min(int64(want), op.left))
	}
	b, err := op.in.in.next(want)
	if b != nil && op.left > 0 {
		op.left -= int64(b.Rows())
	}
	return b, err
}

func (op *limitOp) rescan() error {
	op.open, op.ended, op.last, op.pending = false, false, nil, nil
	return op.in.rescan()
}

func (op *limitOp) close() {
	op.in.in.close()
	op.keep.Free()
	op.free()
}

// sameKeys reports whether two rows are equal in the key columns; NULLs are
// equal to each other.
func sameKeys(keys []planner.SortKey, a, b []data.Datum) bool {
	for i := range keys {
		k := &keys[i]
		x, y := a[k.Slot], b[k.Slot]
		if x.IsNull() != y.IsNull() || !x.IsNull() && !k.Type.Equal(x, y) {
			return false
		}
	}
	return true
}
