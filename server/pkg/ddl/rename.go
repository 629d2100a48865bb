package ddl

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// rename is ALTER ... RENAME TO.
func (s *Session) rename(n *ast.RenameStmt) (string, error) {
	switch n.RenameType {
	case ast.OBJECT_TABLE:
		return "ALTER TABLE", s.renameRelation(n)
	case ast.OBJECT_INDEX:
		return "ALTER INDEX", s.renameRelation(n)
	case ast.OBJECT_SEQUENCE:
		return "ALTER SEQUENCE", s.renameRelation(n)
	case ast.OBJECT_VIEW:
		return "ALTER VIEW", s.renameRelation(n)
	case ast.OBJECT_COLUMN:
		tag := "ALTER TABLE"
		if n.RelationType == ast.OBJECT_VIEW {
			tag = "ALTER VIEW"
		}
		return tag, s.renameColumn(n)
	case ast.OBJECT_TABCONSTRAINT:
		return "ALTER TABLE", s.renameConstraint(n)
	case ast.OBJECT_SCHEMA:
		return "ALTER SCHEMA", s.renameSchema(n)
	}
	return "", unsupported("ALTER " + n.RenameType.Words() + " ... RENAME")
}

// lockedRelation finds a relation of any kind and locks it: its table too, for
// an index. Nil when it is missing and may be.
func (s *Session) lockedRelation(rv *ast.RangeVar, missingOK bool) (*catalog.PgClass, error) {
	return s.lockedRelationIn(rv, missingOK, kv.AccessExclusive)
}

func (s *Session) lockedRelationIn(rv *ast.RangeVar, missingOK bool, mode kv.ObjectMode) (*catalog.PgClass, error) {
	for {
		c, err := s.relation(s.View(), rv)
		if err != nil {
			if code := pgerr.Code(err); missingOK && (code == pgerr.UndefinedTable || code == pgerr.InvalidSchemaName) {
				s.notice(pgerr.SuccessfulCompletion, "relation \"%s\" does not exist, skipping", rv.Relname)
				return nil, nil
			}
			return nil, err
		}
		if err := s.lockTable(c.OID, mode); err != nil {
			return nil, err
		}
		if table, err := s.tableOfIndex(c); err != nil {
			return nil, err
		} else if table != 0 {
			if err := s.lockTable(table, mode); err != nil {
				return nil, err
			}
		}
		again, err := s.relation(s.View(), rv)
		if err != nil || again.OID == c.OID {
			return again, err
		}
	}
}

// tableOfIndex is the table an index belongs to, 0 for other relations.
func (s *Session) tableOfIndex(c *catalog.PgClass) (uint32, error) {
	if c.Relkind != catalog.RelkindIndex {
		return 0, nil
	}
	row, err := s.writer().Find(catalog.IndexOIDIndex, catalog.OID(c.OID))
	if err != nil || row == nil {
		return 0, err
	}
	return catalog.ReadPgIndex(row).Indrelid, nil
}

// renamable rejects catalog relations and those of other owners.
func (s *Session) renamable(c *catalog.PgClass) error {
	if c.OID < catalog.FirstUserOID {
		return pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied: \"%s\" is a system catalog", c.Relname)
	}
	word := relkindWords[c.Relkind]
	if word == "" {
		word = "relation"
	}
	return s.checkOwner(c.Relowner, word, c.Relname)
}

func (s *Session) renameRelation(n *ast.RenameStmt) error {
	c, err := s.lockedRelation(n.Relation, n.MissingOk)
	if err != nil || c == nil {
		return err
	}
	if err := s.renamable(c); err != nil {
		return err
	}
	// ALTER TABLE and ALTER INDEX take every kind of relation here.
	want := relkindsOf[n.RenameType]
	if (n.RenameType == ast.OBJECT_SEQUENCE || n.RenameType == ast.OBJECT_VIEW) && strings.IndexByte(want.kinds, c.Relkind) < 0 {
		return wrongRelkind(c.Relname, want.word)
	}
	return s.renameClass(s.writer(), c, n.Newname)
}

