package planner

import (
	"strings"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// testView is a catalog of two tables, t (id primary key, x with an index, s text) and
// u (id primary key, tid), and the int4 operators.
type testView struct {
	catalog.View
	tables map[uint32]*catalog.Table
}

const (
	tableT, tableU   = 30000, 30001
	opEQ, opLT, opGE = 96, 97, 525
	intFamily        = 1976
)

func (v testView) Relation(oid uint32) (*catalog.Table, error) { return v.tables[oid], nil }
func (testView) Deps() *catalog.Deps                           { return &catalog.Deps{} }
func (testView) Proc(uint32) (*catalog.Proc, error)            { return nil, nil }

func (testView) Operator(oid uint32) (*catalog.Operator, error) {
	return &catalog.Operator{OID: oid, Name: map[uint32]string{opEQ: "=", opLT: "<", opGE: ">="}[oid],
		Left: types.Int4, Right: types.Int4, Schema: 11, Kind: 'b'}, nil
}

func (testView) OperatorFamilies(op uint32) ([]catalog.AmOp, error) {
	s := map[uint32]int16{opEQ: catalog.BTEqual, opLT: catalog.BTLess, opGE: catalog.BTGreaterEqual}[op]
	if s == 0 {
		return nil, nil
	}
	return []catalog.AmOp{{Family: intFamily, Strategy: s, AM: catalog.BtreeAM}}, nil
}

func (testView) SearchPath() []uint32 { return []uint32{11} }

func init() {
	for oid, holds := range map[uint32]func(a, b int64) bool{
		65:  func(a, b int64) bool { return a == b },
		66:  func(a, b int64) bool { return a < b },
		150: func(a, b int64) bool { return a >= b },
	} {
		expr.Register(oid, func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
			return data.Bool(holds(a[0].Int(), a[1].Int())), nil
		})
	}
}

func testTable(oid uint32, name string, rows float64, cols []string, typs []uint32) *catalog.Table {
	t := &catalog.Table{OID: oid, Name: name, SchemaName: "public", Relkind: catalog.RelkindTable, Database: 5, StorageID: oid, RelTuples: rows}
	var rc []rowcodec.Column
	for i, c := range cols {
		ty := types.Get(typs[i])
		t.Columns = append(t.Columns, catalog.Column{Name: c, Num: int16(i + 1), TypeOID: typs[i], Typmod: -1, Len: ty.Len, NotNull: i == 0})
		rc = append(rc, rowcodec.Column{Type: ty})
	}
	t.Row = rowcodec.NewRowDesc(rc)
	t.Key = []catalog.KeyColumn{{Attnum: 1}}
	t.RowKey = []rowcodec.KeyColumn{{Type: types.Get(types.Int4)}}
	for i := range 2 {
		key := catalog.IndexColumn{KeyColumn: catalog.KeyColumn{Attnum: int16(i + 1)}, Name: cols[i], TypeOID: types.Int4, OpFamily: intFamily}
		t.Indexes = append(t.Indexes, &catalog.Index{
			OID: oid + 10 + uint32(i), Name: name + []string{"_pkey", "_" + cols[1] + "_idx"}[i], Unique: i == 0, Immediate: true,
			IsRowKey: i == 0, Valid: true, Ready: true, Columns: []catalog.IndexColumn{key}, NumKeys: 1, Database: 5, StorageID: oid + uint32(i)*10,
			Entry: &rowcodec.Index{Database: 5, Storage: oid + uint32(i)*10, Cols: t.RowKey, Unique: i == 0},
		})
	}
	return t
}

func testEnv() *Env {
	return &Env{Types: types.NewCtx(data.NewArena(nil)), Cat: testView{tables: map[uint32]*catalog.Table{
		tableT: testTable(tableT, "t", 100000, []string{"id", "x", "s"}, []uint32{types.Int4, types.Int4, types.Text}),
		tableU: testTable(tableU, "u", 100, []string{"id", "tid"}, []uint32{types.Int4, types.Int4}),
	}}}
}

