package session

import (
	"math"
	"time"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/exec"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// runPortal executes a portal, sending rows, until maxRows are sent (0: all).
// suspended tells that there may be more.
func (s *Session) runPortal(p *portal, maxRows int) (suspended bool, err error) {
	if p.failed || p.done && p.started && !p.returns {
		return false, cannotRun(p)
	}
	s.beginTxn()
	if !p.started {
		p.started = true
		for _, f := range p.formats {
			if f != 0 && f != 1 {
				return false, unsupportedFormat(f)
			}
		}
		if err := s.startPortal(p); err != nil {
			return false, err
		}
	}
	if p.describe && p.returns {
		p.describe = false
		s.describePortal(p)
	}
	p.sent = 0
	switch {
	case p.done:
		return false, nil
	case p.rows != nil:
		return s.sendList(p, maxRows)
	case p.run != nil:
		return s.sendRun(p, maxRows)
	}
	p.done = true
	return false, nil
}

func cannotRun(p *portal) error {
	return pgerr.Newf(pgerr.ObjectNotInPrerequisiteState, `portal "%s" cannot be run`, p.name)
}

// startPortal begins execution: a query's plan is started, a utility statement
// runs to its end.
func (s *Session) startPortal(p *portal) error {
	if p.st.isQuery() {
		return s.startQuery(p)
	}
	if err := p.settle(); err != nil {
		return err
	}
	return s.utility(p)
}

// startQuery takes the plan's locks, a snapshot and starts the plan.
func (s *Session) startQuery(p *portal) error {
	st := p.st
	if s.tx.readOnly && !st.plan.ReadsOnly {
		return pgerr.Newf(pgerr.ReadOnlySQLTransaction, "cannot execute %s in a read-only transaction", st.verb())
	}
	if err := s.lockAndSnapshot(p); err != nil {
		return err
	}
	err := p.settle()
	if err != nil {
		return err
	}
	p.runPlan = st.plan
	st.uses++
	p.state.Instrument = p.instrument
	if p.run = st.idle; p.run != nil && p.instrument == nil {
		st.idle = nil
		return p.run.Restart(&s.intr, &p.state, st.plan)
	}
	p.run, err = exec.Start(&s.intr, &p.state, st.plan)
	return err
}

// lockAndSnapshot makes sure that the plan's relations stay as they are and
// that the plan fits them, and then takes the snapshot: what was waited for is
// seen.
func (s *Session) lockAndSnapshot(p *portal) error {
	if s.readsWithoutLock(p.st) {
		if err := s.queryState(&p.state, p); err != nil {
			return err
		}
		if s.lockNotNeeded(p.st) {
			return nil
		}
		p.releaseSnapshot()
	}
	if err := s.lockPlan(p.st); err != nil {
		return err
	}
	return s.queryState(&p.state, p)
}

// queryState fills in what a command executes in: a number of its own and a
// snapshot, which the portal releases.
func (s *Session) queryState(state *exec.State, p *portal) error {
	txn, err := s.storeTxn()
	if err != nil {
		return err
	}
	snap, own, err := s.takeSnapshot()
	if err != nil {
		return err
	}
	if own {
		p.snapshot = snap
	}
	op := s.nextOp()
	settings := s.cachedSettings()
	p.account.Init(settings.memoryLimit)
	*state = exec.State{
		Txn: txn, View: kv.View{TS: snap.TS(), ReadOp: op}, WriteOp: op, Writes: &s.rowsWritten,
		Serial: s.tx.level >= repeatableRead, Watched: s.tx.serial != nil, Store: s.srv.store, RowIDs: s.srv.rowIDs,
		Env: s, Types: s.typeCtx(&p.arena), Caller: s, Params: p.params,
		Account: &p.account, WorkMem: settings.workMem, TempDir: s.srv.opts.TempDir, Lock: s.lockOptions(),
		Owned: s.hooks.owned, Behind: s.hooks.behind, Keys: &s.keys,
	}
	return nil
}

// lockOptions says how this session waits for locks.
func (s *Session) lockOptions() kv.LockOptions {
	c := s.cachedSettings()
	return kv.LockOptions{Timeout: c.lockTimeout, DeadlockTimeout: c.deadlockTimeout, OnWait: s.hooks.onWait}
}

func (s *Session) onWait() {
	s.activity.waitAt.Store(sqlTime(time.Now()))
	_ = s.out.FlushReady()
}

// sendRun sends up to maxRows rows of a running plan.
func (s *Session) sendRun(p *portal, maxRows int) (suspended bool, err error) {
	if maxRows == 0 && p.run.IsPoint() {
		return false, s.sendPoint(p)
	}
	left := maxRows
	if maxRows == 0 {
		left = math.MaxInt
	}
	for left > 0 {
		batch, err := p.run.Next(&s.intr, min(left, data.MaxBatch))
		if err != nil {
			return false, storeError(err)
		}
		if batch == nil {
			return false, s.finishRun(p)
		}
		n := batch.Rows()
		for i := range n {
			if err := s.sendBatchRow(p, batch, batch.Lane(i)); err != nil {
				return false, err
			}
		}
		p.sent += int64(n)
		left -= n
	}
	return true, nil
}

// finishRun notes a plan's end, gives back what it holds, lets foreign keys look
// at what was written and the store judge a serializable transaction by it.
func (s *Session) finishRun(p *portal) error {
	if p.st.query.CommandType != query.CmdSelect {
		p.sent = p.run.RowsAffected()
	}
	p.done, p.ranOut = true, true
	s.stopPortal(p)
	if err := s.fireKeys(); err != nil {
		return err
	}
	return s.checkSerial()
}

// sendPoint runs a plan of one key.
func (s *Session) sendPoint(p *portal) error {
	row, err := p.run.Row(&s.intr)
	if err != nil {
		return storeError(err)
	}
	if row != nil {
		p.sent = 1
		if err := s.sendRow(p, row); err != nil {
			return err
		}
	}
	return s.finishRun(p)
}

// sendList sends up to maxRows rows of a materialised result.
func (s *Session) sendList(p *portal, maxRows int) (suspended bool, err error) {
	for p.rows.next < len(p.rows.rows) {
		if maxRows > 0 && p.sent >= int64(maxRows) {
			return true, nil
		}
		if err := s.sendRow(p, p.rows.rows[p.rows.next]); err != nil {
			return false, err
		}
		p.rows.next++
		p.sent++
	}
	if maxRows > 0 && p.sent >= int64(maxRows) {
		return true, nil
	}
	p.done = true
	return false, nil
}

// sendBatchRow encodes one row of a batch into the connection's buffer.
func (s *Session) sendBatchRow(p *portal, b *data.Batch, lane int) error {
	o := s.out
	c := s.types
	o.BeginRow(len(p.colTypes))
	for i, t := range p.colTypes {
		if err := s.sendValue(c, p, i, t, b.Cols[i].Get(lane)); err != nil {
			o.DropRow()
			return err
		}
	}
	o.EndRow()
	return o.FlushFull()
}

// sendRow encodes one materialised row.
func (s *Session) sendRow(p *portal, row data.Row) error {
	o := s.out
	c := s.typeCtx(&p.arena)
	o.BeginRow(len(p.colTypes))
	for i, t := range p.colTypes {
		if err := s.sendValue(c, p, i, t, row[i]); err != nil {
			o.DropRow()
			return err
		}
	}
	o.EndRow()
	return o.FlushFull()
}
