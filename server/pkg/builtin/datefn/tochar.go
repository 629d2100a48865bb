package datefn

import (
	"strconv"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	stable(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		ts := a[0].Int()
		if infinite(ts) || a[1].Str() == "" {
			return data.Null, nil
		}
		w := momentWriter(ts, 0, "")
		return w.write(a[1].Str())
	}, 2049)
	stable(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		ts := a[0].Int()
		if infinite(ts) || a[1].Str() == "" {
			return data.Null, nil
		}
		off, name := types.ZoneAt(ts, zone(c))
		if !isLetter((name + "0")[0]) {
			// A zone without an abbreviation is shown by its offset.
			name = offsetText(off)
		}
		w := momentWriter(ts+int64(off)*usSecond, off, name)
		return w.write(a[1].Str())
	}, 1770)
	stable(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		if a[1].Str() == "" {
			return data.Null, nil
		}
		w := intervalWriter(types.ReadInterval(a[0]))
		return w.write(a[1].Str())
	}, 1768)
}

// writer holds what a template's fields show.
type writer struct {
	year                 int64 // 0 is 1 BC; of an interval as it is
	month, day           int64
	hour, minute, second int64
	micros               int64
	days                 int64 // since 2000-01-01
	offset               int
	zone                 string
	isInterval           bool
	out                  []byte
}

func momentWriter(local int64, off int, zone string) *writer {
	p := types.SplitTimestamp(local)
	days, _ := floorDiv(local, usDay)
	return &writer{year: int64(p.Year), month: int64(p.Month), day: int64(p.Day), hour: int64(p.Hour),
		minute: int64(p.Minute), second: int64(p.Second), micros: int64(p.Micros), days: days,
		offset: off, zone: zone}
}

func intervalWriter(v span) *writer {
	us := v.Micros
	return &writer{year: int64(v.Months / 12), month: int64(v.Months % 12), day: int64(v.Days),
		hour: us / usHour, minute: us / usMinute % 60, second: us / usSecond % 60, micros: us % usSecond,
		isInterval: true}
}

func offsetText(off int) string {
	sign := "+"
	if off < 0 {
		sign, off = "-", -off
	}
	s := sign + pad(int64(off/3600), 2)
	if off%3600 != 0 {
		s += ":" + pad(int64(off/60%60), 2)
	}
	return s
}

func pad(v int64, width int) string {
	neg := v < 0
	if neg {
		v = -v
	}
	s := strconv.FormatInt(v, 10)
	for len(s) < width {
		s = "0" + s
	}
	if neg {
		s = "-" + s
	}
	return s
}

func (w *writer) write(template string) (data.Datum, error) {
	for _, n := range parseTemplate(template) {
		if n.field == fNone {
			w.out = append(w.out, n.char...)
			continue
		}
		if n.field == fFX {
			continue
		}
		if err := w.field(&n); err != nil {
			return data.Null, err
		}
	}
	return data.Bytes(w.out), nil
}

// number writes a number padded with zeros, unless FM, and its ordinal ending. A minus
// does not count as width where PostgreSQL widens the field for it.
func (w *writer) number(n *node, v int64, width int, widen bool) {
	start := len(w.out)
	if n.fill {
		width = 0
	} else if v < 0 && !widen {
		width--
	}
	w.out = append(w.out, pad(v, width)...)
	if n.ordinal != 0 {
		w.out = append(w.out, ordinal(w.out[start:], n.ordinal == 'T')...)
	}
}

func ordinal(digits []byte, upper bool) string {
	last := digits[len(digits)-1]
	teen := len(digits) > 1 && digits[len(digits)-2] == '1'
	s := "th"
	if !teen {
		switch last {
		case '1':
			s = "st"
		case '2':
			s = "nd"
		case '3':
			s = "rd"
		}
	}
	if upper {
		return strings.ToUpper(s)
	}
	return s
}

// word writes a name padded with blanks, unless FM or TM.
func (w *writer) word(n *node, s string, width int) {
	w.out = append(w.out, s...)
	if !n.fill && !n.local {
		for i := len(s); i < width; i++ {
			w.out = append(w.out, ' ')
		}
	}
}

