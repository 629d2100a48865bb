package storage

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/binary"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// LockRow implements kv.Txn.
func (t *txn) LockRow(ctx context.Context, op kv.OpNum, key []byte, mode kv.RowMode, opts kv.LockOptions) (bool, error) {
	if err := checkKey(key); err != nil {
		return false, err
	}
	return t.lock(ctx, op, C.PGZ_LOCK_ROW, uint8(mode)+C.PGZ_ROW_KEY_SHARE, key, opts)
}

// LockObject implements kv.Txn.
func (t *txn) LockObject(ctx context.Context, op kv.OpNum, tag kv.ObjectTag, mode kv.ObjectMode, opts kv.LockOptions) (bool, error) {
	space, name, err := objectLock(tag, mode)
	if err != nil {
		return false, err
	}
	if mode == kv.AccessExclusive && tag.Space == kv.RelationLock && !t.excl {
		if err := t.enter(); err != nil {
			return false, err
		}
		t.excl = true
		t.store.exclusive.Add(1)
	}
	return t.lock(ctx, op, space, uint8(mode), name[:], opts)
}

// objectLock is how the engine calls the lock of an object.
func objectLock(tag kv.ObjectTag, mode kv.ObjectMode) (space byte, name [16]byte, err error) {
	switch tag.Space {
	case kv.RelationLock:
		space = C.PGZ_LOCK_TABLE
	case kv.AdvisoryLock:
		space = C.PGZ_LOCK_ADVISORY
	case kv.NameLock:
		space = C.PGZ_LOCK_NAME
	default:
		return 0, name, kv.ErrInvalidArg
	}
	if mode < kv.AccessShare || mode > kv.AccessExclusive {
		return 0, name, kv.ErrInvalidArg
	}
	binary.BigEndian.PutUint64(name[:], tag.A)
	binary.BigEndian.PutUint64(name[8:], tag.B)
	return space, name, nil
}

// UnlockRow implements kv.Txn.
func (t *txn) UnlockRow(op kv.OpNum, key []byte, mode kv.RowMode) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return t.unlock(op, C.PGZ_LOCK_ROW, uint8(mode)+C.PGZ_ROW_KEY_SHARE, key)
}

// UnlockObject implements kv.Txn.
func (t *txn) UnlockObject(op kv.OpNum, tag kv.ObjectTag, mode kv.ObjectMode) error {
	space, name, err := objectLock(tag, mode)
	if err != nil {
		return err
	}
	return t.unlock(op, space, uint8(mode), name[:])
}

func (t *txn) unlock(op kv.OpNum, space, mode byte, name []byte) error {
	if err := t.enter(); err != nil {
		return err
	}
	sc := t.sc
	sc.tmp = append(sc.tmp[:0], name...)
	batch := t.pending(kv.MaxOp)
	st := C.sh_unlock(C.uint64_t(t.store.db), C.uint64_t(t.owner), pointer(batch), C.size_t(len(batch)), C.uint32_t(space),
		C.uint32_t(mode), C.uint32_t(op), pointer(sc.tmp), C.size_t(len(sc.tmp)), &sc.call)
	t.handedOver(batch, st)
	if st == C.PGZ_OK || st == C.PGZ_NOT_FOUND {
		return nil
	}
	return statusError(st, &sc.call.err)
}

// Locks implements kv.Store.
func (s *Store) Locks(reads bool) ([]kv.LockInfo, error) {
	flags := C.uint32_t(C.PGZ_LIST_AWAITED_ROWS)
	if reads {
		flags |= C.PGZ_LIST_READS
	}
	return s.listed(flags)
}

// Awaited implements kv.Store.
func (s *Store) Awaited() ([]kv.LockInfo, error) { return s.listed(C.PGZ_LIST_AWAITED) }

