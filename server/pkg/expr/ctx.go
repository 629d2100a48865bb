package expr

import (
	"context"
	"fmt"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// Ctx is what an evaluation runs in. Each operator has its own, so that its
// arena can be reset without touching another's values.
type Ctx struct {
	Arena    *data.Arena // where results live; the same arena as Types.Arena
	Types    *types.Ctx  // type input, output and settings that shape them
	Env      Env         // the world outside the statement
	Context  context.Context
	Params   []data.Datum  // $1 … of the statement (Params[0] is $1)
	Exec     []data.Datum  // executor parameters: outer values of correlated subplans
	Subplans []Subplan     // by number, for the subplan nodes of compiled expressions
	Caller   Caller        // nil: only registered functions can be called
	Call     *Call         // the call being made; set before each Func, AggState.New and SetFunc.Start
	Account  *data.Account // the statement's memory; nil: not counted
}

// Call describes the actual types at one call site. Functions must read it before
// they evaluate anything else through c.
type Call struct {
	OID       uint32   // pg_proc OID
	ArgTypes  []uint32 // actual types after resolution of polymorphism
	Result    uint32   // actual result type
	Typmod    int32    // result typmod, -1 if none
	Collation uint32   // input collation, 0 if none
	Variadic  bool     // called with an explicit VARIADIC array
	Extra     any      // a cache of the function's own for this call site (a compiled pattern)
}

// ArgType returns the actual type of argument i, 0 if unknown.
func (c *Ctx) ArgType(i int) uint32 {
	if c.Call == nil || i >= len(c.Call.ArgTypes) {
		return 0
	}
	return c.Call.ArgTypes[i]
}

// ResultType returns the call's actual result type, 0 if unknown.
func (c *Ctx) ResultType() uint32 {
	if c.Call == nil {
		return 0
	}
	return c.Call.Result
}

// Cancelled returns the statement's cancel error, if it was cancelled, and 53200
// if it holds more memory than it may: what could spill has done so before. Long
// loops inside functions ask every few thousand steps.
func (c *Ctx) Cancelled() error {
	if c.Account.Over() {
		return OutOfMemory(c.Account)
	}
	if c.Context == nil {
		return nil
	}
	if err := c.Context.Err(); err != nil {
		return CancelError(c.Context)
	}
	return nil
}

// OutOfMemory is the error of a statement whose account is above its limit.
func OutOfMemory(a *data.Account) error {
	return pgerr.New(pgerr.OutOfMemory, "out of memory").
		WithDetail(fmt.Sprintf("The statement holds %d kB of memory; it may hold %d kB.", a.Used()>>10, a.Limit()>>10)).
		WithHint(`Consider raising "statement_memory_limit".`)
}

// CancelError turns a finished context into its SQL error: the *pgerr.Error given
// as the context's cause (timeouts, shutdown), or 57014.
func CancelError(ctx context.Context) error {
	if e := pgerr.As(context.Cause(ctx)); e != nil {
		return e
	}
	return pgerr.New(pgerr.QueryCanceled, "canceling statement due to user request")
}

// Bytes returns a datum over n fresh bytes of the arena, and the bytes to fill.
func (c *Ctx) Bytes(n int) (data.Datum, []byte) {
	b := c.Arena.Bytes(n)
	return data.Bytes(b), b
}
