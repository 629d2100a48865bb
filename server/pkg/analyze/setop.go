package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// setOperationStmt is the top of UNION, INTERSECT and EXCEPT.
func (ps *pstate) setOperationStmt(n *ast.SelectStmt) (*query.Query, error) {
	q := &query.Query{CommandType: query.CmdSelect, CanSetTag: true}
	leftmost := n.Larg
	for leftmost != nil && leftmost.Op != ast.SETOP_NONE {
		leftmost = leftmost.Larg
	}
	if leftmost.IntoClause != nil {
		return nil, ps.noInto(leftmost)
	}
	if err := ps.noLocking(n); err != nil {
		return nil, err
	}
	if err := ps.withClause(n.WithClause, q); err != nil {
		return nil, err
	}
	// The tree is built without the clauses that belong to the result as a whole.
	bare := *n
	bare.SortClause, bare.LimitOffset, bare.LimitCount, bare.LockingClause, bare.WithClause = nil, nil, nil, nil, nil
	tree, _, err := ps.setOperationTree(&bare)
	if err != nil {
		return nil, err
	}
	top := tree.(*query.SetOperationStmt)
	q.SetOperations = top
	names := ps.setOpColumns(q, top)
	if err := ps.setOpOrderBy(n, q, names); err != nil {
		return nil, err
	}
	if err := ps.limits(n, q); err != nil {
		return nil, err
	}
	ps.takeState(q, nil)
	if err := ps.assignQueryCollations(q); err != nil {
		return nil, err
	}
	return q, nil
}

func (ps *pstate) noLocking(n *ast.SelectStmt) error {
	if len(n.LockingClause) == 0 {
		return nil
	}
	lc, _ := n.LockingClause[0].(*ast.LockingClause)
	return errAt(-1, pgerr.FeatureNotSupportedCode, "%s is not allowed with UNION/INTERSECT/EXCEPT", lockName(lc.Strength))
}

// setOpColumns makes the outer target list: names of the leftmost query, types of the top node.
func (ps *pstate) setOpColumns(q *query.Query, top *query.SetOperationStmt) []string {
	var leaf query.SetOpNode = top
	for {
		s, ok := leaf.(*query.SetOperationStmt)
		if !ok {
			break
		}
		leaf = s.Larg
	}
	index := leaf.(*query.RangeTblRef).Rtindex
	var names []string
	i := 0
	for _, te := range ps.rtable[index-1].Subquery.TargetList {
		if te.Resjunk {
			continue
		}
		v := &query.Var{Varno: index, Varattno: te.Resno, Vartype: top.ColTypes[i], Vartypmod: top.ColTypmods[i],
			Varcollid: top.ColCollations[i], Loc: te.Expr.Location()}
		q.TargetList = append(q.TargetList, ps.newTarget(v, te.Resname))
		names = append(names, te.Resname)
		i++
	}
	return names
}

// setOpOrderBy resolves ORDER BY over the output columns only.
func (ps *pstate) setOpOrderBy(n *ast.SelectStmt, q *query.Query, names []string) error {
	rte := &query.RangeTblEntry{Rtekind: query.RTEJoin, Eref: &query.Alias{Aliasname: "unnamed_join", Colnames: names}, InFromCl: true}
	ns := &nsItem{names: rte.Eref, rte: rte, rtindex: len(ps.rtable) + 1, colsVisible: true, lateralOK: true}
	for _, te := range q.TargetList {
		v := te.Expr.(*query.Var)
		ns.columns = append(ns.columns, nsColumn{varno: v.Varno, attno: v.Varattno, typ: v.Vartype, typmod: v.Vartypmod, coll: v.Varcollid})
		rte.Joinaliasvars = append(rte.Joinaliasvars, v)
	}
	saved, savedRT := ps.namespace, len(ps.rtable)
	ps.namespace = []*nsItem{ns}
	ps.addEntry(rte, nil)
	width := len(q.TargetList)
	var err error
	q.SortClause, err = ps.sortClause(n.SortClause, &q.TargetList, kindOrderBy, false)
	ps.namespace = saved
	ps.rtable, ps.tables, ps.joinExprs = ps.rtable[:savedRT], ps.tables[:savedRT], ps.joinExprs[:savedRT]
	if err != nil {
		return err
	}
	if len(q.TargetList) != width {
		return errAt(q.TargetList[width].Expr.Location(), pgerr.FeatureNotSupportedCode,
			"invalid UNION/INTERSECT/EXCEPT ORDER BY clause").
			WithDetail("Only result column names can be used, not expressions or functions.").
			WithHint("Add the expression/function to every SELECT, or move the UNION into a FROM clause.")
	}
	return nil
}