func (s *Store) listed(flags C.uint32_t) ([]kv.LockInfo, error) {
	return listLocks(func(infos []C.pgz_lock_info, names []byte, count, used *C.size_t) C.pgz_status {
		return C.sh_lock_list(C.uint64_t(s.db), flags, &infos[0], C.size_t(len(infos)), count, pointer(names), C.size_t(len(names)), used)
	})
}

// listLocks calls list with room enough for what it has to say.
func listLocks(list func(infos []C.pgz_lock_info, names []byte, count, used *C.size_t) C.pgz_status) ([]kv.LockInfo, error) {
	infos, names := make([]C.pgz_lock_info, 64), make([]byte, 4096)
	for {
		var count, used C.size_t
		switch st := list(infos, names, &count, &used); st {
		case C.PGZ_OK:
			return lockInfos(infos[:count], names), nil
		case C.PGZ_BUFFER_TOO_SMALL: // with room for some more that come meanwhile
			infos, names = make([]C.pgz_lock_info, count+count/4+1), make([]byte, used+used/4+1)
		default:
			return nil, statusError(st, nil)
		}
	}
}

func lockInfos(infos []C.pgz_lock_info, names []byte) []kv.LockInfo {
	out := make([]kv.LockInfo, 0, len(infos))
	for _, in := range infos {
		name := names[in.name_offset : in.name_offset+in.name_len]
		l := kv.LockInfo{Owner: uint64(in.owner), Granted: in.granted != 0}
		if in.space == C.PGZ_LOCK_ROW {
			l.Row, l.RowMode = append([]byte{}, name...), kv.RowMode(in.mode-C.PGZ_ROW_KEY_SHARE)
			out = append(out, l)
			continue
		}
		if in.space == C.PGZ_LOCK_READ {
			n := binary.LittleEndian.Uint32(name)
			l.Read = kv.ReadKey + kv.ReadKind(in.mode-C.PGZ_READ_KEY)
			l.Row, l.End = append([]byte{}, name[4:4+n]...), append([]byte{}, name[4+n:]...)
			out = append(out, l)
			continue
		}
		if len(name) != 16 {
			continue // not taken by LockObject
		}
		switch in.space {
		case C.PGZ_LOCK_TABLE:
			l.Tag.Space = kv.RelationLock
		case C.PGZ_LOCK_ADVISORY:
			l.Tag.Space = kv.AdvisoryLock
		default:
			l.Tag.Space = kv.NameLock
		}
		l.Tag.A, l.Tag.B = binary.BigEndian.Uint64(name), binary.BigEndian.Uint64(name[8:])
		l.Mode = kv.ObjectMode(in.mode)
		out = append(out, l)
	}
	return out
}

// LockRowGet implements kv.Txn.
func (t *txn) LockRowGet(ctx context.Context, op kv.OpNum, key []byte, mode kv.RowMode, opts kv.LockOptions, dst []byte) (
	[]byte, kv.Version, bool, error) {
	if err := checkKey(key); err != nil {
		return dst, kv.Version{}, false, err
	}
	if err := t.enter(); err != nil {
		return dst, kv.Version{}, false, err
	}
	sc := t.sc
	dst = room(dst)
	batch := t.pending(kv.MaxOp)
	st := C.sh_lock_read(C.uint64_t(t.store.db), C.uint64_t(t.owner), pointer(batch),
		C.size_t(len(batch)), C.uint32_t(mode)+C.PGZ_ROW_KEY_SHARE, C.uint32_t(op), pointer(key),
		C.size_t(len(key)), 0, 0, 0, spare(dst), C.size_t(cap(dst)-len(dst)), &sc.call)
	t.handedOver(batch, st)
	waited := false
	switch st {
	case C.PGZ_OK, C.PGZ_NOT_FOUND:
		dst, version := t.found(dst)
		return dst, version, false, nil
	case C.PGZ_BUFFER_TOO_SMALL: // the lock is held
	case C.PGZ_BUSY:
		if opts.Policy == kv.NoWait {
			return dst, kv.Version{}, true, kv.ErrLockNotAvailable
		}
		waited = true
		if err := t.wait(ctx, op, C.PGZ_LOCK_ROW, uint8(mode)+C.PGZ_ROW_KEY_SHARE, key, opts); err != nil {
			return dst, kv.Version{}, true, err
		}
	default:
		return dst, kv.Version{}, false, statusError(st, &sc.call.err)
	}
	dst, version, err := t.Get(kv.View{TS: kv.Newest, ReadOp: kv.MaxOp}, key, dst)
	return dst, version, waited, err
}

