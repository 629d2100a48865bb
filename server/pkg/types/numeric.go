package types

import (
	"encoding/binary"
	"math"
	"math/big"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

func init() {
	setFamily(&family{
		in: numericIn, out: numericOut, recv: numericRecv, send: numericSend,
		compare:  func(_ *Type, a, b data.Datum) int { return CompareNum(a, b) },
		hash:     func(_ *Type, d data.Datum) uint64 { return hashNum(d) },
		typmodIn: numericTypmodIn, typmodOut: numericTypmodOut,
	}, Numeric)
}

func errSyntax(typeName, s string) error {
	return pgerr.Newf(pgerr.InvalidTextRepresentation, "invalid input syntax for type %s: \"%s\"", typeName, s)
}

func isSpace(c byte) bool {
	return c == ' ' || c >= '\t' && c <= '\r'
}

func trimSpace(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// ParseNum reads a numeric's text form.
func ParseNum(s string) (Num, error) {
	t := trimSpace(s)
	switch {
	case strings.EqualFold(t, "nan"):
		return NumNaNValue(), nil
	case strings.EqualFold(t, "infinity"), strings.EqualFold(t, "inf"),
		strings.EqualFold(t, "+infinity"), strings.EqualFold(t, "+inf"):
		return NumInfValue(false), nil
	case strings.EqualFold(t, "-infinity"), strings.EqualFold(t, "-inf"):
		return NumInfValue(true), nil
	}
	n, rest, ok := scanDecimal(t)
	if !ok {
		return Num{}, errSyntax("numeric", s)
	}
	if rest != "" {
		exp, ok := scanExponent(rest)
		if !ok {
			return Num{}, errSyntax("numeric", s)
		}
		if exp >= math.MaxInt32/2 || exp <= -math.MaxInt32/2 {
			return Num{}, errNumericOverflow()
		}
		if n, ok = n.shift(int(exp)); !ok {
			return Num{}, errNumericOverflow()
		}
	}
	if n.scale > numMaxScale {
		return Num{}, errNumericOverflow()
	}
	return n.fixZero(), nil
}

// scanDecimal reads sign, digits and point from the start of t.
func scanDecimal(t string) (n Num, rest string, ok bool) {
	i := 0
	if i < len(t) && (t[i] == '+' || t[i] == '-') {
		n.neg = t[i] == '-'
		i++
	}
	start, point, digits, scale := i, -1, 0, 0
	for ; i < len(t); i++ {
		c := t[i]
		if c >= '0' && c <= '9' {
			digits++
			if point >= 0 {
				scale++
			}
			if digits <= 18 {
				n.lo = n.lo*10 + uint64(c-'0')
			}
		} else if c == '.' && point < 0 {
			point = i
		} else {
			break
		}
	}
	if digits == 0 {
		return n, "", false
	}
	if digits > 18 {
		text := t[start:i]
		if point >= 0 {
			text = t[start:point] + t[point+1:i]
		}
		m, _ := new(big.Int).SetString(text, 10)
		n = n.withMagnitude(m)
	}
	n.scale = int32(scale)
	return n, t[i:], true
}

func scanExponent(t string) (int64, bool) {
	if t[0] != 'e' && t[0] != 'E' {
		return 0, false
	}
	t = t[1:]
	neg := false
	if t != "" && (t[0] == '+' || t[0] == '-') {
		neg = t[0] == '-'
		t = t[1:]
	}
	if t == "" {
		return 0, false
	}
	v := int64(0)
	for i := 0; i < len(t); i++ {
		if t[i] < '0' || t[i] > '9' {
			return 0, false
		}
		if v < math.MaxInt32 {
			v = v*10 + int64(t[i]-'0')
		}
	}
	if neg {
		v = -v
	}
	return v, true
}

// shift multiplies by 10^e, keeping every digit shown; false when out of range.
func (n Num) shift(e int) (Num, bool) {
	s := int(n.scale) - e
	if s >= 0 {
		if s > numMaxScale {
			return n, false
		}
		n.scale = int32(s)
		return n, true
	}
	n.scale = int32(s)
	if n.IsZero() {
		n.scale = 0
		return n, true
	}
	if -s > (numMaxWeight+1)*numBaseDigits {
		return n, false
	}
	return n.rescaleExact(0), true
}

func numericIn(_ *Type, c *Ctx, s string, typmod int32) (data.Datum, error) {
	n, err := ParseNum(s)
	if err != nil {
		return data.Null, err
	}
	if n, err = n.ApplyTypmod(typmod); err != nil {
		return data.Null, err
	}
	return n.Datum(c.Arena)
}

// NumericTypmod splits a numeric typmod; ok is false for none.
func NumericTypmod(typmod int32) (precision, scale int, ok bool) {
	if typmod < 4 {
		return 0, 0, false
	}
	t := typmod - 4
	return int(t>>16) & 0xFFFF, int((t&0x7FF)^1024) - 1024, true
}

// ApplyTypmod rounds to the scale of numeric(p, s) and checks the precision.
func (n Num) ApplyTypmod(typmod int32) (Num, error) {
	p, s, ok := NumericTypmod(typmod)
	if !ok || n.IsNaN() {
		return n, nil
	}
	overflow := pgerr.New(pgerr.NumericValueOutOfRange, "numeric field overflow")
	if n.IsInf() {
		return n, overflow.WithDetailf(
			"A field with precision %d, scale %d cannot hold an infinite value.", p, s)
	}
	n = n.Round(s)
	// Digits before the point, counting zeros that a negative scale implies.
	if dd := n.decimalDigits(); dd > 0 && dd-int(n.scale) > p-s {
		limit := "1"
		if p != s {
			limit = "10^" + itoa(int64(p-s))
		}
		return n, overflow.WithDetailf(
			"A field with precision %d, scale %d must round to an absolute value less than %s.",
			p, s, limit)
	}
	return n, nil
}

func numericTypmodIn(_ *Type, mods []string) (int32, error) {
	v, err := typmodInts(mods)
	if err != nil {
		return -1, err
	}
	if len(v) != 1 && len(v) != 2 {
		return -1, pgerr.New(pgerr.InvalidParameterValue, "invalid NUMERIC type modifier")
	}
	if v[0] < 1 || v[0] > 1000 {
		return -1, pgerr.Newf(pgerr.InvalidParameterValue,
			"NUMERIC precision %d must be between 1 and 1000", v[0])
	}
	scale := int32(0)
	if len(v) == 2 {
		scale = v[1]
		if scale < -1000 || scale > 1000 {
			return -1, pgerr.Newf(pgerr.InvalidParameterValue,
				"NUMERIC scale %d must be between -1000 and 1000", scale)
		}
	}
	return (v[0]<<16 | scale&0x7FF) + 4, nil
}

func numericTypmodOut(typmod int32) string {
	p, s, ok := NumericTypmod(typmod)
	if !ok {
		return ""
	}
	return "(" + itoa(int64(p)) + "," + itoa(int64(s)) + ")"
}

// typmodInts reads type modifiers that are integers.
func typmodInts(mods []string) ([]int32, error) {
	out := make([]int32, len(mods))
	for i, m := range mods {
		v, err := ParseInt32(m)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func numericOut(_ *Type, _ *Ctx, dst []byte, d data.Datum) []byte {
	v := ReadNum(d)
	if v.special() {
		switch {
		case v.IsNaN():
			return append(dst, "NaN"...)
		case v.Negative():
			return append(dst, "-Infinity"...)
		}
		return append(dst, "Infinity"...)
	}
	if v.Negative() {
		dst = append(dst, '-')
	}
	w, k := v.Weight(), v.NDigits()
	if k == 0 || w < 0 {
		dst = append(dst, '0')
	} else {
		dst = appendUint(dst, uint64(v.Digit(0)))
		for i := 1; i <= w; i++ {
			g := uint16(0)
			if i < k {
				g = v.Digit(i)
			}
			dst = appendGroup(dst, g)
		}
	}
	scale := v.Scale()
	if scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	end := len(dst) + scale
	for i := w + 1; len(dst) < end; i++ {
		g := uint16(0)
		if i >= 0 && i < k {
			g = v.Digit(i)
		}
		dst = appendGroup(dst, g)
	}
	return dst[:end]
}

func appendGroup(dst []byte, g uint16) []byte {
	return append(dst, byte('0'+g/1000), byte('0'+g/100%10), byte('0'+g/10%10), byte('0'+g%10))
}

func appendUint(dst []byte, v uint64) []byte {
	var buf [20]byte
	i := len(buf)
	for {
		i--
		buf[i] = byte('0' + v%10)
		v /= 10
		if v == 0 {
			return append(dst, buf[i:]...)
		}
	}
}

// String is the text form.
func (n Num) String() string {
	var a data.Arena
	d, err := n.Datum(&a)
	if err != nil {
		return "out of range"
	}
	return string(numericOut(nil, nil, nil, d))
}

const (
	numWireNeg    = 0x4000
	numWireNaN    = 0xC000
	numWireInf    = 0xD000
	numWireNegInf = 0xF000
)

func numericRecv(_ *Type, c *Ctx, b []byte, typmod int32) (data.Datum, error) {
	bad := func(what string) (data.Datum, error) {
		return data.Null, pgerr.Newf(pgerr.InvalidBinaryRepresentation,
			"invalid %s in external \"numeric\" value", what)
	}
	if len(b) < 8 {
		return data.Null, errShortMessage()
	}
	k := int(binary.BigEndian.Uint16(b))
	weight := int(int16(binary.BigEndian.Uint16(b[2:])))
	sign := binary.BigEndian.Uint16(b[4:])
	scale := int(binary.BigEndian.Uint16(b[6:]))
	b = b[8:]
	switch sign {
	case 0, numWireNeg, numWireNaN, numWireInf, numWireNegInf:
	default:
		return bad("sign")
	}
	if scale > numMaxScale {
		return bad("scale")
	}
	if len(b) < 2*k {
		return data.Null, errShortMessage()
	}
	digits := make([]uint16, k)
	for i := range digits {
		digits[i] = binary.BigEndian.Uint16(b[2*i:])
		if digits[i] >= numBase {
			return bad("digit")
		}
	}
	if len(b) > 2*k {
		return data.Null, errLongMessage()
	}
	var n Num
	switch sign {
	case numWireNaN:
		n = NumNaNValue()
	case numWireInf, numWireNegInf:
		n = NumInfValue(sign == numWireNegInf)
	default:
		// Digits beyond the display scale are cut off, as the receiver does.
		for len(digits) > 0 && numBaseDigits*(len(digits)-1-weight) >= scale+numBaseDigits {
			digits = digits[:len(digits)-1]
		}
		if cut := numBaseDigits*(len(digits)-1-weight) - scale; len(digits) > 0 && cut > 0 {
			p := uint16(pow10u64[cut])
			digits[len(digits)-1] -= digits[len(digits)-1] % p
		}
		n = NumOf(encodeDigits(c.Arena, sign == numWireNeg, weight, scale, digits))
	}
	n, err := n.ApplyTypmod(typmod)
	if err != nil {
		return data.Null, err
	}
	return n.Datum(c.Arena)
}

func numericSend(_ *Type, _ *Ctx, dst []byte, d data.Datum) ([]byte, error) {
	v := ReadNum(d)
	sign, scale, weight := uint16(0), uint16(v.Scale()), v.Weight()
	switch {
	case v.IsNaN():
		sign, scale = numWireNaN, 0
	case v.IsInf() && v.Negative():
		sign, scale = numWireNegInf, 32
	case v.IsInf():
		sign, scale = numWireInf, 32
	case v.Negative():
		sign = numWireNeg
	}
	k := v.NDigits()
	dst = binary.BigEndian.AppendUint16(dst, uint16(k))
	dst = binary.BigEndian.AppendUint16(dst, uint16(int16(weight)))
	dst = binary.BigEndian.AppendUint16(dst, sign)
	dst = binary.BigEndian.AppendUint16(dst, scale)
	for i := range k {
		dst = binary.BigEndian.AppendUint16(dst, v.Digit(i))
	}
	return dst, nil
}

// CompareNum orders two numerics in stored form.
func CompareNum(a, b data.Datum) int {
	x, y := ReadNum(a), ReadNum(b)
	if x.special() || y.special() {
		return NumOf(a).Cmp(NumOf(b))
	}
	sx, sy := x.sign(), y.sign()
	if sx != sy {
		return cmpInt(int64(sx), int64(sy))
	}
	if sx == 0 {
		return 0
	}
	c := cmpInt(int64(x.Weight()), int64(y.Weight()))
	for i := 0; c == 0; i++ {
		inX, inY := i < x.NDigits(), i < y.NDigits()
		switch {
		case inX && inY:
			c = cmpInt(int64(x.Digit(i)), int64(y.Digit(i)))
		case inX:
			c = 1
		case inY:
			c = -1
		default:
			return 0
		}
	}
	return c * sx
}

func (n NumView) sign() int {
	switch {
	case n.NDigits() == 0:
		return 0
	case n.Negative():
		return -1
	}
	return 1
}

// hashNum leaves out the display scale, which comparison ignores.
func hashNum(d data.Datum) uint64 {
	b := d.Bytes()
	h := hashSeed
	if ReadNum(d).special() {
		return hashBytes(h, b[:2])
	}
	h = hashUint(h, uint64(b[1]>>6))
	return hashBytes(h, b[2:])
}
