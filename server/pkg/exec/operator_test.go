package exec

import (
	"context"
	"fmt"
	"math/rand"
	"sort"
	"strings"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// listOp is an operator over rows that are there.
type listOp struct {
	rows [][]data.Datum
	at   int
	b    *data.Batch
}

func (op *listOp) next(want int) (*data.Batch, error) {
	if op.at >= len(op.rows) {
		return nil, nil
	}
	op.b = data.NewBatch(make([]data.Kind, len(op.rows[0])))
	for op.at < len(op.rows) && op.b.N < want && op.b.N < 100 {
		op.b.AppendRow(op.rows[op.at])
		op.at++
	}
	return op.b, nil
}

func (op *listOp) rescan() error { op.at = 0; return nil }
func (op *listOp) close()        {}

// testRun is a run whose operators may keep so many bytes in memory. They give all back in the end.
func testRun(t testing.TB, workMem int64) *Run {
	t.Helper()
	account := data.NewAccount(nil, 0)
	t.Cleanup(func() {
		if n := account.Used(); n != 0 {
			t.Errorf("%d bytes are still charged after close", n)
		}
	})
	return &Run{ctx: context.Background(), st: &State{Types: types.NewCtx(nil), WorkMem: workMem,
		TempDir: t.TempDir(), Account: account}}
}

// randomRows makes rows of a nullable number below keys, and a text that is
// different for each.
func randomRows(rng *rand.Rand, n, keys int) [][]data.Datum {
	rows := make([][]data.Datum, n)
	for i := range rows {
		k := data.Null
		if rng.Intn(10) > 0 {
			k = data.Int(int64(rng.Intn(keys)))
		}
		rows[i] = []data.Datum{k, data.String(fmt.Sprintf("row %d %s", i, strings.Repeat("x", rng.Intn(30))))}
	}
	return rows
}

func drain(t testing.TB, op operator, want int) []string {
	t.Helper()
	var out []string
	for {
		b, err := op.next(want)
		if err != nil {
			t.Fatal(err)
		}
		if b == nil {
			return out
		}
		if b.Rows() > want {
			t.Fatalf("%d rows, asked for %d", b.Rows(), want)
		}
		for i := range b.Rows() {
			out = append(out, showRow(b.Row(b.Lane(i), nil)))
		}
	}
}

func showRow(row []data.Datum) string {
	parts := make([]string, len(row))
	for i, d := range row {
		switch d.Kind() {
		case data.KindNone:
			parts[i] = "null"
		case data.KindInt64:
			parts[i] = fmt.Sprint(d.Int())
		default:
			parts[i] = d.Str()
		}
	}
	return strings.Join(parts, "|")
}

// column compiles a reference to a slot.
func column(t testing.TB, slot int, typ uint32) *expr.Compiled {
	t.Helper()
	k := expr.Compiler{Types: types.NewCtx(nil), Slot: func(query.Expr) (int, bool) { return slot, true }}
	c, err := k.Compile(&query.Var{Varno: 1, Varattno: int16(slot + 1), Vartype: typ, Vartypmod: -1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func same(t *testing.T, what string, got, want []string, ordered bool) {
	t.Helper()
	if !ordered {
		sort.Strings(got)
		sort.Strings(want)
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d rows, want %d", what, len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s: row %d is %q, want %q", what, i, got[i], want[i])
		}
	}
}

// Memory limits: everything fits, and nearly nothing does.
var limits = []int64{64 << 20, 16 << 10}

// TestSort compares with a stable sort, in memory and through runs on disk.
func TestSort(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	rows := randomRows(rng, 3000, 50)
	for _, key := range []planner.SortKey{
		{Slot: 0, Type: types.Get(types.Int4)},
		{Slot: 0, Type: types.Get(types.Int4), Desc: true, NullsFirst: true},
		{Slot: 1, Type: types.Get(types.Text)},
		{Slot: 1, Type: types.Get(types.Text), Desc: true},
	} {
		model := append([][]data.Datum(nil), rows...)
		sort.SliceStable(model, func(i, j int) bool { return compareKeys([]planner.SortKey{key}, model[i], model[j]) < 0 })
		var want []string
		for _, r := range model {
			want = append(want, showRow(r))
		}
		for _, limit := range limits {
			r := testRun(t, limit)
			n := &planner.Sort{Keys: []planner.SortKey{key}}
			op := &sortOp{output: newOutput(r, 2), n: n, in: reader{in: &listOp{rows: rows}}, s: newSorter(r, n.Keys, 2)}
			same(t, fmt.Sprint("sort, limit ", limit), drain(t, op, 7), want, true)
			if spilled := len(op.s.runs) > 0; spilled != (limit < 1<<20) {
				t.Errorf("limit %d: runs on disk: %v", limit, spilled)
			}
			if err := op.rescan(); err != nil {
				t.Fatal(err)
			}
			same(t, "sort again", drain(t, op, 1000), want, true)
			op.close()
			top := newSorter(r, n.Keys, 2)
			top.top = 10
			for _, row := range rows {
				if err := top.add(row); err != nil {
					t.Fatal(err)
				}
			}
			if err := top.finish(); err != nil {
				t.Fatal(err)
			}
			for i := range 10 {
				row, err := top.next()
				if err != nil || compareKeys(n.Keys, row, model[i]) != 0 {
					t.Fatalf("top row %d is %s, want %s (%v)", i, showRow(row), want[i], err)
				}
			}
			top.clear()
		}
	}
}

// TestHashJoin compares every join type with nested loops over plain slices,
// in memory and partitioned on disk.
func TestHashJoin(t *testing.T) {
	rng := rand.New(rand.NewSource(2))
	outer, inner := randomRows(rng, 700, 60), randomRows(rng, 500, 90)
	for _, typ := range []query.JoinType{query.JoinInner, query.JoinLeft, query.JoinRight, query.JoinFull, query.JoinSemi, query.JoinAnti} {
		want := modelJoin(typ, outer, inner)
		for _, limit := range limits {
			r := testRun(t, limit)
			n := &planner.HashJoin{Type: typ, OuterKeys: []*expr.Compiled{column(t, 0, types.Int4)},
				InnerKeys: []*expr.Compiled{column(t, 0, types.Int4)}, KeyTypes: []*types.Type{types.Get(types.Int4)}}
			n.Info().Cols = 4
			if typ == query.JoinSemi || typ == query.JoinAnti {
				n.Info().Cols = 2
			}
			op := &hashJoinOp{output: newOutput(r, n.Info().Cols), n: n, outer: &listOp{rows: outer}, inner: &listOp{rows: inner},
				ec: r.newCtx(), table: newJoinTable(r, n.KeyTypes, 2), outerCols: 2, tail: -1, row: make([]data.Datum, 4)}
			op.in.in = op.outer
			for range 2 {
				same(t, fmt.Sprintf("join type %d, limit %d", typ, limit), drain(t, op, 13), append([]string(nil), want...), false)
				if err := op.rescan(); err != nil {
					t.Fatal(err)
				}
			}
			op.close()
		}
	}
}

func modelJoin(typ query.JoinType, outer, inner [][]data.Datum) []string {
	var out []string
	null := []data.Datum{data.Null, data.Null}
	pair := func(a, b []data.Datum) string { return showRow(append(append([]data.Datum{}, a...), b...)) }
	hit := make([]bool, len(inner))
	for _, o := range outer {
		matched := false
		for i, in := range inner {
			if o[0].IsNull() || in[0].IsNull() || o[0].Int() != in[0].Int() {
				continue
			}
			matched, hit[i] = true, true
			if typ != query.JoinSemi && typ != query.JoinAnti {
				out = append(out, pair(o, in))
			}
		}
		switch {
		case typ == query.JoinSemi && matched || typ == query.JoinAnti && !matched:
			out = append(out, showRow(o))
		case !matched && (typ == query.JoinLeft || typ == query.JoinFull):
			out = append(out, pair(o, null))
		}
	}
	for i, in := range inner {
		if !hit[i] && (typ == query.JoinRight || typ == query.JoinFull) {
			out = append(out, pair(null, in))
		}
	}
	return out
}

// countState counts rows.
type countState struct{ n int64 }

func (s *countState) Step(*expr.Ctx, []data.Datum) error  { s.n++; return nil }
func (s *countState) Final(*expr.Ctx) (data.Datum, error) { return data.Int(s.n), nil }

var countAll = &expr.Aggregate{OrderInsensitive: true, New: func(*expr.Ctx) expr.AggState { return &countState{} }}

// TestAgg groups by hashing (in memory and with groups put off to disk) and in
// sorted order.
func TestAgg(t *testing.T) {
	rng := rand.New(rand.NewSource(3))
	rows := randomRows(rng, 4000, 700)
	counts := map[string]int64{}
	for _, r := range rows {
		counts[showRow(r[:1])]++
	}
	var want []string
	for k, n := range counts {
		want = append(want, fmt.Sprintf("%s|%d", k, n))
	}
	sorted := append([][]data.Datum(nil), rows...)
	key := []planner.SortKey{{Slot: 0, Type: types.Get(types.Int4)}}
	sort.SliceStable(sorted, func(i, j int) bool { return compareKeys(key, sorted[i], sorted[j]) < 0 })
	for _, c := range []struct {
		strategy planner.AggStrategy
		rows     [][]data.Datum
		limit    int64
	}{{planner.AggHashed, rows, limits[0]}, {planner.AggHashed, rows, limits[1]}, {planner.AggSorted, sorted, limits[0]}} {
		r := testRun(t, c.limit)
		child := &planner.ValuesScan{}
		child.Info().Cols = 2
		n := &planner.Agg{Strategy: c.strategy, Child: child, Groups: []*expr.Compiled{column(t, 0, types.Int4)},
			GroupTypes: []*types.Type{types.Get(types.Int4)}, Calls: []*planner.AggCall{{Agg: countAll}}}
		n.Info().Cols = 2
		op := &aggOp{output: newOutput(r, 2), n: n, in: reader{in: &listOp{rows: c.rows}}, ec: r.newCtx(),
			groups: newRowSet(r, n.GroupTypes), spill: partitions{r: r}, keep: data.NewArena(nil), calls: []*aggCall{newAggCall(n.Calls[0])}}
		for range 2 {
			same(t, fmt.Sprintf("strategy %d, limit %d", c.strategy, c.limit), drain(t, op, 11), append([]string(nil), want...), false)
			if err := op.rescan(); err != nil {
				t.Fatal(err)
			}
		}
		op.close()
	}
}

// TestDistinct compares with a map, in memory and partitioned on disk.
func TestDistinct(t *testing.T) {
	rows := randomRows(rand.New(rand.NewSource(5)), 4000, 900)
	for i := range rows {
		rows[i] = rows[i][:1]
	}
	seen := map[string]bool{}
	var want []string
	for _, r := range rows {
		if k := showRow(r); !seen[k] {
			seen[k] = true
			want = append(want, k)
		}
	}
	for _, limit := range limits {
		r := testRun(t, limit)
		n := &planner.Distinct{Keys: []planner.SortKey{{Slot: 0, Type: types.Get(types.Int4)}}}
		n.Info().Cols = 1
		op := &distinctOp{output: newOutput(r, 1), n: n, in: reader{in: &listOp{rows: rows}},
			seen: newRowSet(r, keyTypes(n.Keys)), spill: partitions{r: r}}
		for range 2 {
			if _, err := op.next(3); err != nil { // a pass that is cut short
				t.Fatal(err)
			}
			if err := op.rescan(); err != nil {
				t.Fatal(err)
			}
			same(t, fmt.Sprint("distinct, limit ", limit), drain(t, op, 13), append([]string(nil), want...), false)
			if err := op.rescan(); err != nil {
				t.Fatal(err)
			}
		}
		op.close()
	}
}

// TestSetOps checks INTERSECT and EXCEPT, plain and ALL, by counting.
func TestSetOps(t *testing.T) {
	ints := func(v ...int64) [][]data.Datum {
		var rows [][]data.Datum
		for _, n := range v {
			rows = append(rows, []data.Datum{data.Int(n)})
		}
		return append(rows, []data.Datum{data.Null})
	}
	for _, c := range []struct {
		op   query.SetOp
		all  bool
		want string
	}{
		{query.SetOpIntersect, false, "[1 2 null]"}, {query.SetOpIntersect, true, "[1 2 2 null]"},
		{query.SetOpExcept, false, "[3]"}, {query.SetOpExcept, true, "[1 2 3]"},
	} {
		r := testRun(t, 1<<20)
		n := &planner.SetOp{Op: c.op, All: c.all, Types: []*types.Type{types.Get(types.Int4)}}
		n.Info().Cols = 1
		op := &setOpOp{output: newOutput(r, 1), n: n, left: reader{in: &listOp{rows: ints(1, 2, 1, 2, 2, 3)}},
			right: reader{in: &listOp{rows: ints(1, 2, 2, 4)}}, set: newRowSet(r, n.Types)}
		got := drain(t, op, 2)
		sort.Strings(got)
		if fmt.Sprint(got) != c.want {
			t.Errorf("op %d all %v: %v, want %s", c.op, c.all, got, c.want)
		}
		op.close()
	}
}

// TestMaterializeRescan reads again and again, also after a first pass that
// was cut short, in memory and on disk.
func TestMaterializeRescan(t *testing.T) {
	rng := rand.New(rand.NewSource(4))
	rows := randomRows(rng, 1500, 10)
	var want []string
	for _, r := range rows {
		want = append(want, showRow(r))
	}
	for _, limit := range limits {
		for _, cut := range []int{0, 1, 700, 1400} {
			r := testRun(t, limit)
			s := newRowStore(r, 2)
			op := &materializeOp{output: newOutput(r, 2), in: reader{in: &listOp{rows: rows}}, store: s, cur: s.read()}
			for taken := 0; taken < cut; {
				b, err := op.next(50)
				if err != nil || b == nil {
					t.Fatalf("first pass: %v", err)
				}
				taken += b.Rows()
			}
			for range 2 {
				if err := op.rescan(); err != nil {
					t.Fatal(err)
				}
				same(t, fmt.Sprintf("limit %d, cut at %d", limit, cut), drain(t, op, 64), want, true)
			}
			op.close()
		}
	}
}

// TestLimitAsksForNoMore gives each row's number away and counts how many were
// taken.
func TestLimitAsksForNoMore(t *testing.T) {
	rows := randomRows(rand.New(rand.NewSource(5)), 100, 10)
	k := expr.Compiler{}
	constant := func(n int64) *expr.Compiled {
		c, err := k.Compile(&query.Const{Consttype: types.Int8, Consttypmod: -1, Constvalue: data.Int(n)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	r := testRun(t, 1<<20)
	in := &listOp{rows: rows}
	n := &planner.Limit{Offset: constant(3), Count: constant(5)}
	n.Info().Cols = 2
	op := &limitOp{output: newOutput(r, 2), n: n, in: reader{in: in}, keep: data.NewArena(nil)}
	if got := drain(t, op, 100); len(got) != 5 || got[0] != showRow(rows[3]) {
		t.Errorf("%d rows, first %v", len(got), got)
	}
	if in.at != 8 {
		t.Errorf("the input was asked for %d rows, 8 are enough", in.at)
	}
}
