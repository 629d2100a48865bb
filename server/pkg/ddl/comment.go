package ddl

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/analyze"
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// comment is COMMENT ON; an empty comment, like NULL, removes it.
func (s *Session) comment(n *ast.CommentStmt) error {
	o, shared, err := s.commented(n)
	if err != nil || o.oid == 0 {
		return err
	}
	w := s.writer()
	if shared {
		return sharedComment(w, o, n.Comment)
	}
	err = w.Rows(catalog.DescriptionIndex, func(row []data.Datum) error {
		return w.Delete(catalog.DescriptionRelation, row)
	}, catalog.OID(o.oid), catalog.OID(o.class), catalog.Int4(o.sub))
	if err != nil || n.Comment == "" {
		return err
	}
	row := catalog.PgDescription{Objoid: o.oid, Classoid: o.class, Objsubid: o.sub, Description: n.Comment}
	return w.Insert(catalog.DescriptionRelation, row.Row())
}

// sharedComment stores the comment of an object that belongs to no database.
func sharedComment(w *catalog.Writer, o object, text string) error {
	err := w.Rows(catalog.ShdescriptionIndex, func(row []data.Datum) error {
		return w.Delete(catalog.ShdescriptionRelation, row)
	}, catalog.OID(o.oid), catalog.OID(o.class))
	if err != nil || text == "" {
		return err
	}
	row := catalog.PgShdescription{Objoid: o.oid, Classoid: o.class, Description: text}
	return w.Insert(catalog.ShdescriptionRelation, row.Row())
}

// commented finds the object of a COMMENT and checks that it may be commented
// on. OID 0: there is none, and a warning was sent.
func (s *Session) commented(n *ast.CommentStmt) (o object, shared bool, err error) {
	v := s.View()
	switch n.Objtype {
	case ast.OBJECT_TABLE, ast.OBJECT_INDEX, ast.OBJECT_SEQUENCE, ast.OBJECT_VIEW, ast.OBJECT_MATVIEW:
		o, err = s.commentedRelation(v, nameList(n.Object), n.Objtype)
	case ast.OBJECT_COLUMN:
		o, err = s.commentedColumn(v, nameList(n.Object))
	case ast.OBJECT_TABCONSTRAINT:
		o, err = s.commentedConstraint(v, nameList(n.Object))
	case ast.OBJECT_SCHEMA:
		o, err = s.commentedSchema(v, oneName(n.Object))
	case ast.OBJECT_DATABASE:
		o, err = s.commentedDatabase(v, oneName(n.Object))
		return o, true, err
	case ast.OBJECT_ROLE:
		var role *catalog.Role
		if role, err = s.roleOf(v, &ast.RoleSpec{Rolename: oneName(n.Object)}); err == nil {
			o = object{catalog.AuthIDRelation, role.OID, 0}
		}
		return o, true, err
	case ast.OBJECT_TYPE:
		o, err = s.commentedType(v, n.Object)
	case ast.OBJECT_FUNCTION, ast.OBJECT_AGGREGATE, ast.OBJECT_PROCEDURE, ast.OBJECT_ROUTINE:
		o, err = s.commentedFunction(v, n.Object)
	default:
		err = unsupported("COMMENT ON " + n.Objtype.Words())
	}
	return o, false, err
}

// nameList is a qualified name as a list of strings.
func nameList(n ast.Node) []string {
	if l, ok := n.(*ast.List); ok {
		return ast.Strings(l.Items)
	}
	return nil
}

func oneName(n ast.Node) string {
	if s, ok := n.(*ast.String); ok {
		return s.Sval
	}
	return ""
}

// rangeVar makes the name of a relation of a list of strings.
func rangeVar(names []string) *ast.RangeVar {
	schema, name := schemaAndName(names)
	return &ast.RangeVar{Schemaname: schema, Relname: name, Location: -1}
}

