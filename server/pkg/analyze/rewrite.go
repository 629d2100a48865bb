package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/parser"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// maxViewDepth bounds views of views; a view cannot refer to itself, so this is never reached
// unless the stored trees are damaged.
const maxViewDepth = 100

// rewrite makes q ready for planning: views become their queries, set operations get their
// conversions, columns not mentioned get their defaults.
func (a *analyzer) rewrite(q *query.Query, depth int) error {
	if depth > maxViewDepth {
		return errAt(-1, pgerr.InvalidObjectDefinition, "infinite recursion detected in rules")
	}
	if q.UtilityQuery != nil {
		return a.rewrite(q.UtilityQuery, depth)
	}
	if q.CommandType == query.CmdInsert || q.CommandType == query.CmdUpdate {
		if err := a.fillDefaults(q); err != nil {
			return err
		}
	}
	for i, rte := range q.RTable {
		if rte.Rtekind == query.RTERelation && rte.Relkind == catalog.RelkindView && i+1 != q.ResultRelation {
			if err := a.expandView(rte); err != nil {
				return err
			}
			for _, m := range q.RowMarks {
				if m.Rti != i+1 {
					continue
				}
				if err := markForLocking(rte.Subquery, m); err != nil {
					return err
				}
			}
			if err := a.rewrite(rte.Subquery, depth+1); err != nil {
				return err
			}
			continue
		}
		if rte.Subquery != nil {
			if err := a.rewrite(rte.Subquery, depth); err != nil {
				return err
			}
		}
	}
	if q.SetOperations != nil {
		if err := a.coerceSetOps(q, q.SetOperations, nil); err != nil {
			return err
		}
	}
	for _, cte := range q.CteList {
		if err := a.rewrite(cte.Ctequery, depth); err != nil {
			return err
		}
	}
	return a.rewriteSubLinks(q, depth)
}

func (a *analyzer) rewriteSubLinks(q *query.Query, depth int) error {
	if !q.HasSubLinks {
		return nil
	}
	var err error
	var onExpr func(query.Expr) bool
	onExpr = func(e query.Expr) bool {
		return query.ExprTreeWalker(e, onExpr, func(sub *query.Query) bool {
			err = a.rewrite(sub, depth)
			return err != nil
		})
	}
	query.QueryTreeWalker(q, onExpr, nil)
	return err
}

// expandView turns an entry that is a view into the view's query.
func (a *analyzer) expandView(rte *query.RangeTblEntry) error {
	t := a.relation(rte.Relid)
	if t == nil {
		return pgerr.Internal("view %d is gone", rte.Relid)
	}
	var sub *query.Query
	var err error
	if t.ViewText != "" {
		sub, err = a.analyzeViewText(t.ViewText)
	} else {
		var stored []byte
		if stored, err = a.cat.ViewQuery(t); err == nil {
			sub, err = query.DecodeQuery(stored)
		}
	}
	if err != nil {
		return err
	}
	rte.Rtekind, rte.Subquery = query.RTESubquery, sub
	rte.Inh = false
	return nil
}

// analyzeViewText resolves a view of the catalog's image, whose text means pg_catalog by every
// unqualified name.
func (a *analyzer) analyzeViewText(text string) (*query.Query, error) {
	list, err := parser.Parse(text)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, pgerr.Internal("view text is not one statement")
	}
	env := *a.env
	env.Cat = systemView{a.cat}
	env.ParamTypes = nil
	inner := newAnalyzer(&env)
	q, err := inner.newState(nil).statement(list[0].Stmt)
	if err != nil {
		return nil, pgerr.Newf(pgerr.InternalError, "view of the catalog image: %w", inner.first(err))
	}
	return q, inner.err
}

// systemView is a catalog where names without a schema are those of pg_catalog.
type systemView struct{ catalog.View }

func system(schema string) string {
	if schema == "" {
		return "pg_catalog"
	}
	return schema
}

func (v systemView) RelationByName(schema, name string) (*catalog.Table, error) {
	return v.View.RelationByName(system(schema), name)
}

func (v systemView) TypeByName(schema, name string) (*catalog.TypeDesc, error) {
	return v.View.TypeByName(system(schema), name)
}

func (v systemView) ProcsByName(schema, name string) ([]*catalog.Proc, error) {
	return v.View.ProcsByName(system(schema), name)
}

func (v systemView) OperatorsByName(schema, name string) ([]*catalog.Operator, error) {
	return v.View.OperatorsByName(system(schema), name)
}

