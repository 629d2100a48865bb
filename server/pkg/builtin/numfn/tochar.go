package numfn

import (
	"math"
	"strconv"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	stable := func(fn expr.Func, oids ...uint32) {
		for _, oid := range oids {
			expr.Register(oid, fn, expr.IsStable)
		}
	}
	stable(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return toChar(decimal(types.NumOf(a[0])), a[1].Str())
	}, 1772)
	stable(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return toChar(decimal(types.NumInt(a[0].Int())), a[1].Str())
	}, 1773, 1774)
	float := func(digits int) expr.Func {
		return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
			return toChar(binaryFloat{a[0].Float(), digits}, a[1].Str())
		}
	}
	stable(float(6), 1775)
	stable(float(15), 1776)
}

// shower is a number that a template can show.
type shower interface {
	// fixed is the value times 10^shift rounded to post digits, with sign. It may
	// lower post when the type does not have that many digits.
	fixed(shift int, post *int) string
	// exponent is the form d.dde+dd with a blank or a minus in front.
	exponent(t *template) string
	// integer is the value as int4, for Roman numbers.
	integer() (int64, error)
}

type decimal num

func (d decimal) fixed(shift int, post *int) string {
	n := num(d)
	if shift > 0 {
		if p, err := types.NumInt(10).Power(types.NumInt(int64(shift))); err == nil {
			n = n.Mul(p)
		}
	}
	return n.Round(*post).String()
}

func (d decimal) exponent(t *template) string { return scientific(num(d), t) }

func (d decimal) integer() (int64, error) {
	return roundToInt(num(d), "integer", math.MinInt32, math.MaxInt32)
}

// binaryFloat rounds the exact binary value, half to even, and shows no more digits
// than the type surely has.
type binaryFloat struct {
	f      float64
	digits int
}

func (b binaryFloat) fixed(shift int, post *int) string {
	f := b.f * math.Pow(10, float64(shift))
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return decimal(b.special()).fixed(0, post)
	}
	whole := len(strconv.FormatFloat(math.Abs(f), 'f', 0, 64))
	if whole >= b.digits {
		*post = 0
	} else {
		*post = min(*post, b.digits-whole)
	}
	return strconv.FormatFloat(f, 'f', *post, 64)
}

func (b binaryFloat) special() num {
	if math.IsNaN(b.f) {
		return types.NumNaNValue()
	}
	return types.NumInfValue(b.f < 0)
}

func (b binaryFloat) exponent(t *template) string {
	if math.IsNaN(b.f) || math.IsInf(b.f, 0) {
		return scientific(b.special(), t)
	}
	s := strconv.FormatFloat(b.f, 'e', t.post, 64)
	if s[0] == '-' {
		return s
	}
	return " " + s
}

func (b binaryFloat) integer() (int64, error) {
	r := math.RoundToEven(b.f)
	if !(math.Abs(r) < 1<<31) {
		return 0, nil // no Roman number
	}
	return int64(r), nil
}

