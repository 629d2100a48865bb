package exec

import (
	"context"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/planner"
)

// Run is one execution of a plan. It borrows its State until Close.
type Run struct {
	st       *State
	ctx      context.Context
	plan     *planner.Plan
	root     operator
	point    *pointRun
	exec     []data.Datum
	subplans []expr.Subplan
	ctes     []*cte
	open     []*subplan
	affected int64
	done     bool
}

// Start prepares plan for execution. Nothing is read or written before Next.
func Start(ctx context.Context, st *State, plan *planner.Plan) (*Run, error) {
	r := &Run{st: st, ctx: ctx, plan: plan}
	if err := r.prepare(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Restart prepares a Run that was closed, or ran to its end, for another
// execution of plan. A point plan is restarted without allocation.
func (r *Run) Restart(ctx context.Context, st *State, plan *planner.Plan) error {
	same := r.plan == plan && r.point != nil
	if !same {
		r.Close()
		*r = Run{}
	}
	r.st, r.ctx, r.plan, r.affected, r.done = st, ctx, plan, 0, false
	if same {
		r.point.restart(st)
		return nil
	}
	return r.prepare()
}

func (r *Run) prepare() error {
	if r.plan.Point != nil && r.st.Instrument == nil {
		r.point = newPointRun(r, r.plan.Point)
		return nil
	}
	r.exec = make([]data.Datum, r.plan.NumExec)
	r.ctes = make([]*cte, len(r.plan.CTEs))
	r.subplans = make([]expr.Subplan, len(r.plan.Subplans))
	for i, sp := range r.plan.Subplans {
		s := newSubplan(r, sp)
		r.subplans[i] = s
		r.open = append(r.open, s)
	}
	var err error
	r.root, err = r.build(r.plan.Root)
	return err
}

// Next returns at least one and at most want rows (want <= 0: no bound of its
// own), or nil when there are none left. The batch is valid until the next call.
// After an error only Close may be called.
func (r *Run) Next(ctx context.Context, want int) (*data.Batch, error) {
	if r.done {
		return nil, nil
	}
	if want <= 0 || want > data.MaxBatch {
		want = data.MaxBatch
	}
	r.ctx = ctx
	var b *data.Batch
	var err error
	if r.point != nil {
		b, err = r.point.next(ctx)
	} else {
		b, err = r.root.next(want)
	}
	if err != nil {
		r.done = true
		return nil, storeError(err)
	}
	if b == nil {
		r.done = true
		return nil, nil
	}
	return b, nil
}

// Row is Next for a statement whose plan is a point plan: it returns the only row, or nil. The row
// and what it borrows are valid until the Run is restarted or closed.
func (r *Run) Row(ctx context.Context) ([]data.Datum, error) {
	if r.done || r.point == nil || r.plan.Point.Values != nil {
		return nil, nil
	}
	r.done = true
	row, err := r.point.one(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	return row, nil
}

// IsPoint reports whether Row may be used in place of Next.
func (r *Run) IsPoint() bool { return r.point != nil && r.plan.Point.Values == nil }

// Reusable reports whether Restart starts the same plan again without preparing it anew.
func (r *Run) Reusable() bool { return r.point != nil }

// RowsAffected is the number of rows a DML statement has written so far.
func (r *Run) RowsAffected() int64 { return r.affected }

// Columns describes the rows Next returns.
func (r *Run) Columns() []planner.Column { return r.plan.Columns }

// Close releases memory, files and scanners. It may be called more than once.
func (r *Run) Close() {
	if r.root != nil {
		r.root.close()
		r.root = nil
	}
	for _, s := range r.open {
		s.close()
	}
	for _, x := range r.ctes {
		if x != nil {
			x.close()
		}
	}
	r.open, r.ctes = nil, nil
	if r.point != nil {
		r.point.close()
	}
	r.done = true
}

// newCtx makes an evaluation context with an arena of its own.
func (r *Run) newCtx() *expr.Ctx { return r.st.newCtx(r, r.st.Account) }

// cte returns the WITH query with this number, started at its first use.
func (r *Run) cte(n int) (*cte, error) {
	if r.ctes[n] == nil {
		p := r.plan.CTEs[n]
		x := &cte{store: newRowStore(r, p.Root.Info().Cols)}
		r.ctes[n] = x
		in, err := r.build(p.Root)
		if err != nil {
			return nil, err
		}
		x.in = reader{in: in}
	}
	return r.ctes[n], nil
}
