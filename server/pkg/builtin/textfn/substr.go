package textfn

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

func init() {
	register(substr, 877, 883, 936, 937)
	register(byteSubstr, 2012, 2013, 2085, 2086)
	register(overlay, 1404, 1405)
	register(byteOverlay, 749, 752)
	register(lpad, 873, 879)
	register(rpad, 874, 880)
	register(trim(true, true), 884, 885)
	register(trim(true, false), 875, 881)
	register(trim(false, true), 876, 882)
	register(byteTrim(true, true), 2015)
	register(byteTrim(true, false), 6195)
	register(byteTrim(false, true), 6196)
}

func negativeLength() error {
	return pgerr.New(pgerr.SubstringError, "negative substring length not allowed")
}

// window turns SQL's 1-based start and optional length into offsets [from, to)
// counted from 0, clipped at 0; to is -1 for the end.
func window(a []data.Datum) (from, to int64, err error) {
	start := a[1].Int()
	if len(a) < 3 {
		return max(0, start-1), -1, nil
	}
	n := a[2].Int()
	if n < 0 {
		return 0, 0, negativeLength()
	}
	end := max(start-1+n, 0)
	return max(0, start-1), end, nil
}

func substr(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	from, to, err := window(a)
	if err != nil {
		return data.Null, err
	}
	s := str(a, 0)
	begin := charOffset(s, int(from))
	if to < 0 {
		return text(s[begin:]), nil
	}
	return text(s[begin : begin+charOffset(s[begin:], int(max(0, to-from)))]), nil
}

func byteSubstr(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	from, to, err := window(a)
	if err != nil {
		return data.Null, err
	}
	s := str(a, 0)
	n := int64(len(s))
	from = min(from, n)
	if to < 0 {
		to = n
	}
	return text(s[from:max(from, min(to, n))]), nil
}

// splice replaces n characters (or bytes) of s from 1-based start by with.
func splice(c *expr.Ctx, s, with string, start, n int64, offset func(string, int) int) (data.Datum, error) {
	if start <= 0 {
		return data.Null, negativeLength()
	}
	if start+n > math.MaxInt32 || start+n < math.MinInt32 {
		return data.Null, pgerr.New(pgerr.NumericValueOutOfRange, "integer out of range")
	}
	begin := offset(s, int(start-1))
	end := 0
	if after := start - 1 + n; after > 0 {
		end = offset(s, int(after))
	}
	return join(c, s[:begin]+with, s[end:])
}

func overlay(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	n := int64(utf8.RuneCountInString(str(a, 1)))
	if len(a) > 3 {
		n = a[3].Int()
	}
	return splice(c, str(a, 0), str(a, 1), a[2].Int(), n, charOffset)
}

func byteOverlay(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	n := int64(len(str(a, 1)))
	if len(a) > 3 {
		n = a[3].Int()
	}
	return splice(c, str(a, 0), str(a, 1), a[2].Int(), n, func(s string, n int) int { return min(n, len(s)) })
}

// padding returns s cut to n characters, and what fills it up to n.
func padding(a []data.Datum) (s, fill string, err error) {
	s, n := str(a, 0), max(0, a[1].Int())
	with := " "
	if len(a) > 2 {
		with = str(a, 2)
	}
	have := int64(utf8.RuneCountInString(s))
	if have >= n || with == "" {
		return s[:charOffset(s, int(n))], "", nil
	}
	unit := int64(utf8.RuneCountInString(with))
	missing := n - have
	if missing/unit*int64(len(with))+int64(len(s)) > maxResultBytes {
		return "", "", tooLong()
	}
	return s, strings.Repeat(with, int(missing/unit)) + with[:charOffset(with, int(missing%unit))], nil
}

func lpad(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	s, fill, err := padding(a)
	if err != nil {
		return data.Null, err
	}
	return join(c, fill, s)
}

func rpad(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	s, fill, err := padding(a)
	if err != nil {
		return data.Null, err
	}
	return join(c, s, fill)
}

func trim(front, back bool) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		s, set := str(a, 0), " "
		if len(a) > 1 {
			set = str(a, 1)
		}
		if front {
			s = strings.TrimLeft(s, set)
		}
		if back {
			s = strings.TrimRight(s, set)
		}
		return text(s), nil
	}
}

func byteTrim(front, back bool) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		s, set := str(a, 0), str(a, 1)
		for front && s != "" && strings.IndexByte(set, s[0]) >= 0 {
			s = s[1:]
		}
		for back && s != "" && strings.IndexByte(set, s[len(s)-1]) >= 0 {
			s = s[:len(s)-1]
		}
		return text(s), nil
	}
}
