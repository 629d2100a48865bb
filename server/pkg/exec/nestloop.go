package exec

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// nestLoopOp is planner.NestLoop: the inner side runs once for each outer row,
// with values of that row in executor parameters.
type nestLoopOp struct {
	output
	n            *planner.NestLoop
	outer, inner reader
	outerCols    int
	params       *data.Arena // owns the parameters' values
	row          []data.Datum
	have         bool
	matched      bool
}

func newNestLoop(r *Run, n *planner.NestLoop) (operator, error) {
	switch n.Type {
	case query.JoinInner, query.JoinLeft, query.JoinSemi, query.JoinAnti:
	default:
		return nil, pgerr.FeatureNotSupported("FULL or RIGHT JOIN without an equality to hash on")
	}
	outer, err := r.build(n.Outer)
	if err != nil {
		return nil, err
	}
	inner, err := r.build(n.Inner)
	if err != nil {
		outer.close()
		return nil, err
	}
	op := &nestLoopOp{output: newOutput(r, n.Info().Cols), n: n, outer: reader{in: outer}, inner: reader{in: inner},
		outerCols: n.Outer.Info().Cols, params: data.NewArena(r.st.Account)}
	if n.Outer.Info().RowByRow {
		op.outer.want = 1
	}
	if n.Inner.Info().RowByRow || n.Type == query.JoinSemi || n.Type == query.JoinAnti {
		op.inner.want = 1
	}
	op.row = make([]data.Datum, op.outerCols+n.Inner.Info().Cols)
	return op, nil
}

func (op *nestLoopOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	return op.fillFrom(want, op.step)
}

func (op *nestLoopOp) step() ([]data.Datum, error) {
	for steps := 1; ; steps++ {
		if steps%data.MaxBatch == 0 {
			if err := op.c.Cancelled(); err != nil {
				return nil, err
			}
		}
		if !op.have {
			outer, err := op.outer.next()
			if err != nil || outer == nil {
				return nil, err
			}
			if err := op.startInner(outer); err != nil {
				return nil, err
			}
		}
		found, err := op.partner()
		if err != nil {
			return nil, err
		}
		if !found {
			op.have = false
			if op.matched || op.n.Type != query.JoinLeft && op.n.Type != query.JoinAnti {
				continue
			}
			clear(op.row[op.outerCols:])
		}
		ok, err := pass(op.c, &op.n.Other, op.row)
		op.c.Arena.Reset()
		if err != nil {
			return nil, err
		}
		if ok {
			return op.row[:op.n.Info().Cols], nil
		}
	}
}

// startInner takes up an outer row and starts the inner side for it.
func (op *nestLoopOp) startInner(outer []data.Datum) error {
	copy(op.row, outer)
	op.have, op.matched = true, false
	if len(op.n.Params) > 0 {
		op.params.Reset()
		for _, p := range op.n.Params {
			d, err := p.Value.Eval(op.c, op.row)
			if err != nil {
				return err
			}
			op.r.exec[p.ID] = op.params.CopyDatum(d)
		}
	}
	return op.inner.rescan()
}

// partner finds the next inner row that joins.
func (op *nestLoopOp) partner() (bool, error) {
	if op.matched && op.n.Type == query.JoinSemi {
		return false, nil
	}
	for {
		inner, err := op.inner.next()
		if err != nil || inner == nil {
			return false, err
		}
		copy(op.row[op.outerCols:], inner)
		ok, err := pass(op.c, &op.n.JoinQual, op.row)
		op.c.Arena.Reset()
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		op.matched = true
		return op.n.Type != query.JoinAnti, nil
	}
}

func (op *nestLoopOp) rescan() error {
	op.pending, op.have = nil, false
	return op.outer.rescan()
}

func (op *nestLoopOp) close() {
	op.outer.in.close()
	op.inner.in.close()
	op.params.Free()
	op.free()
}
