package types

import (
	"math"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// Bits of the range in an interval's typmod (its high half) and the value that
// means no restriction; the low half is the precision, 65535 for none.
const (
	rangeMonth  = 1 << 1
	rangeYear   = 1 << 2
	rangeDay    = 1 << 3
	rangeHour   = 1 << 10
	rangeMinute = 1 << 11
	rangeSecond = 1 << 12
	rangeFull   = 0x7FFF
	precFull    = 0xFFFF
)

type intervalUnit uint8

const (
	unitNone intervalUnit = iota
	unitMicro
	unitMilli
	unitSecond
	unitMinute
	unitHour
	unitDay
	unitWeek
	unitMonth
	unitYear
	unitDecade
	unitCentury
	unitMillennium
)

// IntervalUnits are the words for units, in lower case.
var intervalUnits = map[string]intervalUnit{
	"us": unitMicro, "usec": unitMicro, "usecs": unitMicro,
	"microsecon": unitMicro, "useconds": unitMicro, "usecond": unitMicro,
	"ms": unitMilli, "msec": unitMilli, "msecs": unitMilli,
	"millisecon": unitMilli, "mseconds": unitMilli, "msecond": unitMilli,
	"s": unitSecond, "sec": unitSecond, "secs": unitSecond, "second": unitSecond, "seconds": unitSecond,
	"m": unitMinute, "min": unitMinute, "mins": unitMinute, "minute": unitMinute, "minutes": unitMinute,
	"h": unitHour, "hr": unitHour, "hrs": unitHour, "hour": unitHour, "hours": unitHour,
	"d": unitDay, "day": unitDay, "days": unitDay,
	"w": unitWeek, "week": unitWeek, "weeks": unitWeek,
	"mon": unitMonth, "mons": unitMonth, "month": unitMonth, "months": unitMonth,
	"y": unitYear, "yr": unitYear, "yrs": unitYear, "year": unitYear, "years": unitYear,
	"dec": unitDecade, "decs": unitDecade, "decade": unitDecade, "decades": unitDecade,
	"c": unitCentury, "cent": unitCentury, "century": unitCentury, "centuries": unitCentury,
	"mil": unitMillennium, "mils": unitMillennium, "millennium": unitMillennium, "millennia": unitMillennium,
}

// maxUnitWord is how much of a unit's name counts.
const maxUnitWord = 10

type intervalText struct {
	years, months, days, micros int64
	seen                        uint32 // units set so far
	over                        bool
}

// add counts whole units and a fraction of one.
func (v *intervalText) add(u intervalUnit, whole int64, frac float64) {
	switch u {
	case unitMicro:
		v.addMicros(whole, 1, math.RoundToEven(frac))
	case unitMilli:
		v.addMicros(whole, 1000, math.RoundToEven(frac*1000))
	case unitSecond:
		v.addMicros(whole, microsPerSecond, math.RoundToEven(frac*microsPerSecond))
	case unitMinute:
		v.addMicros(whole, microsPerMinute, math.RoundToEven(frac*microsPerMinute))
	case unitHour:
		v.addMicros(whole, microsPerHour, math.RoundToEven(frac*microsPerHour))
	case unitDay:
		v.addDays(whole, frac)
	case unitWeek:
		v.addTo(&v.days, whole, 7, math.MaxInt32)
		v.addDays(0, frac*7)
	case unitMonth:
		v.addTo(&v.months, whole, 1, math.MaxInt32)
		v.addDays(0, frac*daysPerMonth)
	case unitYear:
		v.addYears(whole, 1, frac)
	case unitDecade:
		v.addYears(whole, 10, frac)
	case unitCentury:
		v.addYears(whole, 100, frac)
	case unitMillennium:
		v.addYears(whole, 1000, frac)
	}
}

func (v *intervalText) addTo(p *int64, whole, unit, limit int64) {
	if whole > limit || whole < -limit-1 {
		v.over = true
		return
	}
	*p += whole * unit
	if *p > limit || *p < -limit-1 {
		v.over = true
	}
}

func (v *intervalText) addDays(whole int64, frac float64) {
	v.addTo(&v.days, whole, 1, math.MaxInt32)
	extra := math.Trunc(frac)
	v.addTo(&v.days, int64(extra), 1, math.MaxInt32)
	v.addMicros(0, 1, math.RoundToEven((frac-extra)*microsPerDay))
}

func (v *intervalText) addYears(whole, unit int64, frac float64) {
	v.addTo(&v.years, whole, unit, math.MaxInt32)
	v.addTo(&v.months, int64(math.RoundToEven(frac*float64(unit)*12)), 1, math.MaxInt32)
}

func (v *intervalText) addMicros(whole, unit int64, more float64) {
	const limit = math.MaxInt64
	if whole > limit/unit || whole < -(limit/unit) {
		v.over = true
		return
	}
	sum := v.micros + whole*unit
	if (sum > v.micros) != (whole > 0) && whole != 0 {
		v.over = true
	}
	sum2 := sum + int64(more)
	if (sum2 > sum) != (more > 0) && more != 0 {
		v.over = true
	}
	v.micros = sum2
}

type intervalToken struct {
	text string
	kind byte // 'w' word, 't' time, 'n' number or year-month
}

// intervalTokens splits at blanks and between digits and letters; ok is false for
// characters an interval cannot have.
func intervalTokens(s string) (out []intervalToken, ok bool) {
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case isSpace(c) || c == '@' || c == ',' || c == '(' || c == ')':
			i++
		case isAlpha(c):
			j := i
			for j < len(s) && isAlpha(s[j]) {
				j++
			}
			out = append(out, intervalToken{lowerASCII(s[i:j]), 'w'})
			i = j
		case isDigit(c) || c == '.' || c == '+' || c == '-':
			j, kind := i, byte('n')
			sign := ""
			if c == '+' || c == '-' {
				sign = s[i : i+1]
				for j++; j < len(s) && isSpace(s[j]); j++ {
				}
				i = j
			}
			for j < len(s) && (isDigit(s[j]) || s[j] == '.' || s[j] == ':' || s[j] == '-' && j > i) {
				if s[j] == ':' {
					kind = 't'
				}
				j++
			}
			if j == i {
				return nil, false
			}
			out = append(out, intervalToken{sign + s[i:j], kind})
			i = j
		default:
			return nil, false
		}
	}
	return out, true
}

