package datefn

import (
	"math"
	"time"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// A field is read as a numeric: extract returns it so, date_part as float8.
type reader func(c *expr.Ctx, u unit, name string, d data.Datum) (n types.Num, ok bool, err error)

func init() {
	extract := func(read reader) expr.Func {
		return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
			n, ok, err := read(c, findUnit(a[0].Str()), a[0].Str(), a[1])
			if err != nil || !ok {
				return data.Null, err
			}
			return n.Datum(c.Arena)
		}
	}
	part := func(read reader) expr.Func {
		return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
			n, ok, err := read(c, findUnit(a[0].Str()), a[0].Str(), a[1])
			if err != nil || !ok {
				return data.Null, err
			}
			f, _ := n.Float64()
			return data.Float(f), nil
		}
	}
	register(extract(fromDate), 6199)
	register(extract(fromTime), 6200)
	register(extract(fromTimeTZ), 6201)
	register(extract(fromTimestamp), 6202)
	stable(extract(fromTimestampTZ), 6203)
	register(extract(fromInterval), 6204)
	register(part(fromTime), 1385)
	register(part(fromTimeTZ), 1273)
	register(part(fromTimestamp), 2021)
	stable(part(fromTimestampTZ), 1171)
	register(part(fromInterval), 1172)
	// date_part of a date is that of its midnight.
	register(part(func(c *expr.Ctx, u unit, name string, d data.Datum) (types.Num, bool, error) {
		ts, err := dateToTimestamp(d.Int())
		if err != nil {
			return types.Num{}, false, err
		}
		return fromTimestamp(c, u, name, data.Int(ts))
	}), 1384)
}

func whole(n int64) (types.Num, bool, error) { return types.NumInt(n), true, nil }

// micros is a number of microseconds shown in seconds (scale 6) or other units.
func micros(us int64, scale int) (types.Num, bool, error) {
	return types.NumScaled(us, scale), true, nil
}

// clockField reads the fields that all types with a time have.
func clockField(u unit, t int64) (types.Num, bool) {
	sec := t % usMinute
	switch u {
	case uMicrosecond:
		return types.NumInt(sec), true
	case uMillisecond:
		return types.NumScaled(sec, 3), true
	case uSecond:
		return types.NumScaled(sec, 6), true
	case uMinute:
		return types.NumInt(t / usMinute % 60), true
	case uHour:
		return types.NumInt(t / usHour), true
	}
	return types.Num{}, false
}

// yearField reads the fields that count years; year 0 is 1 BC.
func yearField(u unit, y int64) (int64, bool) {
	count := func(n int64) int64 {
		if y > 0 {
			return (y + n - 1) / n
		}
		return -((n - 1 - (y - 1)) / n)
	}
	switch u {
	case uYear:
		if y <= 0 {
			return y - 1, true
		}
		return y, true
	case uDecade:
		if y >= 0 {
			return y / 10, true
		}
		return -((8 - (y - 1)) / 10), true
	case uCentury:
		return count(100), true
	case uMillennium:
		return count(1000), true
	}
	return 0, false
}

// isoWeek is the ISO 8601 year and week of a day.
func isoWeek(days int64) (year, week int) {
	_, wd := floorDiv(days+5, 7) // Monday is 0
	thursday := days - wd + 3
	y, _, _ := types.DaysToDate(thursday)
	return y, int((thursday-types.DateToDays(y, 1, 1))/7) + 1
}

// dateField reads the fields of a day.
func dateField(u unit, days int64) (int64, bool) {
	y, m, d := types.DaysToDate(days)
	if n, ok := yearField(u, int64(y)); ok {
		return n, true
	}
	switch u {
	case uDay:
		return int64(d), true
	case uMonth:
		return int64(m), true
	case uQuarter:
		return int64(m-1)/3 + 1, true
	case uWeek:
		_, w := isoWeek(days)
		return int64(w), true
	case uIsoyear:
		iy, _ := isoWeek(days)
		if iy <= 0 {
			iy--
		}
		return int64(iy), true
	case uDow, uIsodow:
		_, wd := floorDiv(days+6, 7) // Sunday is 0
		if u == uIsodow && wd == 0 {
			wd = 7
		}
		return wd, true
	case uDoy:
		return days - types.DateToDays(y, 1, 1) + 1, true
	}
	return 0, false
}

