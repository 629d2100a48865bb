package session

import (
	"errors"
	"testing"
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
