package numfn

import (
	"math"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	register(toInt("smallint", math.MinInt16, math.MaxInt16), 1783)
	register(toInt("integer", math.MinInt32, math.MaxInt32), 1744)
	register(toInt("bigint", math.MinInt64, math.MaxInt64), 1779)
	register(fromInt, 1782, 1740, 1781)
	register(toFloat(types.Float4), 1745)
	register(toFloat(types.Float8), 1746)
	register(fromFloat(32), 1742)
	register(fromFloat(64), 1743)
	register(applyTypmod, 1703)
}

func toInt(name string, lo, hi int64) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		v, err := roundToInt(types.NumOf(a[0]), name, lo, hi)
		if err != nil {
			return data.Null, err
		}
		return data.Int(v), nil
	}
}

// roundToInt rounds half away from zero and checks the range of the type called name.
func roundToInt(n num, name string, lo, hi int64) (int64, error) {
	switch {
	case n.IsNaN():
		return 0, pgerr.Newf(pgerr.FeatureNotSupportedCode, "cannot convert NaN to %s", name)
	case n.IsInf():
		return 0, pgerr.Newf(pgerr.FeatureNotSupportedCode, "cannot convert infinity to %s", name)
	}
	v, ok := n.Int64()
	if !ok || v < lo || v > hi {
		return 0, pgerr.Newf(pgerr.NumericValueOutOfRange, "%s out of range", name)
	}
	return v, nil
}

func fromInt(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return types.NumInt(a[0].Int()).Datum(c.Arena)
}

// toFloat goes through text, which rounds once.
func toFloat(oid uint32) expr.Func {
	float := types.Get(oid)
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return float.In(c.Types, types.NumOf(a[0]).String(), -1)
	}
}

// fromFloat keeps the digits that every float of the width has: 6 or 15.
func fromFloat(bits int) expr.Func {
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		var buf [40]byte
		n, err := types.ParseNum(string(types.AppendFloat(buf[:0], a[0].Float(), bits, 0)))
		if err != nil {
			return data.Null, err
		}
		return n.Datum(c.Arena)
	}
}

func applyTypmod(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	n, err := types.NumOf(a[0]).ApplyTypmod(int32(a[1].Int()))
	if err != nil {
		return data.Null, err
	}
	return n.Datum(c.Arena)
}
