package data

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"testing"
	"unsafe"
)

func TestDatumSizeAndValues(t *testing.T) {
	if s := unsafe.Sizeof(Datum{}); s != 24 {
		t.Fatalf("a Datum is %d bytes, want 24", s)
	}
	u := [16]byte{1, 2, 3}
	for _, c := range []struct {
		d    Datum
		kind Kind
		ok   bool
	}{
		{Null, KindNone, Null.IsNull()},
		{Bool(true), KindBool, Bool(true).Bool()},
		{Bool(false), KindBool, !Bool(false).Bool()},
		{Int(-5), KindInt64, Int(-5).Int() == -5},
		{Float(1.5), KindFloat64, Float(1.5).Float() == 1.5},
		{Bytes(nil), KindBytes, len(Bytes(nil).Bytes()) == 0 && !Bytes(nil).IsNull()},
		{String("abc"), KindBytes, String("abc").Str() == "abc"},
		{Fixed16(&u), KindFixed16, *Fixed16(&u).Fixed16() == u},
	} {
		if c.d.Kind() != c.kind || !c.ok {
			t.Errorf("%v: kind %v, value kept: %v", c.kind, c.d.Kind(), c.ok)
		}
	}
}

func TestDatumKindMismatchPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an int read as bytes did not panic")
		}
	}()
	_ = Int(1).Bytes()
}

// TestVecAgainstRows appends random values and compares every lane with a
// plain slice, with NULLs, truncation and reuse.
func TestVecAgainstRows(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	for _, kind := range []Kind{KindBool, KindInt64, KindFloat64, KindFixed16, KindBytes} {
		v := NewVec(kind)
		for round := range 3 {
			v.Reset()
			var want []Datum
			for range rng.Intn(MaxBatch) {
				d := randomDatum(rng, kind)
				want = append(want, d)
				v.Append(d)
			}
			if round == 2 {
				n := rng.Intn(len(want) + 1)
				want = want[:n]
				v.Truncate(n)
				d := randomDatum(rng, kind)
				want = append(want, d)
				v.Append(d)
			}
			if v.Len() != len(want) {
				t.Fatalf("%v: %d values, want %d", kind, v.Len(), len(want))
			}
			for i := range want {
				if got := show(v.Get(i)); got != show(want[i]) {
					t.Fatalf("%v: lane %d is %s, want %s", kind, i, got, show(want[i]))
				}
			}
		}
	}
}

func TestVecAdoptsKindAfterNulls(t *testing.T) {
	v := NewVec(KindNone)
	v.AppendNull()
	v.Append(String("x"))
	if !v.Get(0).IsNull() || v.Get(1).Str() != "x" {
		t.Errorf("got %s, %s", show(v.Get(0)), show(v.Get(1)))
	}
}

func randomDatum(rng *rand.Rand, k Kind) Datum {
	if rng.Intn(4) == 0 {
		return Null
	}
	switch k {
	case KindBool:
		return Bool(rng.Intn(2) == 0)
	case KindInt64:
		return Int(rng.Int63())
	case KindFloat64:
		return Float(rng.NormFloat64())
	case KindFixed16:
		var p [16]byte
		rng.Read(p[:])
		return Fixed16(&p)
	}
	return Bytes(bytes.Repeat([]byte{byte(rng.Intn(256))}, rng.Intn(40)))
}

func show(d Datum) string {
	switch d.Kind() {
	case KindBytes:
		return fmt.Sprintf("%q", d.Bytes())
	case KindFixed16:
		return fmt.Sprintf("%x", *d.Fixed16())
	case KindNone:
		return "null"
	}
	return fmt.Sprint(d.Kind(), d.bits)
}

func TestBatchSelection(t *testing.T) {
	b := NewBatch([]Kind{KindInt64, KindBytes})
	for i := range 10 {
		b.AppendRow(Row{Int(int64(i)), String(fmt.Sprint("v", i))})
	}
	b.Sel = []uint16{2, 7}
	if b.Rows() != 2 || b.Row(b.Lane(1), nil)[1].Str() != "v7" {
		t.Errorf("rows %d, second %v", b.Rows(), b.Row(b.Lane(1), nil)[1].Str())
	}
	b.Reset()
	if b.Rows() != 0 || b.Sel != nil {
		t.Error("Reset left rows")
	}
}

func TestArenaKeepsContentAndAccount(t *testing.T) {
	acct := NewAccount(nil, 0)
	a := NewArena(acct)
	var want, got [][]byte
	for i := range 500 {
		b := bytes.Repeat([]byte{byte(i)}, i*7%900)
		want = append(want, b)
		got = append(got, a.Copy(b))
	}
	big := a.Bytes(1 << 20)
	big[0] = 1
	for i := range want {
		if !bytes.Equal(want[i], got[i]) {
			t.Fatalf("value %d was overwritten", i)
		}
	}
	if acct.Used() != a.MemBytes() || acct.Used() < 1<<20 {
		t.Errorf("account %d, arena %d", acct.Used(), a.MemBytes())
	}
	a.Reset()
	if acct.Used() != a.MemBytes() || acct.Used() > arenaMaxChunkBytes {
		t.Errorf("after Reset: account %d, arena %d", acct.Used(), a.MemBytes())
	}
	a.Free()
	if acct.Used() != 0 {
		t.Errorf("after Free %d bytes are charged", acct.Used())
	}
}

func TestArenaSteadyStateAllocatesNothing(t *testing.T) {
	var a Arena
	n := testing.AllocsPerRun(100, func() {
		a.Reset()
		for range 20 {
			a.Bytes(40)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a round", n)
	}
}

func TestAccountLimit(t *testing.T) {
	parent := NewAccount(nil, 100)
	child := NewAccount(parent, 0)
	if err := child.Reserve(90); err != nil {
		t.Fatal(err)
	}
	if err := child.Reserve(20); !errors.Is(err, ErrOutOfMemory) {
		t.Errorf("over the parent's limit: %v", err)
	}
	child.Shrink(90)
	if parent.Used() != 0 || parent.Peak() != 90 {
		t.Errorf("used %d, peak %d", parent.Used(), parent.Peak())
	}
}
