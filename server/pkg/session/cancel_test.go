package session

import (
	"context"
	"testing"
	"time"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

func TestInterrupt(t *testing.T) {
	var i interrupt
	e := pgerr.New(pgerr.QueryCanceled, "x")
	i.cancel(e)
	i.arm(0)
	if i.Err() != nil {
		t.Fatal("a cancellation of an idle session reached its next statement")
	}
	i.cancel(e)
	if i.Err() != e || context.Cause(&i) != e {
		t.Fatalf("got %v", i.Err())
	}
	select {
	case <-i.Done():
	default:
		t.Fatal("Done is open after a cancellation")
	}
	i.disarm()
	i.arm(5 * time.Millisecond)
	if i.Err() != nil {
		t.Fatal("a cancellation outlived its statement")
	}
	select {
	case <-i.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("no timeout")
	}
	if pgerr.From(i.Err()).Message != "canceling statement due to statement timeout" {
		t.Fatalf("got %v", i.Err())
	}
	i.disarm()
	i.terminate(e)
	i.arm(0)
	if i.Err() == nil || i.ending() != e {
		t.Fatal("a terminated session goes on")
	}
}

func TestArmAllocatesNothing(t *testing.T) {
	var i interrupt
	if n := testing.AllocsPerRun(100, func() { i.arm(0); i.disarm() }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}
