package expr

import (
	"fmt"

	"github.com/pgzdb/pgz/server/pkg/data"
)

// Aggregate is one aggregate function. The executor handles FILTER, DISTINCT and
// ORDER BY of the call; the state sees only rows that count.
type Aggregate struct {
	OID uint32
	// New makes the state of one group. c.Call carries the actual types.
	New func(c *Ctx) AggState
	// SkipNulls: rows in which any argument is null are not stepped (strict transition).
	SkipNulls bool
	// OrderInsensitive: the result does not depend on input order (count, sum of
	// integers, min, max), so an ORDER BY inside the call may be dropped.
	OrderInsensitive bool
}

// AggState is the running state of one group.
type AggState interface {
	// Step adds one row. args are borrowed for the call only: copy what stays.
	// count(*) gets no arguments.
	Step(c *Ctx, args []data.Datum) error
	// Final returns the result for the rows so far; it may be called more than
	// once (window frames) and must leave the state usable.
	Final(c *Ctx) (data.Datum, error)
}

// AggSizer is implemented by states that grow with their input (array_agg,
// string_agg); Size is in bytes and counted against the statement's memory.
type AggSizer interface{ Size() int }

// BatchAgg is implemented by states that can add many rows at once. col is the
// argument column (nil for count(*)), sel the lanes to add (nil means all n lanes).
// Null lanes are the state's business. Equal to stepping lane by lane.
type BatchAgg interface {
	StepBatch(c *Ctx, col *data.Vec, n int, sel []uint16) error
}

// OrderedSetAgg is implemented by states of ordered-set aggregates (percentile_cont …):
// direct arguments arrive once, before Final.
type OrderedSetAgg interface {
	Direct(c *Ctx, args []data.Datum) error
}

var aggregates = map[uint32]*Aggregate{}

// RegisterAggregate makes a the implementation of its pg_proc OID; see Register.
func RegisterAggregate(a Aggregate) {
	if _, dup := aggregates[a.OID]; dup {
		panic(fmt.Sprintf("expr: aggregate %d registered twice", a.OID))
	}
	aggregates[a.OID] = &a
}

// LookupAggregate returns the aggregate with this pg_proc OID, or nil.
func LookupAggregate(oid uint32) *Aggregate { return aggregates[oid] }

// WindowFunc is one window function that is not an aggregate (row_number, rank, lag …).
type WindowFunc struct {
	OID uint32
	New func(c *Ctx) WindowState
}

// WindowState evaluates a window function over one partition, rows in window order.
type WindowState interface {
	// Eval computes the result for the current row of w.
	Eval(c *Ctx, w WindowRows) (data.Datum, error)
}

// WindowRows is what a window function may ask about its partition. Row numbers
// count from 0 within the partition.
type WindowRows interface {
	Rows() int                          // rows of the partition
	Current() int                       // the current row
	PeerStart() int                     // first row equal to the current one in window order
	PeerEnd() int                       // one past the last such row
	FrameStart() int                    // first row of the current row's frame
	FrameEnd() int                      // one past its last row
	Arg(n, row int) (data.Datum, error) // argument n evaluated at a row of the partition
}

var windowFuncs = map[uint32]*WindowFunc{}

// RegisterWindow makes w the implementation of its pg_proc OID; see Register.
func RegisterWindow(w WindowFunc) {
	if _, dup := windowFuncs[w.OID]; dup {
		panic(fmt.Sprintf("expr: window function %d registered twice", w.OID))
	}
	windowFuncs[w.OID] = &w
}

// LookupWindow returns the window function with this pg_proc OID, or nil.
func LookupWindow(oid uint32) *WindowFunc { return windowFuncs[oid] }
