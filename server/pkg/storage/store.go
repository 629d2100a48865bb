package storage

// #include "shim.h"
import "C"

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// Options says how a store is opened. Zero means the engine's default.
type Options struct {
	MustExist     bool   // do not create the directory or the database
	MemoryBudget  uint64 // bytes for memtables and cache together; 384 MiB
	MemtableBytes uint64 // one memtable
	LogSlotBytes  uint64 // one log file; 8 to 64 MiB
	SpillBytes    uint64 // a transaction's write buffer before it goes to disk; 4 MiB
	LockMemory    uint64 // bytes for locks; 256 MiB, or a quarter of MemoryBudget
	IO            IO
	DurableWrites DurableWrites
	Tables        Tables
}

// IO is how files are read and written.
type IO int

// The kinds of IO. Where io_uring is missing or refused, plain calls take its
// place, which [Store.DescribeIO] says.
const (
	IOAuto  IO = C.PGZ_IO_AUTO
	IOPosix IO = C.PGZ_IO_POSIX
	IOUring IO = C.PGZ_IO_URING
)

// DurableWrites is how a write is made durable.
type DurableWrites int

// The ways to make a write durable: the fastest of this device (measured once
// for a directory), RWF_DSYNC, write and fdatasync, or both linked in io_uring.
const (
	DurableAuto   DurableWrites = C.PGZ_DURABLE_AUTO
	DurableDsync  DurableWrites = C.PGZ_DURABLE_DSYNC
	DurableSync   DurableWrites = C.PGZ_DURABLE_SYNC
	DurableLinked DurableWrites = C.PGZ_DURABLE_LINKED
)

// Tables is how the files that hold rows are read and written.
type Tables int

// Through the system's page cache, whose memory comes on top of the budget, or
// past it where the file system can. Auto is the first.
const (
	TablesAuto     Tables = C.PGZ_TABLES_AUTO
	TablesBuffered Tables = C.PGZ_TABLES_BUFFERED
	TablesDirect   Tables = C.PGZ_TABLES_DIRECT
)

// Store is an open database directory. It implements kv.Store.
type Store struct {
	db      uint64
	tickets *tickets

	closing  atomic.Bool
	commits  sync.WaitGroup // submitted and not yet answered
	closeErr error
	once     sync.Once
	scratch  sync.Pool // of *scratch

	exclusive atomic.Int64 // transactions that asked for an AccessExclusive lock on a relation
}

var _ kv.Store = (*Store)(nil)

