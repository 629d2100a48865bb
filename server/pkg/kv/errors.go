package kv

import "errors"

// Errors every store returns; test with errors.Is. A store wraps them with
// what it knows (file, offset, errno).
var (
	ErrInvalidArg       = errors.New("invalid argument")
	ErrClosed           = errors.New("store is closed")
	ErrTxnDone          = errors.New("transaction has ended")
	ErrLockNotAvailable = errors.New("lock not available")
	ErrLockTimeout      = errors.New("lock timeout")
	// ErrSerialization: no serial order of the serializable transactions has to
	// have this outcome. What wraps it says why in PostgreSQL's words; the
	// transaction can only be rolled back.
	ErrSerialization = errors.New("serialization failure")
	ErrCancelled     = errors.New("wait cancelled")
	ErrDeadlock      = errors.New("deadlock detected")
	ErrTooManyLocks  = errors.New("out of lock memory")
	ErrOutOfMemory   = errors.New("out of memory")
	ErrNoSpace       = errors.New("no space left on device")
	ErrReadOnly      = errors.New("store is read-only")
	ErrCorruption    = errors.New("data corruption")
	ErrIO            = errors.New("input/output error")
	ErrLocked        = errors.New("directory is in use by another process")
	ErrNewerFormat   = errors.New("directory was written by a newer version")
	// ErrUnknownOutcome: the log could not be written or flushed while this
	// commit waited. The store has stopped; the commit may or may not survive.
	ErrUnknownOutcome = errors.New("commit outcome unknown")
	// ErrFailed: the store stopped after a failed log write.
	ErrFailed = errors.New("store has stopped after a failure")
	// ErrNotSupported: the store cannot do that to this transaction.
	ErrNotSupported = errors.New("not supported")
)

// DeadlockError is an ErrDeadlock of which the store knows the cycle: in order,
// what each owner waited for, the caller's wait first. Each waits for the owner
// of the next, the last for that of the first.
type DeadlockError struct{ Cycle []LockInfo }

// Error implements error.
func (*DeadlockError) Error() string { return ErrDeadlock.Error() }

// Is makes it an ErrDeadlock.
func (*DeadlockError) Is(target error) bool { return target == ErrDeadlock }
