package exec

import (
	"context"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/kv/memkv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// accounts is a table (id int4 primary key, v int4, note text) with a unique index on v.
func accounts() *planner.Rel {
	int4, text := types.Get(types.Int4), types.Get(types.Text)
	t := &catalog.Table{
		OID: 20000, Name: "accounts", SchemaName: "public", Relkind: catalog.RelkindTable, Database: 5, StorageID: 100,
		Columns: []catalog.Column{{Name: "id", Num: 1}, {Name: "v", Num: 2}, {Name: "note", Num: 3}},
	}
	key := []rowcodec.KeyColumn{{Type: int4}}
	rel := &planner.Rel{
		Table: t, Types: []*types.Type{int4, int4, text}, Key: key, KeyCols: []int{0}, NotNull: []int{0},
		Desc: rowcodec.NewRowDesc([]rowcodec.Column{{Type: int4}, {Type: int4}, {Type: text}}),
	}
	pk := &catalog.Index{OID: 20001, Name: "accounts_pkey", IsRowKey: true, Unique: true, Valid: true, Ready: true,
		Columns: []catalog.IndexColumn{{KeyColumn: catalog.KeyColumn{Attnum: 1}, Name: "id"}}, NumKeys: 1}
	uv := &catalog.Index{OID: 20002, Name: "accounts_v_key", Unique: true, Valid: true, Ready: true, NumKeys: 1,
		Columns: []catalog.IndexColumn{{KeyColumn: catalog.KeyColumn{Attnum: 2}, Name: "v"}}}
	rel.Indexes = []*planner.RelIndex{
		{Index: pk, RowKey: true, Cols: []int{0}, Exprs: make([]*expr.Compiled, 1), Codec: &rowcodec.Index{Cols: key}},
		{Index: uv, Cols: []int{1}, Exprs: make([]*expr.Compiled, 1),
			Codec: &rowcodec.Index{Database: 5, Storage: 101, Cols: key, Unique: true}},
	}
	return rel
}

// session drives statements over one transaction of a store.
type session struct {
	t      testing.TB
	store  kv.Store
	ids    *RowIDs
	txn    kv.Txn
	op     kv.OpNum
	snap   kv.Timestamp // fixed in serial mode
	serial bool
	writes uint64
}

func newSession(t testing.TB, store kv.Store, ids *RowIDs) *session {
	txn, err := store.Begin(kv.TxnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(txn.Rollback)
	return &session{t: t, store: store, ids: ids, txn: txn, op: 1}
}

// state makes the State of the next statement.
func (s *session) state(params ...data.Datum) *State {
	s.op++
	ts := s.snap
	if ts == 0 {
		snap, err := s.store.Snapshot()
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(snap.Release)
		ts = snap.TS()
		if s.serial {
			s.snap = ts
		}
	}
	return &State{
		Txn: s.txn, View: kv.View{TS: ts, ReadOp: s.op}, WriteOp: s.op, Writes: &s.writes, Serial: s.serial, Store: s.store, RowIDs: s.ids,
		Types: types.NewCtx(data.NewArena(nil)), Params: params,
	}
}

func (s *session) commit() {
	s.t.Helper()
	if _, err := s.txn.Commit(context.Background(), kv.CommitOptions{Sync: true}); err != nil {
		s.t.Fatal(err)
	}
}

// run executes a plan and returns its rows as text.
func (s *session) run(p *planner.Plan, params ...data.Datum) ([]string, int64, error) {
	s.t.Helper()
	st := s.state(params...)
	r, err := Start(context.Background(), st, p)
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	var out []string
	for {
		b, err := r.Next(context.Background(), 3)
		if err != nil {
			if err := s.txn.RollbackTo(st.WriteOp); err != nil {
				s.t.Fatal(err)
			}
			return out, r.RowsAffected(), err
		}
		if b == nil {
			return out, r.RowsAffected(), nil
		}
		for i := range b.Rows() {
			out = append(out, rowText(b.Row(b.Lane(i), nil)))
		}
	}
}

func rowText(row []data.Datum) string {
	s := ""
	for i, d := range row {
		if i > 0 {
			s += "|"
		}
		switch d.Kind() {
		case data.KindInt64:
			s += string(types.Get(types.Int8).Out(nil, nil, d))
		case data.KindBytes:
			s += d.Str()
		default:
			s += "null"
		}
	}
	return s
}

// Expressions over the row layout id, v, note.

func col(n int16) query.Expr {
	return &query.Var{Varno: 1, Varattno: n, Vartype: []uint32{0, types.Int4, types.Int4, types.Text}[n], Vartypmod: -1}
}

func intConst(v int64) query.Expr {
	return &query.Const{Consttype: types.Int4, Consttypmod: -1, Constvalue: data.Int(v)}
}

func textConst(v string) query.Expr {
	return &query.Const{Consttype: types.Text, Consttypmod: -1, Constvalue: data.String(v)}
}

func param(n int) query.Expr {
	return &query.Param{Paramkind: query.ParamExtern, Paramid: n, Paramtype: types.Int4, Paramtypmod: -1}
}

func eq(a, b query.Expr) query.Expr {
	return &query.OpExpr{Opno: 96, Opfuncid: 65, Opresulttype: types.Bool, Args: []query.Expr{a, b}}
}

// compile compiles over rows (id, v, note) shifted by at places.
func compile(t *testing.T, e query.Expr) *expr.Compiled {
	t.Helper()
	k := expr.Compiler{Slot: func(e query.Expr) (int, bool) {
		v, ok := e.(*query.Var)
		if !ok {
			return 0, false
		}
		return int(v.Varattno) - 1, true
	}}
	c, err := k.Compile(e)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var allCols = []planner.ScanCol{1, 2, 3}

func selectPoint(t *testing.T, rel *planner.Rel, key query.Expr) *planner.Plan {
	return &planner.Plan{Command: query.CmdSelect, Point: &planner.Point{
		Op: query.CmdSelect, Rel: rel, Cols: allCols, Key: []*expr.Compiled{compile(t, key)},
		Project: []*expr.Compiled{compile(t, col(1)), compile(t, col(2)), compile(t, col(3))},
	}}
}

func insertPoint(t *testing.T, rel *planner.Rel, on *planner.Conflict, rows ...[3]query.Expr) *planner.Plan {
	p := &planner.Point{Op: query.CmdInsert, Rel: rel, Write: &planner.Write{Rel: rel, Source: []int{0, 1, 2}, Conflict: on}}
	for _, r := range rows {
		p.Values = append(p.Values, []*expr.Compiled{compile(t, r[0]), compile(t, r[1]), compile(t, r[2])})
	}
	return &planner.Plan{Command: query.CmdInsert, Point: p}
}

// updatePoint is UPDATE accounts SET v = value WHERE id = key AND cond.
func updatePoint(t *testing.T, rel *planner.Rel, key, value, cond query.Expr) *planner.Plan {
	w := &planner.Write{Rel: rel, LockMode: kv.NoKeyUpdate, Set: []planner.SetCol{{Col: 1, Value: compile(t, value)}}}
	w.Target.Recheck.Quals = []*expr.Compiled{compile(t, eq(col(1), key))}
	p := &planner.Point{Op: query.CmdUpdate, Rel: rel, Cols: allCols, Key: []*expr.Compiled{compile(t, key)}, Write: w}
	if cond != nil {
		p.Filter.Quals = []*expr.Compiled{compile(t, cond)}
		w.Target.Recheck.Quals = append(w.Target.Recheck.Quals, compile(t, cond))
	}
	return &planner.Plan{Command: query.CmdUpdate, Point: p}
}

func scanPlan(rel *planner.Rel, cols ...planner.ScanCol) *planner.Plan {
	n := &planner.SeqScan{Scan: planner.Scan{Rel: rel, Rti: 1, Reads: cols}}
	n.Base.Cols = len(cols)
	return &planner.Plan{Command: query.CmdSelect, Root: n}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if pgerr.Code(err) != code {
		t.Errorf("got %v, want SQLSTATE %s", err, code)
	}
}

func newStore(t testing.TB) (kv.Store, *RowIDs) {
	s := memkv.New()
	t.Cleanup(func() { s.Close() })
	return s, NewRowIDs()
}
