package rowcodec

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// keyValues are texts of values of each type that can be a key.
var keyValues = map[uint32][]string{
	types.Bool:    {"t", "f"},
	types.Int2:    {"0", "1", "-1", "32767", "-32768"},
	types.Int4:    {"0", "1", "-1", "255", "256", "2147483647", "-2147483648"},
	types.Int8:    {"0", "1", "-1", "9223372036854775807", "-9223372036854775808"},
	types.Oid:     {"0", "1", "4294967295"},
	types.Float4:  {"0", "-0", "1.5", "-1.5", "nan", "inf", "-inf", "1e-45"},
	types.Float8:  {"0", "-0", "1.5", "-1.5", "nan", "inf", "-inf", "5e-324", "-1e300"},
	types.Text:    {"", "a", "ab", "b", "a\x01", "é", "\x01", "\xff", "a\x00b", "a\x00", "a\x00\xff"},
	types.Varchar: {"", "x", "x y"},
	types.Name:    {"", "pg_class"},
	types.BpChar:  {"", "a", "a  ", "a b", " "},
	types.Bytea:   {"", `\x00`, `\x0000`, `\x00ff`, `\xff`, `\x0001`, `\x01`},
	types.Char:    {"", "a", `\377`},
	types.Numeric: {"0", "0.00", "1", "1.00", "-1", "10", "9999", "10000", "10000.0001", "-10000.0001",
		"0.0001", "-0.0001", "1e30", "-1e30", "1e-30", "nan", "inf", "-inf", "12345678.9", "0.5", "0.05", "99999999"},
	types.UUID:        {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
	types.Date:        {"2000-01-01", "1999-12-31", "infinity", "-infinity", "0044-03-15 BC"},
	types.Time:        {"00:00", "24:00", "12:34:56.789"},
	types.Timestamp:   {"2000-01-01", "1999-12-31 23:59:59.999999", "infinity", "-infinity"},
	types.TimestampTZ: {"2000-01-01+00", "1999-12-31+00", "infinity", "-infinity"},
	types.TimeTZ:      {"00:00+00", "00:00+01", "01:00+01", "23:00-08"},
	types.Interval:    {"0", "1 mon", "30 days", "720:00", "-1 mon", "1 day -1 hour", "178000000 years", "-178000000 years", "2147483647 days"},
	types.TID:         {"(0,1)", "(1,0)", "(4294967295,65535)"},
	types.PgLSN:       {"0/0", "FFFFFFFF/FFFFFFFF", "1/0"},
	types.Int4Array:   {"{}", "{1}", "{1,2}", "{2}", "{NULL}", "{1,NULL}", "{{1},{2}}", "[0:1]={1,2}", "{{1,2}}"},
	types.TextArray:   {"{}", "{a}", "{a,b}", `{""}`, "{ab}", "{NULL,a}"},
	types.OidVector:   {"", "1", "2", "1 2", "4294967295"},
}

func readAll(t testing.TB, typ *types.Type) []data.Datum {
	t.Helper()
	c := types.NewCtx(&data.Arena{})
	out := []data.Datum{data.Null}
	for _, s := range keyValues[typ.OID] {
		d, err := typ.In(c, s, -1)
		if err != nil {
			t.Fatalf("%s %q: %v", typ.Name, s, err)
		}
		out = append(out, d)
	}
	return out
}

// compare orders with nulls as asked.
func compare(typ *types.Type, a, b data.Datum, desc, nullsFirst bool) int {
	if a.IsNull() || b.IsNull() {
		switch {
		case a.IsNull() && b.IsNull():
			return 0
		case a.IsNull() == nullsFirst:
			return -1
		}
		return 1
	}
	if desc {
		return typ.Compare(b, a)
	}
	return typ.Compare(a, b)
}

func TestKeysSortAsValues(t *testing.T) {
	for oid := range keyValues {
		typ := types.Get(oid)
		vals := readAll(t, typ)
		for variant := range 4 {
			desc, first := variant&1 != 0, variant&2 != 0
			for _, a := range vals {
				ka := AppendKey(nil, typ, a, desc, first)
				checkDecode(t, typ, a, ka, desc, first)
				for _, b := range vals {
					kb := AppendKey(nil, typ, b, desc, first)
					if got, want := bytes.Compare(ka, kb), compare(typ, a, b, desc, first); got != want {
						t.Errorf("%s desc %v: keys %x and %x compare %d, values %d", typ.Name, desc, ka, kb, got, want)
					}
				}
			}
		}
	}
}

func checkDecode(t *testing.T, typ *types.Type, d data.Datum, key []byte, desc, first bool) {
	t.Helper()
	var arena data.Arena
	tail := append(bytes.Clone(key), "tail"...)
	got, rest, err := DecodeKey(&arena, typ, tail, desc, first)
	if err != nil || string(rest) != "tail" {
		t.Fatalf("%s: decoding %x: %v, rest %q", typ.Name, key, err, rest)
	}
	if skipped, err := SkipKey(typ, tail, desc); err != nil || string(skipped) != "tail" {
		t.Fatalf("%s: skipping %x: %v, rest %q", typ.Name, key, err, skipped)
	}
	if compare(typ, d, got, false, false) != 0 {
		t.Errorf("%s: decoded value is not equal to what key %x was made of", typ.Name, key)
	}
	c := types.NewCtx(&arena)
	if KeyExact(typ) && !d.IsNull() {
		if a, b := typ.Out(c, nil, d), typ.Out(c, nil, got); !bytes.Equal(a, b) {
			t.Errorf("%s: %s became %s", typ.Name, a, b)
		}
	}
}

func TestKeyable(t *testing.T) {
	all := types.All()
	for i := range all {
		_, tested := keyValues[all[i].OID]
		if Keyable(&all[i]) && !all[i].HasOrder() {
			t.Errorf("%s is keyable without an order", all[i].Name)
		}
		if tested && !Keyable(&all[i]) {
			t.Errorf("%s is not keyable", all[i].Name)
		}
	}
	for _, oid := range []uint32{types.JSON, types.XML, types.XID, types.Record, types.JSONArray} {
		if Keyable(types.Get(oid)) {
			t.Errorf("%s is keyable", types.Get(oid).Name)
		}
	}
}

func TestIndexEntries(t *testing.T) {
	int4, text := types.Get(types.Int4), types.Get(types.Text)
	x := Index{Database: 5, Storage: 16390, Unique: true,
		Cols: []KeyColumn{{Type: int4}, {Type: text, Desc: true, NullsFirst: true}}}
	rowKey := AppendRowID(nil, 12)
	for _, c := range []struct {
		vals  []data.Datum
		alone bool
	}{
		{[]data.Datum{data.Int(1), data.String("a")}, true},
		{[]data.Datum{data.Int(1), data.Null}, false},
	} {
		key, alone := x.AppendEntryKey(nil, c.vals, rowKey)
		if alone != c.alone {
			t.Errorf("alone %v, want %v", alone, c.alone)
		}
		got, err := x.EntryRowKey(key, x.AppendEntryValue(nil, rowKey, alone))
		if err != nil || !bytes.Equal(got, rowKey) {
			t.Errorf("row key %x (%v), want %x", got, err, rowKey)
		}
		if db, storage, ok := Prefix(key); !ok || db != 5 || storage != 16390 {
			t.Errorf("prefix %d %d", db, storage)
		}
	}
	x.NullsNotDistinct = true
	if !x.Alone([]data.Datum{data.Int(1), data.Null}) {
		t.Error("nulls not distinct: not alone")
	}
	if _, err := x.EntryRowKey([]byte("short"), []byte{9}); pgerr.Code(err) != pgerr.DataCorrupted {
		t.Errorf("bad entry: %v", err)
	}
}

func TestRangeEnds(t *testing.T) {
	for _, c := range [][2]string{{"\x01\x02", "\x01\x03"}, {"\x01\xff", "\x02"}, {"\xff\xff", ""}, {"", ""}} {
		if got := string(AppendNext([]byte(c[0]), 0)); got != c[1] {
			t.Errorf("next of %x is %x, want %x", c[0], got, c[1])
		}
	}
	if got := AppendPrefixEnd(nil, 1, 1<<32-1); !bytes.Equal(got, []byte{0, 0, 0, 2}) {
		t.Errorf("end of the last storage id: %x", got)
	}
	if !bytes.Equal(AppendPrefixEnd(nil, 1, 2), AppendPrefix(nil, 1, 3)) {
		t.Error("end of storage id 2 is not the start of 3")
	}
}

func TestRandomTextKeys(t *testing.T) {
	rng := rand.New(rand.NewSource(3))
	text := types.Get(types.Bytea)
	value := func() data.Datum {
		b := make([]byte, rng.Intn(6))
		for i := range b {
			b[i] = []byte{0, 1, 2, 254, 255}[rng.Intn(5)]
		}
		return data.Bytes(b)
	}
	for range 20000 {
		a, b := value(), value()
		desc := rng.Intn(2) == 0
		ka, kb := AppendKey(nil, text, a, desc, false), AppendKey(nil, text, b, desc, false)
		if bytes.Compare(ka, kb) != compare(text, a, b, desc, false) {
			t.Fatalf("%x and %x", a.Bytes(), b.Bytes())
		}
		checkDecode(t, text, a, ka, desc, false)
	}
}

func FuzzDecodeKey(f *testing.F) {
	var list []*types.Type
	for oid := range keyValues {
		list = append(list, types.Get(oid))
	}
	for i, typ := range list {
		for _, v := range readAll(f, typ) {
			f.Add(uint8(i), AppendKey(nil, typ, v, false, false))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		typ := list[int(which)%len(list)]
		var arena data.Arena
		desc := which&0x80 != 0
		d, rest, err := DecodeKey(&arena, typ, b, desc, false)
		skipped, skipErr := SkipKey(typ, b, desc)
		if err != nil {
			if pgerr.Code(err) != pgerr.DataCorrupted {
				t.Errorf("error %v", err)
			}
			return
		}
		if skipErr != nil || !bytes.Equal(rest, skipped) {
			t.Errorf("%s: reading leaves %x, skipping %x (%v)", typ.Name, rest, skipped, skipErr)
		}
		if !d.IsNull() {
			typ.Out(types.NewCtx(&arena), nil, d)
		}
	})
}

var update = flag.Bool("update", false, "write testdata/keys.txt anew")

// TestKeyVectors holds the key format: testdata/keys.txt is also read by tests of
// other languages. Each line is type, text, hex of the ascending key, of the
// descending key.
func TestKeyVectors(t *testing.T) {
	const path = "testdata/keys.txt"
	var b strings.Builder
	b.WriteString("# type, text, ascending key, descending key (nulls last)\n")
	all := types.All()
	for i := range all {
		typ := &all[i]
		c := types.NewCtx(&data.Arena{})
		for _, s := range keyValues[typ.OID] {
			d, err := typ.In(c, s, -1)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s\t%q\t%x\t%x\n", typ.Name, s,
				AppendKey(nil, typ, d, false, false), AppendKey(nil, typ, d, true, false))
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := bufio.NewScanner(strings.NewReader(b.String()))
	for _, line := range strings.Split(strings.TrimSuffix(string(want), "\n"), "\n") {
		if !got.Scan() || got.Text() != line {
			t.Fatalf("the key format changed: %s\nis now %s", line, got.Text())
		}
		if f := strings.Split(line, "\t"); len(f) == 4 {
			if _, err := hex.DecodeString(f[2]); err != nil {
				t.Errorf("line %q: %v", line, err)
			}
		}
	}
}
