package ddl

import (
	"github.com/pgzdb/pgz/server/pkg/analyze"
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// indexDraft is an index before it is written.
type indexDraft struct {
	table            *catalog.Table
	method           accessMethod
	name             string
	unique, primary  bool
	nullsNotDistinct bool
	columns          []indexColumn // key columns, then INCLUDE columns
	included         int
	exprs            []query.Expr // of the columns with num 0, in order
	predicate        query.Expr
	options          []string
}

type indexColumn struct {
	name             string
	num              int16 // 0: an expression
	typ              *catalog.TypeDesc
	typmod           int32
	opclass          *catalog.OpClass
	collate          uint32
	desc, nullsFirst bool
}

// keys are the columns that are not merely included.
func (d *indexDraft) keys() []indexColumn { return d.columns[:len(d.columns)-d.included] }

// include adds INCLUDE columns. Entries hold nothing of them: they are found
// in the row.
func (s *Session) include(v catalog.View, d *indexDraft, elems []ast.Node) error {
	for _, n := range elems {
		el := n.(*ast.IndexElem)
		switch {
		case el.Expr != nil:
			return pgerr.New(pgerr.FeatureNotSupportedCode, "expressions are not supported in included columns")
		case len(el.Collation) > 0:
			return pgerr.New(pgerr.InvalidObjectDefinition, "including column does not support a collation")
		case len(el.Opclass) > 0:
			return pgerr.New(pgerr.InvalidObjectDefinition, "including column does not support an operator class")
		case el.Ordering != ast.SORTBY_DEFAULT:
			return pgerr.New(pgerr.InvalidObjectDefinition, "including column does not support ASC/DESC options")
		case el.NullsOrdering != ast.SORTBY_NULLS_DEFAULT:
			return pgerr.New(pgerr.InvalidObjectDefinition, "including column does not support NULLS FIRST/LAST options")
		}
		c := d.table.Column(el.Name)
		if c == nil {
			return pgerr.Newf(pgerr.UndefinedColumn, "column \"%s\" does not exist", el.Name)
		}
		typ, err := v.Type(c.TypeOID)
		if err != nil {
			return err
		}
		d.columns = append(d.columns, indexColumn{name: c.Name, num: c.Num, typ: typ, typmod: c.Typmod})
		d.included++
	}
	return nil
}

// nums lists the column numbers.
func (d *indexDraft) nums() []int16 {
	out := make([]int16, len(d.columns))
	for i := range d.columns {
		out[i] = d.columns[i].num
	}
	return out
}

// createIndex is CREATE INDEX.
func (s *Session) createIndex(n *ast.IndexStmt) error {
	if n.Concurrent {
		return unsupported("CREATE INDEX CONCURRENTLY")
	}
	if n.TableSpace != "" && n.TableSpace != "pg_default" {
		return unsupported("tablespaces")
	}
	v, t, err := s.lockedTable(n.Relation, func(oid uint32) error { return s.lockTable(oid, kv.ShareLock) })
	if err != nil {
		return err
	}
	if t.Relkind != catalog.RelkindTable {
		return pgerr.Newf(pgerr.WrongObjectType, "cannot create index on relation \"%s\"", t.Name)
	}
	if err := s.userTable(t); err != nil {
		return err
	}
	method, err := accessMethodOf(n)
	if err != nil {
		return err
	}
	if n.Idxname != "" {
		exists, err := v.RelationOID(t.SchemaName, n.Idxname)
		if err != nil {
			return err
		}
		if exists != 0 && n.IfNotExists {
			s.notice(pgerr.DuplicateTable, "relation \"%s\" already exists, skipping", n.Idxname)
			return nil
		}
		if exists != 0 {
			return pgerr.Newf(pgerr.DuplicateTable, "relation \"%s\" already exists", n.Idxname)
		}
	}
	d, err := s.draftIndex(v, t, method, n)
	if err != nil {
		return err
	}
	_, err = s.makeIndex(s.writer(), d, false)
	return err
}

func (s *Session) draftIndex(v catalog.View, t *catalog.Table, m accessMethod, n *ast.IndexStmt) (*indexDraft, error) {
	d := &indexDraft{table: t, method: m, name: n.Idxname, unique: n.Unique, nullsNotDistinct: n.NullsNotDistinct}
	var err error
	if d.options, err = relationOptions(n.Options, m.name); err != nil {
		return nil, err
	}
	var names []string
	for _, p := range n.IndexParams {
		col, e, err := s.draftIndexColumn(v, t, m, p.(*ast.IndexElem))
		if err != nil {
			return nil, err
		}
		if e != nil {
			d.exprs = append(d.exprs, e)
		}
		d.columns = append(d.columns, col)
		names = append(names, col.name)
	}
	if err := s.include(v, d, n.IndexIncludingParams); err != nil {
		return nil, err
	}
	for _, c := range d.columns[len(names):] {
		names = append(names, c.name)
	}
	if n.WhereClause != nil {
		d.predicate, err = analyze.AnalyzeExpr(s.Analyze(v), n.WhereClause, analyze.PlaceIndexPredicate, analyze.ExprTarget{Table: t})
		if err != nil {
			return nil, err
		}
	}
	if d.name == "" {
		d.name, err = chooseRelationName(v, t.SchemaName, t.Name, joinColumns(names), "idx")
	}
	return d, err
}

func (s *Session) draftIndexColumn(v catalog.View, t *catalog.Table, m accessMethod, el *ast.IndexElem) (indexColumn, query.Expr, error) {
	if el.Expr == nil {
		c := t.Column(el.Name)
		if c == nil {
			return indexColumn{}, nil, pgerr.Newf(pgerr.UndefinedColumn, "column \"%s\" does not exist", el.Name)
		}
		col, err := s.indexColumn(v, c, m, el)
		return col, nil, err
	}
	e, err := analyze.AnalyzeExpr(s.Analyze(v), el.Expr, analyze.PlaceIndexExpression, analyze.ExprTarget{Table: t})
	if err != nil {
		return indexColumn{}, nil, err
	}
	name := "expr"
	if f, ok := el.Expr.(*ast.FuncCall); ok {
		names := ast.Strings(f.Funcname)
		name = names[len(names)-1]
	}
	col, err := s.indexKey(v, name, 0, e.Type(), e.Typmod(), e.Collation(), m, el)
	return col, e, err
}

// indexColumn makes an index column over a table column; el carries the
// options it was written with, nil for none.
func (s *Session) indexColumn(v catalog.View, c *catalog.Column, m accessMethod, el *ast.IndexElem) (indexColumn, error) {
	return s.indexKey(v, c.Name, c.Num, c.TypeOID, c.Typmod, c.Collation, m, el)
}

func (s *Session) indexKey(v catalog.View, name string, num int16, typ uint32, typmod int32, coll uint32, m accessMethod,
	el *ast.IndexElem) (indexColumn, error) {
	col := indexColumn{name: name, num: num, typmod: typmod, collate: coll}
	var err error
	if col.typ, err = v.Type(typ); err != nil {
		return col, err
	}
	if el != nil {
		if err := s.indexOptions(v, &col, el); err != nil {
			return col, err
		}
	}
	if col.opclass, err = s.operatorClass(v, m, typ, el); err != nil {
		return col, err
	}
	if err := m.checkOrder(el); err != nil {
		return col, err
	}
	if t := types.Get(typ); t == nil || !rowcodec.Keyable(t) {
		return col, unsupported("index columns of type " + s.typeText(typ))
	}
	return col, nil
}

func (s *Session) indexOptions(v catalog.View, col *indexColumn, el *ast.IndexElem) error {
	col.desc = el.Ordering == ast.SORTBY_DESC
	switch el.NullsOrdering {
	case ast.SORTBY_NULLS_FIRST:
		col.nullsFirst = true
	case ast.SORTBY_NULLS_LAST:
	default:
		col.nullsFirst = col.desc
	}
	if el.Indexcolname != "" {
		col.name = el.Indexcolname
	}
	if len(el.Opclassopts) > 0 {
		return unsupported("operator class options")
	}
	if names := ast.Strings(el.Collation); len(names) > 0 {
		coll, err := v.CollationByName(schemaAndName(names))
		if err != nil {
			return err
		}
		if coll == nil {
			return pgerr.Newf(pgerr.UndefinedObject, "collation \"%s\" for encoding \"UTF8\" does not exist", names[len(names)-1])
		}
		col.collate = coll.OID
	}
	return nil
}

func schemaAndName(names []string) (schema, name string) {
	if len(names) > 1 {
		schema = names[len(names)-2]
	}
	return schema, names[len(names)-1]
}

// makeIndex writes an index's catalog rows and, unless that is left to the
// caller, builds it. A primary key becomes the order the table itself is stored
// in: it has no entries of its own.
func (s *Session) makeIndex(w *catalog.Writer, d *indexDraft, unbuilt bool) (uint32, error) {
	oid, err := w.NewOID()
	if err != nil {
		return 0, err
	}
	storage := oid
	if d.primary {
		storage = d.table.StorageID
	}
	if err := s.insertIndexRows(w, d, oid, storage); err != nil {
		return 0, err
	}
	if err := s.lockTable(oid, kv.AccessExclusive); err != nil {
		return 0, err
	}
	if d.primary {
		return oid, nil
	}
	if err := s.ownStorage(w, oid); err != nil || unbuilt {
		return oid, err
	}
	return oid, s.buildIndex(d.table.OID, oid)
}

func (s *Session) insertIndexRows(w *catalog.Writer, d *indexDraft, oid, storage uint32) error {
	t := d.table
	class := catalog.PgClass{
		OID: oid, Relname: d.name, Relnamespace: t.Schema, Relowner: t.Owner, Relam: d.method.oid, Relfilenode: storage,
		Relpersistence: t.Persistence, Relkind: catalog.RelkindIndex, Relnatts: int16(len(d.columns)), Relispopulated: true,
		Relreplident: 'n', Reloptions: d.options,
	}
	if err := w.Insert(catalog.RelationRelation, class.Row()); err != nil {
		return err
	}
	row := catalog.PgIndex{Indexrelid: oid, Indrelid: t.OID, Indnatts: int16(len(d.columns)), Indnkeyatts: int16(len(d.keys())),
		Indisunique: d.unique, Indnullsnotdistinct: d.nullsNotDistinct, Indisprimary: d.primary, Indimmediate: true,
		Indisvalid: true, Indisready: true, Indislive: true, Indkey: d.nums()}
	for i := range d.columns {
		c := &d.columns[i]
		if i < len(d.keys()) {
			opt := int16(0)
			if c.desc {
				opt |= 1
			}
			if c.nullsFirst {
				opt |= 2
			}
			row.Indoption = append(row.Indoption, opt)
			row.Indclass = append(row.Indclass, c.opclass.OID)
			row.Indcollation = append(row.Indcollation, c.collate)
		}
		att := catalog.PgAttribute{Attrelid: oid, Attname: c.name, Atttypid: c.typ.OID, Attstattarget: -1, Attlen: c.typ.Len,
			Attnum: int16(i + 1), Attcacheoff: -1, Atttypmod: c.typmod, Attbyval: c.typ.ByVal, Attalign: c.typ.Align,
			Attstorage: c.typ.Storage, Attislocal: true, Attcollation: c.collate}
		if err := w.Insert(catalog.AttributeRelation, att.Row()); err != nil {
			return err
		}
	}
	var err error
	if len(d.exprs) > 0 {
		if row.Indexprs, err = query.EncodeExpr(nil, &query.RowExpr{Args: d.exprs, RowTypeid: types.Record}); err != nil {
			return err
		}
	}
	if d.predicate != nil {
		if row.Indpred, err = query.EncodeExpr(nil, d.predicate); err != nil {
			return err
		}
	}
	if err := w.Insert(catalog.IndexRelation, row.Row()); err != nil {
		return err
	}
	if err := updateClass(w, t.OID, func(c *catalog.PgClass) { c.Relhasindex = true }); err != nil {
		return err
	}
	return s.dependIndex(w, d, oid)
}

// dependIndex records what an index was made from. One that belongs to a
// constraint depends on that alone.
func (s *Session) dependIndex(w *catalog.Writer, d *indexDraft, oid uint32) error {
	from := object{catalog.RelationRelation, oid, 0}
	if err := dependOnColumns(w, from, d.table.OID, d.nums(), dependAuto); err != nil {
		return err
	}
	for _, e := range append(append([]query.Expr{}, d.exprs...), d.predicate) {
		if e == nil {
			continue
		}
		if err := dependOnExpr(w, from, e, d.table.OID, dependAuto); err != nil {
			return err
		}
	}
	return nil
}
