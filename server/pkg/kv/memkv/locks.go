package memkv

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// lock is one locked thing: who holds it and who waits, first come first.
type lock struct {
	name    string
	row     bool
	tag     kv.ObjectTag // of others than rows
	holders []*hold
	queue   []*waiter
}

type hold struct {
	txn  *txn
	mode uint8
	op   kv.OpNum
}

// grant is a transaction's own record of a hold.
type grant struct {
	lock *lock
	hold *hold
}

type waiter struct {
	txn     *txn
	mode    uint8
	op      kv.OpNum
	lock    *lock
	granted chan struct{} // closed when granted
	done    bool
}

func (l *lock) conflicts(a, b uint8) bool {
	if l.row {
		return kv.RowMode(a).Conflicts(kv.RowMode(b))
	}
	return kv.ObjectMode(a).Conflicts(kv.ObjectMode(b))
}

// LockRow implements kv.Txn.
func (t *txn) LockRow(ctx context.Context, op kv.OpNum, key []byte, mode kv.RowMode, opts kv.LockOptions) (bool, error) {
	if err := checkKey(key); err != nil {
		return false, err
	}
	return t.lock(ctx, op, "r"+string(key), kv.ObjectTag{}, uint8(mode), opts)
}

// LockRowGet implements kv.Txn.
func (t *txn) LockRowGet(ctx context.Context, op kv.OpNum, key []byte, mode kv.RowMode, opts kv.LockOptions, dst []byte) (
	[]byte, kv.Version, bool, error) {
	waited, err := t.LockRow(ctx, op, key, mode, opts)
	if err != nil {
		return dst, kv.Version{}, waited, err
	}
	val, ver, err := t.Get(kv.View{TS: kv.Newest, ReadOp: kv.MaxOp}, key, dst)
	return val, ver, waited, err
}

// UnlockRow implements kv.Txn.
func (t *txn) UnlockRow(op kv.OpNum, key []byte, mode kv.RowMode) error {
	if err := checkKey(key); err != nil {
		return err
	}
	_, ver, err := t.Get(kv.View{TS: kv.Newest, ReadOp: kv.MaxOp}, key, nil)
	if err == nil && ver.Own {
		err = kv.ErrInvalidArg
	}
	if err != nil {
		return err
	}
	t.store.mu.Lock()
	defer t.store.mu.Unlock()
	t.unlock(op, "r"+string(key), uint8(mode))
	return nil
}

// unlock gives back one hold. The store is locked.
func (t *txn) unlock(op kv.OpNum, name string, mode uint8) {
	for i, g := range t.held {
		if g.lock.name == name && g.hold.mode == mode && g.hold.op == op {
			t.held = slices.Delete(t.held, i, i+1)
			t.giveBack(g)
			return
		}
	}
}

func objectName(tag kv.ObjectTag) string { return fmt.Sprintf("o%d/%d/%d", tag.Space, tag.A, tag.B) }

// UnlockObject implements kv.Txn.
func (t *txn) UnlockObject(op kv.OpNum, tag kv.ObjectTag, mode kv.ObjectMode) error {
	if mode < kv.AccessShare || mode > kv.AccessExclusive {
		return kv.ErrInvalidArg
	}
	if err := t.begin(); err != nil {
		return err
	}
	defer t.store.mu.Unlock()
	t.unlock(op, objectName(tag), uint8(mode))
	return nil
}

// LockObject implements kv.Txn.
func (t *txn) LockObject(ctx context.Context, op kv.OpNum, tag kv.ObjectTag, mode kv.ObjectMode, opts kv.LockOptions) (bool, error) {
	if mode < kv.AccessShare || mode > kv.AccessExclusive {
		return false, kv.ErrInvalidArg
	}
	if mode == kv.AccessExclusive && tag.Space == kv.RelationLock && !t.excl {
		if err := t.begin(); err != nil {
			return false, err
		}
		t.excl = true
		t.store.exclusive++
		t.store.mu.Unlock()
	}
	return t.lock(ctx, op, objectName(tag), tag, uint8(mode), opts)
}

