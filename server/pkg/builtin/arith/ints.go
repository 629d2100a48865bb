// Package arith registers arithmetic, bit operations and mathematical
// functions of the integers and floats, and the casts among them, bool, text,
// name and "char". numeric has a package of its own.
//
// Results out of range are 22003, divisions by zero 22012, with PostgreSQL's
// texts.
package arith

import (
	"math"
	"math/bits"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// width is an integer type by its number of bits.
type width int

func (w width) name() string {
	return map[width]string{16: "smallint", 32: "integer", 64: "bigint"}[w]
}

func (w width) outOfRange() error {
	return pgerr.New(pgerr.NumericValueOutOfRange, w.name()+" out of range")
}

func (w width) min() int64 { return math.MinInt64 >> (64 - w) }

// fit checks a result computed in 64 bits.
func (w width) fit(n int64, overflow bool) (data.Datum, error) {
	if overflow || n != n<<(64-w)>>(64-w) {
		return data.Null, w.outOfRange()
	}
	return data.Int(n), nil
}

func divisionByZero() error { return pgerr.New(pgerr.DivisionByZero, "division by zero") }

// binary makes a function of two integers whose result has width w.
func binary(w width, f func(a, b int64) (int64, bool)) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return w.fit(f(a[0].Int(), a[1].Int()))
	}
}

func add(a, b int64) (int64, bool) {
	c := a + b
	return c, (a^c)&(b^c) < 0
}

func sub(a, b int64) (int64, bool) {
	c := a - b
	return c, (a^b)&(a^c) < 0
}

func mul(a, b int64) (int64, bool) {
	neg := a < 0 != (b < 0)
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if neg {
		return -int64(lo), hi != 0 || lo > 1<<63
	}
	return int64(lo), hi != 0 || lo > math.MaxInt64
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

func div(w width) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		x, y := a[0].Int(), a[1].Int()
		if y == 0 {
			return data.Null, divisionByZero()
		}
		if y == -1 {
			return w.fit(-x, x == math.MinInt64)
		}
		return w.fit(x/y, false)
	}
}

func mod(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	y := a[1].Int()
	switch y {
	case 0:
		return data.Null, divisionByZero()
	case -1:
		return data.Int(0), nil
	}
	return data.Int(a[0].Int() % y), nil
}

func unary(f func(int64) int64) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) { return data.Int(f(a[0].Int())), nil }
}

func negate(w width) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		n := a[0].Int()
		return w.fit(-n, n == w.min())
	}
}

func abs(w width) expr.Func {
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		if a[0].Int() >= 0 {
			return a[0], nil
		}
		return negate(w)(c, a)
	}
}

// truncated makes a bit operation whose result is cut to w bits.
func truncated(w width, f func(a, b int64) int64) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		n := f(a[0].Int(), a[1].Int())
		return data.Int(n << (64 - w) >> (64 - w)), nil
	}
}

// shift counts modulo the machine word PostgreSQL shifts in: 32 bits for the
// two smaller types, 64 for bigint.
func shift(w width, left bool) expr.Func {
	word := int64(31)
	if w == 64 {
		word = 63
	}
	return truncated(w, func(a, b int64) int64 {
		if left {
			return a << (b & word)
		}
		return a >> (b & word)
	})
}

func gcd(w width) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		g := euclid(a[0].Int(), a[1].Int())
		return w.fit(int64(g), g > math.MaxInt64)
	}
}

func euclid(a, b int64) uint64 {
	x, y := magnitude(a), magnitude(b)
	for y != 0 {
		x, y = y, x%y
	}
	return x
}

func lcm(w width) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		x, y := a[0].Int(), a[1].Int()
		if x == 0 || y == 0 {
			return data.Int(0), nil
		}
		n, over := mul(int64(magnitude(x)/euclid(x, y)), y)
		if over || n == w.min() {
			return data.Null, w.outOfRange()
		}
		return w.fit(int64(magnitude(n)), false)
	}
}

func larger(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return data.Int(max(a[0].Int(), a[1].Int())), nil
}

func smaller(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return data.Int(min(a[0].Int(), a[1].Int())), nil
}

func each(fn expr.Func, oids ...uint32) {
	for _, oid := range oids {
		expr.Register(oid, fn)
	}
}

func init() {
	each(binary(16, add), 176)
	each(binary(32, add), 177, 178, 179)
	each(binary(64, add), 463, 837, 841, 1274, 1278)
	each(binary(16, sub), 180)
	each(binary(32, sub), 181, 182, 183)
	each(binary(64, sub), 464, 838, 942, 1275, 1279)
	each(binary(16, mul), 152)
	each(binary(32, mul), 141, 170, 171)
	each(binary(64, mul), 465, 839, 943, 1276, 1280)
	each(div(16), 153)
	each(div(32), 154, 172, 173)
	each(div(64), 466, 840, 948, 1277, 1281)
	each(mod, 155, 156, 945, 940, 941, 947)
	same := func(n int64) int64 { return n }
	each(unary(same), 1910, 1911, 1912)
	each(negate(16), 213)
	each(negate(32), 212)
	each(negate(64), 462)
	each(abs(16), 1253, 1398)
	each(abs(32), 1251, 1397)
	each(abs(64), 1230, 1396)
	each(unary(func(n int64) int64 { return ^n }), 1895, 1901, 1907)
	for i, w := range []width{16, 32, 64} {
		base := uint32(1892 + 6*i)
		each(truncated(w, func(a, b int64) int64 { return a & b }), base)
		each(truncated(w, func(a, b int64) int64 { return a | b }), base+1)
		each(truncated(w, func(a, b int64) int64 { return a ^ b }), base+2)
		each(shift(w, true), base+4)
		each(shift(w, false), base+5)
	}
	each(gcd(32), 5044)
	each(gcd(64), 5045)
	each(lcm(32), 5046)
	each(lcm(64), 5047)
	each(larger, 770, 768, 1236)
	each(smaller, 771, 769, 1237)
}
