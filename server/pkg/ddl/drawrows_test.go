package ddl

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/kv/memkv"
)

// numbered is a store with a row for each number, and a session that reads it.
func numbered(t *testing.T, numbers []int64) (*Session, *numbering) {
	t.Helper()
	store := memkv.New()
	txn, err := store.Begin(kv.TxnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n := &numbering{least: math.MaxInt64, greatest: math.MinInt64}
	n.appendKey = func(dst []byte, number int64) []byte {
		return binary.BigEndian.AppendUint64(dst, uint64(number)^1<<63)
	}
	for _, number := range numbers {
		n.least, n.greatest = min(n.least, number), max(n.greatest, number)
		if err := txn.Put(1, n.appendKey(nil, number), fmt.Append(nil, number)); err != nil {
			t.Fatal(err)
		}
	}
	return &Session{Ctx: context.Background(), Store: store, Txn: txn, Op: 2}, n
}

func TestDrawnRowsAreEvenAndTheirNumberIsEstimated(t *testing.T) {
	gapped := rand.New(rand.NewPCG(3, 4))
	for name, holds := range map[string]func(i int64) bool{
		"dense":      func(int64) bool { return true },
		"half":       func(i int64) bool { return gapped.IntN(2) == 0 },
		"two blocks": func(i int64) bool { return i < -30_000 || i > 20_000 },
	} {
		var all []int64
		for i := int64(-40_000); i < 40_000; i++ {
			if holds(i) {
				all = append(all, i)
			}
		}
		for _, desc := range []bool{false, true} {
			s, n := numbered(t, all)
			n.desc = desc
			sm := &sample{want: 600, limit: 1 << 30}
			drawn, err := s.draw(n, sm, rand.New(rand.NewPCG(1, 2)))
			if err != nil || !drawn {
				t.Fatalf("%s: drawn %v, %v", name, drawn, err)
			}
			if off := float64(sm.seen)/float64(len(all)) - 1; math.Abs(off) > 0.1 || name == "dense" && off != 0 {
				t.Errorf("%s: %d rows estimated of %d", name, sm.seen, len(all))
			}
			if len(sm.rows) < 500 || len(sm.rows) > 700 || sm.read != int64(len(sm.rows)) {
				t.Errorf("%s: %d rows in the sample, %d read", name, len(sm.rows), sm.read)
			}
			below, last := 0, int64(0)
			for i, r := range sm.rows {
				var number int64
				fmt.Sscan(string(r.bytes), &number)
				if i > 0 && (number > last) == desc {
					t.Fatalf("%s: %d comes after %d", name, number, last)
				}
				if last = number; number < all[len(all)/4] {
					below++
				}
			}
			if share := float64(below) / float64(len(sm.rows)); math.Abs(share-0.25) > 0.07 {
				t.Errorf("%s: %.2f of the sample is of the first quarter", name, share)
			}
			again := &sample{want: 600, limit: 1 << 30}
			if _, err := s.draw(n, again, rand.New(rand.NewPCG(1, 2))); err != nil || !reflect.DeepEqual(sm, again) {
				t.Errorf("%s: another sample with the same seed (%v)", name, err)
			}
		}
	}
}

func TestRowsAreNotDrawnWhereReadingAllIsCheaper(t *testing.T) {
	sparse := make([]int64, 0, 20_000)
	for i := range int64(20_000) {
		sparse = append(sparse, i*i)
	}
	few := make([]int64, 0, 5000)
	for i := range int64(5000) {
		few = append(few, i)
	}
	for name, numbers := range map[string][]int64{
		"sparse": sparse, "few": few, "all numbers": {math.MinInt64, math.MaxInt64},
	} {
		s, n := numbered(t, numbers)
		sm := &sample{want: 600, limit: 1 << 30}
		if drawn, err := s.draw(n, sm, rand.New(rand.NewPCG(1, 2))); drawn || err != nil || len(sm.rows) != 0 {
			t.Errorf("%s: drawn %v, %v, %d rows", name, drawn, err, len(sm.rows))
		}
	}
}

func TestADrawnSampleStaysWithinItsMemory(t *testing.T) {
	numbers := make([]int64, 50_000)
	for i := range numbers {
		numbers[i] = int64(i)
	}
	s, n := numbered(t, numbers)
	sm := &sample{want: 600, limit: 600}
	if drawn, err := s.draw(n, sm, rand.New(rand.NewPCG(1, 2))); !drawn || err != nil || len(sm.rows) > 150 {
		t.Errorf("drawn %v, %v, %d rows", drawn, err, len(sm.rows))
	}
}
