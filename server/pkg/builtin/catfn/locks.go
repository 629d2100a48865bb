package catfn

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
)

// Lock is a held or awaited lock as pg_locks shows it.
type Lock struct {
	Type               string // LockRelation ..
	Database, Relation uint32
	Key                uint64 // of an advisory lock; two keys share it, the first above
	TwoKeys            bool
	PID                int32 // 0: a prepared transaction
	Mode               string
	Granted            bool
	WaitStart          int64 // of one that is waited for; 0: not known
	Holder             int32 // of LockTransaction: a session whose transaction is waited for; 0: a prepared one
	Page               int64 // of a row
	Tuple              int64 // 0: not known
}

// What locks are on, as pg_locks.locktype names it. A wait for a row is a wait
// for the transaction that has it, or for who is ahead in the row's queue.
const (
	LockRelation    = "relation"
	LockPage        = "page"
	LockTuple       = "tuple"
	LockAdvisory    = "advisory"
	LockObject      = "object"
	LockTransaction = "transactionid"
)

// Columns of pg_lock_status.
const (
	lockType = iota
	lockDatabase
	lockRelation
	lockPage
	lockTuple
	lockVirtualXID
	lockXID
	lockClass
	lockObjectID
	lockSubID
	lockTransaction
	lockPID
	lockMode
	lockGranted
	lockFastPath
	lockWaitStart
	lockColumns
)

// lockStatus is pg_lock_status: the locks of the store and, as PostgreSQL
// counts them among the locks, the transactions under way.
func lockStatus(c *expr.Ctx, _ []data.Datum) (expr.SetIter, error) {
	l, err := lister(c)
	if err != nil {
		return nil, err
	}
	locks, err := l.Locks(true)
	if err != nil {
		return nil, err
	}
	out := &expr.SliceSet{}
	names := map[int32]string{}
	xids := map[int32]uint32{}
	for _, b := range l.Backends() {
		names[b.PID], xids[b.PID] = b.Transaction, b.XID
		if b.XactAt == 0 {
			continue
		}
		row := lockRow("virtualxid", b.PID, b.Transaction, "ExclusiveLock", true)
		row[lockVirtualXID], row[lockFastPath] = data.String(b.Transaction), data.Bool(true)
		out.Rows = append(out.Rows, row)
		if b.XID != 0 {
			row := lockRow(LockTransaction, b.PID, b.Transaction, "ExclusiveLock", true)
			row[lockXID] = data.Int(int64(b.XID))
			out.Rows = append(out.Rows, row)
		}
	}
	for _, lock := range locks {
		row := lockRow(lock.Type, lock.PID, names[lock.PID], lock.Mode, lock.Granted)
		if !lock.Granted && lock.WaitStart != 0 {
			row[lockWaitStart] = data.Int(lock.WaitStart)
		}
		if lock.Database != 0 || lock.Type == LockRelation {
			row[lockDatabase] = data.Int(int64(lock.Database))
		}
		switch lock.Type {
		case LockRelation, LockPage, LockTuple:
			row[lockRelation] = data.Int(int64(lock.Relation))
			if lock.Tuple != 0 {
				row[lockPage], row[lockTuple] = data.Int(lock.Page), data.Int(lock.Tuple)
			}
		case LockTransaction:
			if xid := xids[lock.Holder]; xid != 0 && lock.Holder != 0 {
				row[lockXID] = data.Int(int64(xid))
			}
		case LockAdvisory:
			row[lockClass], row[lockObjectID] = data.Int(int64(lock.Key>>32)), data.Int(int64(uint32(lock.Key)))
			row[lockSubID] = data.Int(1)
			if lock.TwoKeys {
				row[lockSubID] = data.Int(2)
			}
		}
		out.Rows = append(out.Rows, row)
	}
	return out, nil
}

func lockRow(kind string, pid int32, transaction, mode string, granted bool) []data.Datum {
	row := make([]data.Datum, lockColumns)
	for i := range row {
		row[i] = data.Null
	}
	row[lockType], row[lockMode] = data.String(kind), data.String(mode)
	row[lockGranted], row[lockFastPath] = data.Bool(granted), data.Bool(false)
	if pid != 0 {
		row[lockPID], row[lockTransaction] = data.Int(int64(pid)), data.String(transaction)
	} else {
		row[lockTransaction] = data.String("-1/0") // as PostgreSQL marks what is prepared
	}
	return row
}
