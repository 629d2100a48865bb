package types

import (
	"strconv"
	"time"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

func init() {
	i4 := func(width int) func(*Type, *Ctx, []byte, data.Datum) ([]byte, error) {
		return func(_ *Type, _ *Ctx, dst []byte, d data.Datum) ([]byte, error) { return sendInt(dst, width, d), nil }
	}
	setFamily(&family{
		in: dateIn, out: dateOut, send: i4(4), recv: dateRecv, compare: intCompare, prefix: intPrefix, hash: intHash,
	}, Date)
	ts := family{
		in: timestampIn, out: timestampOut, send: i4(8), recv: timestampRecv,
		compare: intCompare, prefix: intPrefix, hash: intHash,
		typmodIn: timeTypmodIn("TIMESTAMP", ""), typmodOut: timeTypmodOut(" without time zone"),
	}
	setFamily(&ts, Timestamp)
	tz := ts
	tz.in, tz.out = timestampTZIn, timestampTZOut
	tz.typmodIn = timeTypmodIn("TIMESTAMP", " WITH TIME ZONE")
	tz.typmodOut = timeTypmodOut(" with time zone")
	setFamily(&tz, TimestampTZ)
}

func errTimestampRange(s string) error {
	return pgerr.Newf(pgerr.DatetimeValueOutOfRange, "timestamp out of range: \"%s\"", s)
}

// ErrTimestampRange is the error of arithmetic that leaves the range.
func ErrTimestampRange() error {
	return pgerr.New(pgerr.DatetimeValueOutOfRange, "timestamp out of range")
}

// ErrDateRange is the error of date arithmetic that leaves the range.
func ErrDateRange() error { return pgerr.New(pgerr.DatetimeValueOutOfRange, "date out of range") }

// now is the transaction's start, for the words that mean it.
func (c *Ctx) now() (int64, error) {
	if c.TxnTime == nil {
		return 0, pgerr.FeatureNotSupported("a relative date outside of a transaction")
	}
	return c.TxnTime(), nil
}

// resolveTimestamp turns what was read into a timestamp (tz false: as written, zone
// ignored) or timestamptz.
func (d *dtText) resolveTimestamp(c *Ctx, s, typeName string, tz bool) (int64, error) {
	switch d.special {
	case dtInfinity:
		return TimestampInfinity, nil
	case dtNegInfinity:
		return TimestampNegInfinity, nil
	case dtEpoch:
		return -unixToPgSecs * microsPerSecond, nil
	case dtNone:
		if !d.hasDate {
			return 0, dtBadFormat.err(typeName, s, "")
		}
		ts, ok := d.parts.localTimestamp()
		if !ok || !tz && !TimestampInRange(ts) {
			return 0, errTimestampRange(s)
		}
		return d.toUTC(c, s, ts, tz)
	}
	now, err := c.now()
	if err != nil {
		return 0, err
	}
	if d.special == dtNow {
		if tz {
			return now, nil
		}
		off, _ := ZoneAt(now, c.zone())
		return now + int64(off)*microsPerSecond, nil
	}
	off, _ := ZoneAt(now, c.zone())
	days, _ := floorDiv64(now+int64(off)*microsPerSecond, microsPerDay)
	switch d.special {
	case dtTomorrow:
		days++
	case dtYesterday:
		days--
	}
	return d.toUTC(c, s, days*microsPerDay+d.parts.TimeOfDay(), tz)
}

func (d *dtText) toUTC(c *Ctx, s string, ts int64, tz bool) (int64, error) {
	if !tz {
		return ts, nil
	}
	switch {
	case !d.hasZone:
		ts = LocalToUTC(ts, c.zone())
	case d.zone != nil:
		ts = LocalToUTC(ts, d.zone)
	default:
		ts -= int64(d.parts.Offset) * microsPerSecond
	}
	if !TimestampInRange(ts) {
		return 0, errTimestampRange(s)
	}
	return ts, nil
}

// fastISO reads "YYYY-MM-DD" with an optional " HH:MM:SS[.ffffff]"; ok is false for
// anything else, which the general reader then takes.
func fastISO(s string) (p DateParts, ok bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return p, false
	}
	two := func(i int) int {
		if !isDigit(s[i]) || !isDigit(s[i+1]) {
			return 100
		}
		return int(s[i]-'0')*10 + int(s[i+1]-'0')
	}
	hi, lo := two(0), two(2)
	p.Year, p.Month, p.Day = hi*100+lo, two(5), two(8)
	if hi > 99 || lo > 99 || p.Year == 0 || p.Month < 1 || p.Month > 12 || p.Day < 1 ||
		p.Day > DaysInMonth(p.Year, p.Month) {
		return p, false
	}
	if len(s) == 10 {
		return p, true
	}
	if len(s) < 19 || s[10] != ' ' || s[13] != ':' || s[16] != ':' {
		return p, false
	}
	p.Hour, p.Minute, p.Second = two(11), two(14), two(17)
	if p.Hour > 23 || p.Minute > 59 || p.Second > 59 {
		return p, false
	}
	if len(s) > 19 {
		if s[19] != '.' || len(s) == 20 || len(s) > 26 {
			return p, false
		}
		for i := 20; i < len(s); i++ {
			if !isDigit(s[i]) {
				return p, false
			}
		}
		p.Micros = fraction(s[19:])
	}
	return p, true
}

