package storage

// #include "shim.h"
import "C"

import (
	"unsafe"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// Prepare implements kv.Txn.
func (t *txn) Prepare() ([]byte, error) {
	if err := t.enter(); err != nil {
		return nil, err
	}
	sc := t.sc
	batch := sc.batch
	var state unsafe.Pointer
	var n C.size_t
	st := C.sh_prepare(C.uint64_t(t.store.db), C.uint64_t(t.owner), pointer(batch),
		C.size_t(len(batch)), &sc.call, &state, &n)
	t.handedOver(batch, st)
	if st != C.PGZ_OK {
		return nil, statusError(st, &sc.call.err)
	}
	defer C.sh_free_memory(state)
	return C.GoBytes(state, C.int(n)), nil
}

// Adopt implements kv.Store.
func (s *Store) Adopt(state []byte) (kv.Txn, error) {
	// Its locks are not looked at here: one of them may be an AccessExclusive one.
	t := &txn{store: s, first: 1, last: 1, excl: true}
	s.exclusive.Add(1)
	if err := t.enter(); err != nil {
		s.exclusive.Add(-1)
		return nil, err
	}
	if st := C.sh_adopt(C.uint64_t(s.db), pointer(state), C.size_t(len(state)), &t.sc.call); st != C.PGZ_OK {
		err := statusError(st, &t.sc.call.err)
		t.end()
		return nil, err
	}
	return t, nil
}
