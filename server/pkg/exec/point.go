package exec

import (
	"context"
	"errors"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
)

// pointRun executes a point plan: one key, no operators. After its first use it
// allocates nothing per execution beyond what expressions need.
type pointRun struct {
	r    *Run
	st   *State
	p    *planner.Point
	c    *expr.Ctx
	rng  keyRange
	dec  decoder
	val  []byte
	key  []byte // of the row
	row  []data.Datum
	out  []data.Datum
	b    *data.Batch
	lock locker
	mod  modifier
}

func newPointRun(r *Run, p *planner.Point) *pointRun {
	x := &pointRun{
		r: r, st: r.st, p: p, c: r.st.newCtx(r, nil), dec: newDecoder(p.Rel, p.Cols), row: make([]data.Datum, len(p.Cols)),
	}
	t := p.Rel.Table
	if p.Index == nil || p.Index.RowKey {
		x.rng = keyRange{database: t.Database, storage: t.StorageID, cols: p.Rel.Key}
	} else {
		k := p.Index.Codec
		x.rng = keyRange{database: k.Database, storage: k.Storage, cols: k.Cols}
	}
	if p.Write != nil {
		x.mod = newModifier(r.st, x.c, p.Op, p.Write, max(len(p.Cols), len(p.Write.Source)))
	} else if p.Lock != nil {
		x.lock = newLocker(r.st, p.Rel)
	}
	return x
}

// restart readies x for another execution.
func (x *pointRun) restart(st *State) {
	x.st = st
	x.c.Env, x.c.Params, x.c.Caller = st.Env, st.Params, st.Caller
	arena := x.c.Arena
	*x.c.Types = *st.Types
	x.c.Types.Arena = arena
	if x.p.Write != nil {
		x.mod.st = st
		x.mod.writer.restart(st)
		x.mod.lock.restart(st)
		if x.mod.seen != nil {
			clear(x.mod.seen)
		}
	} else if x.p.Lock != nil {
		x.lock.restart(st)
	}
}

func (x *pointRun) close() { x.c.Arena.Free() }

// next executes the plan and returns its rows, nil if there are none.
func (x *pointRun) next(ctx context.Context) (*data.Batch, error) {
	x.r.done = true
	if x.p.Values != nil {
		return x.insert(ctx)
	}
	row, err := x.one(ctx)
	if err != nil || row == nil {
		return nil, err
	}
	x.batch(len(row))
	x.b.AppendRow(row)
	return x.b, nil
}

func (x *pointRun) batch(cols int) {
	if x.b == nil {
		x.b = data.NewBatch(make([]data.Kind, cols))
	}
	x.b.Reset()
}

// one executes SELECT, UPDATE or DELETE and returns the row to show, if any.
func (x *pointRun) one(ctx context.Context) ([]data.Datum, error) {
	x.c.Context = ctx
	x.c.Arena.Reset()
	ok, err := x.findKey()
	if err != nil || !ok {
		return nil, err
	}
	if x.p.Op == query.CmdSelect {
		return x.read(ctx)
	}
	wrote, err := x.modify(ctx)
	if err != nil || !wrote {
		return nil, err
	}
	x.r.affected++
	if x.p.Write.Returning == nil {
		return nil, nil
	}
	copy(x.mod.ret[len(x.mod.newRow)+planner.RetExtras:], x.row)
	return x.mod.returning()
}

// findKey computes the key of the row; ok is false when there can be none.
func (x *pointRun) findKey() (ok bool, err error) {
	ok, err = x.rng.begin(x.c, x.p.Key)
	if err != nil || !ok {
		return false, err
	}
	if x.p.Index == nil || x.p.Index.RowKey {
		x.key = append(x.key[:0], x.rng.start...)
		return true, nil
	}
	var v kv.Version
	x.val, v, err = x.st.Txn.Get(x.st.View, x.rng.start, x.val[:0])
	if err != nil || !v.Found() {
		return false, err
	}
	rk, err := x.p.Index.Codec.EntryRowKey(x.rng.start, x.val)
	if err != nil {
		return false, err
	}
	x.key = rowcodec.AppendPrefix(x.key[:0], x.p.Rel.Table.Database, x.p.Rel.Table.StorageID)
	x.key = append(x.key, rk...)
	return true, nil
}

