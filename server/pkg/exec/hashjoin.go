package exec

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// hashJoinOp is planner.HashJoin. The inner side is read into a table. When it
// does not fit into work_mem, both sides are split by hash into pairs of
// files, which are joined one after the other, and split again if need be.
type hashJoinOp struct {
	output
	n            *planner.HashJoin
	outer, inner operator
	in           reader // rows of outer
	ec           *expr.Ctx
	table        *joinTable
	outerCols    int

	built     bool
	innerRows int64
	innerNull bool // some inner key has a NULL, for NOT IN
	pairs     []joinPair
	spilled   *[joinPartitions]*rowFile // inner files while building
	depth     int
	probe     func() ([]data.Datum, error) // next outer row

	key     []data.Datum
	hash    uint64
	row     []data.Datum // outer row, then inner columns
	have    bool         // row holds an outer row under way
	match   int          // next candidate in the table; -1: none
	matched bool         // the outer row has met a partner
	tail    int          // next inner row to look at for RIGHT and FULL; -1: not there yet
	ended   bool         // every row has been returned
}

const (
	joinPartitionBits = 4
	joinPartitions    = 1 << joinPartitionBits
	joinMaxDepth      = 8
)

// joinPair is one partition of both sides.
type joinPair struct {
	outer, inner *rowFile
	depth        int
}

func newHashJoin(r *Run, n *planner.HashJoin) (operator, error) {
	outer, err := r.build(n.Outer)
	if err != nil {
		return nil, err
	}
	inner, err := r.build(n.Inner)
	if err != nil {
		outer.close()
		return nil, err
	}
	innerCols, outerCols := n.Inner.Info().Cols, n.Outer.Info().Cols
	op := &hashJoinOp{output: newOutput(r, n.Info().Cols), n: n, outer: outer, inner: inner, ec: r.newCtx(),
		table: newJoinTable(r, n.KeyTypes, innerCols), outerCols: outerCols, tail: -1}
	op.in.in = outer
	op.row = make([]data.Datum, outerCols+innerCols)
	return op, nil
}

func (op *hashJoinOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	op.ec.Context = op.r.ctx
	if !op.built {
		if err := op.build(); err != nil {
			return nil, err
		}
		op.built = true
	}
	return op.fillFrom(want, op.step)
}

// joinKey evaluates the keys over a row.
func (op *hashJoinOp) joinKey(exprs []*expr.Compiled, row []data.Datum) (null bool, err error) {
	op.ec.Arena.Reset()
	if op.key, err = evalInto(op.ec, op.key, exprs, row); err != nil {
		return false, err
	}
	for _, d := range op.key {
		null = null || d.IsNull()
	}
	op.hash = hashRow(op.n.KeyTypes, op.key)
	return null, nil
}

// build reads the inner side.
func (op *hashJoinOp) build() error {
	in := reader{in: op.inner}
	op.probe = op.in.next
	if err := op.fillTable(in.next); err != nil {
		return err
	}
	if op.spilled == nil {
		return nil
	}
	return op.splitOuter(op.in.next)
}

// fillTable reads inner rows into the table, or into files once it is full.
func (op *hashJoinOp) fillTable(next func() ([]data.Datum, error)) error {
	for steps := 0; ; steps++ {
		if steps%data.MaxBatch == 0 {
			if err := op.ec.Cancelled(); err != nil {
				return err
			}
		}
		row, err := next()
		if err != nil || row == nil {
			return err
		}
		null, err := op.joinKey(op.n.InnerKeys, row)
		if err != nil {
			return err
		}
		op.innerRows++
		op.innerNull = op.innerNull || null
		if null && op.n.Type != query.JoinRight && op.n.Type != query.JoinFull {
			continue
		}
		if op.spilled != nil {
			if err := op.spillTo(op.spilled, row, op.hash); err != nil {
				return err
			}
			continue
		}
		op.table.add(op.key, row, op.hash, null)
		if op.table.memBytes() > op.r.st.workMem() && op.depth < joinMaxDepth {
			if err := op.spillTable(); err != nil {
				return err
			}
		}
	}
}

func (op *hashJoinOp) spillTo(files *[joinPartitions]*rowFile, row []data.Datum, h uint64) error {
	p := &files[h>>(64-joinPartitionBits*(op.depth+1))&(joinPartitions-1)]
	if *p == nil {
		f, err := newRowFile(op.r.st.TempDir)
		if err != nil {
			return err
		}
		*p = f
	}
	return (*p).write(row)
}

// spillTable moves the table's rows to files; the rest of the inner side
// follows them.
func (op *hashJoinOp) spillTable() error {
	op.spilled = new([joinPartitions]*rowFile)
	for i := range op.table.len() {
		if err := op.spillTo(op.spilled, op.table.row(i), op.table.hashes[i]); err != nil {
			return err
		}
	}
	op.table.clear()
	return nil
}

// splitOuter sends the outer rows to files beside the inner ones.
func (op *hashJoinOp) splitOuter(next func() ([]data.Datum, error)) error {
	var outer [joinPartitions]*rowFile
	for {
		row, err := next()
		if err != nil {
			return err
		}
		if row == nil {
			break
		}
		if _, err := op.joinKey(op.n.OuterKeys, row); err != nil {
			return err
		}
		if err := op.spillTo(&outer, row, op.hash); err != nil {
			return err
		}
	}
	for i := range joinPartitions {
		if outer[i] != nil || op.spilled[i] != nil {
			op.pairs = append(op.pairs, joinPair{outer[i], op.spilled[i], op.depth + 1})
		}
	}
	op.spilled = nil
	op.probe = func() ([]data.Datum, error) { return nil, nil }
	return nil
}

