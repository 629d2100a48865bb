package types

import (
	"encoding/binary"
	"math/bits"

	"github.com/pgzdb/pgz/server/pkg/data"
)

// IntervalValue is an interval: its three parts are kept apart as SQL shows them.
// Stored as Fixed16, little-endian: microseconds i64, days i32, months i32.
type IntervalValue struct {
	Micros int64
	Days   int32
	Months int32
}

// ReadInterval reads d as interval.
func ReadInterval(d data.Datum) IntervalValue {
	p := d.Fixed16()
	return IntervalValue{
		Micros: int64(binary.LittleEndian.Uint64(p[:])),
		Days:   int32(binary.LittleEndian.Uint32(p[8:])),
		Months: int32(binary.LittleEndian.Uint32(p[12:])),
	}
}

// Datum stores v.
func (v IntervalValue) Datum(a *data.Arena) data.Datum {
	p := a.New16()
	binary.LittleEndian.PutUint64(p[:], uint64(v.Micros))
	binary.LittleEndian.PutUint32(p[8:], uint32(v.Days))
	binary.LittleEndian.PutUint32(p[12:], uint32(v.Months))
	return data.Fixed16(p)
}

const (
	microsPerSecond = 1_000_000
	microsPerMinute = 60 * microsPerSecond
	microsPerHour   = 60 * microsPerMinute
	microsPerDay    = 24 * microsPerHour
	daysPerMonth    = 30
)

// Span is the interval's length in microseconds, counting a month as 30 days and a
// day as 24 hours, as a 128-bit number: intervals compare by it.
func (v IntervalValue) Span() (hi int64, lo uint64) {
	days := int64(v.Months)*daysPerMonth + int64(v.Days)
	neg := days < 0
	mag := uint64(days)
	if neg {
		mag = uint64(-days)
	}
	h, l := bits.Mul64(mag, microsPerDay)
	if neg {
		var borrow uint64
		l, borrow = bits.Sub64(0, l, 0)
		h, _ = bits.Sub64(0, h, borrow)
	}
	var carry uint64
	l, carry = bits.Add64(l, uint64(v.Micros), 0)
	h, _ = bits.Add64(h, uint64(v.Micros>>63), carry)
	return int64(h), l
}

// IntervalSpan is Span of a stored interval.
func IntervalSpan(d data.Datum) (hi int64, lo uint64) { return ReadInterval(d).Span() }

// IntervalFromSpan makes an interval that compares equal to every interval of this
// span, in days and microseconds.
func IntervalFromSpan(a *data.Arena, hi int64, lo uint64) data.Datum {
	neg := hi < 0
	h, l := uint64(hi), lo
	if neg {
		var borrow uint64
		l, borrow = bits.Sub64(0, l, 0)
		h, _ = bits.Sub64(0, h, borrow)
	}
	if h >= microsPerDay {
		h, l = 0, 0 // no interval has such a span
	}
	days, micros := bits.Div64(h, l, microsPerDay)
	v := IntervalValue{Micros: int64(micros)}
	// More days than fit go into months.
	if months := days / daysPerMonth; days > 1<<31-1 {
		v.Months = int32(months)
		days %= daysPerMonth
	}
	v.Days = int32(days)
	if neg {
		v.Micros, v.Days, v.Months = -v.Micros, -v.Days, -v.Months
	}
	return v.Datum(a)
}

// TimeTZ values are Fixed16, little-endian: microseconds since local midnight i64, zone
// in seconds west of Greenwich i32, zero i32.

// ReadTimeTZ reads d as time with time zone.
func ReadTimeTZ(d data.Datum) (micros int64, zone int32) {
	p := d.Fixed16()
	return int64(binary.LittleEndian.Uint64(p[:])), int32(binary.LittleEndian.Uint32(p[8:]))
}

// MakeTimeTZ stores a time with time zone.
func MakeTimeTZ(a *data.Arena, micros int64, zone int32) data.Datum {
	p := a.New16()
	binary.LittleEndian.PutUint64(p[:], uint64(micros))
	binary.LittleEndian.PutUint32(p[8:], uint32(zone))
	return data.Fixed16(p)
}

// TimeTZKey is what times with time zone are ordered by: the time in UTC, then the zone.
func TimeTZKey(d data.Datum) (utc int64, zone int32) {
	m, z := ReadTimeTZ(d)
	return m + int64(z)*microsPerSecond, z
}

// TimeTZFromKey is the reverse of TimeTZKey.
func TimeTZFromKey(a *data.Arena, utc int64, zone int32) data.Datum {
	return MakeTimeTZ(a, utc-int64(zone)*microsPerSecond, zone)
}
