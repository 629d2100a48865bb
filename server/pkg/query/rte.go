package query

// RTEKind is the kind of a range table entry.
type RTEKind uint8

// Kinds of range table entries.
const (
	RTERelation RTEKind = iota
	RTESubquery
	RTEJoin
	RTEFunction
	RTETableFunc
	RTEValues
	RTECTE
	RTENamedTuplestore
	RTEResult
)

// Permission bits of RangeTblEntry.RequiredPerms (PostgreSQL's ACL bits).
const (
	ACLInsert uint32 = 1 << 0
	ACLSelect uint32 = 1 << 1
	ACLUpdate uint32 = 1 << 2
	ACLDelete uint32 = 1 << 3
)

// Alias is a table alias and its column names. In Eref, Colnames lists every column (dropped ones
// as empty text).
type Alias struct {
	Aliasname string
	Colnames  []string
}

// RangeTblEntry is one source of rows of a query.
type RangeTblEntry struct {
	Rtekind     RTEKind
	Relid       uint32 // relation; also the view's OID in a subquery entry made from a view
	Relkind     byte
	Rellockmode uint8 // PostgreSQL's table lock mode numbers, 1 AccessShare ... 8 AccessExclusive

	Subquery        *Query
	SecurityBarrier bool

	Jointype       JoinType
	Joinmergedcols int    // the first so many columns are USING columns
	Joinaliasvars  []Expr // what each column of the join stands for; nil for a dropped one
	Joinleftcols   []int
	Joinrightcols  []int
	JoinUsingAlias *Alias

	Functions      []*RangeTblFunction
	Funcordinality bool

	ValuesLists [][]Expr

	Ctename       string
	Ctelevelsup   int
	SelfReference bool

	// Types of the columns of VALUES, CTE and table function entries.
	Coltypes      []uint32
	Coltypmods    []int32
	Colcollations []uint32

	Alias *Alias // as written, nil if none
	Eref  *Alias // the name and columns as visible

	Lateral  bool
	Inh      bool // descendants are scanned too (no ONLY)
	InFromCl bool

	RequiredPerms uint32
	SelectedCols  ColSet
	InsertedCols  ColSet
	UpdatedCols   ColSet
	CheckAsUser   uint32
}

// RangeTblFunction is one function of a FROM item. Coltypes and the like are set for functions
// returning record with a column definition list, and by analysis for the other kinds too.
type RangeTblFunction struct {
	Funcexpr          Expr
	Funccolcount      int
	Funccolnames      []string
	Funccoltypes      []uint32
	Funccoltypmods    []int32
	Funccolcollations []uint32
	HasColdef         bool
}

// ColSet is a set of column numbers, system columns included.
type ColSet struct{ words []uint64 }

// firstLowColumn is the lowest number a ColSet holds (PostgreSQL's
// FirstLowInvalidHeapAttributeNumber).
const firstLowColumn = -8

// Add puts column attno into the set.
func (s *ColSet) Add(attno int16) {
	n := int(attno) - firstLowColumn
	for n/64 >= len(s.words) {
		s.words = append(s.words, 0)
	}
	s.words[n/64] |= 1 << (n % 64)
}

// Has tells whether column attno is in the set.
func (s ColSet) Has(attno int16) bool {
	n := int(attno) - firstLowColumn
	return n >= 0 && n/64 < len(s.words) && s.words[n/64]&(1<<(n%64)) != 0
}

// Empty tells whether the set has no members.
func (s ColSet) Empty() bool {
	for _, w := range s.words {
		if w != 0 {
			return false
		}
	}
	return true
}

// JoinType is the kind of a join.
type JoinType uint8

// Joins; those from JoinSemi on are made by the planner only.
const (
	JoinInner JoinType = iota
	JoinLeft
	JoinFull
	JoinRight
	JoinSemi
	JoinAnti
)

// JoinNode is a node of the join tree: *RangeTblRef, *JoinExpr or *FromExpr.
type JoinNode interface{ joinNode() }

// RangeTblRef stands for a range table entry (1-based).
type RangeTblRef struct{ Rtindex int }

// JoinExpr is an explicit JOIN. Rtindex is its own RTEJoin entry.
type JoinExpr struct {
	Jointype    JoinType
	IsNatural   bool
	Larg, Rarg  JoinNode
	UsingClause []string
	JoinUsing   *Alias
	Quals       Expr
	Alias       *Alias
	Rtindex     int
}

// FromExpr is a list of sources joined by cross product and filtered by Quals.
type FromExpr struct {
	Fromlist []JoinNode
	Quals    Expr
}

func (*RangeTblRef) joinNode() {}
func (*JoinExpr) joinNode()    {}
func (*FromExpr) joinNode()    {}
