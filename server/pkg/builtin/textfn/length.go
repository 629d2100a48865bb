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
	register(textLength, 1317, 1257, 1369, 1381)  // length, textlen, char_length of text
	register(bpcharLength, 1318, 1367, 1372)      // the same of bpchar
	register(byteLength, 720, 1374, 1375, 2010)   // octet_length, length(bytea)
	register(bitLength, 1810, 1811)               // bit_length
	register(mapCase(lowerASCII), 870)            // lower
	register(mapCase(upperASCII), 871)            // upper
	register(initcap, 872)                        //
	register(ascii, 1620)                         //
	register(chr, 1621)                           //
	register(reverse, 3062)                       //
	register(repeat, 1622)                        //
	register(position, 849, 868)                  // position(sub IN s), strpos(s, sub)
	register(bytePosition, 2014)                  //
	register(startsWith, 3696)                    //
	register(left, 3060)                          //
	register(right, 3061)                         //
	expr.Register(2087, replace)                  //
	expr.Register(878, translate)                 //
	register(toHex(32), 2089)                     //
	register(toHex(64), 2090)                     //
	register(splitPart, 2088)                     //
	register(concatBytes, 1258, 2011)             // textcat, byteacat
	expr.Register(2003, catAny(0), expr.IsStable) // text || any
	expr.Register(2004, catAny(1), expr.IsStable) // any || text
}

func textLength(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return integer(utf8.RuneCountInString(str(a, 0))), nil
}

func bpcharLength(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return integer(utf8.RuneCountInString(strings.TrimRight(str(a, 0), " "))), nil
}

func byteLength(_ *expr.Ctx, a []data.Datum) (data.Datum, error) { return integer(len(str(a, 0))), nil }

func bitLength(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return integer(8 * len(str(a, 0))), nil
}

func mapCase(f func(byte) byte) expr.Func {
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		s := str(a, 0)
		d, b := c.Bytes(len(s))
		for i := range b {
			b[i] = f(s[i])
		}
		return d, nil
	}
}

func initcap(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	s := str(a, 0)
	d, b := c.Bytes(len(s))
	inWord := false
	for i := range b {
		if inWord {
			b[i] = lowerASCII(s[i])
		} else {
			b[i] = upperASCII(s[i])
		}
		inWord = isAlnumASCII(b[i])
	}
	return d, nil
}

func ascii(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	s := str(a, 0)
	if s == "" {
		return integer(0), nil
	}
	r, _ := utf8.DecodeRuneInString(s)
	return integer(int(r)), nil
}

func chr(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	n := a[0].Int()
	switch {
	case n == 0:
		return data.Null, pgerr.New(pgerr.ProgramLimitExceeded, "null character not permitted")
	case n < 0:
		return data.Null, pgerr.New(pgerr.InvalidParameterValue, "character number must be positive")
	case n > utf8.MaxRune:
		return data.Null, pgerr.Newf(pgerr.ProgramLimitExceeded, "requested character too large for encoding: %d", n)
	case !utf8.ValidRune(rune(n)):
		return data.Null, pgerr.Newf(pgerr.ProgramLimitExceeded, "requested character not valid for encoding: %d", n)
	}
	return c.Arena.CopyString(string(rune(n))), nil
}

func reverse(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	s := str(a, 0)
	d, b := c.Bytes(len(s))
	at := len(b)
	for i := 0; i < len(s); {
		_, w := utf8.DecodeRuneInString(s[i:])
		at -= w
		copy(b[at:], s[i:i+w])
		i += w
	}
	return d, nil
}

func repeat(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	s, n := str(a, 0), max(0, a[1].Int())
	if int64(len(s))*n > maxResultBytes {
		return data.Null, tooLong()
	}
	d, b := c.Bytes(len(s) * int(n))
	for i := 0; i < len(b); i += len(s) {
		copy(b[i:], s)
	}
	return d, nil
}

