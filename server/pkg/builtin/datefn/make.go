package datefn

import (
	"math"
	"strconv"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	register(makeDate, 3846)
	register(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return timestamp(clockOf(a[0].Int(), a[1].Int(), a[2].Float()))
	}, 3847)
	register(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) { return timestamp(makeTimestamp(a)) }, 3461)
	stable(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		ts, err := makeTimestamp(a)
		if err != nil {
			return data.Null, err
		}
		return timestamp(toUTC(c, ts))
	}, 3462)
	stable(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		ts, err := makeTimestamp(a)
		if err != nil {
			return data.Null, err
		}
		return atZone([]data.Datum{a[6], data.Int(ts)}, true)
	}, 3463)
	register(makeInterval, 3464)
	register(fromUnix, 1158)
	register(dateBin, 6177, 6178)
	for _, f := range []struct {
		oid    uint32
		add    func(c *expr.Ctx, ts int64, v span) (int64, error)
		option expr.Volatility
	}{{938, plusLocal, expr.Immutable}, {939, plusZoned, expr.Stable}} {
		expr.RegisterSet(expr.SetFunc{OID: f.oid, Volatility: f.option,
			Start: func(_ *expr.Ctx, a []data.Datum) (expr.SetIter, error) { return newSeries(a, f.add) }})
	}
}

// astronomical counts -1, which is 1 BC, as year 0.
func astronomical(y int64) int64 {
	if y < 0 {
		return y + 1
	}
	return y
}

// dateOf makes a date; shown is the year as an error names it.
func dateOf(y, m, d, shown int64, valid func(days int64) bool) (int64, error) {
	year := astronomical(y)
	if y == 0 || m < 1 || m > 12 || d < 1 || y > 6000000 || y < -6000000 ||
		d > int64(types.DaysInMonth(int(year), int(m))) {
		return 0, pgerr.Newf(pgerr.DatetimeFieldOverflow,
			"date field value out of range: %d-%02d-%02d", shown, m, d)
	}
	days := types.DateToDays(int(year), int(m), int(d))
	if !valid(days) {
		return 0, pgerr.Newf(pgerr.DatetimeValueOutOfRange, "date out of range: %d-%02d-%02d", y, m, d)
	}
	return days, nil
}

func makeDate(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return timestamp(dateOf(a[0].Int(), a[1].Int(), a[2].Int(), astronomical(a[0].Int()), types.DateInRange))
}

// clockOf is a time of day from its parts.
func clockOf(h, m int64, sec float64) (int64, error) {
	us := roundHalfEven(sec * 1e6)
	if h < 0 || h > 24 || m < 0 || m > 59 || math.IsNaN(sec) || us < 0 || us > 60e6 ||
		h == 24 && (m > 0 || us > 0) {
		s := strconv.FormatFloat(sec, 'g', 6, 64)
		if len(s) < 2 {
			s = "0" + s
		}
		return 0, pgerr.Newf(pgerr.DatetimeFieldOverflow, "time field value out of range: %d:%02d:%s", h, m, s)
	}
	return h*usHour + m*usMinute + int64(us), nil
}

func makeTimestamp(a []data.Datum) (int64, error) {
	days, err := dateOf(a[0].Int(), a[1].Int(), a[2].Int(), a[0].Int(), types.DateInRange)
	if err != nil {
		return 0, err
	}
	t, err := clockOf(a[3].Int(), a[4].Int(), a[5].Float())
	if err != nil {
		return 0, err
	}
	ts := days*usDay + t
	if days > math.MaxInt64/usDay-1 || !types.TimestampInRange(ts) {
		return 0, pgerr.Newf(pgerr.DatetimeValueOutOfRange, "timestamp out of range: %d-%02d-%02d %d:%02d:%02g",
			a[0].Int(), a[1].Int(), a[2].Int(), a[3].Int(), a[4].Int(), a[5].Float())
	}
	return ts, nil
}