var monthNames = [...]string{"", "January", "February", "March", "April", "May", "June", "July",
	"August", "September", "October", "November", "December"}

var dayNames = [...]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}

var romanMonths = [...]string{"", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"}

// shownYear counts years before 1 AD backwards; of an interval it stays.
func (w *writer) shownYear() int64 {
	if !w.isInterval && w.year <= 0 {
		return 1 - w.year
	}
	return w.year
}

func (w *writer) cased(n *node, upper, lower string) {
	if n.lower {
		upper = lower
	}
	w.out = append(w.out, upper...)
}

func (w *writer) field(n *node) error {
	switch {
	case w.clockField(n), w.yearField(n):
		return nil
	case n.field == fMM:
		w.number(n, w.month, 2, true)
		return nil
	case n.field == fDD:
		w.number(n, w.day, 2, false)
		return nil
	case n.field == fDDD && w.isInterval:
		w.number(n, w.day+(w.year*12+w.month)*30, 3, false)
		return nil
	case n.field == fRM:
		return w.roman(n)
	case w.isInterval:
		return w.intervalField(n)
	}
	w.dateField(n)
	return nil
}

func (w *writer) clockField(n *node) bool {
	switch n.field {
	case fAM:
		w.cased(n, []string{"AM", "PM"}[w.half()], []string{"am", "pm"}[w.half()])
	case fAMDots:
		w.cased(n, []string{"A.M.", "P.M."}[w.half()], []string{"a.m.", "p.m."}[w.half()])
	case fHH12:
		h := w.hour % 12
		if h == 0 {
			h = 12
		}
		w.number(n, h, 2, true)
	case fHH24:
		w.number(n, w.hour, 2, true)
	case fMI:
		w.number(n, w.minute, 2, true)
	case fSS:
		w.number(n, w.second, 2, true)
	case fFF:
		digits := int(n.text[2] - '0')
		s := pad(w.micros, 6)
		w.out = append(w.out, s[:len(s)-6+digits]...)
		if n.ordinal != 0 {
			w.out = append(w.out, ordinal(w.out, n.ordinal == 'T')...)
		}
	case fMS:
		m := *n
		m.fill = false
		w.number(&m, w.micros/1000, 3, false)
	case fUS:
		m := *n
		m.fill = false
		w.number(&m, w.micros, 6, false)
	case fSSSS:
		m := *n
		m.fill = true
		w.number(&m, w.hour*3600+w.minute*60+w.second, 0, true)
	default:
		return false
	}
	return true
}

func (w *writer) half() int {
	if h := w.hour % 24; h >= 12 {
		return 1
	}
	return 0
}

func (w *writer) yearField(n *node) bool {
	y := w.shownYear()
	if n.field >= fIYYY && n.field <= fI {
		if w.isInterval {
			y = w.year
		} else if iy, _ := isoWeek(w.days); iy <= 0 {
			y = int64(1 - iy)
		} else {
			y = int64(iy)
		}
	}
	switch n.field {
	case fYCommaYYY:
		s := strconv.FormatInt(y/1000, 10) + "," + pad(y%1000, 3)
		w.out = append(w.out, s...)
		if n.ordinal != 0 {
			w.out = append(w.out, ordinal(w.out, n.ordinal == 'T')...)
		}
	case fYYYY, fIYYY:
		w.number(n, y, 4, true)
	case fYYY, fIYY:
		w.number(n, y%1000, 3, true)
	case fYY, fIY:
		w.number(n, y%100, 2, true)
	case fY, fI:
		w.number(n, y%10, 1, true)
	case fCC:
		c := y / 100
		if !w.isInterval {
			if w.year > 0 {
				c = (w.year-1)/100 + 1
			} else {
				c = w.year/100 - 1
			}
		}
		w.number(n, c, 2, true)
	default:
		return false
	}
	return true
}

func (w *writer) roman(n *node) error {
	m := w.month
	switch {
	case m == 0 && w.year == 0:
		return nil
	case m == 0 && w.year > 0:
		m = 12
	case m == 0:
		m = 1
	case m < 0: // counted from the year's end
		m += 13
	}
	s := romanMonths[m]
	if n.lower {
		s = strings.ToLower(s)
	}
	w.word(n, s, 4)
	return nil
}

func (w *writer) intervalField(n *node) error {
	switch n.field {
	case fWW:
		w.number(n, (w.day-1)/7+1, 2, true)
	case fJ:
		w.plain(n, looseJulian(w.year, w.month, w.day))
	default:
		return errForInterval()
	}
	return nil
}

// looseJulian is the Julian day of a date whose parts may be out of range, in 32 bits.
func looseJulian(y, m, d int64) int64 {
	if m > 2 {
		m, y = m+1, y+4800
	} else {
		m, y = m+13, y+4799
	}
	c := y / 100
	return int64(int32(y*365 - 32167 + y/4 - c + c/4 + 7834*m/256 + d))
}

func (w *writer) dateField(n *node) {
	_, wd := floorDiv(w.days+6, 7)
	yearStart := types.DateToDays(int(w.year), 1, 1)
	switch n.field {
	case fAD, fBC:
		w.cased(n, []string{"AD", "BC"}[w.era()], []string{"ad", "bc"}[w.era()])
	case fADDots, fBCDots:
		w.cased(n, []string{"A.D.", "B.C."}[w.era()], []string{"a.d.", "b.c."}[w.era()])
	case fMonthUpper:
		w.word(n, strings.ToUpper(monthNames[w.month]), 9)
	case fMonth:
		w.word(n, monthNames[w.month], 9)
	case fMonthLower:
		w.word(n, strings.ToLower(monthNames[w.month]), 9)
	case fMonUpper:
		w.word(n, strings.ToUpper(monthNames[w.month][:3]), 3)
	case fMon:
		w.word(n, monthNames[w.month][:3], 3)
	case fMonLower:
		w.word(n, strings.ToLower(monthNames[w.month][:3]), 3)
	case fDayUpper:
		w.word(n, strings.ToUpper(dayNames[wd]), 9)
	case fDay:
		w.word(n, dayNames[wd], 9)
	case fDayLower:
		w.word(n, strings.ToLower(dayNames[wd]), 9)
	case fDyUpper:
		w.word(n, strings.ToUpper(dayNames[wd][:3]), 3)
	case fDy:
		w.word(n, dayNames[wd][:3], 3)
	case fDyLower:
		w.word(n, strings.ToLower(dayNames[wd][:3]), 3)
	case fDDD:
		w.number(n, w.days-yearStart+1, 3, true)
	case fIDDD:
		iy, _ := isoWeek(w.days)
		jan4 := types.DateToDays(iy, 1, 4)
		_, off := floorDiv(jan4+5, 7)
		w.number(n, w.days-(jan4-off)+1, 3, true)
	case fD:
		w.plain(n, wd+1)
	case fID:
		if wd == 0 {
			wd = 7
		}
		w.plain(n, wd)
	case fWW:
		w.number(n, (w.days-yearStart)/7+1, 2, true)
	case fIW:
		_, iw := isoWeek(w.days)
		w.number(n, int64(iw), 2, true)
	case fW:
		w.plain(n, (w.day-1)/7+1)
	case fQ:
		w.plain(n, (w.month-1)/3+1)
	case fJ:
		w.plain(n, w.days+julianOf2000)
	case fTZ:
		s := w.zone
		if n.lower {
			s = strings.ToLower(s)
		}
		w.out = append(w.out, s...)
	case fTZH:
		w.out = append(w.out, offsetText(w.offset/3600*3600)...)
	case fTZM:
		m := w.offset / 60 % 60
		w.out = append(w.out, pad(int64(max(m, -m)), 2)...)
	case fOF:
		w.out = append(w.out, offsetText(w.offset)...)
	}
}

func (w *writer) plain(n *node, v int64) { w.number(n, v, 0, true) }

func (w *writer) era() int {
	if w.year <= 0 {
		return 1
	}
	return 0
}
