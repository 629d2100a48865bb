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

// clauseName is how messages call the clause.
func (k exprKind) clauseName() string {
	switch k {
	case kindJoinOn:
		return "JOIN/ON"
	case kindJoinUsing:
		return "JOIN/USING"
	case kindFromSubselect:
		return "sub-SELECT in FROM"
	case kindFromFunction:
		return "function in FROM"
	case kindWhere, kindCopyWhere:
		return "WHERE"
	case kindPolicy:
		return "POLICY"
	case kindHaving:
		return "HAVING"
	case kindFilter:
		return "FILTER"
	case kindWindowPartition:
		return "window PARTITION BY"
	case kindWindowOrder:
		return "window ORDER BY"
	case kindWindowFrameRange:
		return "window RANGE"
	case kindWindowFrameRows:
		return "window ROWS"
	case kindWindowFrameGroups:
		return "window GROUPS"
	case kindSelectTarget:
		return "SELECT"
	case kindInsertTarget:
		return "INSERT"
	case kindUpdateSource, kindUpdateTarget:
		return "UPDATE"
	case kindGroupBy:
		return "GROUP BY"
	case kindOrderBy:
		return "ORDER BY"
	case kindDistinctOn:
		return "DISTINCT ON"
	case kindLimit:
		return "LIMIT"
	case kindOffset:
		return "OFFSET"
	case kindReturning:
		return "RETURNING"
	case kindValues, kindValuesSingle:
		return "VALUES"
	case kindCheckConstraint, kindDomainCheck:
		return "CHECK"
	case kindColumnDefault, kindFunctionDefault:
		return "DEFAULT"
	case kindIndexExpression:
		return "index expression"
	case kindIndexPredicate:
		return "index predicate"
	case kindAlterColTransform:
		return "USING"
	case kindExecuteParameter:
		return "EXECUTE"
	case kindTriggerWhen:
		return "WHEN"
	case kindPartitionBound:
		return "partition bound"
	case kindPartitionExpression:
		return "PARTITION BY"
	case kindCallArgument:
		return "CALL"
	case kindGeneratedColumn:
		return "GENERATED AS"
	}
	return "unrecognized expression kind"
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
