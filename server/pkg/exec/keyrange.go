package exec

import (
	"math"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// keyRange computes key ranges of an index, or of a table's row key, from the
// values of its leading columns.
type keyRange struct {
	database, storage uint32
	cols              []rowcodec.KeyColumn
	start, end        []byte
}

// Bytes that stand before a key column's value; see package rowcodec.
const (
	markValue     = 1
	markNullsLast = 2
)

// fit tells where a value lies that a column of type t cannot hold: -1 below all
// its values, 1 above, 0 if it fits.
func fit(t *types.Type, d data.Datum) int {
	if d.Kind() != data.KindInt64 {
		return 0
	}
	var lo, hi int64
	switch t.OID {
	case types.Int2:
		lo, hi = math.MinInt16, math.MaxInt16
	case types.Int4:
		lo, hi = math.MinInt32, math.MaxInt32
	default:
		return 0
	}
	switch {
	case d.Int() < lo:
		return -1
	case d.Int() > hi:
		return 1
	}
	return 0
}

// equal appends one column's value to the range's start; ok is false when no
// row can match.
func (k *keyRange) equal(i int, d data.Datum) (ok bool) {
	c := &k.cols[i]
	if d.IsNull() || fit(c.Type, d) != 0 {
		return false
	}
	k.start = rowcodec.AppendKey(k.start, c.Type, d, c.Desc, c.NullsFirst)
	return true
}

// begin starts a range with values of the leading columns.
func (k *keyRange) begin(c *expr.Ctx, eq []*expr.Compiled) (ok bool, err error) {
	k.start = rowcodec.AppendPrefix(k.start[:0], k.database, k.storage)
	for i, e := range eq {
		d, err := e.Eval(c, nil)
		if err != nil {
			return false, err
		}
		if !k.equal(i, d) {
			return false, nil
		}
	}
	return true, nil
}

// point ends a range that equalities alone make.
func (k *keyRange) point() {
	k.end = append(k.end[:0], k.start...)
	k.end = rowcodec.AppendNext(k.end, 0)
}

// bounds ends a range with bounds on column i; ok is false when it is empty.
func (k *keyRange) bounds(c *expr.Ctx, i int, lo, hi *planner.Bound) (ok bool, err error) {
	col := &k.cols[i]
	if col.Desc {
		lo, hi = hi, lo
	}
	base := len(k.start)
	k.end = append(k.end[:0], k.start...)
	if k.start, ok, err = k.bound(c, k.start, col, lo, true); err != nil || !ok {
		return false, err
	}
	if lo == nil {
		k.start = append(k.start[:base], markValue)
	}
	if k.end, ok, err = k.bound(c, k.end, col, hi, false); err != nil || !ok {
		return false, err
	}
	if hi == nil {
		k.end = append(k.end[:base], markNullsLast)
	}
	return true, nil
}

// bound appends one bound. start tells that it begins the range.
func (k *keyRange) bound(c *expr.Ctx, dst []byte, col *rowcodec.KeyColumn, b *planner.Bound, start bool) ([]byte, bool, error) {
	if b == nil {
		return dst, true, nil
	}
	d, err := b.Value.Eval(c, nil)
	if err != nil || d.IsNull() {
		return dst, false, err
	}
	if f := fit(col.Type, d); f != 0 {
		if col.Desc {
			f = -f
		}
		if start == (f > 0) {
			return dst, false, nil // before everything as an end, or behind everything as a start
		}
		if start {
			return append(dst, markValue), true, nil
		}
		return append(dst, markNullsLast), true, nil
	}
	at := len(dst)
	dst = rowcodec.AppendKey(dst, col.Type, d, col.Desc, col.NullsFirst)
	if start != b.Inclusive {
		next := rowcodec.AppendNext(dst, at)
		return next, true, nil
	}
	return dst, true, nil
}
