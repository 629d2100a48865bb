// Package datefn registers the functions on date, time, timestamp, timestamptz, timetz
// and interval: the clock, arithmetic, comparison across types, casts, extract and
// date_trunc, time zones, construction, series, and text by template.
//
// Months and days are added in local time: for timestamptz in the session's zone.
// Results outside a type's range give 22008.
package datefn

import (
	"time"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

const (
	usSecond = int64(1_000_000)
	usMinute = 60 * usSecond
	usHour   = 60 * usMinute
	usDay    = 24 * usHour
)

func register(fn expr.Func, oids ...uint32) {
	for _, oid := range oids {
		expr.Register(oid, fn)
	}
}

func stable(fn expr.Func, oids ...uint32) {
	for _, oid := range oids {
		expr.Register(oid, fn, expr.IsStable)
	}
}

func zone(c *expr.Ctx) *time.Location {
	if c.Types == nil || c.Types.TimeZone == nil {
		return time.UTC
	}
	return c.Types.TimeZone
}

func infinite(ts int64) bool {
	return ts == types.TimestampInfinity || ts == types.TimestampNegInfinity
}

func infiniteDate(d int64) bool { return d == types.DateInfinity || d == types.DateNegInfinity }

func interval(v types.IntervalValue, err error, c *expr.Ctx) (data.Datum, error) {
	if err != nil {
		return data.Null, err
	}
	return v.Datum(c.Arena), nil
}

func timestamp(ts int64, err error) (data.Datum, error) {
	if err != nil {
		return data.Null, err
	}
	return data.Int(ts), nil
}

func floorDiv(a, b int64) (q, r int64) {
	q, r = a/b, a%b
	if r < 0 {
		q--
		r += b
	}
	return q, r
}

func addOver(a, b int64) (int64, bool) {
	s := a + b
	return s, (a > 0 && b > 0 && s < 0) || (a < 0 && b < 0 && s >= 0)
}

func inRange(ts int64, over bool) (int64, error) {
	if over || !types.TimestampInRange(ts) {
		return 0, types.ErrTimestampRange()
	}
	return ts, nil
}

func init() {
	clock := func(read func(expr.Env) int64) expr.Func {
		return func(c *expr.Ctx, _ []data.Datum) (data.Datum, error) {
			if c.Env == nil {
				return data.Null, pgerr.FeatureNotSupported("the clock outside of a session")
			}
			return data.Int(read(c.Env)), nil
		}
	}
	stable(clock(expr.Env.TransactionTimestamp), 1299, 2647)
	stable(clock(expr.Env.StatementTimestamp), 2648)
	expr.Register(2649, clock(expr.Env.ClockTimestamp), expr.IsVolatile)
}
