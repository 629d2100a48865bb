package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// targetList resolves a select list or RETURNING list; stars are expanded.
func (ps *pstate) targetList(list []ast.Node, kind exprKind) ([]*query.TargetEntry, error) {
	var out []*query.TargetEntry
	err := ps.withKind(kind, func() error {
		for _, n := range list {
			rt, ok := n.(*ast.ResTarget)
			if !ok {
				return pgerr.Internal("unexpected item in target list")
			}
			// In SET a star means the row as one value.
			if names, isStar := starRef(rt.Val); isStar && kind != kindUpdateSource {
				items, err := ps.expandStar(names, rt.Val)
				if err != nil {
					return err
				}
				out = append(out, items...)
				continue
			}
			if row, ok := starOfExpr(rt.Val); ok && kind != kindUpdateSource {
				items, err := ps.expandRowStar(row)
				if err != nil {
					return err
				}
				out = append(out, items...)
				continue
			}
			te, err := ps.targetEntry(rt.Val, rt.Name, kind)
			if err != nil {
				return err
			}
			out = append(out, te)
		}
		return nil
	})
	return out, err
}

// starRef tells whether n is * or name.*, with the names before the star.
func starRef(n ast.Node) ([]string, bool) {
	ref, ok := n.(*ast.ColumnRef)
	if !ok {
		return nil, false
	}
	_, ok = ref.Fields[len(ref.Fields)-1].(*ast.A_Star)
	return ast.Strings(ref.Fields), ok
}

// starOfExpr tells whether n is (expression).*, and gives the expression.
func starOfExpr(n ast.Node) (ast.Node, bool) {
	ind, ok := n.(*ast.A_Indirection)
	if !ok {
		return nil, false
	}
	last := len(ind.Indirection) - 1
	if _, ok := ind.Indirection[last].(*ast.A_Star); !ok {
		return nil, false
	}
	if last == 0 {
		return ind.Arg, true
	}
	return &ast.A_Indirection{Arg: ind.Arg, Indirection: ind.Indirection[:last]}, true
}

func (ps *pstate) targetEntry(n ast.Node, name string, kind exprKind) (*query.TargetEntry, error) {
	var e query.Expr
	if def, ok := n.(*ast.SetToDefault); ok && (kind == kindUpdateSource || kind == kindInsertTarget) {
		e = &query.SetToDefault{TypeMod: -1, Loc: def.Location}
	} else {
		var err error
		if e, err = ps.expr(n); err != nil {
			return nil, err
		}
	}
	if name == "" {
		name = figureColname(n)
	}
	return ps.newTarget(e, name), nil
}

func (ps *pstate) newTarget(e query.Expr, name string) *query.TargetEntry {
	te := &query.TargetEntry{Expr: e, Resno: int16(ps.nextResno), Resname: name, HasName: true}
	ps.nextResno++
	return te
}

// expandStar expands * or name.*.
func (ps *pstate) expandStar(names []string, n ast.Node) ([]*query.TargetEntry, error) {
	loc := n.Pos()
	if len(names) == 0 {
		return ps.expandAll(loc)
	}
	schema, rel := "", names[len(names)-1]
	switch len(names) {
	case 1:
	case 2:
		schema = names[0]
	case 3:
		if err := ps.requireDatabase(names[0], names[0]+"."+names[1]+"."+names[2], loc); err != nil {
			return nil, err
		}
		schema = names[1]
	default:
		return nil, errAt(loc, pgerr.SyntaxError, "improper qualified name (too many dotted names)")
	}
	ns, level, err := ps.findItem(schema, rel, loc)
	if err != nil {
		return nil, err
	}
	if ns == nil {
		return nil, ps.missingItem(schema, rel, loc)
	}
	return ps.expandItem(ns, level, loc), nil
}

func (ps *pstate) expandAll(loc int32) ([]*query.TargetEntry, error) {
	var out []*query.TargetEntry
	found := false
	for _, ns := range ps.namespace {
		if !ns.colsVisible {
			continue
		}
		found = true
		out = append(out, ps.expandItem(ns, 0, loc)...)
	}
	if !found {
		return nil, errAt(loc, pgerr.SyntaxError, "SELECT * with no tables specified is not valid")
	}
	return out, nil
}

func (ps *pstate) expandItem(ns *nsItem, level int, loc int32) []*query.TargetEntry {
	var out []*query.TargetEntry
	if ns.rte.Rtekind == query.RTERelation {
		ns.rte.RequiredPerms |= query.ACLSelect
	}
	for i, name := range ns.names.Colnames {
		if ns.columns[i].varno == 0 || ns.columns[i].dontExpand {
			continue
		}
		v := ns.newVar(i, level, loc)
		ps.markSelected(v)
		out = append(out, ps.newTarget(v, name))
	}
	return out
}

