package ddl

import (
	"github.com/pgzdb/pgz/server/pkg/analyze"
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// createView is CREATE [OR REPLACE] VIEW.
func (s *Session) createView(n *ast.ViewStmt) error {
	if err := unsupportedView(n); err != nil {
		return err
	}
	q, err := s.viewQuery(n)
	if err != nil {
		return err
	}
	v := s.View()
	schema, err := creationSchema(v, n.View)
	if err != nil {
		return unplaced(err)
	}
	cols, err := s.viewColumns(v, n, q)
	if err != nil {
		return err
	}
	exists, err := v.RelationOID(schema.Name, n.View.Relname)
	if err != nil {
		return err
	}
	if exists == 0 {
		return s.insertView(schema, n.View.Relname, cols, q)
	}
	if !n.Replace {
		return pgerr.Newf(pgerr.DuplicateTable, "relation \"%s\" already exists", n.View.Relname)
	}
	return s.replaceView(&ast.RangeVar{Schemaname: schema.Name, Relname: n.View.Relname, Location: -1}, cols, q)
}

func unsupportedView(n *ast.ViewStmt) error {
	for _, o := range n.Options {
		switch name := o.(*ast.DefElem).Defname; name {
		case "security_barrier", "security_invoker", "check_option":
			return unsupported("view option " + name)
		default:
			return pgerr.Newf(pgerr.InvalidParameterValue, "unrecognized parameter \"%s\"", name)
		}
	}
	switch {
	case n.View.Relpersistence == "u":
		return pgerr.New(pgerr.SyntaxError, "views cannot be unlogged because they do not have storage")
	case n.View.Relpersistence == "t":
		return unsupported("temporary views")
	case n.WithCheckOption != ast.NO_CHECK_OPTION:
		return unsupported("WITH CHECK OPTION")
	}
	if sel, ok := n.Query.(*ast.SelectStmt); ok && sel.IntoClause != nil {
		return pgerr.New(pgerr.FeatureNotSupportedCode, "views must not contain SELECT INTO")
	}
	return nil
}

// viewQuery resolves the view's query and locks what it reads, so that it is
// still there when the view is.
func (s *Session) viewQuery(n *ast.ViewStmt) (*query.Query, error) {
	q, err := analyze.AnalyzeView(s.Analyze(s.View()), n.Query)
	if err != nil {
		return nil, err
	}
	locked := false
	for _, d := range query.QueryDependencies(q) {
		if uint32(d.Class) != catalog.RelationRelation {
			continue
		}
		if err := s.lockTable(d.OID, kv.AccessShare); err != nil {
			return nil, err
		}
		locked = true
	}
	if locked {
		if q, err = analyze.AnalyzeView(s.Analyze(s.View()), n.Query); err != nil {
			return nil, err
		}
	}
	if q.HasModifyingCTE {
		return nil, pgerr.New(pgerr.FeatureNotSupportedCode, "views must not contain data-modifying statements in WITH")
	}
	return q, nil
}

// viewColumns are the view's columns, named as its query's or by the column
// list.
func (s *Session) viewColumns(v catalog.View, n *ast.ViewStmt, q *query.Query) ([]*newColumn, error) {
	names := ast.Strings(n.Aliases)
	var cols []*newColumn
	seen := map[string]bool{}
	for _, te := range q.TargetList {
		if te.Resjunk {
			continue
		}
		if len(cols) < len(names) {
			te.Resname, te.HasName = names[len(cols)], true
		}
		typ, err := v.Type(te.Expr.Type())
		if err != nil {
			return nil, err
		}
		if typ.Type == catalog.TyptypePseudo {
			return nil, pgerr.Newf(pgerr.InvalidTableDefinition, "column \"%s\" has pseudo-type %s", te.Resname, s.typeText(typ.OID))
		}
		cols = append(cols, &newColumn{def: &ast.ColumnDef{Colname: te.Resname, TypeName: &ast.TypeName{}}, typ: typ,
			typmod: te.Expr.Typmod(), collate: te.Expr.Collation()})
	}
	if len(names) > len(cols) {
		return nil, pgerr.New(pgerr.SyntaxError, "CREATE VIEW specifies more column names than columns")
	}
	for _, c := range cols {
		if seen[c.def.Colname] {
			return nil, pgerr.Newf(pgerr.DuplicateColumn, "column \"%s\" specified more than once", c.def.Colname)
		}
		seen[c.def.Colname] = true
	}
	return cols, nil
}

func (s *Session) insertView(schema *catalog.Schema, name string, cols []*newColumn, q *query.Query) error {
	w := s.writer()
	oid, err := w.NewOID()
	if err != nil {
		return err
	}
	rowType, err := s.insertRowType(w, schema.OID, name, oid)
	if err != nil {
		return err
	}
	class := catalog.PgClass{
		OID: oid, Relname: name, Relnamespace: schema.OID, Reltype: rowType, Relowner: s.Role.OID, Reltuples: -1,
		Relpersistence: catalog.PersistencePermanent, Relkind: catalog.RelkindView, Relnatts: int16(len(cols)),
		Relhasrules: true, Relispopulated: true, Relreplident: 'n',
	}
	if err := w.Insert(catalog.RelationRelation, class.Row()); err != nil {
		return err
	}
	if err := addViewColumns(w, oid, cols, 0); err != nil {
		return err
	}
	view := object{catalog.RelationRelation, oid, 0}
	if err := depend(w, view, object{catalog.NamespaceRelation, schema.OID, 0}, dependNormal); err != nil {
		return err
	}
	if err := dependOnOwner(w, view, s.Role.OID); err != nil {
		return err
	}
	rule, err := w.NewOID()
	if err != nil {
		return err
	}
	row, err := ruleRow(rule, oid, q)
	if err != nil {
		return err
	}
	if err := w.Insert(catalog.RewriteRelation, row.Row()); err != nil {
		return err
	}
	return dependRule(w, rule, oid, q)
}

// addViewColumns writes pg_attribute rows from column number have + 1 on.
func addViewColumns(w *catalog.Writer, oid uint32, cols []*newColumn, have int) error {
	for i := have; i < len(cols); i++ {
		att := attribute(oid, int16(i+1), cols[i])
		if err := w.Insert(catalog.AttributeRelation, att.Row()); err != nil {
			return err
		}
	}
	return nil
}

// ruleRow is the rule that says what a view stands for.
func ruleRow(rule, view uint32, q *query.Query) (*catalog.PgRewrite, error) {
	action, err := query.EncodeQuery(nil, q)
	if err != nil {
		return nil, err
	}
	return &catalog.PgRewrite{OID: rule, Rulename: "_RETURN", EvClass: view, EvType: '1', EvEnabled: 'O', IsInstead: true,
		EvQual: []byte{}, EvAction: action}, nil
}

func dependRule(w *catalog.Writer, rule, view uint32, q *query.Query) error {
	from := object{catalog.RewriteRelation, rule, 0}
	if err := depend(w, from, object{catalog.RelationRelation, view, 0}, dependInternal); err != nil {
		return err
	}
	if err := depend(w, from, object{catalog.RelationRelation, view, 0}, dependNormal); err != nil {
		return err
	}
	for _, d := range query.QueryDependencies(q) {
		on := object{uint32(d.Class), d.OID, int32(d.Sub)}
		if on.sub < 0 {
			on.sub = 0 // system columns cannot be dropped alone
		}
		if err := depend(w, from, on, dependNormal); err != nil {
			return err
		}
	}
	return nil
}

// replaceView gives a view another query; its columns stay, more may follow.
func (s *Session) replaceView(rv *ast.RangeVar, cols []*newColumn, q *query.Query) error {
	c, err := s.lockedRelation(rv, false)
	if err != nil {
		return err
	}
	if c.Relkind != catalog.RelkindView {
		return wrongRelkind(c.Relname, "view")
	}
	if err := s.renamable(c); err != nil {
		return err
	}
	for _, d := range query.QueryDependencies(q) {
		if uint32(d.Class) == catalog.RelationRelation && d.OID == c.OID {
			return pgerr.Newf(pgerr.InvalidObjectDefinition, "infinite recursion detected in rules for relation \"%s\"", c.Relname)
		}
	}
	t, err := s.View().Relation(c.OID)
	if err != nil {
		return err
	}
	if err := s.sameViewColumns(t, cols); err != nil {
		return err
	}
	w := s.writer()
	if err := addViewColumns(w, c.OID, cols, len(t.Columns)); err != nil {
		return err
	}
	if err := updateClass(w, c.OID, func(c *catalog.PgClass) { c.Relnatts = int16(len(cols)) }); err != nil {
		return err
	}
	var old []data.Datum
	err = w.Rows(catalog.RewriteRelationIndex, func(row []data.Datum) error {
		if catalog.ReadPgRewrite(row).Rulename == "_RETURN" {
			old = row
		}
		return nil
	}, catalog.OID(c.OID))
	if err != nil {
		return err
	}
	if old == nil {
		return pgerr.Internal("view \"%s\" has no rule", c.Relname)
	}
	rule := catalog.ReadPgRewrite(old).OID
	row, err := ruleRow(rule, c.OID, q)
	if err != nil {
		return err
	}
	if err := w.Update(catalog.RewriteRelation, old, row.Row()); err != nil {
		return err
	}
	if err := forget(w, object{catalog.RewriteRelation, rule, 0}); err != nil {
		return err
	}
	return dependRule(w, rule, c.OID, q)
}

// sameViewColumns demands that the columns a view has stay as they are.
func (s *Session) sameViewColumns(t *catalog.Table, cols []*newColumn) error {
	if len(cols) < len(t.Columns) {
		return pgerr.New(pgerr.InvalidTableDefinition, "cannot drop columns from view")
	}
	for i := range t.Columns {
		have, want := &t.Columns[i], cols[i]
		if have.Name != want.def.Colname {
			return pgerr.Newf(pgerr.InvalidTableDefinition, "cannot change name of view column \"%s\" to \"%s\"", have.Name, want.def.Colname).
				WithHint("Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.")
		}
		if have.TypeOID != want.typ.OID || have.Typmod != want.typmod {
			return pgerr.Newf(pgerr.InvalidTableDefinition, "cannot change data type of view column \"%s\" from %s to %s", have.Name,
				s.typeTextMod(have.TypeOID, have.Typmod), s.typeTextMod(want.typ.OID, want.typmod))
		}
		if have.Collation != want.collate {
			names := [2]string{}
			for j, oid := range []uint32{have.Collation, want.collate} {
				c, err := s.View().Collation(oid)
				if err != nil {
					return err
				}
				if c != nil {
					names[j] = c.Name
				}
			}
			return pgerr.Newf(pgerr.InvalidTableDefinition, "cannot change collation of view column \"%s\" from \"%s\" to \"%s\"",
				have.Name, names[0], names[1])
		}
	}
	return nil
}
