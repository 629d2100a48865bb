// Package kv is the seam between the SQL server and what stores its data:
// ordered byte keys, each with versions tagged by commit timestamp,
// transactions, snapshots, locks and counters. The C++ engine (pkg/storage),
// the in-memory model (kv/memkv) and any later store implement it and pass
// the same tests (kv/kvtest). Nothing above this package knows which store
// runs below.
//
// # Versions and views
//
// A commit gives all its writes one Timestamp, in log order. A read names a
// View: the timestamp up to which it sees other transactions' commits, and
// the operation number below which it sees its own transaction's writes.
// A View with TS Newest sees the newest committed version at the moment of
// the call. Any other timestamp must be pinned by a Snapshot that has not
// been released, or versions it needs may be gone.
//
// # Operation numbers
//
// Every write carries the number of the command that makes it (SQL's command
// id). A read with ReadOp n sees its own transaction's writes with numbers
// below n; so a statement whose writes are numbered n and whose reads use
// ReadOp n never meets its own effects. Numbers never decrease within a
// transaction. A savepoint is a number: RollbackTo(n) undoes every write and
// gives back every lock numbered n or higher.
//
// # Locks
//
// Row locks (on keys) and object locks (tables, advisory) are held until the
// commit is durable or the rollback is done. A store does not lock on its
// own: whoever writes a key holds its row lock in a mode that excludes other
// writers, except inside an owned range. Once a lock is granted, a read at
// Newest sees everything its earlier holders committed.
//
// # Limits
//
// Keys are 1 to MaxKeyBytes long, values up to MaxValueBytes; both are
// checked and reported as ErrInvalidArg. A Txn is used by one goroutine at a
// time; a Store by any number.
package kv

import (
	"context"
	"strconv"
	"time"
)

// Timestamp orders commits. Zero is before every commit.
type Timestamp uint64

// Newest as the timestamp of a View reads the newest committed version at
// the moment of each call.
const Newest Timestamp = ^Timestamp(0)

// Limits of keys and values, in bytes.
const (
	MaxKeyBytes   = 16 << 10
	MaxValueBytes = 1 << 30
)

// OpNum numbers the commands of a transaction, from 1.
type OpNum uint32

// MaxOp as ReadOp sees every write of the own transaction so far.
const MaxOp OpNum = ^OpNum(0)

// View says what a read sees; see the package comment. A zero ReadOp sees no
// write of the own transaction.
type View struct {
	TS     Timestamp
	ReadOp OpNum
}

// VersionKind says what a version of a key is.
type VersionKind uint8

// Kinds of versions. None: no version is visible in the view.
const (
	None    VersionKind = iota
	Value               // the key has a value
	Deleted             // the key was deleted
	Moved               // the row moved; the value is its new key
)

// Version describes the version a read found.
type Version struct {
	Kind VersionKind
	Own  bool      // written by the reading transaction; TS is then zero
	TS   Timestamp // commit timestamp
}

// Found reports whether there is a value.
func (v Version) Found() bool { return v.Kind == Value }

// Snapshot pins a timestamp: versions visible at TS stay readable until
// Release. Release may be called once, from any goroutine.
type Snapshot interface {
	TS() Timestamp
	Release()
}

