package storage

// #include "shim.h"
import "C"

import (
	"context"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// serial implements kv.Serial.
type serial struct {
	txn    *txn
	handle uint64 // the engine's transaction: another session may name it while this one ends it
	ts     kv.Timestamp
}

func (s *serial) TS() kv.Timestamp { return s.ts }

// Serialize implements kv.Txn.
func (t *txn) Serialize(readOnly bool, like kv.Serial) (kv.Serial, error) {
	if err := t.enter(); err != nil {
		return nil, err
	}
	if t.Written() {
		return nil, kv.ErrInvalidArg
	}
	var flags C.uint32_t
	if readOnly {
		flags = C.PGZ_SERIALIZE_READ_ONLY
	}
	if t.serial {
		flags |= C.PGZ_SERIALIZE_ANEW
	}
	var handle C.uint64_t
	if like != nil {
		other, ok := like.(*serial)
		if !ok || other.txn.store != t.store {
			return nil, kv.ErrInvalidArg
		}
		handle = C.uint64_t(other.handle)
	}
	call := &t.sc.call
	st := C.sh_serialize(C.uint64_t(t.store.db), C.uint64_t(t.owner), flags, handle, call)
	if st != C.PGZ_OK {
		return nil, statusError(st, &call.err)
	}
	t.serial = true
	return &serial{txn: t, handle: uint64(call.txn), ts: kv.Timestamp(call.value)}, nil
}

// Check implements kv.Txn.
func (t *txn) Check() error {
	if err := t.enter(); err != nil {
		return err
	}
	return t.handOver()
}

// WaitSafe implements kv.Serial.
func (s *serial) WaitSafe(ctx context.Context, onWait func()) error {
	t := s.txn
	if err := t.enter(); err != nil {
		return err
	}
	k := t.store.tickets.issue()
	if k == nil {
		return kv.ErrClosed
	}
	defer t.store.tickets.giveBack(k)
	call := &t.sc.call
	switch st := C.sh_wait_safe(C.uint64_t(k.tag), call); st {
	case C.PGZ_OK:
		return nil
	case C.PGZ_PENDING:
	default:
		return statusError(st, &call.err)
	}
	var c completion
	select {
	case c = <-k.done:
	default:
		if onWait != nil {
			onWait()
		}
		select {
		case c = <-k.done:
		case <-ctx.Done():
			C.sh_cancel(call.txn)
			if c = <-k.done; c.status == C.PGZ_CANCELLED {
				return context.Cause(ctx)
			}
		}
	}
	if c.status != C.PGZ_OK {
		return statusError(c.status, nil)
	}
	return nil
}
