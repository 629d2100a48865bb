package types

import (
	"bytes"
	"testing"
	"time"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

func fuzzCtx(flags uint8) *Ctx {
	c := NewCtx(&data.Arena{})
	c.DateStyle, c.DateOrder = DateStyle(flags&3), DateOrder(flags>>2&3)%3
	c.IntervalStyle = IntervalStyle(flags >> 4 & 3)
	c.TxnTime = func() int64 { return 0 }
	c.TimeZone = time.UTC
	if flags&0x40 != 0 {
		c.TimeZone = LoadZone("America/New_York")
	}
	c.Lookup = fakeLookup{}
	return c
}

// known errors only, and what was read can be written and read back.
func checkValue(t *testing.T, c *Ctx, typ *Type, d data.Datum, err error) {
	if err != nil {
		if code := pgerr.Code(err); code == "" || code[:2] == "XX" {
			t.Errorf("%s: %v", typ.Name, err)
		}
		return
	}
	out := typ.Out(c, nil, d)
	if typ.HasOrder() {
		if typ.Compare(d, d) != 0 {
			t.Errorf("%s: %s differs from itself", typ.Name, out)
		}
	}
	if typ.HasHash() {
		typ.Hash(d)
	}
	b, err := typ.Send(c, nil, d)
	if err != nil {
		return
	}
	back, err := typ.Recv(c, b, -1)
	if err != nil {
		if pgerr.Code(err) == pgerr.CharacterNotInRepertoire {
			return // text input leaves checking the encoding to the session
		}
		t.Errorf("%s %s: receiving what was sent: %v", typ.Name, out, err)
		return
	}
	if again := typ.Out(c, nil, back); !bytes.Equal(out, again) {
		t.Errorf("%s: %s came back as %s", typ.Name, out, again)
	}
}

func implemented() []*Type {
	var list []*Type
	for i := range All() {
		if t := &All()[i]; t.Implemented() && t.OID != Record && t.OID != PgNodeTree && t.OID != AnyArray &&
			t.OID != AnyCompatibleArray && t.OID != RecordArray && t.OID != Void {
			list = append(list, t)
		}
	}
	return append(list, NewComposite(20002, "pair", 20003))
}

func FuzzIn(f *testing.F) {
	list := implemented()
	for i := range list {
		for _, s := range []string{"1", "2024-01-01 10:20:30.5+02", "{1,2}", "1 day 2:03:04", "(1,2)", "J2451187",
			"P1Y2M", "now", "1e5", `{"a":1}`, "Jan 8 1999 BC", "[1:2]={a,b}", "10:20 America/New_York"} {
			f.Add(uint8(i), uint8(0), s)
		}
	}
	f.Fuzz(func(t *testing.T, which, flags uint8, s string) {
		typ := list[int(which)%len(list)]
		if e := typ.ElemType(); e != nil && !e.Implemented() {
			return
		}
		c := fuzzCtx(flags)
		d, err := typ.In(c, s, -1)
		checkValue(t, c, typ, d, err)
	})
}

func FuzzRecv(f *testing.F) {
	list := implemented()
	for i := range list {
		f.Add(uint8(i), []byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 7})
		f.Add(uint8(i), []byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 1})
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		typ := list[int(which)%len(list)]
		c := fuzzCtx(0)
		d, err := typ.Recv(c, b, -1)
		checkValue(t, c, typ, d, err)
	})
}
