package numfn

import (
	"math"
	"math/rand/v2"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	expr.Register(1598, func(*expr.Ctx, []data.Datum) (data.Datum, error) {
		return data.Float(rand.Float64()), nil
	}, expr.IsVolatile)
	register(widthBucketFloat, 320)
}

func widthBucketFloat(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	bad := func(message string) (data.Datum, error) {
		return data.Null, pgerr.New(pgerr.InvalidArgumentForWidthBucketFunction, message)
	}
	op, lo, hi, count := a[0].Float(), a[1].Float(), a[2].Float(), a[3].Int()
	switch {
	case count <= 0:
		return bad("count must be greater than zero")
	case op != op || lo != lo || hi != hi:
		return bad("operand, lower bound, and upper bound cannot be NaN")
	case math.IsInf(lo, 0) || math.IsInf(hi, 0):
		return bad("lower and upper bounds must be finite")
	case lo == hi:
		return bad("lower bound cannot equal upper bound")
	}
	if lo > hi {
		op, lo, hi = -op, -lo, -hi
	}
	switch {
	case types.CompareFloat(op, lo) < 0:
		return data.Int(0), nil
	case types.CompareFloat(op, hi) >= 0:
		if count == math.MaxInt32 {
			return data.Null, pgerr.New(pgerr.NumericValueOutOfRange, "integer out of range")
		}
		return data.Int(count + 1), nil
	}
	n := int64(float64(count) * ((op/2 - lo/2) / (hi/2 - lo/2)))
	return data.Int(min(n, count-1) + 1), nil
}
