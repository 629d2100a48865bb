package ddl

import (
	"fmt"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// dropper removes objects and what depends on them.
type dropper struct {
	s       *Session
	w       *catalog.Writer
	cascade bool
	// rekeys says that whoever drops takes care of a table whose primary key,
	// the order its rows lie in, goes.
	rekeys  bool
	targets map[object]bool // what was named, and what goes with it
	auto    map[object]bool // goes with something that it belongs to
	order   []object
	extra   []object // dropped because of CASCADE, or in the way
	reasons []string
}

func (d *dropper) run() error {
	for _, o := range d.order {
		if err := d.checkAlone(o); err != nil {
			return err
		}
	}
	for i := 0; i < len(d.order); i++ {
		if err := d.dependents(d.order[i]); err != nil {
			return err
		}
	}
	d.leaveAuto()
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

// leaveAuto takes from what is in the way the objects that also belong to
// something that goes: they go with it without a word.
func (d *dropper) leaveAuto() {
	n := 0
	for i, o := range d.extra {
		if !d.auto[o] {
			d.extra[n], d.reasons[n] = o, d.reasons[i]
			n++
		}
	}
	d.extra, d.reasons = d.extra[:n], d.reasons[:n]
}

// owner is the object that another is a part of: the constraint of an index,
// the view of a rule, the table of a row type.
func (d *dropper) owner(o object) (object, bool, error) {
	var found object
	err := d.w.Rows(catalog.DependDependerIndex, func(row []data.Datum) error {
		if r := catalog.ReadPgDepend(row); r.Deptype == dependInternal {
			found = object{r.Refclassid, r.Refobjid, r.Refobjsubid}
		}
		return nil
	}, catalog.OID(o.class), catalog.OID(o.oid))
	return found, found.oid != 0, err
}

// checkAlone rejects dropping a part without what it belongs to.
func (d *dropper) checkAlone(o object) error {
	if o.sub != 0 {
		return nil
	}
	owner, part, err := d.owner(o)
	if err != nil || !part || d.targets[owner] {
		return err
	}
	what, err := d.describe(o)
	if err != nil {
		return err
	}
	whole, err := d.describe(owner)
	if err != nil {
		return err
	}
	return pgerr.Newf(pgerr.DependentObjectsStillExist, "cannot drop %s because %s requires it", what, whole).
		WithHintf("You can drop %s instead.", whole)
}

// dependents adds what depends on an object. What is part of a whole takes the
// whole with it.
func (d *dropper) dependents(o object) error {
	vals := []data.Datum{catalog.OID(o.class), catalog.OID(o.oid)}
	return d.w.Rows(catalog.DependReferenceIndex, func(row []data.Datum) error {
		r := catalog.ReadPgDepend(row)
		if o.sub != 0 && r.Refobjsubid != o.sub {
			return nil
		}
		dep := object{r.Classid, r.Objid, r.Objsubid}
		if r.Deptype != dependInternal {
			owner, part, err := d.owner(dep)
			if err != nil {
				return err
			}
			if part {
				dep = owner
			}
		}
		if r.Deptype != dependNormal {
			d.auto[dep] = true
		}
		if d.targets[dep] || dep.sub != 0 && d.targets[object{dep.class, dep.oid, 0}] {
			return nil
		}
		d.targets[dep] = true
		d.order = append(d.order, dep)
		if r.Deptype != dependNormal {
			return nil
		}
		d.extra = append(d.extra, dep)
		what, err := d.describe(dep)
		if err != nil {
			return err
		}
		on, err := d.describe(object{o.class, o.oid, r.Refobjsubid * min(o.sub, 1)})
		if err != nil {
			return err
		}
		d.reasons = append(d.reasons, what+" depends on "+on)
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

// remove deletes an object's own rows.
func (d *dropper) remove(o object) error {
	var err error
	switch o.class {
	case catalog.RelationRelation:
		if o.sub != 0 {
			err = d.removeColumn(o.oid, int16(o.sub))
			break
		}
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
		if ix.Indisprimary && !d.rekeys {
			return unsupported("dropping a primary key in this way")
		}
		if err := updateClass(d.w, ix.Indrelid, func(*catalog.PgClass) {}); err != nil {
			return err
		}
		if ix.Indisprimary {
			c.Relfilenode = 0 // the table's rows
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
	if c.Contype == catalog.ConstraintForeign && !d.targets[object{catalog.RelationRelation, c.Confrelid, 0}] {
		// Whoever writes the referenced table has to look at it anew.
		if err := d.s.lockTable(c.Confrelid, kv.AccessExclusive); err != nil {
			return err
		}
		if err := updateClass(d.w, c.Confrelid, func(*catalog.PgClass) {}); err != nil {
			return err
		}
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

// removeColumn marks a column as dropped. Its place in the rows stays.
func (d *dropper) removeColumn(rel uint32, num int16) error {
	err := updateAttribute(d.w, rel, num, func(a *catalog.PgAttribute) {
		a.Attname = fmt.Sprintf("........pg.dropped.%d........", num)
		a.Atttypid, a.Attstattarget, a.Attnotnull, a.Attisdropped = 0, 0, false, true
		a.Atthasmissing, a.Attmissingval, a.Attgenerated = false, nil, 0
		a.Attacl, a.Attoptions = nil, nil
	})
	if err != nil {
		return err
	}
	if err := deleteRows(d.w, catalog.StatisticRelation, catalog.StatisticIndex, catalog.OID(rel), catalog.Int2(num)); err != nil {
		return err
	}
	return updateClass(d.w, rel, func(*catalog.PgClass) {})
}

// rewriteOIDIndex is the primary key of pg_rewrite.
const rewriteOIDIndex = 2692

func (d *dropper) removeComments(o object) error {
	vals := []data.Datum{catalog.OID(o.oid), catalog.OID(o.class)}
	if o.sub != 0 {
		vals = append(vals, catalog.Int4(o.sub))
	}
	return deleteRows(d.w, catalog.DescriptionRelation, catalog.DescriptionIndex, vals...)
}