func dateIn(_ *Type, c *Ctx, s string, _ int32) (data.Datum, error) {
	if p, ok := fastISO(s); ok {
		return data.Int(DateToDays(p.Year, p.Month, p.Day)), nil
	}
	d, problem := parseDateTime(s, c.DateOrder)
	if problem != dtOK {
		return data.Null, problem.err("date", s, d.badZone)
	}
	switch d.special {
	case dtInfinity:
		return data.Int(DateInfinity), nil
	case dtNegInfinity:
		return data.Int(DateNegInfinity), nil
	case dtNone:
		if !d.hasDate {
			return data.Null, dtBadFormat.err("date", s, "")
		}
		days := DateToDays(d.parts.Year, d.parts.Month, d.parts.Day)
		if !DateInRange(days) {
			return data.Null, pgerr.Newf(pgerr.DatetimeValueOutOfRange, "date out of range: \"%s\"", s)
		}
		return data.Int(days), nil
	}
	ts, err := d.resolveTimestamp(c, s, "date", false)
	days, _ := floorDiv64(ts, microsPerDay)
	return data.Int(days), err
}

func dateRecv(_ *Type, _ *Ctx, b []byte, _ int32) (data.Datum, error) {
	d, err := recvInt(b, 4, true)
	if err != nil {
		return d, err
	}
	if v := d.Int(); v != DateInfinity && v != DateNegInfinity && !DateInRange(v) {
		return data.Null, ErrDateRange()
	}
	return d, nil
}

func timestampIn(_ *Type, c *Ctx, s string, typmod int32) (data.Datum, error) {
	if p, ok := fastISO(s); ok {
		if ts, ok := p.Timestamp(); ok {
			return roundedTimestamp(ts, typmod)
		}
	}
	d, problem := parseDateTime(s, c.DateOrder)
	if problem != dtOK {
		return data.Null, problem.err("timestamp", s, d.badZone)
	}
	ts, err := d.resolveTimestamp(c, s, "timestamp", false)
	if err != nil {
		return data.Null, err
	}
	return roundedTimestamp(ts, typmod)
}

func timestampTZIn(_ *Type, c *Ctx, s string, typmod int32) (data.Datum, error) {
	d, problem := parseDateTime(s, c.DateOrder)
	if problem != dtOK {
		return data.Null, problem.err("timestamp with time zone", s, d.badZone)
	}
	ts, err := d.resolveTimestamp(c, s, "timestamp with time zone", true)
	if err != nil {
		return data.Null, err
	}
	return roundedTimestamp(ts, typmod)
}

func roundedTimestamp(ts int64, typmod int32) (data.Datum, error) {
	r := RoundTimestamp(ts, typmod)
	if r != ts && !TimestampInRange(r) {
		return data.Null, ErrTimestampRange()
	}
	return data.Int(r), nil
}

var microsScale = [7]int64{1_000_000, 100_000, 10_000, 1_000, 100, 10, 1}

