package kvtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

var noWait = kv.LockOptions{Policy: kv.NoWait}

func testRowLockModes(t *testing.T, s kv.Store) {
	for a := kv.KeyShare; a <= kv.Unwritten; a++ {
		for b := kv.KeyShare; b <= kv.Unwritten; b++ {
			x, y := begin(t, s), begin(t, s)
			_, err := x.LockRow(ctx, 1, []byte("k"), a, noWait)
			check(t, err)
			_, err = y.LockRow(ctx, 1, []byte("k"), b, noWait)
			if got := errors.Is(err, kv.ErrLockNotAvailable); got != a.Conflicts(b) || !got && err != nil {
				t.Errorf("row modes %d and %d: %v, want conflict %v", a, b, err, a.Conflicts(b))
			}
			x.Rollback()
			y.Rollback()
		}
	}
}

func testObjectLockModes(t *testing.T, s kv.Store) {
	tag := kv.ObjectTag{Space: kv.RelationLock, A: 5, B: 16384}
	for a := kv.AccessShare; a <= kv.AccessExclusive; a++ {
		for b := kv.AccessShare; b <= kv.AccessExclusive; b++ {
			x, y := begin(t, s), begin(t, s)
			_, err := x.LockObject(ctx, 1, tag, a, noWait)
			check(t, err)
			_, err = y.LockObject(ctx, 1, tag, b, noWait)
			if got := errors.Is(err, kv.ErrLockNotAvailable); got != a.Conflicts(b) || !got && err != nil {
				t.Errorf("object modes %d and %d: %v, want conflict %v", a, b, err, a.Conflicts(b))
			}
			other := tag
			other.B++
			_, err = y.LockObject(ctx, 1, other, kv.AccessExclusive, noWait)
			check(t, err)
			x.Rollback()
			y.Rollback()
		}
	}
}

// Exclusive is true from the request to the transaction's end, granted or not.
func testExclusive(t *testing.T, s kv.Store) {
	want := func(when string, want bool) {
		t.Helper()
		if got := s.Exclusive(); got != want {
			t.Errorf("%s: Exclusive is %v", when, got)
		}
	}
	tag := kv.ObjectTag{Space: kv.RelationLock, A: 5, B: 16384}
	x, y := begin(t, s), begin(t, s)
	_, err := x.LockObject(ctx, 1, tag, kv.ExclusiveLock, noWait)
	check(t, err)
	_, err = x.LockObject(ctx, 1, kv.ObjectTag{Space: kv.AdvisoryLock, A: 1}, kv.AccessExclusive, noWait)
	check(t, err)
	want("a weaker mode and another space", false)
	if _, err = y.LockObject(ctx, 1, tag, kv.AccessExclusive, noWait); !errors.Is(err, kv.ErrLockNotAvailable) {
		t.Errorf("both have the lock: %v", err)
	}
	want("refused", true)
	y.Rollback()
	want("rolled back", false)
	for range 2 {
		_, err = x.LockObject(ctx, 1, tag, kv.AccessExclusive, noWait)
		check(t, err)
	}
	want("held", true)
	_, err = x.Commit(ctx, kv.CommitOptions{Sync: true})
	check(t, err)
	want("committed without a write", false)
}

