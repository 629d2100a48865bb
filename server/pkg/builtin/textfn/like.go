package textfn

import (
	"unicode/utf8"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

func init() {
	register(likeFunc(false, false, true), 850, 858, 1569, 1571, 1631) // textlike, namelike, like, bpcharlike
	register(likeFunc(true, false, true), 851, 859, 1570, 1572, 1632)  // textnlike ...
	register(likeFunc(false, true, true), 1633, 1635, 1660)            // texticlike ...
	register(likeFunc(true, true, true), 1634, 1636, 1661)             // texticnlike ...
	register(likeFunc(false, false, false), 2005, 2007)                // bytealike
	register(likeFunc(true, false, false), 2006, 2008)                 // byteanlike
	register(likeEscape, 1637, 2009)                                   //
}

// likeFunc makes LIKE or ILIKE, negated or not, over characters or bytes.
func likeFunc(negate, fold, chars bool) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		m, err := like(str(a, 0), str(a, 1), fold, chars)
		if err != nil {
			return data.Null, err
		}
		return data.Bool(m != negate), nil
	}
}

// like matches s with the pattern p. It backtracks only to the last %, so it
// takes time proportional to the product of the lengths at worst.
func like(s, p string, fold, chars bool) (bool, error) {
	si, pi := 0, 0
	starP, starS := -1, 0 // where to go on after a mismatch: pattern after the last %
	for {
		if pi < len(p) && p[pi] == '%' {
			for pi < len(p) && p[pi] == '%' {
				pi++
			}
			if pi == len(p) {
				return true, nil
			}
			starP, starS = pi, si
			continue
		}
		if si == len(s) {
			break
		}
		next, width, ok, err := step(s[si:], p[pi:], fold, chars)
		if err != nil {
			return false, err
		}
		switch {
		case ok:
			si, pi = si+width, pi+next
		case starP < 0:
			return false, nil
		default:
			starS += charWidth(s[starS:], chars)
			si, pi = starS, starP
		}
	}
	for pi < len(p) && p[pi] == '%' {
		pi++
	}
	return pi == len(p), nil
}

func charWidth(s string, chars bool) int {
	if !chars || s[0] < utf8.RuneSelf {
		return 1
	}
	_, w := utf8.DecodeRuneInString(s)
	return w
}

// step matches one pattern element other than % at the start of s.
func step(s, p string, fold, chars bool) (next, width int, ok bool, err error) {
	if p == "" {
		return 0, 0, false, nil
	}
	switch p[0] {
	case '_':
		return 1, charWidth(s, chars), true, nil
	case '\\':
		if len(p) == 1 {
			return 0, 0, false, pgerr.New(pgerr.InvalidEscapeSequence, "LIKE pattern must not end with escape character")
		}
		return 2, 1, sameByte(s[0], p[1], fold), nil
	}
	return 1, 1, sameByte(s[0], p[0], fold), nil
}

func sameByte(a, b byte, fold bool) bool {
	return a == b || fold && lowerASCII(a) == lowerASCII(b)
}

// likeEscape rewrites a pattern with another escape character to one with a
// backslash.
func likeEscape(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	p, esc := str(a, 0), str(a, 1)
	if utf8.RuneCountInString(esc) > 1 {
		return data.Null, pgerr.New(pgerr.InvalidEscapeSequence, "invalid escape string").
			WithHint("Escape string must be empty or one character.")
	}
	if esc == `\` {
		return a[0], nil
	}
	out := make([]byte, 0, len(p)+8)
	escaped := false
	for i := 0; i < len(p); {
		w := charWidth(p[i:], true)
		ch := p[i : i+w]
		i += w
		switch {
		case esc != "" && ch == esc && !escaped:
			out = append(out, '\\')
			escaped = true
			continue
		case ch == `\` && !escaped:
			out = append(out, '\\', '\\')
		default:
			out = append(out, ch...)
		}
		escaped = false
	}
	return data.Bytes(c.Arena.Copy(out)), nil
}
