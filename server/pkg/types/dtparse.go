package types

import (
	"strings"
	"time"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// dtProblem is what can be wrong with the text of a date or time.
type dtProblem uint8

const (
	dtOK dtProblem = iota
	dtBadFormat
	dtOverflow
	dtMonthDayOverflow
	dtZoneOverflow
	dtBadZone
)

func (p dtProblem) err(typeName, s, zone string) error {
	switch p {
	case dtOverflow:
		return pgerr.Newf(pgerr.DatetimeFieldOverflow, "date/time field value out of range: \"%s\"", s)
	case dtMonthDayOverflow:
		return pgerr.Newf(pgerr.DatetimeFieldOverflow, "date/time field value out of range: \"%s\"", s).
			WithHint("Perhaps you need a different \"datestyle\" setting.")
	case dtZoneOverflow:
		return pgerr.Newf(pgerr.InvalidTimeZoneDisplacementValue,
			"time zone displacement out of range: \"%s\"", s)
	case dtBadZone:
		return pgerr.Newf(pgerr.InvalidParameterValue, "time zone \"%s\" not recognized", zone)
	}
	return pgerr.Newf(pgerr.InvalidDatetimeFormat, "invalid input syntax for type %s: \"%s\"", typeName, s)
}

// dtSpecial are words that stand for a whole value.
type dtSpecial uint8

const (
	dtNone dtSpecial = iota
	dtNow
	dtToday
	dtTomorrow
	dtYesterday
	dtEpoch
	dtInfinity
	dtNegInfinity
)

// dtText is a date or time as it was written.
type dtText struct {
	parts             DateParts
	hasDate, hasTime  bool
	yearDigits        int
	hasYear, hasMonth bool
	hasDay, textMonth bool
	dayOfYear         int
	bc                bool
	ampm              byte // 'a', 'p' or 0
	hasZone           bool
	zone              *time.Location // named zone, else parts.Offset counts
	special           dtSpecial
	order             DateOrder
	badZone           string // the name behind dtBadZone
	julian            bool
	julianDay         int64
}

var monthNames = [13]string{"", "January", "February", "March", "April", "May", "June",
	"July", "August", "September", "October", "November", "December"}

var dayNames = [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}

// monthNumber finds a month by its name or first three letters, in lower case.
func monthNumber(w string) int {
	if w == "sept" {
		return 9
	}
	for i := 1; i <= 12; i++ {
		full := strings.ToLower(monthNames[i])
		if w == full || w == full[:3] {
			return i
		}
	}
	return 0
}

func dayNumber(w string) (int, bool) {
	for i, d := range dayNames {
		full := strings.ToLower(d)
		if w == full || w == full[:3] {
			return i, true
		}
	}
	switch w {
	case "tues":
		return 2, true
	case "weds":
		return 3, true
	case "thur", "thurs":
		return 4, true
	}
	return 0, false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// parseDateTime reads the text of any date or time type.
func parseDateTime(s string, order DateOrder) (*dtText, dtProblem) {
	d := &dtText{order: order}
	if len(s) > 150 {
		return d, dtBadFormat
	}
	for i := 0; i < len(s); {
		c := s[i]
		var n int
		var p dtProblem
		switch {
		case isSpace(c):
			i++
			continue
		case isDigit(c) || c == '.' && i+1 < len(s) && isDigit(s[i+1]):
			n, p = d.digits(s[i:])
		case isAlpha(c):
			n, p = d.word(s[i:])
		case c == '+' || c == '-':
			n, p = d.signed(s[i:])
		case strings.IndexByte(",()[]/.'\"", c) >= 0:
			i++
			continue
		default:
			return d, dtBadFormat
		}
		if p != dtOK {
			return d, p
		}
		i += n
	}
	return d, d.finish()
}

// digits reads a field that starts with a digit: a time, a date, or a plain number.
func (d *dtText) digits(s string) (int, dtProblem) {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	if d.julian && d.julianDay < 0 {
		return d.julianText(s, n)
	}
	if n < len(s) {
		switch c := s[n]; {
		case c == ':':
			return d.clock(s)
		case c == '-' || c == '/':
			if !d.hasDate {
				return d.date(s)
			}
			if c == '-' && d.hasDate && !d.hasTime {
				// "102030-05": a run-together time and its zone.
				return n, d.number(s[:n])
			}
		case c == '.':
			m := n + 1
			for m < len(s) && isDigit(s[m]) {
				m++
			}
			if m < len(s) && s[m] == '.' && !d.hasDate {
				return d.date(s)
			}
			if m < len(s) && isAlpha(s[m]) && !d.hasDate && m == n+1 {
				return d.date(s)
			}
			return m, d.decimal(s[:m])
		}
	}
	return n, d.number(s[:n])
}

// clock reads h:m[:s[.frac]].
func (d *dtText) clock(s string) (int, dtProblem) {
	if d.hasTime {
		return 0, dtBadFormat
	}
	d.hasTime = true
	var v [3]int
	i, k := 0, 0
	for ; k < 3; k++ {
		start := i
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		x, ok := smallNumber(s[start:i])
		if !ok {
			return 0, dtBadFormat
		}
		v[k] = x
		if i >= len(s) || s[i] != ':' || k == 2 {
			break
		}
		i++
	}
	if i < len(s) && s[i] == '.' {
		start := i
		for i++; i < len(s) && isDigit(s[i]); i++ {
		}
		d.parts.Micros = fraction(s[start:i])
		if k == 1 { // m:s.frac
			v[0], v[1], v[2] = 0, v[0], v[1]
		}
	}
	d.parts.Hour, d.parts.Minute, d.parts.Second = v[0], v[1], v[2]
	if v[1] > 59 || v[2] > 60 {
		return 0, dtOverflow
	}
	return i, dtOK
}

// fraction reads ".123" as microseconds, rounded.
func fraction(s string) int {
	v, scale := 0, 1_000_000
	for i := 1; i < len(s) && i <= 6; i++ {
		scale /= 10
		v += int(s[i]-'0') * scale
	}
	if len(s) > 7 && s[7] >= '5' {
		// Half to even, as the fraction is rounded as a binary number.
		if s[7] > '5' || strings.Trim(s[8:], "0") != "" || v%2 == 1 {
			v++
		}
	}
	return v
}

// date reads three parts with a separator; one may be a month's name.
func (d *dtText) date(s string) (int, dtProblem) {
	sep := byte(0)
	var part [3]string
	i := 0
	for k := range 3 {
		start := i
		for i < len(s) && (isDigit(s[i]) || isAlpha(s[i])) {
			// A 'T' behind the last part starts the time.
			if k == 2 && i > start && isAlpha(s[i]) && isDigit(s[start]) {
				break
			}
			i++
		}
		part[k] = s[start:i]
		if part[k] == "" {
			return 0, dtBadFormat
		}
		if k == 2 {
			break
		}
		if i >= len(s) || strings.IndexByte("-/.", s[i]) < 0 || sep != 0 && s[i] != sep {
			// Two parts: year and day of year, "2024.060" comes through decimal.
			return 0, dtBadFormat
		}
		sep = s[i]
		i++
	}
	d.hasDate = true
	return i, d.dateParts(part)
}

func (d *dtText) dateParts(part [3]string) dtProblem {
	month := -1
	for k, p := range part {
		if isAlpha(p[0]) {
			m := monthNumber(lowerASCII(p))
			if m == 0 || month >= 0 {
				return dtBadFormat
			}
			month = k
			d.parts.Month = m
			d.hasMonth = true
		}
	}
	if month == 2 {
		return dtBadFormat // PostgreSQL takes a month's name first or second only
	}
	if month >= 0 {
		var rest []string
		for k, p := range part {
			if k != month {
				rest = append(rest, p)
			}
		}
		yearFirst := len(rest[0]) >= 3 || d.order == OrderYMD && len(rest[1]) <= 2
		if yearFirst {
			return d.yearAnd(rest[0], "", rest[1])
		}
		return d.yearAnd(rest[1], "", rest[0])
	}
	switch {
	case len(part[0]) >= 3 || d.order == OrderYMD:
		return d.yearAnd(part[0], part[1], part[2])
	case d.order == OrderDMY:
		return d.yearAnd(part[2], part[1], part[0])
	}
	return d.yearAnd(part[2], part[0], part[1])
}

// yearAnd sets year, month (unless "") and day from their digits.
func (d *dtText) yearAnd(y, m, day string) dtProblem {
	var ok bool
	if d.parts.Year, ok = smallNumber(y); !ok {
		return dtBadFormat
	}
	d.hasYear, d.yearDigits = true, len(y)
	if m != "" {
		if d.parts.Month, ok = smallNumber(m); !ok {
			return dtBadFormat
		}
		d.hasMonth = true
	}
	if d.parts.Day, ok = smallNumber(day); !ok {
		return dtBadFormat
	}
	d.hasDay = true
	return dtOK
}

// decimal is a number with a point: seconds after a date in one run, or year.day.
func (d *dtText) decimal(s string) dtProblem {
	whole, frac, _ := strings.Cut(s, ".")
	switch {
	case len(whole) == 6 && d.hasDateFields() && !d.hasTime:
		if p := d.runTime(whole); p != dtOK {
			return p
		}
		d.parts.Micros = fraction("." + frac)
		return dtOK
	case len(frac) == 3 && !d.hasDate && !d.hasDay:
		y, ok1 := smallNumber(whole)
		doy, ok2 := smallNumber(frac)
		if !ok1 || !ok2 {
			return dtBadFormat
		}
		d.parts.Year, d.yearDigits, d.hasYear = y, len(whole), true
		d.dayOfYear = doy
		d.hasDate = true
		return dtOK
	}
	return dtBadFormat
}

func (d *dtText) hasDateFields() bool {
	return d.hasDate || d.julian || d.hasYear && d.hasMonth && d.hasDay
}

// number is a run of digits; its length and what is known already say what it means.
func (d *dtText) number(s string) dtProblem {
	v, ok := smallNumber(s)
	if !ok {
		return dtBadFormat
	}
	switch {
	case d.hasDateFields():
		if d.hasTime {
			return dtBadFormat
		}
		return d.runTime(s)
	case !d.hasYear && !d.hasMonth && !d.hasDay && len(s) >= 8:
		d.hasDate = true
		return d.yearAnd(s[:len(s)-4], s[len(s)-4:len(s)-2], s[len(s)-2:])
	case !d.hasYear && !d.hasMonth && !d.hasDay && len(s) == 6:
		d.hasDate = true
		return d.yearAnd(s[:2], s[2:4], s[4:])
	case !d.hasYear && !d.hasMonth && !d.hasDay && len(s) == 7:
		d.parts.Year, _ = smallNumber(s[:4])
		d.dayOfYear, _ = smallNumber(s[4:])
		d.hasYear, d.yearDigits, d.hasDate = true, 4, true
		return dtOK
	case len(s) >= 3 && d.hasYear && d.yearDigits <= 2 && d.textMonth && !d.hasDay:
		// What looked like the year was the day, "Feb 29 2024" in YMD order.
		d.parts.Day, d.hasDay = d.parts.Year, true
		d.parts.Year, d.yearDigits = v, len(s)
		return dtOK
	case len(s) >= 3 && !d.hasYear:
		d.parts.Year, d.hasYear, d.yearDigits = v, true, len(s)
		return dtOK
	}
	return d.looseNumber(v, len(s))
}

// looseNumber places a one- or two-digit number among the date fields.
func (d *dtText) looseNumber(v, digits int) dtProblem {
	switch {
	case d.hasMonth:
		if !d.hasDay && !(d.order == OrderYMD && !d.hasYear) {
			d.parts.Day, d.hasDay = v, true
		} else if !d.hasYear {
			d.parts.Year, d.hasYear, d.yearDigits = v, true, digits
		} else if !d.hasDay {
			d.parts.Day, d.hasDay = v, true
		} else {
			return dtBadFormat
		}
	case d.hasYear || d.order == OrderMDY && !d.hasDay:
		d.parts.Month, d.hasMonth = v, true
	case d.order == OrderYMD && !d.hasDay:
		d.parts.Year, d.hasYear, d.yearDigits = v, true, digits
	case !d.hasDay:
		d.parts.Day, d.hasDay = v, true
	default:
		d.parts.Month, d.hasMonth = v, true
	}
	return dtOK
}

// runTime reads hhmmss, hhmm or hh.
func (d *dtText) runTime(s string) dtProblem {
	var v [3]int
	switch len(s) {
	case 6:
		v[2], _ = smallNumber(s[4:])
		fallthrough
	case 4:
		v[1], _ = smallNumber(s[2:4])
		v[0], _ = smallNumber(s[:2])
	default:
		return dtBadFormat
	}
	d.hasTime = true
	d.parts.Hour, d.parts.Minute, d.parts.Second = v[0], v[1], v[2]
	if v[1] > 59 || v[2] > 60 {
		return dtOverflow
	}
	return dtOK
}

// julianText reads the day number whose first n bytes are digits; a fraction is a
// time of day.
func (d *dtText) julianText(s string, n int) (int, dtProblem) {
	v, ok := smallNumber(s[:n])
	if !ok {
		return 0, dtBadFormat
	}
	d.julianDay = int64(v)
	d.hasDate = true
	if n >= len(s) || s[n] != '.' {
		return n, dtOK
	}
	start := n
	for n++; n < len(s) && isDigit(s[n]); n++ {
	}
	f, err := ParseFloat8("0" + s[start:n])
	if err != nil || d.hasTime {
		return 0, dtBadFormat
	}
	d.hasTime = true
	d.parts.setTime(int64(f * microsPerDay))
	return n, dtOK
}