func col(rti int, att int16) *query.Var {
	return &query.Var{Varno: rti, Varattno: att, Vartype: types.Int4, Vartypmod: -1}
}

func num(v int64) query.Expr {
	return &query.Const{Consttype: types.Int4, Consttypmod: -1, Constvalue: data.Int(v)}
}

func op(no, fn uint32, a, b query.Expr) query.Expr {
	return &query.OpExpr{Opno: no, Opfuncid: fn, Opresulttype: types.Bool, Args: []query.Expr{a, b}}
}

func eq(a, b query.Expr) query.Expr { return op(opEQ, 65, a, b) }
func lt(a, b query.Expr) query.Expr { return op(opLT, 66, a, b) }
func ge(a, b query.Expr) query.Expr { return op(opGE, 150, a, b) }

func and(args ...query.Expr) query.Expr { return &query.BoolExpr{Boolop: query.AndExpr, Args: args} }

func table(oid uint32, name string) *query.RangeTblEntry {
	cols := map[uint32][]string{tableT: {"id", "x", "s"}, tableU: {"id", "tid"}}[oid]
	return &query.RangeTblEntry{Rtekind: query.RTERelation, Relid: oid, Relkind: 'r', Rellockmode: 1,
		Eref: &query.Alias{Aliasname: name, Colnames: cols}}
}

func selectFrom(where query.Expr, target query.Expr, rtes ...*query.RangeTblEntry) *query.Query {
	q := &query.Query{CommandType: query.CmdSelect, RTable: rtes, JoinTree: &query.FromExpr{Quals: where},
		TargetList: []*query.TargetEntry{{Expr: target, Resno: 1, Resname: "c"}}}
	for i, r := range rtes {
		if r.Rtekind != query.RTEJoin {
			q.JoinTree.Fromlist = append(q.JoinTree.Fromlist, &query.RangeTblRef{Rtindex: i + 1})
		}
	}
	return q
}

func exists(not bool) query.Expr {
	outer := col(1, 1)
	outer.Varlevelsup = 1
	e := query.Expr(&query.SubLink{SubLinkType: query.ExistsSublink, Resulttype: types.Bool,
		Subselect: selectFrom(eq(col(1, 2), outer), num(1), table(tableU, "u"))})
	if not {
		e = &query.BoolExpr{Boolop: query.NotExpr, Args: []query.Expr{e}}
	}
	return e
}

func sorted(q *query.Query, desc bool, limit int64) *query.Query {
	q.TargetList[0].Ressortgroupref = 1
	q.SortClause = []*query.SortGroupClause{{TleSortGroupRef: 1, Eqop: opEQ, Sortop: opLT, Reverse: desc, NullsFirst: desc}}
	if limit > 0 {
		q.LimitCount = &query.Const{Consttype: types.Int8, Constvalue: data.Int(limit)}
	}
	return q
}

