package catfn

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// Backend is one session as pg_stat_activity shows it. Times are microseconds
// since 2000-01-01 UTC; 0 is none.
type Backend struct {
	PID                                int32
	Database, Role                     uint32
	XID, Xmin                          uint32 // 0: none
	Application, Query, State          string
	WaitType, WaitEvent                string // "": not waiting
	Started, XactAt, QueryAt, ChangeAt int64
	ClientHost                         string // "": Unix socket
	ClientPort                         int32
	Visible                            bool // the asker may see what it does
	Transaction                        string
}

// BackendLister is implemented by an Env that knows the other sessions.
type BackendLister interface {
	Backends() []Backend
	// BackendRole is the role of the session with that process id; ok is false
	// if there is none.
	BackendRole(pid int32) (role uint32, ok bool)
	// BlockingPIDs lists the sessions the one with that process id waits for.
	BlockingPIDs(pid int32) []int32
	// Locks lists locks and, with reads, what serializable transactions have read.
	Locks(reads bool) ([]Lock, error)
}

func init() {
	expr.RegisterSet(expr.SetFunc{OID: 2022, NonStrict: true, Columns: 30, Volatility: expr.Stable, Start: backends})
	expr.RegisterSet(expr.SetFunc{OID: 1936, Volatility: expr.Stable, Start: backendIDs})
	expr.RegisterSet(expr.SetFunc{OID: 1371, Columns: 16, Volatility: expr.Volatile, Start: lockStatus})
	volatile(blockingPIDs, 2561)
	volatile(isolationBlocked, 3378)
}

func lister(c *expr.Ctx) (BackendLister, error) {
	l, ok := c.Env.(BackendLister)
	if !ok {
		return nil, pgerr.FeatureNotSupported("a list of sessions")
	}
	return l, nil
}

func pidArray(c *expr.Ctx, pids []int32) data.Datum {
	vals := make([]data.Datum, len(pids))
	for i, pid := range pids {
		vals[i] = data.Int(int64(pid))
	}
	return types.MakeArray(c.Arena, types.Get(types.Int4), vals)
}

func blockingPIDs(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	l, err := lister(c)
	if err != nil {
		return data.Null, err
	}
	return pidArray(c, l.BlockingPIDs(int32(a[0].Int()))), nil
}

// isolationBlocked is pg_isolation_test_session_is_blocked: whether the session
// waits, directly, for one of the listed ones: for a lock or a safe snapshot.
func isolationBlocked(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	l, err := lister(c)
	if err != nil {
		return data.Null, err
	}
	blocking := map[int64]bool{}
	for _, pid := range l.BlockingPIDs(int32(a[0].Int())) {
		blocking[int64(pid)] = true
	}
	if snapshots, ok := c.Env.(SnapshotLister); ok {
		for _, pid := range snapshots.SafeSnapshotBlockers(int32(a[0].Int())) {
			blocking[int64(pid)] = true
		}
	}
	arr := types.ReadArray(a[1])
	for i := 0; i < arr.Len(); i++ {
		if !arr.IsNull(i) && blocking[arr.Elem(types.Get(types.Int4), i).Int()] {
			return data.Bool(true), nil
		}
	}
	return data.Bool(false), nil
}

func backendIDs(c *expr.Ctx, _ []data.Datum) (expr.SetIter, error) {
	l, err := lister(c)
	if err != nil {
		return nil, err
	}
	out := &expr.SliceSet{}
	for _, b := range l.Backends() {
		out.Rows = append(out.Rows, []data.Datum{data.Int(int64(b.PID))})
	}
	return out, nil
}

// backends is pg_stat_get_activity. client_addr stays null: inet has no values here.
func backends(c *expr.Ctx, a []data.Datum) (expr.SetIter, error) {
	l, err := lister(c)
	if err != nil {
		return nil, err
	}
	out := &expr.SliceSet{}
	for _, b := range l.Backends() {
		if !a[0].IsNull() && a[0].Int() != int64(b.PID) {
			continue
		}
		out.Rows = append(out.Rows, backendRow(&b))
	}
	return out, nil
}

func backendRow(b *Backend) []data.Datum {
	str := func(s string) data.Datum {
		if s == "" {
			return data.Null
		}
		return data.String(s)
	}
	when := func(t int64) data.Datum {
		if t == 0 {
			return data.Null
		}
		return data.Int(t)
	}
	row := make([]data.Datum, 30)
	for i := range row {
		row[i] = data.Null
	}
	row[0], row[1], row[2] = data.Int(int64(b.Database)), data.Int(int64(b.PID)), data.Int(int64(b.Role))
	row[3] = data.String(b.Application)
	if !b.Visible {
		row[5] = data.String("<insufficient privilege>")
		return row
	}
	row[4], row[5] = str(b.State), data.String(b.Query)
	row[6], row[7] = str(b.WaitType), str(b.WaitEvent)
	row[8], row[9], row[10], row[11] = when(b.XactAt), when(b.QueryAt), when(b.Started), when(b.ChangeAt)
	row[14] = data.Int(-1)
	if b.ClientHost != "" {
		row[14] = data.Int(int64(b.ClientPort))
	}
	if b.XID != 0 {
		row[15] = data.Int(int64(b.XID))
	}
	if b.Xmin != 0 {
		row[16] = data.Int(int64(b.Xmin))
	}
	row[17], row[18], row[25], row[27] = data.String("client backend"), data.Bool(false), data.Bool(false), data.Bool(false)
	return row
}
