package exec

import (
	"cmp"
	"container/heap"
	"math"
	"slices"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
)

// compareKeys orders two rows by sort keys.
func compareKeys(keys []planner.SortKey, a, b []data.Datum) int {
	for i := range keys {
		k := &keys[i]
		x, y := a[k.Slot], b[k.Slot]
		if x.IsNull() || y.IsNull() {
			if x.IsNull() && y.IsNull() {
				continue
			}
			if x.IsNull() == k.NullsFirst {
				return -1
			}
			return 1
		}
		c := k.Type.Compare(x, y)
		if c == 0 {
			continue
		}
		if k.Desc {
			return -c
		}
		return c
	}
	return 0
}

// sorter sorts rows: in memory up to the statement's work_mem, then in sorted
// runs in temporary files that are merged. Rows with equal keys keep the order
// they came in.
type sorter struct {
	r     *Run
	keys  []planner.SortKey
	cols  int
	arena *data.Arena
	rows  [][]data.Datum
	slab  []data.Datum
	order []sortEntry
	taken int64 // bytes of slabs, row headers and order, charged
	runs  []*rowFile
	// top, when not negative, says that only so many first rows are wanted.
	top int64
	max topHeap

	at    int
	merge *merger
}

func newSorter(r *Run, keys []planner.SortKey, cols int) *sorter {
	return &sorter{r: r, keys: keys, cols: cols, arena: data.NewArena(r.st.Account), top: -1}
}

const sortSlabRows = 256

// add takes a copy of row.
func (s *sorter) add(row []data.Datum) error {
	if s.top >= 0 && int64(len(s.rows)) >= s.top {
		return s.addTop(row)
	}
	s.rows = append(s.rows, s.copyRow(row))
	s.r.st.Account.Grow(24)
	s.taken += 24
	if s.arena.MemBytes()+s.taken > s.r.st.workMem() {
		if s.top >= 0 {
			s.top = -1 // too many rows to keep: sort them all
		}
		return s.spill()
	}
	if s.top >= 0 && int64(len(s.rows)) == s.top {
		s.max = topHeap{s}
		heap.Init(s.max)
	}
	return nil
}

func (s *sorter) copyRow(row []data.Datum) []data.Datum {
	if len(s.slab)+s.cols > cap(s.slab) {
		s.slab = make([]data.Datum, 0, max(s.cols, 1)*sortSlabRows)
		n := 24 * int64(cap(s.slab))
		s.r.st.Account.Grow(n)
		s.taken += n
	}
	from := len(s.slab)
	for _, d := range row {
		s.slab = append(s.slab, s.arena.CopyDatum(d))
	}
	return s.slab[from:len(s.slab):len(s.slab)]
}

// topHeap keeps the rows of a bounded sort with the last in order on top. A
// later row with equal keys comes after an earlier one, so it never replaces it.
type topHeap struct{ s *sorter }

func (h topHeap) Len() int           { return len(h.s.rows) }
func (h topHeap) Less(i, j int) bool { return compareKeys(h.s.keys, h.s.rows[i], h.s.rows[j]) > 0 }
func (h topHeap) Swap(i, j int)      { h.s.rows[i], h.s.rows[j] = h.s.rows[j], h.s.rows[i] }
func (h topHeap) Push(any)           {}
func (h topHeap) Pop() any           { return nil }

func (s *sorter) addTop(row []data.Datum) error {
	if s.top == 0 || compareKeys(s.keys, row, s.rows[0]) >= 0 {
		return nil
	}
	for i, d := range row {
		s.rows[0][i] = s.arena.CopyDatum(d)
	}
	heap.Fix(s.max, 0)
	if s.arena.MemBytes() > 2*s.r.st.workMem() {
		s.compact()
	}
	return nil
}

// compact copies the rows that are left into a fresh arena.
func (s *sorter) compact() {
	fresh := data.NewArena(s.r.st.Account)
	for _, row := range s.rows {
		for i, d := range row {
			row[i] = fresh.CopyDatum(d)
		}
	}
	s.arena.Free()
	s.arena = fresh
}

// sortEntry stands for a row while it is sorted: most comparisons are settled by a number.
type sortEntry struct {
	prefix uint64
	row    uint32
}

// prefix orders rows as their first key does, as far as a number can.
func (s *sorter) prefix(row []data.Datum) uint64 {
	k := &s.keys[0]
	d := row[k.Slot]
	if d.IsNull() {
		if k.NullsFirst {
			return 0
		}
		return math.MaxUint64
	}
	p := k.Type.SortPrefix(d) >> 1
	if k.Desc {
		p = ^p &^ (1 << 63)
	}
	if k.NullsFirst {
		p |= 1 << 63
	}
	return p
}

func (s *sorter) sortRows() {
	if len(s.keys) == 0 || len(s.rows) < 2 {
		return
	}
	if n := 16 * int64(len(s.rows)-cap(s.order)); n > 0 {
		s.r.st.Account.Grow(n)
		s.taken += n
		s.order = make([]sortEntry, 0, len(s.rows))
	}
	s.order = s.order[:0]
	for i, row := range s.rows {
		s.order = append(s.order, sortEntry{s.prefix(row), uint32(i)})
	}
	slices.SortFunc(s.order, func(a, b sortEntry) int {
		if a.prefix != b.prefix {
			return cmp.Compare(a.prefix, b.prefix)
		}
		if c := compareKeys(s.keys, s.rows[a.row], s.rows[b.row]); c != 0 {
			return c
		}
		return cmp.Compare(a.row, b.row) // equal rows keep their order
	})
	s.arrange()
}

