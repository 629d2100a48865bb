package ddl

import (
	"slices"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// foreignDraft is a foreign key before it is written.
type foreignDraft struct {
	con     *ast.Constraint
	columns []string
}

// pendingForeign is a foreign key that rows have yet to pass.
type pendingForeign struct{ name string }

// addForeign takes a FOREIGN KEY or REFERENCES clause.
func (d *tableDraft) addForeign(con *ast.Constraint, columns []string) error {
	switch {
	case con.Deferrable || con.Initdeferred:
		return unsupported("deferrable constraints")
	case len(con.FkDelSetCols) > 0:
		return unsupported("ON DELETE SET with a list of columns")
	}
	d.foreign = append(d.foreign, &foreignDraft{con, columns})
	return nil
}

// addForeignKey writes a foreign key of a table. Whether its rows pass is the
// caller's part. Both tables are locked against writers.
func (s *Session) addForeignKey(w *catalog.Writer, oid uint32, f *foreignDraft) (*pendingForeign, error) {
	if err := s.lockTable(oid, kv.ShareRowExclusive); err != nil {
		return nil, err
	}
	v, ref, err := s.lockedTable(f.con.Pktable, func(oid uint32) error { return s.lockTable(oid, kv.ShareRowExclusive) })
	if err != nil {
		return nil, err
	}
	t, err := v.Relation(oid)
	if err != nil {
		return nil, err
	}
	if ref.Relkind != catalog.RelkindTable {
		return nil, pgerr.Newf(pgerr.WrongObjectType, "referenced relation \"%s\" is not a table", ref.Name)
	}
	if ref.IsCatalog {
		return nil, pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied: \"%s\" is a system catalog", ref.Name)
	}
	cols, err := foreignColumns(t, f.columns)
	if err != nil {
		return nil, err
	}
	refCols, index, err := referencedColumns(ref, ast.Strings(f.con.PkAttrs), len(cols))
	if err != nil {
		return nil, err
	}
	names, err := constraintNames(w, t.OID)
	if err != nil {
		return nil, err
	}
	name := f.con.Conname
	if name == "" {
		name = chooseConstraintName(names, t.Name, joinColumns(f.columns), "fkey")
	} else if names[name] {
		return nil, pgerr.Newf(pgerr.DuplicateObject, "constraint \"%s\" for relation \"%s\" already exists", name, t.Name)
	}
	ops, err := s.foreignOperators(v, name, t, cols, ref, refCols)
	if err != nil {
		return nil, err
	}
	row := catalog.PgConstraint{Conname: name, Connamespace: t.Schema, Contype: catalog.ConstraintForeign,
		Convalidated: !f.con.SkipValidation, Conrelid: t.OID, Conindid: index, Confrelid: ref.OID,
		Confupdtype: actionOf(f.con.FkUpdAction), Confdeltype: actionOf(f.con.FkDelAction), Confmatchtype: f.con.FkMatchtype[0],
		Conislocal: true, Connoinherit: true, Conkey: cols, Confkey: refCols, Conpfeqop: ops, Conppeqop: ops, Conffeqop: ops}
	return &pendingForeign{name}, s.storeForeignKey(w, t, ref, row)
}

func (s *Session) storeForeignKey(w *catalog.Writer, t, ref *catalog.Table, row catalog.PgConstraint) error {
	var err error
	if row.OID, err = w.NewOID(); err != nil {
		return err
	}
	if err := w.Insert(catalog.ConstraintRelation, row.Row()); err != nil {
		return err
	}
	con := object{catalog.ConstraintRelation, row.OID, 0}
	if err := dependOnColumns(w, con, t.OID, row.Conkey, dependAuto); err != nil {
		return err
	}
	if err := dependOnColumns(w, con, ref.OID, row.Confkey, dependNormal); err != nil {
		return err
	}
	if err := depend(w, con, object{catalog.RelationRelation, row.Conindid, 0}, dependNormal); err != nil {
		return err
	}
	// As in PostgreSQL, where triggers do the checks. It also makes everybody look at both tables anew.
	for _, oid := range []uint32{t.OID, ref.OID} {
		if err := updateClass(w, oid, func(c *catalog.PgClass) { c.Relhastriggers = true }); err != nil {
			return err
		}
	}
	return nil
}

