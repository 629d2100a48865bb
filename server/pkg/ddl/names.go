package ddl

import (
	"strconv"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// maxNameBytes is the longest identifier (NAMEDATALEN - 1).
const maxNameBytes = 63

// objectName joins name1, name2 and label with underscores, shortening the
// longer of the two names until all fits.
func objectName(name1, name2, label string) string {
	overhead := 0
	if name2 != "" {
		overhead++
	}
	if label != "" {
		overhead += len(label) + 1
	}
	n1, n2 := len(name1), len(name2)
	for n1+n2+overhead > maxNameBytes {
		if n1 > n2 {
			n1--
		} else {
			n2--
		}
	}
	out := clip(name1, n1)
	if name2 != "" {
		out += "_" + clip(name2, n2)
	}
	if label != "" {
		out += "_" + label
	}
	return out
}

// clip cuts s to n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// chooseRelationName finds a free name for an index or sequence.
func chooseRelationName(v catalog.View, schema, name1, name2, label string) (string, error) {
	for n := 0; ; n++ {
		l := label
		if n > 0 {
			l += strconv.Itoa(n)
		}
		name := objectName(name1, name2, l)
		oid, err := v.RelationOID(schema, name)
		if err != nil || oid == 0 {
			return name, err
		}
	}
}

// chooseConstraintName finds a name no constraint of the table has.
func chooseConstraintName(taken map[string]bool, name1, name2, label string) string {
	for n := 0; ; n++ {
		l := label
		if n > 0 {
			l += strconv.Itoa(n)
		}
		if name := objectName(name1, name2, l); !taken[name] {
			return name
		}
	}
}

// joinColumns makes the middle part of an index's name.
func joinColumns(cols []string) string {
	out := ""
	for i, c := range cols {
		if i > 0 {
			out += "_"
		}
		if len(out)+len(c) >= maxNameBytes+1 {
			return clip(out+c, maxNameBytes)
		}
		out += c
	}
	return out
}

// creationSchema is where a new object goes.
func creationSchema(v catalog.View, rv *ast.RangeVar) (*catalog.Schema, error) {
	if rv.Schemaname == "" {
		s, err := v.CreationSchema()
		if err == nil && s == nil {
			err = pgerr.New(pgerr.InvalidSchemaName, "no schema has been selected to create in").AtByte(rv.Location)
		}
		return s, err
	}
	s, err := v.SchemaByName(rv.Schemaname)
	if err == nil && s == nil {
		err = pgerr.Newf(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", rv.Schemaname).AtByte(rv.Location)
	}
	if err == nil && s.OID == catalog.PgCatalogNamespace {
		err = pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied to create \"pg_catalog.%s\"", rv.Relname).
			WithDetail("System catalog modifications are currently disallowed.")
	}
	return s, err
}

// relationName is a relation's name as messages show it.
func relationName(rv *ast.RangeVar) string {
	if rv.Schemaname != "" {
		return rv.Schemaname + "." + rv.Relname
	}
	return rv.Relname
}

func undefinedTable(rv *ast.RangeVar) error {
	return pgerr.Newf(pgerr.UndefinedTable, "relation \"%s\" does not exist", relationName(rv))
}

// schemaExists answers 3F000 unless name is "" or that of a schema.
func schemaExists(v catalog.View, name string) error {
	if name == "" {
		return nil
	}
	in, err := v.SchemaByName(name)
	if err == nil && in == nil {
		err = pgerr.Newf(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", name)
	}
	return err
}

// table finds a table by name: 42P01 if there is none, 42809 if it is
// something else.
func (s *Session) table(v catalog.View, rv *ast.RangeVar) (*catalog.Table, error) {
	if err := schemaExists(v, rv.Schemaname); err != nil {
		return nil, err
	}
	t, err := v.RelationByName(rv.Schemaname, rv.Relname)
	if err != nil || t != nil {
		return t, err
	}
	if oid, err := v.RelationOID(rv.Schemaname, rv.Relname); err != nil {
		return nil, err
	} else if oid != 0 {
		return nil, pgerr.Newf(pgerr.WrongObjectType, "\"%s\" is not a table", rv.Relname)
	}
	return nil, undefinedTable(rv)
}

// lockedTable finds a table, locks it, and finds it again: what the name means
// may have changed while the lock was waited for.
func (s *Session) lockedTable(rv *ast.RangeVar, lock func(oid uint32) error) (catalog.View, *catalog.Table, error) {
	for {
		t, err := s.table(s.View(), rv)
		if err != nil {
			return nil, nil, err
		}
		if err := lock(t.OID); err != nil {
			return nil, nil, err
		}
		v := s.View()
		again, err := s.table(v, rv)
		if err != nil {
			return nil, nil, err
		}
		if again.OID == t.OID {
			return v, again, nil
		}
	}
}

// userTable rejects catalog relations and relations that are no tables.
func (s *Session) userTable(t *catalog.Table) error {
	if t.IsCatalog {
		return pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied: \"%s\" is a system catalog", t.Name)
	}
	if t.Relkind != catalog.RelkindTable {
		return pgerr.Newf(pgerr.WrongObjectType, "\"%s\" is not a table", t.Name)
	}
	return s.checkOwner(t.Owner, "table", t.Name)
}

// checkOwner demands that the role owns an object, or is a superuser.
func (s *Session) checkOwner(owner uint32, kind, name string) error {
	if owner == s.Role.OID {
		return nil
	}
	r, err := s.View().Role(s.Role.OID)
	if err != nil || r != nil && r.Super {
		return err
	}
	return pgerr.Newf(pgerr.InsufficientPrivilege, "must be owner of %s %s", kind, name)
}

// unplaced takes the position from an error of an expression or a name that
// PostgreSQL looks at without the statement's text.
func unplaced(err error) error {
	e := pgerr.As(err)
	if e == nil {
		return err
	}
	return e.Clone().ResolvePosition("").WithPosition(0)
}
