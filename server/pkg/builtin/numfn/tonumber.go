package numfn

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	expr.Register(1777, func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return toNumber(c, a[0].Str(), a[1].Str())
	}, expr.IsStable)
}

// numberReader collects sign, digits and point as a template finds them in a text.
type numberReader struct {
	t      *template
	s      string
	sign   byte // 0: none yet
	digits []byte
	point  bool
}

func toNumber(c *expr.Ctx, s, text string) (data.Datum, error) {
	if text == "" {
		return data.Null, nil
	}
	t, err := parseTemplate(text)
	switch {
	case err != nil:
		return data.Null, err
	case t.roman:
		return data.Null, pgerr.New(pgerr.FeatureNotSupportedCode, "\"RN\" not supported for input")
	case t.scientific:
		return data.Null, pgerr.New(pgerr.FeatureNotSupportedCode, "\"EEEE\" not supported for input")
	}
	r := numberReader{t: t, s: s}
	for _, e := range t.elements {
		if r.s == "" {
			break
		}
		r.element(e)
	}
	sign := byte(' ')
	if r.sign == '-' {
		sign = '-'
	}
	n, err := types.ParseNum(string(sign) + string(r.digits))
	if err != nil {
		return data.Null, err
	}
	if t.shifted {
		p, err := types.NumInt(10).Power(types.NumInt(int64(-t.shift)))
		if err != nil {
			return data.Null, err
		}
		n = n.Mul(p)
	}
	return n.Datum(c.Arena)
}

func (r *numberReader) element(e element) {
	switch e.token {
	case tNine, tZero, tPoint:
		r.digit()
	case tComma, tGroup:
		if r.s[0] == ',' {
			r.s = r.s[1:]
		}
	case tCurrency:
		r.skipOther(1)
	case tOrdinal:
		r.skipOther(2)
	case tMinus:
		if r.s[0] == '-' {
			r.sign = '-'
			r.s = r.s[1:]
		} else {
			r.skipOther(1)
		}
	case tPlus:
		if r.s[0] == '+' {
			r.sign = '+'
			r.s = r.s[1:]
		} else {
			r.skipOther(1)
		}
	case tSignBoth:
		if r.s[0] == '-' || r.s[0] == '+' {
			r.sign = r.s[0]
			r.s = r.s[1:]
		} else {
			r.skipOther(1)
		}
	case tText:
		// A character of the template passes over one of the text.
		r.s = r.s[runeLen(r.s):]
	}
}

// skipOther passes over up to n characters that are no part of a number.
func (r *numberReader) skipOther(n int) {
	for ; n > 0 && r.s != "" && !strings.ContainsRune("0123456789.,+-", rune(r.s[0])); n-- {
		r.s = r.s[runeLen(r.s):]
	}
}

// digit reads a digit or the point, and in front of them a sign.
func (r *numberReader) digit() {
	r.s = strings.TrimPrefix(r.s, " ")
	if r.s == "" {
		return
	}
	if r.sign == 0 && (len(r.digits) == 0 || string(r.digits) == ".") {
		switch c := r.s[0]; {
		case c == '-' || c == '+':
			r.sign = c
			r.s = r.s[1:]
		case c == '<' && r.t.angle:
			r.sign = '-'
			r.s = r.s[1:]
		}
	}
	if r.s == "" {
		return
	}
	switch c := r.s[0]; {
	case c >= '0' && c <= '9':
		r.digits = append(r.digits, c)
		r.s = r.s[1:]
		if r.t.sign != signNone && r.sign == 0 && r.s != "" && (r.s[0] == '-' || r.s[0] == '+') {
			r.sign = r.s[0] // behind the number
			r.s = r.s[1:]
		}
	case c == '.' && r.t.point && !r.point:
		r.digits = append(r.digits, '.')
		r.point = true
		r.s = r.s[1:]
	}
}
