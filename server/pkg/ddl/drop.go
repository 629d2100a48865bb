package ddl

import (
	"fmt"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
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
		return "", unsupported("DROP of this kind of object")
	}
	if n.Concurrent {
		return "", unsupported("DROP INDEX CONCURRENTLY")
	}
	d := &dropper{s: s, w: s.writer(), cascade: n.Behavior == ast.DROP_CASCADE, targets: map[object]bool{}}
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

// dropper removes objects and what depends on them.
type dropper struct {
	s       *Session
	w       *catalog.Writer
	cascade bool
	targets map[object]bool // what was named, and what goes with it
	order   []object
	extra   []object // dropped because of CASCADE, or in the way
	reasons []string
}

func (d *dropper) run() error {
	for i := 0; i < len(d.order); i++ {
		if err := d.dependents(d.order[i]); err != nil {
			return err
		}
	}
	if len(d.extra) > 0 && !d.cascade {
		return d.inTheWay()
	}
	if err := d.tellCascades(); err != nil {
		return err
	}
	for i := len(d.order) - 1; i >= 0; i-- {
		if err := d.remove(d.order[i]); err != nil {
			return err
		}
	}
	return nil
}

// dependents adds what depends on an object.
func (d *dropper) dependents(o object) error {
	vals := []data.Datum{catalog.OID(o.class), catalog.OID(o.oid)}
	return d.w.Rows(catalog.DependReferenceIndex, func(row []data.Datum) error {
		r := catalog.ReadPgDepend(row)
		if o.sub != 0 && r.Refobjsubid != o.sub {
			return nil
		}
		dep := object{r.Classid, r.Objid, 0}
		if d.targets[dep] {
			return nil
		}
		d.targets[dep] = true
		d.order = append(d.order, dep)
		if r.Deptype == dependNormal {
			d.extra = append(d.extra, dep)
			what, err := d.describe(dep)
			if err != nil {
				return err
			}
			on, err := d.describe(o)
			if err != nil {
				return err
			}
			d.reasons = append(d.reasons, what+" depends on "+on)
		}
		return nil
	}, vals...)
}

func (d *dropper) inTheWay() error {
	first, err := d.describe(d.order[0])
	if err != nil {
		return err
	}
	detail := ""
	for i, r := range d.reasons {
		if i > 0 {
			detail += "\n"
		}
		detail += r
	}
	return pgerr.Newf(pgerr.DependentObjectsStillExist, "cannot drop %s because other objects depend on it", first).
		WithDetail(detail).WithHint("Use DROP ... CASCADE to drop the dependent objects too.")
}

func (d *dropper) tellCascades() error {
	switch len(d.extra) {
	case 0:
	case 1:
		what, err := d.describe(d.extra[0])
		if err != nil {
			return err
		}
		d.s.notice(pgerr.SuccessfulCompletion, "drop cascades to %s", what)
	default:
		detail := ""
		for i, o := range d.extra {
			what, err := d.describe(o)
			if err != nil {
				return err
			}
			if i > 0 {
				detail += "\n"
			}
			detail += "drop cascades to " + what
		}
		e := pgerr.Newf(pgerr.SuccessfulCompletion, "drop cascades to %d other objects", len(d.extra)).WithDetail(detail)
		e.Severity = pgerr.SeverityNotice
		d.s.Notice(e)
	}
	return nil
}

// describe names an object as PostgreSQL's messages do.
func (d *dropper) describe(o object) (string, error) {
	switch o.class {
	case catalog.RelationRelation:
		row, err := d.w.Find(catalog.ClassOIDIndex, catalog.OID(o.oid))
		if err != nil || row == nil {
			return fmt.Sprintf("relation %d", o.oid), err
		}
		c := catalog.ReadPgClass(row)
		return relkindWords[c.Relkind] + " " + c.Relname, nil
	case catalog.NamespaceRelation:
		in, err := d.s.View().Schema(o.oid)
		if err != nil || in == nil {
			return fmt.Sprintf("schema %d", o.oid), err
		}
		return "schema " + in.Name, nil
	case catalog.RewriteRelation:
		return "rule _RETURN", nil
	case catalog.AttrDefaultRelation:
		return "default value", nil
	case catalog.ConstraintRelation:
		return "constraint", nil
	}
	return fmt.Sprintf("object %d", o.oid), nil
}