// makeInterval takes years, months, weeks, days, hours, minutes and seconds.
func makeInterval(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	sec := a[6].Float()
	months := a[0].Int()*12 + a[1].Int()
	days := a[2].Int()*7 + a[3].Int()
	us := roundHalfEven(sec * 1e6)
	total := float64(a[4].Int())*3600e6 + float64(a[5].Int())*60e6 + us
	if math.IsNaN(sec) || math.IsInf(sec, 0) || months != int64(int32(months)) ||
		days != int64(int32(days)) || math.Abs(total) >= math.MaxInt64 {
		return data.Null, types.ErrIntervalRange()
	}
	v := span{Months: int32(months), Days: int32(days),
		Micros: a[4].Int()*usHour + a[5].Int()*usMinute + int64(us)}
	return v.Datum(c.Arena), nil
}

// fromUnix is to_timestamp(float8).
func fromUnix(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	x := a[0].Float()
	switch {
	case math.IsNaN(x):
		return data.Null, pgerr.New(pgerr.DatetimeValueOutOfRange, "timestamp cannot be NaN")
	case math.IsInf(x, 1):
		return data.Int(types.TimestampInfinity), nil
	case math.IsInf(x, -1):
		return data.Int(types.TimestampNegInfinity), nil
	}
	us := roundHalfEven((x - unixSecsOf2000) * 1e6)
	if us < math.MinInt64 || us >= math.MaxInt64 || !types.TimestampInRange(int64(us)) {
		return data.Null, pgerr.Newf(pgerr.DatetimeValueOutOfRange, "timestamp out of range: \"%s\"",
			types.AppendFloat(nil, x, 64, 0))
	}
	return data.Int(int64(us)), nil
}

// dateBin is date_bin(stride, source, origin).
func dateBin(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	v, ts, origin := types.ReadInterval(a[0]), a[1].Int(), a[2].Int()
	if infinite(ts) {
		return a[1], nil
	}
	if infinite(origin) {
		return data.Null, pgerr.New(pgerr.DatetimeValueOutOfRange, "origin out of range")
	}
	if v.Months != 0 {
		return data.Null, pgerr.New(pgerr.FeatureNotSupportedCode,
			"timestamps cannot be binned into intervals containing months or years")
	}
	if d := int64(v.Days); d > math.MaxInt64/usDay || d < math.MinInt64/usDay {
		return data.Null, types.ErrIntervalRange()
	}
	stride, over := addOver(int64(v.Days)*usDay, v.Micros)
	if over {
		return data.Null, types.ErrIntervalRange()
	}
	if stride <= 0 {
		return data.Null, pgerr.New(pgerr.DatetimeValueOutOfRange, "stride must be greater than zero")
	}
	diff := ts - origin
	if (ts >= 0) != (origin >= 0) && (diff >= 0) != (ts >= 0) {
		return data.Null, types.ErrIntervalRange()
	}
	_, rest := floorDiv(diff, stride)
	return timestamp(inRange(ts-rest, false))
}

// series is generate_series over timestamps.
type series struct {
	at, stop int64
	step     span
	down     bool
	done     bool
	add      func(c *expr.Ctx, ts int64, v span) (int64, error)
}

func newSeries(a []data.Datum, add func(c *expr.Ctx, ts int64, v span) (int64, error)) (expr.SetIter, error) {
	s := &series{at: a[0].Int(), stop: a[1].Int(), step: types.ReadInterval(a[2]), add: add}
	sign := types.CompareIntervals(s.step, span{})
	if sign == 0 {
		return nil, pgerr.New(pgerr.InvalidParameterValue, "step size cannot equal zero")
	}
	s.down = sign < 0
	return s, nil
}

func (s *series) Next(c *expr.Ctx, out []data.Datum) (bool, error) {
	if s.done || !s.down && s.at > s.stop || s.down && s.at < s.stop {
		return false, nil
	}
	out[0] = data.Int(s.at)
	next, err := s.add(c, s.at, s.step)
	if err != nil {
		return false, err
	}
	s.done = infinite(s.at)
	s.at = next
	return true, nil
}

func (s *series) Close() {}
