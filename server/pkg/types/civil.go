package types

import (
	"math"
	"time"
)

// Limits of the stored date and time types.
const (
	DateInfinity         = math.MaxInt32
	DateNegInfinity      = math.MinInt32
	TimestampInfinity    = math.MaxInt64
	TimestampNegInfinity = math.MinInt64

	epochJulian    = 2451545 // Julian day of 2000-01-01
	unixToPgDays   = 10957   // days from 1970-01-01 to 2000-01-01
	unixToPgSecs   = unixToPgDays * 86400
	minDateDays    = -2451545             // 4714-11-24 BC
	endDateDays    = 2147483494 - 2451545 // 5874898-01-01
	minTimestamp   = -211813488000000000  // 4714-11-24 BC
	endTimestamp   = 9223371331200000000  // 294277-01-01
	maxZoneDispSec = 15*3600 + 59*60 + 59 // largest displacement from UTC
	timeMax        = int64(microsPerDay)  // 24:00:00
)

// DateToDays is the number of days from 2000-01-01 to a date of the proleptic Gregorian
// calendar. Year 0 is 1 BC.
func DateToDays(y, m, d int) int64 {
	// Counting years from March puts the leap day last.
	yy, mm := int64(y), int64(m)
	if mm <= 2 {
		yy--
		mm += 12
	}
	era := yy / 400
	if yy < 0 && yy%400 != 0 {
		era--
	}
	yoe := yy - era*400
	doy := (153*(mm-3)+2)/5 + int64(d) - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return era*146097 + doe - 730425
}

// DaysToDate is the reverse of DateToDays.
func DaysToDate(days int64) (y, m, d int) {
	z := days + 730425
	era := z / 146097
	if z < 0 && z%146097 != 0 {
		era--
	}
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = int(doy - (153*mp+2)/5 + 1)
	m = int(mp + 3)
	y = int(yoe + era*400)
	if m > 12 {
		m -= 12
		y++
	}
	return y, m, d
}

// LeapYear tells whether the year has a February 29.
func LeapYear(y int) bool { return y%4 == 0 && (y%100 != 0 || y%400 == 0) }

var monthDays = [13]int{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// DaysInMonth is the length of a month.
func DaysInMonth(y, m int) int {
	if m == 2 && LeapYear(y) {
		return 29
	}
	return monthDays[m]
}

// DateParts is a moment taken apart.
type DateParts struct {
	Year                 int // 0 is 1 BC
	Month, Day           int
	Hour, Minute, Second int
	Micros               int // of the second
	Offset               int // seconds east of UTC
	Zone                 string
}

// floorDiv64 divides towards minus infinity.
func floorDiv64(a, b int64) (q, r int64) {
	q, r = a/b, a%b
	if r < 0 {
		q--
		r += b
	}
	return q, r
}

// SplitTimestamp takes a finite timestamp apart.
func SplitTimestamp(ts int64) DateParts {
	days, t := floorDiv64(ts, microsPerDay)
	var p DateParts
	p.Year, p.Month, p.Day = DaysToDate(days)
	p.setTime(t)
	return p
}

func (p *DateParts) setTime(t int64) {
	p.Hour = int(t / microsPerHour)
	t -= int64(p.Hour) * microsPerHour
	p.Minute = int(t / microsPerMinute)
	t -= int64(p.Minute) * microsPerMinute
	p.Second = int(t / microsPerSecond)
	p.Micros = int(t % microsPerSecond)
}

// SplitTimestampTZ takes a finite timestamptz apart as seen in loc.
func SplitTimestampTZ(ts int64, loc *time.Location) DateParts {
	off, name := ZoneAt(ts, loc)
	p := SplitTimestamp(ts + int64(off)*microsPerSecond)
	p.Offset, p.Zone = off, name
	return p
}

// TimeOfDay is the time part in microseconds.
func (p *DateParts) TimeOfDay() int64 {
	return int64(p.Hour)*microsPerHour + int64(p.Minute)*microsPerMinute +
		int64(p.Second)*microsPerSecond + int64(p.Micros)
}

// Timestamp puts date and time together; ok is false out of timestamp's range.
func (p *DateParts) Timestamp() (ts int64, ok bool) {
	ts, ok = p.localTimestamp()
	return ts, ok && TimestampInRange(ts)
}

// localTimestamp is Timestamp without the last check: a local time may lie outside
// the range while its UTC time does not.
func (p *DateParts) localTimestamp() (ts int64, ok bool) {
	days := DateToDays(p.Year, p.Month, p.Day)
	if days < minDateDays-1 || days > endTimestamp/microsPerDay {
		return 0, false
	}
	return days*microsPerDay + p.TimeOfDay(), true
}

// TimestampInRange tells whether a finite timestamp can be stored.
func TimestampInRange(ts int64) bool { return ts >= minTimestamp && ts < endTimestamp }

// DateInRange tells whether a finite date can be stored.
func DateInRange(days int64) bool { return days >= minDateDays && days < endDateDays }

// ZoneAt is the offset in seconds east of UTC and the abbreviation in force at ts.
func ZoneAt(ts int64, loc *time.Location) (offset int, name string) {
	if loc == nil || loc == time.UTC {
		return 0, "UTC"
	}
	name, offset = unixTime(ts).In(loc).Zone()
	return offset, name
}

func unixTime(ts int64) time.Time {
	sec, _ := floorDiv64(ts, microsPerSecond)
	return time.Unix(sec+unixToPgSecs, 0)
}

// LocalToUTC converts a local time in loc to UTC. A time that a change of offset
// skips counts with the offset before; one that occurs twice with the one after.
func LocalToUTC(local int64, loc *time.Location) int64 {
	return local - int64(LocalOffset(local, loc))*microsPerSecond
}

// LocalOffset is the offset in seconds east of UTC that applies to a local time.
func LocalOffset(local int64, loc *time.Location) int {
	if loc == nil || loc == time.UTC {
		return 0
	}
	sec, _ := floorDiv64(local, microsPerSecond)
	sec += unixToPgSecs
	prev := time.Unix(sec-86400, 0).In(loc)
	_, before := prev.Zone()
	_, end := prev.ZoneBounds()
	if end.IsZero() {
		return before
	}
	_, after := end.Zone()
	boundary := end.Unix()
	tBefore, tAfter := sec-int64(before), sec-int64(after)
	switch {
	case tBefore < boundary && tAfter < boundary:
		return before
	case tBefore > boundary && tAfter >= boundary:
		return after
	case tBefore > tAfter:
		return before
	}
	return after
}
