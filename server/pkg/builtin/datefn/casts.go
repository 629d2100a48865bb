package datefn

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	register(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return timestamp(dateToTimestamp(a[0].Int()))
	}, 2024)
	stable(dateToZoned, 1174)
	register(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) { return toDate(a[0].Int()) }, 2029)
	stable(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) { return toDate(toLocal(c, a[0].Int())) }, 1178)
	stable(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return data.Int(toLocal(c, a[0].Int())), nil
	}, 2027)
	stable(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return timestamp(toUTC(c, a[0].Int()))
	}, 2028)
	register(roundTimestamp, 1961, 1967)
	register(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return data.Int(types.RoundTime(a[0].Int(), int32(a[1].Int()))), nil
	}, 1968)
	register(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		t, z := types.ReadTimeTZ(a[0])
		return types.MakeTimeTZ(c.Arena, types.RoundTime(t, int32(a[1].Int())), z), nil
	}, 1969)
	register(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return types.ReadInterval(a[0]).ApplyTypmod(int32(a[1].Int())).Datum(c.Arena), nil
	}, 1200)
	register(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return span{Micros: a[0].Int()}.Datum(c.Arena), nil
	}, 1370)

	register(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) { return timeOf(a[0].Int()) }, 1316)
	stable(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) { return timeOf(toLocal(c, a[0].Int())) }, 2019)
	register(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return data.Int(wrapTime(types.ReadInterval(a[0]).Micros)), nil
	}, 1419)
	register(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		t, _ := types.ReadTimeTZ(a[0])
		return data.Int(t), nil
	}, 2046)
	stable(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		if c.Env == nil {
			return data.Null, pgerr.FeatureNotSupported("the clock outside of a session")
		}
		off, _ := types.ZoneAt(c.Env.TransactionTimestamp(), zone(c))
		return types.MakeTimeTZ(c.Arena, a[0].Int(), int32(-off)), nil
	}, 2047)
	stable(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		ts := a[0].Int()
		if infinite(ts) {
			return data.Null, nil
		}
		off, _ := types.ZoneAt(ts, zone(c))
		return types.MakeTimeTZ(c.Arena, wrapTime(ts+int64(off)*usSecond), int32(-off)), nil
	}, 1388)

	register(dateAndTime(0, 1), 1272, 2025)
	register(dateAndTime(1, 0), 1296)
	stable(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		local, err := dateAndTime(0, 1)(c, a)
		if err != nil {
			return data.Null, err
		}
		return timestamp(toUTC(c, local.Int()))
	}, 1176)
	register(dateAndZonedTime(0, 1), 1297, 1359)
	register(dateAndZonedTime(1, 0), 1298)

	finite := func(bad func(int64) bool) expr.Func {
		return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) { return data.Bool(!bad(a[0].Int())), nil }
	}
	register(finite(infiniteDate), 1373)
	register(finite(infinite), 1389, 2048)
	register(func(*expr.Ctx, []data.Datum) (data.Datum, error) { return data.Bool(true), nil }, 1390)
}

// toLocal is a timestamptz's local time in the session's zone.
func toLocal(c *expr.Ctx, ts int64) int64 {
	if infinite(ts) {
		return ts
	}
	off, _ := types.ZoneAt(ts, zone(c))
	return ts + int64(off)*usSecond
}

func toUTC(c *expr.Ctx, local int64) (int64, error) {
	if infinite(local) {
		return local, nil
	}
	return inRange(types.LocalToUTC(local, zone(c)), false)
}

func dateToZoned(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	local, err := dateToTimestamp(a[0].Int())
	if err != nil {
		return data.Null, err
	}
	return timestamp(toUTC(c, local))
}

func toDate(ts int64) (data.Datum, error) {
	switch ts {
	case types.TimestampInfinity:
		return data.Int(types.DateInfinity), nil
	case types.TimestampNegInfinity:
		return data.Int(types.DateNegInfinity), nil
	}
	days, _ := floorDiv(ts, usDay)
	return data.Int(days), nil
}

func timeOf(ts int64) (data.Datum, error) {
	if infinite(ts) {
		return data.Null, nil
	}
	return data.Int(wrapTime(ts)), nil
}

func roundTimestamp(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	ts, digits := a[0].Int(), a[1].Int()
	if !infinite(ts) && (digits < -1 || digits > 6) {
		return data.Null, pgerr.Newf(pgerr.InvalidParameterValue, "timestamp(%d) precision must be between 0 and 6", digits)
	}
	r := types.RoundTimestamp(ts, int32(digits))
	if r == ts {
		return a[0], nil
	}
	return timestamp(inRange(r, false))
}

func dateAndTime(dateArg, timeArg int) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		ts, err := dateToTimestamp(a[dateArg].Int())
		if err != nil || infinite(ts) {
			return timestamp(ts, err)
		}
		return timestamp(inRange(ts+a[timeArg].Int(), false))
	}
}

func dateAndZonedTime(dateArg, timeArg int) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		ts, err := dateToTimestamp(a[dateArg].Int())
		if err != nil || infinite(ts) {
			return timestamp(ts, err)
		}
		t, z := types.ReadTimeTZ(a[timeArg])
		return timestamp(inRange(ts+t+int64(z)*usSecond, false))
	}
}