func (t *txn) lock(ctx context.Context, op kv.OpNum, name string, tag kv.ObjectTag, mode uint8, opts kv.LockOptions) (bool, error) {
	if err := t.begin(); err != nil {
		return false, err
	}
	s := t.store
	l := s.locks[name]
	if l == nil {
		l = &lock{name: name, row: tag.Space == 0, tag: tag}
		s.locks[name] = l
	}
	for _, h := range l.holders {
		if h.txn == t && covers(l, h.mode, mode) {
			s.mu.Unlock()
			return false, nil
		}
	}
	w := &waiter{txn: t, mode: mode, op: op, lock: l, granted: make(chan struct{})}
	// A row is given past its queue to whom no holder stands in the way of.
	if !l.blocked(w, !l.row && l.mustQueue(t)) {
		l.grant(w)
		s.mu.Unlock()
		return false, nil
	}
	if opts.Policy == kv.NoWait {
		s.mu.Unlock()
		return false, kv.ErrLockNotAvailable
	}
	l.enqueue(w)
	s.mu.Unlock()
	if opts.OnWait != nil {
		opts.OnWait()
	}
	return true, t.wait(ctx, w, opts)
}

// enqueue puts w at the queue's end; on a row, if it holds the row, ahead of all that do not.
func (l *lock) enqueue(w *waiter) {
	at := len(l.queue)
	if l.row && kv.RowMode(w.mode) == kv.Unwritten {
		at = 0 // it waits for who holds the row now, not for who will
	} else if l.row && !l.mustQueue(w.txn) {
		at = slices.IndexFunc(l.queue, func(q *waiter) bool { return l.mustQueue(q.txn) })
		if at < 0 {
			at = len(l.queue)
		}
	}
	l.queue = slices.Insert(l.queue, at, w)
}

// covers reports whether holding have makes asking for want needless.
func covers(l *lock, have, want uint8) bool {
	if have == want {
		return true
	}
	modes := uint8(9)
	if l.row {
		modes = uint8(kv.Unwritten) + 1
	}
	for m := uint8(0); m < modes; m++ {
		if l.conflicts(want, m) && !l.conflicts(have, m) {
			return false
		}
	}
	return true
}

// mustQueue reports whether t has to respect the queue: a holder asking for
// more goes ahead of it, or it would wait for itself.
func (l *lock) mustQueue(t *txn) bool {
	for _, h := range l.holders {
		if l.sameSide(h.txn, t) {
			return false
		}
	}
	return true
}

// sameSide reports whether a and b never wait for each other here: advisory
// locks belong to the session.
func (l *lock) sameSide(a, b *txn) bool {
	return a == b || l.tag.Space == kv.AdvisoryLock && a.owner != 0 && a.owner == b.owner
}

func (l *lock) blocked(w *waiter, respectQueue bool) bool {
	return len(l.blockers(w, respectQueue)) > 0
}

// blockers lists the transactions w waits for: conflicting holders and, when
// it respects the queue, conflicting waiters ahead of it.
func (l *lock) blockers(w *waiter, respectQueue bool) []*txn {
	var out []*txn
	for _, h := range l.holders {
		if !l.sameSide(h.txn, w.txn) && l.conflicts(w.mode, h.mode) {
			out = append(out, h.txn)
		}
	}
	if respectQueue {
		for _, q := range l.queue {
			if q == w {
				break
			}
			if q.txn != w.txn && l.conflicts(w.mode, q.mode) {
				out = append(out, q.txn)
			}
		}
	}
	return out
}

func (l *lock) grant(w *waiter) {
	h := &hold{txn: w.txn, mode: w.mode, op: w.op}
	l.holders = append(l.holders, h)
	w.txn.held = append(w.txn.held, grant{l, h})
}

// wait parks until the lock is granted, the time is up, ctx ends or the wait
// is found to be part of a cycle.
func (t *txn) wait(ctx context.Context, w *waiter, opts kv.LockOptions) error {
	deadlock := time.NewTimer(cmpOr(opts.DeadlockTimeout, time.Second))
	defer deadlock.Stop()
	var timeout <-chan time.Time
	if opts.Timeout > 0 {
		timer := time.NewTimer(opts.Timeout)
		defer timer.Stop()
		timeout = timer.C
	}
	for {
		select {
		case <-w.granted:
			return nil
		case <-ctx.Done():
			return t.abandon(w, context.Cause(ctx))
		case <-timeout:
			return t.abandon(w, kv.ErrLockTimeout)
		case <-deadlock.C:
			t.store.mu.Lock()
			cycle := !w.done && t.store.reaches(t, t, map[*txn]bool{})
			t.store.mu.Unlock()
			if cycle {
				return t.abandon(w, kv.ErrDeadlock)
			}
		}
	}
}