// arrange brings rows into the order of s.order, which it uses up: each cycle of
// the permutation is walked once.
func (s *sorter) arrange() {
	for i := range s.order {
		first := s.rows[i]
		at := i
		for {
			from := int(s.order[at].row)
			s.order[at].row = uint32(at)
			if from == i {
				s.rows[at] = first
				break
			}
			s.rows[at] = s.rows[from]
			at = from
		}
	}
}

// spill writes the rows in memory as a sorted run.
func (s *sorter) spill() error {
	s.sortRows()
	f, err := newRowFile(s.r.st.TempDir)
	if err != nil {
		return err
	}
	s.runs = append(s.runs, f)
	for _, row := range s.rows {
		if err := f.write(row); err != nil {
			return err
		}
	}
	s.release()
	return nil
}

func (s *sorter) release() {
	s.arena.Free()
	s.r.st.Account.Shrink(s.taken)
	s.rows, s.slab, s.order, s.taken = s.rows[:0], nil, nil, 0
}

// finish ends adding; next then returns the rows in order.
func (s *sorter) finish() error {
	s.at = 0
	if len(s.runs) == 0 {
		s.sortRows()
		return nil
	}
	if len(s.rows) > 0 {
		if err := s.spill(); err != nil {
			return err
		}
	}
	m, err := newMerger(s)
	s.merge = m
	return err
}

// next returns the next row, nil at the end; it is valid until the next call.
func (s *sorter) next() ([]data.Datum, error) {
	if s.merge != nil {
		return s.merge.next()
	}
	if s.at >= len(s.rows) {
		return nil, nil
	}
	s.at++
	return s.rows[s.at-1], nil
}

// rewind makes next start again.
func (s *sorter) rewind() (err error) {
	s.at = 0
	if s.merge != nil {
		s.merge, err = newMerger(s)
	}
	return err
}

// clear forgets everything, for another input.
func (s *sorter) clear() {
	s.release()
	for _, f := range s.runs {
		f.close()
	}
	s.runs, s.merge, s.at = nil, nil, 0
}

// merger merges sorted runs; of equal rows the one of the earlier run comes
// first.
type merger struct {
	keys []planner.SortKey
	in   []*rowCursor
	rows [][]data.Datum // current row of each run; nil: at its end
	heap []int          // runs, the one with the smallest row first
	last int            // run whose row was returned; -1: none
}

func newMerger(s *sorter) (*merger, error) {
	m := &merger{keys: s.keys, last: -1}
	for i, f := range s.runs {
		c, err := f.read(s.cols)
		if err != nil {
			return nil, err
		}
		row, err := c.next()
		if err != nil {
			return nil, err
		}
		m.in, m.rows = append(m.in, c), append(m.rows, row)
		if row != nil {
			m.heap = append(m.heap, i)
		}
	}
	heap.Init(m)
	return m, nil
}

func (m *merger) Len() int { return len(m.heap) }
func (m *merger) Less(i, j int) bool {
	a, b := m.heap[i], m.heap[j]
	if c := compareKeys(m.keys, m.rows[a], m.rows[b]); c != 0 {
		return c < 0
	}
	return a < b
}
func (m *merger) Swap(i, j int) { m.heap[i], m.heap[j] = m.heap[j], m.heap[i] }
func (m *merger) Push(x any)    { m.heap = append(m.heap, x.(int)) }
func (m *merger) Pop() any {
	x := m.heap[len(m.heap)-1]
	m.heap = m.heap[:len(m.heap)-1]
	return x
}

func (m *merger) next() ([]data.Datum, error) {
	if m.last >= 0 {
		row, err := m.in[m.last].next()
		if err != nil {
			return nil, err
		}
		m.rows[m.last] = row
		if row == nil {
			heap.Pop(m)
		} else {
			heap.Fix(m, 0)
		}
		m.last = -1
	}
	if len(m.heap) == 0 {
		return nil, nil
	}
	m.last = m.heap[0]
	return m.rows[m.last], nil
}

// sortOp is planner.Sort.
type sortOp struct {
	output
	n      *planner.Sort
	in     reader
	s      *sorter
	sorted bool
}

func newSort(r *Run, n *planner.Sort) (operator, error) {
	child, err := r.build(n.Child)
	if err != nil {
		return nil, err
	}
	cols := n.Info().Cols
	return &sortOp{output: newOutput(r, cols), n: n, in: reader{in: child}, s: newSorter(r, n.Keys, cols)}, nil
}

func (op *sortOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	if !op.sorted {
		if err := op.sort(); err != nil {
			return nil, err
		}
		op.sorted = true
	}
	return op.fillFrom(want, op.s.next)
}

func (op *sortOp) sort() error {
	if op.n.Limit != nil {
		limit, err := limitValue(op.c, op.n.Limit, -1, pgerr.InvalidRowCountInLimitClause, "LIMIT must not be negative")
		if err != nil {
			return err
		}
		skip, err := limitValue(op.c, op.n.Offset, 0, pgerr.InvalidRowCountInResultOffsetClause, "OFFSET must not be negative")
		if err != nil {
			return err
		}
		if limit >= 0 && limit+skip >= 0 {
			op.s.top = limit + skip
		}
	}
	for {
		row, err := op.in.next()
		if err != nil {
			return err
		}
		if row == nil {
			return op.s.finish()
		}
		if err := op.s.add(row); err != nil {
			return err
		}
	}
}

func (op *sortOp) rescan() error {
	op.pending, op.sorted = nil, false
	op.s.clear()
	op.s.top = -1
	return op.in.rescan()
}

func (op *sortOp) close() {
	op.in.in.close()
	op.s.clear()
	op.free()
}
