package rowcodec

import (
	"bytes"
	"math/rand"
	"strings"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func col(oid uint32) Column { return Column{Type: types.Get(oid)} }

// sample makes a random value of a type, sometimes null.
func sample(rng *rand.Rand, t *types.Type) data.Datum {
	if rng.Intn(5) == 0 {
		return data.Null
	}
	switch t.Kind {
	case data.KindBool:
		return data.Bool(rng.Intn(2) == 0)
	case data.KindInt64:
		switch t.Len {
		case 2:
			return data.Int(int64(int16(rng.Uint32())))
		case 4:
			if t.OID == types.Int4 || t.OID == types.Date {
				return data.Int(int64(int32(rng.Uint32())))
			}
			return data.Int(int64(rng.Uint32()))
		case 6:
			return data.Int(int64(rng.Uint64() >> 16))
		}
		return data.Int(int64(rng.Uint64()))
	case data.KindFloat64:
		if t.Len == 4 {
			return data.Float(float64(float32(rng.NormFloat64())))
		}
		return data.Float(rng.NormFloat64())
	case data.KindFixed16:
		var p [16]byte
		rng.Read(p[:])
		if t.OID == types.TimeTZ {
			clear(p[12:])
		}
		return data.Fixed16(&p)
	}
	if t.OID == types.Char {
		return data.Bytes([]byte{byte(rng.Intn(256))})
	}
	b := make([]byte, rng.Intn(40))
	rng.Read(b)
	return data.Bytes(b)
}

func same(a, b data.Datum) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case data.KindBool:
		return a.Bool() == b.Bool()
	case data.KindInt64:
		return a.Int() == b.Int()
	case data.KindFloat64:
		return a.Float() == b.Float()
	case data.KindFixed16:
		return *a.Fixed16() == *b.Fixed16()
	case data.KindBytes:
		return bytes.Equal(a.Bytes(), b.Bytes())
	}
	return true
}

var rowTypes = []uint32{types.Int4, types.Text, types.Bool, types.Int8, types.Int2, types.Numeric,
	types.UUID, types.Float4, types.Float8, types.Char, types.Oid, types.TimestampTZ, types.Name,
	types.TID, types.TimeTZ, types.Date, types.Bytea}

func TestRowRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	for round := range 2000 {
		n := rng.Intn(20)
		cols, row := make([]Column, n), make([]data.Datum, n)
		for i := range cols {
			cols[i] = col(rowTypes[rng.Intn(len(rowTypes))])
			row[i] = sample(rng, cols[i].Type)
		}
		if round%50 == 0 && n > 0 {
			cols[0], row[0] = col(types.Text), data.String(strings.Repeat("x", 70000))
		}
		d := NewRowDesc(cols)
		h := Header{XID: rng.Uint32(), RowID: rng.Uint64() >> 16}
		b := EncodeRow([]byte("before"), d, h, row)[6:]
		if got, err := ReadHeader(b); err != nil || got != h {
			t.Fatalf("header %+v (%v), want %+v", got, err, h)
		}
		out := make([]data.Datum, n)
		if err := DecodeRow(d, b, out); err != nil {
			t.Fatal(err)
		}
		for i := range row {
			if !same(row[i], out[i]) {
				t.Fatalf("round %d column %d of type %s differs", round, i, cols[i].Type.Name)
			}
			one, err := DecodeColumn(d, b, i)
			if err != nil || !same(one, row[i]) {
				t.Fatalf("column %d alone differs: %v", i, err)
			}
		}
	}
}

