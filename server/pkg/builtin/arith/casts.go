package arith

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// narrow casts an integer to a smaller type.
func narrow(w width) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) { return w.fit(a[0].Int(), false) }
}

func widen(_ *expr.Ctx, a []data.Datum) (data.Datum, error) { return a[0], nil }

// fromFloat rounds half to even, then checks the range.
func fromFloat(w width) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		x := math.RoundToEven(a[0].Float())
		if math.IsNaN(x) || x < float64(w.min()) || x >= -float64(w.min()) {
			return data.Null, w.outOfRange()
		}
		return data.Int(int64(x)), nil
	}
}

func toFloat8(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return data.Float(float64(a[0].Int())), nil
}

func toFloat4(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return data.Float(float64(float32(a[0].Int()))), nil
}

// float8to4 checks the range of float4.
func float8to4(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	x := a[0].Float()
	return checked(float64(float32(x)), math.IsInf(x, 0), x == 0)
}

func toOid(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	n := a[0].Int()
	if n < 0 || n > math.MaxUint32 {
		return data.Null, pgerr.New(pgerr.NumericValueOutOfRange, "OID out of range")
	}
	return a[0], nil
}

func boolToText(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if a[0].Bool() {
		return data.String("true"), nil
	}
	return data.String("false"), nil
}

func charToInt(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if s := a[0].Str(); s != "" {
		return data.Int(int64(int8(s[0]))), nil
	}
	return data.Int(0), nil
}

func intToChar(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	n := a[0].Int()
	if n < math.MinInt8 || n > math.MaxInt8 {
		return data.Null, pgerr.New(pgerr.NumericValueOutOfRange, "\"char\" out of range")
	}
	d, b := c.Bytes(1)
	b[0] = byte(n)
	return d, nil
}

func textToChar(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	s := a[0].Str()
	if s == "" {
		return data.String("\x00"), nil
	}
	return data.String(s[:1]), nil
}

func charToText(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if s := a[0].Str(); s[0] != 0 && s[0] < utf8.RuneSelf {
		return a[0], nil
	}
	return data.Bytes(c.Arena.Copy(types.Get(types.Char).Out(c.Types, nil, a[0]))), nil
}

// toName cuts text to the length of a name, between characters.
func toName(trim bool) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		s := a[0].Str()
		const maxNameBytes = 63
		if len(s) > maxNameBytes {
			cut := maxNameBytes
			for cut > 0 && !utf8.RuneStart(s[cut]) {
				cut--
			}
			s = s[:cut]
		}
		if trim {
			s = strings.TrimRight(s, " ")
		}
		return data.String(s), nil
	}
}

func trimmed(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return data.String(strings.TrimRight(a[0].Str(), " ")), nil
}

// varcharLength and bpcharLength are varchar(n) and char(n): (value, typmod, is
// explicit).
func varcharLength(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	s, err := types.FitVarchar(a[0].Str(), int32(a[1].Int()), a[2].Bool())
	return data.String(s), err
}

func bpcharLength(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return types.FitBpchar(c.Arena, a[0].Str(), int32(a[1].Int()), a[2].Bool())
}

func init() {
	each(narrow(16), 314, 714)
	each(narrow(32), 480)
	each(widen, 313, 481, 754, 311)
	each(fromFloat(16), 237, 238)
	each(fromFloat(32), 317, 319)
	each(fromFloat(64), 483, 653)
	each(toFloat8, 235, 316, 482)
	each(toFloat4, 236, 318, 652)
	each(float8to4, 312)
	each(toOid, 1287)
	each(widen, 1288)
	expr.Register(2557, func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) { return data.Bool(a[0].Int() != 0), nil })
	expr.Register(2558, func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		if a[0].Bool() {
			return data.Int(1), nil
		}
		return data.Int(0), nil
	})
	each(boolToText, 2971)
	each(charToInt, 77)
	each(intToChar, 78)
	each(textToChar, 944)
	each(charToText, 946, 860)
	each(toName(false), 407, 1400)
	each(toName(true), 409)
	each(widen, 406, 408, 1401)
	each(trimmed, 401)
	expr.Register(668, bpcharLength)
	expr.Register(669, varcharLength)
	expr.Register(1079, func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return types.Get(types.RegClass).In(c.Types, a[0].Str(), -1)
	}, expr.IsStable)
}
