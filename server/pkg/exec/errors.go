package exec

import (
	"errors"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// storeErrors are the store's errors as PostgreSQL would report them.
var storeErrors = []struct {
	is            error
	code, message string
}{
	{kv.ErrDeadlock, pgerr.TRDeadlockDetected, "deadlock detected"},
	{kv.ErrLockTimeout, pgerr.LockNotAvailable, "canceling statement due to lock timeout"},
	{kv.ErrLockNotAvailable, pgerr.LockNotAvailable, "could not obtain lock"},
	{kv.ErrTooManyLocks, pgerr.OutOfMemory, "out of shared memory"},
	{kv.ErrOutOfMemory, pgerr.OutOfMemory, "out of memory"},
	{data.ErrOutOfMemory, pgerr.OutOfMemory, "out of memory"},
	{kv.ErrNoSpace, pgerr.DiskFull, "could not extend storage: No space left on device"},
	{kv.ErrReadOnly, pgerr.ReadOnlySQLTransaction, "the store is read-only"},
	{kv.ErrCorruption, pgerr.DataCorrupted, "stored data is corrupted"},
	{kv.ErrIO, pgerr.IOError, "input/output error in storage"},
	{kv.ErrUnknownOutcome, pgerr.TransactionResolutionUnknown, "the outcome of the transaction is unknown"},
	{kv.ErrFailed, pgerr.SystemError, "the store has stopped after a failure"},
}

// storeError gives an error of the store its SQLSTATE, also one that was taken
// for an internal error on its way; SQL errors pass.
func storeError(err error) error {
	if err == nil {
		return nil
	}
	if e := pgerr.As(err); e != nil && (e.Code != pgerr.InternalError || errors.Unwrap(e) == nil) {
		return err
	}
	for _, e := range storeErrors {
		if errors.Is(err, e.is) {
			return pgerr.New(e.code, e.message).WithCause(err)
		}
	}
	return pgerr.From(err)
}
