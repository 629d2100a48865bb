package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// withClause resolves the WITH queries of q, in order.
func (ps *pstate) withClause(w *ast.WithClause, q *query.Query) error {
	if w == nil {
		return nil
	}
	ctes := make([]*ast.CommonTableExpr, 0, len(w.Ctes))
	for _, n := range w.Ctes {
		cte, ok := n.(*ast.CommonTableExpr)
		if !ok {
			return pgerr.Internal("unexpected item in WITH")
		}
		for _, other := range ctes {
			if other.Ctename == cte.Ctename {
				return errAt(cte.Location, pgerr.DuplicateAlias, "WITH query name \"%s\" specified more than once", cte.Ctename)
			}
		}
		ctes = append(ctes, cte)
	}
	if w.Recursive {
		if err := noRecursion(ctes); err != nil {
			return err
		}
	}
	ps.futureCTEs = ctes
	for i, cte := range ctes {
		c, err := ps.commonTable(cte)
		if err != nil {
			return err
		}
		ps.ctes = append(ps.ctes, c)
		ps.futureCTEs = ctes[i+1:]
	}
	q.CteList = ps.ctes
	return nil
}

// noRecursion accepts WITH RECURSIVE as long as no query refers to itself or to a later one.
func noRecursion(ctes []*ast.CommonTableExpr) error {
	for i, cte := range ctes {
		later := map[string]bool{}
		for _, l := range ctes[i:] {
			later[l.Ctename] = true
		}
		found := false
		ast.Walk(cte.Ctequery, func(n ast.Node) bool {
			if rv, ok := n.(*ast.RangeVar); ok && rv.Schemaname == "" && later[rv.Relname] {
				found = true
			}
			return !found
		})
		if found {
			return unsupported(cte.Location, "WITH RECURSIVE")
		}
	}
	return nil
}

func (ps *pstate) commonTable(n *ast.CommonTableExpr) (*query.CommonTableExpr, error) {
	if n.SearchClause != nil || n.CycleClause != nil {
		return nil, errAt(n.Location, pgerr.SyntaxError, "WITH query is not recursive")
	}
	if _, ok := n.Ctequery.(*ast.SelectStmt); !ok {
		if ps.parent != nil {
			return nil, errAt(n.Location, pgerr.FeatureNotSupportedCode,
				"WITH clause containing a data-modifying statement must be at the top level")
		}
		return nil, unsupported(n.Location, "a data-modifying statement in WITH")
	}
	q, err := ps.subStatement(n.Ctequery, false, true)
	if err != nil {
		return nil, err
	}
	q.CanSetTag = false
	cte := &query.CommonTableExpr{Ctename: n.Ctename, Aliascolnames: ast.Strings(n.Aliascolnames),
		Ctematerialized: query.CTEMaterialize(n.Ctematerialized), Ctequery: q, Loc: n.Location}
	for _, c := range queryColumns(q) {
		cte.Ctecolnames = append(cte.Ctecolnames, c.name)
		cte.Ctecoltypes = append(cte.Ctecoltypes, c.typ)
		cte.Ctecoltypmods = append(cte.Ctecoltypmods, c.typmod)
		cte.Ctecolcollations = append(cte.Ctecolcollations, c.coll)
	}
	if len(cte.Aliascolnames) > len(cte.Ctecolnames) {
		return nil, errAt(n.Location, pgerr.InvalidColumnReference,
			"WITH query \"%s\" has %d columns available but %d columns specified", n.Ctename, len(cte.Ctecolnames), len(cte.Aliascolnames))
	}
	copy(cte.Ctecolnames, cte.Aliascolnames)
	return cte, nil
}
