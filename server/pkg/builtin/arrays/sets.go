package arrays

import (
	"math"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// series is generate_series of integers.
type series struct {
	at, stop, step int64
	done           bool
}

// errStepZero is what every generate_series says to a step of zero.
func errStepZero() error {
	return pgerr.New(pgerr.InvalidParameterValue, "step size cannot equal zero")
}

func startSeries(_ *expr.Ctx, a []data.Datum) (expr.SetIter, error) {
	s := &series{at: a[0].Int(), stop: a[1].Int(), step: 1}
	if len(a) > 2 {
		s.step = a[2].Int()
	}
	if s.step == 0 {
		return nil, errStepZero()
	}
	return s, nil
}

func (s *series) Next(_ *expr.Ctx, out []data.Datum) (bool, error) {
	if s.done || s.step > 0 && s.at > s.stop || s.step < 0 && s.at < s.stop {
		return false, nil
	}
	out[0] = data.Int(s.at)
	if s.step > 0 && s.at > math.MaxInt64-s.step || s.step < 0 && s.at < math.MinInt64-s.step {
		s.done = true
	} else {
		s.at += s.step
	}
	return true, nil
}

func (s *series) Close() {}

// numericSeries is generate_series of numeric.
type numericSeries struct {
	at, stop, step types.Num
}

func startNumericSeries(_ *expr.Ctx, a []data.Datum) (expr.SetIter, error) {
	s := &numericSeries{at: types.NumOf(a[0]), stop: types.NumOf(a[1]), step: types.NumInt(1)}
	names := []string{"start", "stop", "step size"}
	for i, d := range a {
		n := types.NumOf(d)
		if n.IsNaN() {
			return nil, pgerr.New(pgerr.InvalidParameterValue, names[i]+notNaN(i))
		}
		if n.IsInf() {
			return nil, pgerr.New(pgerr.InvalidParameterValue, names[i]+notInfinite(i))
		}
	}
	if len(a) > 2 {
		if s.step = types.NumOf(a[2]); s.step.IsZero() {
			return nil, errStepZero()
		}
	}
	return s, nil
}

func notNaN(arg int) string {
	if arg == 2 {
		return " cannot be NaN"
	}
	return " value cannot be NaN"
}

func notInfinite(arg int) string {
	if arg == 2 {
		return " cannot be infinity"
	}
	return " value cannot be infinity"
}

func (s *numericSeries) Next(c *expr.Ctx, out []data.Datum) (bool, error) {
	if s.at.Cmp(s.stop)*s.step.Sign() > 0 {
		return false, nil
	}
	d, err := s.at.Datum(c.Arena)
	if err != nil {
		return false, err
	}
	out[0] = d
	s.at = s.at.Add(s.step)
	return true, nil
}

func (s *numericSeries) Close() {}

// elements is unnest.
type elements struct {
	v    types.ArrayView
	elem *types.Type
	at   int
}

func (s *elements) Next(_ *expr.Ctx, out []data.Datum) (bool, error) {
	if s.at >= s.v.Len() {
		return false, nil
	}
	out[0] = s.v.Elem(s.elem, s.at)
	s.at++
	return true, nil
}

func (s *elements) Close() {}

func init() {
	for _, oid := range []uint32{1066, 1067, 1068, 1069} {
		expr.RegisterSet(expr.SetFunc{OID: oid, Start: startSeries})
	}
	for _, oid := range []uint32{3259, 3260} {
		expr.RegisterSet(expr.SetFunc{OID: oid, Start: startNumericSeries})
	}
	expr.RegisterSet(expr.SetFunc{OID: 2331, Start: func(c *expr.Ctx, a []data.Datum) (expr.SetIter, error) {
		v, elem, err := open(c, a[0])
		return &elements{v: v, elem: elem}, err
	}})
	subscripts := func(_ *expr.Ctx, a []data.Datum) (expr.SetIter, error) {
		v := types.ReadArray(a[0])
		n := a[1].Int()
		if n < 1 || n > int64(v.NDims()) {
			return &expr.SliceSet{}, nil
		}
		lo := int64(v.Lower(int(n - 1)))
		s := &series{at: lo, stop: lo + int64(v.Dim(int(n-1))) - 1, step: 1}
		if len(a) > 2 && a[2].Bool() {
			s.at, s.stop, s.step = s.stop, s.at, -1
		}
		return s, nil
	}
	for _, oid := range []uint32{1191, 1192} {
		expr.RegisterSet(expr.SetFunc{OID: oid, Start: subscripts})
	}
}
