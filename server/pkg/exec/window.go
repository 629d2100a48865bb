package exec

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// Groups of frame options.
const (
	startOffset = query.FrameOptionStartOffsetPreceding | query.FrameOptionStartOffsetFollowing
	endOffset   = query.FrameOptionEndOffsetPreceding | query.FrameOptionEndOffsetFollowing
	exclusion   = query.FrameOptionExcludeCurrentRow | query.FrameOptionExcludeGroup | query.FrameOptionExcludeTies
)

// windowOp is planner.WindowAgg. Its input comes sorted by partition and
// order; a partition at a time is kept in memory.
type windowOp struct {
	output
	n     *planner.WindowAgg
	in    reader
	ec    *expr.Ctx
	arena *data.Arena // owns the partition's rows
	rows  [][]data.Datum
	held  int64        // bytes of rows beyond what arena holds, charged
	ahead []data.Datum // first row of the next partition
	next1 *data.Arena  // owns ahead
	ended bool
	cur   int
	peers [2]int // peer group of the current row
	state []windowState
	out   []data.Datum
}

// windowState is one call's state within a partition.
type windowState struct {
	fn      expr.WindowState
	agg     expr.AggState
	fed     int // rows the aggregate has seen
	frameAt int // frame start the aggregate was fed from
	value   data.Datum
	valued  bool
	keep    data.Arena
}

func newWindowAgg(r *Run, n *planner.WindowAgg) (operator, error) {
	child, err := r.build(n.Child)
	if err != nil {
		return nil, err
	}
	if o := n.Frame.Options; o&(startOffset|endOffset) != 0 && o&query.FrameOptionRows == 0 {
		child.close()
		return nil, pgerr.FeatureNotSupported("window frames of RANGE or GROUPS with an offset")
	}
	if n.Frame.Options&exclusion != 0 {
		child.close()
		return nil, pgerr.FeatureNotSupported("window frame exclusion")
	}
	return &windowOp{output: newOutput(r, n.Info().Cols), n: n, in: reader{in: child}, ec: r.newCtx(),
		arena: data.NewArena(r.st.Account), next1: data.NewArena(r.st.Account), state: make([]windowState, len(n.Calls))}, nil
}

func (op *windowOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	op.ec.Context = op.r.ctx
	return op.fillFrom(want, op.row)
}

func (op *windowOp) row() ([]data.Datum, error) {
	if op.cur+1 < len(op.rows) {
		op.cur++
	} else if more, err := op.partition(); err != nil || !more {
		return nil, err
	}
	if op.cur >= op.peers[1] {
		op.findPeers()
	}
	op.out = append(op.out[:0], op.rows[op.cur]...)
	for i := range op.n.Calls {
		d, err := op.call(i)
		if err != nil {
			return nil, err
		}
		op.out = append(op.out, d)
	}
	return op.out, nil
}

// partition reads the next one; false at the end.
func (op *windowOp) partition() (bool, error) {
	op.drop()
	if op.ahead != nil {
		op.keep(op.ahead)
		op.ahead = nil
	}
	for !op.ended {
		row, err := op.in.next()
		if err != nil {
			return false, err
		}
		if row == nil {
			op.ended = true
			break
		}
		if len(op.rows) > 0 && !sameKeys(op.n.Partition, op.rows[0], row) {
			op.next1.Reset()
			op.ahead = data.Row(row).CopyTo(nil, op.next1)
			break
		}
		op.keep(row)
	}
	op.cur, op.peers = 0, [2]int{}
	for i, call := range op.n.Calls {
		s := &op.state[i]
		s.keep.Reset()
		*s = windowState{keep: s.keep, frameAt: -1}
		if call.Fn != nil {
			site := call.Site
			op.ec.Call = &site
			s.fn = call.Fn.New(op.ec)
		}
	}
	return len(op.rows) > 0, nil
}

// keep adds a copy of row to the partition.
func (op *windowOp) keep(row []data.Datum) {
	op.rows = append(op.rows, data.Row(row).CopyTo(nil, op.arena))
	n := 24 * int64(len(row)+1)
	op.r.st.Account.Grow(n)
	op.held += n
}

// drop forgets the partition's rows.
func (op *windowOp) drop() {
	op.arena.Reset()
	op.rows = op.rows[:0]
	op.r.st.Account.Shrink(op.held)
	op.held = 0
}

// findPeers sets the peer group of the current row.
func (op *windowOp) findPeers() {
	end := op.cur + 1
	for end < len(op.rows) && sameKeys(op.n.Order, op.rows[op.cur], op.rows[end]) {
		end++
	}
	op.peers = [2]int{op.cur, end}
}

