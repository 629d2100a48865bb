package kvtest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

func testReadYourWrites(t *testing.T, s kv.Store) {
	x, y := begin(t, s), begin(t, s)
	defer y.Rollback()
	write(t, x, 1, "a", "1")
	want(t, x, newest, "a", "1")
	want(t, y, newest, "a", "")
	if !x.Written() || y.Written() {
		t.Error("Written is wrong")
	}
	ts := commit(t, x)
	if ts == 0 {
		t.Error("a commit with writes got timestamp 0")
	}
	want(t, y, newest, "a", "1")
	_, ver, err := y.Get(newest, []byte("a"), nil)
	check(t, err)
	if ver.Own || ver.TS != ts {
		t.Errorf("version %+v, want timestamp %d", ver, ts)
	}
	z := begin(t, s)
	write(t, z, 1, "b", "2")
	z.Rollback()
	want(t, y, newest, "b", "")
}

func testOperationNumbers(t *testing.T, s kv.Store) {
	put(t, s, "a", "committed")
	x := begin(t, s)
	defer x.Rollback()
	write(t, x, 1, "a", "one")
	write(t, x, 3, "a", "three")
	for _, c := range []struct {
		read  kv.OpNum
		value string
	}{{0, "committed"}, {1, "committed"}, {2, "one"}, {3, "one"}, {4, "three"}, {kv.MaxOp, "three"}} {
		want(t, x, kv.View{TS: kv.Newest, ReadOp: c.read}, "a", c.value)
		equal(t, scan(t, x, kv.View{TS: kv.Newest, ReadOp: c.read}, kv.ScanSpec{}, 10), "a="+c.value)
	}
	write(t, x, 3, "a", "three again")
	want(t, x, newest, "a", "three again")
}

func testSavepoints(t *testing.T, s kv.Store) {
	put(t, s, "a", "0", "b", "0")
	x := begin(t, s)
	write(t, x, 1, "a", "1")
	write(t, x, 2, "a", "2")
	remove(t, x, 2, "b")
	write(t, x, 3, "c", "3")
	check(t, x.RollbackTo(2))
	want(t, x, newest, "a", "1")
	want(t, x, newest, "b", "0")
	want(t, x, newest, "c", "")
	write(t, x, 2, "d", "4")
	commit(t, x)
	y := begin(t, s)
	defer y.Rollback()
	equal(t, scan(t, y, newest, kv.ScanSpec{}, 10), "a=1", "b=0", "d=4")
}

func testSnapshots(t *testing.T, s kv.Store) {
	put(t, s, "a", "1", "b", "1")
	snap, err := s.Snapshot()
	check(t, err)
	old := kv.View{TS: snap.TS()}
	for i := range 50 {
		put(t, s, "a", fmt.Sprint("new", i))
	}
	x := begin(t, s)
	remove(t, x, 1, "b")
	commit(t, x)
	y := begin(t, s)
	defer y.Rollback()
	want(t, y, old, "a", "1")
	want(t, y, old, "b", "1")
	equal(t, scan(t, y, old, kv.ScanSpec{}, 10), "a=1", "b=1")
	equal(t, scan(t, y, newest, kv.ScanSpec{}, 10), "a=new49")
	snap.Release()
	snap2, err := s.Snapshot()
	check(t, err)
	defer snap2.Release()
	if snap2.TS() <= old.TS {
		t.Errorf("a later snapshot is at %d, not above %d", snap2.TS(), old.TS)
	}
	want(t, y, kv.View{TS: snap2.TS()}, "a", "new49")
}

func testDeleteAndMove(t *testing.T, s kv.Store) {
	put(t, s, "a", "1", "b", "2")
	x := begin(t, s)
	remove(t, x, 1, "a")
	_, ver, err := x.Get(newest, []byte("a"), nil)
	check(t, err)
	if ver.Kind != kv.Deleted || !ver.Own {
		t.Errorf("own delete reads as %+v", ver)
	}
	_, err = x.LockRow(ctx, 1, []byte("b"), kv.Update, kv.LockOptions{})
	check(t, err)
	check(t, x.Move(1, []byte("b"), []byte("z")))
	write(t, x, 1, "z", "2")
	commit(t, x)
	y := begin(t, s)
	defer y.Rollback()
	if _, ver, err = y.Get(newest, []byte("a"), nil); err != nil || ver.Kind == kv.Value || ver.Kind == kv.Moved {
		t.Errorf("deleted key reads as %+v, %v", ver, err)
	}
	val, ver, err := y.Get(newest, []byte("b"), nil)
	check(t, err)
	if ver.Kind != kv.Moved || string(val) != "z" {
		t.Errorf("moved key reads as %q, %+v", val, ver)
	}
	equal(t, scan(t, y, newest, kv.ScanSpec{}, 10), "z=2")
}

