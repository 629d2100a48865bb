package exec

import (
	"context"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// State is what one statement executes in. The session fills it; a Run borrows it
// until Close.
type State struct {
	Txn kv.Txn
	// View is the statement's snapshot and read number. WriteOp numbers its writes
	// and locks and is at least View.ReadOp.
	View    kv.View
	WriteOp kv.OpNum
	// Writes counts the rows written by commands of the session. Nil: nobody counts.
	Writes *uint64
	// Serial is set in REPEATABLE READ and above: a row changed since the snapshot
	// is 40001 instead of being re-evaluated.
	Serial bool
	// Watched is set in SERIALIZABLE.
	Watched bool

	Store  kv.Store // counters
	RowIDs *RowIDs  // hidden row ids, one for the whole server
	Cat    catalog.View
	Env    expr.Env
	Types  *types.Ctx // the session's settings; operators copy it
	Caller expr.Caller
	Params []data.Datum // $1 ...

	// Account is the statement's memory; above its limit the statement ends with 53200. A point plan
	// holds one row and is not counted. May be nil.
	Account *data.Account
	WorkMem int64  // bytes; 0: 4 MiB
	TempDir string // where spilled rows go; "": os.TempDir

	// Lock says how to wait for row locks (lock_timeout, deadlock_timeout, OnWait). Policy is set per lock.
	Lock kv.LockOptions
	// Owned tells whether a storage id was created by this transaction (declared with OwnRange): its
	// rows need no locks. Nil: none is.
	Owned func(storage uint32) bool
	// Behind tells, of a wait for a row that has just ended with an error, whether others had come
	// before it in the row's queue. Nil: none had.
	Behind func(key []byte, mode kv.RowMode) bool
	// Keys collects what foreign keys have to look at afterwards. The session sets it for every statement.
	Keys *KeyQueue
	// Instrument collects figures per plan node for EXPLAIN ANALYZE.
	Instrument *Instrument
}

// newCtx makes an evaluation context with an arena of its own, charged to account.
func (st *State) newCtx(r *Run, account *data.Account) *expr.Ctx {
	arena := data.NewArena(account)
	t := *st.Types
	t.Arena = arena
	return &expr.Ctx{
		Arena: arena, Types: &t, Env: st.Env, Params: st.Params, Caller: st.Caller,
		Exec: r.exec, Subplans: r.subplans, Context: context.Background(), Account: account,
	}
}

func (st *State) workMem() int64 {
	if st.WorkMem <= 0 {
		return 4 << 20
	}
	return st.WorkMem
}
