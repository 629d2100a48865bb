package types

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

func init() {
	setFamily(intFamily(2), Int2)
	setFamily(intFamily(4), Int4)
	setFamily(intFamily(8), Int8)
}

func intFamily(width int) *family {
	names := map[int]string{2: "smallint", 4: "integer", 8: "bigint"}
	name, size := names[width], width*8
	return &family{
		in: func(_ *Type, _ *Ctx, s string, _ int32) (data.Datum, error) {
			v, err := parseInt(s, name, size)
			return data.Int(v), err
		},
		out:     intOut,
		recv:    func(_ *Type, _ *Ctx, b []byte, _ int32) (data.Datum, error) { return recvInt(b, width, true) },
		send:    func(_ *Type, _ *Ctx, dst []byte, d data.Datum) ([]byte, error) { return sendInt(dst, width, d), nil },
		compare: intCompare, prefix: intPrefix,
		hash: intHash,
	}
}

func intOut(_ *Type, _ *Ctx, dst []byte, d data.Datum) []byte {
	return strconv.AppendInt(dst, d.Int(), 10)
}

func intCompare(_ *Type, a, b data.Datum) int { return cmpInt(a.Int(), b.Int()) }

func intHash(_ *Type, d data.Datum) uint64 { return hashUint(hashSeed, uint64(d.Int())) }

// ParseInt32 reads an int4's text form.
func ParseInt32(s string) (int32, error) {
	v, err := parseInt(s, "integer", 32)
	return int32(v), err
}

// ParseInt64 reads an int8's text form.
func ParseInt64(s string) (int64, error) { return parseInt(s, "bigint", 64) }

// parseInt reads an optionally signed decimal number with blanks around it.
func parseInt(s, name string, bits int) (int64, error) {
	if v, ok := parseDigits(s, bits); ok {
		return v, nil
	}
	t := trimSpace(s)
	neg := false
	if t != "" && (t[0] == '+' || t[0] == '-') {
		neg = t[0] == '-'
		t = t[1:]
	}
	if t == "" {
		return 0, errSyntax(name, s)
	}
	limit := uint64(1) << (bits - 1) // of negative numbers
	v, over := uint64(0), false
	for i := 0; i < len(t); i++ {
		c := t[i]
		if c < '0' || c > '9' {
			// What follows the digits decides before the range does, unless the
			// range was left first.
			if over {
				return 0, errIntRange(s, name)
			}
			return 0, errSyntax(name, s)
		}
		if v > math.MaxUint64/10 {
			over = true
		}
		v = v*10 + uint64(c-'0')
		if v > limit {
			over = true
		}
	}
	if over || !neg && v == limit {
		return 0, errIntRange(s, name)
	}
	if neg {
		return -int64(v), nil
	}
	return int64(v), nil
}

// parseDigits is parseInt of digits alone, too few to leave the range.
func parseDigits(s string, bits int) (v int64, ok bool) {
	if s == "" || len(s) > (bits-1)*3/10 {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		v = v*10 + int64(c)
	}
	return v, true
}

func errIntRange(s, name string) error {
	return pgerr.Newf(pgerr.NumericValueOutOfRange, "value \"%s\" is out of range for type %s", s, name)
}

// recvInt reads a big-endian integer of width 2, 4 or 8.
func recvInt(b []byte, width int, signed bool) (data.Datum, error) {
	if len(b) < width {
		return data.Null, errShortMessage()
	}
	if len(b) > width {
		return data.Null, errLongMessage()
	}
	switch width {
	case 2:
		return data.Int(int64(int16(binary.BigEndian.Uint16(b)))), nil
	case 4:
		if !signed {
			return data.Int(int64(binary.BigEndian.Uint32(b))), nil
		}
		return data.Int(int64(int32(binary.BigEndian.Uint32(b)))), nil
	}
	return data.Int(int64(binary.BigEndian.Uint64(b))), nil
}

func sendInt(dst []byte, width int, d data.Datum) []byte {
	switch width {
	case 2:
		return binary.BigEndian.AppendUint16(dst, uint16(d.Int()))
	case 4:
		return binary.BigEndian.AppendUint32(dst, uint32(d.Int()))
	}
	return binary.BigEndian.AppendUint64(dst, uint64(d.Int()))
}
