package ddl

import (
	"github.com/pgzdb/pgz/server/pkg/analyze"
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/parser"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// columnType is ALTER COLUMN TYPE. Indexes over the column and its default
// follow; checks and expressions over it do not yet.
func (a *alteration) columnType(cmd *ast.AlterTableCmd) error {
	s := a.s
	t, col, err := a.column(cmd.Name)
	if err != nil {
		return err
	}
	def := *cmd.Def.(*ast.ColumnDef)
	def.Colname = cmd.Name
	if serialType(def.TypeName) != 0 {
		return pgerr.Newf(pgerr.UndefinedObject, "type \"%s\" does not exist", ast.Strings(def.TypeName.Names)[0])
	}
	v := s.View()
	c, err := s.readColumn(v, &def)
	if err != nil {
		return unplaced(err)
	}
	if err := a.typeDependents(t, col); err != nil {
		return err
	}
	e, err := a.conversion(v, col, c, def.RawDefault)
	if err != nil {
		return err
	}
	plain := isColumn(e) && !col.HasMissing
	for _, ix := range t.Indexes {
		uses, err := a.indexType(v, ix, col, c)
		if err != nil {
			return err
		}
		plain = plain && !uses
	}
	if !plain {
		a.fill[col.Num], a.rewrite = e, true
	}
	defaultText, err := a.defaultText(v, t, col)
	if err != nil {
		return err
	}
	if err := a.removeDefault(t, col); err != nil {
		return err
	}
	err = updateAttribute(a.w, t.OID, col.Num, func(at *catalog.PgAttribute) {
		at.Atttypid, at.Atttypmod, at.Attlen, at.Attbyval = c.typ.OID, c.typmod, c.typ.Len, c.typ.ByVal
		at.Attalign, at.Attstorage, at.Attcollation = c.typ.Align, c.typ.Storage, c.collate
		at.Attndims = int32(len(def.TypeName.ArrayBounds))
		if !plain {
			at.Atthasmissing, at.Attmissingval = false, nil
		}
	})
	if err != nil {
		return err
	}
	if err := deleteRows(a.w, catalog.StatisticRelation, catalog.StatisticIndex, catalog.OID(t.OID), catalog.Int2(col.Num)); err != nil {
		return err
	}
	if err := updateClass(a.w, t.OID, func(*catalog.PgClass) {}); err != nil {
		return err
	}
	return a.restoreDefault(col.Name, defaultText, c)
}

// isColumn tells whether an expression shows a stored column as it is.
func isColumn(e query.Expr) bool {
	if r, ok := e.(*query.RelabelType); ok {
		e = r.Arg
	}
	_, ok := e.(*query.Var)
	return ok
}

// typeDependents rejects a change under views and expressions.
func (a *alteration) typeDependents(t *catalog.Table, col *catalog.Column) error {
	d := &dropper{s: a.s, w: a.w}
	return a.eachDependent(t.OID, func(r *catalog.PgDepend) error {
		if r.Refobjsubid != int32(col.Num) {
			return nil
		}
		switch r.Classid {
		case catalog.RewriteRelation:
			what, err := d.describe(object{r.Classid, r.Objid, 0})
			if err != nil {
				return err
			}
			return pgerr.New(pgerr.FeatureNotSupportedCode, "cannot alter type of a column used by a view or rule").
				WithDetailf("%s depends on column \"%s\"", what, col.Name)
		case catalog.ConstraintRelation:
			row, err := a.w.Find(catalog.ConstraintOIDIndex, catalog.OID(r.Objid))
			if err != nil || row == nil {
				return err
			}
			switch catalog.ReadPgConstraint(row).Contype {
			case catalog.ConstraintCheck:
				return unsupported("ALTER COLUMN TYPE of a column that a check constraint uses")
			case catalog.ConstraintForeign:
				return unsupported("ALTER COLUMN TYPE of a column in a foreign key")
			}
		case catalog.RelationRelation:
			ix := t.Index(r.Objid)
			if ix != nil && (len(ix.Exprs) > 0 || len(ix.Predicate) > 0) {
				return unsupported("ALTER COLUMN TYPE of a column that an index expression uses")
			}
		}
		return nil
	})
}

// conversion is the expression that makes new values of old ones.
func (a *alteration) conversion(v catalog.View, col *catalog.Column, c *newColumn, using ast.Node) (query.Expr, error) {
	raw := using
	if raw == nil {
		raw = &ast.ColumnRef{Fields: []ast.Node{&ast.String{Sval: col.Name}}, Location: -1}
	}
	e, err := analyze.AnalyzeExpr(a.s.Analyze(v), raw, analyze.PlaceAlterUsing,
		analyze.ExprTarget{Table: a.old, Column: col.Name, Type: c.typ.OID, Typmod: c.typmod})
	if err != nil && using == nil && pgerr.Code(err) == pgerr.DatatypeMismatch {
		text := a.s.typeTextMod(c.typ.OID, c.typmod)
		return nil, pgerr.Newf(pgerr.DatatypeMismatch, "column \"%s\" cannot be cast automatically to type %s", col.Name, a.s.typeText(c.typ.OID)).
			WithHintf("You might need to specify \"USING %s::%s\".", types.QuoteIdent(col.Name), text)
	}
	return e, err
}

// indexType changes the type of an index's columns over col; false if there
// are none.
func (a *alteration) indexType(v catalog.View, ix *catalog.Index, col *catalog.Column, c *newColumn) (bool, error) {
	uses := false
	for i := range ix.Columns {
		if ix.Columns[i].Attnum != col.Num {
			continue
		}
		uses = true
		class, err := v.DefaultOpClass(ix.AM, c.typ.OID)
		if err != nil {
			return false, err
		}
		if typ := types.Get(c.typ.OID); class == nil || typ == nil || !rowcodec.Keyable(typ) {
			return false, unsupported("index columns of type " + a.s.typeText(c.typ.OID))
		}
		row, err := a.w.Find(catalog.IndexOIDIndex, catalog.OID(ix.OID))
		if err != nil || row == nil {
			return false, err
		}
		x := catalog.ReadPgIndex(row)
		x.Indclass[i], x.Indcollation[i] = class.OID, c.collate
		if err := a.w.Update(catalog.IndexRelation, row, x.Row()); err != nil {
			return false, err
		}
		err = updateAttribute(a.w, ix.OID, int16(i+1), func(at *catalog.PgAttribute) {
			at.Atttypid, at.Atttypmod, at.Attlen, at.Attbyval = c.typ.OID, c.typmod, c.typ.Len, c.typ.ByVal
			at.Attalign, at.Attstorage, at.Attcollation = c.typ.Align, c.typ.Storage, c.collate
		})
		if err != nil {
			return false, err
		}
	}
	return uses, nil
}

// defaultText is a column's default as SQL, "" if it has none.
func (a *alteration) defaultText(v catalog.View, t *catalog.Table, col *catalog.Column) (string, error) {
	if !col.HasDefault {
		return "", nil
	}
	e, err := query.DecodeExpr(col.Default)
	if err != nil {
		return "", err
	}
	d := query.Deparser{View: v, Types: a.s.EvalCtx().Types, Table: t}
	return d.Expr(e)
}

// restoreDefault gives a column of another type the default it had.
func (a *alteration) restoreDefault(column, text string, c *newColumn) error {
	if text == "" {
		return nil
	}
	list, err := parser.Parse("SELECT " + text)
	if err != nil {
		return err
	}
	sel, ok := list[0].Stmt.(*ast.SelectStmt)
	if !ok || len(sel.TargetList) != 1 {
		return pgerr.Internal("default of column \"%s\" cannot be read back", column)
	}
	t, col, err := a.column(column)
	if err != nil {
		return err
	}
	err = a.s.addDefault(a.w, a.s.View(), t, col, sel.TargetList[0].(*ast.ResTarget).Val)
	if err != nil && pgerr.Code(err) == pgerr.DatatypeMismatch {
		return pgerr.Newf(pgerr.DatatypeMismatch, "default for column \"%s\" cannot be cast automatically to type %s", column,
			a.s.typeText(c.typ.OID))
	}
	return unplaced(err)
}
