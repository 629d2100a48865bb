package types

import (
	"bytes"
	"encoding/hex"

	"github.com/pgzdb/pgz/server/pkg/data"
)

func init() {
	setFamily(&family{
		in: uuidIn, out: uuidOut, recv: uuidRecv,
		send: func(_ *Type, _ *Ctx, dst []byte, d data.Datum) ([]byte, error) {
			return append(dst, d.Fixed16()[:]...), nil
		},
		compare: func(_ *Type, a, b data.Datum) int { return bytes.Compare(a.Fixed16()[:], b.Fixed16()[:]) },
		hash:    func(_ *Type, d data.Datum) uint64 { return hashBytes(hashSeed, d.Fixed16()[:]) },
	}, UUID)
}

// uuidIn takes 32 hexadecimal digits, a hyphen allowed after every fourth, braces
// allowed around.
func uuidIn(_ *Type, c *Ctx, s string, _ int32) (data.Datum, error) {
	t := s
	braces := t != "" && t[0] == '{'
	if braces {
		t = t[1:]
	}
	p := c.Arena.New16()
	for i := range 16 {
		if len(t) < 2 {
			return data.Null, errSyntax("uuid", s)
		}
		if _, err := hex.Decode(p[i:i+1], []byte(t[:2])); err != nil {
			return data.Null, errSyntax("uuid", s)
		}
		t = t[2:]
		if i%2 == 1 && i < 15 && t != "" && t[0] == '-' {
			t = t[1:]
		}
	}
	if braces {
		if t == "" || t[0] != '}' {
			return data.Null, errSyntax("uuid", s)
		}
		t = t[1:]
	}
	if t != "" {
		return data.Null, errSyntax("uuid", s)
	}
	return data.Fixed16(p), nil
}

func uuidOut(_ *Type, _ *Ctx, dst []byte, d data.Datum) []byte {
	u := d.Fixed16()
	for i, part := range [][]byte{u[:4], u[4:6], u[6:8], u[8:10], u[10:]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}

func uuidRecv(_ *Type, c *Ctx, b []byte, _ int32) (data.Datum, error) {
	if len(b) < 16 {
		return data.Null, errShortMessage()
	}
	if len(b) > 16 {
		return data.Null, errLongMessage()
	}
	p := c.Arena.New16()
	copy(p[:], b)
	return data.Fixed16(p), nil
}