func testScan(t *testing.T, s kv.Store) {
	put(t, s, "a", "1", "b", "2", "b\x00", "3", "c", "4", "d\xff", "5")
	x := begin(t, s)
	defer x.Rollback()
	b := func(s string) []byte { return []byte(s) }
	for _, c := range []struct {
		spec kv.ScanSpec
		want string
	}{
		{kv.ScanSpec{}, "[a=1 b=2 b\x00=3 c=4 d\xff=5]"},
		{kv.ScanSpec{Reverse: true}, "[d\xff=5 c=4 b\x00=3 b=2 a=1]"},
		{kv.ScanSpec{Start: b("b")}, "[b=2 b\x00=3 c=4 d\xff=5]"},
		{kv.ScanSpec{Start: b("b"), End: b("c")}, "[b=2 b\x00=3]"},
		{kv.ScanSpec{Start: b("b"), End: b("c"), Reverse: true}, "[b\x00=3 b=2]"},
		{kv.ScanSpec{Start: b("bb"), End: b("bc")}, "[]"},
		{kv.ScanSpec{Start: b("d"), End: nil, Reverse: true}, "[d\xff=5]"},
		{kv.ScanSpec{KeysOnly: true, End: b("b")}, "[a=]"},
		{kv.ScanSpec{Start: b("c"), End: b("a")}, "[]"},
	} {
		for _, n := range []int{1, 2, 100} {
			if got := fmt.Sprint(scan(t, x, newest, c.spec, n)); got != c.want {
				t.Errorf("%q..%q reverse %v by %d: %q, want %q", c.spec.Start, c.spec.End, c.spec.Reverse, n, got, c.want)
			}
		}
	}
}

func testScanOwn(t *testing.T, s kv.Store) {
	put(t, s, "a", "1", "c", "3", "e", "5")
	x := begin(t, s)
	defer x.Rollback()
	write(t, x, 1, "b", "2")
	remove(t, x, 1, "c")
	write(t, x, 1, "e", "own")
	write(t, x, 1, "f", "6")
	write(t, x, 2, "g", "late")
	v := kv.View{TS: kv.Newest, ReadOp: 2}
	equal(t, scan(t, x, v, kv.ScanSpec{}, 2), "a=1", "b=2", "e=own", "f=6")
	equal(t, scan(t, x, v, kv.ScanSpec{Reverse: true}, 2), "f=6", "e=own", "b=2", "a=1")
	equal(t, scan(t, x, kv.View{TS: kv.Newest}, kv.ScanSpec{}, 2), "a=1", "c=3", "e=5")
}

func testScanSteps(t *testing.T, s kv.Store) {
	const n = 5000
	x := begin(t, s)
	for i := range n {
		check(t, x.Put(1, fmt.Appendf(nil, "k%05d", i), bytes.Repeat([]byte{'v'}, i%200)))
	}
	commit(t, x)
	y := begin(t, s)
	for i := 0; i < n; i += 2 {
		check(t, y.Delete(1, fmt.Appendf(nil, "k%05d", i)))
	}
	commit(t, y)
	z := begin(t, s)
	defer z.Rollback()
	for _, reverse := range []bool{false, true} {
		got := scan(t, z, newest, kv.ScanSpec{Reverse: reverse}, kv.MaxScanRows)
		if len(got) != n/2 {
			t.Fatalf("%d rows, want %d", len(got), n/2)
		}
		for i, row := range got {
			k := 2*i + 1
			if reverse {
				k = n - 1 - 2*i
			}
			if w := fmt.Sprintf("k%05d=%s", k, strings.Repeat("v", k%200)); row != w {
				t.Fatalf("row %d is %.40q, want %.40q", i, row, w)
			}
		}
	}
}

func testMultiGet(t *testing.T, s kv.Store) {
	put(t, s, "a", "1", "c", "3")
	x := begin(t, s)
	defer x.Rollback()
	write(t, x, 1, "d", "4")
	remove(t, x, 1, "c")
	var rows kv.Rows
	keys := [][]byte{[]byte("d"), []byte("a"), []byte("b"), []byte("c"), []byte("a")}
	check(t, x.MultiGet(newest, keys, &rows))
	var got []string
	for i := range rows.Len() {
		if !bytes.Equal(rows.Key(i), keys[i]) {
			t.Errorf("row %d has key %q", i, rows.Key(i))
		}
		if rows.Version(i).Found() {
			got = append(got, string(rows.Value(i)))
		} else {
			got = append(got, "-")
		}
	}
	equal(t, got, "4", "1", "-", "-", "1")
}