// expandRowStar expands (expression).* of a row type.
func (ps *pstate) expandRowStar(n ast.Node) ([]*query.TargetEntry, error) {
	row, err := ps.expr(n)
	if err != nil {
		return nil, err
	}
	if v, ok := row.(*query.Var); ok && v.Varattno == 0 {
		rte, owner := ps.rteAt(v.Varno, v.Varlevelsup)
		for _, ns := range owner.namespace {
			if ns.rte == rte {
				return ps.expandItem(ns, v.Varlevelsup, v.Loc), nil
			}
		}
	}
	fields := ps.rowFields(row)
	if fields == nil {
		return nil, errAt(row.Location(), pgerr.WrongObjectType,
			"column notation .%s applied to type %s, which is not a composite type", "*", ps.formatType(row.Type()))
	}
	var out []*query.TargetEntry
	for _, f := range fields {
		sel := &query.FieldSelect{Arg: row, Fieldnum: f.num, Resulttype: f.typ, Resulttypmod: f.typmod, Resultcollid: f.coll}
		out = append(out, ps.newTarget(sel, f.name))
	}
	return out, nil
}

// expressionList resolves the items of ROW(...) and VALUES, where stars expand too.
func (ps *pstate) expressionList(list []ast.Node, kind exprKind, allowDefault bool) ([]query.Expr, error) {
	var out []query.Expr
	for _, n := range list {
		if names, isStar := starRef(n); isStar {
			savedNext := ps.nextResno
			items, err := ps.expandStar(names, n)
			ps.nextResno = savedNext
			if err != nil {
				return nil, err
			}
			for _, te := range items {
				out = append(out, te.Expr)
			}
			continue
		}
		if row, ok := starOfExpr(n); ok {
			savedNext := ps.nextResno
			items, err := ps.expandRowStar(row)
			ps.nextResno = savedNext
			if err != nil {
				return nil, err
			}
			for _, te := range items {
				out = append(out, te.Expr)
			}
			continue
		}
		if def, ok := n.(*ast.SetToDefault); ok && allowDefault {
			out = append(out, &query.SetToDefault{TypeMod: -1, Loc: def.Location})
			continue
		}
		e, err := ps.exprOf(n, kind)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// resolveUnknowns makes literals of the output list text.
func (ps *pstate) resolveUnknowns(list []*query.TargetEntry) error {
	for _, te := range list {
		if te.Expr.Type() != types.Unknown {
			continue
		}
		e, err := ps.coerceType(te.Expr, types.Unknown, types.Text, -1, coerceImplicit, query.CoerceImplicitCast, -1)
		if err != nil {
			return err
		}
		te.Expr = e
	}
	return nil
}

// markOrigins notes for each output column the table column it comes from.
func (ps *pstate) markOrigins(list []*query.TargetEntry) {
	for _, te := range list {
		v, ok := te.Expr.(*query.Var)
		if !ok {
			continue
		}
		te.Resorigtbl, te.Resorigcol = ps.origin(v)
	}
}

func (ps *pstate) origin(v *query.Var) (uint32, int16) {
	rte, owner := ps.rteAt(v.Varno, v.Varlevelsup)
	if rte == nil || v.Varattno == 0 && rte.Rtekind != query.RTERelation {
		return 0, 0
	}
	switch rte.Rtekind {
	case query.RTERelation:
		return rte.Relid, v.Varattno
	case query.RTESubquery:
		for _, te := range rte.Subquery.TargetList {
			if te.Resno == v.Varattno && !te.Resjunk {
				return te.Resorigtbl, te.Resorigcol
			}
		}
	case query.RTECTE:
		if cte := owner.cteOf(rte); cte != nil && cte.Ctequery != nil {
			list := cte.Ctequery.TargetList
			if cte.Ctequery.CommandType != query.CmdSelect {
				list = cte.Ctequery.ReturningList
			}
			for _, te := range list {
				if te.Resno == v.Varattno && !te.Resjunk {
					return te.Resorigtbl, te.Resorigcol
				}
			}
		}
	}
	return 0, 0
}

// cteOf is the WITH query a CTE entry of this level refers to.
func (ps *pstate) cteOf(rte *query.RangeTblEntry) *query.CommonTableExpr {
	s := ps
	for range rte.Ctelevelsup {
		if s = s.parent; s == nil {
			return nil
		}
	}
	for _, cte := range s.ctes {
		if cte.Ctename == rte.Ctename {
			return cte
		}
	}
	return nil
}
