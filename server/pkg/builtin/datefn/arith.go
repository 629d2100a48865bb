package datefn

import (
	"math"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

type span = types.IntervalValue

func init() {
	ts := func(f func(c *expr.Ctx, ts int64, v span) (int64, error), tsArg, ivArg int) expr.Func {
		return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
			r, err := f(c, a[tsArg].Int(), types.ReadInterval(a[ivArg]))
			return timestamp(r, err)
		}
	}
	register(ts(plusLocal, 0, 1), 2032)
	register(ts(plusLocal, 1, 0), 2548)
	register(ts(minusLocal, 0, 1), 2033)
	stable(ts(plusZoned, 0, 1), 1189)
	stable(ts(plusZoned, 1, 0), 2549)
	stable(ts(minusZoned, 0, 1), 1190)
	register(ts(datePlus, 0, 1), 2071)
	register(ts(datePlus, 1, 0), 2546)
	register(ts(dateMinus, 0, 1), 2072)

	register(timestampDiff, 2031, 1188)
	register(dateDiff, 1140)
	register(dateShift(0, 1, 1), 1141)
	register(dateShift(0, 1, -1), 1142)
	register(dateShift(1, 0, 1), 2550)

	iv := func(f func(v, w span) (span, error)) expr.Func {
		return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
			v, err := f(types.ReadInterval(a[0]), types.ReadInterval(a[1]))
			return interval(v, err, c)
		}
	}
	register(iv(span.Add), 1169)
	register(iv(subtract), 1170)
	register(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		v, err := types.ReadInterval(a[0]).Neg()
		return interval(v, err, c)
	}, 1168)
	register(scaled(0, 1, multiply), 1618)
	register(scaled(1, 0, multiply), 1624)
	register(scaled(0, 1, divide), 1326)
	register(largerInterval(1), 1198)
	register(largerInterval(-1), 1197)
	justify := func(f func(span) (span, error)) expr.Func {
		return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
			v, err := f(types.ReadInterval(a[0]))
			return interval(v, err, c)
		}
	}
	register(justify(justifyHours), 1175)
	register(justify(justifyDays), 1295)
	register(justify(justifyAll), 2711)

	register(timeShift(0, 1, 1), 1747)
	register(timeShift(1, 0, 1), 1848)
	register(timeShift(0, 1, -1), 1748)
	register(timeTZShift(0, 1, 1), 1749)
	register(timeTZShift(1, 0, 1), 2547)
	register(timeTZShift(0, 1, -1), 1750)
	register(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return span{Micros: a[0].Int() - a[1].Int()}.Datum(c.Arena), nil
	}, 1690)
}

// addMonths moves a local timestamp by months, to the month's last day at most.
func addMonths(ts int64, months int32) (int64, error) {
	if months == 0 {
		return ts, nil
	}
	p := types.SplitTimestamp(ts)
	m := int64(p.Year)*12 + int64(p.Month) - 1 + int64(months)
	y, mon := floorDiv(m, 12)
	p.Year, p.Month = int(y), int(mon)+1
	p.Day = min(p.Day, types.DaysInMonth(p.Year, p.Month))
	r, ok := p.Timestamp()
	return inRange(r, !ok)
}

func addDays(ts int64, days int32) (int64, error) {
	d, t := floorDiv(ts, usDay)
	d += int64(days)
	if d > math.MaxInt64/usDay-1 || d < math.MinInt64/usDay+1 {
		return 0, types.ErrTimestampRange()
	}
	return inRange(d*usDay+t, false)
}

// plusLocal adds to a timestamp without zone.
func plusLocal(_ *expr.Ctx, ts int64, v span) (int64, error) {
	if infinite(ts) {
		return ts, nil
	}
	ts, err := addMonths(ts, v.Months)
	if err != nil {
		return 0, err
	}
	if v.Days != 0 {
		if ts, err = addDays(ts, v.Days); err != nil {
			return 0, err
		}
	}
	r, over := addOver(ts, v.Micros)
	return inRange(r, over)
}

func minusLocal(c *expr.Ctx, ts int64, v span) (int64, error) {
	return plusLocal(c, ts, span{Micros: -v.Micros, Days: -v.Days, Months: -v.Months})
}