// RoundTimestamp rounds to typmod fractional digits of a second; -1 leaves as it is.
func RoundTimestamp(ts int64, typmod int32) int64 {
	if typmod < 0 || typmod >= 6 || ts == TimestampInfinity || ts == TimestampNegInfinity {
		return ts
	}
	return roundMicros(ts, typmod)
}

// roundMicros rounds half away from zero.
func roundMicros(v int64, digits int32) int64 {
	scale := microsScale[digits]
	half := scale / 2
	if v >= 0 {
		return (v + half) / scale * scale
	}
	return -((-v + half) / scale * scale)
}

func timestampRecv(_ *Type, _ *Ctx, b []byte, typmod int32) (data.Datum, error) {
	d, err := recvInt(b, 8, true)
	if err != nil {
		return d, err
	}
	v := d.Int()
	if v != TimestampInfinity && v != TimestampNegInfinity && !TimestampInRange(v) {
		return data.Null, ErrTimestampRange()
	}
	return roundedTimestamp(v, typmod)
}

func timeTypmodIn(name, suffix string) func(*Type, []string) (int32, error) {
	return func(_ *Type, mods []string) (int32, error) {
		v, err := typmodInts(mods)
		switch {
		case err != nil:
			return -1, err
		case len(v) != 1:
			return -1, pgerr.New(pgerr.InvalidParameterValue, "invalid type modifier")
		case v[0] < 0:
			return -1, pgerr.Newf(pgerr.InvalidParameterValue,
				"%s(%d)%s precision must not be negative", name, v[0], suffix)
		}
		return min(v[0], 6), nil
	}
}

func timeTypmodOut(suffix string) func(int32) string {
	return func(typmod int32) string { return "(" + itoa(int64(typmod)) + ")" + suffix }
}

func appendPadded(dst []byte, v, width int) []byte {
	var buf [20]byte
	s := strconv.AppendInt(buf[:0], int64(v), 10)
	for range width - len(s) {
		dst = append(dst, '0')
	}
	return append(dst, s...)
}

// appendClock writes hh:mm:ss[.ffffff] without zeros at the end.
func appendClock(dst []byte, p *DateParts) []byte {
	dst = appendPadded(dst, p.Hour, 2)
	dst = append(dst, ':')
	dst = appendPadded(dst, p.Minute, 2)
	dst = append(dst, ':')
	dst = appendPadded(dst, p.Second, 2)
	return appendMicros(dst, p.Micros)
}