// infiniteField: fields that grow without end are infinite, those that repeat null.
func infiniteField(u unit, negative bool) (n types.Num, ok, known bool) {
	switch u {
	case uYear, uDecade, uCentury, uMillennium, uIsoyear, uEpoch, uJulian:
		return types.NumInfValue(negative), true, true
	case uUnknown:
		return n, false, false
	}
	return n, false, true
}

const (
	julianOf2000   = 2451545
	unixSecsOf2000 = 946684800
)

func fromDate(_ *expr.Ctx, u unit, name string, d data.Datum) (types.Num, bool, error) {
	days := d.Int()
	belowDay := u >= uMicrosecond && u <= uHour
	zoned := u >= uTimezone && u <= uTimezoneMinute
	if infiniteDate(days) && !belowDay && !zoned {
		if n, ok, known := infiniteField(u, days < 0); known {
			return n, ok, nil
		}
	}
	if n, ok := dateField(u, days); ok {
		return whole(n)
	}
	switch u {
	case uEpoch:
		return whole(days*86400 + unixSecsOf2000)
	case uJulian:
		return whole(days + julianOf2000)
	}
	return types.Num{}, false, errUnit(name, "date", u != uUnknown)
}

func fromTime(_ *expr.Ctx, u unit, name string, d data.Datum) (types.Num, bool, error) {
	if n, ok := clockField(u, d.Int()); ok {
		return n, true, nil
	}
	if u == uEpoch {
		return micros(d.Int(), 6)
	}
	return types.Num{}, false, errUnit(name, "time without time zone", u != uUnknown)
}

func zoneField(u unit, off int64) (int64, bool) {
	switch u {
	case uTimezone:
		return off, true
	case uTimezoneHour:
		return off / 3600, true
	case uTimezoneMinute:
		return off / 60 % 60, true
	}
	return 0, false
}

func fromTimeTZ(_ *expr.Ctx, u unit, name string, d data.Datum) (types.Num, bool, error) {
	t, z := types.ReadTimeTZ(d)
	if n, ok := clockField(u, t); ok {
		return n, true, nil
	}
	if n, ok := zoneField(u, int64(-z)); ok {
		return whole(n)
	}
	if u == uEpoch {
		return micros(t+int64(z)*usSecond, 6)
	}
	return types.Num{}, false, errUnit(name, "time with time zone", u != uUnknown)
}

func fromTimestamp(_ *expr.Ctx, u unit, name string, d data.Datum) (types.Num, bool, error) {
	return fromMoment(u, name, "timestamp without time zone", d.Int(), 0, false)
}

func fromTimestampTZ(c *expr.Ctx, u unit, name string, d data.Datum) (types.Num, bool, error) {
	off := 0
	if ts := d.Int(); !infinite(ts) {
		off, _ = types.ZoneAt(ts, zone(c))
	}
	return fromMoment(u, name, "timestamp with time zone", d.Int(), int64(off), true)
}

func fromMoment(u unit, name, typeName string, ts, off int64, tz bool) (types.Num, bool, error) {
	if infinite(ts) {
		if n, ok, known := infiniteField(u, ts < 0); known {
			return n, ok, nil
		}
	}
	local := ts + off*usSecond
	days, t := floorDiv(local, usDay)
	if n, ok := clockField(u, t); ok {
		return n, true, nil
	}
	if n, ok := dateField(u, days); ok {
		return whole(n)
	}
	switch u {
	case uEpoch:
		n := types.NumScaled(ts, 6).Add(types.NumScaled(unixSecsOf2000*usSecond, 6))
		return n, true, nil
	case uJulian:
		frac, err := types.NumInt(t).Div(types.NumInt(usDay))
		return types.NumInt(days + julianOf2000).Add(frac), true, err
	}
	if n, ok := zoneField(u, off); ok && tz {
		return whole(n)
	}
	return types.Num{}, false, errUnit(name, typeName, u != uUnknown)
}

func fromInterval(_ *expr.Ctx, u unit, name string, d data.Datum) (types.Num, bool, error) {
	v := types.ReadInterval(d)
	years, months := int64(v.Months/12), int64(v.Months%12)
	if n, ok := clockField(u, v.Micros); ok {
		return n, true, nil
	}
	switch u {
	case uDay:
		return whole(int64(v.Days))
	case uMonth:
		return whole(months)
	case uQuarter:
		return whole(months/3 + 1)
	case uYear:
		return whole(years)
	case uDecade:
		return whole(years / 10)
	case uCentury:
		return whole(years / 100)
	case uMillennium:
		return whole(years / 1000)
	case uEpoch:
		// A year counts 365.25 days, a month 30.
		sec := years*31557600 + (months*30+int64(v.Days))*86400
		n := types.NumInt(sec).Add(types.NumScaled(v.Micros, 6))
		return n, true, nil
	}
	return types.Num{}, false, errUnit(name, "interval", u != uUnknown)
}

