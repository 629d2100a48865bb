package session

import (
	"errors"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// Before a wait goes out what is complete up to ReadyForQuery, and no more.
func TestFlushReady(t *testing.T) {
	var wrote []string
	o := &Out{Write: func(b []byte) error { wrote = append(wrote, string(b)); return nil }}
	step := func(do func() error, want ...string) {
		t.Helper()
		wrote = nil
		if err := do(); err != nil {
			t.Fatal(err)
		}
		if len(wrote) != len(want) || len(want) == 1 && wrote[0] != want[0] {
			t.Fatalf("wrote %q, want %q", wrote, want)
		}
	}
	const ready = "Z\x00\x00\x00\x05I"
	begin, insert := "C\x00\x00\x00\x0aBEGIN\x00", "C\x00\x00\x00\x0fINSERT 0 1\x00"
	step(o.FlushReady)
	o.Complete("BEGIN")
	step(o.FlushReady)
	o.Ready('I')
	o.Complete("INSERT 0 1")
	step(o.FlushReady, begin+ready)
	step(o.FlushReady)
	o.Ready('I')
	step(o.Flush, insert+ready)
	step(o.FlushReady)

	o.Ready('I')
	o.Write = func([]byte) error { return errors.New("gone") }
	if o.FlushReady() == nil || o.Flush() == nil {
		t.Error("a failed write went unnoticed")
	}
}

// A message has a largest length; a row beyond it is taken back.
func TestLongestMessage(t *testing.T) {
	defer func(n int) { maxMessageBytes = n }(maxMessageBytes)
	maxMessageBytes = 3 << 20
	s := openTest(t)
	const from = " from (select repeat('x', 1200000) as x) s"
	for _, c := range []struct{ q, detail string }{
		{"select x, x" + from, ""},
		{"select x, x, x" + from, "Cannot enlarge string buffer containing 2400014 bytes by 1200000 more bytes."},
		{"copy (select x, x" + from + ") to stdout", ""},
		{"copy (select x, x, x" + from + ") to stdout", "Cannot enlarge string buffer containing 2400002 bytes by 1200000 more bytes."},
	} {
		s.out.Buf = nil
		err := s.Query(c.q)
		if c.detail == "" && err != nil || c.detail != "" && (pgerr.Code(err) != "54000" || pgerr.From(err).Detail != c.detail) {
			t.Errorf("%s: %v", c.q, err)
		}
		if err != nil && len(s.out.Buf) > 1000 {
			t.Errorf("%s: %d bytes of an unfinished message stay", c.q, len(s.out.Buf))
		}
	}
}
