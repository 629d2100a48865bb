package session

import (
	"strings"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// openPair opens two sessions. The first one ends its transaction when the second
// one has to wait for it.
func openPair(t *testing.T) (first, second *Session) {
	first = openTest(t)
	out := &Out{Write: func([]byte) error { return nil }}
	second, err := first.srv.Open(Startup{User: "postgres", Database: "postgres", Out: out})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	waiting := second.hooks.onWait
	second.hooks.onWait = func() {
		waiting()
		go func() { ended <- first.Query("commit") }()
	}
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Error(err)
		}
		second.Close()
	})
	return first, second
}

func mustQuery(t *testing.T, s *Session, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := s.Query(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

// kinds cuts replies into messages.
func kinds(t *testing.T, b []byte) string {
	k := ""
	for len(b) >= 5 {
		n := int(b[1])<<24 | int(b[2])<<16 | int(b[3])<<8 | int(b[4])
		if n < 4 || n >= len(b) {
			break
		}
		k, b = k+string(b[0]), b[1+n:]
	}
	if len(b) > 0 {
		t.Errorf("after %s: %q is no message", k, b)
	}
	return k
}

// A portal whose table changes while it waits for the table's lock does not return
// other columns than Bind said.
func TestColumnsChangeInAWait(t *testing.T) {
	first, second := openPair(t)
	mustQuery(t, first, "create table u (a int); insert into u values (1)")
	if err := second.Parse("", "select * from u", nil); err != nil {
		t.Fatal(err)
	}
	if err := second.Bind(&BindMessage{}); err != nil {
		t.Fatal(err)
	}
	mustQuery(t, first, "begin", "alter table u add b text default 'x'")
	if err := second.Execute(nil, 0); pgerr.Code(err) != pgerr.FeatureNotSupportedCode {
		t.Errorf("got %v", err)
	}
}

// In the simple protocol nothing was said before the wait.
func TestSimpleQueryAfterAWait(t *testing.T) {
	for _, query := range []string{"select * from u", "begin; declare c cursor for select * from u; fetch 1 from c"} {
		t.Run(query, func(t *testing.T) {
			first, second := openPair(t)
			mustQuery(t, first, "create table u (a int); insert into u values (1)")
			mustQuery(t, second, "select * from u")
			mustQuery(t, first, "begin", "alter table u add b text default 'x'")
			second.out.Buf = nil
			mustQuery(t, second, query)
			if sent := string(second.out.Buf); !strings.Contains(sent, "D\x00\x00\x00\x10\x00\x02\x00\x00\x00\x011\x00\x00\x00\x01x") {
				t.Errorf("got %q", sent)
			}
		})
	}
}

// A statement run by its shape goes out in the middle of a wait; when it then runs
// again the long way, what it had replied is taken back to the byte.
func TestShapeFailsAfterAWait(t *testing.T) {
	first, second := openPair(t)
	const add = "update t set b = b + 2000000000 where a = 1 returning b"
	mustQuery(t, second, "begin", add, "rollback", "begin", add, "rollback")
	mustQuery(t, first, "begin", "update t set b = 2000000000 where a = 1")
	var sent []byte
	second.out.Write = func(b []byte) error { sent = append(sent, b...); return nil }
	second.out.Buf = nil
	second.out.Complete("ROLLBACK")
	second.out.Ready('I')
	if err := second.Query(add); pgerr.Code(err) != pgerr.NumericValueOutOfRange {
		t.Errorf("got %v", err)
	}
	if len(sent) == 0 {
		t.Error("nothing went out before the wait")
	}
	_ = second.out.Flush()
	if got := kinds(t, sent); got != "CZT" {
		t.Errorf("got %s", got)
	}
}

// Describe is a message with a time of its own.
func TestDescribeStartsItsTransactionNow(t *testing.T) {
	s := openTest(t)
	if err := s.Parse("n", "select now()", nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	before := s.stmtTime
	for s.ClockTimestamp() == before {
	}
	from := s.ClockTimestamp()
	if err := s.Describe('S', []byte("n")); err != nil {
		t.Fatal(err)
	}
	if at := s.TransactionTimestamp(); at < from {
		t.Errorf("the transaction began %d microseconds before Describe came", from-at)
	}
}