// renameClass gives a relation, its row type and the constraint an index
// implements a new name.
func (s *Session) renameClass(w *catalog.Writer, c *catalog.PgClass, name string) error {
	row, err := w.Find(catalog.ClassNameIndex, catalog.Name(name), catalog.OID(c.Relnamespace))
	if err != nil {
		return err
	}
	if row != nil {
		return pgerr.Newf(pgerr.DuplicateTable, "relation \"%s\" already exists", name)
	}
	if err := updateClass(w, c.OID, func(c *catalog.PgClass) { c.Relname = name }); err != nil {
		return err
	}
	if c.Reltype != 0 {
		if err := s.renameRowType(w, c.Reltype, name); err != nil {
			return err
		}
	}
	if c.Relkind != catalog.RelkindIndex {
		return nil
	}
	table, err := s.tableOfIndex(c)
	if err != nil {
		return err
	}
	rows, err := constraintRows(w, table)
	if err != nil {
		return err
	}
	for _, con := range rows {
		if con.Conindid == c.OID && con.Contype != catalog.ConstraintForeign {
			if err := setConstraintName(w, con.OID, name); err != nil {
				return err
			}
		}
	}
	return updateClass(w, table, func(*catalog.PgClass) {})
}

func setConstraintName(w *catalog.Writer, oid uint32, name string) error {
	row, err := w.Find(catalog.ConstraintOIDIndex, catalog.OID(oid))
	if err != nil || row == nil {
		return err
	}
	con := catalog.ReadPgConstraint(row)
	con.Conname = name
	return w.Update(catalog.ConstraintRelation, row, con.Row())
}

// renameRowType renames a composite type and its array type.
func (s *Session) renameRowType(w *catalog.Writer, oid uint32, name string) error {
	row, err := w.Find(catalog.TypeOIDIndex, catalog.OID(oid))
	if err != nil || row == nil {
		return err
	}
	t := catalog.ReadPgType(row)
	other, err := w.Find(catalog.TypeNameIndex, catalog.Name(name), catalog.OID(t.Typnamespace))
	if err != nil {
		return err
	}
	if other != nil {
		// A generated array type steps aside.
		if moved, err := s.moveArrayType(w, catalog.ReadPgType(other), name); err != nil {
			return err
		} else if !moved {
			return pgerr.Newf(pgerr.DuplicateObject, "type \"%s\" already exists", name)
		}
	}
	t.Typname = name
	if err := w.Update(catalog.TypeRelation, row, t.Row()); err != nil {
		return err
	}
	arr, err := w.Find(catalog.TypeOIDIndex, catalog.OID(t.Typarray))
	if err != nil || arr == nil {
		return err
	}
	a := catalog.ReadPgType(arr)
	if a.Typname, err = s.arrayTypeName(w, t.Typnamespace, name); err != nil {
		return err
	}
	return w.Update(catalog.TypeRelation, arr, a.Row())
}

// moveArrayType gives an array type that has the wanted name another one.
func (s *Session) moveArrayType(w *catalog.Writer, t *catalog.PgType, name string) (bool, error) {
	if t.Typcategory != 'A' || t.Typelem == 0 || t.OID < catalog.FirstUserOID {
		return false, nil
	}
	row, err := w.Find(catalog.TypeOIDIndex, catalog.OID(t.OID))
	if err != nil || row == nil {
		return false, err
	}
	if t.Typname, err = s.arrayTypeName(w, t.Typnamespace, name); err != nil {
		return false, err
	}
	return true, w.Update(catalog.TypeRelation, row, t.Row())
}

