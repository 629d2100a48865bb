package session

import (
	"errors"
	"slices"

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

// advisoryLocks are the locks a session has taken for itself, not for a
// transaction of its own. kv transactions hold them, since the store knows no
// other holder: several, because giving one lock back costs as much as its
// transaction has taken since, and shared ones apart from exclusive ones,
// because a transaction that has a lock exclusively would not take it shared
// as well. Advisory locks of one session never stand in each other's way.
type advisoryLocks struct {
	held map[advisoryHold]heldLock
	room [2][]*advisoryGroup // groups of either kind that may take more
}

// advisoryGroupLocks is how many locks a transaction holds at most.
const advisoryGroupLocks = 256

type advisoryGroup struct {
	txn   kv.Txn
	locks int
}

type advisoryHold struct {
	class, key uint64 // of the tag
	shared     bool
}

func (h advisoryHold) tag() kv.ObjectTag {
	return kv.ObjectTag{Space: kv.AdvisoryLock, A: h.class, B: h.key}
}

func (h advisoryHold) mode() kv.ObjectMode {
	if h.shared {
		return kv.ShareLock
	}
	return kv.ExclusiveLock
}

// kind is an index of advisoryLocks.room.
func (h advisoryHold) kind() int {
	if h.shared {
		return 1
	}
	return 0
}

// heldLock is what holds the lock and how often it was taken.
type heldLock struct {
	group *advisoryGroup
	count int
}

// AdvisoryLock implements expr.Env.
func (s *Session) AdvisoryLock(c *expr.Ctx, key expr.AdvisoryKey, shared, session, try bool) (bool, error) {
	tag := s.advisoryTag(key)
	hold := advisoryHold{tag.A, tag.B, shared}
	opts := s.lockOptions()
	if try {
		opts.Policy = kv.NoWait
	}
	var err error
	if session {
		err = s.lockForSession(hold, opts)
	} else {
		var txn kv.Txn
		if txn, err = s.storeTxn(); err == nil {
			_, err = txn.LockObject(&s.intr, s.tx.op, tag, hold.mode(), opts)
		}
	}
	if try && errors.Is(err, kv.ErrLockNotAvailable) {
		return false, nil
	}
	if err != nil {
		return false, storeError(err)
	}
	return true, nil
}

func (s *Session) lockForSession(hold advisoryHold, opts kv.LockOptions) error {
	a := &s.advisory
	if held, ok := a.held[hold]; ok {
		held.count++
		a.held[hold] = held
		return nil
	}
	room := &a.room[hold.kind()]
	if len(*room) == 0 {
		txn, err := s.srv.store.Begin(kv.TxnOptions{Owner: uint64(s.pid)})
		if err != nil {
			return err
		}
		*room = append(*room, &advisoryGroup{txn: txn})
	}
	group := (*room)[len(*room)-1]
	if _, err := group.txn.LockObject(&s.intr, 1, hold.tag(), hold.mode(), opts); err != nil {
		// A wait that was cancelled may have got the lock nevertheless.
		_ = group.txn.UnlockObject(1, hold.tag(), hold.mode())
		a.endIfEmpty(hold.kind(), group)
		return err
	}
	if a.held == nil {
		a.held = map[advisoryHold]heldLock{}
	}
	a.held[hold] = heldLock{group, 1}
	if group.locks++; group.locks == advisoryGroupLocks {
		*room = (*room)[:len(*room)-1]
	}
	return nil
}

func (a *advisoryLocks) release(hold advisoryHold, g *advisoryGroup) error {
	if err := g.txn.UnlockObject(1, hold.tag(), hold.mode()); err != nil {
		return err
	}
	if delete(a.held, hold); len(a.held) == 0 {
		a.held = nil // an emptied map keeps its memory
	}
	if g.locks == advisoryGroupLocks {
		a.room[hold.kind()] = append(a.room[hold.kind()], g)
	}
	g.locks--
	a.endIfEmpty(hold.kind(), g)
	return nil
}

// endIfEmpty ends the transaction of a group with room, so that none is open without need.
func (a *advisoryLocks) endIfEmpty(kind int, g *advisoryGroup) {
	if g.locks != 0 {
		return
	}
	g.txn.Rollback()
	at := slices.Index(a.room[kind], g)
	a.room[kind] = slices.Delete(a.room[kind], at, at+1)
}

// AdvisoryUnlock implements expr.Env.
func (s *Session) AdvisoryUnlock(c *expr.Ctx, key expr.AdvisoryKey, shared bool) (bool, error) {
	tag := s.advisoryTag(key)
	hold := advisoryHold{tag.A, tag.B, shared}
	held, ok := s.advisory.held[hold]
	if !ok {
		s.Notice(pgerr.Warning(pgerr.WarningCode, "you don't own a lock of type %s", hold.mode()))
		return false, nil
	}
	if held.count > 1 {
		held.count--
		s.advisory.held[hold] = held
		return true, nil
	}
	if err := s.advisory.release(hold, held.group); err != nil {
		return false, storeError(err)
	}
	return true, nil
}

// advisoryLocksApart refuses to prepare a transaction that shares an advisory lock with
// its session: which of both would have it afterwards could not be told.
func (s *Session) advisoryLocksApart() error {
	if len(s.advisory.held) == 0 {
		return nil
	}
	locks, err := s.srv.store.Locks(false)
	if err != nil {
		return storeError(err)
	}
	more := map[kv.ObjectTag]int{} // than the session's own
	for hold := range s.advisory.held {
		more[hold.tag()]--
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
	for _, held := range s.advisory.held {
		if g := held.group; g.locks != 0 {
			g.locks = 0
			g.txn.Rollback()
		}
	}
	s.advisory = advisoryLocks{}
	return nil
}
