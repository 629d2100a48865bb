package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// stripImplicit takes implicit coercions off the top of an expression.
func stripImplicit(e query.Expr) query.Expr {
	switch n := e.(type) {
	case *query.FuncExpr:
		if n.Funcformat == query.CoerceImplicitCast && len(n.Args) > 0 {
			return stripImplicit(n.Args[0])
		}
	case *query.RelabelType:
		if n.Relabelformat == query.CoerceImplicitCast {
			return stripImplicit(n.Arg)
		}
	case *query.CoerceViaIO:
		if n.Coerceformat == query.CoerceImplicitCast {
			return stripImplicit(n.Arg)
		}
	case *query.ArrayCoerceExpr:
		if n.Coerceformat == query.CoerceImplicitCast {
			return stripImplicit(n.Arg)
		}
	case *query.CoerceToDomain:
		if n.Coercionformat == query.CoerceImplicitCast {
			return stripImplicit(n.Arg)
		}
	}
	return e
}

// sortClause resolves ORDER BY. sql99 switches output names and numbers off (inside aggregates).
func (ps *pstate) sortClause(list []ast.Node, tlist *[]*query.TargetEntry, kind exprKind, sql99 bool) ([]*query.SortGroupClause, error) {
	var out []*query.SortGroupClause
	for _, n := range list {
		by, ok := n.(*ast.SortBy)
		if !ok {
			return nil, pgerr.Internal("unexpected item in ORDER BY")
		}
		var te *query.TargetEntry
		var err error
		if sql99 {
			te, err = ps.findTargetExpr(by.Node, tlist, kind)
		} else {
			te, err = ps.findTarget(by.Node, tlist, kind)
		}
		if err != nil {
			return nil, err
		}
		if out, err = ps.addSortItem(te, out, *tlist, by); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// textIfUnknown gives a sort or group item a real type.
func (ps *pstate) textIfUnknown(te *query.TargetEntry) error {
	if te.Expr.Type() != types.Unknown {
		return nil
	}
	e, err := ps.coerceToTarget(te.Expr, types.Unknown, types.Text, -1, coerceImplicit, query.CoerceImplicitCast, -1)
	if err == nil {
		te.Expr = e
	}
	return err
}

// addSortItem adds te to a sort list unless it is there already.
func (ps *pstate) addSortItem(te *query.TargetEntry, list []*query.SortGroupClause, tlist []*query.TargetEntry,
	by *ast.SortBy) ([]*query.SortGroupClause, error) {
	if err := ps.textIfUnknown(te); err != nil {
		return nil, err
	}
	loc := by.Location
	if loc < 0 {
		loc = te.Expr.Location()
	}
	typ := te.Expr.Type()
	s := ps.sortOps(typ)
	item := &query.SortGroupClause{Eqop: s.Equal, Hashable: s.HashFamily != 0}
	switch by.SortbyDir {
	case ast.SORTBY_USING:
		if err := ps.sortUsing(item, by, typ, loc); err != nil {
			return nil, err
		}
	case ast.SORTBY_DESC:
		item.Sortop, item.Reverse = s.Greater, true
	default:
		item.Sortop = s.Less
	}
	if item.Sortop == 0 {
		return nil, errAt(loc, pgerr.UndefinedFunction, "could not identify an ordering operator for type %s", ps.formatType(typ)).
			WithHint("Use an explicit ordering operator or modify the query.")
	}
	for _, old := range list {
		if te.Ressortgroupref != 0 && old.TleSortGroupRef == te.Ressortgroupref &&
			(old.Sortop == item.Sortop || old.Sortop == ps.commutator(item.Sortop)) {
			return list, nil
		}
	}
	item.TleSortGroupRef = assignSortRef(te, tlist)
	switch by.SortbyNulls {
	case ast.SORTBY_NULLS_DEFAULT:
		item.NullsFirst = item.Reverse
	case ast.SORTBY_NULLS_FIRST:
		item.NullsFirst = true
	}
	return append(list, item), nil
}

func (ps *pstate) commutator(op uint32) uint32 {
	if o := ps.operator(op); o != nil {
		return o.Commutator
	}
	return 0
}

// sortUsing resolves ORDER BY ... USING operator.
func (ps *pstate) sortUsing(item *query.SortGroupClause, by *ast.SortBy, typ uint32, loc int32) error {
	names := ast.Strings(by.UseOp)
	op, err := ps.findOperator(names, typ, typ, loc)
	if err != nil {
		return err
	}
	list, err := ps.cat.OperatorFamilies(op.OID)
	if err != nil {
		return err
	}
	for _, m := range list {
		if m.AM == 403 && (m.Strategy == 1 || m.Strategy == 5) {
			eq, err := ps.cat.OpFamilyMember(m.Family, m.Left, m.Right, 3)
			if err != nil {
				return err
			}
			item.Sortop, item.Eqop, item.Reverse = op.OID, eq, m.Strategy == 5
			return nil
		}
	}
	return errAt(loc, pgerr.WrongObjectType, "operator %s is not a valid ordering operator", names[len(names)-1]).
		WithHint("Ordering operators must be \"<\" or \">\" members of btree operator families.")
}

// addGroupItem adds te to a group or distinct list unless it is there already.
func (ps *pstate) addGroupItem(te *query.TargetEntry, list []*query.SortGroupClause, tlist []*query.TargetEntry,
	loc int32) ([]*query.SortGroupClause, error) {
	if err := ps.textIfUnknown(te); err != nil {
		return nil, err
	}
	for _, old := range list {
		if te.Ressortgroupref != 0 && old.TleSortGroupRef == te.Ressortgroupref {
			return list, nil
		}
	}
	typ := te.Expr.Type()
	s := ps.sortOps(typ)
	if s.Equal == 0 {
		if loc < 0 {
			loc = te.Expr.Location()
		}
		return nil, errAt(loc, pgerr.UndefinedFunction, "could not identify an equality operator for type %s", ps.formatType(typ))
	}
	item := &query.SortGroupClause{Eqop: s.Equal, Sortop: s.Less, Hashable: s.HashFamily != 0}
	item.TleSortGroupRef = assignSortRef(te, tlist)
	return append(list, item), nil
}

// groupClause resolves GROUP BY, or a window's PARTITION BY, where output names and numbers mean
// nothing.
func (ps *pstate) groupClause(list []ast.Node, tlist *[]*query.TargetEntry, order []*query.SortGroupClause,
	kind exprKind) ([]*query.SortGroupClause, error) {
	var out []*query.SortGroupClause
	for _, n := range flattenGroups(list) {
		if g, ok := n.(*ast.GroupingSet); ok {
			return nil, unsupported(g.Location, "GROUPING SETS, ROLLUP and CUBE")
		}
		find := ps.findTarget
		if kind != kindGroupBy {
			find = ps.findTargetExpr
		}
		te, err := find(n, tlist, kind)
		if err != nil {
			return nil, err
		}
		if te.Ressortgroupref != 0 {
			// Take the ordering of ORDER BY over, so that one sort serves both.
			if item := sortItem(te.Ressortgroupref, order); item != nil {
				if sortItem(te.Ressortgroupref, out) == nil {
					c := *item
					out = append(out, &c)
				}
				continue
			}
		}
		if out, err = ps.addGroupItem(te, out, *tlist, n.Pos()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func sortItem(ref int, list []*query.SortGroupClause) *query.SortGroupClause {
	for _, s := range list {
		if s.TleSortGroupRef == ref {
			return s
		}
	}
	return nil
}

// flattenGroups replaces implicit row constructors, (a, b), by their parts.
func flattenGroups(list []ast.Node) []ast.Node {
	var out []ast.Node
	for _, n := range list {
		if row, ok := n.(*ast.RowExpr); ok && row.RowFormat == ast.COERCE_IMPLICIT_CAST {
			out = append(out, flattenGroups(row.Args)...)
			continue
		}
		out = append(out, n)
	}
	return out
}

// distinctClause makes the items of DISTINCT: those of ORDER BY first, then the rest.
func (ps *pstate) distinctClause(tlist *[]*query.TargetEntry, order []*query.SortGroupClause, isAgg bool) ([]*query.SortGroupClause, error) {
	var out []*query.SortGroupClause
	for _, s := range order {
		te := targetBySortRef(s.TleSortGroupRef, *tlist)
		if te.Resjunk {
			if isAgg {
				return nil, errAt(te.Expr.Location(), pgerr.InvalidColumnReference,
					"in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list")
			}
			return nil, errAt(te.Expr.Location(), pgerr.InvalidColumnReference,
				"for SELECT DISTINCT, ORDER BY expressions must appear in select list")
		}
		c := *s
		out = append(out, &c)
	}
	for _, te := range *tlist {
		if te.Resjunk {
			continue
		}
		var err error
		if out, err = ps.addGroupItem(te, out, *tlist, te.Expr.Location()); err != nil {
			return nil, err
		}
	}
	if len(out) == 0 {
		if isAgg {
			return nil, errAt(-1, pgerr.SyntaxError, "an aggregate with DISTINCT must have at least one argument")
		}
		return nil, errAt(-1, pgerr.SyntaxError, "SELECT DISTINCT must have at least one column")
	}
	return out, nil
}

// distinctOnClause resolves DISTINCT ON, whose items must begin the ORDER BY.
func (ps *pstate) distinctOnClause(list []ast.Node, tlist *[]*query.TargetEntry, order []*query.SortGroupClause) ([]*query.SortGroupClause, error) {
	var refs []int
	for _, n := range list {
		te, err := ps.findTarget(n, tlist, kindDistinctOn)
		if err != nil {
			return nil, err
		}
		refs = append(refs, assignSortRef(te, *tlist))
	}
	has := func(ref int) bool {
		for _, r := range refs {
			if r == ref {
				return true
			}
		}
		return false
	}
	var out []*query.SortGroupClause
	skipped := false
	for _, s := range order {
		if !has(s.TleSortGroupRef) {
			skipped = true
			continue
		}
		if skipped {
			return nil, errAt(locationOfRef(s.TleSortGroupRef, refs, list, *tlist), pgerr.InvalidColumnReference,
				"SELECT DISTINCT ON expressions must match initial ORDER BY expressions")
		}
		c := *s
		out = append(out, &c)
	}
	for i, ref := range refs {
		if sortItem(ref, out) != nil {
			continue
		}
		te := targetBySortRef(ref, *tlist)
		if skipped {
			return nil, errAt(list[i].Pos(), pgerr.InvalidColumnReference,
				"SELECT DISTINCT ON expressions must match initial ORDER BY expressions")
		}
		var err error
		if out, err = ps.addGroupItem(te, out, *tlist, list[i].Pos()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func locationOfRef(ref int, refs []int, list []ast.Node, tlist []*query.TargetEntry) int32 {
	for i, r := range refs {
		if r == ref && i < len(list) {
			return list[i].Pos()
		}
	}
	if te := targetBySortRef(ref, tlist); te != nil {
		return te.Expr.Location()
	}
	return -1
}
