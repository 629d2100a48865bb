package types

import "strings"

// The fields of a date or time that are not numbers, and the check of the whole.

// signed reads a zone's displacement or an infinity.
func (d *dtText) signed(s string) (int, dtProblem) {
	if len(s) > 1 && isAlpha(s[1]) {
		n := 1
		for n < len(s) && isAlpha(s[n]) {
			n++
		}
		if w := lowerASCII(s[1:n]); w != "infinity" {
			return 0, dtBadFormat
		}
		d.special = dtInfinity
		if s[0] == '-' {
			d.special = dtNegInfinity
		}
		return n, dtOK
	}
	n := 1
	for n < len(s) && (isDigit(s[n]) || s[n] == ':') {
		n++
	}
	if n == 1 {
		return 0, dtBadFormat
	}
	off, p := zoneDisplacement(s[:n])
	if p != dtOK {
		return 0, p
	}
	if d.hasZone && d.zone == nil && d.parts.Offset != 0 || d.hasZone && d.zone != nil {
		return 0, dtBadFormat
	}
	d.hasZone = true
	d.parts.Offset = off
	return n, dtOK
}

// zoneDisplacement reads +hh, +hhmm, +hh:mm or +hh:mm:ss as seconds.
func zoneDisplacement(s string) (int, dtProblem) {
	sign, t := 1, s[1:]
	if s[0] == '-' {
		sign = -1
	}
	if strings.IndexByte(t, ':') < 0 && len(t) > 2 {
		if len(t) > 6 || len(t) == 5 {
			return 0, dtZoneOverflow
		}
		cut := len(t) - 2
		if len(t) == 6 {
			t = t[:2] + ":" + t[2:4] + ":" + t[4:]
		} else {
			t = t[:cut] + ":" + t[cut:]
		}
	}
	off, ok := parseHMS(t)
	if !ok || off > maxZoneDispSec {
		return 0, dtZoneOverflow
	}
	return sign * off, dtOK
}

// word reads a field that starts with a letter.
func (d *dtText) word(s string) (int, dtProblem) {
	n := 0
	for n < len(s) && isAlpha(s[n]) {
		n++
	}
	w := lowerASCII(s[:n])
	if n < len(s) && strings.IndexByte("-/.", s[n]) >= 0 && !d.hasDate && monthNumber(w) > 0 &&
		n+1 < len(s) && isDigit(s[n+1]) {
		return d.date(s)
	}
	if p, ok := d.knownWord(w); ok {
		return n, p
	}
	return d.zoneWord(s, w, n)
}

// knownWord handles words that are not zones.
func (d *dtText) knownWord(w string) (dtProblem, bool) {
	if m := monthNumber(w); m > 0 {
		if d.hasMonth {
			// A number taken for the month was the day.
			if d.hasDay || d.hasDate || d.parts.Month < 1 || d.parts.Month > 31 {
				return dtBadFormat, true
			}
			d.parts.Day, d.hasDay = d.parts.Month, true
		}
		d.parts.Month, d.hasMonth, d.textMonth = m, true, true
		return dtOK, true
	}
	if _, ok := dayNumber(w); ok {
		return dtOK, true
	}
	switch w {
	case "am", "pm":
		d.ampm = w[0]
	case "bc":
		d.bc = true
	case "ad", "at", "on":
	case "t":
		if !d.hasDateFields() {
			return dtBadFormat, true
		}
	case "j", "jd", "julian":
		d.julian, d.julianDay = true, -1
	case "now":
		d.special = dtNow
	case "today":
		d.special = dtToday
	case "tomorrow":
		d.special = dtTomorrow
	case "yesterday":
		d.special = dtYesterday
	case "epoch":
		d.special = dtEpoch
	case "infinity":
		d.special = dtInfinity
	case "allballs":
		d.hasTime, d.hasZone = true, true
		d.parts.Hour, d.parts.Minute, d.parts.Second, d.parts.Micros = 0, 0, 0, 0
	default:
		return dtOK, false
	}
	return dtOK, true
}

