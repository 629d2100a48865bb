package types

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
)

func init() {
	setFamily(&family{
		in: boolIn, out: boolOut, recv: boolRecv, send: boolSend,
		compare: func(_ *Type, a, b data.Datum) int { return cmpInt(boolInt(a.Bool()), boolInt(b.Bool())) },
		hash:    func(_ *Type, d data.Datum) uint64 { return hashUint(hashSeed, uint64(boolInt(d.Bool()))) },
	}, Bool)
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// ParseBool reads a boolean: any unambiguous start of true, false, yes, no, on or
// off, or 0 or 1.
func ParseBool(s string) (value, ok bool) {
	t := strings.ToLower(trimSpace(s))
	prefix := func(word string, least int) bool {
		return len(t) >= least && strings.HasPrefix(word, t)
	}
	switch {
	case prefix("true", 1), prefix("yes", 1), t == "on", t == "1":
		return true, true
	case prefix("false", 1), prefix("no", 1), prefix("off", 2), t == "0":
		return false, true
	}
	return false, false
}

func boolIn(_ *Type, _ *Ctx, s string, _ int32) (data.Datum, error) {
	v, ok := ParseBool(s)
	if !ok {
		return data.Null, errSyntax("boolean", s)
	}
	return data.Bool(v), nil
}

func boolOut(_ *Type, _ *Ctx, dst []byte, d data.Datum) []byte {
	if d.Bool() {
		return append(dst, 't')
	}
	return append(dst, 'f')
}

func boolRecv(_ *Type, _ *Ctx, b []byte, _ int32) (data.Datum, error) {
	if len(b) < 1 {
		return data.Null, errShortMessage()
	}
	if len(b) > 1 {
		return data.Null, errLongMessage()
	}
	return data.Bool(b[0] != 0), nil
}

func boolSend(_ *Type, _ *Ctx, dst []byte, d data.Datum) ([]byte, error) {
	return append(dst, byte(boolInt(d.Bool()))), nil
}
