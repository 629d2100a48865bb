package types

import (
	"encoding/hex"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

func init() {
	setFamily(&family{
		in: byteaIn, out: byteaOut, send: textSend, compare: textCompare, prefix: textPrefix, hash: textHash,
		recv: func(_ *Type, c *Ctx, b []byte, _ int32) (data.Datum, error) {
			return data.Bytes(c.Arena.Copy(b)), nil
		},
	}, Bytea)
}

func byteaIn(_ *Type, c *Ctx, s string, _ int32) (data.Datum, error) {
	if len(s) >= 2 && s[0] == '\\' && s[1] == 'x' {
		b, err := DecodeHex(c.Arena.Bytes(len(s) / 2)[:0], s[2:])
		return data.Bytes(b), err
	}
	out := c.Arena.Bytes(len(s))[:0]
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out = append(out, s[i])
			continue
		}
		switch {
		case i+3 < len(s) && s[i+1] >= '0' && s[i+1] <= '3' && octal(s[i+2]) && octal(s[i+3]):
			out = append(out, (s[i+1]-'0')<<6|(s[i+2]-'0')<<3|(s[i+3]-'0'))
			i += 3
		case i+1 < len(s) && s[i+1] == '\\':
			out = append(out, '\\')
			i++
		default:
			return data.Null, pgerr.New(pgerr.InvalidTextRepresentation, "invalid input syntax for type bytea")
		}
	}
	return data.Bytes(out), nil
}

// DecodeHex appends what pairs of hexadecimal digits stand for; white space may stand
// between pairs.
func DecodeHex(dst []byte, s string) ([]byte, error) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == ' ' || c == '\n' || c == '\t' || c == '\r' {
			continue
		}
		hi, err := hexDigit(s, i)
		if err != nil {
			return nil, err
		}
		i++
		if i >= len(s) {
			return nil, pgerr.New(pgerr.InvalidParameterValue, "invalid hexadecimal data: odd number of digits")
		}
		lo, err := hexDigit(s, i)
		if err != nil {
			return nil, err
		}
		dst = append(dst, hi<<4|lo)
	}
	return dst, nil
}

func hexDigit(s string, i int) (byte, error) {
	switch c := s[i]; {
	case c >= '0' && c <= '9':
		return c - '0', nil
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, nil
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, nil
	}
	return 0, pgerr.Newf(pgerr.InvalidParameterValue, "invalid hexadecimal digit: \"%s\"",
		s[i:i+min(len(s)-i, sequenceLen(s[i]))])
}

func byteaOut(_ *Type, c *Ctx, dst []byte, d data.Datum) []byte {
	b := d.Bytes()
	if c == nil || !c.ByteaEscape {
		return hex.AppendEncode(append(dst, '\\', 'x'), b)
	}
	return AppendByteaEscape(dst, b)
}

// AppendByteaEscape writes bytes in the escape format.
func AppendByteaEscape(dst, b []byte) []byte {
	for _, v := range b {
		switch {
		case v == '\\':
			dst = append(dst, '\\', '\\')
		case v < 0x20 || v > 0x7e:
			dst = append(dst, '\\', '0'+v>>6, '0'+v>>3&7, '0'+v&7)
		default:
			dst = append(dst, v)
		}
	}
	return dst
}