// relation finds a relation of any kind, indexes included.
func (s *Session) relation(v catalog.View, rv *ast.RangeVar) (*catalog.PgClass, error) {
	if err := schemaExists(v, rv.Schemaname); err != nil {
		return nil, err
	}
	oid, err := v.RelationOID(rv.Schemaname, rv.Relname)
	if err != nil {
		return nil, err
	}
	if oid == 0 {
		return nil, undefinedTable(rv)
	}
	row, err := s.writer().Find(catalog.ClassOIDIndex, catalog.OID(oid))
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, undefinedTable(rv)
	}
	return catalog.ReadPgClass(row), nil
}

// wrongRelkind is the error of a statement about another kind of relation.
func wrongRelkind(name, word string) error {
	return pgerr.Newf(pgerr.WrongObjectType, "\"%s\" is not %s", name, article(word))
}

// relkindsOf says what kinds of relations a statement about a kind of object
// takes.
var relkindsOf = map[ast.ObjectType]struct{ word, kinds string }{
	ast.OBJECT_TABLE:    {"table", "rp"},
	ast.OBJECT_INDEX:    {"index", "iI"},
	ast.OBJECT_SEQUENCE: {"sequence", "S"},
	ast.OBJECT_VIEW:     {"view", "v"},
	ast.OBJECT_MATVIEW:  {"materialized view", "m"},
}

func (s *Session) commentedRelation(v catalog.View, names []string, kind ast.ObjectType) (object, error) {
	c, err := s.relation(v, rangeVar(names))
	if err != nil {
		return object{}, err
	}
	want := relkindsOf[kind]
	if strings.IndexByte(want.kinds, c.Relkind) < 0 {
		return object{}, wrongRelkind(c.Relname, want.word)
	}
	return object{catalog.RelationRelation, c.OID, 0}, s.checkOwner(c.Relowner, want.word, c.Relname)
}

// relkindPlurals name kinds of relations in details.
var relkindPlurals = map[byte]string{catalog.RelkindTable: "tables", catalog.RelkindIndex: "indexes",
	catalog.RelkindSequence: "sequences", catalog.RelkindView: "views", catalog.RelkindMatView: "materialized views",
	catalog.RelkindToast: "TOAST tables", catalog.RelkindComposite: "composite types",
	catalog.RelkindForeignTable: "foreign tables", catalog.RelkindPartitionedTable: "partitioned tables",
	catalog.RelkindPartitionedIndex: "partitioned indexes"}

func relkindDetail(kind byte) string {
	return "This operation is not supported for " + relkindPlurals[kind] + "."
}

func (s *Session) commentedColumn(v catalog.View, names []string) (object, error) {
	if len(names) < 2 {
		return object{}, pgerr.New(pgerr.SyntaxError, "column name must be qualified")
	}
	column := names[len(names)-1]
	c, err := s.relation(v, rangeVar(names[:len(names)-1]))
	if err != nil {
		return object{}, err
	}
	row, err := s.writer().Find(catalog.AttributeNameIndex, catalog.OID(c.OID), catalog.Name(column))
	if err != nil {
		return object{}, err
	}
	if row == nil {
		return object{}, undefinedColumn(column, c.Relname)
	}
	if err := s.checkOwner(c.Relowner, relkindWords[c.Relkind], c.Relname); err != nil {
		return object{}, err
	}
	switch c.Relkind {
	case catalog.RelkindIndex, catalog.RelkindPartitionedIndex, catalog.RelkindSequence, catalog.RelkindToast:
		return object{}, pgerr.Newf(pgerr.WrongObjectType, "cannot set comment on relation \"%s\"", c.Relname).
			WithDetail(relkindDetail(c.Relkind))
	}
	return object{catalog.RelationRelation, c.OID, int32(catalog.ReadPgAttribute(row).Attnum)}, nil
}

