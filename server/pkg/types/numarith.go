package types

import (
	"math/big"
	"math/bits"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// Neg is -n.
func (n Num) Neg() Num {
	if n.class != numIsNaN && !n.IsZero() {
		n.neg = !n.neg
	}
	return n
}

// Abs is |n|.
func (n Num) Abs() Num {
	n.neg = false
	return n
}

// rescaleExact multiplies the magnitude so that the scale becomes s >= n.scale.
func (n Num) rescaleExact(s int32) Num {
	d := int(s - n.scale)
	n.scale = s
	if d == 0 || n.big == nil && n.lo == 0 {
		return n
	}
	if n.big == nil && d < len(pow10u64) {
		hi, lo := bits.Mul64(n.lo, pow10u64[d])
		if hi == 0 {
			n.lo = lo
			return n
		}
	}
	return n.withMagnitude(new(big.Int).Mul(n.mag(), pow10(d)))
}

// Round rounds to s digits after the point (before it, if s is negative), half away
// from zero; the display scale becomes max(s, 0).
func (n Num) Round(s int) Num {
	if n.class != numFinite {
		return n
	}
	if s >= int(n.scale) {
		if s > numMaxScale {
			s = numMaxScale
		}
		return n.rescaleExact(int32(s))
	}
	n = n.dropDigits(int(n.scale)-s, true)
	n.scale = int32(s)
	if s < 0 {
		n = n.rescaleExact(0)
	}
	return n
}

// Trunc is Round towards zero.
func (n Num) Trunc(s int) Num {
	if n.class != numFinite {
		return n
	}
	if s >= int(n.scale) {
		return n.Round(s)
	}
	n = n.dropDigits(int(n.scale)-s, false)
	n.scale = int32(s)
	if s < 0 {
		n = n.rescaleExact(0)
	}
	return n
}

// dropDigits divides the magnitude by 10^k.
func (n Num) dropDigits(k int, round bool) Num {
	if n.big == nil {
		if k >= len(pow10u64) {
			n.lo, n.neg = 0, false
			return n
		}
		p := pow10u64[k]
		q, r := n.lo/p, n.lo%p
		if round && r >= p-r {
			q++
		}
		n.lo = q
		if q == 0 {
			n.neg = false
		}
		return n
	}
	p := pow10(k)
	q, r := new(big.Int).QuoRem(n.big, p, new(big.Int))
	if round && r.Lsh(r, 1).Cmp(p) >= 0 {
		q.Add(q, big.NewInt(1))
	}
	n = n.withMagnitude(q)
	if n.IsZero() {
		n.neg = false
	}
	return n
}

// Add is n + m, with the larger display scale.
func (n Num) Add(m Num) Num {
	if n.class != numFinite || m.class != numFinite {
		switch {
		case n.IsNaN() || m.IsNaN() || n.IsInf() && m.IsInf() && n.neg != m.neg:
			return NumNaNValue()
		case n.IsInf():
			return n
		}
		return m
	}
	s := max(n.scale, m.scale)
	n, m = n.rescaleExact(s), m.rescaleExact(s)
	if n.big == nil && m.big == nil {
		if n.neg == m.neg {
			sum, carry := bits.Add64(n.lo, m.lo, 0)
			if carry == 0 {
				n.lo = sum
				return n
			}
		} else {
			if n.lo >= m.lo {
				n.lo -= m.lo
			} else {
				n.lo, n.neg = m.lo-n.lo, m.neg
			}
			if n.lo == 0 {
				n.neg = false
			}
			return n
		}
	}
	if n.neg == m.neg {
		return n.withMagnitude(new(big.Int).Add(n.mag(), m.mag()))
	}
	a, b := n.mag(), m.mag()
	switch c := a.Cmp(b); {
	case c == 0:
		return Num{scale: s}
	case c > 0:
		return n.withMagnitude(new(big.Int).Sub(a, b))
	}
	return m.withMagnitude(new(big.Int).Sub(b, a))
}

// Sub is n - m.
func (n Num) Sub(m Num) Num { return n.Add(m.Neg()) }

// Mul is n * m; the display scales add up (to numeric's limit, rounding there).
func (n Num) Mul(m Num) Num {
	if n.class != numFinite || m.class != numFinite {
		if n.IsNaN() || m.IsNaN() || n.IsZero() || m.IsZero() {
			return NumNaNValue()
		}
		return NumInfValue(n.neg != m.neg)
	}
	r := Num{neg: n.neg != m.neg, scale: n.scale + m.scale}
	hi, lo := uint64(1), uint64(0)
	if n.big == nil && m.big == nil {
		hi, lo = bits.Mul64(n.lo, m.lo)
	}
	if hi == 0 {
		r.lo = lo
	} else {
		r = r.withMagnitude(new(big.Int).Mul(n.mag(), m.mag()))
	}
	if r.IsZero() {
		r.neg = false
	}
	if r.scale > numMaxScale {
		r = r.Round(numMaxScale)
	}
	return r
}

func errDivisionByZero() error {
	return pgerr.New(pgerr.DivisionByZero, "division by zero")
}

// divScale is the display scale of a quotient: at least 16 significant digits and
// never less than either operand shows.
func divScale(n, m *Num) int {
	w1, f1 := n.weightAndFirst()
	w2, f2 := m.weightAndFirst()
	q := w1 - w2
	if f1 <= f2 {
		q--
	}
	s := numMinSigDigit - q*numBaseDigits
	s = max(s, int(n.scale), int(m.scale), 0)
	return min(s, numMaxDisplay)
}

// Div is n / m, rounded to PostgreSQL's result scale.
func (n Num) Div(m Num) (Num, error) {
	if n.class != numFinite || m.class != numFinite {
		return divSpecial(n, m)
	}
	if m.IsZero() {
		return Num{}, errDivisionByZero()
	}
	return n.DivScale(m, divScale(&n, &m), true), nil
}

// DivScale divides finite numbers to s digits after the point, rounding or
// truncating. m must not be zero.
func (n Num) DivScale(m Num, s int, round bool) Num {
	r := Num{neg: n.neg != m.neg, scale: int32(s)}
	// (a/10^p) / (b/10^q) * 10^s = a * 10^(s+q-p) / b
	e := s + int(m.scale) - int(n.scale)
	if n.big == nil && m.big == nil && e >= 0 && e < len(pow10u64) {
		if hi, lo := bits.Mul64(n.lo, pow10u64[e]); hi < m.lo {
			q, rem := bits.Div64(hi, lo, m.lo)
			if !round || rem < m.lo-rem {
				r.lo = q
				return r.fixZero()
			}
			if q+1 != 0 {
				r.lo = q + 1
				return r.fixZero()
			}
		}
	}
	num, den := n.mag(), m.mag()
	if e >= 0 {
		num = new(big.Int).Mul(num, pow10(e))
	} else {
		den = new(big.Int).Mul(den, pow10(-e))
	}
	q, rem := new(big.Int).QuoRem(num, den, new(big.Int))
	if round && rem.Lsh(rem, 1).Cmp(den) >= 0 {
		q.Add(q, big.NewInt(1))
	}
	return r.withMagnitude(q).fixZero()
}

func (n Num) fixZero() Num {
	if n.IsZero() {
		n.neg = false
	}
	return n
}

func divSpecial(n, m Num) (Num, error) {
	switch {
	case n.IsNaN() || m.IsNaN():
		return NumNaNValue(), nil
	case n.IsInf() && m.IsInf():
		return NumNaNValue(), nil
	case n.IsInf():
		if m.IsZero() {
			return Num{}, errDivisionByZero()
		}
		return NumInfValue(n.neg != m.neg), nil
	}
	return Num{}, nil // finite / infinite
}

// DivTrunc is div(n, m): the quotient truncated to an integer.
func (n Num) DivTrunc(m Num) (Num, error) {
	if n.class != numFinite || m.class != numFinite {
		return divSpecial(n, m)
	}
	if m.IsZero() {
		return Num{}, errDivisionByZero()
	}
	return n.DivScale(m, 0, false), nil
}

// Mod is n % m with the sign of n and the larger display scale.
func (n Num) Mod(m Num) (Num, error) {
	if n.IsNaN() || m.IsNaN() {
		return NumNaNValue(), nil
	}
	if m.IsZero() {
		return Num{}, errDivisionByZero()
	}
	if n.IsInf() {
		return NumNaNValue(), nil
	}
	if m.IsInf() {
		return n, nil
	}
	s := max(n.scale, m.scale)
	a, b := n.rescaleExact(s), m.rescaleExact(s)
	if a.big == nil && b.big == nil {
		a.lo %= b.lo
		return a.fixZero(), nil
	}
	return a.withMagnitude(new(big.Int).Rem(a.mag(), b.mag())).fixZero(), nil
}

// Floor and Ceil round down and up to an integer of display scale 0.
func (n Num) Floor() Num {
	if n.class != numFinite {
		return n
	}
	t := n.Trunc(0)
	if n.neg && t.Cmp(n) != 0 {
		t = t.Sub(NumInt(1))
	}
	return t
}

// Ceil rounds up to an integer of display scale 0.
func (n Num) Ceil() Num { return n.Neg().Floor().Neg() }

// Cmp orders numerics: -Infinity, numbers, Infinity, NaN, which equals itself.
func (n Num) Cmp(m Num) int {
	if n.class != numFinite || m.class != numFinite {
		return cmpInt(n.rank(), m.rank())
	}
	if n.Sign() != m.Sign() {
		return cmpInt(int64(n.Sign()), int64(m.Sign()))
	}
	s := max(n.scale, m.scale)
	n, m = n.rescaleExact(s), m.rescaleExact(s)
	c := 0
	if n.big == nil && m.big == nil {
		c = cmpUint(n.lo, m.lo)
	} else {
		c = n.mag().Cmp(m.mag())
	}
	if n.neg {
		return -c
	}
	return c
}

func (n *Num) rank() int64 {
	switch {
	case n.class == numIsNaN:
		return 2
	case n.class == numIsInf && n.neg:
		return -1
	case n.class == numIsInf:
		return 1
	}
	return 0
}

func cmpInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func cmpUint(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