func cmpOr(d, def time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return def
}

// abandon leaves the queue, unless the lock was granted just before.
func (t *txn) abandon(w *waiter, err error) error {
	t.store.mu.Lock()
	defer t.store.mu.Unlock()
	if w.done {
		return nil
	}
	w.done = true
	for i, q := range w.lock.queue {
		if q == w {
			w.lock.queue = append(w.lock.queue[:i], w.lock.queue[i+1:]...)
			break
		}
	}
	t.store.wake(w.lock)
	return err
}

// waitsFor lists who t waits for; a transaction waits for one lock at a time.
func (s *Store) waitsFor(t *txn) []*txn {
	for _, l := range s.locks {
		for _, w := range l.queue {
			if w.txn == t {
				return l.blockers(w, l.mustQueue(t))
			}
		}
	}
	return nil
}

func (s *Store) reaches(from, target *txn, seen map[*txn]bool) bool {
	for _, b := range s.waitsFor(from) {
		if b == target {
			return true
		}
		if !seen[b] {
			seen[b] = true
			if s.reaches(b, target, seen) {
				return true
			}
		}
	}
	return false
}

// release gives back t's holds numbered op and higher. The store is locked.
func (t *txn) release(op kv.OpNum) {
	kept := t.held[:0]
	for _, g := range t.held {
		if g.hold.op < op {
			kept = append(kept, g)
			continue
		}
		t.giveBack(g)
	}
	t.held = kept
}

func (t *txn) giveBack(g grant) {
	for i, h := range g.lock.holders {
		if h == g.hold {
			g.lock.holders = append(g.lock.holders[:i], g.lock.holders[i+1:]...)
			break
		}
	}
	t.store.wake(g.lock)
}

// wake grants every waiter that nothing stands in front of any more.
func (s *Store) wake(l *lock) {
	for i := 0; i < len(l.queue); {
		w := l.queue[i]
		if l.blocked(w, l.mustQueue(w.txn)) {
			i++
			continue
		}
		l.queue = append(l.queue[:i], l.queue[i+1:]...)
		w.done = true
		l.grant(w)
		close(w.granted)
		i = 0
	}
	if len(l.holders) == 0 && len(l.queue) == 0 {
		delete(s.locks, l.name)
	}
}

// Exclusive implements kv.Store.
func (s *Store) Exclusive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exclusive != 0
}

// BlockedBy implements kv.Store.
func (s *Store) BlockedBy(owner uint64) []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []uint64
	for t := range s.txns {
		if t.owner == owner {
			for _, b := range s.waitsFor(t) {
				out = append(out, b.owner)
			}
		}
	}
	return out
}

// Awaited implements kv.Store.
func (s *Store) Awaited() ([]kv.LockInfo, error) {
	all, err := s.Locks(false)
	awaited := map[string]bool{}
	name := func(l kv.LockInfo) string { return fmt.Sprint(l.Tag, l.Row) }
	for _, l := range all {
		awaited[name(l)] = awaited[name(l)] || !l.Granted
	}
	return slices.DeleteFunc(all, func(l kv.LockInfo) bool { return !awaited[name(l)] }), err
}

// Locks implements kv.Store.
func (s *Store) Locks(reads bool) ([]kv.LockInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []kv.LockInfo
	add := func(l *lock, t *txn, mode uint8, granted bool) {
		info := kv.LockInfo{Owner: t.owner, Granted: granted, Tag: l.tag, Mode: kv.ObjectMode(mode)}
		if l.row {
			info.Row, info.RowMode, info.Mode = []byte(l.name[1:]), kv.RowMode(mode), 0
		}
		out = append(out, info)
	}
	for _, l := range s.locks {
		for _, h := range l.holders {
			if !l.row || len(l.queue) > 0 {
				add(l, h.txn, h.mode, true)
			}
		}
		for _, w := range l.queue {
			add(l, w.txn, w.mode, false)
		}
	}
	return out, nil
}