// setOpColumn is an output column of a node of the tree: the leaf's target entry, or the common type
// of an operation.
type setOpColumn struct {
	te   *query.TargetEntry // nil above the leaves
	expr query.Expr
}

// setOperationTree resolves a node of the set operation tree and gives its columns.
func (ps *pstate) setOperationTree(n *ast.SelectStmt) (query.SetOpNode, []*setOpColumn, error) {
	if n.IntoClause != nil {
		return nil, nil, errAt(n.IntoClause.Rel.Location, pgerr.SyntaxError,
			"INTO is only allowed on first SELECT of UNION/INTERSECT/EXCEPT")
	}
	if err := ps.noLocking(n); err != nil {
		return nil, nil, err
	}
	leaf := n.Op == ast.SETOP_NONE || n.SortClause != nil || n.LimitOffset != nil || n.LimitCount != nil || n.WithClause != nil
	if leaf {
		return ps.setOpLeaf(n)
	}
	name := map[ast.SetOperation]string{ast.SETOP_UNION: "UNION", ast.SETOP_INTERSECT: "INTERSECT", ast.SETOP_EXCEPT: "EXCEPT"}[n.Op]
	op := &query.SetOperationStmt{Op: query.SetOp(n.Op), All: n.All}
	larg, lcols, err := ps.setOperationTree(n.Larg)
	if err != nil {
		return nil, nil, err
	}
	rarg, rcols, err := ps.setOperationTree(n.Rarg)
	if err != nil {
		return nil, nil, err
	}
	op.Larg, op.Rarg = larg, rarg
	if len(lcols) != len(rcols) {
		loc := int32(-1)
		if len(rcols) > 0 {
			loc = rcols[0].expr.Location()
		}
		return nil, nil, errAt(loc, pgerr.SyntaxError, "each %s query must have the same number of columns", name)
	}
	var cols []*setOpColumn
	for i := range lcols {
		c, err := ps.setOpMerge(op, lcols[i], rcols[i], name)
		if err != nil {
			return nil, nil, err
		}
		cols = append(cols, c)
	}
	return op, cols, nil
}

func (ps *pstate) setOpLeaf(n *ast.SelectStmt) (query.SetOpNode, []*setOpColumn, error) {
	q, err := ps.subStatement(n, false, false)
	if err != nil {
		return nil, nil, err
	}
	if len(ps.namespace) > 0 {
		var bad query.Expr
		query.WalkQueryLevels(q, func(e query.Expr, level int) bool {
			if v, ok := e.(*query.Var); ok && v.Varlevelsup == level+1 && bad == nil {
				bad = v
			}
			return bad == nil
		})
		if bad != nil {
			return nil, nil, errAt(bad.Location(), pgerr.InvalidColumnReference,
				"UNION/INTERSECT/EXCEPT member statement cannot refer to other relations of same query level")
		}
	}
	alias := &ast.Alias{Aliasname: "*SELECT* " + itoa(len(ps.rtable)+1)}
	ns, err := ps.addSubquery(q, alias, false, false)
	if err != nil {
		return nil, nil, err
	}
	var cols []*setOpColumn
	for _, te := range q.TargetList {
		if !te.Resjunk {
			cols = append(cols, &setOpColumn{te: te, expr: te.Expr})
		}
	}
	return &query.RangeTblRef{Rtindex: ns.rtindex}, cols, nil
}