func toChar(n shower, text string) (data.Datum, error) {
	if text == "" {
		return data.String(""), nil
	}
	t, err := parseTemplate(text)
	if err != nil {
		return data.Null, err
	}
	switch {
	case t.roman:
		v, err := n.integer()
		if err != nil {
			return data.Null, err
		}
		return data.String(t.layout("", '+', 0, roman(v))), nil
	case t.scientific:
		return data.String(n.exponent(t)), nil
	}
	t.pre += t.shift
	digits, sign := n.fixed(t.shift, &t.post), byte('+')
	if cut, neg := strings.CutPrefix(digits, "-"); neg {
		digits, sign = cut, '-'
	}
	spaces := 0
	if point := strings.IndexByte(digits+".", '.'); point < t.pre {
		spaces = t.pre - point
	} else if point > t.pre {
		digits = strings.Repeat("#", t.pre) + "." + strings.Repeat("#", t.post)
	}
	if t.ordinal && !t.point && sign == '+' && !isDigits(digits[len(digits)-1:]) && digits[0] != '#' {
		return data.Null, pgerr.Newf(pgerr.InvalidTextRepresentation, "\"%s\" is not a number", digits)
	}
	return data.String(t.layout(digits, sign, spaces, "")), nil
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

func scientific(n num, t *template) string {
	if !n.IsFinite() {
		return " " + strings.Repeat("#", t.pre) + "." + strings.Repeat("#", t.post+4)
	}
	exp, mantissa := 0, n.Abs()
	if !n.IsZero() {
		exp, mantissa = normalize(mantissa)
	}
	// 9.99 may become 10.0; PostgreSQL 15 leaves it so.
	mantissa = mantissa.Round(t.post)
	sign := " "
	if n.Sign() < 0 {
		sign = "-"
	}
	e := strconv.Itoa(max(exp, -exp))
	if len(e) < 2 {
		e = "0" + e
	}
	if exp < 0 {
		e = "-" + e
	} else {
		e = "+" + e
	}
	return sign + mantissa.String() + "e" + e
}

// normalize splits n into a mantissa from 1 below 10 and the power of ten.
func normalize(n num) (exp int, mantissa num) {
	s := n.String()
	whole, frac, _ := strings.Cut(s, ".")
	all := strings.TrimLeft(whole+frac, "0")
	if w := strings.TrimLeft(whole, "0"); w != "" {
		exp = len(w) - 1
	} else {
		exp = -(len(frac) - len(strings.TrimLeft(frac, "0")) + 1)
	}
	m, err := types.ParseNum(all[:1] + "." + all[1:])
	if err != nil {
		return 0, n
	}
	return exp, m
}

// roman writes 1 to 3999, otherwise 15 number signs.
func roman(v int64) string {
	if v < 1 || v > 3999 {
		return strings.Repeat("#", 15)
	}
	var b strings.Builder
	for _, p := range []struct {
		value int64
		text  string
	}{
		{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"},
		{40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"},
	} {
		for v >= p.value {
			b.WriteString(p.text)
			v -= p.value
		}
	}
	return b.String()
}

// printer walks over a template beside the digits of a number. Positions count digit
// and point places of the template; the first spaces of them have no digit.
type printer struct {
	t        *template
	digits   string // with the point, without sign
	sign     byte
	spaces   int
	at       int // next of digits
	last     int // with FM and a point: last of digits worth showing; -1 for all
	pos, end int
	signDone bool
	started  bool // a digit was written at this place
	place    signPlace
	angle    bool
	out      []byte
}

func (t *template) layout(digits string, sign byte, spaces int, romanText string) string {
	p := printer{t: t, digits: digits, sign: sign, spaces: spaces, last: -1, place: t.sign, angle: t.angle}
	switch {
	case t.plus || t.minus: // a sign that stands apart, except that PL leaves the minus
		p.signDone = t.minus
	default:
		p.signDone = sign == '+' && t.fill && t.sign == signNone
		if sign != '-' && t.fill {
			p.angle = false
		}
		if t.sign == signFront && t.pre == t.signAfter {
			p.place = signBack
		}
	}
	p.end = t.post + t.pre - 1
	if t.fill && t.point {
		p.findLast()
	}
	if !p.signDone && spaces == 0 {
		p.end++
	}
	if spaces > 0 {
		p.end++
	}
	if t.point {
		p.end++
	}
	for _, e := range t.elements {
		p.element(e, romanText)
	}
	return string(p.out)
}

// findLast drops zeros behind the point, down to those a 0 in the template asks for.
func (p *printer) findLast() {
	point := strings.IndexByte(p.digits, '.')
	if point < 0 {
		return
	}
	p.last = point
	for i := point + 1; i < len(p.digits); i++ {
		if p.digits[i] != '0' {
			p.last = i
		}
	}
	if p.t.zeroEnd > p.spaces {
		p.last = max(p.last, min(len(p.digits)-1, p.t.zeroEnd-p.spaces))
	}
}

func (p *printer) element(e element, romanText string) {
	upperOr := func(s string) string {
		if e.lower {
			return strings.ToLower(s)
		}
		return s
	}
	switch e.token {
	case tText:
		p.out = append(p.out, e.text...)
	case tNine, tZero, tPoint:
		if !p.t.roman {
			p.digit(e.token)
		}
	case tComma, tGroup:
		if p.started {
			p.out = append(p.out, ',')
		} else {
			p.pad()
		}
	case tCurrency:
		p.out = append(p.out, ' ')
	case tRoman:
		if !p.t.fill {
			p.out = append(p.out, strings.Repeat(" ", max(0, 15-len(romanText)))...)
		}
		p.out = append(p.out, upperOr(romanText)...)
	case tOrdinal:
		if p.t.roman || p.digits == "" || p.digits[0] == '#' || p.sign == '-' || p.t.point {
			return
		}
		p.out = append(p.out, upperOr(ordinalEnding(p.digits))...)
	case tMinus:
		p.signOr(p.sign == '-', '-')
	case tPlus:
		p.signOr(p.sign == '+', '+')
	case tSignBoth:
		p.out = append(p.out, p.sign)
	}
}

// pad writes a blank, unless FM.
func (p *printer) pad() {
	if !p.t.fill {
		p.out = append(p.out, ' ')
	}
}

func (p *printer) signOr(show bool, c byte) {
	if show {
		p.out = append(p.out, c)
	} else {
		p.pad()
	}
}

// hiddenZero tells that the next digit is the 0 in front of the point, which 9 does
// not show.
func (p *printer) hiddenZero() bool {
	return !p.t.zero && p.at == 0 && p.digits[0] == '0' && p.t.post != 0
}

func (p *printer) endsAtPoint() bool { return p.last >= 0 && p.digits[p.last] == '.' }

// digit handles one digit or point place.
func (p *printer) digit(k token) {
	p.started = false
	zeroFrom := p.t.zeroStart - 1
	zeroing := p.t.zero && zeroFrom <= p.pos
	if !p.signDone && (p.pos >= p.spaces || p.t.zero && zeroFrom == p.pos) && (!p.hiddenZero() || p.endsAtPoint()) {
		p.frontSign()
	}
	switch {
	case p.pos < p.spaces && !zeroing:
		p.pad()
	case p.pos < p.spaces:
		p.out = append(p.out, '0')
		p.started = true
	default:
		p.next(k)
	}
	end := p.end
	if p.last >= 0 && p.last == p.at {
		end = p.pos
	}
	if p.pos+1 == end {
		p.backSign()
	}
	p.pos++
}

func (p *printer) frontSign() {
	switch {
	case p.place == signFront:
		p.out = append(p.out, p.sign)
		p.signDone = true
	case p.t.sign != signNone: // comes at the end
	case p.angle:
		p.out = append(p.out, map[byte]byte{'+': ' ', '-': '<'}[p.sign])
		p.signDone = true
	case p.sign == '+':
		p.pad()
		p.signDone = true
	default:
		p.out = append(p.out, '-')
		p.signDone = true
	}
}

// next writes the next character of the number.
func (p *printer) next(k token) {
	switch {
	case p.at >= len(p.digits):
		return
	case p.digits[p.at] == '.':
		if !p.endsAtPoint() || p.t.fill {
			p.out = append(p.out, '.')
		}
	case p.last >= 0 && p.at > p.last && k != tZero:
	case p.hiddenZero():
		if !p.t.fill {
			p.out = append(p.out, ' ')
		} else if p.endsAtPoint() {
			p.out = append(p.out, '0')
		}
	default:
		p.out = append(p.out, p.digits[p.at])
		p.started = true
	}
	p.at++
}

func (p *printer) backSign() {
	switch {
	case p.signDone && p.angle:
		p.out = append(p.out, map[byte]byte{'+': ' ', '-': '>'}[p.sign])
	case p.place == signBack:
		p.out = append(p.out, p.sign)
	}
}

func ordinalEnding(digits string) string {
	last := digits[len(digits)-1]
	if len(digits) > 1 && digits[len(digits)-2] == '1' {
		return "TH"
	}
	switch last {
	case '1':
		return "ST"
	case '2':
		return "ND"
	case '3':
		return "RD"
	}
	return "TH"
}
