package planner

import (
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// ModifyTable writes rows. For INSERT the child's row has the inserted values in Source order; for
// UPDATE and DELETE it is the joined row, with the target's key in Target.KeySlot.
type ModifyTable struct {
	Base
	Op    query.CmdType
	Child Node
	Write Write
}

// Write is what a DML statement does to each row.
type Write struct {
	Rel    *Rel
	Target Target // UPDATE and DELETE
	// Source: INSERT, the attribute index (0-based) each child column goes to.
	Source []int
	// Set: UPDATE, attribute indexes and their new values over the child's row.
	Set []SetCol
	// LockMode is the row lock UPDATE and DELETE take.
	LockMode kv.RowMode
	// Unique: the child may yield one target row several times (a join); later ones are ignored.
	Repeats  bool
	Conflict *Conflict
	// Returning is computed over a row of: the table's columns (new values, old ones for DELETE),
	// then the system columns of SysSlots, then the child's row.
	Returning []*expr.Compiled
	RetTree   []query.Expr
}

// Extra slots of a Returning row behind the table's columns.
const (
	RetCtid = iota
	RetXmin
	RetTableOID
	RetWholeRow
	RetExtras
)

// SetCol assigns one column.
type SetCol struct {
	Col   int
	Value *expr.Compiled
}

// Conflict is ON CONFLICT.
type Conflict struct {
	Update bool
	Any    bool        // no arbiter named: any unique index
	Keys   []*RelIndex // the arbiters; nil element: the row key
	// Set and Where are computed over the existing row's columns followed by the proposed row's.
	Set   []SetCol
	Where Filter
}

// Point is a plan of one key: no operators.
type Point struct {
	Op    query.CmdType
	Rel   *Rel
	Index *RelIndex        // nil: the row key; else a unique index
	Key   []*expr.Compiled // values of the key columns
	Cols  []ScanCol        // columns read into the row
	// Filter and Project are over the row of Cols.
	Filter  Filter
	Project []*expr.Compiled
	Lock    *RowMark // SELECT ... FOR UPDATE
	Limit   *expr.Compiled
	// Values are an INSERT's rows, in Write.Source order.
	Values [][]*expr.Compiled
	Write  *Write
}
