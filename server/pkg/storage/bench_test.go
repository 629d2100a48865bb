package storage

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// Durability in all of these: every commit flushed to the device.

func benchKey(table, row uint64) []byte {
	key := make([]byte, 0, 16)
	key = binary.BigEndian.AppendUint64(key, table)
	return binary.BigEndian.AppendUint64(key, row)
}

func load(b *testing.B, s *Store, table, rows uint64) {
	b.Helper()
	t, _ := s.Begin(kv.TxnOptions{})
	start := benchKey(table, 0)
	if err := t.OwnRange(1, start, kv.PrefixEnd(start[:8])); err != nil {
		b.Fatal(err)
	}
	value := bytes.Repeat([]byte("v"), 100)
	for row := range rows {
		if err := t.Put(1, benchKey(table, row), value); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := t.Commit(b.Context(), kv.CommitOptions{Sync: true}); err != nil {
		b.Fatal(err)
	}
}

// One operation is what pgbench's TPC-B-like script asks of the store.
func BenchmarkTPCB(b *testing.B) {
	for _, clients := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			s := openStore(b, b.TempDir(), Options{})
			defer s.Close()
			const accounts, tellers, branches = 100_000, 200, 20
			load(b, s, 1, accounts)
			load(b, s, 2, tellers)
			load(b, s, 3, branches)
			var history atomic.Uint64
			before := s.Stats()
			b.ResetTimer()
			var wg sync.WaitGroup
			for c := range clients {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for n := c; n < b.N; n += clients {
						if err := tpcb(b, s, accounts, tellers, branches, history.Add(1)); err != nil {
							b.Error(err)
							return
						}
					}
				}()
			}
			wg.Wait()
			after := s.Stats()
			secs := b.Elapsed().Seconds()
			b.ReportMetric(float64(b.N)/secs, "tps")
			b.ReportMetric(float64(after["commits"]-before["commits"])/float64(after["log_flushes"]-before["log_flushes"]), "commits/flush")
			b.ReportMetric(float64(after["log_flush_micros"]-before["log_flush_micros"])/1e4/secs, "%device")
		})
	}
}

func tpcb(b *testing.B, s *Store, accounts, tellers, branches, history uint64) error {
	ctx := b.Context()
	t, err := s.Begin(kv.TxnOptions{})
	if err != nil {
		return err
	}
	defer t.Rollback()
	var buf [256]byte
	op := kv.OpNum(1)
	for _, row := range [][]byte{
		benchKey(1, rand.Uint64N(accounts)), benchKey(2, rand.Uint64N(tellers)), benchKey(3, rand.Uint64N(branches)),
	} {
		snap, err := s.Snapshot()
		if err != nil {
			return err
		}
		_, _, err = t.Get(kv.View{TS: snap.TS(), ReadOp: op}, row, buf[:0])
		if err == nil {
			var old []byte
			if old, _, _, err = t.LockRowGet(ctx, op, row, kv.NoKeyUpdate, kv.LockOptions{}, buf[:0]); err == nil {
				err = t.Put(op, row, old)
			}
		}
		snap.Release()
		if err != nil {
			return err
		}
		op++
	}
	if err := t.Put(op, benchKey(4, history), buf[:50]); err != nil {
		return err
	}
	_, err = t.Commit(ctx, kv.CommitOptions{Sync: true})
	return err
}

func BenchmarkGet(b *testing.B) {
	s := openStore(b, b.TempDir(), Options{})
	defer s.Close()
	const rows = 200_000
	load(b, s, 1, rows)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		t, _ := s.Begin(kv.TxnOptions{})
		defer t.Rollback()
		buf := make([]byte, 0, 256)
		key := benchKey(1, 0)
		for pb.Next() {
			binary.BigEndian.PutUint64(key[8:], rand.Uint64N(rows))
			if _, v, err := t.Get(kv.View{TS: kv.Newest}, key, buf); err != nil || !v.Found() {
				b.Fatal(v, err)
			}
		}
	})
}

func BenchmarkScan(b *testing.B) {
	s := openStore(b, b.TempDir(), Options{})
	defer s.Close()
	const rows = 200_000
	load(b, s, 1, rows)
	b.ReportAllocs()
	b.ResetTimer()
	var out kv.Rows
	for range b.N {
		t, _ := s.Begin(kv.TxnOptions{})
		scan, err := t.NewScan(kv.View{TS: kv.Newest}, kv.ScanSpec{})
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for more := true; more; {
			if more, err = scan.Next(&out, kv.MaxScanRows); err != nil {
				b.Fatal(err)
			}
			n += out.Len()
		}
		scan.Close()
		t.Rollback()
		if n != rows {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// The memory of loading 2 million rows in one transaction, then rewriting them
// under another storage id in another.
func BenchmarkBulk(b *testing.B) {
	const rows = 2_000_000
	for range b.N {
		s := openStore(b, b.TempDir(), Options{})
		load(b, s, 1, rows)
		t, _ := s.Begin(kv.TxnOptions{})
		to := benchKey(2, 0)
		t.OwnRange(1, to, kv.PrefixEnd(to[:8]))
		from := benchKey(1, 0)
		scan, err := t.NewScan(kv.View{TS: kv.Newest}, kv.ScanSpec{Start: from, End: kv.PrefixEnd(from[:8])})
		if err != nil {
			b.Fatal(err)
		}
		var out kv.Rows
		for more := true; more; {
			if more, err = scan.Next(&out, kv.MaxScanRows); err != nil {
				b.Fatal(err)
			}
			for i := range out.Ents {
				// Not in key order: the hard case.
				row := binary.BigEndian.Uint64(out.Key(i)[8:])
				if err := t.Put(1, benchKey(2, row*7919%rows), out.Value(i)); err != nil {
					b.Fatal(err)
				}
			}
		}
		scan.Close()
		t.DropRange(2, from, kv.PrefixEnd(from[:8]))
		if _, err := t.Commit(b.Context(), kv.CommitOptions{Sync: true}); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kib); n == 1 {
			b.ReportMetric(kib/1024, "peak-MiB")
		}
	}
}
