package types

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

func init() {
	setFamily(&family{
		in: intervalIn, out: intervalOut, recv: intervalRecv, send: intervalSend,
		compare: func(_ *Type, a, b data.Datum) int { return CompareIntervals(ReadInterval(a), ReadInterval(b)) },
		hash: func(_ *Type, d data.Datum) uint64 {
			hi, lo := IntervalSpan(d)
			return hashUint(hashUint(hashSeed, uint64(hi)), lo)
		},
		typmodIn: intervalTypmodIn, typmodOut: intervalTypmodOut,
	}, Interval)
}

// CompareIntervals orders by length, a month counting 30 days and a day 24 hours.
func CompareIntervals(a, b IntervalValue) int {
	ah, al := a.Span()
	bh, bl := b.Span()
	if c := cmpInt(ah, bh); c != 0 {
		return c
	}
	return cmpUint(al, bl)
}

func intervalIn(_ *Type, c *Ctx, s string, typmod int32) (data.Datum, error) {
	v, err := ParseInterval(s, typmod, c.IntervalStyle)
	if err != nil {
		return data.Null, err
	}
	return v.ApplyTypmod(typmod).Datum(c.Arena), nil
}

// ApplyTypmod cuts fields below the typmod's range and rounds seconds.
func (v IntervalValue) ApplyTypmod(typmod int32) IntervalValue {
	if typmod < 0 {
		return v
	}
	rng, prec := typmod>>16&rangeFull, typmod&precFull
	cut := func(unit int64) { v.Micros = v.Micros / unit * unit }
	switch {
	case rng == rangeFull:
	case rng == rangeYear:
		v.Months, v.Days, v.Micros = v.Months/12*12, 0, 0
	case rng == rangeMonth, rng == rangeYear|rangeMonth:
		v.Days, v.Micros = 0, 0
	case rng == rangeDay:
		v.Micros = 0
	case rng&(rangeMinute|rangeSecond) == 0:
		cut(microsPerHour)
	case rng&rangeSecond == 0:
		cut(microsPerMinute)
	}
	if prec < 6 && (rng == rangeFull || rng&rangeSecond != 0) {
		v.Micros = roundMicros(v.Micros, prec)
	}
	return v
}

func intervalTypmodIn(_ *Type, mods []string) (int32, error) {
	v, err := typmodInts(mods)
	if err != nil {
		return -1, err
	}
	if len(v) < 1 || len(v) > 2 || v[0]&^rangeFull != 0 {
		return -1, pgerr.New(pgerr.InvalidParameterValue, "invalid INTERVAL type modifier")
	}
	if len(v) == 1 {
		if v[0] == rangeFull {
			return -1, nil
		}
		return v[0]<<16 | precFull, nil
	}
	if v[1] < 0 {
		return -1, pgerr.Newf(pgerr.InvalidParameterValue,
			"INTERVAL(%d) precision must not be negative", v[1])
	}
	return v[0]<<16 | min(v[1], 6), nil
}

func intervalTypmodOut(typmod int32) string {
	names := []struct {
		bit  int32
		name string
	}{
		{rangeYear, "year"}, {rangeMonth, "month"}, {rangeDay, "day"},
		{rangeHour, "hour"}, {rangeMinute, "minute"}, {rangeSecond, "second"},
	}
	rng, prec := typmod>>16&rangeFull, typmod&precFull
	out := ""
	if rng != rangeFull {
		first, last := "", ""
		for _, n := range names {
			if rng&n.bit != 0 {
				if first == "" {
					first = n.name
				}
				last = n.name
			}
		}
		out = " " + first
		if last != first {
			out += " to " + last
		}
	}
	if prec != precFull {
		out += "(" + itoa(int64(prec)) + ")"
	}
	return out
}

// intervalParts is an interval taken apart; each part has its own sign.
type intervalParts struct {
	years, months, days   int64
	hours, mins, secs, us int64
}

func (v IntervalValue) parts() intervalParts {
	m := v.Micros
	p := intervalParts{years: int64(v.Months / 12), months: int64(v.Months % 12), days: int64(v.Days)}
	p.hours, m = m/microsPerHour, m%microsPerHour
	p.mins, m = m/microsPerMinute, m%microsPerMinute
	p.secs, p.us = m/microsPerSecond, m%microsPerSecond
	return p
}

