package numfn

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// token is one element of a number template.
type token uint8

const (
	tText token = iota
	tNine
	tZero
	tPoint
	tComma
	tGroup
	tBlank
	tCurrencyC
	tScientific
	tFill
	tCurrency
	tMinus
	tPlus
	tAngle
	tRoman
	tSignBoth
	tSign
	tOrdinal
	tShift
)

type tokenWord struct {
	text  string
	token token
}

// tokenWords in an order where a longer one stands before its beginning.
var tokenWords = []tokenWord{
	{"EEEE", tScientific}, {"FM", tFill}, {"MI", tMinus}, {"PL", tPlus}, {"PR", tAngle},
	{"RN", tRoman}, {"SG", tSignBoth}, {"SP", tCurrencyC}, {"TH", tOrdinal}, {"S", tSign},
	{"V", tShift}, {"B", tBlank}, {"C", tCurrencyC}, {"D", tPoint}, {"G", tGroup}, {"L", tCurrency},
	{",", tComma}, {".", tPoint}, {"0", tZero}, {"9", tNine},
}

type element struct {
	token token
	lower bool
	text  string // of tText
}

// template is a number template and what it asks for as a whole.
type template struct {
	elements []element

	pre, post, shift   int // digits before and behind the point, and behind V
	point              bool
	zero               bool // a 0 asks for leading zeros
	zeroStart, zeroEnd int  // from and to which digit, counted from 1
	fill               bool // FM
	blank              bool
	sign               signPlace
	signAfter          int // digits in front of a leading S
	angle              bool
	minus, plus        bool
	roman, scientific  bool
	shifted            bool
	ordinal            bool
}

type signPlace uint8

const (
	signNone signPlace = iota
	signFront
	signBack
)

func syntax(message string) *pgerr.Error { return pgerr.New(pgerr.SyntaxError, message) }

// parseTemplate reads a template and checks what goes together.
func parseTemplate(s string) (*template, error) {
	t := &template{}
	for s != "" {
		e, rest := nextElement(s)
		s = rest
		if e.token != tText {
			if err := t.add(e.token); err != nil {
				return nil, err
			}
		}
		t.elements = append(t.elements, e)
		if e.token == tText && strings.HasPrefix(e.text, "\"") {
			t.elements = t.elements[:len(t.elements)-1]
			s = t.quoted(s)
		}
	}
	return t, nil
}

// quoted appends the characters up to the closing quote.
func (t *template) quoted(s string) string {
	for s != "" {
		if s[0] == '"' {
			return s[1:]
		}
		if s[0] == '\\' && len(s) > 1 {
			s = s[1:]
		}
		n := runeLen(s)
		t.elements = append(t.elements, element{text: s[:n]})
		s = s[n:]
	}
	return s
}

func runeLen(s string) int {
	for i := range s {
		if i > 0 {
			return i
		}
	}
	return len(s)
}

func nextElement(s string) (element, string) {
	for _, w := range tokenWords {
		if strings.HasPrefix(s, w.text) {
			return element{token: w.token}, s[len(w.text):]
		}
		if low := strings.ToLower(w.text); strings.HasPrefix(s, low) {
			return element{token: w.token, lower: true}, s[len(low):]
		}
	}
	if s[0] == '\\' && len(s) > 1 && s[1] == '"' {
		s = s[1:]
		return element{text: "\\\""[1:]}, s[1:]
	}
	n := runeLen(s)
	return element{text: s[:n]}, s[n:]
}

// add counts one token.
func (t *template) add(k token) error {
	if t.scientific && k != tScientific {
		return syntax("\"EEEE\" must be the last pattern used")
	}
	switch k {
	case tNine, tZero:
		return t.addDigit(k)
	case tBlank:
		if t.pre == 0 && t.post == 0 && !t.zero {
			t.blank = true
		}
	case tPoint:
		if t.point {
			return syntax("multiple decimal points")
		}
		if t.shifted {
			return syntax("cannot use \"V\" and decimal point together")
		}
		t.point = true
	case tFill:
		t.fill = true
	case tShift:
		if t.point {
			return syntax("cannot use \"V\" and decimal point together")
		}
		t.shifted = true
	case tOrdinal:
		t.ordinal = true
	case tRoman:
		t.roman = true
	case tScientific:
		if t.scientific {
			return syntax("cannot use \"EEEE\" twice")
		}
		if t.blank || t.fill || t.sign != signNone || t.angle || t.minus || t.plus || t.roman || t.shifted {
			return syntax("\"EEEE\" is incompatible with other formats").
				WithDetail("\"EEEE\" may only be used together with digit and decimal point patterns.")
		}
		t.scientific = true
	default:
		return t.addSign(k)
	}
	return nil
}

func (t *template) addDigit(k token) error {
	name := "9"
	if k == tZero {
		name = "0"
	}
	if t.angle {
		return syntax("\"" + name + "\" must be ahead of \"PR\"")
	}
	if k == tNine && t.shifted {
		t.shift++
		return nil
	}
	if k == tZero && !t.zero && !t.point {
		t.zero = true
		t.zeroStart = t.pre + 1
	}
	if t.point {
		t.post++
	} else {
		t.pre++
	}
	if k == tZero {
		t.zeroEnd = t.pre + t.post
	}
	return nil
}

func (t *template) addSign(k token) error {
	signed := t.sign != signNone
	switch k {
	case tSign:
		if signed {
			return syntax("cannot use \"S\" twice")
		}
		if t.plus || t.minus || t.angle {
			return syntax("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together")
		}
		t.sign = signBack
		if !t.point {
			t.sign, t.signAfter = signFront, t.pre
		}
	case tMinus, tPlus, tSignBoth:
		if signed {
			return syntax("cannot use \"S\" and \"" + map[token]string{tMinus: "MI", tPlus: "PL", tSignBoth: "SG"}[k] +
				"\" together")
		}
		t.minus = t.minus || k != tPlus
		t.plus = t.plus || k != tMinus
	case tAngle:
		if signed || t.plus || t.minus {
			return syntax("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together")
		}
		t.angle = true
	}
	return nil
}