func actionOf(s string) byte {
	if s == "" {
		return 'a'
	}
	return s[0]
}

func foreignColumns(t *catalog.Table, names []string) ([]int16, error) {
	var cols []int16
	for _, name := range names {
		c := t.Column(name)
		if c == nil {
			return nil, pgerr.Newf(pgerr.UndefinedColumn, "column \"%s\" referenced in foreign key constraint does not exist", name)
		}
		cols = append(cols, c.Num)
	}
	return cols, nil
}

// referencedColumns finds the referenced columns, those of the primary key where
// none are named, and the unique index over them.
func referencedColumns(ref *catalog.Table, names []string, n int) ([]int16, uint32, error) {
	var cols []int16
	if len(names) == 0 {
		pk := ref.PrimaryKey
		if pk == nil {
			return nil, 0, pgerr.Newf(pgerr.UndefinedObject, "there is no primary key for referenced table \"%s\"", ref.Name)
		}
		for _, c := range pk.Columns[:pk.NumKeys] {
			cols = append(cols, c.Attnum)
		}
		names = make([]string, len(cols))
	} else {
		var err error
		if cols, err = foreignColumns(ref, names); err != nil {
			return nil, 0, err
		}
	}
	if len(cols) != n {
		return nil, 0, pgerr.New(pgerr.InvalidForeignKey,
			"number of referencing and referenced columns for foreign key disagree")
	}
	for i := range cols {
		if slices.Contains(cols[:i], cols[i]) {
			return nil, 0, pgerr.New(pgerr.InvalidForeignKey, "foreign key referenced-columns list must not contain duplicates")
		}
	}
	for _, ix := range ref.Indexes {
		if ix.Unique && ix.Immediate && ix.Predicate == nil && ix.Exprs == nil && sameColumnSet(ix, cols) {
			return cols, ix.OID, nil
		}
	}
	return nil, 0, pgerr.Newf(pgerr.InvalidForeignKey,
		"there is no unique constraint matching given keys for referenced table \"%s\"", ref.Name)
}

func sameColumnSet(ix *catalog.Index, cols []int16) bool {
	if ix.NumKeys != len(cols) {
		return false
	}
	for _, c := range ix.Columns[:ix.NumKeys] {
		if !slices.Contains(cols, c.Attnum) {
			return false
		}
	}
	return true
}

// foreignOperators finds the operator that compares each referenced column with
// the column that refers to it.
func (s *Session) foreignOperators(v catalog.View, name string, t *catalog.Table, cols []int16, ref *catalog.Table,
	refCols []int16) ([]uint32, error) {
	candidates, err := v.OperatorsByName("pg_catalog", "=")
	if err != nil {
		return nil, err
	}
	var ops []uint32
	for i := range cols {
		a, b := &ref.Columns[refCols[i]-1], &t.Columns[cols[i]-1]
		op := uint32(0)
		for _, c := range candidates {
			if c.Left == comparedAs(a.TypeOID) && c.Right == comparedAs(b.TypeOID) {
				op = c.OID
			}
		}
		if op == 0 {
			return nil, pgerr.Newf(pgerr.DatatypeMismatch, "foreign key constraint \"%s\" cannot be implemented", name).
				WithDetailf("Key columns \"%s\" and \"%s\" are of incompatible types: %s and %s.", b.Name, a.Name,
					s.typeText(b.TypeOID), s.typeText(a.TypeOID))
		}
		ops = append(ops, op)
	}
	return ops, nil
}

// comparedAs is the type whose operators a type uses.
func comparedAs(oid uint32) uint32 {
	if oid == types.Varchar {
		return types.Text
	}
	return oid
}

// checkForeign makes sure that the rows of a table pass a foreign key.
func (s *Session) checkForeign(v catalog.View, t *catalog.Table, name string) error {
	for _, con := range t.ForeignKeys {
		if con.Name != name {
			continue
		}
		ref, err := v.Relation(con.RefTable)
		if err != nil {
			return err
		}
		if err := s.lockTable(ref.OID, kv.RowShare); err != nil {
			return err
		}
		return s.CheckForeign(t, ref, con)
	}
	return nil
}

