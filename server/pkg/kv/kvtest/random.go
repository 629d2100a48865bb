package kvtest

import (
	"errors"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/kv/memkv"
)

// testTransfers moves amounts between accounts from several goroutines while
// others check, at snapshots, that the sum never changes.
func testTransfers(t *testing.T, s kv.Store) {
	const accounts, workers, rounds, each = 10, 8, 100, 1000
	key := func(i int) []byte { return fmt.Appendf(nil, "acc%02d", i) }
	x := begin(t, s)
	for i := range accounts {
		check(t, x.Put(1, key(i), []byte(strconv.Itoa(each))))
	}
	commit(t, x)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rng := rand.New(rand.NewSource(int64(w)))
			for range rounds {
				if err := transfer(s, key(rng.Intn(accounts)), key(rng.Intn(accounts)), rng.Intn(20)); err != nil {
					t.Error(err)
					return
				}
				if sum, err := sumAt(s); err != nil || sum != accounts*each {
					t.Errorf("sum %d, want %d (%v)", sum, accounts*each, err)
					return
				}
			}
		}()
	}
	wg.Wait()
}

// transfer retries on deadlock, as a client would.
func transfer(s kv.Store, from, to []byte, amount int) error {
	for {
		x, err := s.Begin(kv.TxnOptions{})
		if err != nil {
			return err
		}
		err = add(x, 1, from, -amount)
		if err == nil {
			err = add(x, 2, to, amount)
		}
		if err == nil {
			_, err = x.Commit(ctx, kv.CommitOptions{Sync: true})
			return err
		}
		x.Rollback()
		if !errors.Is(err, kv.ErrDeadlock) {
			return err
		}
	}
}

func add(x kv.Txn, op kv.OpNum, key []byte, amount int) error {
	opts := kv.LockOptions{DeadlockTimeout: 5 * time.Millisecond}
	val, _, _, err := x.LockRowGet(ctx, op, key, kv.NoKeyUpdate, opts, nil)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(val))
	if err != nil {
		return err
	}
	return x.Put(op, key, []byte(strconv.Itoa(n+amount)))
}

func sumAt(s kv.Store) (int, error) {
	snap, err := s.Snapshot()
	if err != nil {
		return 0, err
	}
	defer snap.Release()
	x, err := s.Begin(kv.TxnOptions{})
	if err != nil {
		return 0, err
	}
	defer x.Rollback()
	sc, err := x.NewScan(kv.View{TS: snap.TS()}, kv.ScanSpec{Start: []byte("acc")})
	if err != nil {
		return 0, err
	}
	defer sc.Close()
	var rows kv.Rows
	for sum := 0; ; {
		more, err := sc.Next(&rows, 3)
		if err != nil {
			return 0, err
		}
		for i := range rows.Len() {
			n, err := strconv.Atoi(string(rows.Value(i)))
			if err != nil {
				return 0, err
			}
			sum += n
		}
		if !more {
			return sum, nil
		}
	}
}

// testModel runs the same random transactions on s and on the model and
// compares every read.
func testModel(t *testing.T, s kv.Store) {
	seed := time.Now().UnixNano() // another one every time; PGZ_KVTEST_SEED repeats one
	if v, err := strconv.ParseInt(os.Getenv("PGZ_KVTEST_SEED"), 10, 64); err == nil {
		seed = v
	}
	t.Logf("seed %d", seed)
	m := &modelRun{t: t, rng: rand.New(rand.NewSource(seed)), a: s, b: memkv.New()}
	for range 150 {
		m.transaction()
	}
	m.releaseSnapshots()
}

type modelRun struct {
	t      *testing.T
	rng    *rand.Rand
	a, b   kv.Store
	snapsA []kv.Snapshot
	snapsB []kv.Snapshot
}

func (m *modelRun) key() []byte { return fmt.Appendf(nil, "k%02d", m.rng.Intn(40)) }