// ParseInterval reads an interval's text form. typmod gives the unit of a number
// without one; the result is not yet cut to it.
func ParseInterval(s string, typmod int32, style IntervalStyle) (IntervalValue, error) {
	var v intervalText
	ok := v.parse(s, typmod, style)
	if !ok && !v.over {
		v = intervalText{}
		ok = v.parseISO(trimSpace(s))
	}
	if v.over {
		return IntervalValue{}, pgerr.Newf(pgerr.IntervalFieldOverflow,
			"interval field value out of range: \"%s\"", s)
	}
	if !ok {
		return IntervalValue{}, pgerr.Newf(pgerr.InvalidDatetimeFormat,
			"invalid input syntax for type interval: \"%s\"", s)
	}
	months := v.years*12 + v.months
	if months > math.MaxInt32 || months < math.MinInt32 {
		return IntervalValue{}, ErrIntervalRange()
	}
	return IntervalValue{Micros: v.micros, Days: int32(v.days), Months: int32(months)}, nil
}

// ErrIntervalRange is the error of interval arithmetic that leaves the range.
func ErrIntervalRange() error {
	return pgerr.New(pgerr.DatetimeValueOutOfRange, "interval out of range")
}

// parse reads from the right, so that a unit is known before its number.
func (v *intervalText) parse(s string, typmod int32, style IntervalStyle) bool {
	tokens, ok := intervalTokens(s)
	if !ok || len(tokens) == 0 {
		return false
	}
	rng := int32(rangeFull)
	if typmod >= 0 {
		rng = typmod >> 16 & rangeFull
	}
	unit, unitOpen, ago := unitNone, false, false
	forceNegative := style == IntervalSQLStandard && strings.HasPrefix(tokens[0].text, "-") &&
		!explicitSigns(tokens[1:])
	for i := len(tokens) - 1; i >= 0; i-- {
		t := tokens[i]
		switch t.kind {
		case 'w':
			if t.text == "ago" {
				ago = true
				continue
			}
			if unitOpen {
				return false // a unit without its number
			}
			var known bool
			word := t.text[:min(len(t.text), maxUnitWord)]
			if unit, known = intervalUnits[word]; !known {
				return false
			}
			unitOpen = true
		case 't':
			if unitOpen || !v.clock(t.text, rng, forceNegative) {
				return false
			}
			unit = unitDay
		default:
			if unit == unitNone {
				unit = defaultUnit(rng)
			}
			if !v.number(t.text, unit, forceNegative) {
				return false
			}
			unitOpen = false
			if unit == unitHour {
				unit = unitDay // "1 2 hours"
			}
		}
	}
	if unitOpen || v.seen == 0 {
		return false
	}
	if ago {
		v.years, v.months, v.days, v.micros = -v.years, -v.months, -v.days, -v.micros
	}
	return true
}

func explicitSigns(tokens []intervalToken) bool {
	for _, t := range tokens {
		if t.text[0] == '+' || t.text[0] == '-' {
			return true
		}
	}
	return false
}

func defaultUnit(rng int32) intervalUnit {
	switch {
	case rng == rangeFull:
		return unitSecond
	case rng&rangeSecond != 0:
		return unitSecond
	case rng&rangeMinute != 0:
		return unitMinute
	case rng&rangeHour != 0:
		return unitHour
	case rng&rangeDay != 0:
		return unitDay
	case rng&rangeMonth != 0:
		return unitMonth
	case rng&rangeYear != 0:
		return unitYear
	}
	return unitSecond
}