// truncYear cuts a year to a multiple; year 0 is 1 BC.
func truncYear(u unit, y int64) int64 {
	cut := func(n int64) int64 {
		if y > 0 {
			return (y+n-1)/n*n - (n - 1)
		}
		return -((n-1-(y-1))/n)*n + 1
	}
	switch u {
	case uDecade:
		if y > 0 {
			return y / 10 * 10
		}
		return -((8 - (y - 1)) / 10) * 10
	case uCentury:
		return cut(100)
	case uMillennium:
		return cut(1000)
	}
	return y
}

// truncLocal is date_trunc of a local timestamp; ok is false for units it does not have.
func truncLocal(u unit, ts int64) (r int64, ok bool) {
	unitLen := map[unit]int64{uMicrosecond: 1, uMillisecond: 1000, uSecond: usSecond,
		uMinute: usMinute, uHour: usHour, uDay: usDay}[u]
	if unitLen > 0 {
		_, rest := floorDiv(ts, unitLen)
		return ts - rest, true
	}
	days, _ := floorDiv(ts, usDay)
	y, m, _ := types.DaysToDate(days)
	switch u {
	case uWeek:
		_, wd := floorDiv(days+5, 7)
		return (days - wd) * usDay, true
	case uMonth:
	case uQuarter:
		m = (m-1)/3*3 + 1
	case uYear, uDecade, uCentury, uMillennium:
		y, m = int(truncYear(u, int64(y))), 1
	default:
		return 0, false
	}
	return types.DateToDays(y, m, 1) * usDay, true
}

func init() {
	register(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return truncMoment(a[0].Str(), "timestamp without time zone", a[1].Int(), nil)
	}, 2020)
	stable(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return truncMoment(a[0].Str(), "timestamp with time zone", a[1].Int(), zone(c))
	}, 1217)
	stable(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		loc, err := findZone(a[2].Str())
		if err != nil {
			return data.Null, err
		}
		return truncMoment(a[0].Str(), "timestamp with time zone", a[1].Int(), loc)
	}, 1284)
	register(truncInterval, 1218)
}

// truncMoment truncates in loc, or as it is written with nil.
func truncMoment(name, typeName string, ts int64, loc *time.Location) (data.Datum, error) {
	u := findUnit(name)
	if u >= uDow {
		u = uUnknown
	}
	switch {
	case infinite(ts):
		return data.Int(ts), nil
	case u == uUnknown:
		return data.Null, errUnit(name, typeName, false)
	}
	off := 0
	if loc != nil {
		off, _ = types.ZoneAt(ts, loc)
	}
	r, ok := truncLocal(u, ts+int64(off)*usSecond)
	if !ok {
		return data.Null, errUnit(name, typeName, true)
	}
	switch {
	case loc == nil:
	case u >= uDay:
		r = types.LocalToUTC(r, loc)
	default:
		r -= int64(off) * usSecond
	}
	return timestamp(inRange(r, false))
}

func truncInterval(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	u, v := findUnit(a[0].Str()), types.ReadInterval(a[1])
	months := func(n int32) span { return span{Months: v.Months / n * n} }
	switch u {
	case uMillennium:
		v = months(12000)
	case uCentury:
		v = months(1200)
	case uDecade:
		v = months(120)
	case uYear:
		v = months(12)
	case uQuarter:
		v = months(3)
	case uMonth:
		v = months(1)
	case uDay:
		v.Micros = 0
	case uHour:
		v.Micros = v.Micros / usHour * usHour
	case uMinute:
		v.Micros = v.Micros / usMinute * usMinute
	case uSecond:
		v.Micros = v.Micros / usSecond * usSecond
	case uMillisecond:
		v.Micros = v.Micros / 1000 * 1000
	case uMicrosecond:
	case uWeek:
		return data.Null, errUnit(a[0].Str(), "interval", true).
			WithDetail("Months usually have fractional weeks.")
	default:
		return data.Null, errUnit(a[0].Str(), "interval", u != uUnknown && u < uDow)
	}
	return v.Datum(c.Arena), nil
}

// roundHalfEven is what C's rint does.
func roundHalfEven(x float64) float64 { return math.RoundToEven(x) }
