// Package windowfn registers the window functions that are not aggregates.
package windowfn

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// eval is a window function without state of its own.
type eval func(c *expr.Ctx, w expr.WindowRows) (data.Datum, error)

// Eval implements expr.WindowState.
func (f eval) Eval(c *expr.Ctx, w expr.WindowRows) (data.Datum, error) { return f(c, w) }

func register(f eval, oids ...uint32) {
	for _, oid := range oids {
		expr.RegisterWindow(expr.WindowFunc{OID: oid, New: func(*expr.Ctx) expr.WindowState { return f }})
	}
}

// denseRank counts the peer groups it has passed.
type denseRank struct {
	rank int64
	last int
}

func (s *denseRank) Eval(_ *expr.Ctx, w expr.WindowRows) (data.Datum, error) {
	if start := w.PeerStart(); s.rank == 0 || start != s.last {
		s.rank, s.last = s.rank+1, start
	}
	return data.Int(s.rank), nil
}

func ntile(_ *expr.Ctx, w expr.WindowRows) (data.Datum, error) {
	d, err := w.Arg(0, w.Current())
	if err != nil || d.IsNull() {
		return data.Null, err
	}
	n := d.Int()
	if n <= 0 {
		return data.Null, pgerr.New(pgerr.InvalidArgumentForNtile, "argument of ntile must be greater than zero")
	}
	rows, at := int64(w.Rows()), int64(w.Current())
	size, larger := rows/n, rows%n
	if at < larger*(size+1) {
		return data.Int(at/(size+1) + 1), nil
	}
	return data.Int(larger + (at-larger*(size+1))/size + 1), nil
}

// offset is lag (sign -1) and lead (sign 1): (value [, offset [, default]]).
func offset(sign int64, args int) eval {
	return func(_ *expr.Ctx, w expr.WindowRows) (data.Datum, error) {
		n := int64(1)
		if args > 1 {
			d, err := w.Arg(1, w.Current())
			if err != nil || d.IsNull() {
				return data.Null, err
			}
			n = d.Int()
		}
		at := int64(w.Current()) + sign*n
		if at >= 0 && at < int64(w.Rows()) {
			return w.Arg(0, int(at))
		}
		if args > 2 {
			return w.Arg(2, w.Current())
		}
		return data.Null, nil
	}
}

func nthValue(_ *expr.Ctx, w expr.WindowRows) (data.Datum, error) {
	d, err := w.Arg(1, w.Current())
	if err != nil || d.IsNull() {
		return data.Null, err
	}
	if d.Int() <= 0 {
		return data.Null, pgerr.New(pgerr.InvalidArgumentForNthValue, "argument of nth_value must be greater than zero")
	}
	if at := int64(w.FrameStart()) + d.Int() - 1; at < int64(w.FrameEnd()) {
		return w.Arg(0, int(at))
	}
	return data.Null, nil
}

func init() {
	register(func(_ *expr.Ctx, w expr.WindowRows) (data.Datum, error) { return data.Int(int64(w.Current()) + 1), nil }, 3100)
	register(func(_ *expr.Ctx, w expr.WindowRows) (data.Datum, error) {
		return data.Int(int64(w.PeerStart()) + 1), nil
	}, 3101)
	expr.RegisterWindow(expr.WindowFunc{OID: 3102, New: func(*expr.Ctx) expr.WindowState { return &denseRank{} }})
	register(func(_ *expr.Ctx, w expr.WindowRows) (data.Datum, error) {
		if w.Rows() <= 1 {
			return data.Float(0), nil
		}
		return data.Float(float64(w.PeerStart()) / float64(w.Rows()-1)), nil
	}, 3103)
	register(func(_ *expr.Ctx, w expr.WindowRows) (data.Datum, error) {
		return data.Float(float64(w.PeerEnd()) / float64(w.Rows())), nil
	}, 3104)
	register(ntile, 3105)
	for i := range uint32(3) {
		register(offset(-1, int(i)+1), 3106+i)
		register(offset(1, int(i)+1), 3109+i)
	}
	register(func(_ *expr.Ctx, w expr.WindowRows) (data.Datum, error) {
		if w.FrameStart() >= w.FrameEnd() {
			return data.Null, nil
		}
		return w.Arg(0, w.FrameStart())
	}, 3112)
	register(func(_ *expr.Ctx, w expr.WindowRows) (data.Datum, error) {
		if w.FrameStart() >= w.FrameEnd() {
			return data.Null, nil
		}
		return w.Arg(0, w.FrameEnd()-1)
	}, 3113)
	register(nthValue, 3114)
}
