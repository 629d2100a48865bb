package arrays

import (
	"strings"
	"unicode/utf8"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// toString is array_to_string(array, delimiter [, null text]).
func toString(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if a[0].IsNull() || a[1].IsNull() {
		return data.Null, nil
	}
	v, elem, err := open(c, a[0])
	if err != nil {
		return data.Null, err
	}
	var out []byte
	first := true
	for _, d := range v.Elems(elem, nil) {
		if d.IsNull() && (len(a) < 3 || a[2].IsNull()) {
			continue
		}
		if !first {
			out = append(out, a[1].Bytes()...)
		}
		first = false
		if d.IsNull() {
			out = append(out, a[2].Bytes()...)
		} else {
			out = elem.Out(c.Types, out, d)
		}
	}
	return data.Bytes(c.Arena.Copy(out)), nil
}

// pieces splits a string: by characters without a delimiter, not at all by an
// empty one; pieces equal to the null text become NULL.
func pieces(a []data.Datum) []data.Datum {
	s := a[0].Str()
	if s == "" {
		return nil
	}
	var parts []string
	switch {
	case a[1].IsNull():
		for s != "" {
			_, w := utf8.DecodeRuneInString(s)
			parts, s = append(parts, s[:w]), s[w:]
		}
	case a[1].Str() == "":
		parts = []string{s}
	default:
		parts = strings.Split(s, a[1].Str())
	}
	out := make([]data.Datum, len(parts))
	for i, p := range parts {
		if len(a) < 3 || a[2].IsNull() || p != a[2].Str() {
			out[i] = data.String(p)
		}
	}
	return out
}

func fromString(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if a[0].IsNull() {
		return data.Null, nil
	}
	return types.MakeArray(c.Arena, types.Get(types.Text), pieces(a)), nil
}

func init() {
	expr.Register(395, toString, expr.IsStable)
	expr.Register(384, toString, expr.NonStrict, expr.IsStable)
	for _, oid := range []uint32{394, 376} {
		expr.Register(oid, fromString, expr.NonStrict)
	}
	for _, oid := range []uint32{6160, 6161} {
		expr.RegisterSet(expr.SetFunc{OID: oid, NonStrict: true, Start: func(_ *expr.Ctx, a []data.Datum) (expr.SetIter, error) {
			set := &expr.SliceSet{}
			if !a[0].IsNull() {
				for _, p := range pieces(a) {
					set.Rows = append(set.Rows, []data.Datum{p})
				}
			}
			return set, nil
		}})
	}
}
