package storage

// #include "shim.h"
import "C"

import (
	"encoding/binary"
	"slices"
	"unsafe"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// First sizes of buffers; they grow to what rows want.
const (
	valueBytes = 256
	scanBytes  = 8 << 10
)

// room makes sure that a typical value fits behind dst.
func room(dst []byte) []byte {
	if cap(dst)-len(dst) < 64 {
		return slices.Grow(dst, valueBytes)
	}
	return dst
}

// spare is the address of the memory between len and cap of b.
func spare(b []byte) *C.uint8_t {
	if cap(b) == 0 {
		return nil
	}
	return (*C.uint8_t)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), len(b)))
}

// found takes what the engine wrote behind dst.
func (t *txn) found(dst []byte) ([]byte, kv.Version) {
	row := &t.sc.call.row
	return dst[:len(dst)+int(row.value_len)], kv.Version{
		Kind: kv.VersionKind(row.kind), Own: row.own != 0, TS: kv.Timestamp(row.timestamp),
	}
}

// Get implements kv.Txn.
func (t *txn) Get(v kv.View, key, dst []byte) ([]byte, kv.Version, error) {
	if err := checkKey(key); err != nil {
		return dst, kv.Version{}, err
	}
	if err := t.enter(); err != nil {
		return dst, kv.Version{}, err
	}
	dst = room(dst)
	for {
		batch := t.pending(v.ReadOp)
		st := C.sh_read(C.uint64_t(t.store.db), C.uint64_t(t.owner), pointer(batch),
			C.size_t(len(batch)), C.uint64_t(v.TS), C.uint32_t(v.ReadOp), pointer(key),
			C.size_t(len(key)), spare(dst), C.size_t(cap(dst)-len(dst)), &t.sc.call)
		t.handedOver(batch, st)
		switch st {
		case C.PGZ_OK, C.PGZ_NOT_FOUND:
			dst, version := t.found(dst)
			return dst, version, nil
		case C.PGZ_BUFFER_TOO_SMALL:
			t.sc.call.err.code = C.PGZ_OK
			dst = slices.Grow(dst, int(t.sc.call.row.value_len))
		default:
			return dst, kv.Version{}, statusError(st, &t.sc.call.err)
		}
	}
}

// MultiGet implements kv.Txn.
func (t *txn) MultiGet(v kv.View, keys [][]byte, out *kv.Rows) error {
	out.Reset()
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return err
		}
	}
	if err := t.enter(); err != nil {
		return err
	}
	if len(t.pending(v.ReadOp)) != 0 {
		if err := t.handOver(); err != nil {
			return err
		}
	}
	// All keys are read at one snapshot, even where they do not fit one call.
	if v.TS == kv.Newest && len(keys) > 1 {
		snap, err := t.store.Snapshot()
		if err != nil {
			return err
		}
		defer snap.Release()
		v.TS = snap.TS()
	}
	sc := t.sc
	sc.tmp = sc.tmp[:0]
	for _, key := range keys {
		sc.tmp = binary.LittleEndian.AppendUint32(sc.tmp, uint32(len(key)))
		sc.tmp = append(sc.tmp, key...)
	}
	out.Buf = slices.Grow(out.Buf, max(valueBytes, len(keys)*64))
	out.Ents = slices.Grow(out.Ents, len(keys))
	rest := sc.tmp
	for n := 0; n < len(keys); n = len(out.Ents) {
		st := C.sh_multi_get(C.uint64_t(t.store.db), C.uint64_t(v.TS), C.uint32_t(v.ReadOp),
			pointer(rest), C.size_t(len(rest)), ents(out), C.uint32_t(len(keys)-n), spare(out.Buf),
			C.size_t(cap(out.Buf)-len(out.Buf)), &sc.call)
		if st != C.PGZ_OK && st != C.PGZ_BUFFER_TOO_SMALL {
			return statusError(st, &sc.call.err)
		}
		sc.call.err.code = C.PGZ_OK
		take(out, &sc.call)
		for i := n; i < len(out.Ents); i++ {
			rest = rest[4+len(keys[i]):]
		}
		if sc.call.done == 0 {
			out.Buf = slices.Grow(out.Buf, max(int(sc.call.needed), cap(out.Buf)))
		}
	}
	return nil
}

