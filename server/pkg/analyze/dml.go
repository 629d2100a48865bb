package analyze

import (
	"slices"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// setTarget opens the table a statement writes. alsoSource: its columns can be used (UPDATE, DELETE).
func (ps *pstate) setTarget(rv *ast.RangeVar, inh, alsoSource bool, perms uint32) (int, error) {
	if rv.Schemaname == "" {
		if cte, _ := ps.findCTE(rv.Relname); cte != nil {
			return 0, errAt(rv.Location, pgerr.UndefinedTable, "relation \"%s\" cannot be the target of a modifying statement",
				rv.Relname)
		}
	}
	t, err := ps.openTable(rv)
	if err != nil {
		return 0, err
	}
	switch t.Relkind {
	case catalog.RelkindTable:
	case catalog.RelkindSequence:
		return 0, errAt(-1, pgerr.WrongObjectType, "cannot change sequence \"%s\"", t.Name)
	case catalog.RelkindToast:
		return 0, errAt(-1, pgerr.WrongObjectType, "cannot change TOAST relation \"%s\"", t.Name)
	case catalog.RelkindMatView:
		return 0, errAt(-1, pgerr.WrongObjectType, "cannot change materialized view \"%s\"", t.Name)
	case catalog.RelkindView:
		return 0, unsupported(rv.Location, "writing to a view")
	default:
		return 0, unsupported(rv.Location, "writing to this kind of relation")
	}
	if t.IsCatalog {
		return 0, unsupported(rv.Location, "writing to a system catalog")
	}
	ns, err := ps.addRelation(t, rv.Alias, inh, false, lockRowExclusive)
	if err != nil {
		return 0, err
	}
	ns.rte.RequiredPerms = perms
	ps.targetNS, ps.targetTable = ns, t
	if alsoSource {
		ps.addToScope(ns, true, true, true)
	}
	return ns.rtindex, nil
}

// target is one column an INSERT or UPDATE assigns to.
type target struct {
	name string
	num  int16
	loc  int32
}

// tableColumn finds a live column of the target table; 42703 if there is none.
func (ps *pstate) tableColumn(name string, loc int32) (*catalog.Column, error) {
	if c := ps.targetTable.Column(name); c != nil {
		return c, nil
	}
	return nil, errAt(loc, pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", name, ps.targetTable.Name)
}

// insertTargets are the columns an INSERT names, or all of them.
func (ps *pstate) insertTargets(cols []ast.Node) ([]target, error) {
	var out []target
	if cols == nil {
		for i := range ps.targetTable.Columns {
			if c := &ps.targetTable.Columns[i]; !c.Dropped {
				out = append(out, target{c.Name, c.Num, -1})
			}
		}
		return out, nil
	}
	for _, n := range cols {
		rt, ok := n.(*ast.ResTarget)
		if !ok {
			return nil, pgerr.Internal("unexpected item in column list")
		}
		c, err := ps.tableColumn(rt.Name, rt.Location)
		if err != nil {
			return nil, err
		}
		if rt.Indirection != nil {
			return nil, unsupported(rt.Location, "assigning to an array element or attribute")
		}
		for _, t := range out {
			if t.num == c.Num {
				return nil, errAt(rt.Location, pgerr.DuplicateColumn, "column \"%s\" specified more than once", rt.Name)
			}
		}
		out = append(out, target{c.Name, c.Num, rt.Location})
	}
	return out, nil
}

func systemColumnNumber(name string) int16 {
	for _, c := range systemColumns {
		if c.name == name {
			return c.num
		}
	}
	return 0
}

// assigned converts a value for a column of the target table.
func (ps *pstate) assigned(e query.Expr, t target) (query.Expr, error) {
	col := &ps.targetTable.Columns[t.num-1]
	if d, ok := e.(*query.SetToDefault); ok {
		c := *d
		c.TypeID, c.TypeMod, c.Collid = col.TypeOID, col.Typmod, col.Collation
		return &c, nil
	}
	from := e.Type()
	r, err := ps.coerceToTarget(e, from, col.TypeOID, col.Typmod, coerceAssignment, query.CoerceImplicitCast, -1)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, errAt(e.Location(), pgerr.DatatypeMismatch, "column \"%s\" is of type %s but expression is of type %s",
			t.name, ps.formatType(col.TypeOID), ps.formatType(from)).
			WithHint("You will need to rewrite or cast the expression.")
	}
	return r, nil
}

// insertStmt is INSERT.
func (ps *pstate) insertStmt(n *ast.InsertStmt) (*query.Query, error) {
	q := &query.Query{CommandType: query.CmdInsert, CanSetTag: true, Override: query.OverridingKind(n.Override)}
	ps.isInsert = true
	if err := ps.withClause(n.WithClause, q); err != nil {
		return nil, err
	}
	perms := query.ACLInsert
	if n.OnConflictClause != nil && n.OnConflictClause.Action == ast.ONCONFLICT_UPDATE {
		perms |= query.ACLUpdate
	}
	var err error
	if q.ResultRelation, err = ps.setTarget(n.Relation, false, false, perms); err != nil {
		return nil, err
	}
	targets, err := ps.insertTargets(n.Cols)
	if err != nil {
		return nil, err
	}
	row, err := ps.insertSource(n, targets)
	if err != nil {
		return nil, err
	}
	for i, e := range row {
		q.TargetList = append(q.TargetList, &query.TargetEntry{Expr: e, Resno: targets[i].num, Resname: targets[i].name, HasName: true})
		ps.targetNS.rte.InsertedCols.Add(targets[i].num)
	}
	if n.OnConflictClause != nil || n.ReturningList != nil {
		ps.namespace = nil
		ps.addToScope(ps.targetNS, false, true, true)
	}
	if n.OnConflictClause != nil {
		if q.OnConflict, err = ps.onConflict(n.OnConflictClause); err != nil {
			return nil, err
		}
	}
	if q.ReturningList, err = ps.returning(n.ReturningList); err != nil {
		return nil, err
	}
	ps.takeState(q, nil)
	return q, ps.assignQueryCollations(q)
}

// insertSource resolves where the rows come from: DEFAULT VALUES, one row, several, or a query.
func (ps *pstate) insertSource(n *ast.InsertStmt, targets []target) ([]query.Expr, error) {
	if n.SelectStmt == nil {
		return nil, nil
	}
	s, ok := n.SelectStmt.(*ast.SelectStmt)
	if !ok {
		return nil, unsupported(-1, "this source of INSERT")
	}
	plain := s.ValuesLists != nil && s.SortClause == nil && s.LimitOffset == nil && s.LimitCount == nil &&
		s.LockingClause == nil && s.WithClause == nil
	switch {
	case !plain:
		return ps.insertSelect(n, s, targets)
	case len(s.ValuesLists) > 1:
		return ps.insertValues(n, s, targets)
	}
	list, ok := s.ValuesLists[0].(*ast.List)
	if !ok {
		return nil, pgerr.Internal("unexpected row in VALUES")
	}
	row, err := ps.expressionList(list.Items, kindValuesSingle, true)
	if err != nil {
		return nil, err
	}
	return ps.insertRow(row, n.Cols != nil, targets)
}

// insertRow converts the values of one row for their columns.
func (ps *pstate) insertRow(row []query.Expr, named bool, targets []target) ([]query.Expr, error) {
	if len(row) > len(targets) {
		return nil, errAt(row[len(targets)].Location(), pgerr.SyntaxError, "INSERT has more expressions than target columns")
	}
	if named && len(row) < len(targets) {
		e := errAt(targets[len(row)].loc, pgerr.SyntaxError, "INSERT has more target columns than expressions")
		if r, ok := firstRow(row); ok && len(row) == 1 && len(r.Args) == len(targets) {
			e = e.WithHint("The insertion source is a row expression containing the same number of columns expected by the INSERT. " +
				"Did you accidentally use extra parentheses?")
		}
		return nil, e
	}
	out := make([]query.Expr, len(row))
	for i, e := range row {
		err := ps.withKind(kindInsertTarget, func() (err error) {
			out[i], err = ps.assigned(e, targets[i])
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func firstRow(row []query.Expr) (*query.RowExpr, bool) {
	if len(row) == 0 {
		return nil, false
	}
	r, ok := row[0].(*query.RowExpr)
	return r, ok
}

func (ps *pstate) insertSelect(n *ast.InsertStmt, s *ast.SelectStmt, targets []target) ([]query.Expr, error) {
	q, err := ps.subStatement(s, false, false)
	if err != nil {
		return nil, err
	}
	ns, err := ps.addSubquery(q, &ast.Alias{Aliasname: "*SELECT*"}, false, false)
	if err != nil {
		return nil, err
	}
	ps.addToScope(ns, true, false, false)
	var row []query.Expr
	for _, te := range q.TargetList {
		if te.Resjunk {
			continue
		}
		switch te.Expr.(type) {
		case *query.Const, *query.Param:
			// A literal takes the column's type, as in VALUES.
			if te.Expr.Type() == types.Unknown {
				row = append(row, te.Expr)
				continue
			}
		}
		v := ns.newVar(int(te.Resno)-1, 0, te.Expr.Location())
		row = append(row, v)
	}
	return ps.insertRow(row, n.Cols != nil, targets)
}

// insertValues is VALUES with several rows: each is converted for the columns, and the rows become
// a range table entry.
func (ps *pstate) insertValues(n *ast.InsertStmt, s *ast.SelectStmt, targets []target) ([]query.Expr, error) {
	var rows [][]query.Expr
	width := -1
	for _, l := range s.ValuesLists {
		list, ok := l.(*ast.List)
		if !ok {
			return nil, pgerr.Internal("unexpected row in VALUES")
		}
		row, err := ps.expressionList(list.Items, kindValues, true)
		if err != nil {
			return nil, err
		}
		if width >= 0 && len(row) != width {
			return nil, errAt(firstLocation(row), pgerr.SyntaxError, "VALUES lists must all be the same length")
		}
		width = len(row)
		if row, err = ps.insertRow(row, n.Cols != nil, targets); err != nil {
			return nil, err
		}
		for _, e := range row {
			if err := ps.assignExprCollations(e); err != nil {
				return nil, err
			}
		}
		rows = append(rows, row)
	}
	var colTypes []uint32
	var typmods []int32
	for i := range width {
		col := &ps.targetTable.Columns[targets[i].num-1]
		colTypes, typmods = append(colTypes, col.TypeOID), append(typmods, col.Typmod)
	}
	ns, err := ps.addValues(rows, colTypes, typmods, make([]uint32, width), false)
	if err != nil {
		return nil, err
	}
	ps.addToScope(ns, true, false, false)
	var row []query.Expr
	for i := range width {
		row = append(row, ns.newVar(i, 0, -1))
	}
	return ps.insertRow(row, n.Cols != nil, targets)
}

// returning resolves RETURNING.
func (ps *pstate) returning(list []ast.Node) ([]*query.TargetEntry, error) {
	if list == nil {
		return nil, nil
	}
	saved := ps.nextResno
	ps.nextResno = 1
	out, err := ps.targetList(list, kindReturning)
	ps.nextResno = saved
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, errAt(list[0].Pos(), pgerr.SyntaxError, "RETURNING must have at least one column")
	}
	if len(out) > maxTargets {
		return nil, pgerr.Newf(pgerr.TooManyColumns, "number of columns (%d) exceeds limit (%d)", len(out), maxTargets)
	}
	ps.markOrigins(out)
	return out, ps.resolveUnknowns(out)
}

// updateStmt is UPDATE.
func (ps *pstate) updateStmt(n *ast.UpdateStmt) (*query.Query, error) {
	q := &query.Query{CommandType: query.CmdUpdate, CanSetTag: true}
	if err := ps.withClause(n.WithClause, q); err != nil {
		return nil, err
	}
	var err error
	if q.ResultRelation, err = ps.setTarget(n.Relation, n.Relation.Inh, true, query.ACLUpdate); err != nil {
		return nil, err
	}
	where, err := ps.fromAndWhere(n.FromClause, n.WhereClause)
	if err != nil {
		return nil, err
	}
	if q.ReturningList, err = ps.returning(n.ReturningList); err != nil {
		return nil, err
	}
	if q.TargetList, err = ps.updateTargets(n.TargetList); err != nil {
		return nil, err
	}
	ps.takeState(q, where)
	return q, ps.assignQueryCollations(q)
}

// fromAndWhere resolves UPDATE's FROM or DELETE's USING, which cannot refer to the target table, and
// the condition, which can.
func (ps *pstate) fromAndWhere(from []ast.Node, where ast.Node) (query.Expr, error) {
	ps.targetNS.lateralOnly, ps.targetNS.lateralOK = true, false
	if err := ps.fromClause(from); err != nil {
		return nil, err
	}
	ps.targetNS.lateralOnly, ps.targetNS.lateralOK = false, true
	return ps.whereClause(where, kindWhere, "WHERE")
}

// updateTargets resolves SET.
func (ps *pstate) updateTargets(list []ast.Node) ([]*query.TargetEntry, error) {
	tlist, err := ps.targetList(list, kindUpdateSource)
	if err != nil {
		return nil, err
	}
	var assigned []int16
	for i, te := range tlist {
		rt, ok := list[i].(*ast.ResTarget)
		if !ok {
			return nil, pgerr.Internal("unexpected item in SET")
		}
		c := ps.targetTable.Column(rt.Name)
		if c == nil {
			if systemColumnNumber(rt.Name) != 0 {
				return nil, errAt(rt.Location, pgerr.FeatureNotSupportedCode, "cannot assign to system column \"%s\"", rt.Name)
			}
			return nil, errAt(rt.Location, pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist",
				rt.Name, ps.targetTable.Name)
		}
		if rt.Indirection != nil {
			return nil, unsupported(rt.Location, "assigning to an array element or attribute")
		}
		err := ps.withKind(kindUpdateTarget, func() (err error) {
			te.Expr, err = ps.assigned(te.Expr, target{c.Name, c.Num, rt.Location})
			return err
		})
		if err != nil {
			return nil, err
		}
		te.Resno, te.Resname, te.HasName = c.Num, c.Name, true
		if slices.Contains(assigned, c.Num) {
			return nil, errAt(-1, pgerr.SyntaxError, "multiple assignments to same column \"%s\"", c.Name)
		}
		assigned = append(assigned, c.Num)
		ps.targetNS.rte.UpdatedCols.Add(c.Num)
	}
	return tlist, nil
}

// multiAssign is the source of SET (a, b) = (...).
type multiAssign struct {
	source ast.Node
	row    []query.Expr
}

// multiAssignRef is one column of SET (a, b) = ROW(...).
func (ps *pstate) multiAssignRef(n *ast.MultiAssignRef) (query.Expr, error) {
	var m *multiAssign
	for _, old := range ps.multiassigns {
		if old.source == n.Source {
			m = old
		}
	}
	if m == nil || n.Colno == 1 {
		row, ok := n.Source.(*ast.RowExpr)
		if !ok {
			if s, ok := n.Source.(*ast.SubLink); ok && s.SubLinkType == ast.EXPR_SUBLINK {
				return nil, unsupported(s.Location, "a sub-SELECT as source of a multiple-column UPDATE item")
			}
			return nil, errAt(n.Source.Pos(), pgerr.FeatureNotSupportedCode,
				"source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression")
		}
		args, err := ps.expressionList(row.Args, ps.kind, true)
		if err != nil {
			return nil, err
		}
		if len(args) != int(n.Ncolumns) {
			return nil, errAt(row.Location, pgerr.SyntaxError, "number of columns does not match number of values")
		}
		m = &multiAssign{source: n.Source, row: args}
		ps.multiassigns = append(ps.multiassigns, m)
	}
	if int(n.Colno) > len(m.row) {
		return nil, pgerr.Internal("column of multiple assignment out of range")
	}
	return m.row[n.Colno-1], nil
}

// deleteStmt is DELETE.
func (ps *pstate) deleteStmt(n *ast.DeleteStmt) (*query.Query, error) {
	q := &query.Query{CommandType: query.CmdDelete, CanSetTag: true}
	if err := ps.withClause(n.WithClause, q); err != nil {
		return nil, err
	}
	var err error
	if q.ResultRelation, err = ps.setTarget(n.Relation, n.Relation.Inh, true, query.ACLDelete); err != nil {
		return nil, err
	}
	where, err := ps.fromAndWhere(n.UsingClause, n.WhereClause)
	if err != nil {
		return nil, err
	}
	if q.ReturningList, err = ps.returning(n.ReturningList); err != nil {
		return nil, err
	}
	ps.takeState(q, where)
	return q, ps.assignQueryCollations(q)
}
