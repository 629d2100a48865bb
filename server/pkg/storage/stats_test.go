package storage

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

func writeOnce(t *testing.T, s *Store, key string) {
	t.Helper()
	txn, err := s.Begin(kv.TxnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := txn.Put(1, []byte(key), []byte("value")); err != nil {
		t.Fatal(err)
	}
	if _, err := txn.Commit(context.Background(), kv.CommitOptions{Sync: true}); err != nil {
		t.Fatal(err)
	}
}

func TestSnapshotPins(t *testing.T) {
	s := openStore(t, t.TempDir(), small)
	writeOnce(t, s, "a")
	if pins, count, err := s.SnapshotPins(0); err != nil || count != 0 || len(pins) != 0 {
		t.Fatalf("without snapshots: %v, %d, %v", pins, count, err)
	}
	older, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		writeOnce(t, s, "a")
	}
	newer, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	pins, count, err := s.SnapshotPins(1)
	if err != nil || count != 2 || len(pins) != 1 {
		t.Fatalf("one of two: %v, %d, %v", pins, count, err)
	}
	if p := pins[0]; p.TS != uint64(older.TS()) || p.Users != 1 || p.CommitsSince != 5 || p.Age <= 0 || p.Age > time.Hour {
		t.Errorf("the older one, at %d: %+v", older.TS(), p)
	}
	older.Release()
	newer.Release()
	if _, count, err := s.SnapshotPins(0); err != nil || count != 0 {
		t.Errorf("after they were given back: %d, %v", count, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.SnapshotPins(0); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestLatencies(t *testing.T) {
	s := openStore(t, t.TempDir(), small)
	for range 3 {
		writeOnce(t, s, "a")
	}
	all, err := s.Latencies()
	if err != nil || len(all) != 4 {
		t.Fatalf("%v, %v", all, err)
	}
	if c := all["commit"]; c.Count != 3 || c.P50 <= 0 || c.P50 > c.Max+c.Max/8 || c.Mean <= 0 {
		t.Errorf("three commits: %+v", c)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Latencies(); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