func position(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	s := str(a, 0)
	i := strings.Index(s, str(a, 1))
	if i < 0 {
		return integer(0), nil
	}
	return integer(utf8.RuneCountInString(s[:i]) + 1), nil
}

func bytePosition(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return integer(strings.Index(str(a, 0), str(a, 1)) + 1), nil
}

func startsWith(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return data.Bool(strings.HasPrefix(str(a, 0), str(a, 1))), nil
}

func left(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	s, n := str(a, 0), a[1].Int()
	if n < 0 {
		n += int64(utf8.RuneCountInString(s))
	}
	return text(s[:charOffset(s, int(max(0, n)))]), nil
}

func right(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	s, n := str(a, 0), a[1].Int()
	skip := -n
	if n == math.MinInt32 {
		skip = 0 // as PostgreSQL, where it has no negative
	} else if n >= 0 {
		skip = int64(utf8.RuneCountInString(s)) - n
	}
	return text(s[charOffset(s, int(max(0, skip))):]), nil
}

func replace(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	s, from, to := str(a, 0), str(a, 1), str(a, 2)
	if from == "" || !strings.Contains(s, from) {
		return a[0], nil
	}
	n := strings.Count(s, from)
	if int64(len(s))+int64(n)*int64(len(to)-len(from)) > maxResultBytes {
		return data.Null, tooLong()
	}
	d, b := c.Bytes(len(s) + n*(len(to)-len(from)))
	for at := 0; ; {
		i := strings.Index(s, from)
		if i < 0 {
			copy(b[at:], s)
			return d, nil
		}
		at += copy(b[at:], s[:i])
		at += copy(b[at:], to)
		s = s[i+len(from):]
	}
}

func translate(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	from, to := []rune(str(a, 1)), []rune(str(a, 2))
	var out strings.Builder
next:
	for _, r := range str(a, 0) {
		for i, f := range from {
			if f == r {
				if i < len(to) {
					out.WriteRune(to[i])
				}
				continue next
			}
		}
		out.WriteRune(r)
	}
	return c.Arena.CopyString(out.String()), nil
}

func toHex(bits int) expr.Func {
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		n := uint64(a[0].Int())
		if bits == 32 {
			n = uint64(uint32(n))
		}
		const digits = "0123456789abcdef"
		var buf [16]byte
		i := len(buf)
		for {
			i--
			buf[i] = digits[n&15]
			if n >>= 4; n == 0 {
				return data.Bytes(c.Arena.Copy(buf[i:])), nil
			}
		}
	}
}

func splitPart(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	s, sep, n := str(a, 0), str(a, 1), a[2].Int()
	if n == 0 {
		return data.Null, pgerr.New(pgerr.InvalidParameterValue, "field position must not be zero")
	}
	if s == "" {
		return text(""), nil
	}
	parts := []string{s}
	if sep != "" {
		parts = strings.Split(s, sep)
	}
	if n < 0 {
		n += int64(len(parts)) + 1
	}
	if n < 1 || n > int64(len(parts)) {
		return text(""), nil
	}
	return text(parts[n-1]), nil
}

func concatBytes(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return join(c, str(a, 0), str(a, 1))
}

func join(c *expr.Ctx, x, y string) (data.Datum, error) {
	if len(x)+len(y) > maxResultBytes {
		return data.Null, tooLong()
	}
	d, b := c.Bytes(len(x) + len(y))
	copy(b[copy(b, x):], y)
	return d, nil
}

// catAny is || of text (argument textArg) with a value of any other type,
// which is taken in its text form.
func catAny(textArg int) expr.Func {
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		other := 1 - textArg
		out, err := appendOut(c, nil, c.ArgType(other), a[other])
		if err != nil {
			return data.Null, err
		}
		if textArg == 0 {
			return join(c, str(a, 0), string(out))
		}
		return join(c, string(out), str(a, 1))
	}
}