// plusZoned adds months and days in the session's zone, the rest to the moment.
func plusZoned(c *expr.Ctx, ts int64, v span) (int64, error) {
	if infinite(ts) {
		return ts, nil
	}
	if v.Months != 0 || v.Days != 0 {
		loc := zone(c)
		off, _ := types.ZoneAt(ts, loc)
		local, err := addMonths(ts+int64(off)*usSecond, v.Months)
		if err != nil {
			return 0, err
		}
		if v.Months != 0 && v.Days != 0 {
			// Each step ends at a moment of its own, as a skipped hour moves it.
			ts = types.LocalToUTC(local, loc)
			off, _ = types.ZoneAt(ts, loc)
			local = ts + int64(off)*usSecond
		}
		if local, err = addDays(local, v.Days); err != nil {
			return 0, err
		}
		ts = types.LocalToUTC(local, loc)
	}
	r, over := addOver(ts, v.Micros)
	return inRange(r, over)
}

func minusZoned(c *expr.Ctx, ts int64, v span) (int64, error) {
	return plusZoned(c, ts, span{Micros: -v.Micros, Days: -v.Days, Months: -v.Months})
}

// dateToTimestamp is midnight of a date.
func dateToTimestamp(d int64) (int64, error) {
	switch {
	case d == types.DateInfinity:
		return types.TimestampInfinity, nil
	case d == types.DateNegInfinity:
		return types.TimestampNegInfinity, nil
	case d > math.MaxInt64/usDay || !types.TimestampInRange(d*usDay):
		return 0, pgerr.New(pgerr.DatetimeValueOutOfRange, "date out of range for timestamp")
	}
	return d * usDay, nil
}

func datePlus(c *expr.Ctx, d int64, v span) (int64, error) {
	ts, err := dateToTimestamp(d)
	if err != nil {
		return 0, err
	}
	return plusLocal(c, ts, v)
}

func dateMinus(c *expr.Ctx, d int64, v span) (int64, error) {
	return datePlus(c, d, span{Micros: -v.Micros, Days: -v.Days, Months: -v.Months})
}

func timestampDiff(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	x, y := a[0].Int(), a[1].Int()
	if infinite(x) || infinite(y) {
		return data.Null, pgerr.New(pgerr.DatetimeValueOutOfRange, "cannot subtract infinite timestamps")
	}
	// A difference beyond int64 wraps around, as it does in PostgreSQL 15.
	v, err := justifyHours(span{Micros: x - y})
	return interval(v, err, c)
}

func dateDiff(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	x, y := a[0].Int(), a[1].Int()
	if infiniteDate(x) || infiniteDate(y) {
		return data.Null, pgerr.New(pgerr.DatetimeValueOutOfRange, "cannot subtract infinite dates")
	}
	return data.Int(x - y), nil
}

func dateShift(dateArg, intArg int, sign int64) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		d := a[dateArg].Int()
		if infiniteDate(d) {
			return a[dateArg], nil
		}
		d += sign * a[intArg].Int()
		if !types.DateInRange(d) {
			return data.Null, types.ErrDateRange()
		}
		return data.Int(d), nil
	}
}

func subtract(v, w span) (span, error) {
	months, days := int64(v.Months)-int64(w.Months), int64(v.Days)-int64(w.Days)
	us := v.Micros - w.Micros
	over := (v.Micros >= 0) != (w.Micros >= 0) && (us >= 0) != (v.Micros >= 0)
	if over || months != int64(int32(months)) || days != int64(int32(days)) {
		return span{}, types.ErrIntervalRange()
	}
	return span{Micros: us, Days: int32(days), Months: int32(months)}, nil
}

func scaled(ivArg, fArg int, f func(v span, x float64) (span, error)) expr.Func {
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		v, err := f(types.ReadInterval(a[ivArg]), a[fArg].Float())
		return interval(v, err, c)
	}
}

// microRound rounds a number of seconds to microseconds.
func microRound(x float64) float64 { return math.RoundToEven(x*1e6) / 1e6 }

