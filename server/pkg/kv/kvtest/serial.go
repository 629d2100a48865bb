package kvtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// serialTxn is a serializable transaction that remembers its first failure.
type serialTxn struct {
	kv.Txn
	serial kv.Serial
	view   kv.View
	err    error
}

func beginSerial(t *testing.T, s kv.Store, readOnly bool) *serialTxn {
	t.Helper()
	x := &serialTxn{Txn: begin(t, s)}
	var err error
	x.serial, err = x.Serialize(readOnly, nil)
	check(t, err)
	x.view = kv.View{TS: x.serial.TS(), ReadOp: kv.MaxOp}
	return x
}

func (x *serialTxn) note(err error) {
	if x.err == nil {
		x.err = err
	}
}

func (x *serialTxn) read(key string) string {
	val, ver, err := x.Get(x.view, []byte(key), nil)
	x.note(err)
	if !ver.Found() {
		return ""
	}
	return string(val)
}

// count scans a range and tells how many keys it holds.
func (x *serialTxn) count(start, end string) int {
	sc, err := x.NewScan(x.view, kv.ScanSpec{Start: []byte(start), End: []byte(end)})
	if err != nil {
		x.note(err)
		return 0
	}
	defer sc.Close()
	n := 0
	var rows kv.Rows
	for more := true; more && err == nil; n += rows.Len() {
		if more, err = sc.Next(&rows, 100); err != nil {
			x.note(err)
			return n
		}
	}
	return n
}

func (x *serialTxn) put(key, value string) {
	_, err := x.LockRow(ctx, 1, []byte(key), kv.Update, kv.LockOptions{})
	x.note(err)
	x.note(x.Put(1, []byte(key), []byte(value)))
}

// finish commits, unless something failed before, and returns the failure.
func (x *serialTxn) finish() error {
	x.note(x.Check())
	if x.err == nil {
		_, err := x.Commit(ctx, kv.CommitOptions{Sync: true})
		x.note(err)
	}
	x.Rollback()
	return x.err
}

// failed counts how many errors there are; each must be ErrSerialization.
func failed(t *testing.T, errs ...error) (n int) {
	t.Helper()
	for _, err := range errs {
		if err == nil {
			continue
		}
		wantErr(t, err, kv.ErrSerialization)
		n++
	}
	return n
}

// testSerialSnapshot: what a serializable transaction reads is of one moment,
// and another may share it.
func testSerialSnapshot(t *testing.T, s kv.Store) {
	put(t, s, "a", "1")
	x := beginSerial(t, s, false)
	put(t, s, "a", "2")
	again, err := x.Serialize(false, nil) // nothing was read: a newer snapshot
	check(t, err)
	if again.TS() <= x.serial.TS() {
		t.Errorf("the second snapshot is at %d, the first at %d", again.TS(), x.serial.TS())
	}
	x.serial, x.view.TS = again, again.TS()
	put(t, s, "a", "3")
	if got := x.read("a"); got != "2" {
		t.Errorf("reads %q, want 2", got)
	}
	y := begin(t, s)
	like, err := y.Serialize(true, x.serial)
	check(t, err)
	if like.TS() != x.serial.TS() {
		t.Errorf("the shared snapshot is at %d, want %d", like.TS(), x.serial.TS())
	}
	want(t, y, kv.View{TS: like.TS(), ReadOp: kv.MaxOp}, "a", "2")
	y.Rollback()
	if n := failed(t, x.finish()); n != 0 {
		t.Error("a reader failed")
	}
	z := begin(t, s)
	defer z.Rollback()
	write(t, z, 1, "b", "1")
	_, err = z.Serialize(false, nil)
	wantErr(t, err, kv.ErrInvalidArg)
}

// testWriteSkew: two that each read what the other writes, by key and by range.
func testWriteSkew(t *testing.T, s kv.Store) {
	put(t, s, "a", "1", "b", "1")
	x, y := beginSerial(t, s, false), beginSerial(t, s, false)
	x.read("b")
	y.read("a")
	x.put("a", "x")
	y.put("b", "y")
	if n := failed(t, x.finish(), y.finish()); n != 1 {
		t.Errorf("%d of two failed on keys", n)
	}
	x, y = beginSerial(t, s, false), beginSerial(t, s, false)
	x.count("k", "l")
	y.count("k", "l")
	x.put("k1", "x")
	y.put("k2", "y")
	if n := failed(t, y.finish(), x.finish()); n != 1 {
		t.Errorf("%d of two failed on a range", n)
	}
}

// testSerialOrder: nobody fails where one simply comes before the other, nor
// where what was written is rolled back.
func testSerialOrder(t *testing.T, s kv.Store) {
	put(t, s, "a", "1", "b", "1")
	x, y := beginSerial(t, s, false), beginSerial(t, s, false)
	x.read("a")
	x.put("c", "x")
	y.put("a", "y")
	y.read("b")
	if n := failed(t, y.finish(), x.finish()); n != 0 {
		t.Error("a reader and a writer of one key failed")
	}
	x, y = beginSerial(t, s, false), beginSerial(t, s, false)
	x.read("b")
	y.read("a")
	x.put("a", "x")
	y.put("b", "y")
	y.Rollback()
	if n := failed(t, x.finish()); n != 0 {
		t.Error("failed for somebody who rolled back")
	}
	for range 3 {
		x = beginSerial(t, s, false)
		x.read("a")
		x.put("b", "again")
		if n := failed(t, x.finish()); n != 0 {
			t.Error("failed alone")
		}
	}
}

