package aggregates

import (
	"math"
	"math/big"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// moment keeps count, sum and, where asked for, sum of squares of numeric
// values or integers, for sums, averages and variances with a numeric result.
type moment struct {
	ints    bool
	squares bool
	final   func(s *moment, a *data.Arena) (data.Datum, error)

	n      int64
	small  int64 // sum of integers while it fits
	smalls bool
	sum    types.Num
	sum2   types.Num
}

func newMoment(ints, squares bool, final func(*moment, *data.Arena) (data.Datum, error)) func(*expr.Ctx) expr.AggState {
	return func(*expr.Ctx) expr.AggState {
		return &moment{ints: ints, squares: squares, final: final, sum: types.NumInt(0), sum2: types.NumInt(0)}
	}
}

func (s *moment) Step(_ *expr.Ctx, a []data.Datum) error {
	s.n++
	if s.ints && !s.squares {
		s.addInt(a[0].Int())
		return nil
	}
	var v types.Num
	if s.ints {
		v = types.NumInt(a[0].Int())
	} else {
		v = types.NumOf(a[0])
	}
	s.sum = s.sum.Add(v)
	if s.squares {
		s.sum2 = s.sum2.Add(v.Mul(v))
	}
	return nil
}

// addInt adds to a 64-bit sum and empties it into the big one when it is full.
func (s *moment) addInt(v int64) {
	n := s.small + v
	if (s.small^n)&(v^n) < 0 {
		s.sum = s.sum.Add(types.NumInt(s.small))
		n = v
	}
	s.small, s.smalls = n, true
}

func (s *moment) StepBatch(c *expr.Ctx, col *data.Vec, n int, sel []uint16) error {
	var err error
	lanes(col, n, sel, func(i int) {
		if s.ints && !s.squares {
			s.n++
			s.addInt(col.I64[i])
			return
		}
		if e := s.Step(c, []data.Datum{col.Get(i)}); e != nil {
			err = e
		}
	})
	return err
}

func (s *moment) total() types.Num {
	if s.smalls {
		s.sum = s.sum.Add(types.NumInt(s.small))
		s.small, s.smalls = 0, false
	}
	return s.sum
}

func (s *moment) Final(c *expr.Ctx) (data.Datum, error) {
	if s.n == 0 {
		return data.Null, nil
	}
	return s.final(s, c.Arena)
}

func sumOf(s *moment, a *data.Arena) (data.Datum, error) { return s.total().Datum(a) }

func averageOf(s *moment, a *data.Arena) (data.Datum, error) {
	q, err := s.total().Div(types.NumInt(s.n))
	if err != nil {
		return data.Null, err
	}
	return q.Datum(a)
}

// varianceOf is (n * sum2 - sum^2) / (n * (n - 1)), or over n * n for a whole
// population; root takes the square root of it.
func varianceOf(population, root bool) func(s *moment, a *data.Arena) (data.Datum, error) {
	return func(s *moment, a *data.Arena) (data.Datum, error) {
		if !population && s.n <= 1 {
			return data.Null, nil
		}
		sum := s.total()
		if !sum.IsFinite() || !s.sum2.IsFinite() {
			return types.NumNaN(a), nil
		}
		n := types.NumInt(s.n)
		v := n.Mul(s.sum2).Sub(sum.Mul(sum))
		if v.Sign() <= 0 {
			return types.NumInt(0).Datum(a)
		}
		d := n.Mul(types.NumInt(s.n - 1))
		if population {
			d = n.Mul(n)
		}
		q, err := v.Div(d)
		if err != nil {
			return data.Null, err
		}
		if root {
			return squareRoot(q, a)
		}
		return q.Datum(a)
	}
}

// squareRoot is the root of a finite number that is not negative, rounded to
// the number's own scale.
func squareRoot(q types.Num, a *data.Arena) (data.Datum, error) {
	c := types.NewCtx(a)
	d, err := q.Datum(a)
	if err != nil {
		return data.Null, err
	}
	numeric := types.Get(types.Numeric)
	digits := strings.ReplaceAll(string(numeric.Out(c, nil, d)), ".", "")
	n, _ := new(big.Int).SetString(digits, 10)
	scale := q.Scale()
	// One digit more than wanted, so that rounding sees it: n is scaled by
	// 10^scale, the root needs 10^(scale+1), its square 10^(2*scale+2).
	n.Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale+2)), nil))
	root := n.Sqrt(n).String()
	if pad := scale + 2 - len(root); pad > 0 {
		root = strings.Repeat("0", pad) + root
	}
	point := len(root) - scale - 1
	d, err = numeric.In(c, root[:point]+"."+root[point:], -1)
	if err != nil {
		return data.Null, err
	}
	return types.NumOf(d).Round(scale).Datum(a)
}

// floatMoment is average, variance and standard deviation of floats, by the updating
// formula of Youngs and Cramer that PostgreSQL uses.
type floatMoment struct {
	n, sx, sxx                float64
	average, population, root bool
}

func (s *floatMoment) Step(_ *expr.Ctx, a []data.Datum) error {
	return s.add(a[0].Float())
}

func (s *floatMoment) add(x float64) error {
	was := s.sx
	s.n++
	s.sx += x
	if s.n <= 1 {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			s.sxx = math.NaN()
		}
		return nil
	}
	t := x*s.n - s.sx
	s.sxx += t * t / (s.n * (s.n - 1))
	if math.IsInf(s.sx, 0) || math.IsInf(s.sxx, 0) {
		if !math.IsInf(was, 0) && !math.IsInf(x, 0) {
			return pgerr.New(pgerr.NumericValueOutOfRange, "value out of range: overflow")
		}
		s.sxx = math.NaN()
	}
	return nil
}

func (s *floatMoment) Final(*expr.Ctx) (data.Datum, error) {
	switch {
	case s.n == 0:
		return data.Null, nil
	case s.average:
		return data.Float(s.sx / s.n), nil
	case !s.population && s.n <= 1:
		return data.Null, nil
	}
	v := s.sxx / (s.n - 1)
	if s.population {
		v = s.sxx / s.n
	}
	if s.root {
		v = math.Sqrt(v)
	}
	return data.Float(v), nil
}

func init() {
	register(2107, true, newMoment(true, false, sumOf))
	register(2114, true, newMoment(false, false, sumOf))
	for _, oid := range []uint32{2100, 2101, 2102} {
		register(oid, true, newMoment(true, false, averageOf))
	}
	register(2103, true, newMoment(false, false, averageOf))
	// In the order int8, int4, int2, float4, float8, numeric.
	for _, f := range []struct {
		first            uint32
		population, root bool
	}{
		{2718, true, false}, {2641, false, false}, {2148, false, false},
		{2724, true, true}, {2712, false, true}, {2154, false, true},
	} {
		for i := range uint32(3) {
			register(f.first+i, true, newMoment(true, true, varianceOf(f.population, f.root)))
		}
		register(f.first+5, true, newMoment(false, true, varianceOf(f.population, f.root)))
		for i := range uint32(2) {
			register(f.first+3+i, false, func(*expr.Ctx) expr.AggState {
				return &floatMoment{population: f.population, root: f.root}
			})
		}
	}
}