// TestPlans holds the shape of plans as EXPLAIN (COSTS off) prints it.
func TestPlans(t *testing.T) {
	join := func(typ query.JoinType, where query.Expr) *query.Query {
		q := selectFrom(where, col(2, 2), table(tableT, "t"), table(tableU, "u"))
		q.RTable = append(q.RTable, &query.RangeTblEntry{Rtekind: query.RTEJoin, Jointype: typ, Eref: &query.Alias{}})
		q.JoinTree.Fromlist = []query.JoinNode{&query.JoinExpr{Jointype: typ, Larg: &query.RangeTblRef{Rtindex: 1},
			Rarg: &query.RangeTblRef{Rtindex: 2}, Quals: eq(col(1, 1), col(2, 2)), Rtindex: 3}}
		return q
	}
	for _, c := range []struct {
		name string
		q    *query.Query
		want string
	}{
		{"whole table", selectFrom(nil, col(1, 1), table(tableT, "t")), "Seq Scan on t"},
		{"row key", selectFrom(eq(col(1, 1), num(3)), col(1, 2), table(tableT, "t")),
			"Index Scan using t_pkey on t / Index Cond: (id = 3)"},
		{"constant on the left", selectFrom(eq(num(3), col(1, 1)), col(1, 2), table(tableT, "t")),
			"Index Scan using t_pkey on t / Index Cond: (3 = id)"},
		{"range and filter", selectFrom(and(ge(col(1, 1), num(3)), lt(col(1, 1), num(9)), lt(col(1, 2), num(5))), col(1, 2), table(tableT, "t")),
			"Index Scan using t_pkey on t / Index Cond: ((id >= 3) AND (id < 9)) / Filter: (x < 5)"},
		{"secondary index", selectFrom(eq(col(1, 2), num(3)), col(1, 3), table(tableT, "t")),
			"Index Scan using t_x_idx on t / Index Cond: (x = 3)"},
		{"index only", selectFrom(eq(col(1, 2), num(3)), col(1, 1), table(tableT, "t")),
			"Index Only Scan using t_x_idx on t / Index Cond: (x = 3)"},
		{"never true", selectFrom(eq(num(1), num(2)), col(1, 1), table(tableT, "t")), "Result / One-Time Filter: false / -> Seq Scan on t"},
		{"nested loop with index", join(query.JoinInner, eq(col(2, 1), num(7))),
			"Nested Loop / -> Index Scan using u_pkey on u / Index Cond: (u.id = 7) / " +
				"-> Index Scan using t_pkey on t / Index Cond: (t.id = u.tid)"},
		{"left join", join(query.JoinLeft, nil),
			"Hash Left Join / Hash Cond: (t.id = u.tid) / -> Seq Scan on t / -> Hash / -> Seq Scan on u"},
		{"left join made inner", join(query.JoinLeft, eq(col(2, 1), num(7))),
			"Nested Loop / -> Index Scan using u_pkey on u / Index Cond: (u.id = 7) / " +
				"-> Index Scan using t_pkey on t / Index Cond: (t.id = u.tid)"},
		{"order of the key", sorted(selectFrom(nil, col(1, 1), table(tableT, "t")), false, 0), "Seq Scan on t"},
		{"backwards", sorted(selectFrom(nil, col(1, 1), table(tableT, "t")), true, 5),
			"Limit / -> Index Scan Backward using t_pkey on t"},
		{"top n", sorted(selectFrom(nil, col(1, 3), table(tableT, "t")), false, 5), "Limit / -> Sort / Sort Key: s / -> Seq Scan on t"},
		{"semi join", selectFrom(exists(false), col(1, 2), table(tableT, "t")),
			"Hash Semi Join / Hash Cond: (u.tid = t.id) / -> Seq Scan on t / -> Hash / -> Seq Scan on u"},
		{"anti join", selectFrom(exists(true), col(1, 2), table(tableT, "t")),
			"Hash Anti Join / Hash Cond: (u.tid = t.id) / -> Seq Scan on t / -> Hash / -> Seq Scan on u"},
	} {
		env := testEnv()
		p, err := New(env, c.q)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		lines := Explain(env, p, ExplainOptions{}, nil)
		for i := range lines {
			lines[i] = strings.ReplaceAll(strings.TrimSpace(lines[i]), "->  ", "-> ")
		}
		if got := strings.Join(lines, " / "); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		if !p.ReadsOnly || len(p.Locks) == 0 || p.Locks[0].Mode != kv.AccessShare {
			t.Errorf("%s: reads only %v, locks %v", c.name, p.ReadsOnly, p.Locks)
		}
	}
}

