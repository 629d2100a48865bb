package ddl

import (
	"github.com/pgzdb/pgz/server/pkg/analyze"
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// maxColumns is PostgreSQL's limit of columns a table can have, dropped ones
// included.
const maxColumns = 1600

// addColumn is ADD COLUMN. Rows that are there show a constant default without
// being touched; other defaults are computed row by row.
func (a *alteration) addColumn(cmd *ast.AlterTableCmd) error {
	s := a.s
	v, t, err := a.table()
	if err != nil {
		return err
	}
	def := cmd.Def.(*ast.ColumnDef)
	if t.Column(def.Colname) != nil {
		if cmd.MissingOk {
			s.notice(pgerr.DuplicateColumn, "column \"%s\" of relation \"%s\" already exists, skipping", def.Colname, t.Name)
			return nil
		}
		return pgerr.Newf(pgerr.DuplicateColumn, "column \"%s\" of relation \"%s\" already exists", def.Colname, t.Name)
	}
	if len(t.Columns) >= maxColumns {
		return pgerr.Newf(pgerr.TooManyColumns, "tables can have at most %d columns", maxColumns)
	}
	d := &tableDraft{}
	if err := s.draftColumn(v, d, def, t.Name); err != nil {
		return err
	}
	if d.primary && t.PrimaryKey != nil {
		return pgerr.Newf(pgerr.InvalidTableDefinition, "multiple primary keys for table \"%s\" are not allowed", t.Name).AtByte(-1)
	}
	c, num := d.columns[0], int16(len(t.Columns)+1)
	att := attribute(t.OID, num, c)
	if err := a.w.Insert(catalog.AttributeRelation, att.Row()); err != nil {
		return err
	}
	if err := updateClass(a.w, t.OID, func(c *catalog.PgClass) { c.Relnatts = num }); err != nil {
		return err
	}
	if err := a.newDefault(t, c, num); err != nil {
		return err
	}
	if c.notNull {
		a.notNull = append(a.notNull, num)
	}
	for _, con := range d.checks {
		if err := a.addConstraint(con); err != nil {
			return err
		}
	}
	for _, k := range d.keys {
		if err := a.addKey(k); err != nil {
			return err
		}
	}
	return nil
}

// newDefault stores the default of a new column and decides what rows that are
// there show.
func (a *alteration) newDefault(t *catalog.Table, c *newColumn, num int16) error {
	s := a.s
	if c.serial != nil {
		in, err := s.View().Schema(t.Schema)
		if err != nil {
			return err
		}
		if err := s.addSerials(a.w, t.OID, in, []*newColumn{c}); err != nil {
			return err
		}
		_, now, err := a.table()
		if err != nil {
			return err
		}
		e, err := query.DecodeExpr(now.Columns[num-1].Default)
		a.fill[num], a.rewrite = e, true
		return err
	}
	if c.raw == nil {
		return nil
	}
	v := s.View()
	e, err := analyze.AnalyzeExpr(s.Analyze(v), c.raw, analyze.PlaceDefault,
		analyze.ExprTarget{Column: c.def.Colname, Type: c.typ.OID, Typmod: c.typmod})
	if err != nil {
		return unplaced(err)
	}
	if err := s.storeDefault(a.w, t.OID, num, e); err != nil {
		return err
	}
	volatility, err := analyze.Volatility(v, e)
	if err != nil {
		return err
	}
	if volatility == catalog.VolatileVolatile {
		a.fill[num], a.rewrite = e, true
		return nil
	}
	return a.missingValue(v, t, c, num, e)
}

// missingValue evaluates a default once, for all rows that are there.
func (a *alteration) missingValue(v catalog.View, t *catalog.Table, c *newColumn, num int16, e query.Expr) error {
	compiled, err := planner.CompileOverTable(a.s.Plan(v), e)
	if err != nil {
		return err
	}
	ctx := a.s.EvalCtx()
	d, err := compiled.Eval(ctx, nil)
	if err != nil || d.IsNull() {
		return err
	}
	array := arrayOf(types.Get(c.typ.OID), []data.Datum{d})
	return updateAttribute(a.w, t.OID, num, func(at *catalog.PgAttribute) {
		at.Atthasmissing, at.Attmissingval = true, array
	})
}

// columnDefault is SET DEFAULT and DROP DEFAULT.
func (a *alteration) columnDefault(cmd *ast.AlterTableCmd) error {
	t, col, err := a.column(cmd.Name)
	if err != nil {
		return err
	}
	if err := a.removeDefault(t, col); err != nil || cmd.Def == nil {
		return err
	}
	return unplaced(a.s.addDefault(a.w, a.s.View(), t, col, cmd.Def))
}

// removeDefault drops a column's default, if it has one.
func (a *alteration) removeDefault(t *catalog.Table, col *catalog.Column) error {
	if !col.HasDefault {
		return nil
	}
	row, err := a.w.Find(catalog.AttrDefaultIndex, catalog.OID(t.OID), catalog.Int2(col.Num))
	if err != nil || row == nil {
		return err
	}
	return a.drop(object{catalog.AttrDefaultRelation, catalog.ReadPgAttrdef(row).OID, 0}, false)
}

// drop drops an object of the table and what depends on it.
func (a *alteration) drop(o object, cascade bool) error {
	d := &dropper{s: a.s, w: a.w, cascade: cascade, rekeys: true, auto: map[object]bool{}, targets: map[object]bool{o: true}, order: []object{o}}
	return d.run()
}

// dropColumn is DROP COLUMN.
func (a *alteration) dropColumn(cmd *ast.AlterTableCmd) error {
	_, t, err := a.table()
	if err != nil {
		return err
	}
	col := t.Column(cmd.Name)
	if col == nil {
		if systemColumnNames[cmd.Name] {
			return pgerr.Newf(pgerr.FeatureNotSupportedCode, "cannot drop system column \"%s\"", cmd.Name)
		}
		if cmd.MissingOk {
			a.s.notice(pgerr.SuccessfulCompletion, "column \"%s\" of relation \"%s\" does not exist, skipping", cmd.Name, t.Name)
			return nil
		}
		return undefinedColumn(cmd.Name, t.Name)
	}
	return a.drop(object{catalog.RelationRelation, t.OID, int32(col.Num)}, cmd.Behavior == ast.DROP_CASCADE)
}

// columnNotNull is SET NOT NULL and DROP NOT NULL.
func (a *alteration) columnNotNull(cmd *ast.AlterTableCmd, set bool) error {
	t, col, err := a.column(cmd.Name)
	if err != nil || col.NotNull == set {
		return err
	}
	if set {
		a.notNull = append(a.notNull, col.Num)
	} else if t.PrimaryKey != nil {
		for _, k := range t.PrimaryKey.Columns {
			if k.Attnum == col.Num {
				return pgerr.Newf(pgerr.InvalidTableDefinition, "column \"%s\" is in a primary key", col.Name)
			}
		}
	}
	if err := updateAttribute(a.w, t.OID, col.Num, func(at *catalog.PgAttribute) { at.Attnotnull = set }); err != nil {
		return err
	}
	return updateClass(a.w, t.OID, func(*catalog.PgClass) {})
}

// maxStatisticsTarget is PostgreSQL's.
const maxStatisticsTarget = 10000

// columnStatistics is SET STATISTICS.
func (a *alteration) columnStatistics(cmd *ast.AlterTableCmd) error {
	if cmd.Name == "" {
		return pgerr.New(pgerr.FeatureNotSupportedCode, "cannot refer to non-index column by number")
	}
	t, col, err := a.column(cmd.Name)
	if err != nil {
		return err
	}
	n, ok := cmd.Def.(*ast.Integer)
	if !ok {
		return unsupported("this form of SET STATISTICS")
	}
	target := n.Ival
	if target < -1 {
		return pgerr.Newf(pgerr.InvalidParameterValue, "statistics target %d is too low", target)
	}
	if target > maxStatisticsTarget {
		target = maxStatisticsTarget
		a.s.Notice(pgerr.Warning(pgerr.InvalidParameterValue, "lowering statistics target to %d", target))
	}
	if err := updateAttribute(a.w, t.OID, col.Num, func(at *catalog.PgAttribute) { at.Attstattarget = target }); err != nil {
		return err
	}
	return updateClass(a.w, t.OID, func(*catalog.PgClass) {})
}
