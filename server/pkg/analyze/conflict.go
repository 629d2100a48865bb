package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// onConflict resolves INSERT's ON CONFLICT. The planner finds the unique index it means.
func (ps *pstate) onConflict(n *ast.OnConflictClause) (*query.OnConflictExpr, error) {
	oc := &query.OnConflictExpr{Action: query.OnConflictAction(n.Action)}
	if n.Action == ast.ONCONFLICT_UPDATE && n.Infer == nil {
		return nil, errAt(n.Location, pgerr.SyntaxError,
			"ON CONFLICT DO UPDATE requires inference specification or constraint name").
			WithHint("For example, ON CONFLICT (column_name).")
	}
	// EXCLUDED comes first: the conflict target cannot use it, but messages about it can.
	var excl *nsItem
	var err error
	if n.Action == ast.ONCONFLICT_UPDATE {
		excl, err = ps.addRelation(ps.targetTable, &ast.Alias{Aliasname: "excluded"}, false, false, lockRowExclusive)
		if err != nil {
			return nil, err
		}
	}
	if n.Infer != nil {
		if err := ps.arbiter(oc, n.Infer); err != nil {
			return nil, err
		}
	}
	if excl == nil {
		return oc, nil
	}
	excl.rte.RequiredPerms = 0
	excl.rte.Relkind = catalog.RelkindComposite
	oc.ExclRelIndex = excl.rtindex
	oc.ExclRelTlist = ps.excludedTargets(excl)
	saved := len(ps.namespace)
	ps.addToScope(excl, false, true, true)
	if oc.OnConflictSet, err = ps.updateTargets(n.TargetList); err != nil {
		return nil, err
	}
	if oc.OnConflictWhere, err = ps.whereClause(n.WhereClause, kindWhere, "WHERE"); err != nil {
		return nil, err
	}
	ps.namespace = ps.namespace[:saved]
	return oc, nil
}

// excludedTargets lists EXCLUDED's columns by number, then the whole row.
func (ps *pstate) excludedTargets(excl *nsItem) []*query.TargetEntry {
	var out []*query.TargetEntry
	for i := range excl.columns {
		te := &query.TargetEntry{Resno: int16(i + 1), Resname: excl.names.Colnames[i], HasName: true}
		if excl.columns[i].varno == 0 {
			te.Expr = nullConst(23, -1, 0)
		} else {
			te.Expr = excl.newVar(i, 0, -1)
		}
		out = append(out, te)
	}
	return out
}

// arbiter resolves the conflict target: columns and expressions of a unique index, or a constraint.
func (ps *pstate) arbiter(oc *query.OnConflictExpr, n *ast.InferClause) error {
	if n.Conname != "" {
		return ps.arbiterConstraint(oc, n)
	}
	for _, item := range n.IndexElems {
		el, ok := item.(*ast.IndexElem)
		if !ok {
			return pgerr.Internal("unexpected item in ON CONFLICT")
		}
		ie, err := ps.arbiterElem(el, n)
		if err != nil {
			return err
		}
		oc.ArbiterElems = append(oc.ArbiterElems, ie)
	}
	var err error
	oc.ArbiterWhere, err = ps.whereClause(n.WhereClause, kindIndexPredicate, "WHERE")
	return err
}

func (ps *pstate) arbiterElem(el *ast.IndexElem, n *ast.InferClause) (*query.InferenceElem, error) {
	if el.Ordering != ast.SORTBY_DEFAULT {
		return nil, errAt(n.Location, pgerr.InvalidColumnReference, "ASC/DESC is not allowed in ON CONFLICT clause")
	}
	if el.NullsOrdering != ast.SORTBY_NULLS_DEFAULT {
		return nil, errAt(n.Location, pgerr.InvalidColumnReference, "NULLS FIRST/LAST is not allowed in ON CONFLICT clause")
	}
	node := el.Expr
	if node == nil {
		node = &ast.ColumnRef{Fields: []ast.Node{&ast.String{Sval: el.Name}}, Location: n.Location}
	}
	e, err := ps.exprOf(node, kindIndexExpression)
	if err != nil {
		return nil, err
	}
	ie := &query.InferenceElem{Expr: e}
	if el.Collation != nil {
		if ie.Infercollid, err = ps.collationByName(&ast.CollateClause{Collname: el.Collation, Location: e.Location()}); err != nil {
			return nil, err
		}
	}
	if el.Opclass != nil {
		schema, name, err := ps.deconstructName(ast.Strings(el.Opclass), n.Location)
		if err != nil {
			return nil, err
		}
		oc, err := ps.cat.OpClassByName(catalog.BtreeAM, schema, name)
		if err != nil {
			return nil, err
		}
		if oc == nil {
			return nil, errAt(-1, pgerr.UndefinedObject, "operator class \"%s\" does not exist for access method \"%s\"", name, "btree")
		}
		ie.Inferopclass = oc.OID
	}
	return ie, nil
}

func (ps *pstate) arbiterConstraint(oc *query.OnConflictExpr, n *ast.InferClause) error {
	for _, ix := range ps.targetTable.Indexes {
		if ix.Constraint == 0 {
			continue
		}
		c, err := ps.cat.Constraint(ix.Constraint)
		if err != nil {
			return err
		}
		if c != nil && c.Name == n.Conname {
			oc.Constraint = c.OID
			return nil
		}
	}
	return errAt(-1, pgerr.UndefinedObject, "constraint \"%s\" for table \"%s\" does not exist", n.Conname, ps.targetTable.Name)
}