// Store is an open database. Its methods may be called from any goroutine.
type Store interface {
	// Begin starts a transaction. It costs nothing to speak of until the first
	// write or lock, and takes no snapshot.
	Begin(opts TxnOptions) (Txn, error)

	// Adopt begins a transaction with the writes and locks of one that was
	// prepared (Txn.Prepare) before the store was closed or its process died.
	// ErrLockNotAvailable: somebody holds one of its locks.
	Adopt(state []byte) (Txn, error)

	// Snapshot pins the horizon: everything that is committed and durable, and
	// whatever was acknowledged without waiting for durability.
	Snapshot() (Snapshot, error)

	// SnapshotAt pins a timestamp that is pinned already; ErrInvalidArg if not.
	SnapshotAt(ts Timestamp) (Snapshot, error)

	// Reserve takes n numbers from the counter called name and returns the
	// first. A counter starts at 1 when it is first used. Numbers are never
	// given twice, not even after a crash, whatever becomes of transactions;
	// gaps are possible.
	Reserve(ctx context.Context, name string, n uint64) (first uint64, err error)

	// Exclusive tells whether a transaction holds, or asked for, a relation lock
	// in mode AccessExclusive. It stays true until such a transaction has ended,
	// and what it committed is in every snapshot taken after it turned false.
	// While it is false, a single read at a snapshot needs no lock of its own:
	// whoever locks later commits after the snapshot. Any thread; cheap.
	Exclusive() bool

	// SafeBlockedBy lists the owners that keep one of owner's transactions in
	// Serial.WaitSafe.
	SafeBlockedBy(owner uint64) []uint64

	// BlockedBy lists the owners (TxnOptions.Owner) that owner waits for.
	BlockedBy(owner uint64) []uint64
	// Locks lists locks that are held, and those that are waited for in the order
	// of their queues. Row locks that are held may be millions: they are listed
	// only where somebody waits for the row. With reads, also what serializable
	// transactions have read. Not of one instant.
	Locks(reads bool) ([]LockInfo, error)

	// Awaited is Locks for locks that somebody waits for and those who hold them
	// alone: it costs what the waits cost, however many locks are held.
	Awaited() ([]LockInfo, error)

	// ApproximateBytes estimates the space the keys in [start, end) take.
	ApproximateBytes(start, end []byte) (int64, error)

	// Stats returns figures about the store by name, for views and logs.
	Stats() map[string]int64

	// Close waits for background work and releases everything. Transactions
	// still open are rolled back; later calls return ErrClosed.
	Close() error
}

// TxnOptions says how a transaction begins.
type TxnOptions struct {
	Owner uint64 // identifies the session in BlockedBy and lock listings
}

// Txn is one transaction: buffered writes, locks, reads. Commit or Rollback
// ends it; every later call returns ErrTxnDone.
type Txn interface {
	// Get reads key in view v. The value is appended to dst (which may be nil)
	// and returned; it is meaningful when the version's kind is Value or Moved.
	Get(v View, key, dst []byte) ([]byte, Version, error)

	// MultiGet reads many keys in one call; out gets one row per key, in order.
	MultiGet(v View, keys [][]byte, out *Rows) error

	// NewScan returns a scanner over [spec.Start, spec.End) in view v. Writes
	// the transaction makes after NewScan with numbers below v.ReadOp may or
	// may not be seen.
	NewScan(v View, spec ScanSpec) (Scanner, error)

	// LockRow locks key, waiting as opts says. Locking again in the same or a
	// weaker mode is cheap and keeps the older number. waited reports whether
	// another transaction stood in the way, so that the caller must look again.
	LockRow(ctx context.Context, op OpNum, key []byte, mode RowMode, opts LockOptions) (waited bool, err error)

	// LockRowGet is LockRow followed by Get in View{Newest, MaxOp}, in one call.
	LockRowGet(ctx context.Context, op OpNum, key []byte, mode RowMode, opts LockOptions, dst []byte) (
		val []byte, ver Version, waited bool, err error)

	// UnlockRow gives back what LockRow or LockRowGet took for op in this mode;
	// what was held before that stays, and it is no error when it took nothing. For
	// locks under which nothing was decided that must stay true until the end.
	// ErrInvalidArg: the transaction has written the row.
	UnlockRow(op OpNum, key []byte, mode RowMode) error

	// LockObject locks a table or an advisory key.
	LockObject(ctx context.Context, op OpNum, tag ObjectTag, mode ObjectMode, opts LockOptions) (waited bool, err error)

	// UnlockObject gives back what LockObject took for op in this mode; what was
	// held before that stays, and it is no error when it took nothing. Costs as
	// much as there are locks the transaction has taken since.
	UnlockObject(op OpNum, tag ObjectTag, mode ObjectMode) error

	// Put, Delete and Move buffer a write. They keep no reference to their
	// arguments. Move deletes key and leaves word that its row is now at newKey.
	Put(op OpNum, key, value []byte) error
	Delete(op OpNum, key []byte) error
	Move(op OpNum, key, newKey []byte) error

	// OwnRange declares that this transaction created [start, end): no other
	// transaction can know of it, it holds no committed keys, and writes in it
	// need no row locks. Such ranges are loaded in bulk.
	OwnRange(op OpNum, start, end []byte) error

	// DropRange deletes every key in [start, end) at commit, this
	// transaction's own writes included. Space comes back once no snapshot
	// needs it. Later writes of the transaction in the range are not allowed.
	DropRange(op OpNum, start, end []byte) error

	// RollbackTo undoes writes and releases locks numbered op and higher.
	RollbackTo(op OpNum) error

	// Commit makes the writes visible at once and, if opts.Sync, returns after
	// they are durable. Locks are held until then. On ErrUnknownOutcome the
	// store has stopped and the transaction may or may not have happened.
	// ctx does not cancel a commit. A transaction without writes gets zero.
	Commit(ctx context.Context, opts CommitOptions) (Timestamp, error)

	// Rollback drops the writes and releases the locks. After Commit or
	// Rollback it does nothing.
	Rollback()

	// Prepare gives all the transaction has written and locked, for two-phase
	// commit: who keeps the bytes durably, in another transaction, can make this
	// one again with Store.Adopt. Its locks stay and have no owner from now on.
	// What may follow is a write that removes the bytes, Commit or Rollback.
	// ErrNotSupported: it owns or dropped ranges, or is beyond 512 MiB.
	Prepare() (state []byte, err error)

	// Serialize makes a transaction that has written nothing serializable and
	// returns the snapshot it runs at from now on. Reads at that timestamp are
	// watched from then on, as are writes; any call may give ErrSerialization.
	// readOnly promises that nobody else reads what it writes. like may be nil,
	// or what Serialize returned to a transaction that has not ended: then that
	// one's snapshot is taken. Called again before anything was read, it takes a
	// newer snapshot. ErrInvalidArg: the transaction has written.
	Serialize(readOnly bool, like Serial) (Serial, error)

	// Check lets the store see all writes made so far. ErrSerialization where
	// they, or what others did meanwhile, have made the transaction fail.
	Check() error

	// Written reports whether any write is buffered.
	Written() bool
}

