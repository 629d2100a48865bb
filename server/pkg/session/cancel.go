package session

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// interrupt is the context of a session's statements: made once, re-armed for
// each statement, so that starting one allocates nothing. Cancelling it from
// outside reaches the statement that runs at that moment, if any.
type interrupt struct {
	err atomic.Pointer[pgerr.Error]

	mu      sync.Mutex
	done    chan struct{}
	closed  bool
	running bool
	final   *pgerr.Error // set for good: the session is to end
	timer   *time.Timer
	serial  uint64 // of the statement a timer was set for
}

var _ context.Context = (*interrupt)(nil)

// Deadline implements context.Context: timeouts come as cancellations.
func (*interrupt) Deadline() (time.Time, bool) { return time.Time{}, false }

// Value implements context.Context.
func (*interrupt) Value(any) any { return nil }

// Done implements context.Context.
func (i *interrupt) Done() <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.done == nil {
		i.done = make(chan struct{})
		if i.closed {
			close(i.done)
		}
	}
	return i.done
}

// Err implements context.Context; it is a *pgerr.Error.
func (i *interrupt) Err() error {
	if e := i.err.Load(); e != nil {
		return e
	}
	return nil
}

// arm begins a statement, to be cancelled after timeout if that is not 0.
func (i *interrupt) arm(timeout time.Duration) {
	i.mu.Lock()
	i.running = true
	i.serial++
	if i.closed && i.final == nil {
		i.closed, i.done = false, nil
		i.err.Store(nil)
	}
	if timeout > 0 {
		serial := i.serial
		i.timer = time.AfterFunc(timeout, func() {
			i.fire(serial, pgerr.New(pgerr.QueryCanceled, "canceling statement due to statement timeout"))
		})
	}
	i.mu.Unlock()
}

// disarm ends a statement: later cancellations do not reach it.
func (i *interrupt) disarm() {
	i.mu.Lock()
	i.running = false
	if i.timer != nil {
		i.timer.Stop()
		i.timer = nil
	}
	i.mu.Unlock()
}

// cancel interrupts the running statement.
func (i *interrupt) cancel(e *pgerr.Error) {
	i.mu.Lock()
	serial := i.serial
	i.mu.Unlock()
	i.fire(serial, e)
}

func (i *interrupt) fire(serial uint64, e *pgerr.Error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.running && i.serial == serial {
		i.close(e)
	}
}

// terminate interrupts the running statement and every later one.
func (i *interrupt) terminate(e *pgerr.Error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.final = e
	i.close(e)
}

// ending returns what terminate was given, nil before.
func (i *interrupt) ending() *pgerr.Error {
	if i.err.Load() == nil {
		return nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.final
}

func (i *interrupt) close(e *pgerr.Error) {
	if i.closed {
		return
	}
	i.err.Store(e)
	i.closed = true
	if i.done != nil {
		close(i.done)
	}
}