func TestAddedAndDroppedColumns(t *testing.T) {
	old := NewRowDesc([]Column{col(types.Int4), col(types.Text), col(types.UUID), col(types.Int2)})
	u := [16]byte{7}
	b := EncodeRow(nil, old, Header{}, []data.Datum{data.Int(1), data.String("a"), data.Fixed16(&u), data.Int(9)})
	// text and uuid dropped, two columns added, one with a missing value.
	now := NewRowDesc([]Column{col(types.Int4), {Len: -1}, {Len: 16}, col(types.Int2),
		{Type: types.Get(types.Int8), Missing: data.Int(42)}, col(types.Text)})
	out := make([]data.Datum, 6)
	if err := DecodeRow(now, b, out); err != nil {
		t.Fatal(err)
	}
	want := []data.Datum{data.Int(1), data.Null, data.Null, data.Int(9), data.Int(42), data.Null}
	for i := range want {
		if !same(out[i], want[i]) {
			t.Errorf("column %d: %v", i, out[i].Kind())
		}
	}
	// A row written now ignores what stands at dropped columns.
	b = EncodeRow(nil, now, Header{}, []data.Datum{data.Int(1), data.String("x"), data.Int(5), data.Int(9),
		data.Null, data.String("new")})
	if err := DecodeRow(now, b, out); err != nil {
		t.Fatal(err)
	}
	if !out[1].IsNull() || !out[2].IsNull() || !out[4].IsNull() || out[5].Str() != "new" {
		t.Error("a row with dropped columns differs")
	}
	// A newer row cannot be read with an older description.
	if err := DecodeRow(old, b, out); pgerr.Code(err) != pgerr.DataCorrupted {
		t.Errorf("more columns than described: %v", err)
	}
}

func TestSetXID(t *testing.T) {
	d := NewRowDesc([]Column{col(types.Int4)})
	b := EncodeRow(nil, d, Header{XID: 1, RowID: 1<<48 - 1}, []data.Datum{data.Int(1)})
	SetXID(b, 77)
	if h, _ := ReadHeader(b); h.XID != 77 || h.RowID != 1<<48-1 {
		t.Errorf("header %+v", h)
	}
}

// A pgbench account row: reading one column and writing the row cost no allocation.
func TestRowAllocations(t *testing.T) {
	d := NewRowDesc([]Column{col(types.Int4), col(types.Int4), col(types.Int4), col(types.BpChar)})
	row := []data.Datum{data.Int(1), data.Int(1), data.Int(0), data.String(strings.Repeat(" ", 84))}
	buf := EncodeRow(nil, d, Header{}, row)
	wanted, out := []int{2, 3}, make([]data.Datum, 2)
	key := make([]byte, 0, 64)
	int4 := types.Get(types.Int4)
	if n := testing.AllocsPerRun(100, func() {
		buf = EncodeRow(buf[:0], d, Header{XID: 3}, row)
		if err := DecodeColumns(d, buf, wanted, out); err != nil {
			t.Fatal(err)
		}
		key = AppendPrefix(key[:0], 5, 16384)
		key = AppendKey(key, int4, row[0], false, false)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzDecodeRow(f *testing.F) {
	cols := make([]Column, len(rowTypes))
	for i, oid := range rowTypes {
		cols[i] = col(oid)
	}
	d := NewRowDesc(cols)
	rng := rand.New(rand.NewSource(2))
	for range 5 {
		row := make([]data.Datum, len(cols))
		for i := range row {
			row[i] = sample(rng, cols[i].Type)
		}
		f.Add(EncodeRow(nil, d, Header{XID: 1}, row))
	}
	out := make([]data.Datum, len(cols))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := DecodeRow(d, b, out); err != nil && pgerr.Code(err) != pgerr.DataCorrupted {
			t.Errorf("error %v", err)
		}
	})
}

func BenchmarkDecodeOneColumn(b *testing.B) {
	d := NewRowDesc([]Column{col(types.Int4), col(types.Int4), col(types.Int4), col(types.BpChar)})
	row := EncodeRow(nil, d, Header{}, []data.Datum{data.Int(1), data.Int(1), data.Int(0),
		data.String(strings.Repeat(" ", 84))})
	wanted, out := []int{2}, make([]data.Datum, 1)
	b.ReportAllocs()
	for b.Loop() {
		if err := DecodeColumns(d, row, wanted, out); err != nil {
			b.Fatal(err)
		}
	}
}