// testLockList: what is waited for and what objects are locked, and advisory
// locks of one owner's transactions.
func testLockList(t *testing.T, s kv.Store) {
	owned := func(owner uint64) kv.Txn {
		x, err := s.Begin(kv.TxnOptions{Owner: owner})
		check(t, err)
		return x
	}
	x, again, y := owned(7), owned(7), owned(8)
	table := kv.ObjectTag{Space: kv.RelationLock, A: 5, B: 1 << 40}
	advice := kv.ObjectTag{Space: kv.AdvisoryLock, A: 5, B: ^uint64(0)}
	_, err := x.LockObject(ctx, 1, table, kv.RowExclusive, noWait)
	check(t, err)
	_, err = x.LockRow(ctx, 1, []byte("k"), kv.Update, noWait)
	check(t, err)
	for _, txn := range []kv.Txn{x, again} {
		_, err = txn.LockObject(ctx, 1, advice, kv.ExclusiveLock, noWait)
		check(t, err)
	}
	if _, err = y.LockObject(ctx, 1, advice, kv.ShareLock, noWait); !errors.Is(err, kv.ErrLockNotAvailable) {
		t.Errorf("another owner's advisory lock: %v", err)
	}
	waiting, done := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := y.LockRow(ctx, 1, []byte("k"), kv.KeyShare, kv.LockOptions{OnWait: func() { close(waiting) }})
		done <- err
	}()
	<-waiting
	locks, err := s.Locks(true)
	check(t, err)
	var lines []string
	for _, l := range locks {
		lines = append(lines, fmt.Sprintf("%d %d/%x %q %v %t", l.Owner, l.Tag.Space, l.Tag.B, l.Row, l.Mode, l.Granted))
		if l.Row != nil && l.RowMode != map[bool]kv.RowMode{true: kv.Update, false: kv.KeyShare}[l.Granted] {
			t.Errorf("row mode %v", l.RowMode)
		}
	}
	slices.Sort(lines)
	want := []string{
		`7 0/0 "k"  true`, `7 1/10000000000 "" RowExclusiveLock true`, `7 2/ffffffffffffffff "" ExclusiveLock true`,
		`7 2/ffffffffffffffff "" ExclusiveLock true`, `8 0/0 "k"  false`,
	}
	if !slices.Equal(lines, want) {
		t.Errorf("locks:\n%s", strings.Join(lines, "\n"))
	}
	awaited, err := s.Awaited()
	check(t, err)
	if len(awaited) != 2 || awaited[0].Owner != 7 || !awaited[0].Granted || awaited[1].Owner != 8 || string(awaited[1].Row) != "k" {
		t.Errorf("awaited: %+v", awaited)
	}
	x.Rollback()
	check(t, <-done)
	again.Rollback()
	y.Rollback()
}

func testLockWaits(t *testing.T, s kv.Store) {
	put(t, s, "k", "old")
	x, y := begin(t, s), begin(t, s)
	write(t, x, 1, "k", "new")
	done := make(chan string, 1)
	waiting := make(chan struct{})
	go func() {
		val, _, waited, err := y.LockRowGet(ctx, 1, []byte("k"), kv.Update,
			kv.LockOptions{OnWait: func() { close(waiting) }}, nil)
		if err != nil || !waited {
			done <- "not waited or failed"
			return
		}
		done <- string(val)
	}()
	select {
	case <-waiting:
	case <-time.After(10 * time.Second):
		t.Fatal("the second locker does not wait")
	}
	commit(t, x)
	if got := <-done; got != "new" {
		t.Errorf("after the wait: %q, want the first holder's write", got)
	}
	y.Rollback()
}

func testLockTimeoutAndCancel(t *testing.T, s kv.Store) {
	x, y := begin(t, s), begin(t, s)
	defer x.Rollback()
	defer y.Rollback()
	_, err := x.LockRow(ctx, 1, []byte("k"), kv.Update, kv.LockOptions{})
	check(t, err)
	_, err = y.LockRow(ctx, 1, []byte("k"), kv.Share, kv.LockOptions{Timeout: 20 * time.Millisecond})
	wantErr(t, err, kv.ErrLockTimeout)
	cause := errors.New("canceled on request")
	c, cancel := context.WithCancelCause(ctx)
	go func() {
		time.Sleep(20 * time.Millisecond)
		cancel(cause)
	}()
	_, err = y.LockRow(c, 1, []byte("k"), kv.Share, kv.LockOptions{})
	wantErr(t, err, cause)
	x.Rollback()
	_, err = y.LockRow(ctx, 1, []byte("k"), kv.Update, noWait)
	check(t, err)
}

func testLockSavepoint(t *testing.T, s kv.Store) {
	x, y := begin(t, s), begin(t, s)
	defer x.Rollback()
	defer y.Rollback()
	for op, key := range []string{"a", "b", "c"} {
		_, err := x.LockRow(ctx, kv.OpNum(op+1), []byte(key), kv.Update, noWait)
		check(t, err)
	}
	check(t, x.RollbackTo(2))
	_, err := y.LockRow(ctx, 1, []byte("a"), kv.Update, noWait)
	wantErr(t, err, kv.ErrLockNotAvailable)
	for _, key := range []string{"b", "c"} {
		_, err = y.LockRow(ctx, 1, []byte(key), kv.Update, noWait)
		check(t, err)
	}
}

