package query

import "github.com/pgzdb/pgz/server/pkg/ast"

// CmdType is the kind of a Query.
type CmdType uint8

// Commands.
const (
	CmdUnknown CmdType = iota
	CmdSelect
	CmdUpdate
	CmdInsert
	CmdDelete
	CmdMerge
	CmdUtility
	CmdNothing
)

// Query is one analysed statement. A utility statement has only CommandType and UtilityStmt; the
// queries it contains (EXPLAIN, DECLARE CURSOR, CREATE TABLE AS, PREPARE is left raw) are in
// UtilityQuery.
type Query struct {
	CommandType     CmdType
	CanSetTag       bool
	UtilityStmt     ast.Node
	UtilityQuery    *Query
	ResultRelation  int // RTable index of the target of INSERT, UPDATE, DELETE; else 0
	HasAggs         bool
	HasWindowFuncs  bool
	HasTargetSRFs   bool
	HasSubLinks     bool
	HasDistinctOn   bool
	HasRecursive    bool
	HasModifyingCTE bool
	HasForUpdate    bool
	IsReturn        bool

	CteList       []*CommonTableExpr
	RTable        []*RangeTblEntry
	JoinTree      *FromExpr // nil for utility statements only
	TargetList    []*TargetEntry
	Override      OverridingKind
	OnConflict    *OnConflictExpr
	ReturningList []*TargetEntry

	GroupClause    []*SortGroupClause
	GroupDistinct  bool
	GroupingSets   []*GroupingSet
	HavingQual     Expr
	WindowClause   []*WindowClause
	DistinctClause []*SortGroupClause
	SortClause     []*SortGroupClause
	LimitOffset    Expr // int8
	LimitCount     Expr // int8
	LimitOption    LimitOption
	RowMarks       []*RowMarkClause
	SetOperations  SetOpNode // *SetOperationStmt at the top of a UNION/INTERSECT/EXCEPT query

	StmtLocation int32
	StmtLen      int32
}

// OverridingKind is INSERT's OVERRIDING clause.
type OverridingKind uint8

// Overriding kinds.
const (
	OverridingNotSet OverridingKind = iota
	OverridingUserValue
	OverridingSystemValue
)

// LimitOption tells LIMIT from FETCH ... WITH TIES.
type LimitOption uint8

// Limit options.
const (
	LimitOptionCount LimitOption = iota
	LimitOptionWithTies
)

// SortGroupClause is one item of ORDER BY, GROUP BY or DISTINCT: it names a target entry by its
// Ressortgroupref. Sortop is 0 for a group item that can only be hashed.
type SortGroupClause struct {
	TleSortGroupRef int
	Eqop            uint32
	Sortop          uint32
	NullsFirst      bool
	Hashable        bool
	Reverse         bool // Sortop is the ">" of its family: the order is descending
}

// GroupingSetKind is the kind of a GroupingSet.
type GroupingSetKind uint8

// Kinds of grouping sets.
const (
	GroupingSetEmpty GroupingSetKind = iota
	GroupingSetSimple
	GroupingSetRollup
	GroupingSetCube
	GroupingSetSets
)

// GroupingSet is one member of GROUP BY with grouping sets. Simple sets list Ressortgrouprefs.
type GroupingSet struct {
	Kind    GroupingSetKind
	Refs    []int
	Content []*GroupingSet
	Loc     int32
}

// Frame options of a WindowClause (PostgreSQL's bits).
const (
	FrameOptionNonDefault              = 0x00001
	FrameOptionRange                   = 0x00002
	FrameOptionRows                    = 0x00004
	FrameOptionGroups                  = 0x00008
	FrameOptionBetween                 = 0x00010
	FrameOptionStartUnboundedPreceding = 0x00020
	FrameOptionEndUnboundedPreceding   = 0x00040
	FrameOptionStartUnboundedFollowing = 0x00080
	FrameOptionEndUnboundedFollowing   = 0x00100
	FrameOptionStartCurrentRow         = 0x00200
	FrameOptionEndCurrentRow           = 0x00400
	FrameOptionStartOffsetPreceding    = 0x00800
	FrameOptionEndOffsetPreceding      = 0x01000
	FrameOptionStartOffsetFollowing    = 0x02000
	FrameOptionEndOffsetFollowing      = 0x04000
	FrameOptionExcludeCurrentRow       = 0x08000
	FrameOptionExcludeGroup            = 0x10000
	FrameOptionExcludeTies             = 0x20000
	FrameOptionDefaults                = FrameOptionRange | FrameOptionStartUnboundedPreceding | FrameOptionEndCurrentRow
)