// Serial is the snapshot of a serializable transaction. It lasts as long as
// the transaction does.
type Serial interface {
	TS() Timestamp
	// WaitSafe waits until a read-only transaction cannot fail any more, nor
	// make others fail. ErrSerialization: this snapshot never gets there; begin
	// anew. onWait is called once, before a wait.
	WaitSafe(ctx context.Context, onWait func()) error
}

// CommitOptions says what Commit waits for.
type CommitOptions struct {
	Sync bool // wait until durable (synchronous_commit)
	// Keep leaves the transaction open, with its locks, when the store refuses
	// the commit (a full disk, say), so that it can be tried again.
	Keep bool
}

// ScanSpec describes a scan.
type ScanSpec struct {
	Start, End []byte // [Start, End); an empty End is the end of all keys
	Reverse    bool   // from the last key down
	KeysOnly   bool   // values are left empty
}

// Scanner returns rows in key order. It belongs to the transaction that made
// it and must be closed before the transaction ends.
type Scanner interface {
	// Next replaces out's content by up to maxRows rows (at most
	// MaxScanRows, and about MaxScanBytes). more is false when the scan is at
	// its end. It may return few rows or none with more set, when it passed
	// many dead versions: callers check for cancellation and go on.
	Next(out *Rows, maxRows int) (more bool, err error)
	Close()
}

// Bounds on what one Scanner.Next returns. A single row may exceed
// MaxScanBytes.
const (
	MaxScanRows  = 1024
	MaxScanBytes = 64 << 10
)

// WaitPolicy says what to do when a lock is taken.
type WaitPolicy uint8

// Wait policies. NoWait returns ErrLockNotAvailable at once.
const (
	Wait WaitPolicy = iota
	NoWait
)

// LockOptions says how to wait.
type LockOptions struct {
	Policy          WaitPolicy
	Timeout         time.Duration // ErrLockTimeout after this long; 0: none
	DeadlockTimeout time.Duration // wait this long before looking for a deadlock; 0: 1 s
	OnWait          func()        // called once, before the first wait (flush replies)
}

// RowMode is a row lock mode: PostgreSQL's four, two of them also for who does
// not write the row, and one that waits for writers alone.
type RowMode uint8

// Row lock modes. ForNoKeyUpdate and ForUpdate conflict with the first four as
// NoKeyUpdate and Update do; whoever holds only these does not write the row.
// Unwritten conflicts with NoKeyUpdate and Update alone.
const (
	KeyShare RowMode = iota
	Share
	NoKeyUpdate
	Update
	ForNoKeyUpdate
	ForUpdate
	Unwritten
)

// Conflicts reports whether two transactions cannot hold a and b together.
func (a RowMode) Conflicts(b RowMode) bool { return rowConflicts[a]&(1<<b) != 0 }

