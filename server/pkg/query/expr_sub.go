package query

// AggKind tells plain aggregates from ordered-set ones.
const (
	AggKindNormal       = 'n'
	AggKindOrderedSet   = 'o'
	AggKindHypothetical = 'h'
)

// Aggref is a call of an aggregate. Its arguments are target entries because ORDER BY and DISTINCT
// inside the call refer to them by Ressortgroupref; resjunk entries only serve ordering.
type Aggref struct {
	Aggfnoid      uint32
	Aggtype       uint32
	Aggcollid     uint32
	Inputcollid   uint32
	Aggargtypes   []uint32
	Aggdirectargs []Expr
	Args          []*TargetEntry
	Aggorder      []*SortGroupClause
	Aggdistinct   []*SortGroupClause
	Aggfilter     Expr
	Aggstar       bool
	Aggvariadic   bool
	Aggkind       byte
	Agglevelsup   int // query level the aggregate belongs to, counted outwards
	Loc           int32
}

// GroupingFunc is GROUPING(...).
type GroupingFunc struct {
	Args        []Expr
	Refs        []int
	Agglevelsup int
	Loc         int32
}

// WindowFunc is a function or aggregate with OVER. Winref is the Winref of its WindowClause.
type WindowFunc struct {
	Winfnoid    uint32
	Wintype     uint32
	Wincollid   uint32
	Inputcollid uint32
	Args        []Expr
	Aggfilter   Expr
	Winref      int
	Winstar     bool
	Winagg      bool
	Loc         int32
}

// SubLinkType says what a subquery in an expression computes.
type SubLinkType uint8

// Kinds of SubLink.
const (
	ExistsSublink     SubLinkType = iota // EXISTS (SELECT ...)
	AllSublink                           // lefthand op ALL (SELECT ...)
	AnySublink                           // lefthand op ANY (SELECT ...), also IN
	RowCompareSublink                    // (a, b) op (SELECT ...), one row
	ExprSublink                          // (SELECT ...), one column, at most one row
	MultiexprSublink                     // (SELECT ...) of UPDATE SET (a, b) =
	ArraySublink                         // ARRAY(SELECT ...)
)

// SubLink is a subquery in an expression. For ANY, ALL and ROWCOMPARE, Testexpr compares the left
// side with Params of kind ParamSublink, numbered from 1 like the subquery's columns.
type SubLink struct {
	SubLinkType  SubLinkType
	SubLinkID    int // only for MULTIEXPR
	Testexpr     Expr
	OperName     []string
	Subselect    *Query
	Resulttype   uint32 // bool, the column's type, its array type, or record
	Resulttypmod int32
	Resultcollid uint32
	Loc          int32
}

// InferenceElem is one column or expression of ON CONFLICT's target.
type InferenceElem struct {
	Expr         Expr
	Infercollid  uint32 // 0: any
	Inferopclass uint32 // 0: any
}

// TargetEntry is one output column. Resno counts from 1; for INSERT and UPDATE it is the number of
// the table's column. Ressortgroupref is non-zero when sort, group or distinct clauses refer to it.
// Resjunk entries are not part of the result.
type TargetEntry struct {
	Expr            Expr
	Resno           int16
	Resname         string
	HasName         bool // Resname may be empty text only with a name; a nameless entry has none
	Ressortgroupref int
	Resorigtbl      uint32
	Resorigcol      int16
	Resjunk         bool
}
