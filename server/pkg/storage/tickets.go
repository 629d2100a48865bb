package storage

// #include "shim.h"
import "C"

import (
	"encoding/binary"
	"os"
	"sync"
	"syscall"
)

// ticket is one outstanding call of the engine.
type ticket struct {
	tag  uint64
	done chan completion // of capacity 1; receives exactly one
}

type completion struct {
	value  uint64
	status C.pgz_status
}

// tickets pairs completions with who waits for them. Its goroutine sleeps in
// the network poller, not in C.
type tickets struct {
	db     uint64
	events *os.File

	mu     sync.Mutex
	slots  []*ticket // by low half of the tag, minus one
	free   []uint32
	serial uint32
	closed bool
	pool   []*ticket

	ended chan struct{}
}

func newTickets(db uint64, fd int) (*tickets, error) {
	own, err := syscall.Dup(fd)
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(own)
	if err := syscall.SetNonblock(own, true); err != nil {
		syscall.Close(own)
		return nil, err
	}
	t := &tickets{db: db, events: os.NewFile(uintptr(own), "pgz-events"), ended: make(chan struct{})}
	go t.run()
	return t, nil
}

// issue returns a ticket whose tag may be given to the engine; nil after
// close.
func (t *tickets) issue() *ticket {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	var k *ticket
	if n := len(t.pool); n > 0 {
		k, t.pool = t.pool[n-1], t.pool[:n-1]
	} else {
		k = &ticket{done: make(chan completion, 1)}
	}
	var slot uint32
	if n := len(t.free); n > 0 {
		slot, t.free = t.free[n-1], t.free[:n-1]
	} else {
		slot = uint32(len(t.slots))
		t.slots = append(t.slots, nil)
	}
	t.slots[slot] = k
	t.serial++
	k.tag = uint64(t.serial)<<32 | uint64(slot+1)
	return k
}

// giveBack returns a ticket: one that the engine did not take, or whose
// completion was received.
func (t *tickets) giveBack(k *ticket) {
	t.mu.Lock()
	if slot := uint32(k.tag) - 1; t.slots[slot] == k {
		t.slots[slot] = nil
		t.free = append(t.free, slot)
	}
	t.pool = append(t.pool, k)
	t.mu.Unlock()
}

func (t *tickets) run() {
	defer close(t.ended)
	var signal [8]byte
	var batch [128]C.pgz_completion
	for {
		// Drains the eventfd; the ring comes second.
		if _, err := t.events.Read(signal[:]); err != nil {
			return
		}
		_ = binary.NativeEndian.Uint64(signal[:])
		for {
			var n C.size_t
			if C.sh_reap(C.uint64_t(t.db), &batch[0], C.size_t(len(batch)), &n) != C.PGZ_OK {
				return
			}
			t.deliver(batch[:n])
			if int(n) < len(batch) {
				break
			}
		}
	}
}

func (t *tickets) deliver(batch []C.pgz_completion) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range batch {
		c := &batch[i]
		slot := uint32(c.tag) - 1
		k := t.slots[slot]
		t.slots[slot] = nil
		t.free = append(t.free, slot)
		k.done <- completion{uint64(c.value), c.status}
	}
}

// close ends what still waits with PGZ_CLOSED. The engine is closed already.
func (t *tickets) close() {
	t.events.Close()
	<-t.ended
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for slot, k := range t.slots {
		if k != nil {
			t.slots[slot] = nil
			k.done <- completion{0, C.PGZ_CLOSED}
		}
	}
}