func testDropRange(t *testing.T, s kv.Store) {
	put(t, s, "a", "1", "b1", "2", "b2", "3", "c", "4")
	snap, err := s.Snapshot()
	check(t, err)
	defer snap.Release()
	x := begin(t, s)
	write(t, x, 1, "b3", "5")
	check(t, x.DropRange(2, []byte("b"), []byte("c")))
	want(t, x, newest, "b1", "")
	want(t, x, newest, "b3", "")
	want(t, x, kv.View{TS: kv.Newest, ReadOp: 2}, "b3", "5")
	equal(t, scan(t, x, newest, kv.ScanSpec{}, 10), "a=1", "c=4")
	y := begin(t, s)
	defer y.Rollback()
	want(t, y, newest, "b1", "2")
	z := begin(t, s)
	check(t, z.DropRange(1, []byte("c"), []byte("d")))
	check(t, z.RollbackTo(1))
	want(t, z, newest, "c", "4")
	commit(t, z)
	commit(t, x)
	equal(t, scan(t, y, newest, kv.ScanSpec{}, 10), "a=1", "c=4")
	equal(t, scan(t, y, kv.View{TS: snap.TS()}, kv.ScanSpec{}, 10), "a=1", "b1=2", "b2=3", "c=4")
	put(t, s, "b9", "after")
	equal(t, scan(t, y, newest, kv.ScanSpec{}, 10), "a=1", "b9=after", "c=4")
}

func testOwnRange(t *testing.T, s kv.Store) {
	put(t, s, "a", "1")
	x := begin(t, s)
	check(t, x.OwnRange(1, []byte("t/"), []byte("t0")))
	for i := range 3000 {
		check(t, x.Put(1, fmt.Appendf(nil, "t/%d", i*7919%3000), []byte(fmt.Sprint(i))))
	}
	want(t, x, newest, "t/7919", "")
	want(t, x, newest, "t/1919", "1")
	commit(t, x)
	y := begin(t, s)
	defer y.Rollback()
	if n := len(scan(t, y, newest, kv.ScanSpec{Start: []byte("t/"), End: []byte("t0")}, 1000)); n != 3000 {
		t.Errorf("%d rows after commit, want 3000", n)
	}
	z := begin(t, s)
	check(t, z.OwnRange(1, []byte("u/"), []byte("u0")))
	check(t, z.Put(1, []byte("u/1"), []byte("x")))
	z.Rollback()
	want(t, y, newest, "u/1", "")
}

func testLimits(t *testing.T, s kv.Store) {
	x := begin(t, s)
	defer x.Rollback()
	wantErr(t, x.Put(1, nil, []byte("v")), kv.ErrInvalidArg)
	wantErr(t, x.Put(1, make([]byte, kv.MaxKeyBytes+1), nil), kv.ErrInvalidArg)
	wantErr(t, x.Delete(1, nil), kv.ErrInvalidArg)
	_, _, err := x.Get(newest, nil, nil)
	wantErr(t, err, kv.ErrInvalidArg)
	_, err = x.LockRow(ctx, 1, nil, kv.Update, kv.LockOptions{})
	wantErr(t, err, kv.ErrInvalidArg)
	long := bytes.Repeat([]byte{0xff}, kv.MaxKeyBytes)
	check(t, x.Put(1, long, bytes.Repeat([]byte("v"), 3<<20)))
	check(t, x.Put(1, []byte("empty"), nil))
	val, ver, err := x.Get(newest, long, nil)
	if err != nil || !ver.Found() || len(val) != 3<<20 {
		t.Errorf("longest key: %d bytes, %+v, %v", len(val), ver, err)
	}
	commit(t, x)
	y := begin(t, s)
	defer y.Rollback()
	val, ver, err = y.Get(newest, long, nil)
	if err != nil || !ver.Found() || len(val) != 3<<20 {
		t.Errorf("longest key after commit: %d bytes, %+v, %v", len(val), ver, err)
	}
	if val, ver, err = y.Get(newest, []byte("empty"), nil); err != nil || !ver.Found() || len(val) != 0 {
		t.Errorf("empty value: %q, %+v, %v", val, ver, err)
	}
}

