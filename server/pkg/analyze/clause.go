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
