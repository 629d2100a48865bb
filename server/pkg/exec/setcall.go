package exec

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// setCall runs one planner.SetCall: a set-returning function, or an ordinary
// one as a set of one row.
type setCall struct {
	n    *planner.SetCall
	c    *expr.Ctx // its arena lives as long as the call
	r    *Run
	site expr.Call
	iter expr.SetIter
	once bool // an ordinary function: its row is still to come
	args []data.Datum
	out  []data.Datum // the row of the last next
}

func newSetCall(r *Run, n *planner.SetCall) setCall {
	cols := n.Columns
	if n.Set != nil && !n.Expand {
		cols = n.Set.Columns
	}
	return setCall{n: n, c: r.newCtx(), r: r, site: n.Site, out: make([]data.Datum, max(1, cols))}
}

// start begins the call for an outer row.
func (s *setCall) start(row []data.Datum) error {
	s.stop()
	s.c.Context = s.r.ctx
	s.c.Arena.Reset()
	if s.n.Set == nil {
		d, err := s.n.Scalar.Eval(s.c, row)
		if err != nil {
			return err
		}
		s.once = true
		return s.spread(d)
	}
	var err error
	if s.args, err = evalInto(s.c, s.args, s.n.Args, row); err != nil {
		return err
	}
	for i, a := range s.args {
		if a.IsNull() && !s.n.Set.NonStrict {
			return nil // no rows
		}
		s.args[i] = s.c.Arena.CopyDatum(a)
	}
	s.c.Call = &s.site
	s.iter, err = s.n.Set.Start(s.c, s.args)
	return err
}

// spread stores a value into out: as it is, or a composite's fields.
func (s *setCall) spread(d data.Datum) error {
	if !s.n.Expand {
		s.out[0] = d
		return nil
	}
	clear(s.out)
	if d.IsNull() {
		return nil
	}
	v := types.ReadRecord(d)
	for i := 0; i < len(s.out) && v.Len() > 0; i++ {
		t, err := types.Resolve(s.c.Types, v.NextType())
		if err != nil {
			return err
		}
		s.out[i] = v.Next(t)
	}
	return nil
}

// next computes the next row into out.
func (s *setCall) next() (bool, error) {
	if s.n.Set == nil {
		ok := s.once
		s.once = false
		return ok, nil
	}
	if s.iter == nil {
		return false, nil
	}
	s.c.Call = &s.site
	ok, err := s.iter.Next(s.c, s.out)
	if err != nil || !ok {
		s.stop()
	}
	return ok, err
}

// value is the row as one value: its only column, or a composite.
func (s *setCall) value(c *expr.Ctx) data.Datum {
	if len(s.out) == 1 {
		return s.out[0]
	}
	fields := make([]*types.Type, len(s.out))
	for i := range fields {
		if i < len(s.n.RowTypes) {
			fields[i] = types.Get(s.n.RowTypes[i])
		}
	}
	return types.BuildRecord(c.Arena, fields, s.out)
}

func (s *setCall) stop() {
	if s.iter != nil {
		s.iter.Close()
		s.iter = nil
	}
	s.once = false
}

func (s *setCall) close() {
	s.stop()
	if s.c != nil {
		s.c.Arena.Free()
	}
}

// functionScanOp is planner.FunctionScan.
type functionScanOp struct {
	output
	n     *planner.FunctionScan
	calls []setCall
	row   []data.Datum
	open  bool
	count int64
}

func newFunctionScan(r *Run, n *planner.FunctionScan) (operator, error) {
	op := &functionScanOp{output: newOutput(r, n.Info().Cols), n: n}
	for _, f := range n.Funcs {
		op.calls = append(op.calls, newSetCall(r, f))
	}
	return op, nil
}

func (op *functionScanOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	if !op.open {
		op.open = true
		for i := range op.calls {
			if err := op.calls[i].start(nil); err != nil {
				return nil, err
			}
		}
	}
	for steps := 0; op.b.N < want && !op.b.Full(); steps++ {
		if steps%data.MaxBatch == data.MaxBatch-1 {
			if err := op.c.Cancelled(); err != nil {
				return nil, err
			}
		}
		ok, err := op.step()
		if err != nil || !ok {
			return op.finish(err)
		}
		keep, err := pass(op.c, &op.n.Filter, op.row)
		if err != nil {
			return op.finish(err)
		}
		if keep {
			op.add(op.row)
		}
		op.c.Arena.Reset()
	}
	return op.finish(nil)
}

// step puts the functions' next rows side by side.
func (op *functionScanOp) step() (bool, error) {
	op.row = op.row[:0]
	any := false
	for i := range op.calls {
		s := &op.calls[i]
		ok, err := s.next()
		if err != nil {
			return false, err
		}
		cols := op.n.Funcs[i].Columns
		switch {
		case !ok:
			for range cols {
				op.row = append(op.row, data.Null)
			}
		case cols == 1 && len(s.out) > 1:
			op.row = append(op.row, s.value(op.c))
		case op.n.Funcs[i].Set != nil && op.n.Funcs[i].Expand && op.n.Funcs[i].Set.Columns == 1 && cols != 1:
			if err := s.spread(s.out[0]); err != nil {
				return false, err
			}
			op.row = append(op.row, s.out[:cols]...)
		default:
			op.row = append(op.row, s.out[:cols]...)
		}
		any = any || ok
	}
	if op.n.Ordinality {
		op.count++
		op.row = append(op.row, data.Int(op.count))
	}
	return any, nil
}

func (op *functionScanOp) rescan() error {
	op.open, op.count, op.pending = false, 0, nil
	return nil
}

func (op *functionScanOp) close() {
	for i := range op.calls {
		op.calls[i].close()
	}
	op.free()
}
