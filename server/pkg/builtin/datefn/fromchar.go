package datefn

import (
	"strconv"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	stable(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		r, err := readByTemplate(a[0].Str(), a[1].Str())
		if err != nil {
			return data.Null, err
		}
		days, err := r.date()
		if err != nil {
			return data.Null, err
		}
		if !types.DateInRange(days) {
			return data.Null, pgerr.Newf(pgerr.DatetimeValueOutOfRange, "date out of range: \"%s\"", r.source)
		}
		return data.Int(days), nil
	}, 1780)
	stable(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		r, err := readByTemplate(a[0].Str(), a[1].Str())
		if err != nil {
			return data.Null, err
		}
		days, err := r.date()
		if err != nil {
			return data.Null, err
		}
		local := days*usDay + r.clock
		if r.fracDigits > 0 {
			local = types.RoundTimestamp(local, int32(r.fracDigits))
		}
		if r.zoned {
			return timestamp(inRange(local-r.offset*usSecond, false))
		}
		return timestamp(inRange(types.LocalToUTC(local, zone(c)), false))
	}, 1778)
}

// templateReader holds the fields that a template found in a text.
type templateReader struct {
	source string
	s      string // what is left of it
	val    map[field]int64
	weekly bool // ISO week date fields were used
	greg   bool // ordinary date fields were used

	yearDigits         int
	bc, pm, ampm, hh12 bool
	zoned              bool
	tzSign             int64
	minusBehind        bool // a minus was taken for a separator
	fracDigits         int  // of FF1 to FF6, 0 for none
	offset             int64
	clock              int64 // microseconds of the day
}

func readByTemplate(source, template string) (*templateReader, error) {
	r := &templateReader{source: source, s: source, val: map[field]int64{}, tzSign: 1}
	nodes := parseTemplate(template)
	extra := 0 // blanks skipped in the text beyond the template's
	for i := range nodes {
		n := &nodes[i]
		if r.s == "" {
			break
		}
		if n.field == fFX {
			return nil, pgerr.FeatureNotSupported("template modifier FX")
		}
		if n.field != fNone || i == 0 {
			extra += r.skipBlanks()
		}
		switch {
		case n.field != fNone:
			r.minusBehind = extra > 0 && len(r.s) < len(source) && source[len(source)-len(r.s)-1] == '-'
			if err := r.field(n, nextIsSeparator(nodes, i)); err != nil {
				return nil, err
			}
			if n.ordinal != 0 {
				r.s = r.s[min(2, len(r.s)):]
			}
			extra = r.skipBlanks()
		case !n.literal && n.char == " " || n.separator():
			extra--
			if r.s != "" && (isBlank(r.s[0]) || isSeparator(r.s[0])) {
				r.s = r.s[1:]
				extra++
			}
		case extra > 0:
			extra--
		default:
			r.s = r.s[charLen(r.s):]
		}
	}
	return r, r.finishClock()
}

func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isSeparator(c byte) bool { return c > ' ' && c < 127 && !isLetter(c) && !isDigit(c) }

func (r *templateReader) skipBlanks() int {
	n := 0
	for n < len(r.s) && isBlank(r.s[n]) {
		n++
	}
	r.s = r.s[n:]
	return n
}

// nextIsSeparator tells whether a number can take all digits there are, because what
// follows is not a digit.
func nextIsSeparator(nodes []node, i int) bool {
	if nodes[i].ordinal != 0 || i+1 == len(nodes) {
		return true
	}
	next := nodes[i+1]
	if next.field != fNone {
		return !next.digit
	}
	return !isDigit(next.char[0])
}

func invalidValue(value, name string) *pgerr.Error {
	return pgerr.Newf(pgerr.InvalidDatetimeFormat, "invalid value \"%s\" for \"%s\"", value, name)
}

const fixedWidthHint = "If your source string is not fixed-width, try using the \"FM\" modifier."

