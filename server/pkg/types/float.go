package types

import (
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

func init() {
	setFamily(floatFamily(32, "real"), Float4)
	setFamily(floatFamily(64, "double precision"), Float8)
}

func floatFamily(bits int, name string) *family {
	return &family{
		in: func(_ *Type, _ *Ctx, s string, _ int32) (data.Datum, error) {
			v, err := parseFloat(s, bits, name)
			return data.Float(v), err
		},
		out: func(_ *Type, c *Ctx, dst []byte, d data.Datum) []byte {
			digits := 1
			if c != nil {
				digits = c.ExtraFloatDigits
			}
			return AppendFloat(dst, d.Float(), bits, digits)
		},
		recv: func(_ *Type, _ *Ctx, b []byte, _ int32) (data.Datum, error) {
			switch {
			case len(b)*8 < bits:
				return data.Null, errShortMessage()
			case len(b)*8 > bits:
				return data.Null, errLongMessage()
			case bits == 32:
				return data.Float(float64(math.Float32frombits(binary.BigEndian.Uint32(b)))), nil
			}
			return data.Float(math.Float64frombits(binary.BigEndian.Uint64(b))), nil
		},
		send: func(_ *Type, _ *Ctx, dst []byte, d data.Datum) ([]byte, error) {
			if bits == 32 {
				return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(d.Float()))), nil
			}
			return binary.BigEndian.AppendUint64(dst, math.Float64bits(d.Float())), nil
		},
		compare: func(_ *Type, a, b data.Datum) int { return CompareFloat(a.Float(), b.Float()) },
		prefix:  floatPrefix,
		hash:    func(_ *Type, d data.Datum) uint64 { return hashFloat(d.Float()) },
	}
}

// NaN is the NaN that PostgreSQL makes; Go's own has another bit set.
func NaN() float64 { return math.Float64frombits(0x7FF8000000000000) }

// CompareFloat orders floats as SQL does: NaN equals itself and is greatest.
func CompareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b:
		return 0
	}
	return cmpInt(boolInt(a != a), boolInt(b != b))
}

func hashFloat(f float64) uint64 {
	switch {
	case f == 0: // also -0, which is equal
		return hashUint(hashSeed, 0)
	case f != f:
		return hashUint(hashSeed, math.Float64bits(NaN()))
	}
	return hashUint(hashSeed, math.Float64bits(f))
}

// ParseFloat8 reads a float8's text form.
func ParseFloat8(s string) (float64, error) { return parseFloat(s, 64, "double precision") }

func parseFloat(s string, bits int, name string) (float64, error) {
	t := trimSpace(s)
	unsigned := strings.TrimLeft(t, "+-")
	if len(t)-len(unsigned) > 1 || unsigned == "" {
		return 0, errSyntax(name, s)
	}
	if c := unsigned[0]; c != '.' && (c < '0' || c > '9') {
		sign := 1
		if t[0] == '-' {
			sign = -1
		}
		switch strings.ToLower(unsigned) {
		case "nan":
			return NaN(), nil
		case "inf", "infinity":
			return math.Inf(sign), nil
		}
		return 0, errSyntax(name, s)
	}
	hex := strings.HasPrefix(unsigned, "0x") || strings.HasPrefix(unsigned, "0X")
	num := t
	if hex && !strings.ContainsAny(num, "pP") {
		num += "p0"
	}
	if strings.IndexByte(num, '_') >= 0 {
		return 0, errSyntax(name, s)
	}
	v, err := strconv.ParseFloat(num, bits)
	if err != nil {
		if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange {
			return 0, errFloatRange(t, name)
		}
		return 0, errSyntax(name, s)
	}
	if v == 0 && !hex && strings.ContainsAny(mantissa(unsigned), "123456789") {
		return 0, errFloatRange(t, name)
	}
	return v, nil
}

func mantissa(t string) string {
	if i := strings.IndexAny(t, "eE"); i >= 0 {
		return t[:i]
	}
	return t
}

func errFloatRange(s, name string) error {
	return pgerr.Newf(pgerr.NumericValueOutOfRange, "\"%s\" is out of range for type %s", s, name)
}

