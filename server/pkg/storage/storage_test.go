package storage

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/kv/kvtest"
)

// Small sizes, so that tests meet spills, rotations and log slot changes.
var small = Options{MemoryBudget: 8 << 20, MemtableBytes: 256 << 10, LogSlotBytes: 1 << 20, SpillBytes: 128 << 10}

func openStore(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := OpenStore(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	for name, o := range map[string]Options{"defaults": {LogSlotBytes: 4 << 20}, "small": small} {
		t.Run(name, func(t *testing.T) {
			dirs := map[kv.Store]string{}
			kvtest.Run(t, kvtest.Harness{
				New: func(t *testing.T) kv.Store {
					dir := t.TempDir()
					s := openStore(t, dir, o)
					dirs[s] = dir
					return s
				},
				Reopen: func(t *testing.T, s kv.Store) kv.Store {
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					again := openStore(t, dirs[s], o)
					dirs[again] = dirs[s]
					return again
				},
			})
		})
	}
}

func TestPublicAPI(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	db, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := 1; i <= 3; i++ {
		must(db.Put(fmt.Appendf(nil, "user:%d", i), fmt.Appendf(nil, "name %d", i)))
	}
	must(db.Put([]byte("user:2"), []byte("renamed")))
	must(db.Delete([]byte("user:3")))
	must(db.Delete([]byte("never there")))
	if got, err := db.Get([]byte("user:2")); err != nil || string(got) != "renamed" {
		t.Errorf("user:2 is %q, %v", got, err)
	}
	if _, err := db.Get([]byte("user:3")); !errors.Is(err, ErrNotFound) {
		t.Errorf("a deleted key: %v", err)
	}
	for _, key := range [][]byte{nil, {}, make([]byte, kv.MaxKeyBytes+1)} {
		if err := db.Put(key, nil); !errors.Is(err, ErrInvalidArg) {
			t.Errorf("key of %d bytes: %v", len(key), err)
		}
		if _, err := db.Get(key); !errors.Is(err, ErrInvalidArg) {
			t.Errorf("get of a key of %d bytes: %v", len(key), err)
		}
	}
	if _, err := Open(dir); !errors.Is(err, ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}

	x, err := db.Begin()
	must(err)
	y, err := db.Begin()
	must(err)
	must(x.Put([]byte("user:1"), []byte("by x")))
	if got, err := x.Get([]byte("user:1")); err != nil || string(got) != "by x" {
		t.Errorf("own write: %q, %v", got, err)
	}
	must(x.Commit())
	if err := y.Put([]byte("user:1"), []byte("by y")); !errors.Is(err, ErrConflict) {
		t.Errorf("first committer wins: %v", err)
	}
	var keys []string
	for pair, err := range y.Scan([]byte("user:"), []byte("user;")) {
		must(err)
		keys = append(keys, string(pair.Key)+"="+string(pair.Value))
	}
	if got, want := strings.Join(keys, " "), "user:1=name 1 user:2=renamed"; got != want {
		t.Errorf("scan in the snapshot: %s, want %s", got, want)
	}
	y.Rollback()
	if err := y.Commit(); !errors.Is(err, ErrTxnDone) {
		t.Errorf("commit after rollback: %v", err)
	}

	must(db.Close())
	if err := db.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	if err := db.Put([]byte("k"), nil); !errors.Is(err, ErrClosed) {
		t.Errorf("put after close: %v", err)
	}
	db, err = Open(dir)
	must(err)
	defer db.Close()
	if got, err := db.Get([]byte("user:1")); err != nil || string(got) != "by x" {
		t.Errorf("after reopening: %q, %v", got, err)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStore(filepath.Join(dir, "missing"), Options{MustExist: true}); err == nil {
		t.Error("opened a directory that is not there")
	}
	if _, err := OpenStore(dir, Options{}); !errors.Is(err, kv.ErrInvalidArg) {
		t.Errorf("a directory with somebody's files: %v", err)
	}
	if _, err := OpenStore(filepath.Join(file, "db"), Options{}); err == nil {
		t.Error("opened below a file")
	}
	db := filepath.Join(dir, "db")
	if err := openStore(t, db, small).Close(); err != nil {
		t.Fatal(err)
	}
	identity := filepath.Join(db, "IDENTITY")
	b, err := os.ReadFile(identity)
	if err != nil {
		t.Fatal(err)
	}
	newer := bytes.Clone(b)
	newer[8] = 99
	os.WriteFile(identity, newer, 0o644)
	if _, err := OpenStore(db, small); !errors.Is(err, kv.ErrNewerFormat) {
		t.Errorf("newer format: %v", err)
	}
	broken := bytes.Clone(b)
	broken[20] ^= 1
	os.WriteFile(identity, broken, 0o644)
	if _, err := OpenStore(db, small); !errors.Is(err, kv.ErrCorruption) {
		t.Errorf("damaged identity: %v", err)
	}
}

// threads counts the process's OS threads.
func threads(t *testing.T) int {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip(err)
	}
	return len(tasks)
}

// A goroutine that waits for a commit or a lock holds no thread. Where processors
// are busy the Go scheduler starts threads for calls that take long; that is far
// from one each.
func TestWaitsHoldNoThreads(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	s := openStore(t, t.TempDir(), Options{})
	defer s.Close()
	const waiters, threadsMore = 500, 100
	before := int64(threads(t))
	var most atomic.Int64
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				most.Store(max(most.Load(), int64(threads(t))))
			}
		}
	}()
	ctx := t.Context()
	var wg sync.WaitGroup
	for i := range waiters {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := range 20 {
				txn, err := s.Begin(kv.TxnOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				// Half of them also queue for one row.
				key := fmt.Appendf(nil, "row %d", i*(i&1))
				if _, err := txn.LockRow(ctx, 1, key, kv.Update, kv.LockOptions{DeadlockTimeout: time.Minute}); err != nil {
					t.Error(err)
				}
				if err := txn.Put(1, key, fmt.Append(nil, j)); err != nil {
					t.Error(err)
				}
				if _, err := txn.Commit(ctx, kv.CommitOptions{Sync: true}); err != nil {
					t.Error(err)
				}
				if i&1 == 0 {
					return
				}
			}
		}()
	}
	wg.Wait()
	close(stop)
	if got := most.Load(); got >= before+threadsMore && !checkedBuild {
		t.Errorf("%d threads with %d goroutines waiting, %d before", got, waiters, before)
	}
	t.Logf("%d threads, at most %d; %v", before, most.Load(), s.Stats())
}

