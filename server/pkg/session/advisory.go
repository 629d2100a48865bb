package session

import (
	"errors"

	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// advisoryTag names an advisory lock: PostgreSQL keeps one key and two keys
// apart.
func (s *Session) advisoryTag(k expr.AdvisoryKey) kv.ObjectTag {
	class := uint64(s.database.oid) << 1
	if k.Two {
		class |= 1
	}
	return kv.ObjectTag{Space: kv.AdvisoryLock, A: class, B: uint64(k.Key)}
}

// advisoryHold names a session-level advisory lock. Each is held by a kv
// transaction of its own, because the store gives locks back by transaction;
// advisory locks of one session never stand in each other's way.
type advisoryHold struct {
	tag    kv.ObjectTag
	shared bool
}

// heldLock is the transaction that holds the lock and how often it was taken.
type heldLock struct {
	txn   kv.Txn
	count int
}

// AdvisoryLock implements expr.Env.
func (s *Session) AdvisoryLock(c *expr.Ctx, key expr.AdvisoryKey, shared, session, try bool) (bool, error) {
	hold := advisoryHold{s.advisoryTag(key), shared}
	mode := kv.ExclusiveLock
	if shared {
		mode = kv.ShareLock
	}
	opts := s.lockOptions()
	if try {
		opts.Policy = kv.NoWait
	}
	held := s.advisory[hold]
	if session && held != nil {
		held.count++
		return true, nil
	}
	txn, op := kv.Txn(nil), kv.OpNum(1)
	var err error
	if session {
		txn, err = s.srv.store.Begin(kv.TxnOptions{Owner: uint64(s.pid)})
	} else {
		txn, err = s.storeTxn()
		op = s.tx.op
	}
	if err != nil {
		return false, storeError(err)
	}
	if _, err = txn.LockObject(&s.intr, op, hold.tag, mode, opts); err != nil {
		if session {
			txn.Rollback()
		}
		if try && errors.Is(err, kv.ErrLockNotAvailable) {
			return false, nil
		}
		return false, storeError(err)
	}
	if session {
		if s.advisory == nil {
			s.advisory = map[advisoryHold]*heldLock{}
		}
		s.advisory[hold] = &heldLock{txn: txn, count: 1}
	}
	return true, nil
}

// AdvisoryUnlock implements expr.Env.
func (s *Session) AdvisoryUnlock(c *expr.Ctx, key expr.AdvisoryKey, shared bool) (bool, error) {
	hold := advisoryHold{s.advisoryTag(key), shared}
	held := s.advisory[hold]
	if held == nil {
		mode := "ExclusiveLock"
		if shared {
			mode = "ShareLock"
		}
		s.Notice(pgerr.Warning(pgerr.WarningCode, "you don't own a lock of type %s", mode))
		return false, nil
	}
	if held.count--; held.count == 0 {
		held.txn.Rollback()
		delete(s.advisory, hold)
	}
	return true, nil
}

// advisoryLocksApart refuses to prepare a transaction that shares an advisory lock with
// its session: which of both would have it afterwards could not be told.
func (s *Session) advisoryLocksApart() error {
	if len(s.advisory) == 0 {
		return nil
	}
	locks, err := s.srv.store.Locks(false)
	if err != nil {
		return storeError(err)
	}
	more := map[kv.ObjectTag]int{} // than the session's own
	for hold := range s.advisory {
		more[hold.tag]--
	}
	for _, l := range locks {
		if l.Row != nil || !l.Granted || l.Owner != uint64(s.pid) {
			continue
		}
		if _, ours := more[l.Tag]; !ours {
			continue
		}
		if more[l.Tag]++; more[l.Tag] > 0 {
			return pgerr.New(pgerr.FeatureNotSupportedCode,
				"cannot PREPARE while holding both session-level and transaction-level locks on the same object")
		}
	}
	return nil
}

// AdvisoryUnlockAll implements expr.Env.
func (s *Session) AdvisoryUnlockAll(*expr.Ctx) error { return s.advisoryUnlockAll() }

func (s *Session) advisoryUnlockAll() error {
	for _, held := range s.advisory {
		held.txn.Rollback()
	}
	s.advisory = nil
	return nil
}
