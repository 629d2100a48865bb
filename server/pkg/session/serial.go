package session

import (
	"errors"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// isolationNamed is the level of a valid value of transaction_isolation.
func isolationNamed(name string) isolation {
	switch name {
	case "serializable":
		return serializable
	case "repeatable read":
		return repeatableRead
	}
	return readCommitted
}

func (i isolation) String() string {
	return [...]string{"read committed", "repeatable read", "serializable"}[i]
}

// serialView is the snapshot of a serializable transaction; it goes with it.
type serialView struct{ kv.Serial }

func (serialView) Release() {}

// serialSnapshot begins to watch the transaction and takes its snapshot: that
// of like, if it is not nil. A read-only deferrable transaction waits until it
// has one at which nothing can go wrong any more.
func (s *Session) serialSnapshot(like kv.Serial) (kv.Snapshot, error) {
	txn, err := s.storeTxn()
	if err != nil {
		return nil, err
	}
	for {
		serial, err := txn.Serialize(s.tx.readOnly, like)
		if err != nil {
			return nil, storeError(err)
		}
		if s.tx.readOnly && s.tx.deferrable {
			err = serial.WaitSafe(&s.intr, s.hooks.onWait)
			if errors.Is(err, kv.ErrSerialization) {
				continue
			}
			if err != nil {
				return nil, storeError(err)
			}
		}
		s.tx.serial, s.tx.snapshot = serial, serialView{serial}
		return s.tx.snapshot, nil
	}
}

// checkSerial lets the store judge what a serializable transaction has written,
// so that it fails in the statement that goes too far.
func (s *Session) checkSerial() error {
	if s.tx.serial == nil || s.tx.txn == nil {
		return nil
	}
	return storeError(s.tx.txn.Check())
}

// serialReasonDefault is the reason where the store gave none.
const serialReasonDefault = "Canceled on identification as a pivot, during commit attempt."

// serialReason finds the store's reason, one sentence, in an error that others may
// have wrapped.
func serialReason(err error) string {
	_, reason, _ := strings.Cut(err.Error(), kv.ErrSerialization.Error()+": ")
	reason, _, whole := strings.Cut(reason, ".")
	if !whole || !strings.HasPrefix(reason, "Canceled on ") {
		return serialReasonDefault
	}
	return reason + "."
}

func serializationFailure(err error) error {
	return pgerr.New(pgerr.TRSerializationFailure,
		"could not serialize access due to read/write dependencies among transactions").
		WithDetail("Reason code: " + serialReason(err)).WithHint("The transaction might succeed if retried.").WithCause(err)
}
