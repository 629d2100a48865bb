package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// subStatement resolves a query inside another one. locked: FOR UPDATE of the outer query covers it.
func (ps *pstate) subStatement(n ast.Node, locked, resolveUnknown bool) (*query.Query, error) {
	s := ps.newState(ps)
	s.parentLocked = locked
	s.resolveUnknown = resolveUnknown
	q, err := s.statement(n)
	if err != nil {
		return nil, err
	}
	if q.CommandType == query.CmdUtility {
		return nil, pgerr.Internal("unexpected utility statement in a query")
	}
	return q, nil
}

// maxTargets is PostgreSQL's limit of columns in a row.
const maxTargets = 1664

// statement resolves one statement.
func (ps *pstate) statement(n ast.Node) (*query.Query, error) {
	q, err := ps.unboundedStatement(n)
	if err == nil && ps.nextResno-1 > maxTargets {
		err = errTooManyTargets()
	}
	return q, err
}

func errTooManyTargets() error {
	return pgerr.Newf(pgerr.TooManyColumns, "target lists can have at most %d entries", maxTargets)
}

// unboundedStatement does not look at the number of columns, which includes those
// only sorted or grouped by.
func (ps *pstate) unboundedStatement(n ast.Node) (*query.Query, error) {
	switch n := n.(type) {
	case *ast.SelectStmt:
		switch {
		case n.ValuesLists != nil:
			return ps.valuesStmt(n)
		case n.Op != ast.SETOP_NONE:
			return ps.setOperationStmt(n)
		}
		return ps.selectStmt(n)
	case *ast.InsertStmt:
		return ps.insertStmt(n)
	case *ast.UpdateStmt:
		return ps.updateStmt(n)
	case *ast.DeleteStmt:
		return ps.deleteStmt(n)
	case *ast.MergeStmt:
		return nil, unsupported(-1, "MERGE")
	}
	return &query.Query{CommandType: query.CmdUtility, UtilityStmt: n, CanSetTag: true}, nil
}

func (ps *pstate) noInto(n *ast.SelectStmt) error {
	if n.IntoClause == nil {
		return nil
	}
	loc := int32(-1)
	if n.IntoClause.Rel != nil {
		loc = n.IntoClause.Rel.Location
	}
	return errAt(loc, pgerr.SyntaxError, "SELECT ... INTO is not allowed here")
}

// selectStmt is a plain SELECT.
func (ps *pstate) selectStmt(n *ast.SelectStmt) (*query.Query, error) {
	q := &query.Query{CommandType: query.CmdSelect, CanSetTag: true}
	if err := ps.withClause(n.WithClause, q); err != nil {
		return nil, err
	}
	if err := ps.noInto(n); err != nil {
		return nil, err
	}
	for _, w := range n.WindowClause {
		if def, ok := w.(*ast.WindowDef); ok {
			ps.windowDefs = append(ps.windowDefs, def)
		}
	}
	for _, l := range n.LockingClause {
		if lc, ok := l.(*ast.LockingClause); ok {
			ps.lockingClauses = append(ps.lockingClauses, lc)
		}
	}
	if err := ps.fromClause(n.FromClause); err != nil {
		return nil, err
	}
	var err error
	if q.TargetList, err = ps.targetList(n.TargetList, kindSelectTarget); err != nil {
		return nil, err
	}
	if len(q.TargetList) > maxTargets { // at once: sorting and grouping compare all with all
		return nil, errTooManyTargets()
	}
	ps.markOrigins(q.TargetList)
	where, err := ps.whereClause(n.WhereClause, kindWhere, "WHERE")
	if err != nil {
		return nil, err
	}
	if q.HavingQual, err = ps.whereClause(n.HavingClause, kindHaving, "HAVING"); err != nil {
		return nil, err
	}
	if q.SortClause, err = ps.sortClause(n.SortClause, &q.TargetList, kindOrderBy, false); err != nil {
		return nil, err
	}
	if q.GroupClause, err = ps.groupClause(n.GroupClause, &q.TargetList, q.SortClause, kindGroupBy); err != nil {
		return nil, err
	}
	q.GroupDistinct = n.GroupDistinct
	if err := ps.distinct(n, q); err != nil {
		return nil, err
	}
	if err := ps.limits(n, q); err != nil {
		return nil, err
	}
	return q, ps.finishSelect(q, where)
}

func (ps *pstate) distinct(n *ast.SelectStmt, q *query.Query) (err error) {
	switch {
	case n.DistinctClause == nil:
		return nil
	case len(n.DistinctClause) == 1 && n.DistinctClause[0] == nil:
		q.DistinctClause, err = ps.distinctClause(&q.TargetList, q.SortClause, false)
		return err
	}
	q.DistinctClause, err = ps.distinctOnClause(n.DistinctClause, &q.TargetList, q.SortClause)
	q.HasDistinctOn = true
	return err
}