// offset evaluates a frame's row offset.
func (op *windowOp) offset(e *expr.Compiled, what string) (int, error) {
	d, err := e.Eval(op.ec, nil)
	if err != nil {
		return 0, err
	}
	if d.IsNull() {
		return 0, pgerr.Newf(pgerr.NullValueNotAllowed, "frame %s offset must not be null", what)
	}
	if d.Int() < 0 {
		return 0, pgerr.Newf(pgerr.InvalidPrecedingOrFollowingSize, "frame %s offset must not be negative", what)
	}
	return int(min(d.Int(), int64(len(op.rows)))), nil
}

// frame returns the current row's frame [start, end).
func (op *windowOp) frame() (start, end int, err error) {
	o := op.n.Frame.Options
	rows := o&query.FrameOptionRows != 0
	switch {
	case o&query.FrameOptionStartUnboundedPreceding != 0:
	case o&query.FrameOptionStartCurrentRow != 0:
		start = op.peers[0]
		if rows {
			start = op.cur
		}
	case o&startOffset != 0:
		n, err := op.offset(op.n.Frame.Start, "starting")
		if err != nil {
			return 0, 0, err
		}
		if o&query.FrameOptionStartOffsetPreceding != 0 {
			n = -n
		}
		start = op.cur + n
	}
	switch {
	case o&query.FrameOptionEndUnboundedFollowing != 0:
		end = len(op.rows)
	case o&query.FrameOptionEndCurrentRow != 0:
		end = op.peers[1]
		if rows {
			end = op.cur + 1
		}
	case o&endOffset != 0:
		n, err := op.offset(op.n.Frame.End, "ending")
		if err != nil {
			return 0, 0, err
		}
		if o&query.FrameOptionEndOffsetPreceding != 0 {
			n = -n
		}
		end = op.cur + n + 1
	}
	start = min(max(start, 0), len(op.rows))
	return start, max(start, min(end, len(op.rows))), nil
}

// call computes one function for the current row.
func (op *windowOp) call(i int) (data.Datum, error) {
	call, s := op.n.Calls[i], &op.state[i]
	start, end, err := op.frame()
	if err != nil {
		return data.Null, err
	}
	site := call.Site
	if s.fn != nil {
		op.c.Call = &site
		return s.fn.Eval(op.c, &windowView{op: op, call: call, start: start, end: end})
	}
	if s.valued && s.frameAt == start && s.fed == end {
		return s.value, nil
	}
	if s.agg == nil || s.frameAt != start || s.fed > end {
		op.ec.Call = &site
		s.agg, s.frameAt, s.fed = call.Agg.New(op.ec), start, start
	}
	if err := op.feed(call, s, end); err != nil {
		return data.Null, err
	}
	op.ec.Call = &site
	d, err := s.agg.Final(op.ec)
	if err != nil {
		return data.Null, err
	}
	s.keep.Reset()
	s.value, s.valued = s.keep.CopyDatum(d), true
	return s.value, nil
}

// feed steps the aggregate up to row end.
func (op *windowOp) feed(call *planner.WindowCall, s *windowState, end int) error {
	var args []data.Datum
	for ; s.fed < end; s.fed++ {
		op.ec.Arena.Reset()
		row := op.rows[s.fed]
		if call.Filter != nil {
			if ok, err := call.Filter.True(op.ec, row); err != nil {
				return err
			} else if !ok {
				continue
			}
		}
		var err error
		if args, err = evalInto(op.ec, args, call.Args, row); err != nil {
			return err
		}
		null := false
		for _, a := range args {
			null = null || a.IsNull()
		}
		if null && call.Agg.SkipNulls {
			continue
		}
		site := call.Site
		op.ec.Call = &site
		if err := s.agg.Step(op.ec, args); err != nil {
			return err
		}
	}
	return nil
}

// windowView is what a window function sees.
type windowView struct {
	op         *windowOp
	call       *planner.WindowCall
	start, end int
}

func (v *windowView) Rows() int       { return len(v.op.rows) }
func (v *windowView) Current() int    { return v.op.cur }
func (v *windowView) PeerStart() int  { return v.op.peers[0] }
func (v *windowView) PeerEnd() int    { return v.op.peers[1] }
func (v *windowView) FrameStart() int { return v.start }
func (v *windowView) FrameEnd() int   { return v.end }
func (v *windowView) Arg(n, row int) (data.Datum, error) {
	return v.call.Args[n].Eval(v.op.c, v.op.rows[row])
}

func (op *windowOp) rescan() error {
	op.pending, op.ahead, op.ended, op.cur = nil, nil, false, 0
	op.drop()
	return op.in.rescan()
}

func (op *windowOp) close() {
	op.in.in.close()
	op.drop()
	op.arena.Free()
	op.next1.Free()
	op.ec.Arena.Free()
	op.free()
}