// WindowClause is one window used by WindowFuncs.
type WindowClause struct {
	Name              string
	Refname           string
	PartitionClause   []*SortGroupClause
	OrderClause       []*SortGroupClause
	FrameOptions      int
	StartOffset       Expr
	EndOffset         Expr
	StartInRangeFunc  uint32
	EndInRangeFunc    uint32
	InRangeColl       uint32
	InRangeAsc        bool
	InRangeNullsFirst bool
	Winref            int
	CopiedOrder       bool
}

// LockClauseStrength is the strength of FOR UPDATE and its kin, weakest first.
type LockClauseStrength uint8

// Row lock strengths.
const (
	LockNone LockClauseStrength = iota
	LockForKeyShare
	LockForShare
	LockForNoKeyUpdate
	LockForUpdate
)

// String is how a query asks for it.
func (s LockClauseStrength) String() string {
	return [...]string{"", "FOR KEY SHARE", "FOR SHARE", "FOR NO KEY UPDATE", "FOR UPDATE"}[s]
}

// LockWaitPolicy says what to do about a row locked by another transaction.
type LockWaitPolicy uint8

// Wait policies.
const (
	LockWaitBlock LockWaitPolicy = iota
	LockWaitSkip
	LockWaitError
)

// RowMarkClause asks for row locks on one range table entry.
type RowMarkClause struct {
	Rti        int
	Strength   LockClauseStrength
	WaitPolicy LockWaitPolicy
	PushedDown bool
}

// SetOp is a set operation.
type SetOp uint8

// Set operations.
const (
	SetOpNone SetOp = iota
	SetOpUnion
	SetOpIntersect
	SetOpExcept
)

// SetOpNode is a node of a set operation tree: *SetOperationStmt or *RangeTblRef, whose entry is a
// subquery.
type SetOpNode interface{ setOpNode() }

// SetOperationStmt combines two inputs. GroupClauses is empty with ALL; each item's
// TleSortGroupRef is 0 and stands for the column of the same position.
type SetOperationStmt struct {
	Op            SetOp
	All           bool
	Larg, Rarg    SetOpNode
	ColTypes      []uint32
	ColTypmods    []int32
	ColCollations []uint32
	GroupClauses  []*SortGroupClause
}

func (*SetOperationStmt) setOpNode() {}
func (*RangeTblRef) setOpNode()      {}

// CTEMaterialize is MATERIALIZED, NOT MATERIALIZED or neither.
type CTEMaterialize uint8

// Materialisation choices.
const (
	CTEMaterializeDefault CTEMaterialize = iota
	CTEMaterializeAlways
	CTEMaterializeNever
)

// CommonTableExpr is one WITH query.
type CommonTableExpr struct {
	Ctename          string
	Aliascolnames    []string
	Ctematerialized  CTEMaterialize
	Ctequery         *Query
	Cterecursive     bool
	Cterefcount      int
	Ctecolnames      []string
	Ctecoltypes      []uint32
	Ctecoltypmods    []int32
	Ctecolcollations []uint32
	Loc              int32
}

// OnConflictAction is what INSERT does about a conflicting row.
type OnConflictAction uint8

// Conflict actions.
const (
	OnConflictNone OnConflictAction = iota
	OnConflictNothing
	OnConflictUpdate
)

// OnConflictExpr is INSERT's ON CONFLICT. ArbiterElems and ArbiterWhere describe the unique index
// to be inferred; Constraint names one instead (its OID). OnConflictSet's Resno are column numbers;
// ExclRelIndex is the range table entry of EXCLUDED.
type OnConflictExpr struct {
	Action          OnConflictAction
	ArbiterElems    []*InferenceElem
	ArbiterWhere    Expr
	Constraint      uint32
	OnConflictSet   []*TargetEntry
	OnConflictWhere Expr
	ExclRelIndex    int
	ExclRelTlist    []*TargetEntry
}
