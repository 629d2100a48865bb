// Package kvtest holds the tests every kv.Store must pass: the seam's
// promises one by one, a random comparison with the in-memory model, and
// concurrent transfers whose sum must not change.
package kvtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// Harness says how to get a store to test.
type Harness struct {
	// New opens an empty store; the test closes it.
	New func(t *testing.T) kv.Store
	// Reopen closes s and opens the same data again; nil where nothing
	// survives.
	Reopen func(t *testing.T, s kv.Store) kv.Store
}

// Run runs the whole suite as subtests.
func Run(t *testing.T, h Harness) {
	tests := []struct {
		name string
		run  func(t *testing.T, s kv.Store)
	}{
		{"ReadYourWrites", testReadYourWrites},
		{"OperationNumbers", testOperationNumbers},
		{"Savepoints", testSavepoints},
		{"SnapshotsAreStable", testSnapshots},
		{"DeleteAndMove", testDeleteAndMove},
		{"Scan", testScan},
		{"ScanMergesOwnWrites", testScanOwn},
		{"ScanInSteps", testScanSteps},
		{"MultiGet", testMultiGet},
		{"DropRange", testDropRange},
		{"OwnRange", testOwnRange},
		{"Limits", testLimits},
		{"Counters", testCounters},
		{"EndedTransaction", testEnded},
		{"Prepare", testPrepare},
		{"LargeTransaction", testLargeTransaction},
		{"RowLockModes", testRowLockModes},
		{"ObjectLockModes", testObjectLockModes},
		{"LockList", testLockList},
		{"Exclusive", testExclusive},
		{"LockWaitsForCommit", testLockWaits},
		{"LockTimeoutAndCancel", testLockTimeoutAndCancel},
		{"LockReleasedBySavepoint", testLockSavepoint},
		{"LockUpgrade", testLockUpgrade},
		{"Unlock", testUnlock},
		{"UnlockObject", testUnlockObject},
		{"Deadlock", testDeadlock},
		{"DeadlockThroughQueue", testDeadlockThroughQueue},
		{"RowLockOrder", testLockOrder},
		{"FirstComeFirstServed", testObjectLockOrder},
		{"SerialSnapshot", testSerialSnapshot},
		{"WriteSkew", testWriteSkew},
		{"SerialOrder", testSerialOrder},
		{"ReadOnlyAnomaly", testReadOnlyAnomaly},
		{"WaitSafe", testWaitSafe},
		{"SerialPrepare", testSerialPrepare},
		{"SerializableUnderLoad", testOnDuty},
		{"Transfers", testTransfers},
		{"ModelComparison", testModel},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			s := h.New(t)
			defer func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			}()
			c.run(t, s)
		})
	}
	t.Run("Closed", func(t *testing.T) { testClosed(t, h.New(t)) })
	if h.Reopen != nil {
		t.Run("Reopen", func(t *testing.T) { testReopen(t, h) })
	}
}

var ctx = context.Background()

// newest sees everything committed and all own writes.
var newest = kv.View{TS: kv.Newest, ReadOp: kv.MaxOp}

func begin(t *testing.T, s kv.Store) kv.Txn {
	t.Helper()
	x, err := s.Begin(kv.TxnOptions{})
	check(t, err)
	return x
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func commit(t *testing.T, x kv.Txn) kv.Timestamp {
	t.Helper()
	ts, err := x.Commit(ctx, kv.CommitOptions{Sync: true})
	check(t, err)
	return ts
}

// put commits key/value pairs in one transaction.
func put(t *testing.T, s kv.Store, pairs ...string) kv.Timestamp {
	t.Helper()
	x := begin(t, s)
	for i := 0; i < len(pairs); i += 2 {
		write(t, x, 1, pairs[i], pairs[i+1])
	}
	return commit(t, x)
}

// write locks and puts one key.
func write(t *testing.T, x kv.Txn, op kv.OpNum, key, value string) {
	t.Helper()
	_, err := x.LockRow(ctx, op, []byte(key), kv.Update, kv.LockOptions{})
	check(t, err)
	check(t, x.Put(op, []byte(key), []byte(value)))
}

func remove(t *testing.T, x kv.Txn, op kv.OpNum, key string) {
	t.Helper()
	_, err := x.LockRow(ctx, op, []byte(key), kv.Update, kv.LockOptions{})
	check(t, err)
	check(t, x.Delete(op, []byte(key)))
}

// want checks what a read in view v finds; "" means nothing.
func want(t *testing.T, x kv.Txn, v kv.View, key, value string) {
	t.Helper()
	got, ver, err := x.Get(v, []byte(key), []byte("prefix"))
	check(t, err)
	if !bytes.HasPrefix(got, []byte("prefix")) {
		t.Fatalf("Get(%q) did not append to dst", key)
	}
	got = got[len("prefix"):]
	if ver.Found() != (value != "") || ver.Found() && string(got) != value {
		t.Fatalf("Get(%q) = %q (%+v), want %q", key, got, ver, value)
	}
}

// scan collects "key=value" from a whole scan, in steps of n rows.
func scan(t *testing.T, x kv.Txn, v kv.View, spec kv.ScanSpec, n int) []string {
	t.Helper()
	sc, err := x.NewScan(v, spec)
	check(t, err)
	defer sc.Close()
	var out []string
	var rows kv.Rows
	for {
		more, err := sc.Next(&rows, n)
		check(t, err)
		if rows.Len() > n {
			t.Fatalf("%d rows, asked for %d", rows.Len(), n)
		}
		for i := range rows.Len() {
			out = append(out, fmt.Sprintf("%s=%s", rows.Key(i), rows.Value(i)))
		}
		if !more {
			return out
		}
	}
}

func equal(t *testing.T, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

// lockResult is what a lock call in another goroutine came back with.
type lockResult struct {
	waited bool
	err    error
}

// lockLater starts locking key in a goroutine and returns once it waits.
func lockLater(t *testing.T, x kv.Txn, key string, mode kv.RowMode, opts kv.LockOptions) chan lockResult {
	t.Helper()
	waiting := make(chan struct{})
	opts.OnWait = func() { close(waiting) }
	done := make(chan lockResult, 1)
	go func() {
		waited, err := x.LockRow(ctx, 1, []byte(key), mode, opts)
		done <- lockResult{waited, err}
	}()
	select {
	case <-waiting:
	case r := <-done:
		t.Fatalf("the lock on %q did not wait: %+v", key, r)
	case <-time.After(10 * time.Second):
		t.Fatalf("the lock on %q neither waits nor returns", key)
	}
	return done
}

func receive(t *testing.T, c chan lockResult) lockResult {
	t.Helper()
	select {
	case r := <-c:
		return r
	case <-time.After(10 * time.Second):
		t.Fatal("a lock was not granted within 10 s")
		return lockResult{}
	}
}
