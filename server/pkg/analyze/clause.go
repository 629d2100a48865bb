package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// whereExpr resolves a condition in the current kind of clause.
func (ps *pstate) whereExpr(n ast.Node, construct string) (query.Expr, error) {
	e, err := ps.expr(n)
	if err != nil {
		return nil, err
	}
	return ps.coerceToBoolean(e, construct)
}

// whereClause resolves an optional condition.
func (ps *pstate) whereClause(n ast.Node, kind exprKind, construct string) (query.Expr, error) {
	if n == nil {
		return nil, nil
	}
	var e query.Expr
	err := ps.withKind(kind, func() (err error) {
		e, err = ps.whereExpr(n, construct)
		return err
	})
	return e, err
}

// limitClause resolves LIMIT and OFFSET, which are bigint and refer to no column.
func (ps *pstate) limitClause(n ast.Node, kind exprKind, option query.LimitOption) (query.Expr, error) {
	if n == nil {
		return nil, nil
	}
	name := kind.clauseName()
	e, err := ps.exprOf(n, kind)
	if err != nil {
		return nil, err
	}
	if e, err = ps.coerceToSpecificType(e, types.Int8, name); err != nil {
		return nil, err
	}
	if containsVarOfLevel(e, 0) {
		return nil, errAt(firstVarLocation(e), pgerr.InvalidColumnReference, "argument of %s must not contain variables", name)
	}
	if c, ok := n.(*ast.A_Const); ok && c.Isnull && kind == kindLimit && option == query.LimitOptionWithTies {
		return nil, errAt(-1, pgerr.InvalidRowCountInLimitClause,
			"row count cannot be null in FETCH FIRST ... WITH TIES clause")
	}
	return e, nil
}

func firstVarLocation(e query.Expr) int32 {
	loc := int32(-1)
	query.WalkLevels(e, func(e query.Expr, level int) bool {
		if v, ok := e.(*query.Var); ok && v.Varlevelsup == level && loc < 0 {
			loc = v.Loc
		}
		return loc < 0
	})
	return loc
}

// targetBySortRef finds the target entry a sort or group item refers to.
func targetBySortRef(ref int, list []*query.TargetEntry) *query.TargetEntry {
	for _, te := range list {
		if te.Ressortgroupref == ref && ref != 0 {
			return te
		}
	}
	return nil
}

// assignSortRef gives te a reference number unless it has one.
func assignSortRef(te *query.TargetEntry, list []*query.TargetEntry) int {
	if te.Ressortgroupref == 0 {
		highest := 0
		for _, other := range list {
			highest = max(highest, other.Ressortgroupref)
		}
		te.Ressortgroupref = highest + 1
	}
	return te.Ressortgroupref
}

// findTarget resolves an item of ORDER BY, GROUP BY or DISTINCT ON by SQL92's rules: an output
// column's name or number, else any expression.
func (ps *pstate) findTarget(n ast.Node, list *[]*query.TargetEntry, kind exprKind) (*query.TargetEntry, error) {
	if ref, ok := n.(*ast.ColumnRef); ok && len(ref.Fields) == 1 {
		if s, ok := ref.Fields[0].(*ast.String); ok {
			te, err := ps.findTargetByName(s.Sval, *list, kind, ref.Location)
			if te != nil || err != nil {
				return te, err
			}
		}
	}
	if c, ok := n.(*ast.A_Const); ok {
		i, ok := c.Val.(*ast.Integer)
		if !ok || c.Isnull {
			return nil, errAt(c.Location, pgerr.SyntaxError, "non-integer constant in %s", kind.clauseName())
		}
		pos := int32(0)
		for _, te := range *list {
			if te.Resjunk {
				continue
			}
			if pos++; pos == i.Ival {
				return te, ps.checkTargetlistSRF(te, kind)
			}
		}
		return nil, errAt(c.Location, pgerr.InvalidColumnReference, "%s position %d is not in select list", kind.clauseName(), i.Ival)
	}
	return ps.findTargetExpr(n, list, kind)
}

// findTargetByName: for GROUP BY a column of FROM goes before an output column.
func (ps *pstate) findTargetByName(name string, list []*query.TargetEntry, kind exprKind, loc int32) (*query.TargetEntry, error) {
	if kind == kindGroupBy {
		e, err := ps.colNameToVarLocal(name, loc)
		if err != nil {
			return nil, err
		}
		if e != nil {
			return nil, nil
		}
	}
	var found *query.TargetEntry
	for _, te := range list {
		if te.Resjunk || te.Resname != name {
			continue
		}
		if found == nil {
			found = te
		} else if !query.Equal(found.Expr, te.Expr) {
			return nil, errAt(loc, pgerr.AmbiguousColumn, "%s \"%s\" is ambiguous", kind.clauseName(), name)
		}
	}
	if found == nil {
		return nil, nil
	}
	return found, ps.checkTargetlistSRF(found, kind)
}

// colNameToVarLocal is colNameToVar at this level only.
func (ps *pstate) colNameToVarLocal(name string, loc int32) (query.Expr, error) {
	saved := ps.parent
	ps.parent = nil
	e, err := ps.colNameToVar(name, loc)
	ps.parent = saved
	return e, err
}

// checkTargetlistSRF: grouping by an output column with aggregates or window functions is an error.
func (ps *pstate) checkTargetlistSRF(te *query.TargetEntry, kind exprKind) error {
	if kind != kindGroupBy || !ps.hasAggs && !ps.hasWindowFuncs {
		return nil
	}
	var bad error
	query.WalkLevels(te.Expr, func(e query.Expr, level int) bool {
		if a, ok := e.(*query.Aggref); ok && a.Agglevelsup == level && bad == nil {
			bad = errAt(a.Loc, pgerr.GroupingError, "aggregate functions are not allowed in %s", kind.clauseName())
		}
		return bad == nil
	})
	if w := windowFuncIn(te.Expr); w != nil && bad == nil {
		bad = errAt(w.Loc, pgerr.WindowingError, "window functions are not allowed in %s", kind.clauseName())
	}
	return bad
}

// findTargetExpr resolves an item as an expression; if the list lacks it, it is added as junk.
func (ps *pstate) findTargetExpr(n ast.Node, list *[]*query.TargetEntry, kind exprKind) (*query.TargetEntry, error) {
	e, err := ps.exprOf(n, kind)
	if err != nil {
		return nil, err
	}
	for _, te := range *list {
		// A literal in the list may have become text by now; the item is not going to.
		if query.Equal(e, stripImplicit(te.Expr)) {
			return te, nil
		}
	}
	te := &query.TargetEntry{Expr: e, Resno: int16(ps.nextResno), Resjunk: true}
	ps.nextResno++
	*list = append(*list, te)
	return te, nil
}

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