func TestPointPlans(t *testing.T) {
	param := &query.Param{Paramkind: query.ParamExtern, Paramid: 1, Paramtype: types.Int4, Paramtypmod: -1}
	dml := func(cmd query.CmdType, where query.Expr) *query.Query {
		q := selectFrom(where, num(5), table(tableT, "t"))
		q.CommandType, q.ResultRelation = cmd, 1
		q.TargetList[0].Resno = 2
		if cmd == query.CmdDelete {
			q.TargetList = nil
		}
		return q
	}
	insert := dml(query.CmdInsert, nil)
	insert.JoinTree.Fromlist = nil
	limited := selectFrom(eq(col(1, 1), param), col(1, 2), table(tableT, "t"))
	limited.LimitOffset = num(1)
	locking := selectFrom(eq(col(1, 1), param), col(1, 2), table(tableT, "t"))
	locking.RowMarks = []*query.RowMarkClause{{Rti: 1, Strength: query.LockForUpdate}}
	for _, c := range []struct {
		name  string
		q     *query.Query
		point bool
		mode  kv.RowMode
	}{
		{"select", selectFrom(eq(col(1, 1), param), col(1, 2), table(tableT, "t")), true, 0},
		{"select with more conditions", selectFrom(and(eq(col(1, 1), param), lt(col(1, 2), num(3))), col(1, 2), table(tableT, "t")), true, 0},
		{"select by a part of nothing unique", selectFrom(eq(col(1, 2), param), col(1, 2), table(tableT, "t")), false, 0},
		{"select by a column", selectFrom(eq(col(1, 1), col(1, 2)), col(1, 2), table(tableT, "t")), false, 0},
		{"select with offset", limited, false, 0},
		{"select for update", locking, true, 0},
		{"update", dml(query.CmdUpdate, eq(col(1, 1), param)), true, kv.NoKeyUpdate},
		{"update of many", dml(query.CmdUpdate, lt(col(1, 1), param)), false, kv.NoKeyUpdate},
		{"delete", dml(query.CmdDelete, eq(col(1, 1), param)), true, kv.Update},
		{"insert", insert, true, kv.KeyShare},
	} {
		p, err := New(testEnv(), c.q)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if (p.Point != nil) != c.point {
			t.Errorf("%s: point plan %v", c.name, p.Point != nil)
		}
		if p.Point != nil && p.Point.Write != nil && p.Point.Write.LockMode != c.mode {
			t.Errorf("%s: lock mode %d, want %d", c.name, p.Point.Write.LockMode, c.mode)
		}
	}
}

func TestFold(t *testing.T) {
	const fails = 15500
	if expr.Lookup(fails) == nil {
		expr.Register(fails, func(*expr.Ctx, []data.Datum) (data.Datum, error) {
			return data.Null, pgerr.New(pgerr.DivisionByZero, "division by zero")
		})
	}
	bad := &query.FuncExpr{Funcid: fails, Funcresulttype: types.Int4, Args: []query.Expr{num(1)}}
	whenThen := func(cond, val query.Expr) *query.CaseWhen { return &query.CaseWhen{Expr: cond, Result: val} }
	yes, no := boolConst(true), boolConst(false)
	for _, c := range []struct {
		name string
		e    query.Expr
		want query.Expr
		code string
	}{
		{"false and", and(no, lt(col(1, 1), bad)), no, ""},
		{"true and", and(yes, lt(col(1, 1), num(1))), lt(col(1, 1), num(1)), ""},
		{"unreachable branch", &query.CaseExpr{Casetype: 23, Args: []*query.CaseWhen{whenThen(yes, num(1))}, Defresult: bad}, num(1), ""},
		{"reachable branch", &query.CaseExpr{Casetype: 23, Args: []*query.CaseWhen{whenThen(lt(col(1, 1), num(1)), num(1))}, Defresult: bad},
			nil, pgerr.DivisionByZero},
		{"coalesce", &query.CoalesceExpr{Coalescetype: 23, Args: []query.Expr{num(4), bad}}, num(4), ""},
	} {
		b := &builder{env: testEnv(), plan: &Plan{}}
		got, err := b.fold(c.e)
		if c.code != "" {
			if pgerr.Code(err) != c.code {
				t.Errorf("%s: %v, want %s", c.name, err, c.code)
			}
		} else if err != nil || !query.Equal(got, c.want) {
			t.Errorf("%s: %#v, %v", c.name, got, err)
		}
	}
}
