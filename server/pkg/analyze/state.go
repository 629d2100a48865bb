package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// exprKind says which clause an expression stands in; it decides what the expression may contain
// and how messages call the clause.
type exprKind int

const (
	kindNone exprKind = iota
	kindOther
	kindJoinOn
	kindJoinUsing
	kindFromSubselect
	kindFromFunction
	kindWhere
	kindHaving
	kindFilter
	kindWindowPartition
	kindWindowOrder
	kindWindowFrameRange
	kindWindowFrameRows
	kindWindowFrameGroups
	kindSelectTarget
	kindInsertTarget
	kindUpdateSource
	kindUpdateTarget
	kindGroupBy
	kindOrderBy
	kindDistinctOn
	kindLimit
	kindOffset
	kindReturning
	kindValues
	kindValuesSingle
	kindCheckConstraint
	kindDomainCheck
	kindColumnDefault
	kindFunctionDefault
	kindIndexExpression
	kindIndexPredicate
	kindAlterColTransform
	kindExecuteParameter
	kindTriggerWhen
	kindPolicy
	kindPartitionBound
	kindPartitionExpression
	kindCallArgument
	kindCopyWhere
	kindGeneratedColumn
)

// clauseNames is how messages call the clauses.
var clauseNames = map[exprKind]string{
	kindJoinOn:              "JOIN/ON",
	kindJoinUsing:           "JOIN/USING",
	kindFromSubselect:       "sub-SELECT in FROM",
	kindFromFunction:        "function in FROM",
	kindWhere:               "WHERE",
	kindCopyWhere:           "WHERE",
	kindPolicy:              "POLICY",
	kindHaving:              "HAVING",
	kindFilter:              "FILTER",
	kindWindowPartition:     "window PARTITION BY",
	kindWindowOrder:         "window ORDER BY",
	kindWindowFrameRange:    "window RANGE",
	kindWindowFrameRows:     "window ROWS",
	kindWindowFrameGroups:   "window GROUPS",
	kindSelectTarget:        "SELECT",
	kindInsertTarget:        "INSERT",
	kindUpdateSource:        "UPDATE",
	kindUpdateTarget:        "UPDATE",
	kindGroupBy:             "GROUP BY",
	kindOrderBy:             "ORDER BY",
	kindDistinctOn:          "DISTINCT ON",
	kindLimit:               "LIMIT",
	kindOffset:              "OFFSET",
	kindReturning:           "RETURNING",
	kindValues:              "VALUES",
	kindValuesSingle:        "VALUES",
	kindCheckConstraint:     "CHECK",
	kindDomainCheck:         "CHECK",
	kindColumnDefault:       "DEFAULT",
	kindFunctionDefault:     "DEFAULT",
	kindIndexExpression:     "index expression",
	kindIndexPredicate:      "index predicate",
	kindAlterColTransform:   "USING",
	kindExecuteParameter:    "EXECUTE",
	kindTriggerWhen:         "WHEN",
	kindPartitionBound:      "partition bound",
	kindPartitionExpression: "PARTITION BY",
	kindCallArgument:        "CALL",
	kindGeneratedColumn:     "GENERATED AS",
}

// clauseName is how messages call the clause.
func (k exprKind) clauseName() string { return clauseNames[k] }

// placeNames is what messages say something is "not allowed in", where that is not the clause's
// name.
var placeNames = map[exprKind]string{
	kindJoinOn:              "JOIN conditions",
	kindJoinUsing:           "JOIN conditions",
	kindPolicy:              "policy expressions",
	kindCheckConstraint:     "check constraints",
	kindDomainCheck:         "check constraints",
	kindColumnDefault:       "DEFAULT expressions",
	kindFunctionDefault:     "DEFAULT expressions",
	kindIndexExpression:     "index expressions",
	kindIndexPredicate:      "index predicates",
	kindAlterColTransform:   "transform expressions",
	kindExecuteParameter:    "EXECUTE parameters",
	kindTriggerWhen:         "trigger WHEN conditions",
	kindPartitionExpression: "partition key expressions",
	kindCallArgument:        "CALL arguments",
	kindCopyWhere:           "COPY FROM WHERE conditions",
	kindGeneratedColumn:     "column generation expressions",
}

func (k exprKind) placeName() string {
	if n, ok := placeNames[k]; ok {
		return n
	}
	return k.clauseName()
}

// pstate is the analysis of one query level.
type pstate struct {
	*analyzer
	parent *pstate

	rtable    []*query.RangeTblEntry
	tables    []*catalog.Table  // beside rtable: the relation of an entry, or nil
	joinExprs []*query.JoinExpr // beside rtable: the join of an entry, or nil
	joinList  []query.JoinNode
	namespace []*nsItem

	lateralActive bool
	ctes          []*query.CommonTableExpr
	futureCTEs    []*ast.CommonTableExpr
	parentCTE     *query.CommonTableExpr

	targetNS       *nsItem
	targetTable    *catalog.Table
	isInsert       bool
	windowDefs     []*ast.WindowDef
	kind           exprKind
	nextResno      int
	multiassigns   []*multiAssign
	lockingClauses []*ast.LockingClause
	parentLocked   bool
	resolveUnknown bool // unknown literals of the target list become text
	valueDomain    *query.CoerceToDomainValue

	hasAggs, hasWindowFuncs, hasTargetSRFs, hasSubLinks, hasModifyingCTE bool
	lastSRF                                                              query.Expr
}

// newState begins a query level below parent (nil for the outermost).
func (a *analyzer) newState(parent *pstate) *pstate {
	return &pstate{analyzer: a, parent: parent, nextResno: 1, resolveUnknown: true}
}

// nsItem is a range table entry as names see it.
type nsItem struct {
	names   *query.Alias
	rte     *query.RangeTblEntry
	rtindex int
	columns []nsColumn

	relVisible  bool // name.column works
	colsVisible bool // column works
	lateralOnly bool // visible to LATERAL items only
	lateralOK   bool // and a reference from them is legal
}

// nsColumn is the Var a column name becomes. A zero varno marks a dropped column.
type nsColumn struct {
	varno      int
	attno      int16
	typ        uint32
	typmod     int32
	coll       uint32
	dontExpand bool // left out of *
}

// newVar is the Var of column i (from 0) of the item, from sublevelsUp levels inside.
func (n *nsItem) newVar(i, sublevelsUp int, loc int32) *query.Var {
	c := &n.columns[i]
	return &query.Var{
		Varno: c.varno, Varattno: c.attno, Vartype: c.typ, Vartypmod: c.typmod, Varcollid: c.coll,
		Varlevelsup: sublevelsUp, Loc: loc,
	}
}

// rteAt is the range table entry a Var refers to, and the state that owns it.
func (ps *pstate) rteAt(varno, levelsUp int) (*query.RangeTblEntry, *pstate) {
	s := ps
	for ; levelsUp > 0 && s.parent != nil; levelsUp-- {
		s = s.parent
	}
	if varno < 1 || varno > len(s.rtable) {
		return nil, s
	}
	return s.rtable[varno-1], s
}

// withKind runs f with the expression kind set.
func (ps *pstate) withKind(kind exprKind, f func() error) error {
	saved := ps.kind
	ps.kind = kind
	err := f()
	ps.kind = saved
	return err
}