func (m *modelRun) transaction() {
	x, y := begin(m.t, m.a), begin(m.t, m.b)
	op := kv.OpNum(1)
	var dropped []string
	for range 1 + m.rng.Intn(12) {
		op += kv.OpNum(m.rng.Intn(2))
		key := m.key()
		switch m.rng.Intn(10) {
		case 0, 1, 2, 3:
			if inDropped(string(key), dropped) {
				continue
			}
			val := fmt.Appendf(nil, "v%d", m.rng.Int())
			check(m.t, x.Put(op, key, val))
			check(m.t, y.Put(op, key, val))
		case 4:
			if inDropped(string(key), dropped) {
				continue
			}
			check(m.t, x.Delete(op, key))
			check(m.t, y.Delete(op, key))
		case 5:
			if m.rng.Intn(8) == 0 {
				end := append([]byte(nil), key[:2]...)
				end = append(end, '~')
				op++
				check(m.t, x.DropRange(op, key, end))
				check(m.t, y.DropRange(op, key, end))
				dropped = append(dropped, string(key), string(end))
			}
		case 6:
			cut := kv.OpNum(1 + m.rng.Intn(int(op)))
			if m.rng.Intn(4) == 0 && len(dropped) == 0 {
				check(m.t, x.RollbackTo(cut))
				check(m.t, y.RollbackTo(cut))
			}
		default:
			m.compare(x, y, kv.OpNum(m.rng.Intn(int(op)+2)))
		}
	}
	m.compare(x, y, kv.MaxOp)
	if m.rng.Intn(5) == 0 {
		x.Rollback()
		y.Rollback()
	} else {
		commit(m.t, x)
		commit(m.t, y)
	}
	m.snapshots()
}

func inDropped(key string, ranges []string) bool {
	for i := 0; i < len(ranges); i += 2 {
		if key >= ranges[i] && key < ranges[i+1] {
			return true
		}
	}
	return false
}

func (m *modelRun) compare(x, y kv.Txn, read kv.OpNum) {
	m.t.Helper()
	va, vb := kv.View{TS: kv.Newest, ReadOp: read}, kv.View{TS: kv.Newest, ReadOp: read}
	if n := len(m.snapsA); n > 0 && m.rng.Intn(2) == 0 {
		i := m.rng.Intn(n)
		va.TS, vb.TS = m.snapsA[i].TS(), m.snapsB[i].TS()
	}
	key := m.key()
	a, verA, errA := x.Get(va, key, nil)
	b, verB, errB := y.Get(vb, key, nil)
	if errA != nil || errB != nil || verA.Found() != verB.Found() || verA.Own != verB.Own && verA.Found() ||
		verA.Found() && string(a) != string(b) {
		m.t.Fatalf("Get(%q, read %d): %q %+v %v, model %q %+v %v", key, read, a, verA, errA, b, verB, errB)
	}
	spec := kv.ScanSpec{Reverse: m.rng.Intn(2) == 0}
	if m.rng.Intn(2) == 0 {
		spec.Start = m.key()
	}
	if m.rng.Intn(2) == 0 {
		spec.End = m.key()
	}
	step := 1 + m.rng.Intn(20)
	ra, rb := scan(m.t, x, va, spec, step), scan(m.t, y, vb, spec, step)
	if fmt.Sprint(ra) != fmt.Sprint(rb) {
		m.t.Fatalf("scan %q..%q reverse %v read %d:\n got  %q\n want %q", spec.Start, spec.End, spec.Reverse, read, ra, rb)
	}
}

func (m *modelRun) snapshots() {
	if m.rng.Intn(4) == 0 {
		a, err := m.a.Snapshot()
		check(m.t, err)
		b, err := m.b.Snapshot()
		check(m.t, err)
		m.snapsA, m.snapsB = append(m.snapsA, a), append(m.snapsB, b)
	}
	if len(m.snapsA) > 5 {
		m.snapsA[0].Release()
		m.snapsB[0].Release()
		m.snapsA, m.snapsB = m.snapsA[1:], m.snapsB[1:]
	}
}

func (m *modelRun) releaseSnapshots() {
	for i := range m.snapsA {
		m.snapsA[i].Release()
		m.snapsB[i].Release()
	}
}