const (
	lockedForUpdate   = 1<<Update | 1<<ForUpdate
	lockedForNoKey    = 1<<NoKeyUpdate | 1<<ForNoKeyUpdate
	lockedExclusively = lockedForUpdate | lockedForNoKey
)

var rowConflicts = [...]uint8{
	KeyShare:       lockedForUpdate,
	Share:          lockedExclusively,
	NoKeyUpdate:    1<<Share | lockedExclusively | 1<<Unwritten,
	Update:         1<<KeyShare | 1<<Share | lockedExclusively | 1<<Unwritten,
	ForNoKeyUpdate: 1<<Share | lockedExclusively,
	ForUpdate:      1<<KeyShare | 1<<Share | lockedExclusively,
	Unwritten:      1<<NoKeyUpdate | 1<<Update,
}

// ObjectMode is a table lock mode, PostgreSQL's eight. Advisory locks use
// ShareLock and ExclusiveLock.
type ObjectMode uint8

// Table lock modes, numbered as in PostgreSQL.
const (
	AccessShare          ObjectMode = iota + 1
	RowShare                        //
	RowExclusive                    //
	ShareUpdateExclusive            //
	ShareLock                       //
	ShareRowExclusive               //
	ExclusiveLock                   //
	AccessExclusive                 //
)

// Conflicts reports whether two transactions cannot hold a and b together.
func (a ObjectMode) Conflicts(b ObjectMode) bool { return objectConflicts[a]&(1<<b) != 0 }

var objectConflicts = [9]uint16{
	AccessShare:          1 << AccessExclusive,
	RowShare:             1<<ExclusiveLock | 1<<AccessExclusive,
	RowExclusive:         1<<ShareLock | 1<<ShareRowExclusive | 1<<ExclusiveLock | 1<<AccessExclusive,
	ShareUpdateExclusive: 1<<ShareUpdateExclusive | 1<<ShareLock | 1<<ShareRowExclusive | 1<<ExclusiveLock | 1<<AccessExclusive,
	ShareLock:            1<<RowExclusive | 1<<ShareUpdateExclusive | 1<<ShareRowExclusive | 1<<ExclusiveLock | 1<<AccessExclusive,
	ShareRowExclusive:    1<<RowExclusive | 1<<ShareUpdateExclusive | 1<<ShareLock | 1<<ShareRowExclusive | 1<<ExclusiveLock | 1<<AccessExclusive,
	ExclusiveLock:        1<<RowShare | 1<<RowExclusive | 1<<ShareUpdateExclusive | 1<<ShareLock | 1<<ShareRowExclusive | 1<<ExclusiveLock | 1<<AccessExclusive,
	AccessExclusive:      1<<AccessShare | 1<<RowShare | 1<<RowExclusive | 1<<ShareUpdateExclusive | 1<<ShareLock | 1<<ShareRowExclusive | 1<<ExclusiveLock | 1<<AccessExclusive,
}

var objectModeNames = [...]string{"", "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock",
	"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"}

// String is the mode's name in PostgreSQL.
func (m ObjectMode) String() string {
	if int(m) < len(objectModeNames) {
		return objectModeNames[m]
	}
	return "ObjectMode(" + strconv.Itoa(int(m)) + ")"
}

// ObjectTag names what an object lock is on.
type ObjectTag struct {
	Space ObjectSpace
	A, B  uint64 // Relation: database OID, relation OID; Advisory: class, key; Name: two hashes
}

// LockInfo is one held or awaited lock, or something that was read.
type LockInfo struct {
	Owner   uint64 // TxnOptions.Owner
	Row     []byte // key of a row lock, first key of a read; nil for others
	RowMode RowMode
	Tag     ObjectTag
	Mode    ObjectMode
	Granted bool
	Read    ReadKind // a read of a serializable transaction, which may have committed
	End     []byte   // of a ReadRange: the key before which it ends
}

// ReadKind says how much a serializable transaction has read.
type ReadKind uint8

// Kinds of reads. Many small ones may be listed as one larger range.
const (
	NoRead    ReadKind = iota
	ReadKey            // one key, there or not
	ReadRange          // every key of a range
	ReadFrom           // a key and everything behind
)

// ObjectSpace keeps kinds of object locks apart.
type ObjectSpace uint8

// Kinds of object locks. Name locks serialise the creation of one name.
const (
	RelationLock ObjectSpace = iota + 1
	AdvisoryLock
	NameLock
)
