package types

import (
	"encoding/binary"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

func init() {
	setFamily(&family{
		in: timeIn, out: timeOut, recv: timeRecv,
		send:    func(_ *Type, _ *Ctx, dst []byte, d data.Datum) ([]byte, error) { return sendInt(dst, 8, d), nil },
		compare: intCompare, prefix: intPrefix, hash: intHash,
		typmodIn: timeTypmodIn("TIME", ""), typmodOut: timeTypmodOut(" without time zone"),
	}, Time)
	setFamily(&family{
		in: timeTZIn, out: timeTZOut, recv: timeTZRecv, send: timeTZSend,
		compare: func(_ *Type, a, b data.Datum) int {
			ua, za := TimeTZKey(a)
			ub, zb := TimeTZKey(b)
			if c := cmpInt(ua, ub); c != 0 {
				return c
			}
			return cmpInt(int64(za), int64(zb))
		},
		hash: func(_ *Type, d data.Datum) uint64 {
			u, z := TimeTZKey(d)
			return hashUint(hashUint(hashSeed, uint64(u)), uint64(z))
		},
		typmodIn: timeTypmodIn("TIME", " WITH TIME ZONE"), typmodOut: timeTypmodOut(" with time zone"),
	}, TimeTZ)
}

// parseTime reads a time of day; a date beside it is allowed and gives its zone.
func parseTime(c *Ctx, s, typeName string) (*dtText, int64, error) {
	order := OrderMDY
	if c != nil {
		order = c.DateOrder
	}
	d, problem := parseDateTime(s, order)
	if problem != dtOK || !d.hasTime {
		// A run of digits is a time here, not a date.
		d, problem = parseRunTime(s, order, d, problem)
	}
	if problem != dtOK {
		return nil, 0, problem.err(typeName, s, d.badZone)
	}
	if d.special == dtNow {
		now, err := c.now()
		if err != nil {
			return nil, 0, err
		}
		p := SplitTimestampTZ(now, c.zone())
		d.parts.Offset, d.hasZone = p.Offset, true
		return d, p.TimeOfDay(), nil
	}
	if !d.hasTime || d.zone != nil && !d.hasDate {
		return nil, 0, dtBadFormat.err(typeName, s, "") // a named zone's offset needs a date
	}
	t := d.parts.TimeOfDay()
	if t > timeMax {
		return nil, 0, dtOverflow.err(typeName, s, "")
	}
	return d, t, nil
}

// parseRunTime reads hhmmss or hhmm in front of an optional zone.
func parseRunTime(s string, order DateOrder, d *dtText, problem dtProblem) (*dtText, dtProblem) {
	t := trimSpace(s)
	if t != "" && t[0]|0x20 == 't' {
		t = t[1:]
	}
	n := 0
	for n < len(t) && isDigit(t[n]) {
		n++
	}
	if n < len(t) && t[n] == ':' && len(t) < len(trimSpace(s)) {
		return parseDateTime(t, order) // T04:05:06
	}
	if n != 4 && n != 6 {
		return d, problem
	}
	clock := t[:2] + ":" + t[2:4]
	if n == 6 {
		clock += ":" + t[4:6]
	}
	return parseDateTime(clock+t[n:], order)
}

func timeIn(_ *Type, c *Ctx, s string, typmod int32) (data.Datum, error) {
	_, t, err := parseTime(c, s, "time")
	if err != nil {
		return data.Null, err
	}
	return data.Int(RoundTime(t, typmod)), nil
}

// RoundTime rounds a time of day to typmod fractional digits.
func RoundTime(t int64, typmod int32) int64 {
	if typmod < 0 || typmod >= 6 {
		return t
	}
	return roundMicros(t, typmod)
}

func timeOut(_ *Type, _ *Ctx, dst []byte, d data.Datum) []byte {
	var p DateParts
	p.setTime(d.Int())
	return appendClock(dst, &p)
}

func timeRecv(_ *Type, _ *Ctx, b []byte, typmod int32) (data.Datum, error) {
	d, err := recvInt(b, 8, true)
	if err != nil {
		return d, err
	}
	if d.Int() < 0 || d.Int() > timeMax {
		return data.Null, pgerr.New(pgerr.DatetimeValueOutOfRange, "time out of range")
	}
	return data.Int(RoundTime(d.Int(), typmod)), nil
}

func timeTZIn(_ *Type, c *Ctx, s string, typmod int32) (data.Datum, error) {
	d, t, err := parseTime(c, s, "time with time zone")
	if err != nil {
		return data.Null, err
	}
	off := d.parts.Offset
	if !d.hasZone || d.zone != nil {
		zone := c.zone()
		if d.hasZone {
			zone = d.zone
		}
		if d.hasDate {
			ts, _ := d.parts.Timestamp()
			off = LocalOffset(ts, zone)
		} else {
			now, err := c.now()
			if err != nil {
				return data.Null, err
			}
			off, _ = ZoneAt(now, zone)
		}
	}
	return MakeTimeTZ(c.Arena, RoundTime(t, typmod), int32(-off)), nil
}

func timeTZOut(_ *Type, _ *Ctx, dst []byte, d data.Datum) []byte {
	t, zone := ReadTimeTZ(d)
	var p DateParts
	p.setTime(t)
	return appendOffset(appendClock(dst, &p), int(-zone))
}

func timeTZRecv(_ *Type, c *Ctx, b []byte, typmod int32) (data.Datum, error) {
	if len(b) < 12 {
		return data.Null, errShortMessage()
	}
	if len(b) > 12 {
		return data.Null, errLongMessage()
	}
	t, zone := int64(binary.BigEndian.Uint64(b)), int32(binary.BigEndian.Uint32(b[8:]))
	switch {
	case t < 0 || t > timeMax:
		return data.Null, pgerr.New(pgerr.DatetimeValueOutOfRange, "time out of range")
	case zone <= -16*3600 || zone >= 16*3600:
		return data.Null, pgerr.New(pgerr.InvalidTimeZoneDisplacementValue, "time zone displacement out of range")
	}
	return MakeTimeTZ(c.Arena, RoundTime(t, typmod), zone), nil
}

func timeTZSend(_ *Type, _ *Ctx, dst []byte, d data.Datum) ([]byte, error) {
	t, zone := ReadTimeTZ(d)
	dst = binary.BigEndian.AppendUint64(dst, uint64(t))
	return binary.BigEndian.AppendUint32(dst, uint32(zone)), nil
}
