package exec

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/planner"
)

// aggInput is one aggregate call in one group: its state and, for DISTINCT and
// ORDER BY, the input that has to be brought in order first.
type aggInput struct {
	state  expr.AggState
	seen   *rowSet       // DISTINCT where order does not matter
	sorted *sorter       // DISTINCT or ORDER BY where it does
	direct []data.Datum  // direct arguments of an ordered-set aggregate
	keep   *data.Arena   // owns direct
	sizer  expr.AggSizer // the state, if it grows with its input
	size   int64         // what the state was last charged with
}

// aggCall is what is common to all groups of a call.
type aggCall struct {
	n     *planner.AggCall
	site  expr.Call
	args  []data.Datum
	keys  []planner.SortKey // order of sorted input
	dedup []planner.SortKey // equality of DISTINCT: the function's own arguments
}

func newAggCall(n *planner.AggCall) *aggCall {
	x := &aggCall{n: n, site: n.Site}
	for i := range n.NumArgs {
		x.dedup = append(x.dedup, planner.SortKey{Slot: i, Type: n.ArgTypes[i]})
	}
	x.keys = append(x.keys, n.Order...)
	if n.Distinct {
		for i := range x.dedup {
			if !hasSlot(x.keys, i) {
				x.keys = append(x.keys, x.dedup[i])
			}
		}
	}
	return x
}

func hasSlot(keys []planner.SortKey, slot int) bool {
	for i := range keys {
		if keys[i].Slot == slot {
			return true
		}
	}
	return false
}

// begin makes the input of a new group; row is the group's first row, nil for
// a group without rows.
func (x *aggCall) begin(r *Run, c *expr.Ctx, row []data.Datum) (aggInput, error) {
	c.Call = &x.site
	in := aggInput{state: x.n.Agg.New(c)}
	in.sizer, _ = in.state.(expr.AggSizer)
	switch {
	case x.n.Distinct && x.n.Agg.OrderInsensitive:
		in.seen = newRowSet(r, keyTypes(x.dedup))
	case len(x.keys) > 0 && !(x.n.Agg.OrderInsensitive && !x.n.Distinct):
		in.sorted = newSorter(r, x.keys, len(x.n.Args))
	}
	if len(x.n.Direct) > 0 && row != nil {
		vals, err := evalInto(c, nil, x.n.Direct, row)
		if err != nil {
			return in, err
		}
		in.keep = data.NewArena(r.st.Account)
		in.direct = data.Row(vals).CopyTo(nil, in.keep)
	}
	return in, nil
}

// step adds an input row to a group.
func (x *aggCall) step(c *expr.Ctx, in *aggInput, row []data.Datum) error {
	if x.n.Filter != nil {
		if ok, err := x.n.Filter.True(c, row); err != nil || !ok {
			return err
		}
	}
	var err error
	if x.args, err = evalInto(c, x.args, x.n.Args, row); err != nil {
		return err
	}
	if x.n.Agg.SkipNulls {
		for _, a := range x.args[:x.n.NumArgs] {
			if a.IsNull() {
				return nil
			}
		}
	}
	switch {
	case in.seen != nil:
		if _, fresh, err := in.seen.add(x.args); err != nil || !fresh {
			return err
		}
	case in.sorted != nil:
		return in.sorted.add(x.args)
	}
	c.Call = &x.site
	return in.step(c, x.args[:x.n.NumArgs])
}

// step adds a row to the state and charges what the state has grown by.
func (in *aggInput) step(c *expr.Ctx, args []data.Datum) error {
	err := in.state.Step(c, args)
	if in.sizer != nil {
		now := int64(in.sizer.Size())
		c.Account.Grow(now - in.size)
		in.size = now
	}
	return err
}

// final returns the group's result.
func (x *aggCall) final(c *expr.Ctx, in *aggInput) (data.Datum, error) {
	if in.sorted != nil {
		if err := x.stepSorted(c, in); err != nil {
			return data.Null, err
		}
	}
	c.Call = &x.site
	if o, ok := in.state.(expr.OrderedSetAgg); ok && in.direct != nil {
		if err := o.Direct(c, in.direct); err != nil {
			return data.Null, err
		}
	}
	return in.state.Final(c)
}

func (x *aggCall) stepSorted(c *expr.Ctx, in *aggInput) error {
	if err := in.sorted.finish(); err != nil {
		return err
	}
	var last []data.Datum
	var keep data.Arena
	c.Call = &x.site
	for {
		row, err := in.sorted.next()
		if err != nil {
			return err
		}
		if row == nil {
			in.sorted.clear()
			in.sorted = nil
			return nil
		}
		if x.n.Distinct {
			if last != nil && sameKeys(x.dedup, last, row) {
				continue
			}
			keep.Reset()
			last = data.Row(row).CopyTo(last[:0], &keep)
		}
		if err := in.step(c, row[:x.n.NumArgs]); err != nil {
			return err
		}
	}
}

// free gives a group's memory and files back.
func (in *aggInput) free(account *data.Account) {
	account.Shrink(in.size)
	in.size = 0
	if in.keep != nil {
		in.keep.Free()
	}
	if in.seen != nil {
		in.seen.close()
	}
	if in.sorted != nil {
		in.sorted.clear()
	}
}

// batchable reports whether the call can take whole columns: its argument is a
// plain column and every row counts.
func (x *aggCall) batchable() bool {
	return x.n.Filter == nil && !x.n.Distinct && len(x.keys) == 0 && len(x.n.Direct) == 0 &&
		(len(x.n.Args) == 0 || len(x.n.Args) == 1 && x.n.Args[0].SlotOnly() >= 0)
}