func testCounters(t *testing.T, s kv.Store) {
	first := func(name string, n uint64) uint64 {
		v, err := s.Reserve(ctx, name, n)
		check(t, err)
		return v
	}
	got := fmt.Sprint(first("a", 1), first("a", 10), first("b", 5), first("a", 1))
	if got != "1 2 1 12" {
		t.Errorf("counters gave %s, want 1 2 1 12", got)
	}
	_, err := s.Reserve(ctx, "", 1)
	wantErr(t, err, kv.ErrInvalidArg)
	_, err = s.Reserve(ctx, "a", 0)
	wantErr(t, err, kv.ErrInvalidArg)
}

func testEnded(t *testing.T, s kv.Store) {
	x := begin(t, s)
	commit(t, x)
	x.Rollback()
	_, _, err := x.Get(newest, []byte("a"), nil)
	wantErr(t, err, kv.ErrTxnDone)
	wantErr(t, x.Put(1, []byte("a"), nil), kv.ErrTxnDone)
	_, err = x.LockRow(ctx, 1, []byte("a"), kv.Update, kv.LockOptions{})
	wantErr(t, err, kv.ErrTxnDone)
	_, err = x.Commit(ctx, kv.CommitOptions{})
	wantErr(t, err, kv.ErrTxnDone)
}

func testClosed(t *testing.T, s kv.Store) {
	x := begin(t, s)
	write(t, x, 1, "a", "1")
	check(t, s.Close())
	wantErr(t, s.Close(), kv.ErrClosed)
	if _, err := s.Begin(kv.TxnOptions{}); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("Begin after Close: %v", err)
	}
	if _, err := s.Snapshot(); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("Snapshot after Close: %v", err)
	}
	err := x.Put(1, []byte("a"), nil)
	if !errors.Is(err, kv.ErrTxnDone) && !errors.Is(err, kv.ErrClosed) {
		t.Errorf("Put after Close: %v", err)
	}
	x.Rollback()
}

// testLargeTransaction goes beyond what a store buffers in memory: it must
// spill and still read, scan, cut and commit as before.
func testLargeTransaction(t *testing.T, s kv.Store) {
	const n, size = 6000, 2000
	put(t, s, "k00001", "old", "x", "before")
	x := begin(t, s)
	for i := range n {
		write(t, x, 1, fmt.Sprintf("k%05d", i), fmt.Sprintf("%d-%s", i, strings.Repeat("v", size)))
	}
	want(t, x, kv.View{TS: kv.Newest, ReadOp: 1}, "k00001", "old")
	val, ver, err := x.Get(newest, []byte("k00001"), nil)
	if err != nil || !ver.Own || !bytes.HasPrefix(val, []byte("1-v")) {
		t.Fatalf("own early write: %.10q %+v %v", val, ver, err)
	}
	for i := range n {
		write(t, x, 2, fmt.Sprintf("m%05d", i), strings.Repeat("w", size))
	}
	check(t, x.RollbackTo(2))
	if rows := scan(t, x, newest, kv.ScanSpec{}, 500); len(rows) != n+1 {
		t.Fatalf("%d rows before commit, want %d", len(rows), n+1)
	}
	write(t, x, 2, "k00002", "second")
	commit(t, x)
	y := begin(t, s)
	defer y.Rollback()
	rows := scan(t, y, newest, kv.ScanSpec{}, 500)
	if len(rows) != n+1 || rows[2] != "k00002=second" || rows[n] != "x=before" {
		t.Fatalf("%d rows after commit, row 2 %.20q", len(rows), rows[2])
	}
}

func testReopen(t *testing.T, h Harness) {
	s := h.New(t)
	put(t, s, "a", "1", "b", "2", "c", "3")
	x := begin(t, s)
	remove(t, x, 1, "b")
	commit(t, x)
	y := begin(t, s)
	check(t, y.DropRange(1, []byte("c"), []byte("d")))
	last := commit(t, y)
	first, err := s.Reserve(ctx, "ids", 10)
	check(t, err)
	lost := begin(t, s)
	write(t, lost, 1, "lost", "x")

	s = h.Reopen(t, s)
	z := begin(t, s)
	equal(t, scan(t, z, newest, kv.ScanSpec{}, 10), "a=1")
	z.Rollback()
	second, err := s.Reserve(ctx, "ids", 1)
	check(t, err)
	if second < first+10 {
		t.Errorf("counter gave %d again after %d..%d", second, first, first+9)
	}
	if ts := put(t, s, "a", "2"); ts <= last {
		t.Errorf("timestamp %d after reopening is not above %d", ts, last)
	}
	s = h.Reopen(t, s)
	z = begin(t, s)
	want(t, z, newest, "a", "2")
	z.Rollback()
	check(t, s.Close())
}