func appendMicros(dst []byte, micros int) []byte {
	if micros == 0 {
		return dst
	}
	dst = append(dst, '.')
	dst = appendPadded(dst, micros, 6)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// appendOffset writes +hh[:mm[:ss]].
func appendOffset(dst []byte, off int) []byte {
	if off < 0 {
		dst = append(dst, '-')
		off = -off
	} else {
		dst = append(dst, '+')
	}
	dst = appendPadded(dst, off/3600, 2)
	if off%3600 != 0 {
		dst = append(dst, ':')
		dst = appendPadded(dst, off/60%60, 2)
		if off%60 != 0 {
			dst = append(dst, ':')
			dst = appendPadded(dst, off%60, 2)
		}
	}
	return dst
}

// shownYear counts years before 1 AD backwards.
func (p *DateParts) shownYear() int {
	if p.Year <= 0 {
		return 1 - p.Year
	}
	return p.Year
}

func (p *DateParts) appendBC(dst []byte) []byte {
	if p.Year <= 0 {
		return append(dst, " BC"...)
	}
	return dst
}

// styles of c, with the zero Ctx in ISO.
func (c *Ctx) style() (DateStyle, DateOrder) {
	if c == nil {
		return DateISO, OrderMDY
	}
	return c.DateStyle, c.DateOrder
}

func dateOut(_ *Type, c *Ctx, dst []byte, d data.Datum) []byte {
	switch d.Int() {
	case DateInfinity:
		return append(dst, "infinity"...)
	case DateNegInfinity:
		return append(dst, "-infinity"...)
	}
	var p DateParts
	p.Year, p.Month, p.Day = DaysToDate(d.Int())
	style, order := c.style()
	dst = p.appendDate(dst, style, order)
	return p.appendBC(dst)
}

func (p *DateParts) appendDate(dst []byte, style DateStyle, order DateOrder) []byte {
	y := p.shownYear()
	three := func(a, b int, sep byte) []byte {
		dst = appendPadded(dst, a, 2)
		dst = append(dst, sep)
		dst = appendPadded(dst, b, 2)
		dst = append(dst, sep)
		return appendPadded(dst, y, 4)
	}
	first, second := p.Month, p.Day
	if order == OrderDMY {
		first, second = second, first
	}
	switch style {
	case DateSQL:
		return three(first, second, '/')
	case DateGerman:
		return three(p.Day, p.Month, '.')
	case DatePostgres:
		return three(first, second, '-')
	}
	dst = appendPadded(dst, y, 4)
	dst = append(dst, '-')
	dst = appendPadded(dst, p.Month, 2)
	dst = append(dst, '-')
	return appendPadded(dst, p.Day, 2)
}

func timestampOut(_ *Type, c *Ctx, dst []byte, d data.Datum) []byte {
	if out, ok := appendInfinite(dst, d.Int()); ok {
		return out
	}
	p := SplitTimestamp(d.Int())
	return p.appendTimestamp(c, dst, d.Int(), false)
}

func timestampTZOut(_ *Type, c *Ctx, dst []byte, d data.Datum) []byte {
	if out, ok := appendInfinite(dst, d.Int()); ok {
		return out
	}
	p := SplitTimestampTZ(d.Int(), c.zone())
	return p.appendTimestamp(c, dst, d.Int()+int64(p.Offset)*microsPerSecond, true)
}

func appendInfinite(dst []byte, ts int64) ([]byte, bool) {
	switch ts {
	case TimestampInfinity:
		return append(dst, "infinity"...), true
	case TimestampNegInfinity:
		return append(dst, "-infinity"...), true
	}
	return dst, false
}

func (p *DateParts) appendTimestamp(c *Ctx, dst []byte, local int64, tz bool) []byte {
	style, order := c.style()
	if style == DatePostgres {
		return p.appendPostgres(dst, order, local, tz)
	}
	dst = p.appendDate(dst, style, order)
	dst = append(dst, ' ')
	dst = appendClock(dst, p)
	if tz {
		if style == DateISO {
			dst = appendOffset(dst, p.Offset)
		} else {
			dst = p.appendZoneName(dst, style == DateSQL || style == DateGerman)
		}
	}
	return p.appendBC(dst)
}

// appendZoneName writes the zone's abbreviation, or its offset if it has none.
func (p *DateParts) appendZoneName(dst []byte, blank bool) []byte {
	if p.Zone != "" && isAlpha(p.Zone[0]) {
		if blank {
			dst = append(dst, ' ')
		}
		return append(dst, p.Zone...)
	}
	return appendOffset(dst, p.Offset)
}

func (p *DateParts) appendPostgres(dst []byte, order DateOrder, local int64, tz bool) []byte {
	days, _ := floorDiv64(local, microsPerDay)
	_, wd := floorDiv64(days+6, 7) // 2000-01-01 was a Saturday
	dst = append(dst, dayNames[wd][:3]...)
	dst = append(dst, ' ')
	if order == OrderDMY {
		dst = appendPadded(dst, p.Day, 2)
		dst = append(dst, ' ')
		dst = append(dst, monthNames[p.Month][:3]...)
	} else {
		dst = append(dst, monthNames[p.Month][:3]...)
		dst = append(dst, ' ')
		dst = appendPadded(dst, p.Day, 2)
	}
	dst = append(dst, ' ')
	dst = appendClock(dst, p)
	dst = append(dst, ' ')
	dst = appendPadded(dst, p.shownYear(), 4)
	if tz {
		dst = p.appendZoneName(append(dst, ' '), false)
	}
	return p.appendBC(dst)
}

// UnixToTimestamp converts Unix time to a timestamptz value.
func UnixToTimestamp(t time.Time) int64 { return t.UnixMicro() - unixToPgSecs*microsPerSecond }