func (v systemView) CollationByName(schema, name string) (*catalog.Collation, error) {
	return v.View.CollationByName(system(schema), name)
}

// fillDefaults completes the target list of INSERT (every column, in order) and puts defaults in
// the place of DEFAULT.
func (a *analyzer) fillDefaults(q *query.Query) error {
	t := a.relation(q.RTable[q.ResultRelation-1].Relid)
	if t == nil {
		return pgerr.Internal("target table is gone")
	}
	d := &defaulter{a: a, q: q, t: t}
	if q.CommandType == query.CmdUpdate {
		list, err := d.update(q.TargetList)
		q.TargetList = list
		return err
	}
	if err := d.values(); err != nil {
		return err
	}
	if err := d.insert(); err != nil {
		return err
	}
	if q.OnConflict != nil && q.OnConflict.Action == query.OnConflictUpdate {
		list, err := d.update(q.OnConflict.OnConflictSet)
		q.OnConflict.OnConflictSet = list
		return err
	}
	return nil
}

// defaulter supplies column defaults for one INSERT or UPDATE.
type defaulter struct {
	a *analyzer
	q *query.Query
	t *catalog.Table
}

// defaultOf is a column's default converted to the column's type, nil if it has none.
func (d *defaulter) defaultOf(c *catalog.Column) (query.Expr, error) {
	if c.Identity != 0 {
		return nil, unsupported(-1, "an identity column")
	}
	if c.HasDefault && c.Default != nil && c.Generated == 0 {
		return query.DecodeExpr(c.Default)
	}
	// A domain's own default counts when the column has none.
	t := d.a.typ(c.TypeOID)
	if t.Type == catalog.TyptypeDomain && t.DefaultExpr != nil {
		return query.DecodeExpr(t.DefaultExpr)
	}
	return nil, nil
}

func (d *defaulter) defaultOrNull(c *catalog.Column) (query.Expr, error) {
	e, err := d.defaultOf(c)
	if e != nil || err != nil {
		return e, err
	}
	return d.nullOf(c), nil
}

// nullOf is a NULL of the column's type; a domain gets its check.
func (d *defaulter) nullOf(c *catalog.Column) query.Expr {
	base, baseMod := d.a.baseTypeAndTypmod(c.TypeOID, c.Typmod)
	n := nullConst(base, baseMod, c.Collation)
	if base == c.TypeOID {
		return n
	}
	return &query.CoerceToDomain{Arg: n, Resulttype: c.TypeOID, Resulttypmod: -1, Resultcollid: c.Collation,
		Coercionformat: query.CoerceImplicitCast, Loc: -1}
}

// insert makes the target list name every column in order. A generated column has no entry: the
// executor computes it from the finished row.
func (d *defaulter) insert() error {
	given := map[int16]*query.TargetEntry{}
	for _, te := range d.q.TargetList {
		given[te.Resno] = te
	}
	var out []*query.TargetEntry
	for i := range d.t.Columns {
		c := &d.t.Columns[i]
		te := given[c.Num]
		if c.Dropped {
			out = append(out, &query.TargetEntry{Expr: nullConst(23, -1, 0), Resno: c.Num})
			continue
		}
		var isDefault bool
		if te != nil {
			_, isDefault = te.Expr.(*query.SetToDefault)
		}
		if c.Identity != 0 && d.q.Override == query.OverridingUserValue {
			te = nil
		}
		if te != nil && !isDefault {
			if err := d.mayInsert(c); err != nil {
				return err
			}
		}
		if te == nil || isDefault {
			e, err := d.defaultOrNull(c)
			if err != nil {
				return err
			}
			te = &query.TargetEntry{Expr: e, Resno: c.Num, Resname: c.Name, HasName: true}
		}
		out = append(out, te)
	}
	d.q.TargetList = out
	return nil
}

// values replaces DEFAULT inside a VALUES list of several rows.
func (d *defaulter) values() error {
	for i, rte := range d.q.RTable {
		if rte.Rtekind != query.RTEValues {
			continue
		}
		for _, te := range d.q.TargetList {
			v := stripImplicit(te.Expr)
			ref, ok := v.(*query.Var)
			if !ok || ref.Varno != i+1 || ref.Varlevelsup != 0 || ref.Varattno < 1 {
				continue
			}
			column := &d.t.Columns[te.Resno-1]
			all, err := d.valuesColumn(rte, int(ref.Varattno)-1, column)
			if err != nil {
				return err
			}
			if all && (column.Generated != 0 || column.Identity != 0) {
				te.Expr = &query.SetToDefault{TypeID: column.TypeOID, TypeMod: column.Typmod, Loc: -1}
			}
		}
	}
	return nil
}