// remove deletes an object's own rows.
func (d *dropper) remove(o object) error {
	var err error
	switch o.class {
	case catalog.RelationRelation:
		err = d.removeRelation(o.oid)
	case catalog.TypeRelation:
		err = d.removeRow(catalog.TypeRelation, catalog.TypeOIDIndex, o.oid)
	case catalog.ConstraintRelation:
		err = d.removeConstraint(o.oid)
	case catalog.AttrDefaultRelation:
		err = d.removeDefault(o.oid)
	case catalog.NamespaceRelation:
		err = d.removeRow(catalog.NamespaceRelation, catalog.NamespaceOIDIndex, o.oid)
	case catalog.RewriteRelation:
		err = d.removeRule(o.oid)
	default:
		err = fmt.Errorf("ddl: object %d of catalog %d cannot be dropped", o.oid, o.class)
	}
	if err == nil {
		err = forget(d.w, o)
	}
	if err == nil {
		err = d.removeComments(o)
	}
	return err
}

func (d *dropper) removeRow(rel, index uint32, oid uint32) error {
	return d.w.Rows(index, func(row []data.Datum) error { return d.w.Delete(rel, row) }, catalog.OID(oid))
}

// removeRelation deletes a table, index, sequence or view. Its constraints,
// defaults and types go as objects of their own.
func (d *dropper) removeRelation(oid uint32) error {
	row, err := d.w.Find(catalog.ClassOIDIndex, catalog.OID(oid))
	if err != nil || row == nil {
		return err
	}
	c := catalog.ReadPgClass(row)
	if err := d.removeRow(catalog.AttributeRelation, catalog.AttributeNumIndex, oid); err != nil {
		return err
	}
	switch c.Relkind {
	case catalog.RelkindIndex:
		ixRow, err := d.w.Find(catalog.IndexOIDIndex, catalog.OID(oid))
		if err != nil {
			return err
		}
		ix := catalog.ReadPgIndex(ixRow)
		if err := d.w.Delete(catalog.IndexRelation, ixRow); err != nil {
			return err
		}
		table := object{catalog.RelationRelation, ix.Indrelid, 0}
		if d.targets[table] {
			break
		}
		if ix.Indisprimary {
			return unsupported("dropping a primary key")
		}
		if err := updateClass(d.w, ix.Indrelid, func(*catalog.PgClass) {}); err != nil {
			return err
		}
	case catalog.RelkindSequence:
		if err := d.removeRow(catalog.SequenceRelation, catalog.SequenceIndex, oid); err != nil {
			return err
		}
	case catalog.RelkindTable:
		if err := d.removeRow(catalog.StatisticRelation, catalog.StatisticIndex, oid); err != nil {
			return err
		}
	}
	if err := d.w.Delete(catalog.RelationRelation, row); err != nil {
		return err
	}
	if c.Relfilenode == 0 {
		return nil
	}
	return d.s.dropStorage(c.Relfilenode)
}

func (d *dropper) removeConstraint(oid uint32) error {
	row, err := d.w.Find(catalog.ConstraintOIDIndex, catalog.OID(oid))
	if err != nil || row == nil {
		return err
	}
	c := catalog.ReadPgConstraint(row)
	if err := d.w.Delete(catalog.ConstraintRelation, row); err != nil {
		return err
	}
	if d.targets[object{catalog.RelationRelation, c.Conrelid, 0}] {
		return nil
	}
	return updateClass(d.w, c.Conrelid, func(t *catalog.PgClass) {
		if c.Contype == catalog.ConstraintCheck {
			t.Relchecks--
		}
	})
}

func (d *dropper) removeDefault(oid uint32) error {
	row, err := d.w.Find(catalog.AttrDefaultOIDIndex, catalog.OID(oid))
	if err != nil || row == nil {
		return err
	}
	a := catalog.ReadPgAttrdef(row)
	if err := d.w.Delete(catalog.AttrDefaultRelation, row); err != nil {
		return err
	}
	if d.targets[object{catalog.RelationRelation, a.Adrelid, 0}] {
		return nil
	}
	if err := updateAttribute(d.w, a.Adrelid, a.Adnum, func(a *catalog.PgAttribute) { a.Atthasdef = false }); err != nil {
		return err
	}
	return updateClass(d.w, a.Adrelid, func(*catalog.PgClass) {})
}

// removeRule deletes a view's rule; the view goes with it, so both do.
func (d *dropper) removeRule(oid uint32) error {
	return d.removeRow(catalog.RewriteRelation, rewriteOIDIndex, oid)
}

// rewriteOIDIndex is the primary key of pg_rewrite.
const rewriteOIDIndex = 2692

func (d *dropper) removeComments(o object) error {
	return d.w.Rows(catalog.DescriptionIndex, func(row []data.Datum) error {
		return d.w.Delete(catalog.DescriptionRelation, row)
	}, catalog.OID(o.oid), catalog.OID(o.class))
}
