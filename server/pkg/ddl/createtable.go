package ddl

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/analyze"
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// newColumn is a column of CREATE TABLE or ADD COLUMN before it is written.
type newColumn struct {
	def      *ast.ColumnDef
	typ      *catalog.TypeDesc
	typmod   int32
	notNull  bool
	nullable bool     // declared NULL
	raw      ast.Node // default expression
	serial   *catalog.TypeDesc
	collate  uint32
}

// tableDraft collects what a CREATE TABLE or ALTER TABLE asks for.
type tableDraft struct {
	columns []*newColumn
	checks  []*ast.Constraint
	// keys are PRIMARY KEY and UNIQUE constraints; those on a column name it.
	keys    []*keyDraft
	foreign []*foreignDraft
	primary bool
}

type keyDraft struct {
	con     *ast.Constraint
	columns []string
}

func (s *Session) createTable(n *ast.CreateStmt) error {
	if err := unsupportedTable(n); err != nil {
		return err
	}
	v := s.View()
	schema, err := creationSchema(v, n.Relation)
	if err != nil {
		return err
	}
	exists, err := v.RelationOID(schema.Name, n.Relation.Relname)
	if err != nil {
		return err
	}
	if exists != 0 {
		if n.IfNotExists {
			s.notice(pgerr.DuplicateTable, "relation \"%s\" already exists, skipping", n.Relation.Relname)
			return nil
		}
		return pgerr.Newf(pgerr.DuplicateTable, "relation \"%s\" already exists", n.Relation.Relname)
	}
	options, err := relationOptions(n.Options, "heap")
	if err != nil {
		return err
	}
	d, err := s.draftTable(v, n)
	if err != nil {
		return err
	}
	w := s.writer()
	oid, err := s.insertTable(w, schema, n.Relation.Relname, d.columns, options)
	if err != nil {
		return err
	}
	if err := s.lockTable(oid, kv.AccessExclusive); err != nil {
		return err
	}
	if err := s.addSerials(w, oid, schema, d.columns); err != nil {
		return err
	}
	return s.addTableParts(w, oid, d)
}

func unsupportedTable(n *ast.CreateStmt) error {
	switch {
	case len(n.InhRelations) > 0:
		return unsupported("table inheritance and partitions")
	case n.Partspec != nil || n.Partbound != nil:
		return unsupported("partitioned tables")
	case n.OfTypename != nil:
		return unsupported("CREATE TABLE OF a type")
	case n.Oncommit != ast.ONCOMMIT_NOOP && n.Oncommit != 0 || n.Relation.Relpersistence == "t":
		return unsupported("temporary tables")
	case n.Relation.Relpersistence == "u":
		return unsupported("unlogged tables")
	case n.Tablespacename != "" && n.Tablespacename != "pg_default":
		return unsupported("tablespaces")
	case n.AccessMethod != "" && n.AccessMethod != "heap":
		return pgerr.Newf(pgerr.UndefinedObject, "access method \"%s\" does not exist", n.AccessMethod)
	}
	return nil
}

// relationOptions turns WITH (...) into reloptions. Storage parameters of
// PostgreSQL that mean nothing here are still checked and kept.
func relationOptions(list []ast.Node, _ string) ([]string, error) {
	var out []string
	for _, n := range list {
		d := n.(*ast.DefElem)
		value := defText(d)
		switch d.Defname {
		case "fillfactor":
			f, ok := parseInt(value)
			if !ok {
				return nil, pgerr.Newf(pgerr.InvalidParameterValue, "invalid value for integer option \"%s\": %s", d.Defname, value)
			}
			if f < 10 || f > 100 {
				return nil, pgerr.Newf(pgerr.InvalidParameterValue, "value %s out of bounds for option \"%s\"", value, d.Defname).
					WithDetail("Valid values are between \"10\" and \"100\".")
			}
		case "autovacuum_enabled", "toast_tuple_target", "parallel_workers", "user_catalog_table", "vacuum_truncate":
		case "oids":
			if value != "false" && value != "0" && value != "off" {
				return nil, pgerr.New(pgerr.FeatureNotSupportedCode, "tables declared WITH OIDS are not supported")
			}
			continue
		default:
			return nil, pgerr.Newf(pgerr.InvalidParameterValue, "unrecognized parameter \"%s\"", d.Defname)
		}
		out = append(out, d.Defname+"="+value)
	}
	return out, nil
}

