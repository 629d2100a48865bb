package exec

import (
	"errors"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// storeErrors are the store's errors as PostgreSQL would report them. Those of
// which the store knows more (file, offset, errno) say it in their detail.
var storeErrors = []struct {
	is            error
	code, message string
	detail        bool
	hint          string
}{
	{is: kv.ErrDeadlock, code: pgerr.TRDeadlockDetected, message: "deadlock detected"},
	{is: kv.ErrLockTimeout, code: pgerr.LockNotAvailable, message: "canceling statement due to lock timeout"},
	{is: kv.ErrLockNotAvailable, code: pgerr.LockNotAvailable, message: "could not obtain lock"},
	{is: kv.ErrTooManyLocks, code: pgerr.OutOfMemory, message: "out of shared memory",
		hint: "You might need to change fewer rows in one transaction, or start the server with more --lock-memory."},
	{is: kv.ErrOutOfMemory, code: pgerr.OutOfMemory, message: "out of memory"},
	{is: data.ErrOutOfMemory, code: pgerr.OutOfMemory, message: "out of memory"},
	{is: kv.ErrNoSpace, code: pgerr.DiskFull, message: "could not extend storage: No space left on device", detail: true},
	{is: kv.ErrReadOnly, code: pgerr.ReadOnlySQLTransaction, message: "the store is read-only", detail: true},
	{is: kv.ErrCorruption, code: pgerr.DataCorrupted, message: "stored data is damaged", detail: true},
	{is: kv.ErrIO, code: pgerr.IOError, message: "input/output error in storage", detail: true},
	{is: kv.ErrUnknownOutcome, code: pgerr.TransactionResolutionUnknown, message: "the outcome of the transaction is unknown", detail: true},
	{is: kv.ErrFailed, code: pgerr.SystemError, message: "the store has stopped after a failure", detail: true},
	{is: kv.ErrClosed, code: pgerr.AdminShutdown, message: "the store is closed", detail: true},
}

// StoreError gives an error of the store its SQLSTATE, also one that was taken
// for an internal error on its way; SQL errors pass.
func StoreError(err error) error {
	if err == nil {
		return nil
	}
	if e := pgerr.As(err); e != nil && (e.Code != pgerr.InternalError || errors.Unwrap(e) == nil) {
		return err
	}
	for _, e := range storeErrors {
		if !errors.Is(err, e.is) {
			continue
		}
		out := pgerr.New(e.code, e.message).WithHint(e.hint).WithCause(err)
		if e.detail {
			out = out.WithDetail(err.Error())
		}
		return out
	}
	return pgerr.From(err)
}

func storeError(err error) error { return StoreError(err) }
