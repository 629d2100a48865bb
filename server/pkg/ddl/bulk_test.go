package ddl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/kv/memkv"
)

var errDuplicate = errors.New("duplicate")

// order returns the numbers of rows in an order: ascending, with every nth
// moved to somewhere later, or at random.
func order(name string, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	rng := rand.New(rand.NewPCG(1, 2))
	switch name {
	case "random":
		rng.Shuffle(n, func(i, j int) { out[i], out[j] = out[j], out[i] })
	case "late disorder":
		tail := out[n/2:]
		rng.Shuffle(len(tail), func(i, j int) { tail[i], tail[j] = tail[j], tail[i] })
	case "interleaved":
		for i := range out {
			out[i] = i%(n/2)*2 + i/(n/2)
		}
	}
	return out
}

// TestBulkBuildWritesAllInEveryOrder and finds the one key that comes twice,
// wherever it comes.
func TestBulkBuildWritesAllInEveryOrder(t *testing.T) {
	const n = 60_000 // several times orderedBytes
	value := bytes.Repeat([]byte("v"), 60)
	for _, name := range []string{"ascending", "random", "late disorder", "interleaved"} {
		for _, twice := range []int{-1, 0, n / 2, n - 1} {
			store := memkv.New()
			txn, err := store.Begin(kv.TxnOptions{})
			if err != nil {
				t.Fatal(err)
			}
			s := &Session{Ctx: context.Background(), Store: store, Txn: txn, Op: 3, TempDir: t.TempDir()}
			b := s.newBulkBuild(nil, nil)
			dup := false
			b.duplicate = func([]byte) error { dup = true; return errDuplicate }
			keys := order(name, n)
			if twice >= 0 {
				keys = append(keys, twice)
			}
			for _, k := range keys {
				if err := b.add(fmt.Appendf(nil, "k%08d", k), value); err != nil {
					t.Fatal(err)
				}
			}
			err = b.finish()
			b.close()
			if twice >= 0 {
				if err != errDuplicate || !dup {
					t.Errorf("%s, key %d twice: %v", name, twice, err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			sc, err := txn.NewScan(kv.View{TS: kv.Newest, ReadOp: 4}, kv.ScanSpec{Start: []byte("k"), End: []byte("l")})
			if err != nil {
				t.Fatal(err)
			}
			var rows kv.Rows
			found := 0
			for more := true; more; found += rows.Len() {
				if more, err = sc.Next(&rows, kv.MaxScanRows); err != nil {
					t.Fatal(err)
				}
			}
			sc.Close()
			if found != n {
				t.Errorf("%s: %d keys of %d", name, found, n)
			}
			txn.Rollback()
		}
	}
}
