package ddl

import (
	"fmt"

	"github.com/pgzdb/pgz/server/pkg/catalog"
)

// describe names an object as PostgreSQL's messages do.
func (d *dropper) describe(o object) (string, error) {
	switch o.class {
	case catalog.RelationRelation:
		return d.describeRelation(o)
	case catalog.NamespaceRelation:
		in, err := d.s.View().Schema(o.oid)
		if err != nil || in == nil {
			return fmt.Sprintf("schema %d", o.oid), err
		}
		return "schema " + in.Name, nil
	case catalog.TypeRelation:
		return "type " + d.s.typeText(o.oid), nil
	case catalog.RewriteRelation:
		row, err := d.w.Find(rewriteOIDIndex, catalog.OID(o.oid))
		if err != nil || row == nil {
			return fmt.Sprintf("rule %d", o.oid), err
		}
		r := catalog.ReadPgRewrite(row)
		on, err := d.describeRelation(object{catalog.RelationRelation, r.EvClass, 0})
		return "rule " + r.Rulename + " on " + on, err
	case catalog.AttrDefaultRelation:
		row, err := d.w.Find(catalog.AttrDefaultOIDIndex, catalog.OID(o.oid))
		if err != nil || row == nil {
			return fmt.Sprintf("default value %d", o.oid), err
		}
		a := catalog.ReadPgAttrdef(row)
		on, err := d.describeRelation(object{catalog.RelationRelation, a.Adrelid, int32(a.Adnum)})
		return "default value for " + on, err
	case catalog.ConstraintRelation:
		row, err := d.w.Find(catalog.ConstraintOIDIndex, catalog.OID(o.oid))
		if err != nil || row == nil {
			return fmt.Sprintf("constraint %d", o.oid), err
		}
		c := catalog.ReadPgConstraint(row)
		on, err := d.describeRelation(object{catalog.RelationRelation, c.Conrelid, 0})
		return "constraint " + c.Conname + " on " + on, err
	}
	return fmt.Sprintf("object %d", o.oid), nil
}

// describeRelation names a relation or a column; the schema is shown unless
// the name is found without it.
func (d *dropper) describeRelation(o object) (string, error) {
	row, err := d.w.Find(catalog.ClassOIDIndex, catalog.OID(o.oid))
	if err != nil || row == nil {
		return fmt.Sprintf("relation %d", o.oid), err
	}
	c := catalog.ReadPgClass(row)
	v := d.s.View()
	name := c.Relname
	visible, err := v.RelationOID("", name)
	if err != nil {
		return "", err
	}
	if visible != c.OID {
		in, err := v.Schema(c.Relnamespace)
		if err != nil {
			return "", err
		}
		if in != nil {
			name = in.Name + "." + name
		}
	}
	name = relkindWords[c.Relkind] + " " + name
	if o.sub == 0 {
		return name, nil
	}
	att, err := d.w.Find(catalog.AttributeNumIndex, catalog.OID(o.oid), catalog.Int2(int16(o.sub)))
	if err != nil || att == nil {
		return name, err
	}
	return "column " + catalog.ReadPgAttribute(att).Attname + " of " + name, nil
}
