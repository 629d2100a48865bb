package exec

import (
	"context"
	"math/rand"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// Operators over rows (number, number, text) that are there in batches. Each run takes benchRows
// input rows; ns/row counts those of the larger input.
const benchRows = 50000

// batchOp returns ready batches over and over.
type batchOp struct {
	batches []*data.Batch
	at      int
}

func (op *batchOp) next(int) (*data.Batch, error) {
	if op.at == len(op.batches) {
		return nil, nil
	}
	op.at++
	b := op.batches[op.at-1]
	b.Sel = nil
	return b, nil
}

func (op *batchOp) rescan() error { op.at = 0; return nil }
func (op *batchOp) close()        {}

// batches makes n rows with keys below keys, in no order.
func batches(n, keys int) *batchOp {
	rng := rand.New(rand.NewSource(7))
	op := &batchOp{}
	for i := range n {
		if i%data.MaxBatch == 0 {
			op.batches = append(op.batches, data.NewBatch(make([]data.Kind, 3)))
		}
		op.batches[len(op.batches)-1].AppendRow([]data.Datum{
			data.Int(int64(rng.Intn(keys))), data.Int(int64(i)), data.String("some text of a row"),
		})
	}
	return op
}

var benchTypes = []*types.Type{types.Get(types.Int4), types.Get(types.Int4), types.Get(types.Text)}

// benchRun drains an operator once per iteration.
func benchRun(b *testing.B, op operator) {
	b.Helper()
	defer op.close()
	b.ReportAllocs()
	rows := 0
	for b.Loop() {
		if err := op.rescan(); err != nil {
			b.Fatal(err)
		}
		rows = 0
		for {
			batch, err := op.next(data.MaxBatch)
			if err != nil {
				b.Fatal(err)
			}
			if batch == nil {
				break
			}
			rows += batch.Rows()
		}
	}
	if rows == 0 {
		b.Fatal("no rows")
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
}

// less compiles slot 0 < limit.
func less(b *testing.B, limit int64) planner.Filter {
	k := expr.Compiler{Types: types.NewCtx(nil), Slot: func(e query.Expr) (int, bool) {
		v, ok := e.(*query.Var)
		if !ok {
			return 0, false
		}
		return int(v.Varattno) - 1, true
	}}
	c, err := k.Compile(&query.OpExpr{Opno: 97, Opfuncid: 66, Opresulttype: types.Bool, Args: []query.Expr{
		&query.Var{Varno: 1, Varattno: 1, Vartype: types.Int4, Vartypmod: -1},
		&query.Const{Consttype: types.Int4, Consttypmod: -1, Constvalue: data.Int(limit)},
	}})
	if err != nil {
		b.Fatal(err)
	}
	return planner.Filter{Quals: []*expr.Compiled{c}}
}

func BenchmarkSeqScan(b *testing.B) {
	for _, c := range []struct {
		name   string
		cols   []planner.ScanCol
		filter bool
	}{{"count", nil, false}, {"two columns", []planner.ScanCol{1, 2}, false}, {"filter", []planner.ScanCol{1, 2}, true}} {
		b.Run(c.name, func(b *testing.B) {
			st := benchTable(b)
			n := &planner.SeqScan{Scan: planner.Scan{Rel: accounts(), Rti: 1, Reads: c.cols}}
			n.Base.Cols = len(c.cols)
			if c.filter {
				n.Filter = less(b, benchRows/2)
			}
			op, err := newSeqScan(&Run{ctx: context.Background(), st: st}, n)
			if err != nil {
				b.Fatal(err)
			}
			benchRun(b, op)
		})
	}
}

// benchTable fills a table of a memory store; its figures are those of the operator above a store
// that costs next to nothing.
func benchTable(b *testing.B) *State {
	store, ids := newStore(b)
	s := newSession(b, store, ids)
	rel := accounts()
	x := NewCopyInsert(s.state(), rel)
	for i := range benchRows {
		row := []data.Datum{data.Int(int64(i)), data.Int(int64(i)), data.String("some text of a row")}
		if err := x.Insert(context.Background(), row); err != nil {
			b.Fatal(err)
		}
	}
	s.commit()
	return newSession(b, store, ids).state()
}

func BenchmarkFilter(b *testing.B) {
	r := testRun(b, 64<<20)
	f := less(b, 500)
	benchRun(b, &filterOp{output: newOutput(r, 0), filter: &f, child: batches(benchRows, 1000)})
}

func BenchmarkProject(b *testing.B) {
	r := testRun(b, 64<<20)
	n := &planner.Project{Exprs: []*expr.Compiled{column(b, 1, types.Int4), column(b, 0, types.Int4)}}
	benchRun(b, &projectOp{output: newOutput(r, 2), n: n, child: batches(benchRows, 1000)})
}

// workMems are a limit everything fits in, and one at which operators spill.
var workMems = []struct {
	name  string
	bytes int64
}{{"memory", 64 << 20}, {"disk", 256 << 10}}

func BenchmarkHashJoin(b *testing.B) {
	for _, m := range workMems {
		b.Run(m.name, func(b *testing.B) {
			r := testRun(b, m.bytes)
			n := &planner.HashJoin{Type: query.JoinInner, OuterKeys: []*expr.Compiled{column(b, 0, types.Int4)},
				InnerKeys: []*expr.Compiled{column(b, 1, types.Int4)}, KeyTypes: benchTypes[:1]}
			n.Info().Cols = 6
			op := &hashJoinOp{output: newOutput(r, 6), n: n, outer: batches(benchRows, 10000), inner: batches(10000, 1000),
				ec: r.newCtx(), table: newJoinTable(r, n.KeyTypes, 3), outerCols: 3, tail: -1, row: make([]data.Datum, 6)}
			op.in.in = op.outer
			benchRun(b, op)
		})
	}
}

func BenchmarkNestLoop(b *testing.B) {
	r := testRun(b, 64<<20)
	n := &planner.NestLoop{Type: query.JoinInner, Outer: &planner.ValuesScan{}, Inner: &planner.ValuesScan{}}
	n.Info().Cols = 6
	op := &nestLoopOp{output: newOutput(r, 6), n: n, outer: reader{in: batches(benchRows/10, 1000)}, inner: reader{in: batches(10, 10)},
		outerCols: 3, params: data.NewArena(nil), row: make([]data.Datum, 6)}
	benchRun(b, op) // ns/row of the 50,000 joined rows
}

func BenchmarkSort(b *testing.B) {
	for _, m := range workMems {
		for _, k := range []struct {
			name string
			key  planner.SortKey
		}{{"int", planner.SortKey{Slot: 0, Type: benchTypes[0]}}, {"text", planner.SortKey{Slot: 2, Type: benchTypes[2]}}} {
			b.Run(m.name+"/"+k.name, func(b *testing.B) {
				r := testRun(b, m.bytes)
				n := &planner.Sort{Keys: []planner.SortKey{k.key, {Slot: 1, Type: benchTypes[1], Desc: true}}}
				op := &sortOp{output: newOutput(r, 3), n: n, in: reader{in: batches(benchRows, 10000)}, s: newSorter(r, n.Keys, 3)}
				benchRun(b, op)
			})
		}
	}
}

func BenchmarkHashAggregate(b *testing.B) {
	for _, c := range []struct {
		name   string
		groups int
		mem    int64
	}{{"20 groups", 20, 64 << 20}, {"20000 groups", 20000, 64 << 20}, {"20000 groups on disk", 20000, 256 << 10}} {
		b.Run(c.name, func(b *testing.B) {
			r := testRun(b, c.mem)
			child := &planner.ValuesScan{}
			child.Info().Cols = 3
			n := &planner.Agg{Strategy: planner.AggHashed, Child: child, Groups: []*expr.Compiled{column(b, 0, types.Int4)},
				GroupTypes: benchTypes[:1], Calls: []*planner.AggCall{{Agg: countAll}}}
			n.Info().Cols = 2
			benchRun(b, &aggOp{output: newOutput(r, 2), n: n, in: reader{in: batches(benchRows, c.groups)}, ec: r.newCtx(),
				groups: newRowSet(r, n.GroupTypes), spill: partitions{r: r}, keep: data.NewArena(nil),
				calls: []*aggCall{newAggCall(n.Calls[0])}})
		})
	}
}

func BenchmarkDistinct(b *testing.B) {
	for _, m := range workMems {
		b.Run(m.name, func(b *testing.B) {
			r := testRun(b, m.bytes)
			n := &planner.Distinct{Keys: []planner.SortKey{{Slot: 0, Type: benchTypes[0]}}}
			n.Info().Cols = 3
			benchRun(b, &distinctOp{output: newOutput(r, 3), n: n, in: reader{in: batches(benchRows, 20000)},
				seen: newRowSet(r, keyTypes(n.Keys)), spill: partitions{r: r}})
		})
	}
}

func BenchmarkLimit(b *testing.B) {
	r := testRun(b, 64<<20)
	n := &planner.Limit{}
	n.Info().Cols = 3
	benchRun(b, &limitOp{output: newOutput(r, 3), n: n, in: reader{in: batches(benchRows, 1000)}, keep: data.NewArena(nil)})
}

func BenchmarkUnionAll(b *testing.B) {
	benchRun(b, &appendOp{inputs: []operator{batches(benchRows/2, 1000), batches(benchRows/2, 1000)}})
}

func BenchmarkIntersect(b *testing.B) {
	r := testRun(b, 64<<20)
	n := &planner.SetOp{Op: query.SetOpIntersect, Types: benchTypes}
	n.Info().Cols = 3
	benchRun(b, &setOpOp{output: newOutput(r, 3), n: n, left: reader{in: batches(benchRows/2, 1000)},
		right: reader{in: batches(benchRows/2, 1000)}, set: newRowSet(r, n.Types)})
}