func (t *txn) lock(ctx context.Context, op kv.OpNum, space, mode byte, name []byte, opts kv.LockOptions) (bool, error) {
	if err := t.enter(); err != nil {
		return false, err
	}
	switch st := t.tryLock(op, space, mode, name, 0, opts); st {
	case C.PGZ_OK:
		return false, nil
	case C.PGZ_BUSY:
		if opts.Policy == kv.NoWait {
			return true, kv.ErrLockNotAvailable
		}
		return true, t.wait(ctx, op, space, mode, name, opts)
	default:
		return false, statusError(st, &t.sc.call.err)
	}
}

// tryLock takes the lock or, with a tag, queues for it.
func (t *txn) tryLock(op kv.OpNum, space, mode byte, name []byte, tag uint64, opts kv.LockOptions) C.pgz_status {
	sc := t.sc
	var h [lockHeaderBytes]byte
	h[0], h[1] = space, mode
	binary.LittleEndian.PutUint32(h[4:], uint32(op))
	binary.LittleEndian.PutUint32(h[8:], uint32(len(name)))
	sc.tmp = append(append(sc.tmp[:0], h[:]...), name...)
	return C.sh_lock(C.uint64_t(t.store.db), C.uint64_t(t.owner), nil, 0, pointer(sc.tmp),
		C.size_t(len(sc.tmp)), C.uint64_t(tag), micros(opts.Timeout), micros(opts.DeadlockTimeout),
		&sc.call)
}

// wait queues for the lock and parks the goroutine.
func (t *txn) wait(ctx context.Context, op kv.OpNum, space, mode byte, name []byte, opts kv.LockOptions) error {
	k := t.store.tickets.issue()
	if k == nil {
		return kv.ErrClosed
	}
	defer t.store.tickets.giveBack(k)
	switch st := t.tryLock(op, space, mode, name, k.tag, opts); st {
	case C.PGZ_OK:
		return nil
	case C.PGZ_PENDING:
	case C.PGZ_DEADLOCK:
		return t.deadlock()
	default:
		return statusError(st, &t.sc.call.err)
	}
	// Now that its place in the queue is certain.
	if opts.OnWait != nil {
		opts.OnWait()
	}
	var c completion
	cancelled := false
	select {
	case c = <-k.done:
	case <-ctx.Done():
		// Exactly one completion comes, cancelled or not.
		cancelled = true
		C.sh_cancel(t.sc.call.txn)
		c = <-k.done
	}
	if cancelled && (c.status == C.PGZ_CANCELLED || c.status == C.PGZ_OK) {
		return context.Cause(ctx)
	}
	switch c.status {
	case C.PGZ_OK:
		return nil
	case C.PGZ_DEADLOCK:
		return t.deadlock()
	}
	return statusError(c.status, nil)
}

// deadlock is the error of a wait that ended with PGZ_DEADLOCK.
func (t *txn) deadlock() error {
	cycle, err := listLocks(func(infos []C.pgz_lock_info, names []byte, count, used *C.size_t) C.pgz_status {
		return C.sh_deadlock(t.sc.call.txn, &infos[0], C.size_t(len(infos)), count, pointer(names), C.size_t(len(names)), used)
	})
	if err != nil {
		return kv.ErrDeadlock
	}
	return &kv.DeadlockError{Cycle: cycle}
}
