package types

import (
	"encoding/binary"
	"math/big"
	"math/bits"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// A numeric's Bytes are little-endian:
//
//	header u16: bits 14-15 class (0 positive, 1 negative, 3 special),
//	            bits 0-13 display scale, or for special 0 NaN, 1 Infinity, 2 -Infinity
//	weight i16: power of 10000 of the first digit
//	digits u16 each: base 10000, neither leading nor trailing zeros; none for zero
//
// Values of this form are never changed in place. NumView reads one without
// allocation; Num is the form arithmetic works on.
const (
	numHeaderLen   = 4
	numClassNeg    = 1
	numClassSpec   = 3
	numSpecNaN     = 0
	numSpecInf     = 1
	numSpecNegInf  = 2
	numMaxScale    = 1<<14 - 1
	numMaxWeight   = 1<<15 - 1
	numBase        = 10000
	numBaseDigits  = 4
	numMaxDisplay  = 1000 // limit of result scales of division, sqrt ...
	numMinSigDigit = 16   // significant digits a division result has at least
)

// NumView reads a numeric in place.
type NumView struct{ b []byte }

// ReadNum views d as numeric.
func ReadNum(d data.Datum) NumView { return NumView{d.Bytes()} }

func (n NumView) header() uint16 { return binary.LittleEndian.Uint16(n.b) }
func (n NumView) special() bool  { return n.header()>>14 == numClassSpec }

// IsNaN tells whether the value is not a number.
func (n NumView) IsNaN() bool { return n.special() && n.header()&numMaxScale == numSpecNaN }

// IsInf tells whether the value is Infinity or -Infinity.
func (n NumView) IsInf() bool { return n.special() && n.header()&numMaxScale != numSpecNaN }

// IsZero tells whether the value is 0.
func (n NumView) IsZero() bool { return len(n.b) == numHeaderLen && !n.special() }

// Negative tells the sign, of -Infinity too.
func (n NumView) Negative() bool {
	return n.header()>>14 == numClassNeg || n.special() && n.header()&numMaxScale == numSpecNegInf
}

// Scale is the number of decimal digits shown after the point.
func (n NumView) Scale() int { return int(n.header() & numMaxScale) }

// Weight is the power of 10000 of the first digit.
func (n NumView) Weight() int { return int(int16(binary.LittleEndian.Uint16(n.b[2:]))) }

// NDigits is the number of base-10000 digits.
func (n NumView) NDigits() int { return (len(n.b) - numHeaderLen) / 2 }

// Digit is the i-th base-10000 digit.
func (n NumView) Digit(i int) uint16 { return binary.LittleEndian.Uint16(n.b[numHeaderLen+2*i:]) }

// NumNaN makes NaN.
func NumNaN(a *data.Arena) data.Datum { return numSpecial(a, numSpecNaN) }

// NumInf makes Infinity, or -Infinity if neg.
func NumInf(a *data.Arena, neg bool) data.Datum {
	if neg {
		return numSpecial(a, numSpecNegInf)
	}
	return numSpecial(a, numSpecInf)
}

func numSpecial(a *data.Arena, which uint16) data.Datum {
	b := a.Bytes(numHeaderLen)
	binary.LittleEndian.PutUint16(b, numClassSpec<<14|which)
	binary.LittleEndian.PutUint16(b[2:], 0)
	return data.Bytes(b)
}

// NumFromDigits makes a numeric from base-10000 digits with the smallest display
// scale that shows all of them.
func NumFromDigits(a *data.Arena, neg bool, weight int, digits []uint16) data.Datum {
	for len(digits) > 0 && digits[len(digits)-1] == 0 {
		digits = digits[:len(digits)-1]
	}
	scale := 0
	if n := len(digits); n > 0 && n-1-weight > 0 {
		scale = numBaseDigits * (n - 1 - weight)
		for v := digits[n-1]; v%10 == 0; v /= 10 {
			scale--
		}
	}
	return encodeDigits(a, neg, weight, scale, digits)
}

// encodeDigits strips zeros at both ends and stores the value.
func encodeDigits(a *data.Arena, neg bool, weight, scale int, digits []uint16) data.Datum {
	for len(digits) > 0 && digits[0] == 0 {
		digits = digits[1:]
		weight--
	}
	for len(digits) > 0 && digits[len(digits)-1] == 0 {
		digits = digits[:len(digits)-1]
	}
	h := uint16(scale)
	if len(digits) == 0 {
		weight = 0
	} else if neg {
		h |= numClassNeg << 14
	}
	b := a.Bytes(numHeaderLen + 2*len(digits))
	binary.LittleEndian.PutUint16(b, h)
	binary.LittleEndian.PutUint16(b[2:], uint16(int16(weight)))
	for i, v := range digits {
		binary.LittleEndian.PutUint16(b[numHeaderLen+2*i:], v)
	}
	return data.Bytes(b)
}

type numClass uint8

const (
	numFinite numClass = iota
	numIsNaN
	numIsInf // with neg: -Infinity
)

// Num is a numeric in the form arithmetic works on: an integer magnitude times
// 10^-scale. Methods do not change their operands. The zero Num is 0.
type Num struct {
	class numClass
	neg   bool
	scale int32
	lo    uint64   // the magnitude if big is nil
	big   *big.Int // the magnitude otherwise; never changed once set
}

// NumOf reads d for arithmetic. It allocates only above 18 significant digits.
func NumOf(d data.Datum) Num {
	v := ReadNum(d)
	if v.special() {
		if v.IsNaN() {
			return Num{class: numIsNaN}
		}
		return Num{class: numIsInf, neg: v.Negative()}
	}
	n := Num{neg: v.Negative(), scale: int32(v.Scale())}
	k := v.NDigits()
	if k == 0 {
		return n
	}
	// Stored digits reach down to 10^-frac; shift is what brings them to the scale.
	frac := numBaseDigits * (k - 1 - v.Weight())
	shift := int(n.scale) - frac
	if k <= 4 && (k*numBaseDigits+shift <= 18) {
		m := uint64(0)
		for i := range k {
			m = m*numBase + uint64(v.Digit(i))
		}
		if shift >= 0 {
			n.lo = m * pow10u64[shift]
		} else if -shift < len(pow10u64) {
			n.lo = m / pow10u64[-shift]
		}
		return n
	}
	text := make([]byte, 0, k*numBaseDigits)
	for i := range k {
		g := v.Digit(i)
		text = append(text, byte('0'+g/1000), byte('0'+g/100%10), byte('0'+g/10%10), byte('0'+g%10))
	}
	m, _ := new(big.Int).SetString(string(text), 10)
	if shift > 0 {
		m.Mul(m, pow10(shift))
	} else if shift < 0 {
		m.Quo(m, pow10(-shift))
	}
	return n.withMagnitude(m)
}

// withMagnitude sets the magnitude, which must not be negative or changed later.
func (n Num) withMagnitude(m *big.Int) Num {
	if m.IsUint64() {
		n.lo, n.big = m.Uint64(), nil
	} else {
		n.lo, n.big = 0, m
	}
	return n
}

// mag gives the magnitude as a big.Int the caller must not change.
func (n Num) mag() *big.Int {
	if n.big != nil {
		return n.big
	}
	return new(big.Int).SetUint64(n.lo)
}

// NumInt makes an integer.
func NumInt(i int64) Num {
	if i < 0 {
		return Num{neg: true, lo: uint64(-i)}
	}
	return Num{lo: uint64(i)}
}

// NumBig makes an integer of any size; i is kept.
func NumBig(i *big.Int) Num {
	return Num{neg: i.Sign() < 0}.withMagnitude(new(big.Int).Abs(i))
}

// NumScaled makes i times 10^-scale.
func NumScaled(i int64, scale int) Num {
	n := NumInt(i)
	n.scale = int32(scale)
	return n
}

// NumNaNValue and NumInfValue make the special values.
func NumNaNValue() Num { return Num{class: numIsNaN} }

// NumInfValue makes Infinity, or -Infinity if neg.
func NumInfValue(neg bool) Num { return Num{class: numIsInf, neg: neg} }

// IsNaN tells whether n is not a number.
func (n Num) IsNaN() bool { return n.class == numIsNaN }

// IsInf tells whether n is infinite.
func (n Num) IsInf() bool { return n.class == numIsInf }

// IsFinite tells whether n is a number.
func (n Num) IsFinite() bool { return n.class == numFinite }

// IsZero tells whether n is 0.
func (n Num) IsZero() bool {
	return n.class == numFinite && n.big == nil && n.lo == 0
}

// Sign is -1, 0 or 1; 0 for NaN.
func (n Num) Sign() int {
	switch {
	case n.class == numIsNaN || n.IsZero():
		return 0
	case n.neg:
		return -1
	}
	return 1
}

// Scale is the display scale.
func (n Num) Scale() int { return int(n.scale) }

// decimalDigits is the number of digits of the magnitude, 0 for zero.
func (n Num) decimalDigits() int {
	if n.big == nil {
		return lenU64(n.lo)
	}
	// bits*log10(2) is within one of the answer.
	est := int(float64(n.big.BitLen()-1) * 0.30102999566398120)
	if n.big.CmpAbs(pow10(est)) < 0 {
		return est
	}
	if n.big.CmpAbs(pow10(est+1)) < 0 {
		return est + 1
	}
	return est + 2
}

func lenU64(v uint64) int {
	if v == 0 {
		return 0
	}
	est := bits.Len64(v) * 1233 >> 12
	if v >= pow10u64[min(est, 19)] && est < 20 {
		return est + 1
	}
	return est
}

// weightAndFirst gives the weight and the first base-10000 digit as PostgreSQL's
// scale rules see them. Zero has weight 0 and first digit 0.
func (n *Num) weightAndFirst() (weight, first int) {
	dd := n.decimalDigits()
	if dd == 0 {
		return 0, 0
	}
	e := dd - int(n.scale) // digits before the point
	weight = floorDiv(e-1, numBaseDigits)
	r := e - numBaseDigits*weight // 1..4 digits make up the first one
	if dd <= r {
		f := n.lo
		for range r - dd {
			f *= 10
		}
		return weight, int(f)
	}
	if n.big == nil {
		return weight, int(n.lo / pow10u64[dd-r])
	}
	return weight, int(new(big.Int).Quo(n.big, pow10(dd-r)).Int64())
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// Datum stores n. Values out of numeric's range give 22003.
func (n Num) Datum(a *data.Arena) (data.Datum, error) {
	switch n.class {
	case numIsNaN:
		return NumNaN(a), nil
	case numIsInf:
		return NumInf(a, n.neg), nil
	}
	if n.scale > numMaxScale {
		return data.Null, errNumericOverflow()
	}
	pad := (numBaseDigits - int(n.scale)%numBaseDigits) % numBaseDigits
	frac := (int(n.scale) + pad) / numBaseDigits // base-10000 digits after the point
	if n.big == nil && n.lo <= 1<<50 {
		m := n.lo * pow10u64[pad]
		var buf [6]uint16
		i := len(buf)
		for m > 0 {
			i--
			buf[i] = uint16(m % numBase)
			m /= numBase
		}
		digits := buf[i:]
		return encodeDigits(a, n.neg, len(digits)-1-frac, int(n.scale), digits), nil
	}
	text := n.mag().Append(make([]byte, 0, 64), 10)
	for range pad {
		text = append(text, '0')
	}
	count := (len(text) + numBaseDigits - 1) / numBaseDigits
	digits := make([]uint16, count)
	for i, end := count-1, len(text); end > 0; i, end = i-1, end-numBaseDigits {
		v := uint16(0)
		for _, c := range text[max(0, end-numBaseDigits):end] {
			v = v*10 + uint16(c-'0')
		}
		digits[i] = v
	}
	weight := count - 1 - frac
	if weight > numMaxWeight {
		return data.Null, errNumericOverflow()
	}
	return encodeDigits(a, n.neg, weight, int(n.scale), digits), nil
}

func errNumericOverflow() error {
	return pgerr.New(pgerr.NumericValueOutOfRange, "value overflows numeric format")
}

var pow10u64 = [20]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

var pow10Small = func() [64]*big.Int {
	var t [64]*big.Int
	t[0] = big.NewInt(1)
	for i := 1; i < len(t); i++ {
		t[i] = new(big.Int).Mul(t[i-1], big.NewInt(10))
	}
	return t
}()

// pow10 is 10^n; the result must not be changed.
func pow10(n int) *big.Int {
	if n < len(pow10Small) {
		return pow10Small[n]
	}
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}
