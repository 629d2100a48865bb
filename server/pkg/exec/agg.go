package exec

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/planner"
)

// aggOp is planner.Agg.
type aggOp struct {
	output
	n     *planner.Agg
	in    reader
	ec    *expr.Ctx // evaluates input rows; its arena is reset row by row
	calls []*aggCall

	groups *rowSet // keys of the groups in memory
	states [][]aggInput
	sizes  int64      // bytes of states that tell their size
	spill  partitions // input rows of groups that do not fit

	key   []data.Datum
	out   []data.Datum
	read  bool // the input is consumed
	at    int  // next group to return
	ahead []data.Datum
	keep  *data.Arena // owns ahead, the first row of the next sorted group
}

func newAgg(r *Run, n *planner.Agg) (operator, error) {
	child, err := r.build(n.Child)
	if err != nil {
		return nil, err
	}
	op := &aggOp{output: newOutput(r, n.Info().Cols), n: n, in: reader{in: child}, ec: r.newCtx(),
		groups: newRowSet(r, n.GroupTypes), spill: partitions{r: r}, keep: data.NewArena(r.st.Account)}
	for _, call := range n.Calls {
		op.calls = append(op.calls, newAggCall(call))
	}
	return op, nil
}

func (op *aggOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	op.ec.Context = op.r.ctx
	return op.fillFrom(want, op.row)
}

// row returns the next result that passes HAVING.
func (op *aggOp) row() ([]data.Datum, error) {
	for {
		row, err := op.result()
		if err != nil || row == nil {
			return nil, err
		}
		ok, err := pass(op.c, &op.n.Having, row)
		if err != nil || ok {
			return row, err
		}
		op.c.Arena.Reset() // the rows of the batch are copies
	}
}

// result returns the row of the next group.
func (op *aggOp) result() ([]data.Datum, error) {
	for {
		if !op.read {
			if err := op.consume(); err != nil {
				return nil, err
			}
			op.read = true
		}
		if op.at < len(op.states) {
			op.at++
			return op.finalRow(op.at - 1)
		}
		more, err := op.more()
		if err != nil || !more {
			return nil, err
		}
	}
}

// more prepares the next groups: the next group of sorted input, or the next
// partition of spilled input.
func (op *aggOp) more() (bool, error) {
	op.dropGroups()
	if op.n.Strategy == planner.AggSorted {
		if op.ahead == nil {
			return false, nil
		}
		first := op.ahead
		op.ahead = nil
		if err := op.add(first); err != nil {
			return false, err
		}
		op.read = false
		return true, nil
	}
	c, err := op.spill.next(op.n.Child.Info().Cols)
	if err != nil || c == nil {
		return false, err
	}
	return true, op.consumeRows(c.next)
}

func (op *aggOp) consume() error {
	if op.n.Strategy == planner.AggPlain {
		return op.consumePlain()
	}
	return op.consumeRows(op.in.next)
}

func (op *aggOp) consumeRows(next func() ([]data.Datum, error)) error {
	for steps := 0; ; steps++ {
		if steps%data.MaxBatch == 0 {
			if err := op.ec.Cancelled(); err != nil {
				return err
			}
		}
		row, err := next()
		if err != nil {
			return err
		}
		if row == nil {
			op.spill.seal()
			return nil
		}
		op.ec.Arena.Reset()
		if err := op.add(row); err != nil {
			return err
		}
		if op.ahead != nil {
			return nil // a sorted group is complete
		}
	}
}

// add brings a row to its group.
func (op *aggOp) add(row []data.Datum) error {
	var err error
	if op.key, err = evalInto(op.ec, op.key, op.n.Groups, row); err != nil {
		return err
	}
	h := hashRow(op.n.GroupTypes, op.key)
	g := op.groups.lookup(op.key, h)
	if g < 0 {
		if op.n.Strategy == planner.AggSorted && len(op.states) > 0 {
			op.keep.Reset()
			op.ahead = data.Row(row).CopyTo(nil, op.keep)
			return nil
		}
		if op.n.Strategy == planner.AggHashed && len(op.states) > 0 && op.spill.splits() &&
			op.groups.memBytes()+op.sizes > op.r.st.workMem() {
			return op.spill.put(row, h)
		}
		if g, err = op.newGroup(op.key, row); err != nil {
			return err
		}
	}
	for i, call := range op.calls {
		in := &op.states[g][i]
		before := in.size
		if err := call.step(op.ec, in, row); err != nil {
			return err
		}
		op.sizes += in.size - before
	}
	return nil
}

// groupOverheadBytes is what a group's states take beyond what they tell.
const groupOverheadBytes = 160

func (op *aggOp) newGroup(key, row []data.Datum) (int, error) {
	g, _, err := op.groups.add(key)
	if err != nil {
		return 0, err
	}
	ins := make([]aggInput, len(op.calls))
	for i, call := range op.calls {
		if ins[i], err = call.begin(op.r, op.ec, row); err != nil {
			return 0, err
		}
	}
	op.states = append(op.states, ins)
	op.sizes += int64(groupOverheadBytes * max(1, len(ins)))
	return g, nil
}

// consumePlain aggregates everything into one group; whole columns at a time
// where every call can.
func (op *aggOp) consumePlain() error {
	if _, err := op.newGroup(nil, []data.Datum{}); err != nil {
		return err
	}
	states := op.states[0]
	batched := true
	for i, call := range op.calls {
		_, ok := states[i].state.(expr.BatchAgg)
		batched = batched && ok && call.batchable()
	}
	if !batched {
		return op.consumeRows(op.in.next)
	}
	for {
		b, err := op.in.in.next(data.MaxBatch)
		if err != nil || b == nil {
			return err
		}
		op.ec.Arena.Reset()
		for i, call := range op.calls {
			var col *data.Vec
			if len(call.n.Args) > 0 {
				col = &b.Cols[call.n.Args[0].SlotOnly()]
			}
			op.ec.Call = &call.site
			if err := states[i].state.(expr.BatchAgg).StepBatch(op.ec, col, b.N, b.Sel); err != nil {
				return err
			}
		}
		if err := op.ec.Cancelled(); err != nil {
			return err
		}
	}
}

func (op *aggOp) finalRow(g int) ([]data.Datum, error) {
	op.out = append(op.out[:0], op.groups.row(g)...)
	for i, call := range op.calls {
		d, err := call.final(op.c, &op.states[g][i])
		if err != nil {
			return nil, err
		}
		op.out = append(op.out, d)
	}
	return op.out, nil
}

func (op *aggOp) dropGroups() {
	for _, ins := range op.states {
		for i := range ins {
			ins[i].free(op.r.st.Account)
		}
	}
	op.states = op.states[:0]
	op.groups.clear()
	op.at, op.sizes = 0, 0
}

func (op *aggOp) reset() {
	op.dropGroups()
	op.spill.reset()
	op.ahead, op.read = nil, false
}

func (op *aggOp) rescan() error {
	op.pending = nil
	op.reset()
	return op.in.rescan()
}

func (op *aggOp) close() {
	op.in.in.close()
	op.reset()
	op.groups.close()
	op.keep.Free()
	op.ec.Arena.Free()
	op.free()
}