// number reads an integer of at most width digits, or all there are.
func (r *templateReader) number(n *node, width int, open bool) (v int64, digits int, err error) {
	r.skipBlanks()
	text := r.s
	if !n.fill && !open {
		if len(text) < width {
			return 0, 0, pgerr.Newf(pgerr.InvalidDatetimeFormat,
				"source string too short for \"%s\" formatting field", n.text).
				WithDetailf("Field requires %d characters, but only %d remain.", width, len(text)).
				WithHint(fixedWidthHint)
		}
		text = text[:width]
	}
	used := 0
	if used < len(text) && (text[0] == '-' || text[0] == '+') {
		used++
	}
	for used < len(text) && isDigit(text[used]) {
		used++
	}
	if used == 1 && !isDigit(text[0]) {
		used = 0
	}
	shown := r.s[:min(width, len(r.s))]
	if used == 0 {
		return 0, 0, invalidValue(shown, n.text).WithDetail("Value must be an integer.")
	}
	if !n.fill && !open && used < width {
		return 0, 0, invalidValue(shown, n.text).
			WithDetailf("Field requires %d characters, but only %d could be parsed.", width, used).
			WithHint(fixedWidthHint)
	}
	v, perr := strconv.ParseInt(text[:used], 10, 32)
	if perr != nil {
		return 0, 0, pgerr.Newf(pgerr.DatetimeValueOutOfRange,
			"value for \"%s\" in source string is out of range", n.text).
			WithDetailf("Value must be in the range %d to %d.", -1<<31, 1<<31-1)
	}
	r.s = r.s[used:]
	return v, used, nil
}

func (r *templateReader) store(n *node, f field, v int64) error {
	if old, ok := r.val[f]; ok && old != v {
		return pgerr.Newf(pgerr.InvalidDatetimeFormat,
			"conflicting values for \"%s\" field in formatting string", n.text).
			WithDetail("This value contradicts a previous setting for the same field type.")
	}
	r.val[f] = v
	return nil
}

// word reads one of a list of names, in any case, and gives its number.
func (r *templateReader) word(n *node, names []string, least int) (int, error) {
	best, length := -1, 0
	for i, name := range names {
		for _, form := range []string{name, name[:min(least, len(name))]} {
			if len(form) > length && len(r.s) >= len(form) && strings.EqualFold(r.s[:len(form)], form) {
				if least > 0 && len(form) == least || len(form) == len(name) {
					best, length = i, len(form)
				}
			}
		}
	}
	if best < 0 {
		shown, _, _ := strings.Cut(r.s, " ")
		return 0, invalidValue(shown, n.text).
			WithDetail("The given value did not match any of the allowed values for this field.")
	}
	r.s = r.s[length:]
	return best, nil
}

// widths of the numeric fields.
var widths = map[field]int{fHH24: 2, fHH12: 2, fMI: 2, fSS: 2, fMS: 3, fUS: 6, fSSSS: 5, fDD: 2,
	fDDD: 3, fD: 1, fMM: 2, fYYYY: 4, fYYY: 3, fYY: 2, fY: 1, fCC: 2, fJ: 8, fWW: 2, fW: 1, fQ: 1,
	fIYYY: 4, fIYY: 3, fIY: 2, fI: 1, fIW: 2, fID: 1, fIDDD: 3, fTZM: 2}

func (r *templateReader) field(n *node, open bool) error {
	switch n.field {
	case fIYYY, fIYY, fIY, fI, fIW, fID, fIDDD:
		r.weekly = true
	case fYYYY, fYYY, fYY, fY, fYCommaYYY, fDDD, fDD, fD, fMM, fMon, fMonth, fWW, fW, fCC, fDy, fDay:
		r.greg = true
	}
	if r.weekly && r.greg {
		return pgerr.New(pgerr.InvalidDatetimeFormat, "invalid combination of date conventions").
			WithHint("Do not mix Gregorian and ISO week date conventions in a formatting template.")
	}
	switch n.field {
	case fAM, fAMDots, fAD, fADDots, fBC, fBCDots:
		return r.half(n)
	case fMonthUpper, fMonth, fMonthLower:
		return r.name(n, fMM, monthNames[1:], 0)
	case fMonUpper, fMon, fMonLower:
		return r.name(n, fMM, monthNames[1:], 3)
	case fDayUpper, fDay, fDayLower:
		return r.name(n, fD, dayNames[:], 0)
	case fDyUpper, fDy, fDyLower:
		return r.name(n, fD, dayNames[:], 3)
	case fRM:
		return r.name(n, fMM, romanMonths[1:], 0)
	case fTZ, fOF:
		return pgerr.Newf(pgerr.FeatureNotSupportedCode,
			"formatting field \"%s\" is only supported in to_char", n.text)
	case fTZH:
		return r.zoneHour(n, open)
	case fYCommaYYY:
		return r.commaYear(n)
	case fFF, fMS, fUS:
		return r.fraction(n, open)
	}
	v, used, err := r.number(n, widths[n.field], open)
	if err != nil {
		return err
	}
	return r.numeric(n, v, used)
}