// valuesColumn replaces DEFAULT in one column; all tells that no row has anything else.
func (d *defaulter) valuesColumn(rte *query.RangeTblEntry, col int, c *catalog.Column) (all bool, err error) {
	all = true
	for _, row := range rte.ValuesLists {
		if _, ok := row[col].(*query.SetToDefault); !ok {
			all = false
			continue
		}
		e, err := d.defaultOrNull(c)
		if err != nil {
			return false, err
		}
		row[col] = e
	}
	return all, nil
}

// mayInsert rejects a value for a column that makes its own.
func (d *defaulter) mayInsert(c *catalog.Column) error {
	if c.Generated == 0 && (c.Identity != 'a' || d.q.Override == query.OverridingSystemValue) {
		return nil
	}
	e := errAt(-1, pgerr.GeneratedAlways, "cannot insert a non-DEFAULT value into column \"%s\"", c.Name)
	if c.Generated != 0 {
		return e.WithDetailf("Column \"%s\" is a generated column.", c.Name)
	}
	return e.WithDetailf("Column \"%s\" is an identity column defined as GENERATED ALWAYS.", c.Name).
		WithHint("Use OVERRIDING SYSTEM VALUE to override.")
}

// update replaces DEFAULT in SET and rejects other values for generated columns.
func (d *defaulter) update(list []*query.TargetEntry) ([]*query.TargetEntry, error) {
	for _, te := range list {
		c := &d.t.Columns[te.Resno-1]
		_, isDefault := te.Expr.(*query.SetToDefault)
		if (c.Generated != 0 || c.Identity == 'a') && !isDefault {
			e := errAt(-1, pgerr.GeneratedAlways, "column \"%s\" can only be updated to DEFAULT", c.Name)
			if c.Generated != 0 {
				return nil, e.WithDetailf("Column \"%s\" is a generated column.", c.Name)
			}
			return nil, e.WithDetailf("Column \"%s\" is an identity column defined as GENERATED ALWAYS.", c.Name)
		}
		if isDefault {
			e, err := d.defaultOrNull(c)
			if err != nil {
				return nil, err
			}
			te.Expr = e
		}
	}
	return list, nil
}

// topLevelStmt is a top-level statement: SELECT INTO is CREATE TABLE AS, EXPLAIN and its kin contain
// a query.
func (ps *pstate) topLevelStmt(n ast.Node) (*query.Query, error) {
	q, err := ps.optionalInto(n)
	if err != nil {
		return nil, err
	}
	if err := ps.rewrite(q, 0); err != nil {
		return nil, err
	}
	return q, nil
}

func (ps *pstate) optionalInto(n ast.Node) (*query.Query, error) {
	if s, ok := n.(*ast.SelectStmt); ok {
		if into, bare := takeInto(s); into != nil {
			n = &ast.CreateTableAsStmt{Query: bare, Into: into, Objtype: ast.OBJECT_TABLE, IsSelectInto: true}
		}
	}
	var inner ast.Node
	switch s := n.(type) {
	case *ast.ExplainStmt:
		inner = s.Query
	case *ast.CreateTableAsStmt:
		inner = s.Query
	case *ast.DeclareCursorStmt:
		inner = s.Query
	case *ast.CopyStmt:
		inner = s.Query
	case *ast.ViewStmt:
		return &query.Query{CommandType: query.CmdUtility, UtilityStmt: n, CanSetTag: true}, nil
	default:
		return ps.statement(n)
	}
	q := &query.Query{CommandType: query.CmdUtility, UtilityStmt: n, CanSetTag: true}
	if inner == nil {
		return q, nil
	}
	var err error
	q.UtilityQuery, err = ps.optionalInto(inner)
	return q, err
}

// takeInto finds INTO in the leftmost SELECT and returns the statement without it.
func takeInto(s *ast.SelectStmt) (*ast.IntoClause, *ast.SelectStmt) {
	c := *s
	if s.Op == ast.SETOP_NONE {
		c.IntoClause = nil
		return s.IntoClause, &c
	}
	into, left := takeInto(s.Larg)
	c.Larg = left
	return into, &c
}