// snapshotRow reads and filters the version the statement's snapshot sees.
func (x *pointRun) snapshotRow() (bool, error) {
	var v kv.Version
	var err error
	x.val, v, err = x.st.Txn.Get(x.st.View, x.key, x.val[:0])
	if err != nil || !v.Found() {
		return false, err
	}
	if err := x.dec.row(x.c, x.key, x.val, x.row); err != nil {
		return false, err
	}
	return pass(x.c, &x.p.Filter, x.row)
}

func (x *pointRun) read(ctx context.Context) ([]data.Datum, error) {
	ok, err := x.snapshotRow()
	if err != nil || !ok {
		return nil, err
	}
	if m := x.p.Lock; m != nil {
		what, err := x.lock.lock(ctx, x.key, m.Mode, m.Policy)
		if err != nil || what == rowGone {
			return nil, err
		}
		if what == rowChanged {
			if err := x.dec.row(x.c, x.lock.key, x.lock.val, x.row); err != nil {
				return nil, err
			}
			if ok, err := pass(x.c, &m.Recheck, x.row); err != nil || !ok {
				return nil, err
			}
		}
	}
	x.out, err = evalInto(x.c, x.out, x.p.Project, x.row)
	return x.out, err
}

// modify locks the row first and reads the snapshot's version only when a newer one
// stands in its place, or somebody else has the lock. A row that the statement does not
// see, or does not mean, is neither waited for nor left locked.
func (x *pointRun) modify(ctx context.Context) (bool, error) {
	l, mode := &x.mod.lock, x.p.Write.LockMode
	what, err := l.lock(ctx, x.key, mode, query.LockWaitError)
	if concernsRow(err) {
		ok, serr := x.snapshotRow()
		if serr != nil {
			return false, serr
		}
		if !ok {
			return false, l.guard.unlock(l.key, mode)
		}
		what, err = l.lock(ctx, x.key, mode, query.LockWaitBlock)
	}
	if err != nil {
		return false, err
	}
	if what == rowGone {
		// Nobody's row: give the key back, others may want to insert it.
		return false, x.st.Txn.RollbackTo(x.st.WriteOp)
	}
	var ok bool
	if what == rowSame {
		if err = x.dec.row(x.c, l.key, l.val, x.row); err == nil {
			ok, err = pass(x.c, &x.p.Filter, x.row)
		}
	} else {
		ok, err = x.snapshotRow()
	}
	if err != nil {
		return false, err
	}
	if !ok {
		return false, l.guard.unlock(l.key, mode)
	}
	if what == rowChanged {
		// One that moved was followed: whether it still counts, its key too, is for the
		// conditions to say, which all are looked at again.
		if err := x.dec.row(x.c, l.key, l.val, x.row); err != nil {
			return false, err
		}
		if ok, err := pass(x.c, &x.p.Write.Target.Recheck, x.row); err != nil || !ok {
			return false, err
		}
	}
	return true, x.mod.write(x.row)
}

// concernsRow tells whether a lock was not got for a reason that counts only if the
// statement sees the row: somebody else has it or changed it.
func concernsRow(err error) bool {
	if err == nil {
		return false
	}
	e := pgerr.As(err)
	return e != nil && (e.Code == pgerr.LockNotAvailable || e.Code == pgerr.TRSerializationFailure) ||
		errors.Is(err, kv.ErrTooManyLocks)
}

func (x *pointRun) insert(ctx context.Context) (*data.Batch, error) {
	x.c.Context = ctx
	x.batch(len(x.p.Write.Returning))
	for _, exprs := range x.p.Values {
		x.c.Arena.Reset()
		var err error
		if x.out, err = evalInto(x.c, x.out, exprs, nil); err != nil {
			return nil, err
		}
		wrote, err := x.mod.apply(x.out)
		if err != nil {
			return nil, err
		}
		if !wrote {
			continue
		}
		x.r.affected++
		if x.p.Write.Returning != nil {
			ret, err := x.mod.returning()
			if err != nil {
				return nil, err
			}
			x.b.AppendRow(ret)
		}
	}
	if x.b.N == 0 {
		return nil, nil
	}
	return x.b, nil
}
