package exec

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
)

// subplan runs a planner.Subplan inside expressions. A correlated one runs
// anew at each call; the result of any other is kept.
type subplan struct {
	r    *Run
	n    *planner.Subplan
	in   reader // in.in is nil until the first call
	kept *rowStore
	// For IN: the kept rows by value, and whether any of them has a NULL.
	set     *rowSet
	hasNull bool
}

// start begins a run of the plan.
func (p *subplan) start() error {
	if p.in.in == nil {
		op, err := p.r.build(p.n.Root)
		if err != nil {
			return err
		}
		p.in.in = op
		return nil
	}
	return p.in.rescan()
}

// keep runs an uncorrelated plan once and stores its rows.
func (p *subplan) keep() error {
	if p.kept != nil {
		return nil
	}
	if err := p.start(); err != nil {
		return err
	}
	s := newRowStore(p.r, p.n.Columns)
	for {
		row, err := p.in.next()
		if err != nil {
			s.close()
			return err
		}
		if row == nil {
			p.kept = s
			return nil
		}
		if err := s.add(row[:p.n.Columns]); err != nil {
			s.close()
			return err
		}
	}
}

// rows returns a function that gives one row after the other.
func (p *subplan) rows(want int) (func() ([]data.Datum, error), error) {
	if !p.n.Correlated {
		if err := p.keep(); err != nil {
			return nil, err
		}
		return p.kept.read().next, nil
	}
	if err := p.start(); err != nil {
		return nil, err
	}
	p.in.want = want
	return p.in.next, nil
}

// Exists implements expr.Subplan. It needs one row only, so an uncorrelated
// plan is not run to its end for it.
func (p *subplan) Exists(*expr.Ctx) (bool, error) {
	if p.kept != nil {
		return p.kept.rows() > 0, nil
	}
	if err := p.start(); err != nil {
		return false, err
	}
	p.in.want = 1
	row, err := p.in.next()
	if err == nil && !p.n.Correlated {
		p.kept = newRowStore(p.r, 0)
		if row != nil {
			err = p.kept.add(nil)
		}
	}
	return row != nil, err
}

// Scalar implements expr.Subplan.
func (p *subplan) Scalar(c *expr.Ctx) (data.Datum, error) {
	next, err := p.rows(2)
	if err != nil {
		return data.Null, err
	}
	row, err := next()
	if err != nil || row == nil {
		return data.Null, err
	}
	d := c.Arena.CopyDatum(row[0])
	if row, err = next(); err == nil && row != nil {
		err = pgerr.New(pgerr.CardinalityViolation, "more than one row returned by a subquery used as an expression")
	}
	return d, err
}

// Rows implements expr.Subplan.
func (p *subplan) Rows(_ *expr.Ctx, f func(row []data.Datum) (bool, error)) error {
	next, err := p.rows(0)
	if err != nil {
		return err
	}
	for {
		row, err := next()
		if err != nil || row == nil {
			return err
		}
		if more, err := f(row); err != nil || !more {
			return err
		}
	}
}

// Contains implements expr.Subplan.
func (p *subplan) Contains(_ *expr.Ctx, values []data.Datum) (data.Datum, bool, error) {
	if p.n.Correlated || len(p.n.KeyTypes) == 0 {
		return data.Null, false, nil
	}
	if p.set == nil {
		if err := p.hash(); err != nil {
			return data.Null, false, err
		}
	}
	if p.set.rows() == 0 {
		return data.Bool(false), true, nil
	}
	for _, v := range values {
		if v.IsNull() {
			// With several columns a NULL still may be decided by the others.
			return data.Null, len(values) == 1, nil
		}
	}
	if p.set.find(values) >= 0 {
		return data.Bool(true), true, nil
	}
	if p.hasNull {
		return data.Null, len(values) == 1, nil
	}
	return data.Bool(false), true, nil
}

func (p *subplan) hash() error {
	if err := p.keep(); err != nil {
		return err
	}
	set := newRowSet(p.r, p.n.KeyTypes)
	for cur := p.kept.read(); ; {
		row, err := cur.next()
		if err != nil {
			set.close()
			return err
		}
		if row == nil {
			p.set = set
			return nil
		}
		for _, d := range row {
			p.hasNull = p.hasNull || d.IsNull()
		}
		if _, _, err := set.add(row); err != nil {
			set.close()
			return err
		}
	}
}

func (p *subplan) close() {
	if p.in.in != nil {
		p.in.in.close()
	}
	if p.kept != nil {
		p.kept.close()
	}
	if p.set != nil {
		p.set.close()
	}
}

// newSubplan makes sp callable; nothing runs before the first call.
func newSubplan(r *Run, sp *planner.Subplan) *subplan { return &subplan{r: r, n: sp} }
