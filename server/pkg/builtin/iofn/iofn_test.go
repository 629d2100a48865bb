package iofn

import (
	"testing"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func TestCalls(t *testing.T) {
	var arena data.Arena
	c := &expr.Ctx{Arena: &arena, Types: types.NewCtx(&arena)}
	c.Call = &expr.Call{ArgTypes: []uint32{types.Int4Array}}
	oid := func(n uint32) data.Datum { return data.Int(int64(n)) }
	call := func(n uint32, args ...data.Datum) data.Datum {
		t.Helper()
		d, err := expr.Lookup(n).Fn(c, args)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if v := call(42, data.String(" 7 ")); v.Int() != 7 { // int4in
		t.Errorf("int4in: %d", v.Int())
	}
	if s := call(1702, call(1701, data.String("1.255"), oid(0), oid(4<<16|2+4))); s.Str() != "1.26" {
		t.Errorf("numeric_out(numeric_in): %s", s.Str())
	}
	if s := call(2427, data.Float(1)); s.Str() != "\x3f\xf0\x00\x00\x00\x00\x00\x00" {
		t.Errorf("float8send: %x", s.Str())
	}
	array := call(arrayIn, data.String("{1,2}"), oid(types.Int4), data.Int(-1))
	if s := call(arrayOut, array); s.Str() != "{1,2}" {
		t.Errorf("array_out(array_in): %s", s.Str())
	}
}
