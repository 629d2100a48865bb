package exec

import (
	"context"

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/planner"
)

// rowLocksMax is how many row locks one statement takes in a table before it locks
// the table against other writers instead: the store's lock table is bounded, and a
// statement over millions of rows must not fill it.
var rowLocksMax = 400_000

// guard takes the row locks of one statement in one table and its unique indexes.
type guard struct {
	st    *State
	rel   *planner.Rel
	alone bool // no other transaction can write here: row locks are needless
	taken int

	ascent ascent
}

func (g *guard) restart(st *State, rel *planner.Rel) {
	tops := g.ascent.tops[:0]
	*g = guard{st: st, rel: rel, alone: st.Owned != nil && st.Owned(rel.Table.StorageID)}
	g.ascent.tops = tops
}

// newest is the view of a read after a lock.
var newest = kv.View{TS: kv.Newest, ReadOp: kv.MaxOp}

// lockGet locks a key and reads its newest version, appended to dst.
func (g *guard) lockGet(ctx context.Context, key []byte, mode kv.RowMode, opts kv.LockOptions, dst []byte) ([]byte, kv.Version, error) {
	if err := g.count(ctx, opts); err != nil {
		return dst, kv.Version{}, err
	}
	if g.alone {
		return g.st.Txn.Get(newest, key, dst)
	}
	val, v, _, err := g.st.Txn.LockRowGet(ctx, g.st.WriteOp, key, mode, opts, dst)
	return val, v, err
}

// lockFree is lockGet of a key that is about to be written and should not be there.
func (g *guard) lockFree(ctx context.Context, key, dst []byte) ([]byte, kv.Version, error) {
	if g.alone {
		if free, err := g.ascent.free(g.st, key); free || err != nil {
			return dst, kv.Version{}, err
		}
	}
	return g.lockGet(ctx, key, kv.Update, g.st.Lock, dst)
}

// lock locks a key for writing.
func (g *guard) lock(ctx context.Context, key []byte) error {
	if err := g.count(ctx, g.st.Lock); err != nil || g.alone {
		return err
	}
	_, err := g.st.Txn.LockRow(ctx, g.st.WriteOp, key, kv.Update, g.st.Lock)
	return err
}

// count notes one more row lock and, past the bound, locks the table.
func (g *guard) count(ctx context.Context, opts kv.LockOptions) error {
	if g.taken++; g.alone || g.taken <= rowLocksMax {
		return nil
	}
	t := g.rel.Table
	tag := kv.ObjectTag{Space: kv.RelationLock, A: uint64(t.Database), B: uint64(t.OID)}
	if _, err := g.st.Txn.LockObject(ctx, g.st.WriteOp, tag, kv.ExclusiveLock, opts); err != nil {
		return err
	}
	g.alone = true
	return nil
}