// validateConstraint is VALIDATE CONSTRAINT.
func (a *alteration) validateConstraint(cmd *ast.AlterTableCmd) error {
	v, t, err := a.table()
	if err != nil {
		return err
	}
	rows, err := constraintRows(a.w, t.OID)
	if err != nil {
		return err
	}
	con := constraintNamed(rows, cmd.Name)
	switch {
	case con == nil:
		return pgerr.Newf(pgerr.UndefinedObject, "constraint \"%s\" of relation \"%s\" does not exist", cmd.Name, t.Name)
	case con.Contype != catalog.ConstraintForeign && con.Contype != catalog.ConstraintCheck:
		return pgerr.Newf(pgerr.WrongObjectType, "constraint \"%s\" of relation \"%s\" is not a foreign key or check constraint",
			cmd.Name, t.Name)
	case con.Convalidated:
		return nil
	}
	if err := a.s.checkForeign(v, t, con.Conname); err != nil {
		return err
	}
	old, err := a.w.Find(catalog.ConstraintOIDIndex, catalog.OID(con.OID))
	if err != nil {
		return err
	}
	con.Convalidated = true
	if err := a.w.Update(catalog.ConstraintRelation, old, con.Row()); err != nil {
		return err
	}
	return updateClass(a.w, t.OID, func(*catalog.PgClass) {})
}

// lockLevel is the weakest lock under which all subcommands may run.
func lockLevel(cmds []ast.Node) kv.ObjectMode {
	level := kv.ShareUpdateExclusive
	for _, n := range cmds {
		cmd := n.(*ast.AlterTableCmd)
		switch cmd.Subtype {
		case ast.AT_ValidateConstraint:
		case ast.AT_AddConstraint:
			if c, ok := cmd.Def.(*ast.Constraint); ok && c.Contype == ast.CONSTR_FOREIGN {
				level = max(level, kv.ShareRowExclusive)
				continue
			}
			return kv.AccessExclusive
		default:
			return kv.AccessExclusive
		}
	}
	return level
}

// refuseTruncate rejects truncating a table that a table outside of the list refers to.
func refuseTruncate(v catalog.View, t *catalog.Table, list []uint32) error {
	for _, con := range t.Referenced {
		if slices.Contains(list, con.Table) {
			continue
		}
		other, err := v.Relation(con.Table)
		if err != nil {
			return err
		}
		return pgerr.New(pgerr.FeatureNotSupportedCode, "cannot truncate a table referenced in a foreign key constraint").
			WithDetailf("Table \"%s\" references \"%s\".", other.Name, t.Name).
			WithHintf("Truncate table \"%s\" at the same time, or use TRUNCATE ... CASCADE.", other.Name)
	}
	return nil
}

// quoteColumns writes column names for a statement, each after prefix.
func quoteColumns(t *catalog.Table, nums []int16, prefix string) []string {
	out := make([]string, len(nums))
	for i, n := range nums {
		out[i] = prefix + types.QuoteIdent(t.Columns[n-1].Name)
	}
	return out
}

// ForeignMissing is the query that finds a row without a referenced row.
func ForeignMissing(t, ref *catalog.Table, con *catalog.Constraint) string {
	fk, pk := quoteColumns(t, con.Columns, "fk."), quoteColumns(ref, con.RefColumns, "pk.")
	var on, where []string
	for i := range fk {
		on = append(on, pk[i]+" OPERATOR(pg_catalog.=) "+fk[i])
		where = append(where, fk[i]+" IS NOT NULL")
	}
	and := " AND "
	if con.MatchType == 'f' {
		and = " OR "
	}
	name := func(t *catalog.Table) string { return types.QuoteIdent(t.SchemaName) + "." + types.QuoteIdent(t.Name) }
	return "SELECT " + strings.Join(fk, ", ") + " FROM ONLY " + name(t) + " fk LEFT OUTER JOIN ONLY " + name(ref) + " pk ON (" +
		strings.Join(on, " AND ") + ") WHERE " + pk[0] + " IS NULL AND (" + strings.Join(where, and) + ")"
}
