package ddl

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// createSequence is CREATE SEQUENCE.
func (s *Session) createSequence(n *ast.CreateSeqStmt) error {
	switch {
	case n.ForIdentity:
		return unsupported("identity sequences")
	case n.Sequence.Relpersistence == "t":
		return unsupported("temporary sequences")
	case n.Sequence.Relpersistence == "u":
		return unsupported("unlogged sequences")
	}
	v := s.View()
	schema, err := creationSchema(v, n.Sequence)
	if err != nil {
		return unplaced(err)
	}
	exists, err := v.RelationOID(schema.Name, n.Sequence.Relname)
	if err != nil {
		return err
	}
	if exists != 0 {
		if n.IfNotExists {
			s.notice(pgerr.DuplicateTable, "relation \"%s\" already exists, skipping", n.Sequence.Relname)
			return nil
		}
		return pgerr.Newf(pgerr.DuplicateTable, "relation \"%s\" already exists", n.Sequence.Relname)
	}
	o, err := readSequenceOptions(n.Options)
	if err != nil {
		return err
	}
	q := &sequenceState{}
	if err := q.apply(s, v, o, true); err != nil {
		return err
	}
	w := s.writer()
	oid, err := s.insertSequence(w, schema, n.Sequence.Relname, s.Role.OID, q)
	if err != nil || o.owner == nil {
		return err
	}
	return s.sequenceOwner(w, oid, o.owner)
}

// sequenceColumns are the columns of a sequence's state row.
var sequenceColumns = []struct {
	name string
	typ  uint32
}{{"last_value", types.Int8}, {"log_cnt", types.Int8}, {"is_called", types.Bool}}

// insertSequence writes the rows of a new sequence, and its state.
func (s *Session) insertSequence(w *catalog.Writer, schema *catalog.Schema, name string, owner uint32, q *sequenceState) (uint32, error) {
	v := s.View()
	oid, err := w.NewOID()
	if err != nil {
		return 0, err
	}
	class := catalog.PgClass{
		OID: oid, Relname: name, Relnamespace: schema.OID, Relowner: owner, Relfilenode: oid, Relpages: 1, Reltuples: 1,
		Relpersistence: catalog.PersistencePermanent, Relkind: catalog.RelkindSequence,
		Relnatts: int16(len(sequenceColumns)), Relispopulated: true, Relreplident: 'n',
	}
	if err := w.Insert(catalog.RelationRelation, class.Row()); err != nil {
		return 0, err
	}
	var cols []*newColumn
	for _, c := range sequenceColumns {
		typ, err := v.Type(c.typ)
		if err != nil {
			return 0, err
		}
		cols = append(cols, &newColumn{def: &ast.ColumnDef{Colname: c.name, TypeName: &ast.TypeName{}}, typ: typ, typmod: -1, notNull: true})
	}
	if err := s.insertAttributes(w, oid, cols); err != nil {
		return 0, err
	}
	q.Seqrelid = oid
	if err := w.Insert(catalog.SequenceRelation, q.Row()); err != nil {
		return 0, err
	}
	if err := depend(w, object{catalog.RelationRelation, oid, 0}, object{catalog.NamespaceRelation, schema.OID, 0}, dependNormal); err != nil {
		return 0, err
	}
	if err := dependOnOwner(w, object{catalog.RelationRelation, oid, 0}, owner); err != nil {
		return 0, err
	}
	if err := s.ownStorage(w, oid); err != nil {
		return 0, err
	}
	return oid, s.putSequenceRow(oid, q)
}

// putSequenceRow writes the state row of a sequence whose storage this
// transaction has made.
func (s *Session) putSequenceRow(storage uint32, q *sequenceState) error {
	t, err := s.View().Relation(q.Seqrelid)
	if err != nil {
		return err
	}
	row := rowcodec.EncodeRow(nil, t.Row, rowcodec.Header{XID: s.XID, RowID: sequenceRowID},
		[]data.Datum{data.Int(q.last), data.Int(0), data.Bool(q.called)})
	return s.Txn.Put(s.Op, sequenceKey(s.Database, storage), row)
}

