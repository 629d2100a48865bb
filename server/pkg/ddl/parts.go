package ddl

import (
	"sort"
	"strconv"

	"github.com/pgzdb/pgz/server/pkg/analyze"
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// typeText is a type's name as messages show it.
func (s *Session) typeText(oid uint32) string { return s.typeTextMod(oid, -1) }

func (s *Session) typeTextMod(oid uint32, typmod int32) string {
	return types.FormatType(s.EvalCtx().Types, oid, typmod)
}

// defText is the value of an option as text.
func defText(d *ast.DefElem) string {
	switch a := d.Arg.(type) {
	case *ast.Integer:
		return strconv.Itoa(int(a.Ival))
	case *ast.Float:
		return a.Fval
	case *ast.String:
		return a.Sval
	case *ast.Boolean:
		return strconv.FormatBool(a.Boolval)
	case *ast.TypeName:
		if names := ast.Strings(a.Names); len(names) > 0 {
			return names[len(names)-1]
		}
	case nil:
		return "true"
	}
	return ""
}

// addTableParts writes defaults, checks and keys of a draft to a new table
// whose rows in pg_class and pg_attribute are written.
func (s *Session) addTableParts(w *catalog.Writer, oid uint32, d *tableDraft) error {
	v := s.View()
	t, err := v.Relation(oid)
	if err != nil {
		return err
	}
	for _, c := range d.columns {
		if c.raw == nil {
			continue
		}
		if err := s.addDefault(w, v, t, t.Column(c.def.Colname), c.raw); err != nil {
			return err
		}
	}
	for _, con := range d.checks {
		if _, err := s.addCheck(w, v, t, con); err != nil {
			return err
		}
	}
	// The primary key comes first, whatever the order it was written in.
	sort.SliceStable(d.keys, func(i, j int) bool {
		return d.keys[i].con.Contype == ast.CONSTR_PRIMARY && d.keys[j].con.Contype != ast.CONSTR_PRIMARY
	})
	for _, k := range d.keys {
		if _, err := s.addKeyConstraint(w, oid, k); err != nil {
			return err
		}
	}
	for _, f := range d.foreign {
		f.con.SkipValidation = false // there are no rows yet
		if _, err := s.addForeignKey(w, oid, f); err != nil {
			return err
		}
	}
	return nil
}

// addDefault analyses and stores a column's default.
func (s *Session) addDefault(w *catalog.Writer, v catalog.View, t *catalog.Table, c *catalog.Column, raw ast.Node) error {
	e, err := analyze.AnalyzeExpr(s.Analyze(v), raw, analyze.PlaceDefault,
		analyze.ExprTarget{Column: c.Name, Type: c.TypeOID, Typmod: c.Typmod})
	if err != nil {
		return err
	}
	return s.storeDefault(w, t.OID, c.Num, e)
}

func (s *Session) storeDefault(w *catalog.Writer, table uint32, num int16, e query.Expr) error {
	if k, ok := e.(*query.Const); ok && k.Constisnull {
		return nil // DEFAULT NULL is no default
	}
	stored, err := query.EncodeExpr(nil, e)
	if err != nil {
		return err
	}
	oid, err := w.NewOID()
	if err != nil {
		return err
	}
	row := catalog.PgAttrdef{OID: oid, Adrelid: table, Adnum: num, Adbin: stored}
	if err := w.Insert(catalog.AttrDefaultRelation, row.Row()); err != nil {
		return err
	}
	if err := updateAttribute(w, table, num, func(a *catalog.PgAttribute) { a.Atthasdef = true }); err != nil {
		return err
	}
	def := object{catalog.AttrDefaultRelation, oid, 0}
	if err := depend(w, def, object{catalog.RelationRelation, table, int32(num)}, dependAuto); err != nil {
		return err
	}
	return dependOnExpr(w, def, e, table, dependAuto)
}

// constraintNames lists the names a table's constraints have.
func constraintNames(w *catalog.Writer, table uint32) (map[string]bool, error) {
	names := map[string]bool{}
	rows, err := constraintRows(w, table)
	for _, r := range rows {
		names[r.Conname] = true
	}
	return names, err
}

func constraintRows(w *catalog.Writer, table uint32) ([]*catalog.PgConstraint, error) {
	var out []*catalog.PgConstraint
	err := w.Rows(catalog.ConstraintRelidIndex, func(row []data.Datum) error {
		out = append(out, catalog.ReadPgConstraint(row))
		return nil
	}, catalog.OID(table))
	return out, err
}

// pendingCheck is a check constraint that rows have yet to pass.
type pendingCheck struct {
	name string
	expr query.Expr
}

// addCheck analyses and stores a check constraint. Whether rows pass it is the
// caller's part.
func (s *Session) addCheck(w *catalog.Writer, v catalog.View, t *catalog.Table, con *ast.Constraint) (*pendingCheck, error) {
	if con.SkipValidation {
		return nil, unsupported("NOT VALID constraints")
	}
	e, err := analyze.AnalyzeExpr(s.Analyze(v), con.RawExpr, analyze.PlaceCheck, analyze.ExprTarget{Table: t})
	if err != nil {
		return nil, err
	}
	names, err := constraintNames(w, t.OID)
	if err != nil {
		return nil, err
	}
	name := con.Conname
	if name == "" {
		name = chooseConstraintName(names, t.Name, onlyColumn(t, columnsOf(e)), "check")
	} else if names[name] {
		return nil, pgerr.Newf(pgerr.DuplicateObject, "constraint \"%s\" for relation \"%s\" already exists", name, t.Name)
	}
	return &pendingCheck{name, e}, s.storeCheck(w, t, name, e, con.IsNoInherit)
}

func (s *Session) storeCheck(w *catalog.Writer, t *catalog.Table, name string, e query.Expr, noInherit bool) error {
	cols := columnsOf(e)
	stored, err := query.EncodeExpr(nil, e)
	if err != nil {
		return err
	}
	oid, err := w.NewOID()
	if err != nil {
		return err
	}
	row := catalog.PgConstraint{OID: oid, Conname: name, Connamespace: t.Schema, Contype: catalog.ConstraintCheck,
		Convalidated: true, Conrelid: t.OID, Confupdtype: ' ', Confdeltype: ' ', Confmatchtype: ' ', Conislocal: true,
		Connoinherit: noInherit, Conkey: uniqueColumns(cols), Conbin: stored}
	if err := w.Insert(catalog.ConstraintRelation, row.Row()); err != nil {
		return err
	}
	if err := updateClass(w, t.OID, func(c *catalog.PgClass) { c.Relchecks++ }); err != nil {
		return err
	}
	from := object{catalog.ConstraintRelation, oid, 0}
	if len(cols) == 0 {
		if err := depend(w, from, object{catalog.RelationRelation, t.OID, 0}, dependAuto); err != nil {
			return err
		}
	}
	return dependOnExpr(w, from, e, t.OID, dependAuto)
}

// onlyColumn names the only column an expression reads, "" for none or several.
func onlyColumn(t *catalog.Table, cols []int16) string {
	u := uniqueColumns(cols)
	if len(u) != 1 || u[0] < 1 {
		return ""
	}
	return t.Columns[u[0]-1].Name
}

func uniqueColumns(cols []int16) []int16 {
	var out []int16
	seen := map[int16]bool{}
	for _, c := range cols {
		if !seen[c] {
			seen[c] = true
			out = append(out, c)
		}
	}
	return out
}

// addKeyConstraint makes the index and the constraint of PRIMARY KEY or UNIQUE.
// Rows that are there are the caller's part.
func (s *Session) addKeyConstraint(w *catalog.Writer, oid uint32, k *keyDraft) (index uint32, err error) {
	v := s.View()
	t, err := v.Relation(oid)
	if err != nil {
		return 0, err
	}
	primary := k.con.Contype == ast.CONSTR_PRIMARY
	if primary && t.PrimaryKey != nil {
		return 0, pgerr.Newf(pgerr.InvalidTableDefinition, "multiple primary keys for table \"%s\" are not allowed", t.Name)
	}
	options, err := relationOptions(k.con.Options, "btree")
	if err != nil {
		return 0, err
	}
	d := &indexDraft{table: t, method: btreeMethod, unique: true, primary: primary, nullsNotDistinct: k.con.NullsNotDistinct, options: options}
	for _, name := range k.columns {
		c := t.Column(name)
		if c == nil {
			return 0, pgerr.Newf(pgerr.UndefinedColumn, "column \"%s\" named in key does not exist", name).AtByte(k.con.Location)
		}
		for _, have := range d.columns {
			if have.num == c.Num {
				return 0, pgerr.Newf(pgerr.DuplicateColumn, "column \"%s\" appears twice in %s constraint", name,
					map[bool]string{true: "primary key", false: "unique"}[primary]).AtByte(k.con.Location)
			}
		}
		col, err := s.indexColumn(v, c, btreeMethod, nil)
		if err != nil {
			return 0, err
		}
		d.columns = append(d.columns, col)
	}
	var including []ast.Node
	for _, name := range ast.Strings(k.con.Including) {
		including = append(including, &ast.IndexElem{Name: name})
	}
	if err := s.include(v, d, including); err != nil {
		return 0, err
	}
	if d.name, err = s.keyName(w, v, t, k, primary); err != nil {
		return 0, err
	}
	if primary {
		if err := setNotNull(w, t, d); err != nil {
			return 0, err
		}
	}
	if index, err = s.makeIndex(w, d, true); err != nil {
		return 0, err
	}
	return index, s.insertKeyConstraint(w, t, d, index)
}

func (s *Session) keyName(w *catalog.Writer, v catalog.View, t *catalog.Table, k *keyDraft, primary bool) (string, error) {
	if k.con.Conname == "" {
		if primary {
			return chooseRelationName(v, t.SchemaName, t.Name, "", "pkey")
		}
		return chooseRelationName(v, t.SchemaName, t.Name, joinColumns(append(k.columns[:len(k.columns):len(k.columns)], ast.Strings(k.con.Including)...)), "key")
	}
	name := k.con.Conname
	oid, err := v.RelationOID(t.SchemaName, name)
	if err != nil {
		return "", err
	}
	if oid != 0 {
		return "", pgerr.Newf(pgerr.DuplicateTable, "relation \"%s\" already exists", name)
	}
	names, err := constraintNames(w, t.OID)
	if err == nil && names[name] {
		err = pgerr.Newf(pgerr.DuplicateObject, "constraint \"%s\" for relation \"%s\" already exists", name, t.Name)
	}
	return name, err
}

// setNotNull makes the columns of a primary key NOT NULL.
func setNotNull(w *catalog.Writer, t *catalog.Table, d *indexDraft) error {
	for i := range d.keys() {
		c := &t.Columns[d.columns[i].num-1]
		if c.NotNull {
			continue
		}
		if err := updateAttribute(w, t.OID, c.Num, func(a *catalog.PgAttribute) { a.Attnotnull = true }); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) insertKeyConstraint(w *catalog.Writer, t *catalog.Table, d *indexDraft, index uint32) error {
	oid, err := w.NewOID()
	if err != nil {
		return err
	}
	kind := byte(catalog.ConstraintUnique)
	if d.primary {
		kind = catalog.ConstraintPrimary
	}
	row := catalog.PgConstraint{OID: oid, Conname: d.name, Connamespace: t.Schema, Contype: kind, Convalidated: true,
		Conrelid: t.OID, Conindid: index, Confupdtype: ' ', Confdeltype: ' ', Confmatchtype: ' ', Conislocal: true,
		Connoinherit: true, Conkey: d.nums()[:len(d.keys())]}
	if err := w.Insert(catalog.ConstraintRelation, row.Row()); err != nil {
		return err
	}
	con := object{catalog.ConstraintRelation, oid, 0}
	if err := dependOnColumns(w, con, t.OID, d.nums(), dependAuto); err != nil {
		return err
	}
	return depend(w, object{catalog.RelationRelation, index, 0}, con, dependInternal)
}