// draftTable reads the elements of CREATE TABLE.
func (s *Session) draftTable(v catalog.View, n *ast.CreateStmt) (*tableDraft, error) {
	d := &tableDraft{}
	for _, e := range append(append([]ast.Node{}, n.TableElts...), n.Constraints...) {
		switch e := e.(type) {
		case *ast.ColumnDef:
			if err := s.draftColumn(v, d, e, n.Relation.Relname); err != nil {
				return nil, err
			}
		case *ast.Constraint:
			if err := d.addConstraint(e, n.Relation.Relname); err != nil {
				return nil, err
			}
		case *ast.TableLikeClause:
			return nil, unsupported("CREATE TABLE LIKE")
		default:
			return nil, unsupported(e.Tag())
		}
	}
	return d, nil
}

var systemColumnNames = map[string]bool{"tableoid": true, "xmin": true, "cmin": true, "xmax": true, "cmax": true, "ctid": true}

func (s *Session) draftColumn(v catalog.View, d *tableDraft, def *ast.ColumnDef, table string) error {
	for _, c := range d.columns {
		if c.def.Colname == def.Colname {
			return pgerr.Newf(pgerr.DuplicateColumn, "column \"%s\" specified more than once", def.Colname)
		}
	}
	c, err := s.readColumn(v, def)
	if err != nil {
		return err
	}
	d.columns = append(d.columns, c)
	for _, n := range def.Constraints {
		if err := d.columnConstraint(c, n.(*ast.Constraint), table); err != nil {
			return err
		}
	}
	return nil
}

// readColumn resolves a column's type and collation.
func (s *Session) readColumn(v catalog.View, def *ast.ColumnDef) (*newColumn, error) {
	if systemColumnNames[def.Colname] {
		return nil, pgerr.Newf(pgerr.DuplicateColumn, "column name \"%s\" conflicts with a system column name", def.Colname)
	}
	if def.Compression != "" || def.StorageName != "" {
		return nil, unsupported("column storage and compression")
	}
	c := &newColumn{def: def, typmod: -1}
	if serial := serialType(def.TypeName); serial != 0 {
		t, err := v.Type(serial)
		if err != nil {
			return nil, err
		}
		c.typ, c.serial, c.notNull = t, t, true
		return c, nil
	}
	oid, typmod, err := analyze.ResolveTypeName(s.Analyze(v), def.TypeName)
	if err != nil {
		return nil, err
	}
	if c.typ, err = v.Type(oid); err != nil {
		return nil, err
	}
	c.typmod = typmod
	if c.typ.Type == catalog.TyptypePseudo {
		return nil, pgerr.Newf(pgerr.InvalidTableDefinition, "column \"%s\" has pseudo-type %s", def.Colname,
			s.typeText(oid))
	}
	if t := types.Get(oid); t == nil || !t.Implemented() {
		return nil, unsupported("columns of type " + c.typ.Name)
	}
	c.collate = c.typ.Collation
	if def.CollClause != nil {
		return c, s.columnCollation(v, c, def.CollClause)
	}
	return c, nil
}

func (s *Session) columnCollation(v catalog.View, c *newColumn, clause *ast.CollateClause) error {
	names := ast.Strings(clause.Collname)
	schema, name := "", names[len(names)-1]
	if len(names) > 1 {
		schema = names[0]
	}
	coll, err := v.CollationByName(schema, name)
	if err != nil {
		return err
	}
	if coll == nil {
		return pgerr.Newf(pgerr.UndefinedObject, "collation \"%s\" for encoding \"UTF8\" does not exist",
			strings.Join(names, ".")).AtByte(clause.Location)
	}
	if c.typ.Collation == 0 {
		return pgerr.Newf(pgerr.DatatypeMismatch, "collations are not supported by type %s", s.typeText(c.typ.OID)).
			AtByte(clause.Location)
	}
	c.collate = coll.OID
	return nil
}

