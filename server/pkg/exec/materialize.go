package exec

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/planner"
)

// fillFrom empties a cursor of rows into an operator's output.
func (o *output) fillFrom(want int, next func() ([]data.Datum, error)) (*data.Batch, error) {
	for o.b.N < want && !o.b.Full() {
		row, err := next()
		if err != nil || row == nil {
			return o.finish(err)
		}
		o.add(row)
	}
	return o.finish(nil)
}

// materializeOp is planner.Materialize: it reads its input once and repeats
// the rows at every rescan. The planner puts it only above inputs that do not
// depend on executor parameters.
type materializeOp struct {
	output
	in    reader
	store *rowStore
	cur   *storeCursor
	ended bool // the input is in the store
	over  bool // this pass met the end of the input itself
}

func newMaterialize(r *Run, n *planner.Materialize) (operator, error) {
	child, err := r.build(n.Child)
	if err != nil {
		return nil, err
	}
	cols := n.Info().Cols
	s := newRowStore(r, cols)
	return &materializeOp{output: newOutput(r, cols), in: reader{in: child}, store: s, cur: s.read()}, nil
}

func (op *materializeOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	return op.fillFrom(want, op.row)
}

// row returns a stored row, or the input's next, which it stores.
func (op *materializeOp) row() ([]data.Datum, error) {
	if op.over {
		return nil, nil
	}
	if op.ended || op.cur.at < op.store.n {
		return op.cur.next()
	}
	row, err := op.in.next()
	if err != nil {
		return nil, err
	}
	if row == nil {
		op.ended, op.over = true, true
		return nil, nil
	}
	if err := op.store.add(row); err != nil {
		return nil, err
	}
	if op.store.file == nil {
		op.cur.at++
	}
	return row, nil
}

// rescan starts over; a first pass that was cut short is completed, so that
// rows in a file are read only after writing has ended.
func (op *materializeOp) rescan() error {
	op.pending, op.over = nil, false
	for !op.ended && op.store.file != nil {
		row, err := op.in.next()
		if err != nil {
			return err
		}
		if row == nil {
			op.ended = true
			break
		}
		if err := op.store.add(row); err != nil {
			return err
		}
	}
	op.cur = op.store.read()
	return nil
}

func (op *materializeOp) close() {
	op.in.in.close()
	op.store.close()
	op.free()
}

// cte is a WITH query that is computed once and read by any number of scans.
type cte struct {
	in    reader
	store *rowStore
	ended bool
	// work is the working table of a recursive union while its step runs.
	work *rowStore
}

// fill computes the whole query.
func (x *cte) fill() error {
	for !x.ended {
		row, err := x.in.next()
		if err != nil {
			return err
		}
		if row == nil {
			x.ended = true
			break
		}
		if err := x.store.add(row); err != nil {
			return err
		}
	}
	return nil
}

func (x *cte) close() {
	x.in.in.close()
	x.store.close()
	if x.work != nil {
		x.work.close()
	}
}

// cteScanOp is planner.CTEScan. The first scan that is asked for a row
// computes the query.
type cteScanOp struct {
	output
	n   *planner.CTEScan
	x   *cte
	cur *storeCursor
}

func newCTEScan(r *Run, n *planner.CTEScan) (operator, error) {
	return &cteScanOp{output: newOutput(r, n.Info().Cols), n: n}, nil
}

func (op *cteScanOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	if op.cur == nil {
		x, err := op.r.cte(op.n.CTE)
		if err != nil {
			return nil, err
		}
		if op.n.Work {
			op.cur = x.work.read()
		} else {
			if err := x.fill(); err != nil {
				return nil, err
			}
			op.cur = x.store.read()
		}
	}
	return op.fillFrom(want, op.row)
}

// row returns the next row that passes the filter.
func (op *cteScanOp) row() ([]data.Datum, error) {
	for {
		row, err := op.cur.next()
		if err != nil || row == nil {
			return nil, err
		}
		ok, err := pass(op.c, &op.n.Filter, row)
		op.c.Arena.Reset()
		if err != nil || ok {
			return row, err
		}
	}
}

func (op *cteScanOp) rescan() error { op.cur, op.pending = nil, nil; return nil }
func (op *cteScanOp) close()        { op.free() }

// recursiveOp is planner.RecursiveUnion: the seed's rows, then those the step
// makes of the rows of the round before, until a round gives none.
type recursiveOp struct {
	output
	n          *planner.RecursiveUnion
	seed, step reader
	inStep     bool
	nextWork   *rowStore
	seen       *rowSet // UNION: rows that have been returned
}

func newRecursive(r *Run, n *planner.RecursiveUnion) (operator, error) {
	cols := n.Info().Cols
	op := &recursiveOp{output: newOutput(r, cols), n: n, nextWork: newRowStore(r, cols)}
	seed, err := r.build(n.Seed)
	if err != nil {
		return nil, err
	}
	op.seed.in = seed
	step, err := r.build(n.Step)
	if err != nil {
		seed.close()
		return nil, err
	}
	op.step.in = step
	if n.Distinct {
		op.seen = newRowSet(r, n.ColTypes)
	}
	return op, nil
}

func (op *recursiveOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	return op.fillFrom(want, op.row)
}

func (op *recursiveOp) row() ([]data.Datum, error) {
	for {
		in := &op.seed
		if op.inStep {
			in = &op.step
		}
		row, err := in.next()
		if err != nil {
			return nil, err
		}
		if row == nil {
			more, err := op.round()
			if err != nil || !more {
				return nil, err
			}
			continue
		}
		if op.seen != nil {
			_, fresh, err := op.seen.add(row)
			if err != nil {
				return nil, err
			}
			if !fresh {
				continue
			}
		}
		return row, op.nextWork.add(row)
	}
}

// round makes the rows of the last round the working table of the next.
func (op *recursiveOp) round() (bool, error) {
	if op.nextWork.rows() == 0 {
		return false, nil
	}
	x, err := op.r.cte(op.n.CTE)
	if err != nil {
		return false, err
	}
	if x.work != nil {
		x.work.close()
	}
	x.work = op.nextWork
	op.nextWork = newRowStore(op.r, op.n.Info().Cols)
	op.inStep = true
	return true, op.step.rescan()
}

func (op *recursiveOp) rescan() error {
	op.inStep, op.pending = false, nil
	op.nextWork.clear()
	if op.seen != nil {
		op.seen.clear()
	}
	return op.seed.rescan()
}

func (op *recursiveOp) close() {
	op.seed.in.close()
	op.step.in.close()
	op.nextWork.close()
	if op.seen != nil {
		op.seen.close()
	}
	op.free()
}
