package types

import (
	"math"
	"math/big"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// Results of the functions here have the display scale PostgreSQL gives them: about
// 16 significant digits, at least what the operands show, at most 1000. They are
// computed with guard digits and rounded once.

// numMaxResultDigits bounds exponents before they are computed.
const numMaxResultDigits = (numMaxWeight + 1) * numBaseDigits

func clampScale(s int, least ...int32) int {
	for _, l := range least {
		s = max(s, int(l))
	}
	return min(max(s, 0), numMaxDisplay)
}

// Sqrt is the square root; 2201F for negative numbers.
func (n Num) Sqrt() (Num, error) {
	switch {
	case n.IsNaN():
		return n, nil
	case n.Sign() < 0:
		return Num{}, pgerr.New(pgerr.InvalidArgumentForPowerFunction,
			"cannot take square root of a negative number")
	case n.IsInf():
		return n, nil
	}
	w, _ := n.weightAndFirst()
	sweight := 0
	if w >= 0 {
		sweight = w*numBaseDigits/2 + 1
	} else {
		sweight = 1 - (-w)*numBaseDigits/2
	}
	return n.sqrtScale(clampScale(numMinSigDigit-sweight, n.scale)), nil
}

func (n Num) sqrtScale(s int) Num {
	// sqrt(m/10^p) to s digits is isqrt(m * 10^(2s-p)) / 10^s, rounded.
	m, e := n.mag(), 2*s-int(n.scale)
	if e >= 0 {
		m = new(big.Int).Mul(m, pow10(e))
	} else {
		m = new(big.Int).Quo(m, pow10(-e))
	}
	r := new(big.Int).Sqrt(m)
	// r+1 is nearer if m > r^2 + r.
	up := new(big.Int).Mul(r, r)
	if up.Add(up, r).Cmp(m) < 0 {
		r.Add(r, big.NewInt(1))
	}
	return Num{scale: int32(s)}.withMagnitude(r)
}

// Float64 is the nearest float8; ok is false if it is out of range.
func (n Num) Float64() (f float64, ok bool) {
	switch {
	case n.IsNaN():
		return NaN(), true
	case n.IsInf() && n.neg:
		return math.Inf(-1), true
	case n.IsInf():
		return math.Inf(1), true
	}
	f, err := ParseFloat8(n.String())
	return f, err == nil
}

// approx is a float near n, infinite when out of range.
func (n Num) approx() float64 {
	f, _ := n.bigFloat(64).Float64()
	return f
}

func (n Num) bigFloat(prec uint) *big.Float {
	f := new(big.Float).SetPrec(prec).SetInt(n.mag())
	if n.scale > 0 {
		f.Quo(f, new(big.Float).SetPrec(prec).SetInt(pow10(int(n.scale))))
	}
	if n.neg {
		f.Neg(f)
	}
	return f
}

// fromBigFloat rounds to s digits after the point.
func fromBigFloat(f *big.Float, s int) Num {
	p := new(big.Float).SetPrec(f.Prec() + 64).SetInt(pow10(s))
	p.Mul(p, f)
	half := big.NewFloat(0.5)
	if p.Sign() < 0 {
		half.Neg(half)
	}
	i, _ := p.Add(p, half).Int(nil)
	n := NumBig(i)
	n.scale = int32(s)
	return n.fixZero()
}

// precFor is the precision in bits for digits decimal digits with guard digits.
func precFor(digits int) uint { return uint(float64(max(digits, 0)+24)*3.33) + 64 }

// expFloat is e^x for moderate x, to x's precision.
func expFloat(x *big.Float) *big.Float {
	prec := x.Prec() + 64
	// Halve until small, sum the series, square back.
	y := new(big.Float).SetPrec(prec).Set(x)
	k := max(y.MantExp(nil)+10, 0)
	y.SetMantExp(y, -k)
	sum := new(big.Float).SetPrec(prec).SetInt64(1)
	term := new(big.Float).SetPrec(prec).SetInt64(1)
	for i := int64(1); ; i++ {
		term.Mul(term, y)
		term.Quo(term, new(big.Float).SetInt64(i))
		if term.Sign() == 0 || term.MantExp(nil) < -int(prec) {
			break
		}
		sum.Add(sum, term)
	}
	for range k {
		sum.Mul(sum, sum)
	}
	return sum
}

// lnFloat is ln x for x > 0, to x's precision.
func lnFloat(x *big.Float) *big.Float {
	prec := x.Prec() + 64
	m := new(big.Float).SetPrec(prec)
	exp := x.MantExp(m) // m in [0.5, 1)
	m.SetPrec(prec)
	r := lnNearOne(m)
	if exp != 0 {
		ln2 := lnNearOne(big.NewFloat(0.5).SetPrec(prec))
		r.Sub(r, ln2.Mul(ln2, new(big.Float).SetInt64(int64(exp))))
	}
	return r
}

// lnNearOne takes square roots until m is close to 1 and sums 2 artanh((m-1)/(m+1)).
func lnNearOne(m *big.Float) *big.Float {
	prec := m.Prec()
	y := new(big.Float).SetPrec(prec).Set(m)
	const roots = 8
	for range roots {
		y.Sqrt(y)
	}
	one := big.NewFloat(1)
	z := new(big.Float).SetPrec(prec).Sub(y, one)
	z.Quo(z, new(big.Float).SetPrec(prec).Add(y, one))
	sq := new(big.Float).SetPrec(prec).Mul(z, z)
	sum := new(big.Float).SetPrec(prec).Set(z)
	power := new(big.Float).SetPrec(prec).Set(z)
	for i := int64(3); power.Sign() != 0; i += 2 {
		power.Mul(power, sq)
		t := new(big.Float).SetPrec(prec).Quo(power, new(big.Float).SetInt64(i))
		if t.MantExp(nil) < -int(prec)-16 {
			break
		}
		sum.Add(sum, t)
	}
	return sum.SetMantExp(sum, roots+1)
}

const (
	log10E = 0.434294481903252
	// maxExpArg bounds what e is raised to.
	maxExpArg = 6000
)

// Exp is e^n.
func (n Num) Exp() (Num, error) {
	switch {
	case n.IsNaN():
		return n, nil
	case n.IsInf() && n.neg:
		return Num{}, nil
	case n.IsInf():
		return n, nil
	}
	v := n.approx()
	dweight := math.Max(-2000, math.Min(2000, v*log10E))
	s := clampScale(numMinSigDigit-int(dweight), n.scale)
	if math.Abs(v) >= maxExpArg {
		if v > 0 {
			return Num{}, errNumericOverflow()
		}
		return Num{scale: int32(s)}, nil
	}
	digits := s + int(math.Abs(v*log10E)) + 2
	return fromBigFloat(expFloat(n.bigFloat(precFor(digits))), s), nil
}

// lnWeight estimates the decimal weight of ln n.
func (n Num) lnWeight() int {
	if n.Sign() <= 0 {
		return 0
	}
	v := n.approx()
	if v >= 0.9 && v <= 1.1 {
		x := n.Sub(NumInt(1))
		if x.IsZero() {
			return 0
		}
		w, f := x.weightAndFirst()
		return w*numBaseDigits + int(math.Log10(float64(f)))
	}
	ln, _ := lnFloat(n.bigFloat(64)).Float64()
	return int(math.Log10(math.Abs(ln)))
}

func checkLogArg(n Num) error {
	switch {
	case n.Sign() < 0:
		return pgerr.New(pgerr.InvalidArgumentForLog, "cannot take logarithm of a negative number")
	case n.IsZero():
		return pgerr.New(pgerr.InvalidArgumentForLog, "cannot take logarithm of zero")
	}
	return nil
}

// Ln is the natural logarithm; 2201E for numbers not above 0.
func (n Num) Ln() (Num, error) {
	if n.IsNaN() {
		return n, nil
	}
	if err := checkLogArg(n); err != nil || n.IsInf() {
		return n, err
	}
	w := n.lnWeight()
	s := clampScale(numMinSigDigit-w, n.scale)
	return fromBigFloat(lnFloat(n.bigFloat(n.logPrec(s+max(w, 0)))), s), nil
}

// logPrec is the precision for a logarithm of so many digits: numbers near 1 lose
// digits.
func (n Num) logPrec(digits int) uint { return precFor(digits + n.decimalDigits() + int(n.scale)) }

// Log is the logarithm of n to the base b.
func (n Num) Log(b Num) (Num, error) {
	if n.IsNaN() || b.IsNaN() {
		return NumNaNValue(), nil
	}
	if err := checkLogArg(b); err != nil {
		return Num{}, err
	}
	if err := checkLogArg(n); err != nil {
		return Num{}, err
	}
	switch {
	case b.IsInf() && n.IsInf():
		return NumNaNValue(), nil
	case b.IsInf():
		return Num{}, nil
	case n.IsInf():
		return n, nil
	}
	s := clampScale(numMinSigDigit-(n.lnWeight()-b.lnWeight()), n.scale, b.scale)
	prec := max(n.logPrec(s), b.logPrec(s))
	num, den := lnFloat(n.bigFloat(prec)), lnFloat(b.bigFloat(prec))
	if den.Sign() == 0 {
		return Num{}, errDivisionByZero()
	}
	return fromBigFloat(num.Quo(num, den), s), nil
}

// isInteger tells whether a finite n has no digits behind the point.
func (n Num) isInteger() bool { return n.Trunc(0).Cmp(n) == 0 }

// Power is n^e.
func (n Num) Power(e Num) (Num, error) {
	if n.class != numFinite || e.class != numFinite {
		return powerSpecial(n, e)
	}
	if n.IsZero() && e.Sign() < 0 {
		return Num{}, pgerr.New(pgerr.InvalidArgumentForPowerFunction,
			"zero raised to a negative power is undefined")
	}
	if e.isInteger() {
		if i := e.Trunc(0); i.big == nil && i.lo <= math.MaxInt32 {
			x := int64(i.lo)
			if i.neg {
				x = -x
			}
			return n.powerInt(x, e.scale)
		}
	}
	return n.powerReal(e)
}

func (n Num) powerInt(e int64, escale int32) (Num, error) {
	if n.IsZero() {
		if e == 0 {
			return NumInt(1).Round(numMinSigDigit), nil
		}
		return Num{scale: int32(clampScale(numMinSigDigit, n.scale, escale))}, nil
	}
	v := new(big.Float).SetPrec(64).SetInt(n.mag())
	ln, _ := lnFloat(v).Float64()
	f := float64(e) * (ln*log10E - float64(n.scale))
	if f > numMaxResultDigits {
		return Num{}, errNumericOverflow()
	}
	s := clampScale(numMinSigDigit, n.scale, escale)
	if f+1 < -numMaxDisplay {
		return Num{scale: int32(s)}, nil
	}
	if e >= 0 && float64(n.decimalDigits())*float64(e) < 2000 {
		exact := Num{neg: n.neg && e%2 != 0}
		exact = exact.withMagnitude(new(big.Int).Exp(n.mag(), big.NewInt(e), nil))
		exact.scale = n.scale * int32(e)
		return exact.Round(s).fixZero(), nil
	}
	prec := precFor(s + int(math.Abs(f)) + 10)
	r := powFloat(n.Abs(), e, prec)
	if n.neg && e%2 != 0 {
		r.Neg(r)
	}
	return fromBigFloat(r, s), nil
}

// powFloat raises to an integer power by squaring.
func powFloat(n Num, e int64, prec uint) *big.Float {
	neg := e < 0
	if neg {
		e = -e
	}
	base := n.bigFloat(prec + 64)
	r := new(big.Float).SetPrec(prec + 64).SetInt64(1)
	for ; e > 0; e >>= 1 {
		if e&1 != 0 {
			r.Mul(r, base)
		}
		base.Mul(base, base)
	}
	if neg {
		r.Quo(new(big.Float).SetPrec(prec+64).SetInt64(1), r)
	}
	return r
}

func (n Num) powerReal(e Num) (Num, error) {
	if n.IsZero() {
		return Num{scale: numMinSigDigit}, nil
	}
	neg := false
	if n.neg {
		if !e.isInteger() {
			return Num{}, pgerr.New(pgerr.InvalidArgumentForPowerFunction,
				"a negative number raised to a non-integer power yields a complex result")
		}
		odd := new(big.Int).Set(e.Trunc(0).rescaleExact(0).mag())
		neg = odd.Bit(0) == 1
		n = n.Abs()
	}
	ln, _ := lnFloat(n.bigFloat(96)).Float64()
	f := e.approx() * ln * log10E
	s := clampScale(numMinSigDigit-int(max(-2000, min(2000, f))), n.scale, e.scale)
	if math.Abs(f/log10E) >= maxExpArg {
		if f > 0 {
			return Num{}, errNumericOverflow()
		}
		return Num{scale: int32(s)}, nil
	}
	prec := n.logPrec(s+int(math.Abs(f))+e.decimalDigits()) + 64
	x := lnFloat(n.bigFloat(prec))
	x.Mul(x, e.bigFloat(prec))
	r := fromBigFloat(expFloat(x), s)
	r.neg = neg && !r.IsZero()
	return r, nil
}

func powerSpecial(n, e Num) (Num, error) {
	one := NumInt(1)
	switch {
	case n.IsNaN():
		if e.IsZero() {
			return one, nil
		}
		return n, nil
	case e.IsNaN():
		if n.class == numFinite && n.Cmp(one) == 0 {
			return one, nil
		}
		return e, nil
	case n.class == numFinite && n.Cmp(one) == 0, e.IsZero():
		return one, nil
	case n.IsZero():
		if e.Sign() < 0 {
			return Num{}, pgerr.New(pgerr.InvalidArgumentForPowerFunction,
				"zero raised to a negative power is undefined")
		}
		return Num{}, nil
	case e.IsInf():
		c := n.Abs().Cmp(one)
		switch {
		case c == 0:
			return one, nil
		case (c > 0) == (e.Sign() > 0):
			return NumInfValue(false), nil
		}
		return Num{}, nil
	}
	// n is infinite, e finite and not 0.
	if n.neg && !e.isInteger() {
		return Num{}, pgerr.New(pgerr.InvalidArgumentForPowerFunction,
			"a negative number raised to a non-integer power yields a complex result")
	}
	if e.Sign() < 0 {
		return Num{}, nil
	}
	odd := e.Trunc(0).mag().Bit(0) == 1
	return NumInfValue(n.neg && odd), nil
}

// MinScale is the smallest display scale that shows all digits.
func (n Num) MinScale() int {
	s := int(n.scale)
	if n.IsZero() {
		return 0
	}
	m, ten, rem := new(big.Int).Set(n.mag()), big.NewInt(10), new(big.Int)
	for s > 0 {
		q, r := new(big.Int).QuoRem(m, ten, rem)
		if r.Sign() != 0 {
			break
		}
		m = q
		s--
	}
	return s
}

// Gcd is the greatest common divisor, with the larger display scale.
func (n Num) Gcd(m Num) Num {
	if n.class != numFinite || m.class != numFinite {
		return NumNaNValue()
	}
	s := max(n.scale, m.scale)
	a, b := n.rescaleExact(s).mag(), m.rescaleExact(s).mag()
	return Num{scale: s}.withMagnitude(new(big.Int).GCD(nil, nil, a, b))
}

// Lcm is the least common multiple, with the larger display scale.
func (n Num) Lcm(m Num) (Num, error) {
	if n.class != numFinite || m.class != numFinite {
		return NumNaNValue(), nil
	}
	s := max(n.scale, m.scale)
	if n.IsZero() || m.IsZero() {
		return Num{scale: s}, nil
	}
	g := n.Gcd(m)
	q, err := n.DivTrunc(g)
	if err != nil {
		return Num{}, err
	}
	return q.Mul(m).Abs().Round(int(s)), nil
}

// Factorial is n!.
func Factorial(n int64) (Num, error) {
	switch {
	case n < 0:
		return Num{}, pgerr.New(pgerr.NumericValueOutOfRange, "factorial of a negative number is undefined")
	case n > 32177:
		return Num{}, errNumericOverflow()
	}
	return NumBig(new(big.Int).MulRange(1, max(n, 1))), nil
}

// Int64 rounds half away from zero; ok is false out of range or when not finite.
func (n Num) Int64() (v int64, ok bool) {
	if n.class != numFinite {
		return 0, false
	}
	r := n.Round(0)
	switch {
	case r.big != nil:
		return 0, false
	case r.neg && r.lo <= 1<<63:
		return -int64(r.lo), true
	case r.neg || r.lo >= 1<<63:
		return 0, false
	}
	return int64(r.lo), true
}