// ents is where the engine writes the entries behind those of out.
func ents(out *kv.Rows) *C.pgz_row {
	if cap(out.Ents) == 0 {
		return nil
	}
	return (*C.pgz_row)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(out.Ents)),
		uintptr(len(out.Ents))*unsafe.Sizeof(kv.RowEnt{})))
}

// take adds the rows a call wrote behind out. Their offsets count from where
// the bytes of that call begin.
func take(out *kv.Rows, call *C.sh_call) {
	n := len(out.Ents)
	base := uint32(len(out.Buf))
	out.Ents = out.Ents[:n+int(call.rows)]
	out.Buf = out.Buf[:len(out.Buf)+int(call.used)]
	if base == 0 {
		return
	}
	for i := n; i < len(out.Ents); i++ {
		out.Ents[i].Key += base
		out.Ents[i].Val += base
	}
}

type scanner struct {
	txn    *txn
	cursor uint64
	bytes  int
	closed bool
}

// NewScan implements kv.Txn.
func (t *txn) NewScan(v kv.View, spec kv.ScanSpec) (kv.Scanner, error) {
	if err := t.enter(); err != nil {
		return nil, err
	}
	sc := t.sc
	if len(t.pending(v.ReadOp)) != 0 {
		if err := t.handOver(); err != nil {
			return nil, err
		}
	}
	st := C.sh_cursor_open(C.uint64_t(t.store.db), C.uint64_t(v.TS), C.uint32_t(v.ReadOp),
		flag(spec.Reverse), flag(spec.KeysOnly), pointer(spec.Start), C.size_t(len(spec.Start)),
		pointer(spec.End), C.size_t(len(spec.End)), &sc.call)
	if st != C.PGZ_OK {
		return nil, statusError(st, &sc.call.err)
	}
	return &scanner{txn: t, cursor: uint64(sc.call.value), bytes: scanBytes}, nil
}

// Next implements kv.Scanner.
func (s *scanner) Next(out *kv.Rows, maxRows int) (bool, error) {
	out.Reset()
	if s.closed {
		return false, kv.ErrInvalidArg
	}
	if err := s.txn.enter(); err != nil {
		return false, err
	}
	if maxRows <= 0 {
		return true, nil
	}
	maxRows = min(maxRows, kv.MaxScanRows)
	// Short scans come with small buffers; long ones grow to full batches.
	out.Buf = slices.Grow(out.Buf, min(s.bytes, max(maxRows*valueBytes, 1024)))
	out.Ents = slices.Grow(out.Ents, min(maxRows, s.bytes/32))
	s.bytes = min(4*s.bytes, kv.MaxScanBytes)
	call := &s.txn.sc.call
	for {
		st := C.sh_cursor_fetch(C.uint64_t(s.cursor), ents(out), C.uint32_t(min(maxRows, cap(out.Ents))),
			spare(out.Buf), C.size_t(min(cap(out.Buf), kv.MaxScanBytes)), call)
		if st == C.PGZ_BUFFER_TOO_SMALL {
			call.err.code = C.PGZ_OK
			if cap(out.Buf) >= int(call.needed) {
				// One row larger than a batch may be.
				st = C.sh_cursor_fetch(C.uint64_t(s.cursor), ents(out), 1, spare(out.Buf),
					C.size_t(cap(out.Buf)), call)
			} else {
				out.Buf = slices.Grow(out.Buf, int(call.needed))
				continue
			}
		}
		if st != C.PGZ_OK {
			return false, statusError(st, &call.err)
		}
		take(out, call)
		return call.done == 0, nil
	}
}

// Close implements kv.Scanner.
func (s *scanner) Close() {
	if !s.closed {
		s.closed = true
		_ = s.txn.join() // the next call tells
		C.sh_cursor_close(C.uint64_t(s.cursor))
	}
}

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
