package kvtest

import (
	"testing"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// testPrepare: a prepared transaction keeps its locks, goes on to commit, and
// can be made again from its state as if nothing had happened in between.
func testPrepare(t *testing.T, s kv.Store) {
	put(t, s, "a", "1", "b", "2", "c", "3")
	x := begin(t, s)
	nowait := kv.LockOptions{Policy: kv.NoWait}
	for _, key := range []string{"a", "b", "c", "d"} {
		if _, err := x.LockRow(ctx, 1, []byte(key), kv.Update, nowait); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := x.LockObject(ctx, 1, kv.ObjectTag{Space: kv.RelationLock, A: 1, B: 300}, kv.ShareLock, nowait); err != nil {
		t.Fatal(err)
	}
	write(t, x, 1, "a", "first")
	write(t, x, 2, "a", "second")
	write(t, x, 3, "d", "undone")
	check(t, x.RollbackTo(3))
	remove(t, x, 3, "b")
	check(t, x.Move(4, []byte("c"), []byte("z")))
	state, err := x.Prepare()
	check(t, err)
	blocked := func() {
		t.Helper()
		y := begin(t, s)
		defer y.Rollback()
		_, err := y.LockRow(ctx, 1, []byte("a"), kv.KeyShare, nowait)
		wantErr(t, err, kv.ErrLockNotAvailable)
		_, err = y.LockObject(ctx, 1, kv.ObjectTag{Space: kv.RelationLock, A: 1, B: 300}, kv.RowExclusive, nowait)
		wantErr(t, err, kv.ErrLockNotAvailable)
		want(t, y, newest, "a", "1")
		want(t, y, newest, "b", "2")
	}
	blocked()
	_, err = s.Adopt(state)
	wantErr(t, err, kv.ErrLockNotAvailable)
	x.Rollback() // as a crash would

	again, err := s.Adopt(state)
	check(t, err)
	blocked()
	write(t, again, 2, "state", "gone")
	commit(t, again)
	y := begin(t, s)
	defer y.Rollback()
	want(t, y, newest, "a", "second")
	want(t, y, newest, "b", "")
	want(t, y, newest, "state", "gone")
	want(t, y, newest, "d", "")
	val, ver, err := y.Get(newest, []byte("c"), nil)
	check(t, err)
	if ver.Kind != kv.Moved || string(val) != "z" {
		t.Errorf("c is %v %q, want moved to z", ver.Kind, val)
	}
	if _, err := y.LockRow(ctx, 1, []byte("a"), kv.Update, nowait); err != nil {
		t.Errorf("the lock outlived the commit: %v", err)
	}

	dropped := begin(t, s)
	defer dropped.Rollback()
	check(t, dropped.DropRange(1, []byte("q"), []byte("r")))
	_, err = dropped.Prepare()
	wantErr(t, err, kv.ErrNotSupported)
}
