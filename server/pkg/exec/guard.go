package exec

import (
	"context"
	"errors"

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/planner"
)

// rowLocksMax is how many row locks one statement takes in a table before it locks
// the table against other writers instead, if nobody writes there: that is cheaper for
// all. It asks again after each quarter of that.
var rowLocksMax = 400_000

// guard takes the row locks of one statement in one table and its unique indexes. The
// store's memory for locks is bounded: where it ends, the statement waits for a lock on
// the table, which holds off other writers and lockers of rows like locks on all rows.
type guard struct {
	st    *State
	rel   *planner.Rel
	alone bool // no other transaction can write here: row locks are needless
	taken int
	ask   int // at so many row locks the table is asked for

	ascent ascent
}

func (g *guard) restart(st *State, rel *planner.Rel) {
	tops := g.ascent.tops[:0]
	*g = guard{st: st, rel: rel, ask: rowLocksMax, alone: st.Owned != nil && st.Owned(rel.Table.StorageID)}
	g.ascent.tops = tops
}

// newest is the view of a read after a lock.
var newest = kv.View{TS: kv.Newest, ReadOp: kv.MaxOp}

// lockGet locks a key and reads its newest version, appended to dst.
func (g *guard) lockGet(ctx context.Context, key []byte, mode kv.RowMode, opts kv.LockOptions, dst []byte) ([]byte, kv.Version, error) {
	if err := g.count(ctx, opts); err != nil {
		return dst, kv.Version{}, err
	}
	if !g.alone {
		val, v, _, err := g.st.Txn.LockRowGet(ctx, g.st.WriteOp, key, mode, opts, dst)
		if !errors.Is(err, kv.ErrTooManyLocks) {
			return val, v, err
		}
		if err := g.escalate(ctx, opts, err); err != nil {
			return dst, kv.Version{}, err
		}
	}
	return g.st.Txn.Get(newest, key, dst)
}

// tryFree is lockGet of a key that is about to be written and should not be there. It
// does not wait for who has it locked: ErrLockNotAvailable.
func (g *guard) tryFree(ctx context.Context, key, dst []byte) ([]byte, kv.Version, error) {
	if g.alone {
		if free, err := g.ascent.free(g.st, key); free || err != nil {
			return dst, kv.Version{}, err
		}
	}
	opts := g.st.Lock
	opts.Policy = kv.NoWait
	val, v, err := g.lockGet(ctx, key, kv.Update, opts, dst)
	if errors.Is(err, kv.ErrTooManyLocks) { // the table may be waited for
		return g.lockGet(ctx, key, kv.Update, g.st.Lock, dst)
	}
	return val, v, err
}

// lock locks a key for writing.
func (g *guard) lock(ctx context.Context, key []byte) error {
	if err := g.count(ctx, g.st.Lock); err != nil || g.alone {
		return err
	}
	_, err := g.st.Txn.LockRow(ctx, g.st.WriteOp, key, kv.Update, g.st.Lock)
	if errors.Is(err, kv.ErrTooManyLocks) {
		return g.escalate(ctx, g.st.Lock, err)
	}
	return err
}

// unlock gives back a lock under which this statement neither wrote nor decided anything
// that must last, to what it was before the statement. One that was written under stays.
func (g *guard) unlock(key []byte, mode kv.RowMode) error {
	if g.alone {
		return nil
	}
	err := g.st.Txn.UnlockRow(g.st.WriteOp, key, mode)
	if errors.Is(err, kv.ErrInvalidArg) {
		return nil
	}
	return err
}

// unwritten waits for whoever may have written a key, not for who has only locked it, and
// reads its newest version, appended to dst. It holds nothing afterwards.
func (g *guard) unwritten(ctx context.Context, key, dst []byte) ([]byte, kv.Version, error) {
	if g.alone {
		return g.st.Txn.Get(newest, key, dst)
	}
	val, v, _, err := g.st.Txn.LockRowGet(ctx, g.st.WriteOp, key, kv.Unwritten, g.st.Lock, dst)
	if errors.Is(err, kv.ErrTooManyLocks) {
		return g.lockGet(ctx, key, kv.Unwritten, g.st.Lock, dst)
	}
	if err == nil {
		err = g.unlock(key, kv.Unwritten)
	}
	return val, v, err
}

// count notes one more row lock and, past the bound, asks for the table.
func (g *guard) count(ctx context.Context, opts kv.LockOptions) error {
	if g.taken++; g.alone || g.taken <= g.ask {
		return nil
	}
	g.ask += max(1, rowLocksMax/4)
	opts.Policy = kv.NoWait
	err := g.lockTable(ctx, opts)
	if errors.Is(err, kv.ErrLockNotAvailable) {
		return nil
	}
	return err
}

// escalate locks the table because there is no memory for another row lock. Who may
// not wait is told what was missing, not that somebody else has the row.
func (g *guard) escalate(ctx context.Context, opts kv.LockOptions, why error) error {
	err := g.lockTable(ctx, opts)
	if errors.Is(err, kv.ErrLockNotAvailable) {
		return why
	}
	return err
}

func (g *guard) lockTable(ctx context.Context, opts kv.LockOptions) error {
	t := g.rel.Table
	tag := kv.ObjectTag{Space: kv.RelationLock, A: uint64(t.Database), B: uint64(t.OID)}
	_, err := g.st.Txn.LockObject(ctx, g.st.WriteOp, tag, kv.ExclusiveLock, opts)
	g.alone = err == nil
	return err
}
