package datefn

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// A template of to_char, to_date and to_timestamp is a list of nodes: fields with
// their modifiers, and characters between them.

type field uint8

const (
	fNone field = iota // a character
	fAD
	fADDots
	fAM
	fAMDots
	fBC
	fBCDots
	fCC
	fDayUpper
	fDay
	fDayLower
	fDDD
	fDD
	fDyUpper
	fDy
	fDyLower
	fD
	fFF
	fFX
	fHH24
	fHH12
	fIDDD
	fID
	fIW
	fIYYY
	fIYY
	fIY
	fI
	fJ
	fMI
	fMM
	fMonthUpper
	fMonth
	fMonthLower
	fMonUpper
	fMon
	fMonLower
	fMS
	fOF
	fQ
	fRM
	fSSSS
	fSS
	fTZH
	fTZM
	fTZ
	fUS
	fWW
	fW
	fYCommaYYY
	fYYYY
	fYYY
	fYY
	fY
)

type keyword struct {
	text  string
	field field
	lower bool // the lower-case form of a field that has letters
	digit bool // reads or writes a number
}

// keywords in an order where a longer one stands before its beginning.
var keywords = func() []keyword {
	base := []keyword{
		{"A.D.", fADDots, false, false}, {"A.M.", fAMDots, false, false}, {"AD", fAD, false, false},
		{"AM", fAM, false, false}, {"B.C.", fBCDots, false, false}, {"BC", fBC, false, false},
		{"CC", fCC, false, true}, {"DAY", fDayUpper, false, false}, {"DDD", fDDD, false, true},
		{"DD", fDD, false, true}, {"DY", fDyUpper, false, false}, {"D", fD, false, true},
		{"FF1", fFF, false, true}, {"FF2", fFF, false, true}, {"FF3", fFF, false, true},
		{"FF4", fFF, false, true}, {"FF5", fFF, false, true}, {"FF6", fFF, false, true},
		{"FX", fFX, false, false}, {"HH24", fHH24, false, true}, {"HH12", fHH12, false, true},
		{"HH", fHH12, false, true}, {"IDDD", fIDDD, false, true}, {"ID", fID, false, true},
		{"IW", fIW, false, true}, {"IYYY", fIYYY, false, true}, {"IYY", fIYY, false, true},
		{"IY", fIY, false, true}, {"I", fI, false, true}, {"J", fJ, false, true},
		{"MI", fMI, false, true}, {"MM", fMM, false, true}, {"MONTH", fMonthUpper, false, false},
		{"MON", fMonUpper, false, false}, {"MS", fMS, false, true}, {"OF", fOF, false, false},
		{"P.M.", fAMDots, false, false}, {"PM", fAM, false, false}, {"Q", fQ, false, true},
		{"RM", fRM, false, false}, {"SSSSS", fSSSS, false, true}, {"SSSS", fSSSS, false, true},
		{"SS", fSS, false, true}, {"TZH", fTZH, false, false}, {"TZM", fTZM, false, true},
		{"TZ", fTZ, false, false}, {"US", fUS, false, true}, {"WW", fWW, false, true},
		{"W", fW, false, true}, {"Y,YYY", fYCommaYYY, false, true}, {"YYYY", fYYYY, false, true},
		{"YYY", fYYY, false, true}, {"YY", fYY, false, true}, {"Y", fY, false, true},
	}
	mixed := []keyword{
		{"Day", fDay, false, false}, {"Dy", fDy, false, false},
		{"Month", fMonth, false, false}, {"Mon", fMon, false, false},
	}
	lowered := map[field]field{fDayUpper: fDayLower, fDyUpper: fDyLower, fMonthUpper: fMonthLower, fMonUpper: fMonLower}
	out := append(mixed, base...)
	for _, k := range base {
		k.text, k.lower = strings.ToLower(k.text), true
		if f, ok := lowered[k.field]; ok {
			k.field = f
		}
		out = append(out, k)
	}
	return out
}()

type node struct {
	keyword
	fill    bool // FM: no padding
	ordinal byte // 'T' for TH, 't' for th
	local   bool // TM
	char    string
	literal bool // the character came from quotes
}

func (n *node) separator() bool {
	if n.field != fNone || n.literal {
		return false
	}
	c := n.char[0]
	return c > ' ' && c < 127 && !isLetter(c) && !isDigit(c)
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// parseTemplate splits a template.
func parseTemplate(s string) []node {
	var out []node
	for s != "" {
		var n node
		rest := s
		for {
			if cut, ok := strings.CutPrefix(rest, "FM"); ok {
				n.fill, rest = true, cut
			} else if cut, ok := strings.CutPrefix(rest, "fm"); ok {
				n.fill, rest = true, cut
			} else if cut, ok := strings.CutPrefix(rest, "TM"); ok {
				n.local, rest = true, cut
			} else if cut, ok := strings.CutPrefix(rest, "tm"); ok {
				n.local, rest = true, cut
			} else {
				break
			}
		}
		if k := findKeyword(rest); k != nil {
			n.keyword = *k
			rest = rest[len(k.text):]
			if cut, ok := strings.CutPrefix(rest, "TH"); ok {
				n.ordinal, rest = 'T', cut
			} else if cut, ok := strings.CutPrefix(rest, "th"); ok {
				n.ordinal, rest = 't', cut
			}
			out = append(out, n)
			s = rest
			continue
		}
		if rest == "" {
			break
		}
		s = rest
		if s[0] == '"' {
			s = quoted(s[1:], &out)
			continue
		}
		if s[0] == '\\' && len(s) > 1 && s[1] == '"' {
			s = s[1:]
		}
		w := charLen(s)
		out = append(out, node{char: s[:w]})
		s = s[w:]
	}
	return out
}

func quoted(s string, out *[]node) string {
	for s != "" {
		if s[0] == '"' {
			return s[1:]
		}
		if s[0] == '\\' && len(s) > 1 {
			s = s[1:]
		}
		w := charLen(s)
		*out = append(*out, node{char: s[:w], literal: true})
		s = s[w:]
	}
	return s
}

func charLen(s string) int {
	for i := range s {
		if i > 0 {
			return i
		}
	}
	return len(s)
}

func findKeyword(s string) *keyword {
	for i := range keywords {
		if strings.HasPrefix(s, keywords[i].text) {
			return &keywords[i]
		}
	}
	return nil
}

func errForInterval() error {
	return pgerr.New(pgerr.InvalidDatetimeFormat, "invalid format specification for an interval value").
		WithHint("Intervals are not tied to specific calendar dates.")
}
