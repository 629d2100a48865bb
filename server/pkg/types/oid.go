package types

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
)

func init() {
	unsigned := func(name string) *family {
		return &family{
			in: func(_ *Type, _ *Ctx, s string, _ int32) (data.Datum, error) {
				v, err := parseOid(s, name)
				return data.Int(int64(v)), err
			},
			out:     intOut,
			recv:    func(_ *Type, _ *Ctx, b []byte, _ int32) (data.Datum, error) { return recvInt(b, 4, false) },
			send:    func(_ *Type, _ *Ctx, dst []byte, d data.Datum) ([]byte, error) { return sendInt(dst, 4, d), nil },
			compare: intCompare, prefix: intPrefix,
			hash: intHash,
		}
	}
	setFamily(unsigned("oid"), Oid)
	setFamily(unsigned("xid"), XID)
	setFamily(unsigned("cid"), CID)
	uint64Family := family{
		recv:    func(_ *Type, _ *Ctx, b []byte, _ int32) (data.Datum, error) { return recvInt(b, 8, true) },
		send:    func(_ *Type, _ *Ctx, dst []byte, d data.Datum) ([]byte, error) { return sendInt(dst, 8, d), nil },
		compare: func(_ *Type, a, b data.Datum) int { return cmpUint(uint64(a.Int()), uint64(b.Int())) },
		hash:    intHash,
	}
	xid8, lsn := uint64Family, uint64Family
	xid8.in, xid8.out = xid8In, xid8Out
	lsn.in, lsn.out = lsnIn, lsnOut
	setFamily(&xid8, XID8)
	setFamily(&lsn, PgLSN)
	setFamily(&family{
		in: tidIn, out: tidOut, recv: tidRecv, send: tidSend, compare: intCompare, prefix: intPrefix, hash: intHash,
	}, TID)
}

// ParseOid reads an oid's text form; small negative numbers wrap around.
func ParseOid(s string) (uint32, error) { return parseOid(s, "oid") }

func parseOid(s, name string) (uint32, error) {
	t := trimSpace(s)
	v, err := strconv.ParseInt(t, 10, 64)
	if err != nil {
		if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange {
			return 0, errIntRange(s, name)
		}
		return 0, errSyntax(name, s)
	}
	if v > math.MaxUint32 || v < math.MinInt32 {
		return 0, errIntRange(s, name)
	}
	return uint32(v), nil
}

func xid8In(_ *Type, _ *Ctx, s string, _ int32) (data.Datum, error) {
	v, err := strconv.ParseUint(trimSpace(s), 10, 64)
	if err != nil {
		return data.Null, errSyntax("xid8", s)
	}
	return data.Int(int64(v)), nil
}

func xid8Out(_ *Type, _ *Ctx, dst []byte, d data.Datum) []byte {
	return strconv.AppendUint(dst, uint64(d.Int()), 10)
}

func lsnIn(_ *Type, _ *Ctx, s string, _ int32) (data.Datum, error) {
	hi, lo, ok := strings.Cut(s, "/")
	h, err1 := strconv.ParseUint(hi, 16, 32)
	l, err2 := strconv.ParseUint(lo, 16, 32)
	if !ok || err1 != nil || err2 != nil || len(hi) > 8 || len(lo) > 8 {
		return data.Null, errSyntax("pg_lsn", s)
	}
	return data.Int(int64(h<<32 | l)), nil
}

func lsnOut(_ *Type, _ *Ctx, dst []byte, d data.Datum) []byte {
	v := uint64(d.Int())
	return fmt.Appendf(dst, "%X/%X", v>>32, uint32(v))
}

// MakeTID makes a tid from block and offset.
func MakeTID(block uint32, offset uint16) data.Datum {
	return data.Int(int64(block)<<16 | int64(offset))
}

func tidIn(_ *Type, _ *Ctx, s string, _ int32) (data.Datum, error) {
	t := trimSpace(s)
	if !strings.HasPrefix(t, "(") || !strings.HasSuffix(t, ")") {
		return data.Null, errSyntax("tid", s)
	}
	b, o, ok := strings.Cut(t[1:len(t)-1], ",")
	block, err1 := strconv.ParseUint(b, 10, 32)
	offset, err2 := strconv.ParseUint(o, 10, 16)
	if !ok || err1 != nil || err2 != nil {
		return data.Null, errSyntax("tid", s)
	}
	return MakeTID(uint32(block), uint16(offset)), nil
}

func tidOut(_ *Type, _ *Ctx, dst []byte, d data.Datum) []byte {
	v := uint64(d.Int())
	dst = append(dst, '(')
	dst = strconv.AppendUint(dst, v>>16, 10)
	dst = append(dst, ',')
	dst = strconv.AppendUint(dst, v&0xFFFF, 10)
	return append(dst, ')')
}

func tidRecv(_ *Type, _ *Ctx, b []byte, _ int32) (data.Datum, error) {
	if len(b) < 6 {
		return data.Null, errShortMessage()
	}
	if len(b) > 6 {
		return data.Null, errLongMessage()
	}
	return MakeTID(binary.BigEndian.Uint32(b), binary.BigEndian.Uint16(b[4:])), nil
}

func tidSend(_ *Type, _ *Ctx, dst []byte, d data.Datum) ([]byte, error) {
	v := uint64(d.Int())
	dst = binary.BigEndian.AppendUint32(dst, uint32(v>>16))
	return binary.BigEndian.AppendUint16(dst, uint16(v)), nil
}
