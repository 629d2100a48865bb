package arith

import (
	"math"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

func floatOverflow() error {
	return pgerr.New(pgerr.NumericValueOutOfRange, "value out of range: overflow")
}

func floatUnderflow() error {
	return pgerr.New(pgerr.NumericValueOutOfRange, "value out of range: underflow")
}

// checked returns a result unless it left the range: infinite though no
// operand was, or zero where it may not be.
func checked(r float64, infOK, zeroOK bool) (data.Datum, error) {
	if math.IsInf(r, 0) && !infOK {
		return data.Null, floatOverflow()
	}
	if r == 0 && !zeroOK {
		return data.Null, floatUnderflow()
	}
	return data.Float(r), nil
}

// floatOp computes one of + - * / ; single rounds to float4.
func floatOp(op byte, single bool) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		x, y := a[0].Float(), a[1].Float()
		if op == '/' && y == 0 && !math.IsNaN(x) {
			return data.Null, divisionByZero()
		}
		var r float64
		switch op {
		case '+':
			r = x + y
		case '-':
			r = x - y
		case '*':
			r = x * y
		case '/':
			r = x / y
		}
		if single {
			r = float64(float32(r))
		}
		infOK := math.IsInf(x, 0) || math.IsInf(y, 0)
		zeroOK := true
		switch op {
		case '*':
			zeroOK = x == 0 || y == 0
		case '/':
			infOK = math.IsInf(x, 0)
			zeroOK = x == 0 || math.IsInf(y, 0)
		}
		return checked(r, infOK, zeroOK)
	}
}

func float1(f func(float64) float64) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) { return data.Float(f(a[0].Float())), nil }
}

// ranged makes a function whose result overflows only for infinite input.
func ranged(f func(float64) float64) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		x := a[0].Float()
		return checked(f(x), math.IsInf(x, 0), true)
	}
}

// within makes a function defined on [lo, hi] only.
func within(lo, hi float64, f func(float64) float64) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		x := a[0].Float()
		if math.IsNaN(x) {
			return a[0], nil
		}
		if x < lo || x > hi {
			return data.Null, pgerr.New(pgerr.NumericValueOutOfRange, "input is out of range")
		}
		return checked(f(x), true, true)
	}
}

// finite makes a function that is not defined for infinities.
func finite(f func(float64) float64) expr.Func {
	return within(-math.MaxFloat64, math.MaxFloat64, f)
}

func sqrt(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if a[0].Float() < 0 {
		return data.Null, pgerr.New(pgerr.InvalidArgumentForPowerFunction, "cannot take square root of a negative number")
	}
	return data.Float(math.Sqrt(a[0].Float())), nil
}

func logarithm(f func(float64) float64) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		x := a[0].Float()
		if x == 0 {
			return data.Null, pgerr.New(pgerr.InvalidArgumentForLog, "cannot take logarithm of zero")
		}
		if x < 0 {
			return data.Null, pgerr.New(pgerr.InvalidArgumentForLog, "cannot take logarithm of a negative number")
		}
		return data.Float(f(x)), nil
	}
}

func exp(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	x := a[0].Float()
	r := math.Exp(x)
	return checked(r, math.IsInf(x, 0), math.IsInf(x, -1))
}

// naturalLog is math.Log, which is wrong for subnormal numbers on amd64.
func naturalLog(x float64) float64 {
	if x > 0 && x < minNormal {
		return math.Log(x*(1<<54)) - 54*math.Ln2
	}
	return math.Log(x)
}

// commonLog is exact for powers of ten.
func commonLog(x float64) float64 {
	if x > 0 && x < minNormal {
		return math.Log10(x*1e54) - 54
	}
	r := math.Log10(x)
	if n := math.Round(r); math.Abs(r-n) < 1e-12 && math.Pow10(int(n)) == x {
		return n
	}
	return r
}

// minNormal is the smallest positive number that is not subnormal.
const minNormal = 0x1p-1022

func power(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	x, y := a[0].Float(), a[1].Float()
	switch {
	case math.IsNaN(x) && y == 0 || x == 1:
		return data.Float(1), nil
	case math.IsNaN(x) || math.IsNaN(y):
		return data.Float(math.NaN()), nil
	case x == 0 && y < 0:
		return data.Null, pgerr.New(pgerr.InvalidArgumentForPowerFunction, "zero raised to a negative power is undefined")
	case x < 0 && !math.IsInf(y, 0) && math.Floor(y) != y:
		return data.Null, pgerr.New(pgerr.InvalidArgumentForPowerFunction,
			"a negative number raised to a non-integer power yields a complex result")
	}
	inf := math.IsInf(x, 0) || math.IsInf(y, 0)
	if x > 0 && x < minNormal && !inf {
		// math.Pow goes wrong with subnormal numbers.
		return checked(math.Pow(x*(1<<54), y)*math.Exp2(-54*y), false, false)
	}
	return checked(math.Pow(x, y), inf, inf || x == 0)
}

func init() {
	for op, oids := range map[byte][2][]uint32{
		'+': {{204}, {218, 281, 285}}, '-': {{205}, {219, 282, 286}},
		'*': {{202}, {216, 279, 283}}, '/': {{203}, {217, 280, 284}},
	} {
		each(floatOp(op, true), oids[0]...)
		each(floatOp(op, false), oids[1]...)
	}
	each(float1(func(x float64) float64 { return x }), 1913, 1914)
	each(float1(func(x float64) float64 { return -x }), 206, 220)
	each(float1(math.Abs), 207, 221, 1394, 1395)
	each(float1(math.Ceil), 2308, 2320)
	each(float1(math.Floor), 2309)
	each(float1(math.RoundToEven), 228, 1342)
	each(float1(math.Trunc), 229, 1343)
	each(float1(func(x float64) float64 {
		if x > 0 {
			return 1
		} else if x < 0 {
			return -1
		}
		return 0 // of NaN as well
	}), 2310)
	each(float1(math.Cbrt), 231, 1345)
	each(sqrt, 230, 1344)
	each(logarithm(naturalLog), 234, 1341)
	each(logarithm(commonLog), 1339, 1340, 1194)
	each(exp, 233, 1347)
	each(power, 232, 1346, 1368)
	each(within(-1, 1, math.Acos), 1601)
	each(within(-1, 1, math.Asin), 1600)
	each(float1(math.Atan), 1602)
	expr.Register(1603, func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return data.Float(math.Atan2(a[0].Float(), a[1].Float())), nil
	})
	each(finite(math.Sin), 1604)
	each(finite(math.Cos), 1605)
	each(finite(math.Tan), 1606)
	each(finite(func(x float64) float64 { return 1 / math.Tan(x) }), 1607)
	each(ranged(func(x float64) float64 { return x * (180 / math.Pi) }), 1608)
	each(float1(func(x float64) float64 { return x * (math.Pi / 180) }), 1609)
	each(float1(math.Sinh), 2462)
	each(float1(math.Cosh), 2463)
	each(float1(math.Tanh), 2464)
	each(float1(math.Asinh), 2465)
	each(within(1, math.Inf(1), math.Acosh), 2466)
	each(within(-1, 1, math.Atanh), 2467)
	expr.Register(1610, func(*expr.Ctx, []data.Datum) (data.Datum, error) { return data.Float(math.Pi), nil })
}