// sequenceOwner is OWNED BY: the sequence goes with the column.
func (s *Session) sequenceOwner(w *catalog.Writer, seq uint32, d *ast.DefElem) error {
	names := nameList(d.Arg)
	if l, ok := d.Arg.(*ast.List); ok && len(names) == 0 {
		names = ast.Strings(l.Items)
	}
	from := object{catalog.RelationRelation, seq, 0}
	if len(names) == 1 && names[0] == "none" {
		return forgetKind(w, from, catalog.RelationRelation, dependAuto)
	}
	if len(names) < 2 {
		return pgerr.New(pgerr.SyntaxError, "invalid OWNED BY option").
			WithHint("Specify OWNED BY table.column or OWNED BY NONE.")
	}
	column := names[len(names)-1]
	c, err := s.relation(s.View(), rangeVar(names[:len(names)-1]))
	if err != nil {
		return err
	}
	if c.Relkind != catalog.RelkindTable && c.Relkind != catalog.RelkindView {
		return pgerr.Newf(pgerr.WrongObjectType, "sequence cannot be owned by relation \"%s\"", c.Relname).
			WithDetail(relkindDetail(c.Relkind))
	}
	row, err := w.Find(catalog.ClassOIDIndex, catalog.OID(seq))
	if err != nil {
		return err
	}
	me := catalog.ReadPgClass(row)
	if me.Relowner != c.Relowner {
		return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "sequence must have same owner as table it is linked to")
	}
	if me.Relnamespace != c.Relnamespace {
		return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "sequence must be in same schema as table it is linked to")
	}
	att, err := w.Find(catalog.AttributeNameIndex, catalog.OID(c.OID), catalog.Name(column))
	if err != nil {
		return err
	}
	if att == nil {
		return undefinedColumn(column, c.Relname)
	}
	if err := s.lockTable(c.OID, kv.AccessShare); err != nil {
		return err
	}
	if err := forgetKind(w, from, catalog.RelationRelation, dependAuto); err != nil {
		return err
	}
	return depend(w, from, object{catalog.RelationRelation, c.OID, int32(catalog.ReadPgAttribute(att).Attnum)}, dependAuto)
}

// forgetKind removes the pg_depend rows of one kind in which an object needs
// objects of a class.
func forgetKind(w *catalog.Writer, o object, class uint32, kind byte) error {
	return w.Rows(catalog.DependDependerIndex, func(row []data.Datum) error {
		if r := catalog.ReadPgDepend(row); r.Refclassid != class || r.Deptype != kind {
			return nil
		}
		return w.Delete(catalog.DependRelation, row)
	}, catalog.OID(o.class), catalog.OID(o.oid))
}

// Functions of a serial column's default.
const (
	nextvalProc  = 1574
	int8ToInt4   = 480
	int8ToInt2   = 714
	coerceNormal = query.CoerceExplicitCall
)

// addSerials makes the sequences of serial columns and the defaults that take
// values from them.
func (s *Session) addSerials(w *catalog.Writer, table uint32, schema *catalog.Schema, cols []*newColumn) error {
	for _, c := range cols {
		if c.serial == nil {
			continue
		}
		if err := s.addSerial(w, table, schema, c); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) addSerial(w *catalog.Writer, table uint32, schema *catalog.Schema, c *newColumn) error {
	v := s.View()
	t, err := v.Relation(table)
	if err != nil {
		return err
	}
	name, err := chooseRelationName(v, schema.Name, t.Name, c.def.Colname, "seq")
	if err != nil {
		return err
	}
	q := &sequenceState{}
	q.Seqtypid = c.serial.OID
	q.Seqincrement, q.Seqmin, q.Seqmax, q.Seqstart, q.Seqcache, q.last = 1, 1, sequenceTypes[c.serial.OID].max, 1, 1, 1
	seq, err := s.insertSequence(w, schema, name, t.Owner, q)
	if err != nil {
		return err
	}
	col := t.Column(c.def.Colname)
	err = depend(w, object{catalog.RelationRelation, seq, 0}, object{catalog.RelationRelation, table, int32(col.Num)}, dependAuto)
	if err != nil {
		return err
	}
	return s.storeDefault(w, table, col.Num, nextvalOf(seq, c.serial.OID))
}

// nextvalOf is nextval('seq'::regclass) converted to a column's type.
func nextvalOf(seq, typ uint32) query.Expr {
	var e query.Expr = &query.FuncExpr{Funcid: nextvalProc, Funcresulttype: types.Int8, Funcformat: coerceNormal, Loc: -1,
		Args: []query.Expr{&query.Const{Consttype: types.RegClass, Consttypmod: -1, Constvalue: data.Int(int64(seq)), Loc: -1}}}
	cast := map[uint32]uint32{types.Int4: int8ToInt4, types.Int2: int8ToInt2}[typ]
	if cast != 0 {
		e = &query.FuncExpr{Funcid: cast, Funcresulttype: typ, Funcformat: query.CoerceImplicitCast, Args: []query.Expr{e}, Loc: -1}
	}
	return e
}