func testLockUpgrade(t *testing.T, s kv.Store) {
	x, y := begin(t, s), begin(t, s)
	defer y.Rollback()
	_, err := x.LockRow(ctx, 1, []byte("k"), kv.KeyShare, noWait)
	check(t, err)
	_, err = y.LockRow(ctx, 1, []byte("k"), kv.NoKeyUpdate, noWait)
	check(t, err)
	_, err = x.LockRow(ctx, 2, []byte("k"), kv.Update, noWait)
	wantErr(t, err, kv.ErrLockNotAvailable)
	y.Rollback()
	_, err = x.LockRow(ctx, 2, []byte("k"), kv.Update, noWait)
	check(t, err)
	// Rolling back the upgrade leaves the weaker lock.
	check(t, x.RollbackTo(2))
	z := begin(t, s)
	defer z.Rollback()
	_, err = z.LockRow(ctx, 1, []byte("k"), kv.NoKeyUpdate, noWait)
	check(t, err)
	_, err = z.LockRow(ctx, 1, []byte("k"), kv.Update, noWait)
	wantErr(t, err, kv.ErrLockNotAvailable)
	x.Rollback()
}

// testUnlock: one lock is given back, to what it was before the request.
func testUnlock(t *testing.T, s kv.Store) {
	x, y := begin(t, s), begin(t, s)
	defer x.Rollback()
	defer y.Rollback()
	lock := func(x kv.Txn, op kv.OpNum, mode kv.RowMode) error {
		_, err := x.LockRow(ctx, op, []byte("k"), mode, noWait)
		return err
	}
	check(t, x.UnlockRow(1, []byte("k"), kv.Update))
	check(t, lock(x, 1, kv.KeyShare))
	check(t, lock(x, 2, kv.Update))
	check(t, lock(x, 3, kv.Update))
	check(t, x.UnlockRow(3, []byte("k"), kv.Update)) // that took nothing
	wantErr(t, lock(y, 1, kv.KeyShare), kv.ErrLockNotAvailable)
	later := lockLater(t, y, "k", kv.NoKeyUpdate, kv.LockOptions{})
	check(t, x.UnlockRow(2, []byte("k"), kv.Update))
	check(t, receive(t, later).err)
	wantErr(t, lock(y, 1, kv.Update), kv.ErrLockNotAvailable) // the share is still held
	y.Rollback()

	check(t, lock(x, 4, kv.ForUpdate))
	z := begin(t, s)
	defer z.Rollback()
	check(t, lock(z, 1, kv.Unwritten))
	check(t, z.UnlockRow(1, []byte("k"), kv.Unwritten))
	check(t, lock(x, 5, kv.NoKeyUpdate))
	write(t, x, 5, "k", "v")
	wantErr(t, x.UnlockRow(5, []byte("k"), kv.NoKeyUpdate), kv.ErrInvalidArg)
	wantErr(t, lock(z, 1, kv.Unwritten), kv.ErrLockNotAvailable)
	check(t, x.RollbackTo(5))
	check(t, lock(z, 1, kv.Unwritten))
}

// testUnlockObject: as testUnlock, and locks of other objects are not touched.
func testUnlockObject(t *testing.T, s kv.Store) {
	x, y := begin(t, s), begin(t, s)
	defer x.Rollback()
	defer y.Rollback()
	tag := func(b uint64) kv.ObjectTag { return kv.ObjectTag{Space: kv.AdvisoryLock, A: 3, B: b} }
	lock := func(x kv.Txn, op kv.OpNum, b uint64, mode kv.ObjectMode) error {
		_, err := x.LockObject(ctx, op, tag(b), mode, noWait)
		return err
	}
	check(t, x.UnlockObject(1, tag(1), kv.ExclusiveLock)) // nothing yet
	for b := uint64(1); b <= 3; b++ {
		check(t, lock(x, 1, b, kv.ExclusiveLock))
	}
	check(t, x.UnlockObject(1, tag(2), kv.ShareLock))     // another mode
	check(t, x.UnlockObject(2, tag(2), kv.ExclusiveLock)) // another request
	wantErr(t, lock(y, 1, 2, kv.ShareLock), kv.ErrLockNotAvailable)
	check(t, x.UnlockObject(1, tag(2), kv.ExclusiveLock))
	check(t, lock(y, 1, 2, kv.ExclusiveLock))
	for _, b := range []uint64{1, 3} {
		wantErr(t, lock(y, 1, b, kv.ShareLock), kv.ErrLockNotAvailable)
	}
	wantErr(t, lock(x, 1, 2, kv.ExclusiveLock), kv.ErrLockNotAvailable)
	wantErr(t, x.UnlockObject(1, tag(1), kv.AccessExclusive+1), kv.ErrInvalidArg)
}

