package exec

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/planner"
)

// operator is a running plan node.
type operator interface {
	// next returns at least one and at most want rows, or nil at the end. The
	// batch is valid until the next call on the same operator. After an error
	// nothing but close is called.
	next(want int) (*data.Batch, error)
	// rescan starts over, with the executor parameters as they are now.
	rescan() error
	// close releases files and memory; it may be called more than once.
	close()
}

// reader takes an operator's rows one at a time.
type reader struct {
	in   operator
	b    *data.Batch
	at   int
	want int // rows asked for at a time; 0: as many as fit
	row  []data.Datum
}

// next returns the next row, nil at the end. The row and what it borrows are
// valid until the call after this one.
func (x *reader) next() ([]data.Datum, error) {
	for x.b == nil || x.at >= x.b.Rows() {
		want := x.want
		if want == 0 {
			want = data.MaxBatch
		}
		b, err := x.in.next(want)
		if err != nil || b == nil {
			return nil, err
		}
		x.b, x.at = b, 0
	}
	x.row = x.b.Row(x.b.Lane(x.at), x.row)
	x.at++
	if x.row == nil {
		x.row = []data.Datum{}
	}
	return x.row, nil
}

func (x *reader) rescan() error {
	x.b, x.at = nil, 0
	return x.in.rescan()
}

// output is what operators that build rows share: an evaluation context, the
// batch they fill, and an error that waits until its row is asked for.
type output struct {
	r       *Run
	c       *expr.Ctx
	b       *data.Batch
	pending error
}

func newOutput(r *Run, cols int) output {
	return output{r: r, c: r.newCtx(), b: data.NewBatch(make([]data.Kind, cols))}
}

// begin empties the batch and the arena before rows are built. It returns the
// error a former call put off, or that the statement was cancelled.
func (o *output) begin() error {
	if err := o.pending; err != nil {
		o.pending = nil
		return err
	}
	o.c.Context = o.r.ctx
	o.b.Reset()
	o.c.Arena.Reset()
	return o.c.Cancelled()
}

// finish returns the batch, nil if it is empty.
func (o *output) finish(err error) (*data.Batch, error) {
	if o.b.N > 0 {
		o.pending = err
		return o.b, nil
	}
	return nil, err
}

// add appends a row.
func (o *output) add(row []data.Datum) { o.b.AppendRow(row) }

func (o *output) free() {
	if o.c != nil {
		o.c.Arena.Free()
	}
}

// pass evaluates a conjunction over a row.
func pass(c *expr.Ctx, f *planner.Filter, row []data.Datum) (bool, error) {
	for _, q := range f.Quals {
		ok, err := q.True(c, row)
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// evalInto evaluates expressions over a row into dst.
func evalInto(c *expr.Ctx, dst []data.Datum, exprs []*expr.Compiled, row []data.Datum) ([]data.Datum, error) {
	dst = dst[:0]
	for _, e := range exprs {
		d, err := e.Eval(c, row)
		if err != nil {
			return dst, err
		}
		dst = append(dst, d)
	}
	return dst, nil
}

// resultOp is planner.Result.
type resultOp struct {
	output
	n     *planner.Result
	child operator // may be nil
	done  bool
	open  bool // the one-time condition held
}

func newResult(r *Run, n *planner.Result) (operator, error) {
	op := &resultOp{output: newOutput(r, 0), n: n}
	if n.Child != nil {
		var err error
		if op.child, err = r.build(n.Child); err != nil {
			return nil, err
		}
	}
	return op, nil
}

func (op *resultOp) next(want int) (*data.Batch, error) {
	if op.done {
		return nil, nil
	}
	if !op.open {
		if err := op.begin(); err != nil {
			return nil, err
		}
		ok, err := pass(op.c, &op.n.OneTime, nil)
		if err != nil || !ok {
			op.done = true
			return nil, err
		}
		op.open = true
	}
	if op.child != nil {
		return op.child.next(want)
	}
	op.done = true
	op.b.Reset()
	op.b.N = 1
	return op.b, nil
}

func (op *resultOp) rescan() error {
	op.done, op.open = false, false
	if op.child != nil {
		return op.child.rescan()
	}
	return nil
}

func (op *resultOp) close() {
	if op.child != nil {
		op.child.close()
	}
	op.free()
}