// testReadOnlyAnomaly: a report between a deposit and a withdrawal that did not
// see it makes one of them fail.
func testReadOnlyAnomaly(t *testing.T, s kv.Store) {
	put(t, s, "savings", "0", "checking", "0")
	withdrawal := beginSerial(t, s, false)
	withdrawal.read("savings")
	withdrawal.read("checking")
	deposit := beginSerial(t, s, false)
	deposit.read("savings")
	deposit.put("savings", "20")
	if n := failed(t, deposit.finish()); n != 0 {
		t.Fatal("the deposit failed")
	}
	report := beginSerial(t, s, true)
	report.read("savings")
	report.read("checking")
	reported := report.finish()
	withdrawal.put("checking", "-11")
	if n := failed(t, reported, withdrawal.finish()); n != 1 {
		t.Errorf("%d of report and withdrawal failed", n)
	}
}

// testWaitSafe: a read-only snapshot waits for the writers before it, and is
// refused when one of them spoiled it.
func testWaitSafe(t *testing.T, s kv.Store) {
	put(t, s, "a", "0", "b", "0")
	alone := beginSerial(t, s, true)
	check(t, alone.serial.WaitSafe(ctx, nil))
	alone.Rollback()

	wait := func(r *serialTxn) chan error {
		waiting, done := make(chan struct{}), make(chan error, 1)
		go func() { done <- r.serial.WaitSafe(ctx, func() { close(waiting) }) }()
		select {
		case <-waiting:
		case err := <-done:
			t.Fatalf("it did not wait: %v", err)
		case <-time.After(10 * time.Second):
			t.Fatal("it neither waits nor returns")
		}
		return done
	}
	writer := beginSerial(t, s, false)
	writer.read("a")
	reader := beginSerial(t, s, true)
	done := wait(reader)
	writer.put("b", "1")
	check(t, writer.finish())
	check(t, <-done)
	if got := reader.read("b"); got != "0" {
		t.Errorf("the safe snapshot reads %q", got)
	}
	check(t, reader.finish())

	pivot, first := beginSerial(t, s, false), beginSerial(t, s, false)
	pivot.read("a")
	first.put("a", "2")
	check(t, first.finish())
	reader = beginSerial(t, s, true)
	done = wait(reader)
	pivot.put("b", "2")
	check(t, pivot.finish())
	wantErr(t, <-done, kv.ErrSerialization)
	reader.Rollback()

	c, cancel := context.WithCancel(ctx)
	writer, reader = beginSerial(t, s, false), beginSerial(t, s, true)
	writer.read("a")
	cause := make(chan error, 1)
	go func() { cause <- reader.serial.WaitSafe(c, cancel) }()
	wantErr(t, <-cause, context.Canceled)
	reader.Rollback()
	writer.Rollback()
}

// testSerialPrepare: a prepared transaction cannot fail any more, so others do.
func testSerialPrepare(t *testing.T, s kv.Store) {
	put(t, s, "a", "1", "b", "1")
	x, y := beginSerial(t, s, false), beginSerial(t, s, false)
	x.read("b")
	y.read("a")
	x.put("a", "x")
	_, err := x.Prepare()
	check(t, err)
	y.put("b", "y")
	if n := failed(t, y.finish()); n != 1 {
		t.Error("the one that was not prepared did not fail")
	}
	if _, err := x.Commit(ctx, kv.CommitOptions{Sync: true}); err != nil {
		t.Errorf("COMMIT PREPARED: %v", err)
	}
}

// testOnDuty is write skew under load: of each pair of keys one must stay "on",
// each transaction looks at both and turns one of them off.
func testOnDuty(t *testing.T, s kv.Store) {
	const pairs, workers, rounds = 4, 4, 60
	for p := range pairs {
		put(t, s, fmt.Sprintf("%d/0", p), "on", fmt.Sprintf("%d/1", p), "on")
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	done, gaveUp := 0, 0
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			random := rand.New(rand.NewPCG(uint64(w), 1))
			for range rounds {
				p, mine := random.IntN(pairs), random.IntN(2)
				x := beginSerial(t, s, false)
				me, other := fmt.Sprintf("%d/%d", p, mine), fmt.Sprintf("%d/%d", p, 1-mine)
				switch {
				case x.read(me) == "off":
					x.put(me, "on")
				case x.read(other) == "on":
					x.put(me, "off")
				}
				err := x.finish()
				if err != nil && !errors.Is(err, kv.ErrSerialization) {
					t.Errorf("a worker: %v", err)
					return
				}
				mu.Lock()
				if done++; err != nil {
					gaveUp++
				}
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	x := begin(t, s)
	defer x.Rollback()
	for p := range pairs {
		var state [2]string
		for i := range state {
			val, _, err := x.Get(newest, fmt.Appendf(nil, "%d/%d", p, i), nil)
			check(t, err)
			state[i] = string(val)
		}
		if state == [2]string{"off", "off"} {
			t.Errorf("of pair %d both are off", p)
		}
	}
	t.Logf("%d of %d failed", gaveUp, done)
}
