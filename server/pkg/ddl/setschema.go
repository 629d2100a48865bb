package ddl

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// setSchema is ALTER ... SET SCHEMA.
func (s *Session) setSchema(n *ast.AlterObjectSchemaStmt) (string, error) {
	tag := ""
	switch n.ObjectType {
	case ast.OBJECT_TABLE:
		tag = "ALTER TABLE"
	case ast.OBJECT_SEQUENCE:
		tag = "ALTER SEQUENCE"
	case ast.OBJECT_VIEW:
		tag = "ALTER VIEW"
	default:
		return "", unsupported("ALTER " + n.ObjectType.Words() + " ... SET SCHEMA")
	}
	c, err := s.lockedRelation(n.Relation, n.MissingOk)
	if err != nil || c == nil {
		return tag, err
	}
	want := relkindsOf[n.ObjectType]
	if n.ObjectType != ast.OBJECT_TABLE && strings.IndexByte(want.kinds, c.Relkind) < 0 {
		return "", wrongRelkind(c.Relname, want.word)
	}
	if c.Relkind == catalog.RelkindIndex {
		return "", pgerr.Newf(pgerr.WrongObjectType, "cannot change schema of index \"%s\"", c.Relname).
			WithHint("Change the schema of the table instead.")
	}
	if err := s.renamable(c); err != nil {
		return "", err
	}
	w := s.writer()
	if c.Relkind == catalog.RelkindSequence {
		if err := ownedSequence(w, c); err != nil {
			return "", err
		}
	}
	to, err := s.View().SchemaByName(n.Newschema)
	if err != nil {
		return "", err
	}
	if to == nil {
		return "", pgerr.Newf(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", n.Newschema)
	}
	if to.OID == c.Relnamespace {
		return tag, nil
	}
	if to.OID == catalog.PgCatalogNamespace || to.OID == catalog.PgToastNamespace {
		return "", unsupported("moving objects into a system schema")
	}
	return tag, s.moveRelation(w, c, to)
}

// ownedSequence rejects moving a sequence away from its table.
func ownedSequence(w *catalog.Writer, c *catalog.PgClass) error {
	return w.Rows(catalog.DependDependerIndex, func(row []data.Datum) error {
		r := catalog.ReadPgDepend(row)
		if r.Refclassid != catalog.RelationRelation || r.Deptype != dependAuto {
			return nil
		}
		table, err := w.Find(catalog.ClassOIDIndex, catalog.OID(r.Refobjid))
		if err != nil || table == nil {
			return err
		}
		return pgerr.New(pgerr.FeatureNotSupportedCode, "cannot move an owned sequence into another schema").
			WithDetailf("Sequence \"%s\" is linked to table \"%s\".", c.Relname, catalog.ReadPgClass(table).Relname)
	}, catalog.OID(catalog.RelationRelation), catalog.OID(c.OID))
}

// moveRelation moves a relation with its row type, and a table's indexes,
// constraints and sequences, into another schema.
func (s *Session) moveRelation(w *catalog.Writer, c *catalog.PgClass, to *catalog.Schema) error {
	taken, err := w.Find(catalog.ClassNameIndex, catalog.Name(c.Relname), catalog.OID(to.OID))
	if err != nil {
		return err
	}
	if taken != nil {
		return pgerr.Newf(pgerr.DuplicateTable, "relation \"%s\" already exists in schema \"%s\"", c.Relname, to.Name)
	}
	from := c.Relnamespace
	if err := updateClass(w, c.OID, func(c *catalog.PgClass) { c.Relnamespace = to.OID }); err != nil {
		return err
	}
	if err := s.moveRowType(w, c.Reltype, to.OID); err != nil {
		return err
	}
	if err := dependOnSchema(w, c.OID, from, to.OID); err != nil {
		return err
	}
	if c.Relkind != catalog.RelkindTable {
		return nil
	}
	rows, err := constraintRows(w, c.OID)
	if err != nil {
		return err
	}
	for _, con := range rows {
		old := con.Row()
		con.Connamespace = to.OID
		if err := w.Update(catalog.ConstraintRelation, old, con.Row()); err != nil {
			return err
		}
	}
	return s.moveParts(w, c.OID, to)
}

// moveParts moves the indexes of a table and the sequences its columns own.
func (s *Session) moveParts(w *catalog.Writer, table uint32, to *catalog.Schema) error {
	t, err := s.View().Relation(table)
	if err != nil {
		return err
	}
	for _, ix := range t.Indexes {
		row, err := w.Find(catalog.ClassNameIndex, catalog.Name(ix.Name), catalog.OID(to.OID))
		if err != nil {
			return err
		}
		if row != nil {
			return pgerr.Newf(pgerr.DuplicateTable, "relation \"%s\" already exists in schema \"%s\"", ix.Name, to.Name)
		}
		if err := updateClass(w, ix.OID, func(c *catalog.PgClass) { c.Relnamespace = to.OID }); err != nil {
			return err
		}
	}
	seqs, err := (&alteration{s: s, w: w}).ownedSequences(table)
	if err != nil {
		return err
	}
	for _, seq := range seqs {
		row, err := w.Find(catalog.ClassOIDIndex, catalog.OID(seq))
		if err != nil || row == nil {
			return err
		}
		if err := s.moveRelation(w, catalog.ReadPgClass(row), to); err != nil {
			return err
		}
	}
	return nil
}

// moveRowType moves a composite type and its array type.
func (s *Session) moveRowType(w *catalog.Writer, oid, to uint32) error {
	for oid != 0 {
		row, err := w.Find(catalog.TypeOIDIndex, catalog.OID(oid))
		if err != nil || row == nil {
			return err
		}
		t := catalog.ReadPgType(row)
		taken, err := w.Find(catalog.TypeNameIndex, catalog.Name(t.Typname), catalog.OID(to))
		if err != nil {
			return err
		}
		if taken != nil {
			if t.Typarray != 0 {
				return pgerr.Newf(pgerr.DuplicateObject, "type \"%s\" already exists", t.Typname)
			}
			if t.Typname, err = s.arrayTypeName(w, to, strings.TrimLeft(t.Typname, "_")); err != nil {
				return err
			}
		}
		t.Typnamespace = to
		if err := w.Update(catalog.TypeRelation, row, t.Row()); err != nil {
			return err
		}
		oid = t.Typarray
	}
	return nil
}

// dependOnSchema replaces the schema a relation depends on.
func dependOnSchema(w *catalog.Writer, rel, from, to uint32) error {
	o := object{catalog.RelationRelation, rel, 0}
	err := w.Rows(catalog.DependDependerIndex, func(row []data.Datum) error {
		if r := catalog.ReadPgDepend(row); r.Refclassid != catalog.NamespaceRelation || r.Refobjid != from {
			return nil
		}
		return w.Delete(catalog.DependRelation, row)
	}, catalog.OID(o.class), catalog.OID(o.oid))
	if err != nil {
		return err
	}
	return depend(w, o, object{catalog.NamespaceRelation, to, 0}, dependNormal)
}

// alterOwner is ALTER SCHEMA ... OWNER TO.
func (s *Session) alterOwner(n *ast.AlterOwnerStmt) (string, error) {
	if n.ObjectType != ast.OBJECT_SCHEMA {
		return "", unsupported("ALTER " + n.ObjectType.Words() + " ... OWNER TO")
	}
	v := s.View()
	name := oneName(n.Object)
	role, err := s.roleOf(v, n.Newowner)
	if err != nil {
		return "", err
	}
	o, err := s.commentedSchema(v, name)
	if err != nil {
		return "", err
	}
	w := s.writer()
	row, err := w.Find(catalog.NamespaceOIDIndex, catalog.OID(o.oid))
	if err != nil || row == nil {
		return "", err
	}
	in := catalog.ReadPgNamespace(row)
	in.Nspowner = role.OID
	if err := w.Update(catalog.NamespaceRelation, row, in.Row()); err != nil {
		return "", err
	}
	return "ALTER SCHEMA", changeOwner(w, o, role.OID)
}
