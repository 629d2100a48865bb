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

// outcome is what became of a row that was to be locked.
type outcome uint8

const (
	rowSame    outcome = iota // locked, the version the statement saw
	rowChanged                // locked, a newer version: conditions must be checked again
	rowGone                   // deleted meanwhile, or skipped
)

// locker locks rows of one table and reads their newest versions.
type locker struct {
	st  *State
	rel *planner.Rel
	// writes: to change the row, not for SELECT ... FOR. PostgreSQL words a lost row differently.
	writes bool
	doing  string // in the context of errors: "updating", "deleting", "locking", "inserting index"
	anyRow bool   // whatever row has the key: its caller decides about newer versions, at any level

	numbered bool // the transaction has its id
	guard    guard
	key      []byte // where the row is now
	val      []byte // its newest version
	seen     []byte // the version the statement saw, when it has to be compared
	cmp      valueCompare
}

func newLocker(st *State, rel *planner.Rel) locker {
	l := locker{st: st, rel: rel, doing: "locking"}
	l.guard.restart(st, rel)
	return l
}

// lock locks the row at key, following it when it moved. READ COMMITTED gets the
// newest version; above it, a version newer than the snapshot is 40001. As in
// PostgreSQL a transaction that holds a row lock has an id, one that waits to
// change a row too.
func (l *locker) lock(ctx context.Context, key []byte, mode kv.RowMode, policy query.LockWaitPolicy) (outcome, error) {
	if l.writes {
		if err := l.number(); err != nil {
			return rowGone, err
		}
	}
	what, err := l.lockNewest(ctx, key, mode, policy)
	if err == nil && what != rowGone {
		err = l.number()
	}
	return what, err
}

func (l *locker) number() (err error) {
	if !l.numbered && l.st.Env != nil {
		_, err = l.st.Env.XID(true)
		l.numbered = err == nil
	}
	return err
}

func (l *locker) lockNewest(ctx context.Context, key []byte, mode kv.RowMode, policy query.LockWaitPolicy) (outcome, error) {
	l.key = append(l.key[:0], key...)
	opts := l.st.Lock
	if policy != query.LockWaitBlock {
		opts.Policy = kv.NoWait
	}
	moved := false
	for {
		v, err := l.lockOnce(ctx, mode, opts)
		if errors.Is(err, kv.ErrLockNotAvailable) {
			if policy == query.LockWaitSkip {
				return rowGone, nil
			}
			return rowGone, pgerr.Newf(pgerr.LockNotAvailable,
				"could not obtain lock on row in relation \"%s\"", l.rel.Table.Name)
		}
		if err != nil {
			return rowGone, err
		}
		newer := moved || !v.Own && v.TS > l.st.View.TS
		if newer && v.Kind == kv.Value && !l.anyRow {
			// A row that went and came again under its key is another row.
			same, err := l.sameRow(key)
			if err != nil {
				return rowGone, err
			}
			if !same {
				v.Kind = kv.Deleted
			}
		}
		if newer && !moved && mode == kv.KeyShare && v.Kind == kv.Value {
			if same, err := l.sameKey(); err != nil || same {
				return rowSame, err
			}
		}
		if newer && l.st.Serial && v.Kind != kv.None && !l.anyRow {
			what := "update"
			if v.Kind == kv.Deleted && l.writes {
				what = "delete"
			}
			return rowGone, concurrently(what)
		}
		switch v.Kind {
		case kv.Value:
			if newer {
				return rowChanged, nil
			}
			return rowSame, nil
		case kv.Moved:
			if v.Own || !newer {
				// By this command (an earlier one's move the scan has seen), or before
				// the statement's snapshot, which has the row under its new key only.
				return rowGone, l.unlock(v, mode)
			}
			if err := l.unlock(v, mode); err != nil {
				return rowGone, err
			}
			l.key, l.val, moved = append(l.key[:0], l.val...), l.val[:0], true
			continue
		}
		return rowGone, l.unlock(v, mode)
	}
}

// concurrently is the error above READ COMMITTED when somebody else changed a row
// that the statement would change.
func concurrently(what string) error {
	return pgerr.New(pgerr.TRSerializationFailure, "could not serialize access due to concurrent "+what)
}

// unlock gives back the lock on a key whose row has gone, so that others may use the key.
func (l *locker) unlock(v kv.Version, mode kv.RowMode) error {
	if v.Own {
		return nil
	}
	return l.guard.unlock(l.key, mode)
}

// sameRow tells whether the newest version is one of the row that the statement
// saw at key: its hidden row id stays with it wherever it moves.
func (l *locker) sameRow(key []byte) (bool, error) {
	if len(l.rel.KeyCols) == 0 {
		return true, nil // the key is the row id
	}
	val, v, err := l.st.Txn.Get(l.st.View, key, l.seen[:0])
	l.seen = val
	if err != nil || !v.Found() {
		return true, err // not seen by this statement: an index entry led here
	}
	was, err := rowcodec.ReadHeader(l.seen)
	if err != nil {
		return false, err
	}
	is, err := rowcodec.ReadHeader(l.val)
	return was.RowID == is.RowID, err
}

// sameKey tells whether the newest version has the unique keys of the one the
// statement saw. FOR KEY SHARE is content with that: it locks the row and shows
// the version it saw.
func (l *locker) sameKey() (bool, error) {
	val, v, err := l.st.Txn.Get(l.st.View, l.key, l.seen[:0])
	if l.seen = val; err != nil || !v.Found() {
		return false, err
	}
	for _, c := range l.rel.UniqueCols {
		was, err := rowcodec.DecodeColumn(l.rel.Desc, l.seen, c)
		if err != nil {
			return false, err
		}
		is, err := rowcodec.DecodeColumn(l.rel.Desc, l.val, c)
		if err != nil {
			return false, err
		}
		if !l.cmp.same(l.rel.Types[c], was, is) {
			return false, nil
		}
	}
	return true, nil
}

func (l *locker) lockOnce(ctx context.Context, mode kv.RowMode, opts kv.LockOptions) (v kv.Version, err error) {
	l.val, v, err = l.guard.lockGet(ctx, l.key, mode, opts, l.val[:0])
	if err != nil {
		err = l.inWait(err, mode)
	}
	return v, err
}

// recheck looks at a joined row again after newer versions came into it: rows of
// the nullable side of a LEFT JOIN that no longer match become nulls, and the
// statement's conditions decide whether the row still counts.
func recheck(c *expr.Ctx, t *planner.Target, row []data.Datum) (bool, error) {
	for i := range t.Outer {
		o := &t.Outer[i]
		ok, err := pass(c, &o.On, row)
		if err != nil {
			return false, err
		}
		if !ok {
			for _, s := range o.Slots {
				row[s] = data.Null
			}
		}
	}
	return pass(c, &t.Recheck, row)
}

// refresh puts the newest version's columns into the joined row.
func (l *locker) refresh(c *expr.Ctx, t *planner.Target, row []data.Datum) error {
	for i, col := range t.Cols {
		var d data.Datum
		var err error
		if col > 0 {
			d, err = rowcodec.DecodeColumn(l.rel.Desc, l.val, int(col)-1)
		} else {
			d, err = sysColumn(c, l.rel, col, l.key, l.val)
		}
		if err != nil {
			return err
		}
		row[t.Slots[i]] = d
	}
	return nil
}

func (l *locker) restart(st *State) {
	l.st, l.numbered = st, false
	l.guard.restart(st, l.rel)
}
