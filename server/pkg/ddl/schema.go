package ddl

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// createSchema is CREATE SCHEMA.
func (s *Session) createSchema(n *ast.CreateSchemaStmt) error {
	if len(n.SchemaElts) > 0 {
		return unsupported("CREATE SCHEMA with elements")
	}
	v := s.View()
	owner := s.Role.OID
	name := n.Schemaname
	if n.Authrole != nil {
		role, err := s.roleOf(v, n.Authrole)
		if err != nil {
			return err
		}
		owner = role.OID
		if name == "" {
			name = role.Name
		}
	}
	if err := schemaNameAllowed(name); err != nil {
		return err
	}
	have, err := v.SchemaByName(name)
	if err != nil {
		return err
	}
	if have != nil {
		if n.IfNotExists {
			s.notice(pgerr.DuplicateSchema, "schema \"%s\" already exists, skipping", name)
			return nil
		}
		return pgerr.Newf(pgerr.DuplicateSchema, "schema \"%s\" already exists", name)
	}
	w := s.writer()
	oid, err := w.NewOID()
	if err != nil {
		return err
	}
	row := catalog.PgNamespace{OID: oid, Nspname: name, Nspowner: owner}
	if err := w.Insert(catalog.NamespaceRelation, row.Row()); err != nil {
		return err
	}
	return dependOnOwner(w, object{catalog.NamespaceRelation, oid, 0}, owner)
}

func schemaNameAllowed(name string) error {
	if !strings.HasPrefix(name, "pg_") {
		return nil
	}
	return pgerr.Newf(pgerr.ReservedName, "unacceptable schema name \"%s\"", name).
		WithDetail("The prefix \"pg_\" is reserved for system schemas.")
}

// renameSchema is ALTER SCHEMA ... RENAME TO.
func (s *Session) renameSchema(n *ast.RenameStmt) error {
	v := s.View()
	old, err := v.SchemaByName(n.Subname)
	if err != nil {
		return err
	}
	if old == nil {
		return pgerr.Newf(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", n.Subname)
	}
	taken, err := v.SchemaByName(n.Newname)
	if err != nil {
		return err
	}
	if taken != nil {
		return pgerr.Newf(pgerr.DuplicateSchema, "schema \"%s\" already exists", n.Newname)
	}
	if err := s.checkOwner(old.Owner, "schema", old.Name); err != nil {
		return err
	}
	if err := schemaNameAllowed(n.Newname); err != nil {
		return err
	}
	w := s.writer()
	row, err := w.Find(catalog.NamespaceOIDIndex, catalog.OID(old.OID))
	if err != nil || row == nil {
		return err
	}
	ns := catalog.ReadPgNamespace(row)
	ns.Nspname = n.Newname
	return w.Update(catalog.NamespaceRelation, row, ns.Row())
}

// roleOf finds the role a statement names.
func (s *Session) roleOf(v catalog.View, spec *ast.RoleSpec) (*catalog.Role, error) {
	name := spec.Rolename
	switch spec.Roletype {
	case ast.ROLESPEC_CURRENT_ROLE, ast.ROLESPEC_CURRENT_USER:
		name = s.Role.Name
	case ast.ROLESPEC_SESSION_USER:
		name = s.EvalCtx().Env.SessionRole().Name
	case ast.ROLESPEC_PUBLIC:
		name = "public"
	}
	role, err := v.RoleByName(name)
	if err == nil && role == nil {
		err = pgerr.Newf(pgerr.UndefinedObject, "role \"%s\" does not exist", name)
	}
	return role, err
}

// ownerDependency is the kind of pg_shdepend row that names an object's owner.
const ownerDependency = 'o'

// dependOnOwner records who owns an object, unless it is the superuser every
// cluster begins with, who cannot be dropped.
func dependOnOwner(w *catalog.Writer, o object, owner uint32) error {
	if owner < catalog.FirstUserOID {
		return nil
	}
	row := catalog.PgShdepend{Dbid: w.DB, Classid: o.class, Objid: o.oid, Refclassid: catalog.AuthIDRelation,
		Refobjid: owner, Deptype: ownerDependency}
	return w.Insert(catalog.ShdependRelation, row.Row())
}

// changeOwner replaces what dependOnOwner recorded.
func changeOwner(w *catalog.Writer, o object, owner uint32) error {
	err := w.Rows(catalog.ShdependDependerIndex, func(row []data.Datum) error {
		if catalog.ReadPgShdepend(row).Deptype != ownerDependency {
			return nil
		}
		return w.Delete(catalog.ShdependRelation, row)
	}, catalog.OID(w.DB), catalog.OID(o.class), catalog.OID(o.oid))
	if err != nil {
		return err
	}
	return dependOnOwner(w, o, owner)
}
