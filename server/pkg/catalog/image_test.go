package catalog

import (
	"bytes"
	"testing"
	"time"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/kv/memkv"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
)

func testImage(t testing.TB) *Image {
	t.Helper()
	img, err := OpenImage(nil)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// The catalog relations describe themselves as PostgreSQL 15 does.
func TestCatalogDescriptors(t *testing.T) {
	img := testImage(t)
	for _, c := range []struct {
		oid     uint32
		name    string
		columns int
		key     []int16
		indexes int
		shared  bool
	}{
		{1259, "pg_class", 33, []int16{1}, 3, false},
		{1249, "pg_attribute", 26, []int16{1, 6}, 2, false},
		{1247, "pg_type", 32, []int16{1}, 2, false},
		{1255, "pg_proc", 30, []int16{1}, 2, false},
		{2608, "pg_depend", 7, nil, 2, false},
		{1262, "pg_database", 16, []int16{1}, 2, true},
		{2619, "pg_statistic", 31, []int16{1, 2, 3}, 1, false},
	} {
		tab, err := img.Table(c.oid)
		if err != nil || tab == nil {
			t.Fatalf("%s: %v %v", c.name, tab, err)
		}
		var key []int16
		for _, k := range tab.Key {
			key = append(key, k.Attnum)
		}
		if tab.Name != c.name || len(tab.Columns) != c.columns || len(tab.Indexes) != c.indexes || tab.Shared != c.shared ||
			len(key) != len(c.key) || tab.SchemaName != "pg_catalog" {
			t.Errorf("%s: %d columns, key %v, %d indexes, shared %v", tab.Name, len(tab.Columns), key, len(tab.Indexes), tab.Shared)
		}
		for i := range key {
			if key[i] != c.key[i] {
				t.Errorf("%s: key %v, want %v", tab.Name, key, c.key)
			}
		}
	}
	if tab, err := img.Table(2662); err != nil || tab != nil {
		t.Errorf("an index has a table descriptor: %v %v", tab, err)
	}
}

// Every relation's entries sort strictly, each key finds itself, and each row decodes to what was exported.
func TestImageRanges(t *testing.T) {
	img := testImage(t)
	start := time.Now()
	total := 0
	for storage := range img.owner {
		r, err := img.storageRange(storage)
		if err != nil {
			t.Fatalf("storage %d: %v", storage, err)
		}
		if r == nil {
			continue
		}
		total += r.len()
		for i := range r.len() {
			if i > 0 && bytes.Compare(r.key(i-1), r.key(i)) >= 0 {
				t.Fatalf("storage %d: keys %d and %d are out of order", storage, i-1, i)
			}
		}
	}
	t.Logf("%d entries in %v", total, time.Since(start))
	if total < 20000 {
		t.Errorf("only %d entries", total)
	}
}

func TestImageLeavesOut(t *testing.T) {
	img, err := OpenImage(func(oid uint32) bool { return oid == 1598 }) // random()
	if err != nil {
		t.Fatal(err)
	}
	procs, err := img.rel(ProcRelation)
	if err != nil || len(procs.rows) != 1 {
		t.Fatalf("%d rows, %v", len(procs.rows), err)
	}
	row := ReadPgProc(procs.row(0, nil))
	if row.Proname != "random" || row.Provolatile != 'v' || row.Prorettype != 701 || row.Prosrc != "drandom" {
		t.Errorf("%+v", row)
	}
}

// A merged transaction against a model: the image's keys in a map, changed along with the store.
func TestImageTxnModel(t *testing.T) {
	img := testImage(t)
	store := memkv.New()
	defer store.Close()
	raw, err := store.Begin(kv.TxnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Rollback()
	txn := img.WithImage(raw)
	r, err := img.storageRange(NamespaceRelation)
	if err != nil {
		t.Fatal(err)
	}
	prefix := rowcodec.AppendPrefix(nil, 5, NamespaceRelation)
	model := map[string]string{}
	for i := range r.len() {
		model[string(append(prefix[:8:8], r.key(i)...))] = string(r.appendValue(nil, i))
	}
	key := func(n int64) []byte {
		return rowcodec.AppendKey(prefix[:8:8], r.table.RowKey[0].Type, data.Int(n), false, false)
	}
	op := kv.OpNum(0)
	put := func(n int64, v string) {
		op++
		model[string(key(n))] = v
		if err := txn.Put(op, key(n), []byte(v)); err != nil {
			t.Fatal(err)
		}
	}
	del := func(n int64) {
		op++
		delete(model, string(key(n)))
		if err := txn.Delete(op, key(n)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string) {
		t.Helper()
		compareModel(t, what, txn, prefix, model)
	}
	check("image alone")
	put(2200, "\x01shadow")
	check("shadow")
	del(11)
	check("delete of an image row")
	put(20000, "\x01new")
	put(1, "\x01first")
	check("new rows")
	del(20000)
	check("delete of a new row")
	put(11, "\x01again")
	check("insert after delete")
	del(2200)
	check("delete of a shadow")
}

// compareModel reads all of a range in every way and compares.
func compareModel(t *testing.T, what string, txn kv.Txn, prefix []byte, model map[string]string) {
	t.Helper()
	view := kv.View{TS: kv.Newest, ReadOp: kv.MaxOp}
	for _, reverse := range []bool{false, true} {
		for _, keysOnly := range []bool{false, true} {
			s, err := txn.NewScan(view, kv.ScanSpec{Start: prefix, End: kv.PrefixEnd(prefix), Reverse: reverse, KeysOnly: keysOnly})
			if err != nil {
				t.Fatal(err)
			}
			seen, last := 0, ""
			for more := true; more; {
				var rows kv.Rows
				if more, err = s.Next(&rows, 2); err != nil {
					t.Fatal(err)
				}
				for i := range rows.Len() {
					k := string(rows.Key(i))
					if want, ok := model[k]; !ok || !keysOnly && want != string(rows.Value(i)) {
						t.Errorf("%s: key %x has %q, want %q (%v)", what, k, rows.Value(i), want, ok)
					}
					if seen > 0 && (last < k) == reverse {
						t.Errorf("%s: key %x after %x, reverse %v", what, k, last, reverse)
					}
					last = k
					seen++
				}
			}
			s.Close()
			if seen != len(model) {
				t.Errorf("%s: %d rows, want %d (reverse %v)", what, seen, len(model), reverse)
			}
		}
	}
	var keys [][]byte
	for k := range model {
		keys = append(keys, []byte(k))
	}
	keys = append(keys, append(prefix[:8:8], 1, 2, 3))
	var rows kv.Rows
	if err := txn.MultiGet(view, keys, &rows); err != nil {
		t.Fatal(err)
	}
	for i, k := range keys {
		val, ver, err := txn.Get(view, k, nil)
		want, ok := model[string(k)]
		if err != nil || ver.Found() != ok || ok && string(val) != want {
			t.Errorf("%s: get %x: %q %v %v, want %q", what, k, val, ver, err, want)
		}
		if rows.Version(i).Found() != ok || ok && string(rows.Value(i)) != want {
			t.Errorf("%s: multi-get %x: %q, want %q", what, k, rows.Value(i), want)
		}
	}
}
