package exec

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
)

// modifyOp is planner.ModifyTable: it writes row by row and, with RETURNING, only
// as many as are wanted.
type modifyOp struct {
	output
	n  *planner.ModifyTable
	in reader
	m  modifier
}

func newModifyTable(r *Run, n *planner.ModifyTable) (operator, error) {
	child, err := r.build(n.Child)
	if err != nil {
		return nil, err
	}
	op := &modifyOp{output: newOutput(r, len(n.Write.Returning)), n: n, in: reader{in: child}}
	if n.Child.Info().RowByRow {
		op.in.want = 1
	}
	op.m = newModifier(r.st, op.c, n.Op, &n.Write, n.Child.Info().Cols)
	return op, nil
}

func (op *modifyOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	for op.b.N < want && !op.b.Full() {
		row, err := op.in.next()
		if err != nil || row == nil {
			return op.finish(err)
		}
		if err := op.c.Cancelled(); err != nil {
			return nil, err
		}
		op.c.Arena.Reset()
		wrote, err := op.m.apply(row)
		if err != nil {
			return nil, err
		}
		if !wrote {
			continue
		}
		op.r.affected++
		if op.n.Write.Returning == nil {
			continue
		}
		out, err := op.m.returning()
		if err != nil {
			return nil, err
		}
		op.add(out)
	}
	return op.finish(nil)
}

func (op *modifyOp) rescan() error { return pgerr.Internal("a writing plan cannot start over") }

func (op *modifyOp) close() {
	op.in.in.close()
	op.free()
}

// modifier applies one DML statement to single rows; ModifyTable and point plans share it.
type modifier struct {
	st     *State
	c      *expr.Ctx
	op     query.CmdType
	w      *planner.Write
	writer *writer
	lock   locker
	oldRow []data.Datum
	newRow []data.Datum
	set    []bool
	seen   map[string]struct{} // keys written, when the source repeats rows
	ret    []data.Datum        // row of RETURNING: new row, extras, source row
	out    []data.Datum
	both   []data.Datum // ON CONFLICT: existing row, proposed row
}

func newModifier(st *State, c *expr.Ctx, op query.CmdType, w *planner.Write, sourceCols int) modifier {
	n := len(w.Rel.Types)
	m := modifier{
		st: st, c: c, op: op, w: w, writer: newWriter(st, c, w.Rel), lock: newLocker(st, w.Rel),
		oldRow: make([]data.Datum, n), newRow: make([]data.Datum, n), set: make([]bool, n),
	}
	m.lock.writes = true
	switch op {
	case query.CmdUpdate:
		m.lock.doing = "updating"
	case query.CmdDelete:
		m.lock.doing = "deleting"
	}
	for _, s := range w.Set {
		m.set[s.Col] = true
	}
	if w.Repeats {
		m.seen = map[string]struct{}{}
	}
	if w.Returning != nil {
		m.ret = make([]data.Datum, n+planner.RetExtras+sourceCols)
	}
	return m
}

// changed tells whether an UPDATE assigns a column.
func (m *modifier) changed(col int) bool { return m.set[col] }

// apply writes what one source row asks for and reports whether a row was written.
func (m *modifier) apply(row []data.Datum) (bool, error) {
	if m.ret != nil {
		copy(m.ret[len(m.newRow)+planner.RetExtras:], row)
	}
	if m.op == query.CmdInsert {
		return m.insert(row)
	}
	key := row[m.w.Target.KeySlot].Bytes()
	if m.seen != nil {
		if _, twice := m.seen[string(key)]; twice {
			return false, nil
		}
	}
	what, err := m.lock.lock(m.c.Context, key, m.w.LockMode, query.LockWaitBlock)
	if err != nil || what == rowGone {
		return false, err
	}
	if what == rowChanged {
		if err := m.lock.refresh(m.c, &m.w.Target, row); err != nil {
			return false, err
		}
		ok, err := recheck(m.c, &m.w.Target, row)
		if err != nil || !ok {
			return false, err
		}
	}
	if m.seen != nil {
		m.remember(key)
	}
	return true, m.write(row)
}

// write updates or deletes the row the locker holds.
func (m *modifier) write(row []data.Datum) error {
	if err := rowcodec.DecodeRow(m.w.Rel.Desc, m.lock.val, m.oldRow); err != nil {
		return err
	}
	if m.op == query.CmdDelete {
		copy(m.newRow, m.oldRow)
		return m.writer.remove(m.lock.key, m.oldRow)
	}
	return m.replace(m.w.Set, row)
}