// scale computes each field times x by op; what is lost of months goes down to days, of days
// to seconds.
func scale(v span, op func(field float64) float64) (span, error) {
	months, days := op(float64(v.Months)), op(float64(v.Days))
	if math.IsNaN(months) || math.Abs(months) > math.MaxInt32 || math.IsNaN(days) || math.Abs(days) > math.MaxInt32 {
		return span{}, types.ErrIntervalRange()
	}
	r := span{Months: int32(months), Days: int32(days)}
	monthDays := microRound((months - float64(r.Months)) * 30)
	sec := (days - float64(r.Days) + monthDays - math.Trunc(monthDays)) * 86400
	sec = microRound(sec)
	// Sums of fractions may make a whole day.
	if math.Abs(sec) >= 86400 {
		r.Days += int32(sec / 86400)
		sec -= float64(int(sec/86400) * 86400)
	}
	extra := int64(r.Days) + int64(monthDays)
	us := math.RoundToEven(op(float64(v.Micros)) + sec*1e6)
	if extra != int64(int32(extra)) || math.IsNaN(us) || us < math.MinInt64 || us >= math.MaxInt64 {
		return span{}, types.ErrIntervalRange()
	}
	r.Days = int32(extra)
	r.Micros = int64(us)
	return r, nil
}

func multiply(v span, x float64) (span, error) {
	return scale(v, func(f float64) float64 { return f * x })
}

func divide(v span, x float64) (span, error) {
	if x == 0 {
		return span{}, pgerr.New(pgerr.DivisionByZero, "division by zero")
	}
	return scale(v, func(f float64) float64 { return f / x })
}

func largerInterval(want int) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		if types.CompareIntervals(types.ReadInterval(a[0]), types.ReadInterval(a[1])) == want {
			return a[0], nil
		}
		return a[1], nil
	}
}

// justifyHours turns every 24 hours into a day.
func justifyHours(v span) (span, error) {
	whole := v.Micros / usDay
	days := int64(v.Days) + whole
	us := v.Micros - whole*usDay
	if days > 0 && us < 0 {
		days--
		us += usDay
	} else if days < 0 && us > 0 {
		days++
		us -= usDay
	}
	if days != int64(int32(days)) {
		return span{}, types.ErrIntervalRange()
	}
	return span{Micros: us, Days: int32(days), Months: v.Months}, nil
}

// justifyDays turns every 30 days into a month.
func justifyDays(v span) (span, error) {
	whole := v.Days / 30
	months := int64(v.Months) + int64(whole)
	days := v.Days - whole*30
	if months > 0 && days < 0 {
		months--
		days += 30
	} else if months < 0 && days > 0 {
		months++
		days -= 30
	}
	if months != int64(int32(months)) {
		return span{}, types.ErrIntervalRange()
	}
	return span{Micros: v.Micros, Days: days, Months: int32(months)}, nil
}

// justifyAll does both and gives all parts one sign.
func justifyAll(v span) (span, error) {
	days := int64(v.Days) + v.Micros/usDay
	us := v.Micros % usDay
	months := int64(v.Months) + days/30
	days %= 30
	if months > 0 && (days < 0 || days == 0 && us < 0) {
		months--
		days += 30
	} else if months < 0 && (days > 0 || days == 0 && us > 0) {
		months++
		days -= 30
	}
	if days > 0 && us < 0 {
		days--
		us += usDay
	} else if days < 0 && us > 0 {
		days++
		us -= usDay
	}
	if months != int64(int32(months)) {
		return span{}, types.ErrIntervalRange()
	}
	return span{Micros: us, Days: int32(days), Months: int32(months)}, nil
}

func wrapTime(t int64) int64 {
	_, r := floorDiv(t, usDay)
	return r
}

func timeShift(tArg, ivArg int, sign int64) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return data.Int(wrapTime(a[tArg].Int() + sign*(types.ReadInterval(a[ivArg]).Micros%usDay))), nil
	}
}

func timeTZShift(tArg, ivArg int, sign int64) expr.Func {
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		t, z := types.ReadTimeTZ(a[tArg])
		t = wrapTime(t + sign*(types.ReadInterval(a[ivArg]).Micros%usDay))
		return types.MakeTimeTZ(c.Arena, t, z), nil
	}
}
