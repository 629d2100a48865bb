package planner

import (
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// Env is what planning needs from the session.
type Env struct {
	Cat   catalog.View
	Types *types.Ctx // type input with the session's settings; its arena outlives the plan
	// Session evaluates what is constant; nil folds only what needs no session.
	Session expr.Env
	// Snapshot is the timestamp the statement will read at: indexes that do not reach
	// back so far are not used. 0: no limit.
	Snapshot kv.Timestamp
	// WorkMem is work_mem in bytes.
	WorkMem int64
	// Domain describes a domain's constraints; nil: none are checked.
	Domain func(oid uint32) (expr.Domain, error)
	// Disable turns plan types off, as the enable_* settings do.
	Disable Disable
}

// Disable lists plan types not to be used where another one can do.
type Disable struct {
	SeqScan, IndexScan, IndexOnlyScan, NestLoop, HashJoin, HashAgg, Sort, Material bool
}

func (env *Env) domain(oid uint32) (expr.Domain, error) {
	if env.Domain == nil {
		return expr.Domain{}, nil
	}
	return env.Domain(oid)
}

// exprCtx is a context for folding constants; results live in the arena of env.Types.
func (env *Env) exprCtx() *expr.Ctx {
	if env.Types == nil {
		env.Types = types.NewCtx(data.NewArena(nil))
	}
	if env.Types.Arena == nil {
		env.Types.Arena = data.NewArena(nil)
	}
	return &expr.Ctx{Arena: env.Types.Arena, Types: env.Types, Env: env.Session}
}