func (r *templateReader) numeric(n *node, v int64, used int) error {
	switch n.field {
	case fHH12:
		r.hh12 = true
		return r.store(n, fHH24, v)
	case fYYYY, fYYY, fYY, fY, fIYYY, fIYY, fIY, fI:
		r.yearDigits = widths[n.field]
		if used < 4 && n.field != fYYYY && n.field != fIYYY {
			v = fullYear(v)
		}
		return r.store(n, fYYYY, v)
	case fTZM:
		r.zoned = true
		r.offset += r.tzSign * v * 60
		return nil
	case fID:
		return r.store(n, fD, v%7+1)
	case fIW:
		return r.store(n, fWW, v)
	case fIDDD:
		return r.store(n, fDDD, v)
	}
	return r.store(n, n.field, v)
}

// fullYear takes a year of fewer than four digits as near to 2020.
func fullYear(y int64) int64 {
	switch {
	case y < 0:
		return y
	case y < 70:
		return y + 2000
	case y < 100:
		return y + 1900
	case y < 520:
		return y + 2000
	case y < 1000:
		return y + 1000
	}
	return y
}

func (r *templateReader) name(n *node, f field, names []string, least int) error {
	i, err := r.word(n, names, least)
	if err != nil {
		return err
	}
	return r.store(n, f, int64(i)+1)
}

func (r *templateReader) half(n *node) error {
	choices := map[field][]string{fAM: {"am", "pm"}, fAMDots: {"a.m.", "p.m."}, fAD: {"ad", "bc"},
		fBC: {"ad", "bc"}, fADDots: {"a.d.", "b.c."}, fBCDots: {"a.d.", "b.c."}}[n.field]
	i, err := r.word(n, choices, 0)
	if err != nil {
		return err
	}
	if n.field == fAM || n.field == fAMDots {
		r.ampm, r.pm, r.hh12 = true, i == 1, true
	} else {
		r.bc = i == 1
	}
	return nil
}

func (r *templateReader) zoneHour(n *node, open bool) error {
	r.zoned = true
	if r.s != "" && (r.s[0] == '+' || r.s[0] == '-' || r.s[0] == ' ') {
		if r.s[0] == '-' {
			r.tzSign = -1
		}
		r.s = r.s[1:]
	} else if r.minusBehind {
		r.tzSign = -1
	}
	v, _, err := r.number(n, 2, open)
	r.offset += r.tzSign * v * 3600
	return err
}

func (r *templateReader) commaYear(n *node) error {
	var thousands, rest int64
	i := 0
	for i < len(r.s) && isDigit(r.s[i]) {
		thousands = thousands*10 + int64(r.s[i]-'0')
		i++
	}
	if i == 0 || i > 6 || i >= len(r.s) || r.s[i] != ',' {
		return pgerr.New(pgerr.InvalidDatetimeFormat, "invalid input string for \"Y,YYY\"")
	}
	for i++; i < len(r.s) && isDigit(r.s[i]); i++ {
		rest = rest*10 + int64(r.s[i]-'0')
	}
	r.s = r.s[i:]
	r.yearDigits = 4
	return r.store(n, fYYYY, thousands*1000+rest)
}

// fraction reads digits of a second: "5" of MS is 500 milliseconds.
func (r *templateReader) fraction(n *node, open bool) error {
	width := 6
	if n.field == fMS {
		width = 3
	} else if n.field == fFF {
		width = int(n.text[2] - '0')
		r.fracDigits = width
	}
	v, used, err := r.number(n, width, open)
	if err != nil {
		return err
	}
	for ; used < 6; used++ {
		v *= 10
	}
	return r.store(n, fUS, v)
}

