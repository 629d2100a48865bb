// Package compare registers the comparison functions of all types that have a
// default order: =, <>, <, <=, >, >= and the three-way support functions.
//
// What types compare how is package types' business; here stands only which
// pg_proc entry is which comparison (facts_gen.go, read off pg_operator and
// pg_amproc of a native 15.18 server). Comparisons across types work where
// both have the same physical form: the integers, the floats, text and name.
package compare

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// fact is one comparison function: op is "=", "<>", "<", "<=", ">", ">=" or
// "cmp" for the three-way one.
type fact struct {
	oid         uint32
	op          string
	left, right uint32
}

func init() {
	for _, f := range facts {
		if cmp := comparer(f.left, f.right); cmp != nil {
			expr.Register(f.oid, function(f.op, cmp))
		}
	}
	// The pattern operators order by bytes, as everything does in the C locale.
	bytewise := func(a, b data.Datum) int { return strings.Compare(a.Str(), b.Str()) }
	for op, oids := range map[string][]uint32{"<": {2160, 2174}, "<=": {2161, 2175}, ">=": {2163, 2177},
		">": {2164, 2178}, "cmp": {2166, 2180}} {
		expr.Register(oids[0], function(op, bytewise))
		expr.Register(oids[1], function(op, types.Get(types.BpChar).Compare))
	}
}

// comparer returns how values of two types compare, nil if they do not yet.
func comparer(left, right uint32) func(a, b data.Datum) int {
	l, r := types.Get(left), types.Get(right)
	if l == nil || r == nil || !l.HasOrder() && left != types.AnyArray || l.Kind != r.Kind {
		return nil
	}
	if left == right {
		if left == types.AnyArray || left == types.Record {
			return nil // polymorphic: see arrays.go and records.go
		}
		return l.Compare
	}
	switch l.Kind {
	case data.KindInt64:
		if datelike(left) || datelike(right) {
			return nil
		}
		return types.Get(types.Int8).Compare
	case data.KindFloat64:
		return types.Get(types.Float8).Compare
	case data.KindBytes:
		return types.Get(types.Text).Compare
	}
	return nil
}

func datelike(oid uint32) bool {
	switch oid {
	case types.Date, types.Timestamp, types.TimestampTZ:
		return true
	}
	return false
}

func function(op string, cmp func(a, b data.Datum) int) expr.Func {
	test := func(f func(c int) bool) expr.Func {
		return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
			return data.Bool(f(cmp(a[0], a[1]))), nil
		}
	}
	switch op {
	case "=":
		return test(func(c int) bool { return c == 0 })
	case "<>":
		return test(func(c int) bool { return c != 0 })
	case "<":
		return test(func(c int) bool { return c < 0 })
	case "<=":
		return test(func(c int) bool { return c <= 0 })
	case ">":
		return test(func(c int) bool { return c > 0 })
	case ">=":
		return test(func(c int) bool { return c >= 0 })
	}
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return data.Int(int64(cmp(a[0], a[1]))), nil
	}
}
