package storage

/*
#cgo CFLAGS: -I${SRCDIR}/../../../include
#cgo LDFLAGS: ${SRCDIR}/../../../build/lib/libpgz.a -l:liblz4.a -l:liburing.a -l:libstdc++.a -lm -lpthread -lc -lmimalloc
#include "shim.h"

#cgo noescape sh_open
#cgo noescape sh_close
#cgo noescape sh_dump
#cgo noescape sh_flush
#cgo noescape sh_stats
#cgo noescape sh_io_describe
#cgo noescape sh_reap
#cgo noescape sh_snapshot
#cgo noescape sh_counter
#cgo noescape sh_blocked_by
#cgo noescape sh_safe_blocked_by
#cgo noescape sh_serialize
#cgo noescape sh_wait_safe
#cgo noescape sh_lock_list
#cgo noescape sh_deadlock
#cgo noescape sh_approximate
#cgo noescape sh_write
#cgo noescape sh_read
#cgo noescape sh_multi_get
#cgo noescape sh_cursor_open
#cgo noescape sh_cursor_fetch
#cgo noescape sh_lock
#cgo noescape sh_lock_read
#cgo noescape sh_rollback_to
#cgo noescape sh_commit
#cgo noescape sh_prepare
#cgo noescape sh_adopt
#cgo nocallback sh_open
#cgo nocallback sh_close
#cgo nocallback sh_dump
#cgo nocallback sh_flush
#cgo nocallback sh_stats
#cgo nocallback sh_io_describe
#cgo nocallback sh_reap
#cgo nocallback sh_snapshot
#cgo nocallback sh_release
#cgo nocallback sh_snapshot_share
#cgo nocallback sh_counter
#cgo nocallback sh_blocked_by
#cgo nocallback sh_safe_blocked_by
#cgo nocallback sh_serialize
#cgo nocallback sh_wait_safe
#cgo nocallback sh_lock_list
#cgo nocallback sh_deadlock
#cgo nocallback sh_approximate
#cgo nocallback sh_write
#cgo nocallback sh_read
#cgo nocallback sh_multi_get
#cgo nocallback sh_cursor_open
#cgo nocallback sh_cursor_fetch
#cgo nocallback sh_cursor_close
#cgo nocallback sh_lock
#cgo nocallback sh_lock_read
#cgo nocallback sh_cancel
#cgo nocallback sh_rollback_to
#cgo nocallback sh_commit
#cgo nocallback sh_prepare
#cgo nocallback sh_adopt
#cgo nocallback sh_free_memory
#cgo nocallback sh_free
*/
import "C"

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// The order of -lc and -lmimalloc matters: Debian's mimalloc also defines
// malloc, and the process keeps the C library's because that comes first.

// Library is the checksum of the engine archive this package was built
// against.
const Library = libraryChecksum

// C writes kv.RowEnt itself: a scan's rows are not touched again in Go.
const (
	_ = -(unsafe.Sizeof(kv.RowEnt{}) ^ unsafe.Sizeof(C.pgz_row{}))
	_ = -(unsafe.Offsetof(kv.RowEnt{}.Ver) ^ unsafe.Offsetof(C.pgz_row{}.kind))
	_ = -(unsafe.Offsetof(kv.RowEnt{}.ValLen) ^ unsafe.Offsetof(C.pgz_row{}.value_len))
	_ = -(unsafe.Offsetof(kv.Version{}.TS) ^ (unsafe.Offsetof(C.pgz_row{}.timestamp) - unsafe.Offsetof(C.pgz_row{}.kind)))
	_ = -(unsafe.Offsetof(kv.Version{}.Own) ^ (unsafe.Offsetof(C.pgz_row{}.own) - unsafe.Offsetof(C.pgz_row{}.kind)))
)

// Version returns the engine's version.
func Version() string { return C.GoString(C.pgz_version()) }

var statusErrors = map[C.pgz_status]error{
	C.PGZ_OUT_OF_MEMORY:  kv.ErrOutOfMemory,
	C.PGZ_INVALID_ARG:    kv.ErrInvalidArg,
	C.PGZ_BUSY:           kv.ErrLockNotAvailable,
	C.PGZ_DEADLOCK:       kv.ErrDeadlock,
	C.PGZ_TIMED_OUT:      kv.ErrLockTimeout,
	C.PGZ_CORRUPTION:     kv.ErrCorruption,
	C.PGZ_IO_ERROR:       kv.ErrIO,
	C.PGZ_NO_SPACE:       kv.ErrNoSpace,
	C.PGZ_LOCKED:         kv.ErrLocked,
	C.PGZ_NEWER_FORMAT:   kv.ErrNewerFormat,
	C.PGZ_CLOSED:         kv.ErrClosed,
	C.PGZ_FAILED:         kv.ErrFailed,
	C.PGZ_NOT_SUPPORTED:  kv.ErrNotSupported,
	C.PGZ_READ_ONLY:      kv.ErrReadOnly,
	C.PGZ_TOO_MANY_LOCKS: kv.ErrTooManyLocks,
	C.PGZ_SERIALIZATION:  kv.ErrSerialization,
	C.PGZ_CANCELLED:      kv.ErrCancelled,
	C.PGZ_TXN_OVER:       kv.ErrTxnDone,
	C.PGZ_UNKNOWN:        kv.ErrUnknownOutcome,
}

// statusError turns a failed call's status into the error of package kv that
// says it, with the engine's message where err has one. Where the operating
// system had a part in it, its syscall.Errno is in the chain too.
func statusError(s C.pgz_status, err *C.pgz_error) error {
	base, known := statusErrors[s]
	if !known {
		base = errors.New(C.GoString(C.pgz_strerror(s)))
	}
	if err == nil || err.code != s {
		return base
	}
	message := C.GoString(&err.message[0])
	err.code = C.PGZ_OK
	if err.sys_errno != 0 {
		base = &systemError{base, syscall.Errno(err.sys_errno)}
	}
	if message == C.GoString(C.pgz_strerror(s)) {
		return base
	}
	return fmt.Errorf("%w: %s", base, message)
}

// systemError says what its error says.
type systemError struct {
	error
	errno syscall.Errno
}

func (e *systemError) Unwrap() []error { return []error{e.error, e.errno} }

// pointer to the first byte of b; nil for an empty slice. Bytes cross as C.uint8_t and rows as
// C.pgz_row, never as void: the runtime checks at each call what a void pointer leads to.
func pointer(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(b)) }
