// Package aggregates registers the aggregate functions: count, sum, avg, min,
// max, the boolean and bit ones, string_agg, array_agg, variance and standard
// deviation. Result types and rounding are PostgreSQL's: sums of int4 are
// int8, of int8 numeric, averages of integers numeric.
//
// A state keeps what it has to keep on the Go heap, never in the arena of the
// call, which the executor empties between rows.
package aggregates

import (
	"math"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// register adds a strict aggregate (rows with a null argument do not count).
func register(oid uint32, insensitive bool, make func(c *expr.Ctx) expr.AggState) {
	expr.RegisterAggregate(expr.Aggregate{OID: oid, New: make, SkipNulls: true, OrderInsensitive: insensitive})
}

// lanes calls f for each lane that counts and is not null.
func lanes(col *data.Vec, n int, sel []uint16, f func(i int)) {
	if sel != nil {
		for _, i := range sel {
			if !col.IsNull(int(i)) {
				f(int(i))
			}
		}
		return
	}
	for i := range n {
		if !col.IsNull(i) {
			f(i)
		}
	}
}

// counter is count(*) and count(x).
type counter struct{ n int64 }

func (s *counter) Step(*expr.Ctx, []data.Datum) error { s.n++; return nil }

func (s *counter) StepBatch(_ *expr.Ctx, col *data.Vec, n int, sel []uint16) error {
	switch {
	case col != nil:
		lanes(col, n, sel, func(int) { s.n++ })
	case sel != nil:
		s.n += int64(len(sel))
	default:
		s.n += int64(n)
	}
	return nil
}

func (s *counter) Final(*expr.Ctx) (data.Datum, error) { return data.Int(s.n), nil }

// intSum is sum of int2 and int4, whose result is int8.
type intSum struct {
	sum int64
	any bool
}

func (s *intSum) add(v int64) error {
	n := s.sum + v
	if (s.sum^n)&(v^n) < 0 {
		return pgerr.New(pgerr.NumericValueOutOfRange, "bigint out of range")
	}
	s.sum, s.any = n, true
	return nil
}

func (s *intSum) Step(_ *expr.Ctx, a []data.Datum) error { return s.add(a[0].Int()) }

func (s *intSum) StepBatch(_ *expr.Ctx, col *data.Vec, n int, sel []uint16) (err error) {
	lanes(col, n, sel, func(i int) {
		if e := s.add(col.I64[i]); e != nil {
			err = e
		}
	})
	return err
}

func (s *intSum) Final(*expr.Ctx) (data.Datum, error) {
	if !s.any {
		return data.Null, nil
	}
	return data.Int(s.sum), nil
}

// floatSum is sum of the floats.
type floatSum struct {
	sum    float64
	n      int64
	single bool // round to float4
}

func (s *floatSum) add(v float64) error {
	was := s.sum
	if s.n == 0 {
		s.sum = v // and not 0 + v, which is not -0 for -0
	} else {
		s.sum += v
	}
	if s.single {
		s.sum = float64(float32(s.sum))
	}
	s.n++
	if math.IsInf(s.sum, 0) && !math.IsInf(was, 0) && !math.IsInf(v, 0) {
		return pgerr.New(pgerr.NumericValueOutOfRange, "value out of range: overflow")
	}
	return nil
}

func (s *floatSum) Step(_ *expr.Ctx, a []data.Datum) error { return s.add(a[0].Float()) }

func (s *floatSum) Final(*expr.Ctx) (data.Datum, error) {
	if s.n == 0 {
		return data.Null, nil
	}
	return data.Float(s.sum), nil
}

// boolean is bool_and and bool_or.
type boolean struct {
	and, any, value bool
}

func (s *boolean) Step(_ *expr.Ctx, a []data.Datum) error {
	v := a[0].Bool()
	switch {
	case !s.any:
		s.value = v
	case s.and:
		s.value = s.value && v
	default:
		s.value = s.value || v
	}
	s.any = true
	return nil
}

func (s *boolean) Final(*expr.Ctx) (data.Datum, error) {
	if !s.any {
		return data.Null, nil
	}
	return data.Bool(s.value), nil
}

// bitwise is bit_and, bit_or and bit_xor.
type bitwise struct {
	f     func(a, b int64) int64
	value int64
	any   bool
}

func (s *bitwise) Step(_ *expr.Ctx, a []data.Datum) error {
	if s.any {
		s.value = s.f(s.value, a[0].Int())
	} else {
		s.value, s.any = a[0].Int(), true
	}
	return nil
}

func (s *bitwise) Final(*expr.Ctx) (data.Datum, error) {
	if !s.any {
		return data.Null, nil
	}
	return data.Int(s.value), nil
}

func init() {
	expr.RegisterAggregate(expr.Aggregate{OID: 2803, OrderInsensitive: true,
		New: func(*expr.Ctx) expr.AggState { return &counter{} }})
	register(2147, true, func(*expr.Ctx) expr.AggState { return &counter{} })
	for _, oid := range []uint32{2108, 2109} {
		register(oid, true, func(*expr.Ctx) expr.AggState { return &intSum{} })
	}
	register(2110, false, func(*expr.Ctx) expr.AggState { return &floatSum{single: true} })
	register(2111, false, func(*expr.Ctx) expr.AggState { return &floatSum{} })
	for _, oid := range []uint32{2104, 2105} {
		register(oid, false, func(*expr.Ctx) expr.AggState { return &floatMoment{average: true} })
	}
	for _, oid := range []uint32{2517, 2519} {
		register(oid, true, func(*expr.Ctx) expr.AggState { return &boolean{and: true} })
	}
	register(2518, true, func(*expr.Ctx) expr.AggState { return &boolean{} })
	for i, f := range []func(a, b int64) int64{
		func(a, b int64) int64 { return a & b },
		func(a, b int64) int64 { return a | b },
		func(a, b int64) int64 { return a ^ b },
	} {
		for _, oid := range [][]uint32{{2236, 2238, 2240}, {2237, 2239, 2241}, {6164, 6165, 6166}}[i] {
			register(oid, true, func(*expr.Ctx) expr.AggState { return &bitwise{f: f} })
		}
	}
}