// serialType is the integer type behind serial and its relatives, 0 for other
// types.
func serialType(tn *ast.TypeName) uint32 {
	names := ast.Strings(tn.Names)
	if len(names) != 1 || len(tn.ArrayBounds) > 0 {
		return 0
	}
	switch names[0] {
	case "smallserial", "serial2":
		return types.Int2
	case "serial", "serial4":
		return types.Int4
	case "bigserial", "serial8":
		return types.Int8
	}
	return 0
}

// columnConstraint takes a constraint written with a column.
func (d *tableDraft) columnConstraint(c *newColumn, con *ast.Constraint, table string) error {
	switch con.Contype {
	case ast.CONSTR_NULL:
		if c.notNull && c.serial == nil {
			return pgerr.Newf(pgerr.SyntaxError, "conflicting NULL/NOT NULL declarations for column \"%s\" of table \"%s\"",
				c.def.Colname, table).AtByte(con.Location)
		}
		c.nullable = true
	case ast.CONSTR_NOTNULL:
		if c.nullable {
			return pgerr.Newf(pgerr.SyntaxError, "conflicting NULL/NOT NULL declarations for column \"%s\" of table \"%s\"",
				c.def.Colname, table).AtByte(con.Location)
		}
		c.notNull = true
	case ast.CONSTR_DEFAULT:
		if c.raw != nil || c.serial != nil {
			return pgerr.Newf(pgerr.SyntaxError, "multiple default values specified for column \"%s\" of table \"%s\"",
				c.def.Colname, table).AtByte(con.Location)
		}
		c.raw = con.RawExpr
	case ast.CONSTR_PRIMARY, ast.CONSTR_UNIQUE:
		return d.addKey(con, []string{c.def.Colname}, table)
	case ast.CONSTR_CHECK:
		d.checks = append(d.checks, con)
	case ast.CONSTR_IDENTITY:
		return unsupported("identity columns")
	case ast.CONSTR_GENERATED:
		return unsupported("generated columns")
	case ast.CONSTR_FOREIGN:
		return d.addForeign(con, []string{c.def.Colname})
	default:
		return unsupported("this kind of column constraint")
	}
	return nil
}

// addConstraint takes a constraint of the whole table.
func (d *tableDraft) addConstraint(con *ast.Constraint, table string) error {
	switch con.Contype {
	case ast.CONSTR_CHECK:
		d.checks = append(d.checks, con)
		return nil
	case ast.CONSTR_PRIMARY, ast.CONSTR_UNIQUE:
		return d.addKey(con, ast.Strings(con.Keys), table)
	case ast.CONSTR_FOREIGN:
		return d.addForeign(con, ast.Strings(con.FkAttrs))
	case ast.CONSTR_EXCLUSION:
		return unsupported("exclusion constraints")
	}
	return unsupported("this kind of table constraint")
}

func (d *tableDraft) addKey(con *ast.Constraint, cols []string, table string) error {
	switch {
	case con.Deferrable || con.Initdeferred:
		return unsupported("deferrable constraints")
	case con.Indexname != "":
		return unsupported("constraints USING INDEX")
	case con.NullsNotDistinct && con.Contype == ast.CONSTR_UNIQUE:
	}
	if con.Contype == ast.CONSTR_PRIMARY {
		if d.primary {
			return pgerr.Newf(pgerr.InvalidTableDefinition, "multiple primary keys for table \"%s\" are not allowed", table).
				AtByte(con.Location)
		}
		d.primary = true
		for _, name := range cols {
			for _, c := range d.columns {
				if c.def.Colname == name {
					c.notNull = true
				}
			}
		}
	}
	d.keys = append(d.keys, &keyDraft{con, cols})
	return nil
}
