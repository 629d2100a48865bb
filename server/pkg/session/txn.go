package session

import (
	"errors"
	"time"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/ddl"
	"github.com/pgzdb/pgz/server/pkg/exec"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// block is the state of the transaction block.
type block uint8

const (
	blockNone     block = iota // each statement is its own transaction
	blockImplicit              // several statements of one message, or a pipeline
	blockOpen                  // after BEGIN
	blockFailed                // after BEGIN and an error
)

// isolation levels that differ in behaviour.
type isolation uint8

const (
	readCommitted isolation = iota
	repeatableRead
	serializable
)

// txnState is the transaction under way. kv transactions begin with the first
// statement that needs one.
type txnState struct {
	block      block
	txn        kv.Txn      // nil: not begun
	snapshot   kv.Snapshot // of REPEATABLE READ and above, once taken
	serial     kv.Serial   // of SERIALIZABLE, once the snapshot is taken
	op         kv.OpNum    // number of the last command
	level      isolation
	readOnly   bool
	deferrable bool
	queried    bool  // a query ran: the isolation level stands
	started    int64 // transaction_timestamp
	xid        uint32
	shared     bool // an implicit block of several statements, or of one that ran
	script     bool // an implicit block of one simple query: it counts as a block for cursors and LOCK
	begun      bool // started, settings and catalog marks are valid
	saves      []savepoint
	sequences  ddl.OwnSequences // nil: none used
}

// savepoint remembers where everything stood.
type savepoint struct {
	name     string
	op       kv.OpNum // first number after it
	settings int
	owned    int
	readOnly bool
	portals  int // serial of the next portal
}

// epoch is 2000-01-01, the zero of SQL timestamps.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func sqlTime(t time.Time) int64 { return t.Sub(epoch).Microseconds() }

// beginTxn starts a transaction, if none is under way, in the modes the
// settings ask for.
func (s *Session) beginTxn() {
	t := &s.tx
	if t.begun {
		return
	}
	t.begun = true
	s.activity.serial.Add(1)
	t.started = s.stmtTime
	t.op = 1
	t.readOnly = s.settings.Get(defDefaultReadOnly) == "on"
	t.deferrable = s.settings.Get(defDefaultDeferrable) == "on"
	t.level = isolationNamed(s.settings.Get(defDefaultIsolation))
}

// storeTxn returns the kv transaction, begun now if need be.
func (s *Session) storeTxn() (kv.Txn, error) {
	s.beginTxn()
	if s.tx.txn == nil {
		txn, err := s.srv.store.Begin(kv.TxnOptions{Owner: uint64(s.pid)})
		if err != nil {
			return nil, storeError(err)
		}
		s.tx.txn = s.srv.catalog.Image().WithImage(txn)
		catalog.NoteChanges(s.tx.txn, s.hooks.changing)
	}
	return s.tx.txn, nil
}

// nextOp numbers a command.
func (s *Session) nextOp() kv.OpNum {
	s.tx.op++
	return s.tx.op
}

// takeSnapshot returns what a statement reads at. own tells that the caller
// must release it.
func (s *Session) takeSnapshot() (snap kv.Snapshot, own bool, err error) {
	s.tx.queried = true
	if s.tx.snapshot != nil && !s.within.fresh {
		return s.tx.snapshot, false, nil
	}
	s.pins()
	if s.tx.level == serializable && !s.within.fresh {
		snap, err = s.serialSnapshot(nil)
		return snap, false, err
	}
	snap, err = s.srv.store.Snapshot()
	if err != nil {
		return nil, false, storeError(err)
	}
	if s.tx.level == repeatableRead && !s.within.fresh {
		s.tx.snapshot = snap
		return snap, false, nil
	}
	return snap, true, nil
}

// commitTxn ends the transaction by making it durable. On an error the
// transaction is rolled back.
func (s *Session) commitTxn() error {
	s.dropExported()
	if !s.tx.begun {
		s.endTxn(true)
		return nil
	}
	s.closeTxnPortals()
	err := s.fireKeys() // of a statement that was not run to its end
	if err == nil && s.tx.txn != nil {
		err = s.commitStore()
	}
	if err != nil {
		s.rollbackTxn()
		return err
	}
	s.endTxn(true)
	return nil
}

func (s *Session) commitStore() error {
	txn := s.tx.txn
	if !txn.Written() && s.tx.serial == nil {
		txn.Rollback() // gives the locks back; there is nothing to make durable
		return nil
	}
	_, err := txn.Commit(&s.intr, kv.CommitOptions{Sync: s.settings.Get(defSynchronousCommit) != "off"})
	return storeError(err)
}

// rollbackTxn ends the transaction without a trace.
func (s *Session) rollbackTxn() {
	s.closeTxnPortals()
	s.dropExported()
	if s.tx.txn != nil {
		s.tx.txn.Rollback()
	}
	s.endTxn(false)
}

// endTxn forgets the transaction: settings, catalog and snapshot follow it.
func (s *Session) endTxn(committed bool) {
	s.dropSnapshot()
	if committed {
		s.settings.Commit()
	} else {
		s.settings.Rollback()
	}
	s.catalogEnd()
	s.keys.Reset()
	saves := s.tx.saves[:0]
	s.tx = txnState{saves: saves}
}

// dropSnapshot gives back the transaction's snapshot, so that it does not keep old
// versions.
func (s *Session) dropSnapshot() {
	if s.tx.snapshot != nil {
		s.tx.snapshot.Release()
	}
	s.tx.snapshot, s.tx.serial = nil, nil
}

// Error is what the client is told of err.
func (s *Session) Error(err error) *pgerr.Error { return pgerr.From(storeError(err)) }

// Failed notes that a statement or message ended in an error: a block waits
// for its end from now on, anything else is rolled back at once.
// When the store has stopped no statement can succeed: the connection ends.
func (s *Session) Failed(e *pgerr.Error) {
	if errors.Is(e, kv.ErrFailed) || errors.Is(e, kv.ErrUnknownOutcome) {
		e.Severity = pgerr.SeverityFatal
		s.srv.storeStopped(e)
	}
	s.explainDeadlock(e)
	switch s.tx.block {
	case blockOpen, blockFailed:
		first := s.tx.block == blockOpen
		s.tx.block = blockFailed
		if n := len(s.tx.saves); n > 0 {
			s.closePortalsSince(s.tx.saves[n-1].portals)
		} else {
			s.closeTxnPortals()
		}
		if first {
			s.giveUp()
		}
	default:
		s.rollbackTxn()
	}
}

// giveUp takes back at once what cannot be brought back: others need not wait for its
// locks. That is all, with the snapshot and what it exported, or what came after the
// last savepoint.
func (s *Session) giveUp() {
	if n := len(s.tx.saves); n > 0 {
		if s.tx.txn != nil {
			_ = s.tx.txn.RollbackTo(s.tx.saves[n-1].op) // ROLLBACK TO does it again, and tells
			s.freshView()
		}
		return
	}
	s.dropExported()
	if s.tx.txn != nil {
		s.tx.txn.Rollback()
		s.tx.txn = nil
		s.catalogEnd()
	}
	s.dropSnapshot()
}

// Status is the transaction status that ReadyForQuery reports.
func (s *Session) Status() byte {
	switch s.tx.block {
	case blockOpen:
		return 'T'
	case blockFailed:
		return 'E'
	}
	return 'I'
}

// storeError turns an error of the store into one for the client, also one that
// was taken for an internal error on its way.
func storeError(err error) error {
	if e := pgerr.As(err); errors.Is(err, kv.ErrSerialization) && (e == nil || e.Code == pgerr.InternalError) {
		return serializationFailure(err)
	}
	return exec.StoreError(err)
}