// zoneWord reads an abbreviation, a zone's full name or a POSIX specification.
func (d *dtText) zoneWord(s, w string, n int) (int, dtProblem) {
	full := n
	for full < len(s) && (isAlpha(s[full]) || isDigit(s[full]) || strings.IndexByte("/_+-:", s[full]) >= 0) {
		full++
	}
	off, known := ZoneAbbrev(w)
	if full == n || known && s[n] != '/' && s[n] != '_' {
		switch {
		case w == "dst" && d.hasZone:
			d.parts.Offset += 3600
			return n, dtOK
		case known:
			if d.hasZone && d.zone != nil {
				return 0, dtBadFormat
			}
			if n < len(s) && (s[n] == '+' || s[n] == '-') && n+1 < len(s) && isDigit(s[n+1]) {
				if z := posixZone(s[:full]); z != nil {
					d.hasZone, d.zone = true, z
					return full, dtOK
				}
			}
			d.hasZone = true
			d.parts.Offset = off
			return n, dtOK
		}
	}
	if z := LoadZone(s[:full]); z != nil && full > 1 {
		d.hasZone, d.zone = true, z
		return full, dtOK
	}
	if full > n && strings.IndexByte(s[:full], '/') > 0 {
		d.badZone = lowerASCII(s[:full])
		return 0, dtBadZone
	}
	return 0, dtBadFormat
}

// finish completes and checks what was read.
func (d *dtText) finish() dtProblem {
	if d.special != dtNone {
		if d.hasDate || d.hasYear || d.hasMonth || d.hasDay ||
			d.hasTime && (d.special == dtNow || d.special == dtEpoch || d.special >= dtInfinity) {
			return dtBadFormat
		}
		return d.finishTime()
	}
	if d.julian {
		if d.julianDay < 0 {
			return dtBadFormat
		}
		d.parts.Year, d.parts.Month, d.parts.Day = DaysToDate(d.julianDay - epochJulian)
		d.hasDate, d.hasYear = true, true
		return d.finishTime()
	}
	if !d.hasDate && d.hasYear && d.hasMonth && d.hasDay {
		d.hasDate = true
	}
	if !d.hasDate && (d.hasYear || d.hasMonth || d.hasDay) {
		return dtBadFormat
	}
	if d.hasDate {
		if p := d.finishDate(); p != dtOK {
			return p
		}
	}
	return d.finishTime()
}

func (d *dtText) finishDate() dtProblem {
	p := &d.parts
	switch {
	case d.bc:
		if p.Year <= 0 {
			return dtOverflow
		}
		p.Year = 1 - p.Year
	case d.yearDigits <= 2 && p.Year < 70:
		p.Year += 2000
	case d.yearDigits <= 2:
		p.Year += 1900
	case p.Year <= 0:
		return dtOverflow
	}
	if d.dayOfYear > 0 {
		if d.dayOfYear > 366 {
			return dtOverflow
		}
		p.Year, p.Month, p.Day = DaysToDate(DateToDays(p.Year, 1, 1) + int64(d.dayOfYear) - 1)
		return dtOK
	}
	switch {
	case p.Month < 1 || p.Month > 12, p.Day < 1 || p.Day > 31:
		return dtMonthDayOverflow
	case p.Day > DaysInMonth(p.Year, p.Month):
		return dtOverflow
	}
	return dtOK
}

func (d *dtText) finishTime() dtProblem {
	p := &d.parts
	if d.ampm != 0 {
		if p.Hour > 12 {
			return dtOverflow
		}
		if d.ampm == 'p' && p.Hour != 12 {
			p.Hour += 12
		} else if d.ampm == 'a' && p.Hour == 12 {
			p.Hour = 0
		}
	}
	if p.Hour > 24 || p.Hour == 24 && (p.Minute > 0 || p.Second > 0 || p.Micros > 0) {
		return dtOverflow
	}
	return dtOK
}
