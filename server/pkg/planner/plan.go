package planner

import (
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// Plan is one executable statement.
type Plan struct {
	Command  query.CmdType
	Columns  []Column // what the client sees; empty when no rows are returned
	Root     Node
	Point    *Point // when set, Root is its equal as a tree, for EXPLAIN
	Subplans []*Subplan
	CTEs     []*CTE
	NumExec  int // executor parameters
	Locks    []RelLock
	Deps     *catalog.Deps
	// HasReturning: a DML statement that returns rows.
	HasReturning bool
	// ReadsOnly: no writes and no row locks: allowed in a read-only transaction.
	ReadsOnly bool
	// Names says, for the top node of each query level, how EXPLAIN names its columns.
	Names map[Node]*Names
	// Cost is the root's total cost, for the choice between custom and generic plans.
	Cost float64
}

// Column describes one result column.
type Column struct {
	Name   string
	Type   uint32
	Typmod int32
	Table  uint32 // origin, 0 if none
	Attnum int16
}

// RelLock is a table lock the statement needs before it is executed.
type RelLock struct {
	Relation uint32
	Shared   bool // relation of the cluster, not of the database
	Mode     kv.ObjectMode
}

// Subplan is a plan that an expression runs.
type Subplan struct {
	Root       Node
	Correlated bool // reads executor parameters: its result cannot be kept
	// KeyTypes, when set, lets Contains build a hash table over the first columns.
	KeyTypes []*types.Type
	Columns  int // visible columns
	Label    string
}

// CTE is a WITH query that is computed once and read by CTEScans.
type CTE struct {
	Name      string
	Root      Node
	Recursive *RecursiveUnion // set for WITH RECURSIVE; Root is then the same node
}

// Cost is PostgreSQL's four figures of a plan node.
type Cost struct {
	Startup, Total float64
	Rows           float64
	Width          int
}

// Node is one operator of a plan.
type Node interface {
	Info() *Base
	// Children lists the inputs, outer first.
	Children() []Node
}

// Base is what every node has.
type Base struct {
	Cost
	Cols     int  // columns of the output row
	RowByRow bool // has effects per row: never ask for more rows than wanted
	ID       int  // number in the plan, for instrumentation

	layout layout // how expressions above find the columns
}

// Info implements Node.
func (b *Base) Info() *Base { return b }

// Filter is a conjunction over a row.
type Filter struct {
	Quals []*expr.Compiled
	Exprs []query.Expr // the same, for EXPLAIN
}

// Result returns one row of no columns, or passes its child's rows on, unless a
// constant condition is not true.
type Result struct {
	Base
	Child   Node // may be nil
	OneTime Filter
}

// SeqScan reads all rows of a table.
type SeqScan struct {
	Base
	Scan
}

// Scan is what table scans share.
type Scan struct {
	Rel    *Rel
	Rti    int
	Alias  string
	Reads  []ScanCol
	Filter Filter
}

// ScanCol is one output column of a table scan: an attribute number (negative: system column),
// or one of the codes below.
type ScanCol int16

// Columns of a scan that are not attributes.
const (
	ScanRowKey   ScanCol = -100 // the row's key in the store
	ScanWholeRow ScanCol = 0    // the row as a composite value
)

// System columns, numbered as in PostgreSQL.
const (
	SysCtid     = -1
	SysXmin     = -2
	SysCmin     = -3
	SysXmax     = -4
	SysCmax     = -5
	SysTableOID = -6
)

// IndexScan reads a range of a table through its row key (Index nil or IsRowKey) or a secondary index.
type IndexScan struct {
	Base
	Scan
	Index   *RelIndex
	Eq      []*expr.Compiled // values of the leading key columns
	Lo, Hi  *Bound           // on the next column
	In      *expr.Compiled   // array of values for the next column, instead of bounds
	Reverse bool
	Only    bool         // values come from the index key alone
	Cond    []query.Expr // the conditions, for EXPLAIN
}

// Bound is one end of a range.
type Bound struct {
	Value     *expr.Compiled
	Inclusive bool
}

// ValuesScan returns the rows of VALUES lists.
type ValuesScan struct {
	Base
	Alias  string
	Rows   [][]*expr.Compiled
	Filter Filter
}

// FunctionScan returns the rows of functions in FROM, side by side.
type FunctionScan struct {
	Base
	Alias      string
	Names      []string
	Funcs      []*SetCall
	Ordinality bool
	Filter     Filter
}

// SetCall is a call of a function that may return a set.
type SetCall struct {
	Set      *expr.SetFunc // nil: an ordinary function, one row
	Scalar   *expr.Compiled
	Site     expr.Call
	Args     []*expr.Compiled
	Columns  int  // columns it contributes
	Expand   bool // a composite result is spread over the columns
	RowTypes []uint32
}

// SubqueryScan renames and filters the output of a subquery.
type SubqueryScan struct {
	Base
	Alias  string
	Child  Node
	Filter Filter
}

// CTEScan reads a computed WITH query.
type CTEScan struct {
	Base
	Alias  string
	Name   string
	CTE    int
	Work   bool // reads the working table of the recursive union instead
	Filter Filter
}

// RecursiveUnion evaluates WITH RECURSIVE.
type RecursiveUnion struct {
	Base
	CTE      int
	Seed     Node
	Step     Node
	Distinct bool // UNION, not UNION ALL
	ColTypes []*types.Type
}

// Project computes expressions over its child's rows.
type Project struct {
	Base
	Child Node
	Exprs []*expr.Compiled
	Tree  []query.Expr
}

// ProjectSet is Project for target lists with set-returning functions.
type ProjectSet struct {
	Base
	Child Node
	Items []ProjectItem
}

// ProjectItem is one column of a ProjectSet: a set or a plain expression.
type ProjectItem struct {
	Set  *SetCall
	Expr *expr.Compiled
}

// FilterNode drops rows (HAVING, and conditions over inputs that cannot filter).
type FilterNode struct {
	Base
	Child  Node
	Filter Filter
}

// ParamSet stores a value of the outer row into an executor parameter.
type ParamSet struct {
	ID    int
	Value *expr.Compiled
}

// NestLoop joins by running Inner once per outer row.
type NestLoop struct {
	Base
	Type         query.JoinType
	Outer, Inner Node
	Params       []ParamSet
	JoinQual     Filter // decides matches, over outer and inner columns
	Other        Filter // drops joined rows afterwards
}

// HashJoin joins by equality; Inner is hashed.
type HashJoin struct {
	Base
	Type         query.JoinType
	Outer, Inner Node
	OuterKeys    []*expr.Compiled
	InnerKeys    []*expr.Compiled // over the inner row alone
	KeyTypes     []*types.Type
	Cond         []query.Expr // the equalities, for EXPLAIN
	JoinQual     Filter
	Other        Filter
	NullAware    bool // anti join of NOT IN: unused for NOT EXISTS
}

// Materialize keeps its child's rows for repeated reading.
type Materialize struct {
	Base
	Child Node
}

// AggStrategy is how rows are brought to their groups.
type AggStrategy uint8

// Strategies of Agg.
const (
	AggPlain  AggStrategy = iota // one group
	AggHashed                    // by hash table
	AggSorted                    // input arrives in groups
)

// Agg groups and aggregates. Its output row is the group columns, then the aggregates.
type Agg struct {
	Base
	Child      Node
	Strategy   AggStrategy
	Groups     []*expr.Compiled
	GroupTypes []*types.Type
	GroupTree  []query.Expr
	Calls      []*AggCall
	Having     Filter
}

// AggCall is one aggregate of an Agg.
type AggCall struct {
	Agg      *expr.Aggregate
	Site     expr.Call
	Args     []*expr.Compiled
	Direct   []*expr.Compiled
	Filter   *expr.Compiled
	Distinct bool
	// Order sorts the call's input by its arguments and extra sort expressions (indexes into Args);
	// NumArgs says how many of Args the function itself gets.
	Order    []SortKey
	NumArgs  int
	ArgTypes []*types.Type
}

// SortKey orders by one column.
type SortKey struct {
	Slot       int
	Type       *types.Type
	Desc       bool
	NullsFirst bool
}

// Sort orders its child's rows. With Limit set only that many first rows are needed.
type Sort struct {
	Base
	Child   Node
	Keys    []SortKey
	KeyTree []query.Expr
	Limit   *expr.Compiled
	Offset  *expr.Compiled
}

// Unique drops rows equal to their predecessor in the key columns.
type Unique struct {
	Base
	Child Node
	Keys  []SortKey
}

// Distinct drops rows whose key columns have been seen, keeping the order of first appearance.
type Distinct struct {
	Base
	Child Node
	Keys  []SortKey
}

// Limit passes on a window of its child's rows.
type Limit struct {
	Base
	Child    Node
	Offset   *expr.Compiled
	Count    *expr.Compiled
	WithTies []SortKey // FETCH ... WITH TIES: the order
}

// Append returns the rows of its children one after the other.
type Append struct {
	Base
	Inputs []Node
}

// SetOp is INTERSECT or EXCEPT by hashing.
type SetOp struct {
	Base
	Op          query.SetOp
	All         bool
	Left, Right Node
	Types       []*types.Type
}

// WindowAgg computes window functions of one window. Its output row is the child's row, then the results.
type WindowAgg struct {
	Base
	Child     Node
	Partition []SortKey
	Order     []SortKey
	Frame     Frame
	Calls     []*WindowCall
}

// Frame is a window frame.
type Frame struct {
	Options    int
	Start, End *expr.Compiled // offsets
	// InRange functions of RANGE offsets, 0 if unused.
	StartInRange, EndInRange *expr.Proc
	Asc, NullsFirst          bool
}

// WindowCall is one function of a WindowAgg.
type WindowCall struct {
	Fn     *expr.WindowFunc
	Agg    *expr.Aggregate
	Site   expr.Call
	Args   []*expr.Compiled
	Filter *expr.Compiled
}

// LockRows locks the rows its child's rows were made from and re-checks those that changed.
type LockRows struct {
	Base
	Child Node
	Marks []RowMark
}

// RowMark is one relation locked by LockRows.
type RowMark struct {
	Target
	Mode   kv.RowMode
	Policy query.LockWaitPolicy
	Name   string
}

// Target is a relation whose rows are locked: where its columns lie in the row below, and what
// must still hold when a newer version replaces them.
type Target struct {
	Rel     *Rel
	KeySlot int
	Cols    []ScanCol // columns of the relation in the row
	Slots   []int     // their slots
	// Outer are the LEFT JOINs, inner ones first: where one's conditions no longer hold, its slots
	// become null. Then Recheck, the whole statement's other conditions over that row.
	Outer   []OuterRecheck
	Recheck Filter
}

// OuterRecheck is one LEFT JOIN of a row that is looked at again.
type OuterRecheck struct {
	On    Filter
	Slots []int
}

// Children implement Node.

func one(n Node) []Node {
	if n == nil {
		return nil
	}
	return []Node{n}
}

func (n *Result) Children() []Node         { return one(n.Child) }
func (n *SeqScan) Children() []Node        { return nil }
func (n *IndexScan) Children() []Node      { return nil }
func (n *ValuesScan) Children() []Node     { return nil }
func (n *FunctionScan) Children() []Node   { return nil }
func (n *SubqueryScan) Children() []Node   { return one(n.Child) }
func (n *CTEScan) Children() []Node        { return nil }
func (n *RecursiveUnion) Children() []Node { return []Node{n.Seed, n.Step} }
func (n *Project) Children() []Node        { return one(n.Child) }
func (n *ProjectSet) Children() []Node     { return one(n.Child) }
func (n *FilterNode) Children() []Node     { return one(n.Child) }
func (n *NestLoop) Children() []Node       { return []Node{n.Outer, n.Inner} }
func (n *HashJoin) Children() []Node       { return []Node{n.Outer, n.Inner} }
func (n *Materialize) Children() []Node    { return one(n.Child) }
func (n *Agg) Children() []Node            { return one(n.Child) }
func (n *Sort) Children() []Node           { return one(n.Child) }
func (n *Unique) Children() []Node         { return one(n.Child) }
func (n *Distinct) Children() []Node       { return one(n.Child) }
func (n *Limit) Children() []Node          { return one(n.Child) }
func (n *Append) Children() []Node         { return n.Inputs }
func (n *SetOp) Children() []Node          { return []Node{n.Left, n.Right} }
func (n *WindowAgg) Children() []Node      { return one(n.Child) }
func (n *LockRows) Children() []Node       { return one(n.Child) }
func (n *ModifyTable) Children() []Node    { return one(n.Child) }