func (r *templateReader) outOfRange() error {
	return pgerr.Newf(pgerr.DatetimeFieldOverflow, "date/time field value out of range: \"%s\"", r.source)
}

func (r *templateReader) finishClock() error {
	h, m, s := r.val[fHH24], r.val[fMI], r.val[fSS]
	if r.hh12 {
		if h < 1 || h > 12 {
			if _, given := r.val[fHH24]; given {
				return pgerr.Newf(pgerr.InvalidDatetimeFormat, "hour \"%d\" is invalid for the 12-hour clock", h).
					WithHint("Use the 24-hour clock, or give an hour between 1 and 12.")
			}
		}
		if r.pm && h < 12 {
			h += 12
		} else if !r.pm && h == 12 {
			h = 0
		}
	}
	if sec, ok := r.val[fSSSS]; ok {
		h, m, s = sec/3600, sec/60%60, sec%60
	}
	if h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 59 || r.val[fUS] > 999999 {
		return r.outOfRange()
	}
	r.clock = h*usHour + m*usMinute + s*usSecond + r.val[fUS]
	return nil
}

// year is the year found, counting 1 BC as 0; known is false if there was none.
func (r *templateReader) year() (y int64, known bool) {
	y, cc := r.val[fYYYY], r.val[fCC]
	if r.bc {
		cc = -cc
	}
	switch {
	case y != 0 && cc != 0 && r.yearDigits <= 2:
		y %= 100
		switch {
		case y != 0 && cc >= 0:
			y += (cc - 1) * 100
		case y != 0:
			y = (cc+1)*100 - y + 1
		case cc >= 0:
			y = cc * 100
		default:
			y = cc*100 + 1
		}
		return y, true
	case y != 0:
		if r.bc {
			y = -y
		}
		if y < 0 {
			y++
		}
		return y, true
	case cc > 0:
		return (cc-1)*100 + 1, true
	case cc < 0:
		return cc*100 + 1, true
	}
	return 0, false
}

// date is the day found, in days since 2000-01-01; what is missing is 1, the year 1 BC.
func (r *templateReader) date() (int64, error) {
	if j, ok := r.val[fJ]; ok {
		return j - julianOf2000, nil
	}
	y, known := r.year()
	if y > 6000000 || y < -6000000 {
		return 0, r.outOfRange()
	}
	ww, hasWeek := r.val[fWW]
	doy := r.val[fDDD]
	if hasWeek && r.weekly {
		return isoWeekStart(y) + (ww-1)*7 + r.isoDay() - 1, nil
	}
	if hasWeek {
		doy = (ww-1)*7 + 1
	}
	m, hasMonth := r.val[fMM]
	d, hasDay := r.val[fDD]
	if w, ok := r.val[fW]; ok {
		d, hasDay = (w-1)*7+1, true
	}
	if !hasMonth {
		m = 1
	}
	if !hasDay {
		d = 1
	}
	if doy != 0 && (m <= 1 || d <= 1) {
		if !known && !r.bc {
			return 0, pgerr.New(pgerr.InvalidDatetimeFormat, "cannot calculate day of year without year information")
		}
		if r.weekly {
			return isoWeekStart(y) + doy - 1, nil
		}
		if limit := types.DateToDays(int(y)+1, 1, 1) - types.DateToDays(int(y), 1, 1); doy < 1 || doy > limit {
			return 0, r.outOfRange()
		}
		return types.DateToDays(int(y), 1, 1) + doy - 1, nil
	}
	if m < 1 || m > 12 || d < 1 || d > 31 {
		return 0, r.outOfRange()
	}
	if d > int64(types.DaysInMonth(int(y), int(m))) {
		return 0, r.outOfRange()
	}
	return types.DateToDays(int(y), int(m), int(d)), nil
}

// isoWeekStart is the Monday of the year's first ISO week.
func isoWeekStart(y int64) int64 {
	jan4 := types.DateToDays(int(y), 1, 4)
	_, wd := floorDiv(jan4+5, 7)
	return jan4 - wd
}

// isoDay is the weekday found, Monday 1 to Sunday 7.
func (r *templateReader) isoDay() int64 {
	d, ok := r.val[fD] // Sunday is 1
	switch {
	case !ok:
		return 1
	case d == 1:
		return 7
	}
	return d - 1
}
