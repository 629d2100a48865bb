package datefn

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	register(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return age(c, a[0].Int(), a[1].Int())
	}, 2058)
	register(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return zonedAge(c, a[0].Int(), a[1].Int())
	}, 1199)
	stable(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		day, err := today(c)
		if err != nil {
			return data.Null, err
		}
		return age(c, day, a[0].Int())
	}, 2059)
	stable(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		day, err := today(c)
		if err != nil {
			return data.Null, err
		}
		return zonedAge(c, types.LocalToUTC(day, zone(c)), a[0].Int())
	}, 1386)
}

// today is local midnight of the transaction's date.
func today(c *expr.Ctx) (int64, error) {
	if c.Env == nil {
		return 0, pgerr.FeatureNotSupported("the clock outside of a session")
	}
	days, _ := floorDiv(toLocal(c, c.Env.TransactionTimestamp()), usDay)
	return days * usDay, nil
}

func zonedAge(c *expr.Ctx, x, y int64) (data.Datum, error) {
	if x == types.TimestampNegInfinity || y == types.TimestampNegInfinity {
		return data.Null, types.ErrTimestampRange()
	}
	local := func(ts int64) int64 {
		off, _ := types.ZoneAt(ts, zone(c))
		return ts + int64(off)*usSecond
	}
	return age(c, local(x), local(y))
}

// age is the difference in years, months, days and time, borrowing a day as long as
// the earlier date's month. Infinity counts as the largest timestamp, as PostgreSQL
// 15 has it.
func age(c *expr.Ctx, x, y int64) (data.Datum, error) {
	if x == types.TimestampNegInfinity || y == types.TimestampNegInfinity {
		return data.Null, types.ErrTimestampRange()
	}
	neg := x < y
	if neg {
		x, y = y, x
	}
	p, q := types.SplitTimestamp(x), types.SplitTimestamp(y)
	months := (p.Year-q.Year)*12 + p.Month - q.Month
	days := p.Day - q.Day
	us := p.TimeOfDay() - q.TimeOfDay()
	if us < 0 {
		us += usDay
		days--
	}
	if days < 0 {
		days += types.DaysInMonth(q.Year, q.Month)
		months--
	}
	v := span{Micros: us, Days: int32(days), Months: int32(months)}
	if neg {
		v = span{Micros: -us, Days: int32(-days), Months: int32(-months)}
	}
	return v.Datum(c.Arena), nil
}