// AppendFloat writes a float of 32 or 64 bits: with extraDigits above 0 the shortest
// text that reads back as the same value, else rounded to 15 (6) + extraDigits digits.
func AppendFloat(dst []byte, f float64, bits, extraDigits int) []byte {
	switch {
	case f != f:
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	precision, sci := 15, 15
	if bits == 32 {
		precision, sci = 6, 6
	}
	var buf [32]byte
	var e []byte // d.ddde±dd
	if extraDigits > 0 {
		e = strconv.AppendFloat(buf[:0], f, 'e', -1, bits)
		if onBoundary(f, e, bits) {
			e = shortestInside(buf[:0], f, e, bits)
		}
	} else {
		precision = max(precision+extraDigits, 1)
		sci = precision
		e = strconv.AppendFloat(buf[:0], f, 'e', precision-1, bits)
	}
	return appendDecimal(dst, e, sci)
}

// appendDecimal rewrites d.ddde±dd as C's %g does: fixed form for exponents from -4
// below sci, without trailing zeros.
func appendDecimal(dst, e []byte, sci int) []byte {
	if e[0] == '-' {
		dst = append(dst, '-')
		e = e[1:]
	}
	at := len(e) - 1
	for e[at] != 'e' {
		at--
	}
	exp, _ := strconv.Atoi(string(e[at+1:]))
	var dbuf [24]byte
	digits := append(dbuf[:0], e[0])
	if at > 2 {
		digits = append(digits, e[2:at]...)
	}
	for len(digits) > 1 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	switch {
	case exp < -4 || exp >= sci:
		dst = append(dst, digits[0])
		if len(digits) > 1 {
			dst = append(dst, '.')
			dst = append(dst, digits[1:]...)
		}
		dst = append(dst, 'e')
		if exp < 0 {
			dst = append(dst, '-')
			exp = -exp
		} else {
			dst = append(dst, '+')
		}
		if exp < 10 {
			dst = append(dst, '0')
		}
		return strconv.AppendInt(dst, int64(exp), 10)
	case exp < 0:
		dst = append(dst, '0', '.')
		for range -exp - 1 {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	for i := range exp + 1 {
		if i < len(digits) {
			dst = append(dst, digits[i])
		} else {
			dst = append(dst, '0')
		}
	}
	if len(digits) > exp+1 {
		dst = append(dst, '.')
		dst = append(dst, digits[exp+1:]...)
	}
	return dst
}

// onBoundary tells whether the shortest text lies exactly halfway between f and its
// neighbour, which reads back as f only by rounding to even. PostgreSQL wants text
// strictly inside the interval (1e23 is written 9.999999999999999e+22). Only integers
// above the mantissa's width and below 10^40 can be such.
func onBoundary(f float64, e []byte, bits int) bool {
	abs := math.Abs(f)
	if bits == 64 && (abs < 1<<53 || abs > 1e40) || bits == 32 && (abs < 1<<24 || abs > 1e28) {
		return false
	}
	v, _, err := big.ParseFloat(string(e), 10, 300, big.ToNearestEven)
	if err != nil {
		return false
	}
	x := big.NewFloat(f).SetPrec(300)
	gap := new(big.Float).Sub(v, x)
	if gap.Sign() == 0 {
		return false
	}
	var neighbour float64
	if bits == 64 {
		neighbour = math.Nextafter(f, math.Inf(gap.Sign()))
	} else {
		neighbour = float64(math.Nextafter32(float32(f), float32(math.Inf(gap.Sign()))))
	}
	half := new(big.Float).Sub(big.NewFloat(neighbour).SetPrec(300), x)
	return half.Cmp(gap.Add(gap, gap)) == 0
}

// shortestInside finds the shortest text strictly nearer to f than to its neighbours.
func shortestInside(buf []byte, f float64, e []byte, bits int) []byte {
	for p := max(0, len(e)-7); p <= 17; p++ {
		out := strconv.AppendFloat(buf[:0], f, 'e', p, bits)
		back, err := strconv.ParseFloat(string(out), bits)
		if err == nil && back == f && !onBoundary(f, out, bits) {
			return out
		}
	}
	return strconv.AppendFloat(buf[:0], f, 'e', 17, bits)
}
