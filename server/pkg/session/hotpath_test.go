package session

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/kv/memkv"
)

// openTest opens a session on a memory store with a table of one row, and
// gives a prepared select of it the name "q".
func openTest(t testing.TB) *Session {
	t.Helper()
	store := memkv.New()
	srv, err := NewServer(Options{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	out := &Out{Write: func([]byte) error { return nil }}
	s, err := srv.Open(Startup{User: "postgres", Database: "postgres", Out: out})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); store.Close() })
	for _, q := range []string{"create table t (a int primary key, b int)", "insert into t values (1, 10)"} {
		if err := s.Query(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	if err := s.Parse("q", "select b from t where a = $1", nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	return s
}

// pointSelect is what pgbench -S -M prepared sends for one transaction.
func pointSelect(t testing.TB, s *Session, m *BindMessage) {
	if err := s.Bind(m); err != nil {
		t.Fatal(err)
	}
	if err := s.Describe('P', nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Execute(nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	_ = s.out.Flush()
}

func pointMessage() *BindMessage {
	params := binary.BigEndian.AppendUint32(nil, 1)
	return &BindMessage{Statement: []byte("q"), NumParams: 1, Params: append(params, '1')}
}

// pointSelectAllocations is what one prepared point select may allocate: a
// transaction, a snapshot and their bookkeeping in the store.
const pointSelectAllocations = 16

func TestPointSelectAllocations(t *testing.T) {
	s, m := openTest(t), pointMessage()
	n := testing.AllocsPerRun(200, func() { pointSelect(t, s, m) })
	t.Logf("%v allocations", n)
	if n > pointSelectAllocations {
		t.Errorf("%v allocations, want at most %d", n, pointSelectAllocations)
	}
}

// execute binds, runs and syncs a prepared statement.
func execute(t testing.TB, s *Session, m *BindMessage) {
	for _, err := range []error{s.Bind(m), s.Execute(nil, 0), s.Sync()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	_ = s.out.Flush()
}

// A prepared INSERT of one row is prepared for execution once, as an UPDATE is.
func TestInsertKeepsItsRun(t *testing.T) {
	s := openTest(t)
	if err := s.Query("create table h (v int, w text)"); err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]string{
		"i": "insert into h values (1, 'x')", "r": "insert into h values (2, 'y'), (3, 'z') returning v",
	} {
		if err := s.Parse(name, q, nil); err != nil {
			t.Fatal(err)
		}
		m := &BindMessage{Statement: []byte(name)}
		execute(t, s, m)
		first := s.prepared[name].idle
		if first == nil {
			t.Fatalf("%s: the run was not kept", q)
		}
		execute(t, s, m)
		if s.prepared[name].idle != first {
			t.Errorf("%s: another run was made", q)
		}
	}
	var rows []byte
	s.out.Write = func(b []byte) error { rows = append(rows, b...); return nil }
	if err := s.Query("select 'rows:' || count(*) || ':' || sum(v) from h"); err != nil {
		t.Fatal(err)
	}
	_ = s.out.Flush()
	if !bytes.Contains(rows, []byte("rows:6:12")) {
		t.Errorf("%q", rows)
	}
}

func BenchmarkPointSelectPrepared(b *testing.B) {
	s, m := openTest(b), pointMessage()
	b.ReportAllocs()
	for b.Loop() {
		pointSelect(b, s, m)
	}
}

func BenchmarkPointSelectByShape(b *testing.B) {
	s := openTest(b)
	texts := []string{"select b from t where a = 1", "select b from t where a = 2", "select b from t where a = 3"}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := s.Query(texts[i%3]); err != nil {
			b.Fatal(err)
		}
		_ = s.out.Flush()
		i++
	}
}