func TestCloseEndsWaits(t *testing.T) {
	s := openStore(t, t.TempDir(), small)
	x, _ := s.Begin(kv.TxnOptions{})
	y, _ := s.Begin(kv.TxnOptions{Owner: 7})
	if _, err := x.LockRow(t.Context(), 1, []byte("k"), kv.Update, kv.LockOptions{}); err != nil {
		t.Fatal(err)
	}
	waiting := make(chan struct{})
	ended := make(chan error)
	go func() {
		_, err := y.LockRow(t.Context(), 1, []byte("k"), kv.Update, kv.LockOptions{OnWait: func() { close(waiting) }})
		ended <- err
	}()
	<-waiting
	time.Sleep(10 * time.Millisecond)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, kv.ErrClosed) {
		t.Errorf("the wait ended with %v", err)
	}
	x.Rollback()
	y.Rollback()
	if _, err := s.Begin(kv.TxnOptions{}); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("begin after close: %v", err)
	}
}

func TestReadsAllocateNothing(t *testing.T) {
	s := openStore(t, t.TempDir(), small)
	defer s.Close()
	w, _ := s.Begin(kv.TxnOptions{})
	for i := range 100 {
		w.Put(1, fmt.Appendf(nil, "key %03d", i), bytes.Repeat([]byte{1}, 100))
	}
	if _, err := w.Commit(t.Context(), kv.CommitOptions{Sync: true}); err != nil {
		t.Fatal(err)
	}
	snap, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Release()
	r, _ := s.Begin(kv.TxnOptions{})
	defer r.Rollback()
	key, dst := []byte("key 050"), make([]byte, 0, 256)
	if n := testing.AllocsPerRun(1000, func() {
		if _, v, err := r.Get(kv.View{TS: snap.TS()}, key, dst); err != nil || !v.Found() {
			t.Fatal(v, err)
		}
	}); n != 0 {
		t.Errorf("Get allocates %v times", n)
	}
	var rows kv.Rows
	scan, err := r.NewScan(kv.View{TS: snap.TS()}, kv.ScanSpec{})
	if err != nil {
		t.Fatal(err)
	}
	defer scan.Close()
	scan.Next(&rows, 10)
	if n := testing.AllocsPerRun(50, func() {
		if _, err := scan.Next(&rows, 1); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("Scanner.Next allocates %v times", n)
	}
}