func (ps *pstate) limits(n *ast.SelectStmt, q *query.Query) (err error) {
	if n.LimitOption == ast.LIMIT_OPTION_WITH_TIES {
		q.LimitOption = query.LimitOptionWithTies
	}
	if q.LimitOffset, err = ps.limitClause(n.LimitOffset, kindOffset, q.LimitOption); err != nil {
		return err
	}
	q.LimitCount, err = ps.limitClause(n.LimitCount, kindLimit, q.LimitOption)
	return err
}

// finishSelect does what comes last: unknown literals, row marks, collations, the aggregate check.
func (ps *pstate) finishSelect(q *query.Query, where query.Expr) error {
	if err := ps.windowClause(q); err != nil {
		return err
	}
	if ps.resolveUnknown {
		if err := ps.resolveUnknowns(q.TargetList); err != nil {
			return err
		}
	}
	ps.takeState(q, where)
	for _, lc := range ps.lockingClauses {
		if err := ps.lockingClause(q, lc, false); err != nil {
			return err
		}
	}
	if err := ps.assignQueryCollations(q); err != nil {
		return err
	}
	return ps.checkAggregates(q)
}

// takeState moves what the parse state gathered into the query.
func (ps *pstate) takeState(q *query.Query, where query.Expr) {
	q.RTable = ps.rtable
	q.JoinTree = &query.FromExpr{Fromlist: ps.joinList, Quals: where}
	q.HasSubLinks, q.HasAggs, q.HasWindowFuncs = ps.hasSubLinks, ps.hasAggs, ps.hasWindowFuncs
	q.HasTargetSRFs, q.HasModifyingCTE = ps.hasTargetSRFs, ps.hasModifyingCTE
}

// valuesStmt is VALUES as a statement or subquery.
func (ps *pstate) valuesStmt(n *ast.SelectStmt) (*query.Query, error) {
	q := &query.Query{CommandType: query.CmdSelect, CanSetTag: true}
	if err := ps.withClause(n.WithClause, q); err != nil {
		return nil, err
	}
	if err := ps.noInto(n); err != nil {
		return nil, err
	}
	rows, err := ps.valuesRows(n.ValuesLists)
	if err != nil {
		return nil, err
	}
	ns, err := ps.valuesEntry(rows)
	if err != nil {
		return nil, err
	}
	q.TargetList = ps.expandItem(ns, 0, -1)
	if q.SortClause, err = ps.sortClause(n.SortClause, &q.TargetList, kindOrderBy, false); err != nil {
		return nil, err
	}
	if err := ps.limits(n, q); err != nil {
		return nil, err
	}
	if len(n.LockingClause) > 0 {
		lc, _ := n.LockingClause[0].(*ast.LockingClause)
		return nil, errAt(-1, pgerr.FeatureNotSupportedCode, "%s cannot be applied to VALUES", lockName(lc.Strength))
	}
	ps.takeState(q, nil)
	return q, ps.assignQueryCollations(q)
}

// valuesRows resolves the rows of VALUES, which must be of one length.
func (ps *pstate) valuesRows(lists []ast.Node) ([][]query.Expr, error) {
	var rows [][]query.Expr
	for _, l := range lists {
		list, ok := l.(*ast.List)
		if !ok {
			return nil, pgerr.Internal("unexpected row in VALUES")
		}
		row, err := ps.expressionList(list.Items, kindValues, false)
		if err != nil {
			return nil, err
		}
		if len(rows) > 0 && len(row) != len(rows[0]) {
			return nil, errAt(firstLocation(row), pgerr.SyntaxError, "VALUES lists must all be the same length")
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func firstLocation(row []query.Expr) int32 {
	loc := int32(-1)
	for _, e := range row {
		if l := e.Location(); l >= 0 && (loc < 0 || l < loc) {
			loc = l
		}
	}
	return loc
}

// valuesEntry gives the columns of VALUES their common types and adds the entry to the scope.
func (ps *pstate) valuesEntry(rows [][]query.Expr) (*nsItem, error) {
	width := len(rows[0])
	colTypes, typmods, colls := make([]uint32, width), make([]int32, width), make([]uint32, width)
	column := make([]query.Expr, len(rows))
	for i := range width {
		for r := range rows {
			column[r] = rows[r][i]
		}
		typ, coerced, err := ps.coerceAllToCommon(column, "VALUES")
		if err != nil {
			return nil, err
		}
		for r := range rows {
			rows[r][i] = coerced[r]
		}
		colTypes[i], typmods[i] = typ, commonTypmod(coerced, typ)
		if colls[i], err = ps.commonCollation(coerced, true); err != nil {
			return nil, err
		}
	}
	lateral := false
	if len(ps.rtable) > 0 {
		for _, row := range rows {
			for _, e := range row {
				lateral = lateral || containsVarOfLevel(e, 0)
			}
		}
	}
	ns, err := ps.addValues(rows, colTypes, typmods, colls, lateral)
	if err != nil {
		return nil, err
	}
	ps.addToScope(ns, true, true, true)
	return ns, nil
}
