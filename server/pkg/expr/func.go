package expr

import (
	"fmt"

	"github.com/pgzdb/pgz/server/pkg/data"
)

// Func is one SQL function of a fixed number of arguments (a VARIADIC list
// arrives as its array). Arguments are borrowed for the call; the result may
// borrow from them or lie in c.Arena. Polymorphic functions read their actual
// types from c.Call.
type Func func(c *Ctx, args []data.Datum) (data.Datum, error)

// Volatility says when two calls with equal arguments may differ (pg_proc.provolatile).
type Volatility uint8

const (
	Immutable Volatility = iota // equal arguments, equal result: folded when planning
	Stable                      // equal within one statement: never folded into a cached plan
	Volatile                    // may differ or have effects at every call: evaluated row by row
)

// Proc is what the registry knows about one function.
type Proc struct {
	OID        uint32
	Fn         Func
	NonStrict  bool // sees null arguments; otherwise one null argument makes the result null unseen
	Volatility Volatility
}

// Option adds one property to a registration. A builtin test compares them with
// pg_proc's proisstrict and provolatile.
type Option func(*Proc)

// NonStrict marks a function that must see its null arguments.
func NonStrict(p *Proc) { p.NonStrict = true }

// IsStable marks a function as stable.
func IsStable(p *Proc) { p.Volatility = Stable }

// IsVolatile marks a function as volatile.
func IsVolatile(p *Proc) { p.Volatility = Volatile }

var procs = map[uint32]*Proc{}

// Register makes fn the implementation of pg_proc OID oid. The default is
// strict and immutable. Called from init functions only; registering an OID
// twice is a programming error and panics at start.
func Register(oid uint32, fn Func, opts ...Option) {
	if _, dup := procs[oid]; dup {
		panic(fmt.Sprintf("expr: function %d registered twice", oid))
	}
	p := &Proc{OID: oid, Fn: fn}
	for _, o := range opts {
		o(p)
	}
	procs[oid] = p
}

// Lookup returns the registration of oid, or nil.
func Lookup(oid uint32) *Proc { return procs[oid] }

// Registered reports whether oid can be called at all: as a function, an
// aggregate, a window or a set-returning function. The catalog leaves out pg_proc rows
// for which this is false.
func Registered(oid uint32) bool {
	return procs[oid] != nil || aggregates[oid] != nil || setFuncs[oid] != nil || windowFuncs[oid] != nil
}

// Each calls f for every registered plain function, in no order.
func Each(f func(*Proc)) {
	for _, p := range procs {
		f(p)
	}
}