func (s *Session) renameColumn(n *ast.RenameStmt) error {
	c, err := s.lockedRelation(n.Relation, n.MissingOk)
	if err != nil || c == nil {
		return err
	}
	switch c.Relkind {
	case catalog.RelkindSequence, catalog.RelkindToast:
		return pgerr.Newf(pgerr.WrongObjectType, "cannot rename columns of relation \"%s\"", c.Relname).
			WithDetail(relkindDetail(c.Relkind))
	}
	if err := s.renamable(c); err != nil {
		return err
	}
	w := s.writer()
	row, err := w.Find(catalog.AttributeNameIndex, catalog.OID(c.OID), catalog.Name(n.Subname))
	if err != nil {
		return err
	}
	if row == nil {
		return pgerr.Newf(pgerr.UndefinedColumn, "column \"%s\" does not exist", n.Subname)
	}
	a := catalog.ReadPgAttribute(row)
	if a.Attnum < 1 {
		return pgerr.Newf(pgerr.FeatureNotSupportedCode, "cannot rename system column \"%s\"", n.Subname)
	}
	if err := freeColumnName(w, c, n.Newname); err != nil {
		return err
	}
	a.Attname = n.Newname
	if err := w.Update(catalog.AttributeRelation, row, a.Row()); err != nil {
		return err
	}
	return updateClass(w, c.OID, func(*catalog.PgClass) {})
}

// freeColumnName is an error if a relation has a column of that name.
func freeColumnName(w *catalog.Writer, c *catalog.PgClass, name string) error {
	row, err := w.Find(catalog.AttributeNameIndex, catalog.OID(c.OID), catalog.Name(name))
	switch {
	case err != nil:
		return err
	case systemColumnNames[name]:
		return pgerr.Newf(pgerr.DuplicateColumn, "column name \"%s\" conflicts with a system column name", name)
	case row != nil:
		return pgerr.Newf(pgerr.DuplicateColumn, "column \"%s\" of relation \"%s\" already exists", name, c.Relname)
	}
	return nil
}

func (s *Session) renameConstraint(n *ast.RenameStmt) error {
	c, err := s.lockedRelation(n.Relation, n.MissingOk)
	if err != nil || c == nil {
		return err
	}
	if err := s.renamable(c); err != nil {
		return err
	}
	w := s.writer()
	rows, err := constraintRows(w, c.OID)
	if err != nil {
		return err
	}
	con := constraintNamed(rows, n.Subname)
	if con == nil {
		return pgerr.Newf(pgerr.UndefinedObject, "constraint \"%s\" for table \"%s\" does not exist", n.Subname, c.Relname)
	}
	if con.Conindid != 0 && con.Contype != catalog.ConstraintForeign {
		taken, err := w.Find(catalog.ClassNameIndex, catalog.Name(n.Newname), catalog.OID(c.Relnamespace))
		if err != nil {
			return err
		}
		if taken != nil {
			return pgerr.Newf(pgerr.DuplicateTable, "relation \"%s\" already exists", n.Newname)
		}
	}
	if constraintNamed(rows, n.Newname) != nil {
		return pgerr.Newf(pgerr.DuplicateObject, "constraint \"%s\" for relation \"%s\" already exists", n.Newname, c.Relname)
	}
	if con.Conindid != 0 && con.Contype != catalog.ConstraintForeign {
		index, err := w.Find(catalog.ClassOIDIndex, catalog.OID(con.Conindid))
		if err != nil || index == nil {
			return err
		}
		return s.renameClass(w, catalog.ReadPgClass(index), n.Newname)
	}
	if err := setConstraintName(w, con.OID, n.Newname); err != nil {
		return err
	}
	return updateClass(w, c.OID, func(*catalog.PgClass) {})
}

func constraintNamed(rows []*catalog.PgConstraint, name string) *catalog.PgConstraint {
	for _, r := range rows {
		if r.Conname == name {
			return r
		}
	}
	return nil
}

// deleteRows removes the rows a catalog index finds.
func deleteRows(w *catalog.Writer, rel, index uint32, vals ...data.Datum) error {
	return w.Rows(index, func(row []data.Datum) error { return w.Delete(rel, row) }, vals...)
}
