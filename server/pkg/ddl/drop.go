package ddl

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// dropKind is what DROP is about: the word in messages and tags, and the kind
// of relation.
type dropKind struct {
	tag, word string
	relkind   byte
}

var dropKinds = map[ast.ObjectType]dropKind{
	ast.OBJECT_TABLE:    {"DROP TABLE", "table", catalog.RelkindTable},
	ast.OBJECT_INDEX:    {"DROP INDEX", "index", catalog.RelkindIndex},
	ast.OBJECT_SEQUENCE: {"DROP SEQUENCE", "sequence", catalog.RelkindSequence},
	ast.OBJECT_VIEW:     {"DROP VIEW", "view", catalog.RelkindView},
	ast.OBJECT_SCHEMA:   {"DROP SCHEMA", "schema", 0},
}

func (s *Session) drop(n *ast.DropStmt) (string, error) {
	kind, ok := dropKinds[n.RemoveType]
	if !ok {
		return "", unsupported("DROP " + n.RemoveType.Words())
	}
	if n.Concurrent {
		return "", unsupported("DROP INDEX CONCURRENTLY")
	}
	d := &dropper{s: s, w: s.writer(), cascade: n.Behavior == ast.DROP_CASCADE, auto: map[object]bool{}, targets: map[object]bool{}}
	for _, o := range n.Objects {
		target, err := s.findDropped(o, kind, n.MissingOk)
		if err != nil {
			return "", err
		}
		if target.oid != 0 {
			d.targets[target] = true
			d.order = append(d.order, target)
		}
	}
	return kind.tag, d.run()
}

// findDropped finds and locks an object to drop; OID 0 when it is missing and
// may be.
func (s *Session) findDropped(o ast.Node, kind dropKind, missingOK bool) (object, error) {
	if kind.relkind == 0 {
		return s.findDroppedSchema(o, missingOK)
	}
	var names []string
	if l, ok := o.(*ast.List); ok {
		names = ast.Strings(l.Items)
	}
	schema, name := schemaAndName(names)
	v := s.View()
	if schema != "" {
		in, err := v.SchemaByName(schema)
		if err != nil {
			return object{}, err
		}
		if in == nil {
			if missingOK {
				s.notice(pgerr.SuccessfulCompletion, "schema \"%s\" does not exist, skipping", schema)
				return object{}, nil
			}
			return object{}, pgerr.Newf(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", schema)
		}
	}
	oid, err := v.RelationOID(schema, name)
	if err != nil {
		return object{}, err
	}
	shown := name
	if schema != "" {
		shown = schema + "." + name
	}
	if oid == 0 {
		if missingOK {
			s.notice(pgerr.SuccessfulCompletion, "%s \"%s\" does not exist, skipping", kind.word, shown)
			return object{}, nil
		}
		code := pgerr.UndefinedTable
		if kind.relkind == catalog.RelkindIndex {
			code = pgerr.UndefinedObject
		}
		return object{}, pgerr.Newf(code, "%s \"%s\" does not exist", kind.word, shown)
	}
	return object{catalog.RelationRelation, oid, 0}, s.checkDropped(v, oid, kind, name)
}

var relkindWords = map[byte]string{catalog.RelkindTable: "table", catalog.RelkindView: "view", catalog.RelkindIndex: "index",
	catalog.RelkindSequence: "sequence"}

// checkDropped checks kind and owner, and locks.
func (s *Session) checkDropped(v catalog.View, oid uint32, kind dropKind, name string) error {
	relkind, owner := byte(catalog.RelkindIndex), uint32(0)
	t, err := v.Relation(oid)
	if err != nil {
		return err
	}
	lockOn := oid
	if t != nil {
		relkind, owner = t.Relkind, t.Owner
	} else if ix, err := v.Index(oid); err != nil {
		return err
	} else if ix != nil {
		owner, lockOn = ix.Owner, ix.Table
	}
	if relkind != kind.relkind {
		e := pgerr.Newf(pgerr.WrongObjectType, "\"%s\" is not %s", name, article(kind.word))
		if w := relkindWords[relkind]; w != "" {
			e.WithHintf("Use DROP %s to remove %s.", upper(w), article(w))
		}
		return e
	}
	if oid < catalog.FirstUserOID {
		return pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied: \"%s\" is a system catalog", name)
	}
	if err := s.checkOwner(owner, kind.word, name); err != nil {
		return err
	}
	return s.lockTable(lockOn, kv.AccessExclusive)
}

func article(word string) string {
	if word == "index" {
		return "an index"
	}
	return "a " + word
}

func upper(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] >= 'a' && b[i] <= 'z' {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

func (s *Session) findDroppedSchema(o ast.Node, missingOK bool) (object, error) {
	str, ok := o.(*ast.String)
	if !ok {
		return object{}, unsupported("this form of DROP SCHEMA")
	}
	in, err := s.View().SchemaByName(str.Sval)
	if err != nil {
		return object{}, err
	}
	if in == nil {
		if missingOK {
			s.notice(pgerr.SuccessfulCompletion, "schema \"%s\" does not exist, skipping", str.Sval)
			return object{}, nil
		}
		return object{}, pgerr.Newf(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", str.Sval)
	}
	if in.OID < catalog.FirstUserOID && in.OID != catalog.PublicNamespace {
		return object{}, pgerr.Newf(pgerr.DependentObjectsStillExist,
			"cannot drop schema %s because it is required by the database system", str.Sval)
	}
	return object{catalog.NamespaceRelation, in.OID, 0}, s.checkOwner(in.Owner, "schema", str.Sval)
}