// mark notes that a unit was given; false if it was before.
func (v *intervalText) mark(units ...intervalUnit) bool {
	for _, u := range units {
		if v.seen&(1<<u) != 0 {
			return false
		}
		v.seen |= 1 << u
	}
	return true
}

// clock reads [+-]h:m[:s[.f]], or m:s for ranges that say so.
func (v *intervalText) clock(t string, rng int32, neg bool) bool {
	if t[0] == '-' || t[0] == '+' {
		neg = neg || t[0] == '-'
		t = t[1:]
	}
	main, frac, hasFrac := strings.Cut(t, ".")
	f := strings.Split(main, ":")
	if len(f) > 3 || !v.mark(unitHour, unitMinute, unitSecond, unitMilli, unitMicro) {
		return false
	}
	var n [3]int64
	for i, p := range f {
		x, err := ParseInt64(p)
		if err != nil || x < 0 || p == "" {
			v.over = v.over || p != "" && len(p) > 15
			return false
		}
		n[i] = x
	}
	if len(f) == 2 && (hasFrac || rng == rangeMinute|rangeSecond) {
		n[0], n[1], n[2] = 0, n[0], n[1]
	}
	if n[1] > 59 || n[2] > 60 {
		v.over = true
		return false
	}
	var part intervalText
	part.add(unitHour, n[0], 0)
	part.add(unitMinute, n[1], 0)
	part.add(unitSecond, n[2], 0)
	if hasFrac {
		if strings.Trim(frac, "0123456789") != "" {
			return false
		}
		part.micros += int64(fraction("." + frac))
	}
	v.over = v.over || part.over
	if neg {
		part.micros = -part.micros
	}
	v.micros += part.micros
	return true
}

// number reads a number of units, or years-months.
func (v *intervalText) number(t string, unit intervalUnit, neg bool) bool {
	body := t
	if t[0] == '-' || t[0] == '+' {
		neg = neg || t[0] == '-'
		body = t[1:]
	}
	sign := int64(1)
	if neg {
		sign = -1
	}
	if y, m, ok := strings.Cut(body, "-"); ok {
		years, ok1 := smallNumber(y)
		months, ok2 := smallNumber(m)
		if !ok1 || !ok2 || !v.mark(unitYear, unitMonth) {
			return false
		}
		if months >= 12 {
			v.over = true
			return false
		}
		v.years += sign * int64(years)
		v.months += sign * int64(months)
		return true
	}
	whole, frac, hasFrac := strings.Cut(body, ".")
	if strings.Trim(whole, "0123456789") != "" || strings.Trim(frac, "0123456789") != "" ||
		whole == "" && frac == "" || !v.mark(unit) || hasFrac && unit == unitSecond && !v.mark(unitMilli, unitMicro) {
		return false
	}
	n := int64(0)
	if whole != "" {
		x, err := ParseInt64(whole)
		if err != nil {
			v.over = true
			return false
		}
		n = x
	}
	f := 0.0
	if hasFrac && frac != "" {
		x, err := ParseFloat8("0." + frac)
		if err != nil {
			return false
		}
		f = x
	}
	v.add(unit, sign*n, float64(sign)*f)
	return !v.over
}

// parseISO reads the ISO 8601 form: P1Y2M3DT4H5M6S or P0001-02-03T04:05:06.
func (v *intervalText) parseISO(s string) bool {
	if len(s) < 2 || s[0] != 'P' {
		return false
	}
	date, clock, hasTime := strings.Cut(s[1:], "T")
	if p := strings.Split(date, "-"); len(p) == 3 && p[0] != "" && strings.Trim(date, "0123456789-") == "" {
		return v.isoAlternative(p, clock, hasTime)
	}
	units := map[byte]intervalUnit{'Y': unitYear, 'M': unitMonth, 'W': unitWeek, 'D': unitDay}
	if !v.isoFields(date, units) {
		return false
	}
	if !hasTime {
		return true
	}
	if strings.IndexByte(clock, ':') >= 0 {
		return v.clock(clock, rangeFull, false)
	}
	return v.isoFields(clock, map[byte]intervalUnit{'H': unitHour, 'M': unitMinute, 'S': unitSecond})
}

func (v *intervalText) isoAlternative(p []string, clock string, hasTime bool) bool {
	for i, u := range []intervalUnit{unitYear, unitMonth, unitDay} {
		n, ok := smallNumber(p[i])
		if !ok {
			return false
		}
		v.add(u, int64(n), 0)
	}
	return !hasTime || v.clock(clock, rangeFull, false)
}

func (v *intervalText) isoFields(s string, units map[byte]intervalUnit) bool {
	for s != "" {
		n := 0
		for n < len(s) && (isDigit(s[n]) || s[n] == '.' || s[n] == '-' || s[n] == '+') {
			n++
		}
		if n == 0 || n == len(s) {
			return false
		}
		u, ok := units[s[n]]
		if !ok || !v.number(s[:n], u, false) {
			return false
		}
		s = s[n+1:]
	}
	return true
}