func (p *intervalParts) negate() {
	p.years, p.months, p.days = -p.years, -p.months, -p.days
	p.negateTime()
}

func (p *intervalParts) negateTime() {
	p.hours, p.mins, p.secs, p.us = -p.hours, -p.mins, -p.secs, -p.us
}

func (p *intervalParts) timeNegative() bool {
	return p.hours < 0 || p.mins < 0 || p.secs < 0 || p.us < 0
}
func (p *intervalParts) timeZero() bool {
	return p.hours == 0 && p.mins == 0 && p.secs == 0 && p.us == 0
}

func intervalOut(_ *Type, c *Ctx, dst []byte, d data.Datum) []byte {
	style := IntervalPostgres
	if c != nil {
		style = c.IntervalStyle
	}
	return AppendInterval(dst, ReadInterval(d), style)
}

// AppendInterval writes an interval's text form.
func AppendInterval(dst []byte, v IntervalValue, style IntervalStyle) []byte {
	p := v.parts()
	switch style {
	case IntervalPostgresVerbose:
		return p.verbose(dst)
	case IntervalSQLStandard:
		return p.sqlStandard(dst, v)
	case IntervalISO8601:
		return p.iso(dst)
	}
	return p.postgres(dst)
}

func (p *intervalParts) postgres(dst []byte) []byte {
	first, before := true, false
	unit := func(n int64, name string) {
		if n == 0 {
			return
		}
		if !first {
			dst = append(dst, ' ')
		}
		if before && n > 0 {
			dst = append(dst, '+')
		}
		dst = strconv.AppendInt(dst, n, 10)
		dst = append(append(dst, ' '), name...)
		if n != 1 {
			dst = append(dst, 's')
		}
		first, before = false, n < 0
	}
	unit(p.years, "year")
	unit(p.months, "mon")
	unit(p.days, "day")
	if !first && p.timeZero() {
		return dst
	}
	if !first {
		dst = append(dst, ' ')
	}
	t := *p
	if t.timeNegative() {
		dst = append(dst, '-')
		t.negateTime()
	} else if before {
		dst = append(dst, '+')
	}
	return t.clock(dst, 2)
}

// clock writes h:mm:ss[.f] of parts that are not negative.
func (p *intervalParts) clock(dst []byte, hourWidth int) []byte {
	hours := uint64(p.hours)
	if hours < 10 && hourWidth == 2 {
		dst = append(dst, '0')
	}
	dst = strconv.AppendUint(dst, hours, 10)
	dst = append(dst, ':')
	dst = appendPadded(dst, int(p.mins), 2)
	dst = append(dst, ':')
	dst = appendPadded(dst, int(p.secs), 2)
	return appendMicros(dst, int(p.us))
}

func (p *intervalParts) verbose(dst []byte) []byte {
	dst = append(dst, '@')
	zero, ago := true, false
	unit := func(n int64, name string) {
		if n == 0 {
			return
		}
		if zero {
			// The first field's sign becomes "ago" and turns the others round.
			ago = n < 0
		}
		if ago {
			n = -n
		}
		zero = false
		dst = strconv.AppendInt(append(dst, ' '), n, 10)
		dst = append(append(dst, ' '), name...)
		if n != 1 {
			dst = append(dst, 's')
		}
	}
	unit(p.years, "year")
	unit(p.months, "mon")
	unit(p.days, "day")
	unit(p.hours, "hour")
	unit(p.mins, "min")
	if p.secs != 0 || p.us != 0 {
		neg := p.secs < 0 || p.us < 0
		if zero {
			ago = neg
		}
		zero = false
		dst = append(dst, ' ')
		s, us := p.secs, p.us
		if neg {
			s, us = -s, -us
		}
		if neg != ago {
			dst = append(dst, '-')
		}
		dst = strconv.AppendInt(dst, s, 10)
		dst = appendMicros(dst, int(us))
		dst = append(dst, " sec"...)
		if s != 1 || us != 0 {
			dst = append(dst, 's')
		}
	}
	if zero {
		return append(dst, " 0"...)
	}
	if ago {
		dst = append(dst, " ago"...)
	}
	return dst
}

