package ddl

import (
	"strconv"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func parseInt(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// attribute makes the pg_attribute row of a column.
func attribute(rel uint32, num int16, c *newColumn) catalog.PgAttribute {
	return catalog.PgAttribute{
		Attrelid: rel, Attname: c.def.Colname, Atttypid: c.typ.OID, Attstattarget: -1, Attlen: c.typ.Len, Attnum: num,
		Attndims: int32(len(c.def.TypeName.ArrayBounds)), Attcacheoff: -1, Atttypmod: c.typmod, Attbyval: c.typ.ByVal,
		Attalign: c.typ.Align, Attstorage: c.typ.Storage, Attnotnull: c.notNull, Attislocal: true, Attcollation: c.collate,
	}
}

// systemAttributes are the columns every table has beside its own.
var systemAttributes = []struct {
	name string
	typ  uint32
	num  int16
	len  int16
	val  bool
	algn byte
}{
	{"ctid", types.TID, -1, 6, false, 's'}, {"xmin", types.XID, -2, 4, true, 'i'}, {"cmin", types.CID, -3, 4, true, 'i'},
	{"xmax", types.XID, -4, 4, true, 'i'}, {"cmax", types.CID, -5, 4, true, 'i'}, {"tableoid", types.Oid, -6, 4, true, 'i'},
}

// insertTable writes the rows of a new table with its row type, and makes its
// storage. The table has no key, default or check yet.
func (s *Session) insertTable(w *catalog.Writer, schema *catalog.Schema, name string, cols []*newColumn, options []string) (uint32, error) {
	oid, err := w.NewOID()
	if err != nil {
		return 0, err
	}
	rowType, err := s.insertRowType(w, schema.OID, name, oid)
	if err != nil {
		return 0, err
	}
	class := catalog.PgClass{
		OID: oid, Relname: name, Relnamespace: schema.OID, Reltype: rowType, Relowner: s.Role.OID, Relam: catalog.HeapAM,
		Relfilenode: oid, Reltuples: -1, Relpersistence: catalog.PersistencePermanent, Relkind: catalog.RelkindTable,
		Relnatts: int16(len(cols)), Relispopulated: true, Relreplident: 'd', Reloptions: options,
	}
	if err := w.Insert(catalog.RelationRelation, class.Row()); err != nil {
		return 0, err
	}
	if err := s.insertAttributes(w, oid, cols); err != nil {
		return 0, err
	}
	table := object{catalog.RelationRelation, oid, 0}
	if err := depend(w, table, object{catalog.NamespaceRelation, schema.OID, 0}, dependNormal); err != nil {
		return 0, err
	}
	return oid, s.ownStorage(w, oid)
}

func (s *Session) insertAttributes(w *catalog.Writer, oid uint32, cols []*newColumn) error {
	for i, c := range cols {
		att := attribute(oid, int16(i+1), c)
		if err := w.Insert(catalog.AttributeRelation, att.Row()); err != nil {
			return err
		}
	}
	for _, a := range systemAttributes {
		att := catalog.PgAttribute{Attrelid: oid, Attname: a.name, Atttypid: a.typ, Attlen: a.len, Attnum: a.num,
			Attcacheoff: -1, Atttypmod: -1, Attbyval: a.val, Attalign: a.algn, Attstorage: 'p', Attnotnull: true,
			Attislocal: true}
		if err := w.Insert(catalog.AttributeRelation, att.Row()); err != nil {
			return err
		}
	}
	return nil
}

// Functions of row types and of arrays, in pg_type.
const (
	recordIn, recordOut, recordRecv, recordSend = 2290, 2291, 2402, 2403
	arrayIn, arrayOut, arrayRecv, arraySend     = 750, 751, 2400, 2401
	arrayTypanalyze, arraySubscript             = 3816, 6179
)

// insertRowType writes a relation's composite type and its array type.
func (s *Session) insertRowType(w *catalog.Writer, schema uint32, name string, rel uint32) (uint32, error) {
	oid, err := w.NewOID()
	if err != nil {
		return 0, err
	}
	array, err := w.NewOID()
	if err != nil {
		return 0, err
	}
	row := catalog.PgType{
		OID: oid, Typname: name, Typnamespace: schema, Typowner: s.Role.OID, Typlen: -1, Typtype: catalog.TyptypeComposite,
		Typcategory: 'C', Typisdefined: true, Typdelim: ',', Typrelid: rel, Typarray: array, Typinput: recordIn,
		Typoutput: recordOut, Typreceive: recordRecv, Typsend: recordSend, Typalign: 'd', Typstorage: 'x', Typtypmod: -1,
	}
	if err := w.Insert(catalog.TypeRelation, row.Row()); err != nil {
		return 0, err
	}
	arrayName, err := s.arrayTypeName(w, schema, name)
	if err != nil {
		return 0, err
	}
	arr := catalog.PgType{
		OID: array, Typname: arrayName, Typnamespace: schema, Typowner: s.Role.OID, Typlen: -1, Typtype: catalog.TyptypeBase,
		Typcategory: 'A', Typisdefined: true, Typdelim: ',', Typsubscript: arraySubscript, Typelem: oid, Typinput: arrayIn,
		Typoutput: arrayOut, Typreceive: arrayRecv, Typsend: arraySend, Typanalyze: arrayTypanalyze, Typalign: 'd',
		Typstorage: 'x', Typtypmod: -1,
	}
	if err := w.Insert(catalog.TypeRelation, arr.Row()); err != nil {
		return 0, err
	}
	if err := depend(w, object{catalog.TypeRelation, oid, 0}, object{catalog.RelationRelation, rel, 0}, dependInternal); err != nil {
		return 0, err
	}
	return oid, depend(w, object{catalog.TypeRelation, array, 0}, object{catalog.TypeRelation, oid, 0}, dependInternal)
}

// arrayTypeName is the type's name with an underscore in front, more of them
// while the name is taken.
func (s *Session) arrayTypeName(w *catalog.Writer, schema uint32, name string) (string, error) {
	for try := "_" + name; ; try = "_" + try {
		try = clip(try, maxNameBytes)
		row, err := w.Find(catalog.TypeNameIndex, catalog.Name(try), catalog.OID(schema))
		if err != nil || row == nil {
			return try, err
		}
	}
}

// updateClass rewrites a relation's pg_class row. Every change of a relation
// goes through here, because the row's commit timestamp is the version of the
// relation's descriptor.
func updateClass(w *catalog.Writer, oid uint32, change func(c *catalog.PgClass)) error {
	old, err := w.Find(catalog.ClassOIDIndex, catalog.OID(oid))
	if err != nil || old == nil {
		return err
	}
	c := catalog.ReadPgClass(old)
	change(c)
	return w.Update(catalog.RelationRelation, old, c.Row())
}

// updateAttribute rewrites a column's pg_attribute row.
func updateAttribute(w *catalog.Writer, rel uint32, num int16, change func(a *catalog.PgAttribute)) error {
	old, err := w.Find(catalog.AttributeNumIndex, catalog.OID(rel), catalog.Int2(num))
	if err != nil || old == nil {
		return err
	}
	a := catalog.ReadPgAttribute(old)
	change(a)
	return w.Update(catalog.AttributeRelation, old, a.Row())
}
