package analyze

import (
	"sync"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/kv/memkv"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// testCat is a catalog.View over PostgreSQL's own rows (the image) and a few tables made up here.
// What the tests never ask for is left to the embedded nil View.
type testCat struct {
	catalog.View
	relations map[uint32]*catalog.Table
	relByName map[string]*catalog.Table
	types     map[uint32]*catalog.TypeDesc
	typByName map[string]*catalog.TypeDesc
	procs     map[string][]*catalog.Proc
	procByOID map[uint32]*catalog.Proc
	ops       map[string][]*catalog.Operator
	opByOID   map[uint32]*catalog.Operator
	casts     map[[2]uint32]*catalog.Cast
	opclasses []*catalog.OpClass
	amops     []*catalog.AmOp
	amprocs   []*catalog.AmProc
	collation map[uint32]*catalog.Collation
}

var testCatOnce = sync.OnceValues(loadTestCat)

func newTestCat(t *testing.T) *testCat {
	t.Helper()
	c, err := testCatOnce()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// imageRows reads all rows of a catalog relation.
func imageRows(img *catalog.Image, txn kv.Txn, rel uint32, f func(row []data.Datum)) error {
	table, err := img.Table(rel)
	if err != nil {
		return err
	}
	database := uint32(catalog.PostgresDB)
	if table.Shared {
		database = 0
	}
	spec := kv.ScanSpec{Start: rowcodec.AppendPrefix(nil, database, table.StorageID),
		End: rowcodec.AppendPrefixEnd(nil, database, table.StorageID)}
	scan, err := img.WithImage(txn).NewScan(kv.View{}, spec)
	if err != nil {
		return err
	}
	defer scan.Close()
	for more := true; more; {
		var rows kv.Rows
		if more, err = scan.Next(&rows, kv.MaxScanRows); err != nil {
			return err
		}
		for i := range rows.Len() {
			out := make([]data.Datum, len(table.Columns))
			if err := rowcodec.DecodeRow(table.Row, rows.Value(i), out); err != nil {
				return err
			}
			f(out)
		}
	}
	return nil
}

func loadTestCat() (*testCat, error) {
	img, err := catalog.OpenImage(nil)
	if err != nil {
		return nil, err
	}
	txn, err := memkv.New().Begin(kv.TxnOptions{})
	if err != nil {
		return nil, err
	}
	c := &testCat{
		relations: map[uint32]*catalog.Table{}, relByName: map[string]*catalog.Table{},
		types: map[uint32]*catalog.TypeDesc{}, typByName: map[string]*catalog.TypeDesc{},
		procs: map[string][]*catalog.Proc{}, procByOID: map[uint32]*catalog.Proc{},
		ops: map[string][]*catalog.Operator{}, opByOID: map[uint32]*catalog.Operator{},
		casts: map[[2]uint32]*catalog.Cast{}, collation: map[uint32]*catalog.Collation{},
	}
	for rel, f := range map[uint32]func(row []data.Datum){
		catalog.TypeRelation: c.addType, catalog.ProcRelation: c.addProc, catalog.OperatorRelation: c.addOperator,
		catalog.CastRelation: c.addCast, catalog.OpClassRelation: c.addOpClass, catalog.AmOpRelation: c.addAmOp,
		catalog.AmProcRelation: c.addAmProc, catalog.CollationRelation: c.addCollation,
	} {
		if err := imageRows(img, txn, rel, f); err != nil {
			return nil, err
		}
	}
	err = imageRows(img, txn, catalog.AggregateRelation, func(row []data.Datum) {
		a := catalog.ReadPgAggregate(row)
		if p := c.procByOID[a.Aggfnoid]; p != nil {
			p.Agg = &catalog.Aggregate{Kind: a.Aggkind, TransFn: a.Aggtransfn, TransType: a.Aggtranstype, SortOp: a.Aggsortop}
		}
	})
	if err != nil {
		return nil, err
	}
	err = imageRows(img, txn, catalog.RangeRelation, func(row []data.Datum) {
		r := catalog.ReadPgRange(row)
		d := &catalog.Range{Type: r.Rngtypid, Subtype: r.Rngsubtype, Multirange: r.Rngmultitypid}
		c.types[d.Type].Range, c.types[d.Multirange].Range = d, d
	})
	if err != nil {
		return nil, err
	}
	err = imageRows(img, txn, catalog.RelationRelation, func(row []data.Datum) {
		class := catalog.ReadPgClass(row)
		if t, terr := img.Table(class.OID); terr == nil && t != nil {
			c.addTable(t)
		}
	})
	c.addUserTables()
	return c, err
}

func (c *testCat) addTable(t *catalog.Table) {
	c.relations[t.OID] = t
	c.relByName[t.SchemaName+"."+t.Name] = t
}

// col is a column of a made-up table.
func col(name string, typ uint32, typmod int32, coll uint32) catalog.Column {
	return catalog.Column{Name: name, TypeOID: typ, Typmod: typmod, Collation: coll}
}

func (c *testCat) userTable(oid uint32, name string, key int, cols ...catalog.Column) *catalog.Table {
	t := &catalog.Table{OID: oid, Name: name, Schema: catalog.PublicNamespace, SchemaName: "public", Relkind: 'r', TypeOID: oid + 1,
		Columns: cols}
	for i := range t.Columns {
		t.Columns[i].Num = int16(i + 1)
	}
	if key > 0 {
		t.PrimaryKey = &catalog.Index{OID: oid + 2, Name: name + "_pkey", Unique: true, Primary: true, Immediate: true, NumKeys: key}
		for i := range key {
			t.PrimaryKey.Columns = append(t.PrimaryKey.Columns, catalog.IndexColumn{KeyColumn: catalog.KeyColumn{Attnum: int16(i + 1)}})
		}
		t.Indexes = append(t.Indexes, t.PrimaryKey)
	}
	c.addTable(t)
	c.types[oid+1] = &catalog.TypeDesc{OID: oid + 1, Name: name, Schema: catalog.PublicNamespace, Type: 'c', Category: 'C',
		Defined: true, RelID: oid, Typmod: -1}
	c.typByName["public."+name] = c.types[oid+1]
	return t
}

// addUserTables makes the tables the tests use; testdata/schema.sql says the same to a native server.
func (c *testCat) addUserTables() {
	c.userTable(20000, "pgbench_accounts", 1, col("aid", types.Int4, -1, 0), col("bid", types.Int4, -1, 0),
		col("abalance", types.Int4, -1, 0), col("filler", types.BpChar, 88, 100))
	c.userTable(20010, "pgbench_branches", 1, col("bid", types.Int4, -1, 0), col("bbalance", types.Int4, -1, 0),
		col("filler", types.BpChar, 92, 100))
	c.userTable(20020, "pgbench_tellers", 1, col("tid", types.Int4, -1, 0), col("bid", types.Int4, -1, 0),
		col("tbalance", types.Int4, -1, 0), col("filler", types.BpChar, 88, 100))
	c.userTable(20030, "pgbench_history", 0, col("tid", types.Int4, -1, 0), col("bid", types.Int4, -1, 0),
		col("aid", types.Int4, -1, 0), col("delta", types.Int4, -1, 0), col("mtime", types.Timestamp, -1, 0),
		col("filler", types.BpChar, 26, 100))
	c.userTable(20040, "t", 1, col("id", types.Int4, -1, 0), col("name", types.Text, -1, 100),
		col("amount", types.Numeric, 524294, 0), col("tags", types.TextArray, -1, 100), col("born", types.Date, -1, 0),
		col("code", types.Varchar, 14, 100), col("big", types.Int8, -1, 0), col("ok", types.Bool, -1, 0))
	c.userTable(20050, "u", 0, col("id", types.Int8, -1, 0), col("name", types.Varchar, 24, 100), col("ratio", types.Float8, -1, 0))
}

func (c *testCat) addType(row []data.Datum) {
	r := catalog.ReadPgType(row)
	t := &catalog.TypeDesc{OID: r.OID, Name: r.Typname, Schema: r.Typnamespace, Len: r.Typlen, ByVal: r.Typbyval, Type: r.Typtype,
		Category: r.Typcategory, Preferred: r.Typispreferred, Defined: r.Typisdefined, RelID: r.Typrelid, Subscript: r.Typsubscript,
		Elem: r.Typelem, Array: r.Typarray, Input: r.Typinput, Output: r.Typoutput, BaseType: r.Typbasetype, Typmod: r.Typtypmod,
		Collation: r.Typcollation}
	c.types[t.OID] = t
	c.typByName["pg_catalog."+t.Name] = t
}

func (c *testCat) addProc(row []data.Datum) {
	r := catalog.ReadPgProc(row)
	p := &catalog.Proc{OID: r.OID, Name: r.Proname, Schema: r.Pronamespace, Variadic: r.Provariadic, Kind: r.Prokind,
		Strict: r.Proisstrict, RetSet: r.Proretset, Volatile: r.Provolatile, NumDefaults: int(r.Pronargdefaults), RetType: r.Prorettype,
		ArgTypes: r.Proargtypes, AllArgTypes: r.Proallargtypes, ArgNames: r.Proargnames, ArgModes: []byte(r.Proargmodes)}
	if p.Name == "make_interval" {
		p.ArgDefaultTexts = []string{"0", "0", "0", "0", "0", "0", "0.0"}
	}
	c.procs[p.Name] = append(c.procs[p.Name], p)
	c.procByOID[p.OID] = p
}

func (c *testCat) addOperator(row []data.Datum) {
	r := catalog.ReadPgOperator(row)
	o := &catalog.Operator{OID: r.OID, Name: r.Oprname, Schema: r.Oprnamespace, Kind: r.Oprkind, CanHash: r.Oprcanhash,
		Left: r.Oprleft, Right: r.Oprright, Result: r.Oprresult, Commutator: r.Oprcom, Negator: r.Oprnegate, Code: r.Oprcode}
	c.ops[o.Name] = append(c.ops[o.Name], o)
	c.opByOID[o.OID] = o
}

func (c *testCat) addCast(row []data.Datum) {
	r := catalog.ReadPgCast(row)
	c.casts[[2]uint32{r.Castsource, r.Casttarget}] = &catalog.Cast{OID: r.OID, Source: r.Castsource, Target: r.Casttarget,
		Func: r.Castfunc, Context: r.Castcontext, Method: r.Castmethod}
}

func (c *testCat) addOpClass(row []data.Datum) {
	r := catalog.ReadPgOpclass(row)
	c.opclasses = append(c.opclasses, &catalog.OpClass{OID: r.OID, AM: r.Opcmethod, Name: r.Opcname, Family: r.Opcfamily,
		InType: r.Opcintype, Default: r.Opcdefault})
}

func (c *testCat) addAmOp(row []data.Datum) {
	r := catalog.ReadPgAmop(row)
	c.amops = append(c.amops, &catalog.AmOp{OID: r.OID, Family: r.Amopfamily, Left: r.Amoplefttype, Right: r.Amoprighttype,
		Strategy: r.Amopstrategy, Purpose: r.Amoppurpose, Operator: r.Amopopr, AM: r.Amopmethod})
}

func (c *testCat) addAmProc(row []data.Datum) {
	r := catalog.ReadPgAmproc(row)
	c.amprocs = append(c.amprocs, &catalog.AmProc{Family: r.Amprocfamily, Left: r.Amproclefttype, Right: r.Amprocrighttype,
		Num: r.Amprocnum, Proc: r.Amproc})
}

func (c *testCat) addCollation(row []data.Datum) {
	r := catalog.ReadPgCollation(row)
	c.collation[r.OID] = &catalog.Collation{OID: r.OID, Name: r.Collname, Schema: r.Collnamespace}
}