func undefinedColumn(column, table string) error {
	return pgerr.Newf(pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", column, table)
}

func (s *Session) commentedConstraint(v catalog.View, names []string) (object, error) {
	if len(names) < 2 {
		return object{}, pgerr.New(pgerr.SyntaxError, "must specify relation and object name")
	}
	name := names[len(names)-1]
	c, err := s.relation(v, rangeVar(names[:len(names)-1]))
	if err != nil {
		return object{}, err
	}
	rows, err := constraintRows(s.writer(), c.OID)
	if err != nil {
		return object{}, err
	}
	for _, r := range rows {
		if r.Conname == name {
			return object{catalog.ConstraintRelation, r.OID, 0}, s.checkOwner(c.Relowner, "relation", c.Relname)
		}
	}
	return object{}, pgerr.Newf(pgerr.UndefinedObject, "constraint \"%s\" for table \"%s\" does not exist", name, c.Relname)
}

func (s *Session) commentedSchema(v catalog.View, name string) (object, error) {
	in, err := v.SchemaByName(name)
	if err != nil {
		return object{}, err
	}
	if in == nil {
		return object{}, pgerr.Newf(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", name)
	}
	return object{catalog.NamespaceRelation, in.OID, 0}, s.checkOwner(in.Owner, "schema", name)
}

// commentedDatabase warns about a missing database: the comment may come from
// a dump of a database that had another name.
func (s *Session) commentedDatabase(v catalog.View, name string) (object, error) {
	db, err := v.DatabaseByName(name)
	if err != nil {
		return object{}, err
	}
	if db == nil {
		s.Notice(pgerr.Warning(pgerr.UndefinedDatabase, "database \"%s\" does not exist", name))
		return object{}, nil
	}
	return object{catalog.DatabaseRelation, db.OID, 0}, s.checkOwner(db.Owner, "database", name)
}

func (s *Session) commentedType(v catalog.View, n ast.Node) (object, error) {
	name, ok := n.(*ast.TypeName)
	if !ok {
		return object{}, unsupported("this form of COMMENT ON TYPE")
	}
	oid, _, err := analyze.ResolveTypeName(s.Analyze(v), name)
	if err != nil {
		return object{}, unplaced(err)
	}
	t, err := v.Type(oid)
	if err != nil {
		return object{}, err
	}
	return object{catalog.TypeRelation, oid, 0}, s.checkOwner(t.Owner, "type", s.typeText(oid))
}

// commentedFunction finds a function by the types of its input arguments, or
// by its name alone if that is enough.
func (s *Session) commentedFunction(v catalog.View, n ast.Node) (object, error) {
	f, ok := n.(*ast.ObjectWithArgs)
	if !ok {
		return object{}, unsupported("this form of COMMENT ON FUNCTION")
	}
	names := ast.Strings(f.Objname)
	var args []uint32
	var texts []string
	for _, a := range f.Objargs {
		tn, ok := a.(*ast.TypeName)
		if !ok {
			return object{}, unsupported("this form of COMMENT ON FUNCTION")
		}
		oid, _, err := analyze.ResolveTypeName(s.Analyze(v), tn)
		if err != nil {
			return object{}, unplaced(err)
		}
		args = append(args, oid)
		texts = append(texts, s.typeText(oid))
	}
	schema, name := schemaAndName(names)
	procs, err := v.ProcsByName(schema, name)
	if err != nil {
		return object{}, err
	}
	var found *catalog.Proc
	for _, p := range procs {
		if !f.ArgsUnspecified && !sameTypes(p.ArgTypes, args) {
			continue
		}
		if found != nil && f.ArgsUnspecified {
			return object{}, pgerr.Newf(pgerr.AmbiguousFunction, "function name \"%s\" is not unique", strings.Join(names, ".")).
				WithHint("Specify the argument list to select the function unambiguously.")
		}
		if found == nil {
			found = p
		}
	}
	if found == nil {
		if f.ArgsUnspecified {
			return object{}, pgerr.Newf(pgerr.UndefinedFunction, "could not find a function named \"%s\"", strings.Join(names, "."))
		}
		return object{}, pgerr.Newf(pgerr.UndefinedFunction, "function %s(%s) does not exist", strings.Join(names, "."),
			strings.Join(texts, ", "))
	}
	return object{catalog.ProcRelation, found.OID, 0}, s.checkOwner(found.Owner, "function", found.Name)
}

func sameTypes(a, b []uint32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && a[i] != types.Any {
			return false
		}
	}
	return true
}