// setOpMerge finds the common type of a pair of columns. Only literals and parameters of unknown
// type are converted in place; other columns are converted above their query, when it is rewritten.
func (ps *pstate) setOpMerge(op *query.SetOperationStmt, l, r *setOpColumn, name string) (*setOpColumn, error) {
	typ, best, err := ps.selectCommonType([]query.Expr{l.expr, r.expr}, name)
	if err != nil {
		return nil, err
	}
	for _, c := range []*setOpColumn{l, r} {
		unknown := c.expr.Type() == types.Unknown
		e, err := ps.coerceToCommon(c.expr, typ, name)
		if err != nil {
			return nil, err
		}
		if unknown && c.te != nil {
			c.te.Expr = e
		}
		c.expr = e
	}
	pair := []query.Expr{l.expr, r.expr}
	typmod := commonTypmod(pair, typ)
	coll, err := ps.commonCollation(pair, op.Op == query.SetOpUnion && op.All)
	if err != nil {
		return nil, err
	}
	op.ColTypes = append(op.ColTypes, typ)
	op.ColTypmods = append(op.ColTypmods, typmod)
	op.ColCollations = append(op.ColCollations, coll)
	loc := best.Location()
	if op.Op != query.SetOpUnion || !op.All {
		s := ps.sortOps(typ)
		if s.Equal == 0 {
			return nil, errAt(loc, pgerr.UndefinedFunction, "could not identify an equality operator for type %s", ps.formatType(typ))
		}
		op.GroupClauses = append(op.GroupClauses, &query.SortGroupClause{Eqop: s.Equal, Sortop: s.Less, Hashable: s.HashFamily != 0})
	}
	return &setOpColumn{expr: &query.SetToDefault{TypeID: typ, TypeMod: typmod, Collid: coll, Loc: loc}}, nil
}

// coerceSetOps makes every leaf of a set operation deliver the types of the operation, by putting a
// query with the conversions around it where needed. q belongs to the caller.
func (a *analyzer) coerceSetOps(q *query.Query, node query.SetOpNode, want *query.SetOperationStmt) error {
	switch n := node.(type) {
	case *query.SetOperationStmt:
		if want != nil {
			n.ColTypes, n.ColTypmods, n.ColCollations = want.ColTypes, want.ColTypmods, want.ColCollations
			if err := a.regroup(n); err != nil {
				return err
			}
		}
		if err := a.coerceSetOps(q, n.Larg, n); err != nil {
			return err
		}
		return a.coerceSetOps(q, n.Rarg, n)
	case *query.RangeTblRef:
		rte := q.RTable[n.Rtindex-1]
		wrapped, err := a.coerceLeaf(rte.Subquery, want)
		rte.Subquery = wrapped
		return err
	}
	return nil
}

// regroup gives an operation the equality operators of its columns' types.
func (a *analyzer) regroup(n *query.SetOperationStmt) error {
	for i := range n.GroupClauses {
		s := a.sortOps(n.ColTypes[i])
		n.GroupClauses[i] = &query.SortGroupClause{Eqop: s.Equal, Sortop: s.Less, Hashable: s.HashFamily != 0}
	}
	return a.err
}

func (a *analyzer) coerceLeaf(sub *query.Query, want *query.SetOperationStmt) (*query.Query, error) {
	cols := queryColumns(sub)
	same := true
	for i, c := range cols {
		same = same && c.typ == want.ColTypes[i]
	}
	if same {
		return sub, nil
	}
	s := a.newState(nil)
	ns, err := s.addSubquery(sub, nil, false, true)
	if err != nil {
		return nil, err
	}
	s.addToScope(ns, true, true, true)
	outer := &query.Query{CommandType: query.CmdSelect, CanSetTag: true}
	for i := range cols {
		var e query.Expr = ns.newVar(i, 0, -1)
		if e, err = s.coerceToCommon(e, want.ColTypes[i], "UNION"); err != nil {
			return nil, err
		}
		outer.TargetList = append(outer.TargetList, s.newTarget(e, cols[i].name))
	}
	s.takeState(outer, nil)
	return outer, s.assignQueryCollations(outer)
}

func lockName(s ast.LockClauseStrength) string { return query.LockClauseStrength(s).String() }