func (p *intervalParts) sqlStandard(dst []byte, v IntervalValue) []byte {
	neg := v.Months < 0 || v.Days < 0 || v.Micros < 0
	pos := v.Months > 0 || v.Days > 0 || v.Micros > 0
	yearMonth := v.Months != 0
	dayTime := v.Days != 0 || v.Micros != 0
	sign := func(negative bool) {
		if negative {
			dst = append(dst, '-')
		} else {
			dst = append(dst, '+')
		}
	}
	abs := func(n int64) int64 {
		if n < 0 {
			return -n
		}
		return n
	}
	t := *p
	if t.timeNegative() {
		t.negateTime()
	}
	switch {
	case !neg && !pos:
		return append(dst, '0')
	case neg && pos || yearMonth && dayTime:
		sign(v.Months < 0)
		dst = strconv.AppendInt(dst, abs(p.years), 10)
		dst = strconv.AppendInt(append(dst, '-'), abs(p.months), 10)
		dst = append(dst, ' ')
		sign(v.Days < 0)
		dst = append(strconv.AppendInt(dst, abs(p.days), 10), ' ')
		sign(v.Micros < 0)
		return t.clock(dst, 1)
	}
	if neg {
		dst = append(dst, '-')
	}
	if yearMonth {
		dst = strconv.AppendInt(dst, abs(p.years), 10)
		return strconv.AppendInt(append(dst, '-'), abs(p.months), 10)
	}
	if v.Days != 0 {
		dst = append(strconv.AppendInt(dst, abs(p.days), 10), ' ')
	}
	return t.clock(dst, 1)
}

func (p *intervalParts) iso(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, 'P')
	unit := func(n int64, letter byte) {
		if n != 0 {
			dst = append(strconv.AppendInt(dst, n, 10), letter)
		}
	}
	unit(p.years, 'Y')
	unit(p.months, 'M')
	unit(p.days, 'D')
	if !p.timeZero() {
		dst = append(dst, 'T')
	}
	unit(p.hours, 'H')
	unit(p.mins, 'M')
	if p.secs != 0 || p.us != 0 {
		s, us := p.secs, p.us
		if s < 0 || us < 0 {
			dst = append(dst, '-')
			s, us = -s, -us
		}
		dst = strconv.AppendInt(dst, s, 10)
		dst = append(appendMicros(dst, int(us)), 'S')
	}
	if len(dst) == start+1 {
		return append(dst, "T0S"...)
	}
	return dst
}

func intervalRecv(_ *Type, c *Ctx, b []byte, typmod int32) (data.Datum, error) {
	if len(b) < 16 {
		return data.Null, errShortMessage()
	}
	if len(b) > 16 {
		return data.Null, errLongMessage()
	}
	v := IntervalValue{
		Micros: int64(binary.BigEndian.Uint64(b)),
		Days:   int32(binary.BigEndian.Uint32(b[8:])),
		Months: int32(binary.BigEndian.Uint32(b[12:])),
	}
	return v.ApplyTypmod(typmod).Datum(c.Arena), nil
}

func intervalSend(_ *Type, _ *Ctx, dst []byte, d data.Datum) ([]byte, error) {
	v := ReadInterval(d)
	dst = binary.BigEndian.AppendUint64(dst, uint64(v.Micros))
	dst = binary.BigEndian.AppendUint32(dst, uint32(v.Days))
	return binary.BigEndian.AppendUint32(dst, uint32(v.Months)), nil
}

// addOverflows64 adds, telling whether the result left int64.
func addOverflows64(a, b int64) (int64, bool) {
	s := a + b
	return s, (a > 0 && b > 0 && s <= 0) || (a < 0 && b < 0 && s >= 0)
}

// Add is v + w, part by part.
func (v IntervalValue) Add(w IntervalValue) (IntervalValue, error) {
	months, days := int64(v.Months)+int64(w.Months), int64(v.Days)+int64(w.Days)
	us, over := addOverflows64(v.Micros, w.Micros)
	if over || months != int64(int32(months)) || days != int64(int32(days)) {
		return IntervalValue{}, ErrIntervalRange()
	}
	return IntervalValue{Micros: us, Days: int32(days), Months: int32(months)}, nil
}

// Neg is -v.
func (v IntervalValue) Neg() (IntervalValue, error) {
	if v.Micros == math.MinInt64 || v.Days == math.MinInt32 || v.Months == math.MinInt32 {
		return IntervalValue{}, ErrIntervalRange()
	}
	return IntervalValue{Micros: -v.Micros, Days: -v.Days, Months: -v.Months}, nil
}
