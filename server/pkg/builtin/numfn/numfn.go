// Package numfn registers the functions on numeric: arithmetic, rounding, roots, powers
// and logarithms, casts from and to the other numbers, and formatting by template
// (to_char, to_number).
//
// Scales of results follow PostgreSQL's rules, which live in package types.
package numfn

import (
	"math"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

type num = types.Num

func register(fn expr.Func, oids ...uint32) {
	for _, oid := range oids {
		expr.Register(oid, fn)
	}
}

// unary and binary lift functions on numbers.
func unary(f func(a num) (num, error), oids ...uint32) {
	register(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		r, err := f(types.NumOf(a[0]))
		if err != nil {
			return data.Null, err
		}
		return r.Datum(c.Arena)
	}, oids...)
}

func binary(f func(a, b num) (num, error), oids ...uint32) {
	register(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		r, err := f(types.NumOf(a[0]), types.NumOf(a[1]))
		if err != nil {
			return data.Null, err
		}
		return r.Datum(c.Arena)
	}, oids...)
}

// sure makes a function that cannot fail into one that may.
func sure(f func(a num) num) func(num) (num, error) {
	return func(a num) (num, error) { return f(a), nil }
}

func sure2(f func(a, b num) num) func(a, b num) (num, error) {
	return func(a, b num) (num, error) { return f(a, b), nil }
}

func init() {
	binary(sure2(num.Add), 1724)
	binary(sure2(num.Sub), 1725)
	binary(sure2(num.Mul), 1726)
	binary(num.Div, 1727)
	binary(num.DivTrunc, 1973, 1980)
	binary(num.Mod, 1728, 1729)
	binary(num.Power, 1738, 1739, 2169)
	binary(func(b, n num) (num, error) { return n.Log(b) }, 1736, 1737)
	binary(sure2(num.Gcd), 5048)
	binary(num.Lcm, 5049)

	unary(sure(num.Neg), 1771)
	unary(sure(func(a num) num { return a }), 1915)
	unary(sure(num.Abs), 1704, 1705)
	unary(sure(func(a num) num { return a.Add(types.NumInt(1)) }), 1764)
	unary(sure(num.Ceil), 1711, 2167)
	unary(sure(num.Floor), 1712)
	unary(sure(func(a num) num { return a.Round(0) }), 1708)
	unary(sure(func(a num) num { return a.Trunc(0) }), 1710)
	unary(sure(sign), 1706)
	unary(num.Sqrt, 1730, 1731)
	unary(num.Exp, 1732, 1733)
	unary(num.Ln, 1734, 1735)
	unary(func(a num) (num, error) { return a.Log(types.NumInt(10)) }, 1741, 1481)
	unary(sure(func(a num) num { return a.Trunc(a.MinScale()) }), 5043)

	register(roundTo(num.Round), 1707)
	register(roundTo(num.Trunc), 1709)
	register(scale, 3281)
	register(minScale, 5042)
	register(factorial, 1376)
	register(widthBucket, 2170)
	register(larger(1), 1767)
	register(larger(-1), 1766)
}

func sign(a num) num {
	if a.IsNaN() {
		return a
	}
	return types.NumInt(int64(a.Sign()))
}

// roundTo rounds to a number of digits, within PostgreSQL's bounds for it.
// maxScale is the most digits after the point a numeric can have.
const maxScale = 16383

func roundTo(f func(num, int) num) expr.Func {
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		digits := min(max(a[1].Int(), -maxScale), maxScale)
		return f(types.NumOf(a[0]), int(digits)).Datum(c.Arena)
	}
}

func scale(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	n := types.NumOf(a[0])
	if !n.IsFinite() {
		return data.Null, nil
	}
	return data.Int(int64(n.Scale())), nil
}

func minScale(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	n := types.NumOf(a[0])
	if !n.IsFinite() {
		return data.Null, nil
	}
	return data.Int(int64(n.MinScale())), nil
}

func factorial(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	n, err := types.Factorial(a[0].Int())
	if err != nil {
		return data.Null, err
	}
	return n.Datum(c.Arena)
}

func larger(want int) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		if types.CompareNum(a[0], a[1]) == want {
			return a[0], nil
		}
		return a[1], nil
	}
}

func widthBucket(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	bad := func(message string) (data.Datum, error) {
		return data.Null, pgerr.New(pgerr.InvalidArgumentForWidthBucketFunction, message)
	}
	op, lo, hi, count := types.NumOf(a[0]), types.NumOf(a[1]), types.NumOf(a[2]), a[3].Int()
	switch {
	case count <= 0:
		return bad("count must be greater than zero")
	case op.IsNaN() || lo.IsNaN() || hi.IsNaN():
		return bad("operand, lower bound, and upper bound cannot be NaN")
	case lo.IsInf() || hi.IsInf():
		return bad("lower and upper bounds must be finite")
	}
	dir := lo.Cmp(hi)
	if dir == 0 {
		return bad("lower bound cannot equal upper bound")
	}
	if dir > 0 { // descending bounds
		op, lo, hi = op.Neg(), lo.Neg(), hi.Neg()
	}
	switch {
	case op.Cmp(lo) < 0:
		return data.Int(0), nil
	case op.Cmp(hi) >= 0:
		if count == math.MaxInt32 {
			return data.Null, pgerr.New(pgerr.NumericValueOutOfRange, "integer out of range")
		}
		return data.Int(count + 1), nil
	}
	q, err := op.Sub(lo).Mul(types.NumInt(count)).DivTrunc(hi.Sub(lo))
	if err != nil {
		return data.Null, err
	}
	v, _ := q.Int64()
	return data.Int(v + 1), nil
}