// replace assigns columns of the row the locker holds; values are computed over row.
func (m *modifier) replace(set []planner.SetCol, row []data.Datum) error {
	copy(m.newRow, m.oldRow)
	for _, s := range set {
		d, err := s.Value.Eval(m.c, row)
		if err != nil {
			return err
		}
		m.newRow[s.Col] = d
	}
	if m.keyChanges() {
		// Others may have locked the row against just that.
		if err := m.lock.guard.lock(m.c.Context, m.lock.key); err != nil {
			return m.lock.inWait(err, kv.Update)
		}
	}
	h, err := rowcodec.ReadHeader(m.lock.val)
	if err != nil {
		return err
	}
	return m.writer.update(m.lock.key, m.oldRow, m.newRow, h.RowID, m.changed)
}

// keyChanges tells whether another value is assigned to a column of a unique key:
// such an update is not compatible with those who hold the row FOR KEY SHARE.
func (m *modifier) keyChanges() bool {
	for _, c := range m.w.Rel.UniqueCols {
		if m.set[c] && !m.lock.cmp.same(m.w.Rel.Types[c], m.oldRow[c], m.newRow[c]) {
			return true
		}
	}
	return false
}

func (m *modifier) insert(row []data.Datum) (bool, error) {
	clear(m.newRow)
	for i, col := range m.w.Source {
		m.newRow[col] = row[i]
	}
	for {
		c, err := m.writer.insert(m.newRow, m.w.Conflict)
		if err != nil {
			return false, err
		}
		if c == nil {
			if on := m.w.Conflict; on != nil && on.Update {
				m.remember(m.writer.key)
			}
			return true, nil
		}
		if !m.w.Conflict.Update {
			return false, m.visible(c)
		}
		done, wrote, err := m.onConflict(c)
		if done || err != nil {
			return wrote, err
		}
	}
}

// visible fails above READ COMMITTED when the row an insert collides with is one
// that the snapshot does not see: neither doing nothing nor going on would be right.
func (m *modifier) visible(c *conflict) error {
	if !m.st.Serial {
		return nil
	}
	val, v, err := m.st.Txn.Get(newest, c.rowKey, m.lock.val[:0])
	m.lock.val = val
	if err == nil && !v.Own && v.TS > m.st.View.TS {
		err = concurrently("update")
	}
	return err
}

// remember notes a row that this statement wrote.
func (m *modifier) remember(key []byte) {
	if m.seen == nil {
		m.seen = map[string]struct{}{}
	}
	m.seen[string(key)] = struct{}{}
}

// onConflict is DO UPDATE of the row an insert collided with. done is false when
// that row has gone and the insert should be tried again.
func (m *modifier) onConflict(c *conflict) (done, wrote bool, err error) {
	if _, twice := m.seen[string(c.rowKey)]; twice {
		return true, false, pgerr.New(pgerr.CardinalityViolation,
			"ON CONFLICT DO UPDATE command cannot affect row a second time").
			WithHint("Ensure that no rows proposed for insertion within the same command have duplicate constrained values.")
	}
	m.lock.anyRow, m.lock.doing = true, "inserting index"
	what, err := m.lock.lock(m.c.Context, c.rowKey, kv.NoKeyUpdate, query.LockWaitBlock)
	if err != nil {
		return true, false, err
	}
	if what == rowGone {
		return false, false, nil
	}
	if what == rowChanged {
		same, err := m.writer.collides(c, m.lock.key)
		if err == nil && !same {
			err = m.lock.guard.unlock(m.lock.key, kv.NoKeyUpdate) // it is of no concern any more
		}
		if err != nil || !same {
			return err != nil, false, err
		}
		if m.st.Serial {
			return true, false, concurrently("update")
		}
	}
	if err := rowcodec.DecodeRow(m.w.Rel.Desc, m.lock.val, m.oldRow); err != nil {
		return true, false, err
	}
	m.both = append(append(m.both[:0], m.oldRow...), m.newRow...)
	ok, err := pass(m.c, &m.w.Conflict.Where, m.both)
	if err != nil || !ok {
		return true, false, err
	}
	for _, s := range m.w.Conflict.Set {
		m.set[s.Col] = true
	}
	m.remember(c.rowKey)
	return true, true, m.replace(m.w.Conflict.Set, m.both)
}

// returning computes RETURNING for the row just written.
func (m *modifier) returning() ([]data.Datum, error) {
	n := copy(m.ret, m.newRow)
	val, key := m.writer.val, m.writer.key
	if m.op == query.CmdDelete {
		val, key = m.lock.val, m.lock.key
	}
	for i, col := range [...]planner.ScanCol{
		planner.RetCtid: planner.SysCtid, planner.RetXmin: planner.SysXmin,
		planner.RetTableOID: planner.SysTableOID,
	} {
		d, err := sysColumn(m.c, m.w.Rel, col, key, val)
		if err != nil {
			return nil, err
		}
		m.ret[n+i] = d
	}
	m.ret[n+planner.RetWholeRow] = wholeRow(m.c, m.w.Rel, m.newRow)
	var err error
	m.out, err = evalInto(m.c, m.out, m.w.Returning, m.ret)
	return m.out, err
}