// nextPair loads the next pair of files; false when there is none.
func (op *hashJoinOp) nextPair() (bool, error) {
	if len(op.pairs) == 0 {
		return false, nil
	}
	p := op.pairs[len(op.pairs)-1]
	op.pairs = op.pairs[:len(op.pairs)-1]
	op.table.clear()
	op.depth = p.depth
	rows := func(f *rowFile, cols int) (func() ([]data.Datum, error), error) {
		if f == nil {
			return func() ([]data.Datum, error) { return nil, nil }, nil
		}
		c, err := f.read(cols)
		if err != nil {
			return nil, err
		}
		return c.next, nil
	}
	inner, err := rows(p.inner, op.table.cols)
	if err != nil {
		return false, err
	}
	before := op.innerRows
	if err := op.fillTable(inner); err != nil {
		return false, err
	}
	op.innerRows = before
	p.inner.close()
	if op.probe, err = rows(p.outer, op.outerCols); err != nil {
		return false, err
	}
	if op.spilled != nil {
		err := op.splitOuter(op.probe)
		p.outer.close()
		return true, err
	}
	return true, nil
}

// step returns the next joined row that passes the conditions, nil at the end.
func (op *hashJoinOp) step() ([]data.Datum, error) {
	for {
		row, err := op.candidate()
		if err != nil || row == nil {
			return nil, err
		}
		ok, err := pass(op.c, &op.n.Other, op.row)
		op.c.Arena.Reset()
		if err != nil {
			return nil, err
		}
		if ok {
			return op.row[:op.n.Info().Cols], nil
		}
	}
}

// candidate fills op.row with the next joined row.
func (op *hashJoinOp) candidate() ([]data.Datum, error) {
	for {
		if op.tail >= 0 {
			if op.unmatchedInner() {
				return op.row, nil
			}
			op.tail = -1
			more, err := op.nextPair()
			if err != nil {
				return nil, err
			}
			op.ended = !more
		}
		if op.ended {
			return nil, nil
		}
		if !op.have {
			outer, err := op.probe()
			if err != nil {
				return nil, err
			}
			if outer == nil {
				op.tail = 0
				continue
			}
			if err := op.begin1(outer); err != nil {
				return nil, err
			}
		}
		row, err := op.partner()
		if err != nil || row != nil {
			return row, err
		}
		op.have = false
		if op.unmatchedOuter() {
			return op.row, nil
		}
	}
}

// begin1 takes up an outer row.
func (op *hashJoinOp) begin1(outer []data.Datum) error {
	copy(op.row, outer)
	null, err := op.joinKey(op.n.OuterKeys, outer)
	if err != nil {
		return err
	}
	op.have, op.matched, op.match = true, false, -1
	if !null {
		op.match = op.table.first(op.key, op.hash)
	}
	if op.n.NullAware && op.innerRows > 0 && (null || op.innerNull) {
		op.matched = true // NOT IN is null: the row does not pass
	}
	return nil
}

// partner finds the outer row's next partner; nil when there is none.
func (op *hashJoinOp) partner() ([]data.Datum, error) {
	for op.match >= 0 {
		m := op.match
		copy(op.row[op.outerCols:], op.table.row(m))
		op.match = op.table.following(m, op.key, op.hash)
		ok, err := pass(op.c, &op.n.JoinQual, op.row)
		op.c.Arena.Reset()
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		op.matched, op.table.matched[m] = true, true
		switch op.n.Type {
		case query.JoinAnti:
			op.match = -1
			return nil, nil
		case query.JoinSemi:
			op.match = -1
		}
		return op.row, nil
	}
	return nil, nil
}

// unmatchedOuter fills in NULLs for an outer row without partner, where the
// join keeps it.
func (op *hashJoinOp) unmatchedOuter() bool {
	if op.matched || op.n.Type != query.JoinLeft && op.n.Type != query.JoinFull && op.n.Type != query.JoinAnti {
		return false
	}
	clear(op.row[op.outerCols:])
	return true
}

// unmatchedInner finds the next inner row without partner, where the join
// keeps it.
func (op *hashJoinOp) unmatchedInner() bool {
	if op.n.Type != query.JoinRight && op.n.Type != query.JoinFull {
		return false
	}
	for op.tail < op.table.len() {
		n := op.tail
		op.tail++
		if !op.table.matched[n] {
			clear(op.row[:op.outerCols])
			copy(op.row[op.outerCols:], op.table.row(n))
			return true
		}
	}
	return false
}

func (op *hashJoinOp) reset() {
	op.table.clear()
	for _, p := range op.pairs {
		p.outer.close()
		p.inner.close()
	}
	op.pairs, op.depth, op.built, op.have, op.tail, op.ended = nil, 0, false, false, -1, false
	op.innerRows, op.innerNull, op.spilled = 0, false, nil
}

func (op *hashJoinOp) rescan() error {
	op.pending = nil
	op.reset()
	if err := op.inner.rescan(); err != nil {
		return err
	}
	return op.in.rescan()
}

func (op *hashJoinOp) close() {
	op.outer.close()
	op.inner.close()
	op.reset()
	op.ec.Arena.Free()
	op.free()
}