// OpenStore opens the database directory path, making it if it is not there.
// One process may have it open (kv.ErrLocked).
func OpenStore(path string, o Options) (*Store, error) {
	var c C.sh_call
	var fd C.int
	cpath := C.CString(path)
	defer C.free(unsafe.Pointer(cpath))
	create := C.int(1)
	if o.MustExist {
		create = 0
	}
	if s := C.sh_open(cpath, C.uint64_t(o.MemoryBudget), C.uint64_t(o.MemtableBytes),
		C.uint64_t(o.LogSlotBytes), C.uint64_t(o.SpillBytes), C.uint64_t(o.LockMemory), create,
		C.int(o.IO), C.int(o.DurableWrites), C.int(o.Tables), &c, &fd); s != C.PGZ_OK {
		return nil, fmt.Errorf("open %s: %w", path, statusError(s, &c.err))
	}
	store := &Store{db: uint64(c.value)}
	store.scratch.New = func() any { return new(scratch) }
	var err error
	if store.tickets, err = newTickets(store.db, int(fd)); err != nil {
		C.sh_close(c.value, &c)
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return store, nil
}

// Close implements kv.Store. Commits under way are waited for, lock waits end
// with kv.ErrClosed.
func (s *Store) Close() error {
	first := false
	s.once.Do(func() {
		first = true
		s.closing.Store(true)
		s.commits.Wait()
		var c C.sh_call
		if st := C.sh_close(C.uint64_t(s.db), &c); st != C.PGZ_OK {
			s.closeErr = statusError(st, &c.err)
		}
		s.tickets.close()
	})
	if !first {
		return kv.ErrClosed
	}
	return s.closeErr
}

// Flush writes what is in memory to sorted tables.
func (s *Store) Flush() error {
	var c C.sh_call
	if st := C.sh_flush(C.uint64_t(s.db), &c); st != C.PGZ_OK {
		return statusError(st, &c.err)
	}
	return nil
}

// Begin implements kv.Store.
func (s *Store) Begin(opts kv.TxnOptions) (kv.Txn, error) {
	if s.closing.Load() {
		return nil, kv.ErrClosed
	}
	return &txn{store: s, owner: opts.Owner}, nil
}

type snapshot struct {
	store    *Store
	ts       uint64
	released atomic.Bool
}

func (n *snapshot) TS() kv.Timestamp { return kv.Timestamp(n.ts) }

func (n *snapshot) Release() {
	if !n.released.Swap(true) {
		C.sh_release(C.uint64_t(n.store.db), C.uint64_t(n.ts))
	}
}

// Snapshot implements kv.Store.
func (s *Store) Snapshot() (kv.Snapshot, error) {
	n := &snapshot{store: s}
	if st := C.sh_snapshot(C.uint64_t(s.db), (*C.uint64_t)(&n.ts)); st != C.PGZ_OK {
		var c C.sh_call
		C.sh_snapshot_error(C.uint64_t(s.db), &c)
		return nil, statusError(st, &c.err)
	}
	return n, nil
}

// SnapshotAt implements kv.Store.
func (s *Store) SnapshotAt(ts kv.Timestamp) (kv.Snapshot, error) {
	if st := C.sh_snapshot_share(C.uint64_t(s.db), C.uint64_t(ts)); st != C.PGZ_OK {
		return nil, statusError(st, nil)
	}
	return &snapshot{store: s, ts: uint64(ts)}, nil
}

// Reserve implements kv.Store.
func (s *Store) Reserve(ctx context.Context, name string, n uint64) (uint64, error) {
	if name == "" || n == 0 {
		return 0, kv.ErrInvalidArg
	}
	// The answer is waited for even when ctx ends: it comes with the next flush.
	k := s.tickets.issue()
	if k == nil {
		return 0, kv.ErrClosed
	}
	defer s.tickets.giveBack(k)
	sc := s.scratch.Get().(*scratch)
	defer s.scratch.Put(sc)
	st := C.sh_counter(C.uint64_t(s.db), (*C.uint8_t)(unsafe.StringData(name)), C.size_t(len(name)),
		C.uint64_t(n), C.uint64_t(k.tag), &sc.call)
	if st == C.PGZ_PENDING {
		c := <-k.done
		if c.status != C.PGZ_OK {
			return 0, statusError(c.status, nil)
		}
		return c.value, nil
	}
	if st != C.PGZ_OK {
		return 0, statusError(st, &sc.call.err)
	}
	return uint64(sc.call.value), nil
}

// Exclusive implements kv.Store.
func (s *Store) Exclusive() bool { return s.exclusive.Load() != 0 }

// BlockedBy implements kv.Store.
func (s *Store) BlockedBy(owner uint64) []uint64 {
	return listOwners(func(out []uint64, n *C.size_t) C.pgz_status {
		return C.sh_blocked_by(C.uint64_t(s.db), C.uint64_t(owner), (*C.uint64_t)(&out[0]), C.size_t(len(out)), n)
	})
}

// SafeBlockedBy implements kv.Store.
func (s *Store) SafeBlockedBy(owner uint64) []uint64 {
	return listOwners(func(out []uint64, n *C.size_t) C.pgz_status {
		return C.sh_safe_blocked_by(C.uint64_t(s.db), C.uint64_t(owner), (*C.uint64_t)(&out[0]), C.size_t(len(out)), n)
	})
}

func listOwners(list func(out []uint64, n *C.size_t) C.pgz_status) []uint64 {
	out := make([]uint64, 16)
	for {
		var n C.size_t
		if list(out, &n) != C.PGZ_OK {
			return nil
		}
		if int(n) <= len(out) {
			return out[:n]
		}
		out = make([]uint64, n)
	}
}

// ApproximateBytes implements kv.Store.
func (s *Store) ApproximateBytes(start, end []byte) (int64, error) {
	var c C.sh_call
	if st := C.sh_approximate(C.uint64_t(s.db), pointer(start), C.size_t(len(start)), pointer(end),
		C.size_t(len(end)), &c); st != C.PGZ_OK {
		return 0, statusError(st, &c.err)
	}
	return int64(c.value), nil
}

// DescribeIO is a line for people: the back end that is used and why not
// another, and how writes are made durable.
func (s *Store) DescribeIO() string {
	var text [256]C.char
	if C.sh_io_describe(C.uint64_t(s.db), &text[0], C.size_t(len(text))) != C.PGZ_OK {
		return "closed"
	}
	return C.GoString(&text[0])
}