func testDeadlock(t *testing.T, s kv.Store) {
	x, y := begin(t, s), begin(t, s)
	opts := kv.LockOptions{DeadlockTimeout: 20 * time.Millisecond}
	_, err := x.LockRow(ctx, 1, []byte("a"), kv.Update, opts)
	check(t, err)
	_, err = y.LockRow(ctx, 1, []byte("b"), kv.Update, opts)
	check(t, err)
	first := lockLater(t, x, "b", kv.Update, kv.LockOptions{DeadlockTimeout: time.Minute})
	_, err = y.LockRow(ctx, 1, []byte("a"), kv.Update, opts)
	wantErr(t, err, kv.ErrDeadlock)
	y.Rollback()
	if r := receive(t, first); r.err != nil || !r.waited {
		t.Errorf("the survivor got %+v", r)
	}
	x.Rollback()
}

// testDeadlockThroughQueue needs queue edges: z waits behind y, which waits
// for x; then x waits for what z holds.
func testDeadlockThroughQueue(t *testing.T, s kv.Store) {
	x, y, z := begin(t, s), begin(t, s), begin(t, s)
	defer z.Rollback()
	_, err := x.LockRow(ctx, 1, []byte("a"), kv.Share, noWait)
	check(t, err)
	_, err = z.LockRow(ctx, 1, []byte("b"), kv.Update, noWait)
	check(t, err)
	slow := kv.LockOptions{DeadlockTimeout: time.Minute}
	first := lockLater(t, y, "a", kv.Update, slow)
	second := lockLater(t, z, "a", kv.Update, slow) // no order of the two helps
	_, err = x.LockRow(ctx, 1, []byte("b"), kv.Update, kv.LockOptions{DeadlockTimeout: 20 * time.Millisecond})
	wantErr(t, err, kv.ErrDeadlock)
	x.Rollback()
	if r := receive(t, first); r.err != nil {
		t.Errorf("the first waiter got %+v", r)
	}
	y.Rollback()
	if r := receive(t, second); r.err != nil {
		t.Errorf("the second waiter got %+v", r)
	}
}

func testLockOrder(t *testing.T, s kv.Store) {
	w, x, y, z := begin(t, s), begin(t, s), begin(t, s), begin(t, s)
	_, err := x.LockRow(ctx, 1, []byte("k"), kv.Share, noWait)
	check(t, err)
	first := lockLater(t, y, "k", kv.Update, kv.LockOptions{})
	second := lockLater(t, z, "k", kv.NoKeyUpdate, kv.LockOptions{})
	// What no holder forbids does not wait, not even behind somebody who does.
	_, err = w.LockRow(ctx, 1, []byte("k"), kv.KeyShare, noWait)
	check(t, err)
	x.Rollback()
	// z could have the row beside w, but y came first.
	for _, later := range []chan lockResult{first, second} {
		select {
		case r := <-later:
			t.Fatalf("granted beside its holder or past an earlier one: %+v", r)
		case <-time.After(30 * time.Millisecond):
		}
	}
	w.Rollback()
	if r := receive(t, first); r.err != nil {
		t.Fatal(r.err)
	}
	select {
	case r := <-second:
		t.Fatalf("the later one was granted beside the first: %+v", r)
	case <-time.After(30 * time.Millisecond):
	}
	y.Rollback()
	if r := receive(t, second); r.err != nil {
		t.Fatal(r.err)
	}
	z.Rollback()
}

// testObjectLockOrder: on tables nobody passes who waits.
func testObjectLockOrder(t *testing.T, s kv.Store) {
	tag := kv.ObjectTag{Space: kv.RelationLock, A: 1, B: 2}
	x, y, z := begin(t, s), begin(t, s), begin(t, s)
	defer x.Rollback()
	defer y.Rollback()
	defer z.Rollback()
	_, err := x.LockObject(ctx, 1, tag, kv.AccessShare, noWait)
	check(t, err)
	waiting, done := make(chan struct{}), make(chan lockResult, 1)
	go func() {
		waited, err := y.LockObject(ctx, 1, tag, kv.AccessExclusive, kv.LockOptions{OnWait: func() { close(waiting) }})
		done <- lockResult{waited, err}
	}()
	<-waiting
	_, err = z.LockObject(ctx, 1, tag, kv.AccessShare, noWait)
	wantErr(t, err, kv.ErrLockNotAvailable)
	x.Rollback()
	if r := receive(t, done); r.err != nil {
		t.Fatal(r.err)
	}
}
