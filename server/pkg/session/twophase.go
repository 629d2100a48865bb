package session

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/pgzdb/pgz/server/pkg/builtin/catfn"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
	"github.com/pgzdb/pgz/server/pkg/settings"
)

// Two-phase commit. PREPARE TRANSACTION writes everything the transaction has
// written and locked under a key of its own, in a transaction of its own, and
// answers once that is durable. COMMIT PREPARED removes the key in the very
// commit that makes the writes visible, so a crash leaves either the key or
// the effects. A server that starts makes the transactions of all keys again.

// twoPhase holds the prepared transactions of all databases.
type twoPhase struct {
	mu   sync.Mutex
	list map[string]*preparedTxn
}

type preparedTxn struct {
	catfn.PreparedXact
	txn  kv.Txn
	busy bool // being prepared or finished
}

const (
	gidMax           = 200 // bytes, with PostgreSQL's terminating zero
	twoPhaseStorage  = 1   // no relation of the catalog has this number
	twoPhaseVersion  = 1
	twoPhaseHeadSize = 1 + 4 + 8 + 4 + 4
)

var defMaxPrepared = settings.Lookup("max_prepared_transactions")

func twoPhaseKey(gid string) []byte {
	return append(rowcodec.AppendPrefix(nil, 0, twoPhaseStorage), gid...)
}

// twoPhaseRecord is the value of a prepared transaction's key.
func twoPhaseRecord(p *preparedTxn, state []byte) []byte {
	b := make([]byte, 0, twoPhaseHeadSize+len(state))
	b = append(b, twoPhaseVersion)
	b = binary.LittleEndian.AppendUint32(b, p.XID)
	b = binary.LittleEndian.AppendUint64(b, uint64(p.Prepared))
	b = binary.LittleEndian.AppendUint32(b, p.Owner)
	b = binary.LittleEndian.AppendUint32(b, p.Database)
	return append(b, state...)
}

func parseTwoPhase(gid string, b []byte) (*preparedTxn, []byte, error) {
	if len(b) < twoPhaseHeadSize || b[0] != twoPhaseVersion {
		return nil, nil, fmt.Errorf("prepared transaction %q: %w", gid, kv.ErrCorruption)
	}
	p := &preparedTxn{PreparedXact: catfn.PreparedXact{
		GID: gid, XID: binary.LittleEndian.Uint32(b[1:]), Prepared: int64(binary.LittleEndian.Uint64(b[5:])),
		Owner: binary.LittleEndian.Uint32(b[13:]), Database: binary.LittleEndian.Uint32(b[17:]),
	}}
	return p, b[twoPhaseHeadSize:], nil
}

// recover makes the prepared transactions of an earlier life again.
func (tp *twoPhase) recover(store kv.Store) error {
	txn, err := store.Begin(kv.TxnOptions{})
	if err != nil {
		return err
	}
	defer txn.Rollback()
	scan, err := txn.NewScan(kv.View{TS: kv.Newest}, kv.ScanSpec{
		Start: twoPhaseKey(""), End: rowcodec.AppendPrefixEnd(nil, 0, twoPhaseStorage),
	})
	if err != nil {
		return err
	}
	defer scan.Close()
	var rows kv.Rows
	for more := true; more; {
		if more, err = scan.Next(&rows, kv.MaxScanRows); err != nil {
			return err
		}
		for i := range rows.Len() {
			p, state, err := parseTwoPhase(string(rows.Key(i)[rowcodec.PrefixLen:]), rows.Value(i))
			if err != nil {
				return err
			}
			if p.txn, err = store.Adopt(state); err != nil {
				return fmt.Errorf("prepared transaction %q: %w", p.GID, err)
			}
			tp.list[p.GID] = p
		}
	}
	return nil
}

// reserve takes a name, busy until the caller says otherwise.
func (tp *twoPhase) reserve(p *preparedTxn, limit int) error {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	if tp.list[p.GID] != nil {
		return pgerr.Newf(pgerr.DuplicateObject, `transaction identifier "%s" is already in use`, p.GID)
	}
	if len(tp.list) >= limit {
		return pgerr.New(pgerr.OutOfMemory, "maximum number of prepared transactions reached").
			WithHint(fmt.Sprintf("Increase max_prepared_transactions (currently %d).", limit))
	}
	p.busy = true
	tp.list[p.GID] = p
	return nil
}

// claim finds the transaction and keeps others from finishing it.
func (tp *twoPhase) claim(s *Session, gid string) (*preparedTxn, error) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	p := tp.list[gid]
	switch {
	case p == nil || p.busy && p.txn == nil:
		return nil, pgerr.Newf(pgerr.UndefinedObject, `prepared transaction with identifier "%s" does not exist`, gid)
	case p.busy:
		return nil, pgerr.Newf(pgerr.ObjectNotInPrerequisiteState, `prepared transaction with identifier "%s" is busy`, gid)
	case p.Owner != s.role.oid && !s.role.superuser:
		return nil, pgerr.New(pgerr.InsufficientPrivilege, "permission denied to finish prepared transaction").
			WithHint("Must be superuser or the user that prepared the transaction.")
	case p.Database != s.database.oid:
		return nil, pgerr.New(pgerr.FeatureNotSupportedCode, "prepared transaction belongs to another database").
			WithHint("Connect to the database where the transaction was prepared to finish it.")
	}
	p.busy = true
	return p, nil
}

func (tp *twoPhase) forget(p *preparedTxn) {
	tp.mu.Lock()
	delete(tp.list, p.GID)
	tp.mu.Unlock()
}

func (tp *twoPhase) free(p *preparedTxn) {
	tp.mu.Lock()
	p.busy = false
	tp.mu.Unlock()
}

// PreparedXacts implements catfn.PreparedXactLister.
func (s *Session) PreparedXacts() []catfn.PreparedXact {
	tp := &s.srv.twoPhase
	tp.mu.Lock()
	defer tp.mu.Unlock()
	var out []catfn.PreparedXact
	for _, p := range tp.list {
		if p.txn != nil {
			out = append(out, p.PreparedXact)
		}
	}
	slices.SortFunc(out, func(a, b catfn.PreparedXact) int { return int(a.XID) - int(b.XID) })
	return out
}

// prepareTransaction is PREPARE TRANSACTION. Whatever goes wrong, the
// transaction is over.
func (s *Session) prepareTransaction(gid string) (tag string, err error) {
	switch s.tx.block {
	case blockFailed:
		s.rollbackTxn()
		return "ROLLBACK", nil
	case blockNone, blockImplicit:
		s.Notice(pgerr.Warning(pgerr.NoActiveSQLTransaction, "there is no transaction in progress"))
		return "ROLLBACK", s.commitTxn()
	}
	s.closeTxnPortals()
	err = s.fireKeys()
	if err == nil {
		err = s.prepareTxn(gid)
	}
	if err != nil {
		s.rollbackTxn()
		return "", err
	}
	s.tx.txn = nil // it is the server's now
	s.endTxn(true)
	return "PREPARE TRANSACTION", nil
}

func (s *Session) prepareTxn(gid string) error {
	if len(s.exported) > 0 {
		return pgerr.New(pgerr.FeatureNotSupportedCode, "cannot PREPARE a transaction that has exported snapshots")
	}
	if len(gid) >= gidMax {
		return pgerr.Newf(pgerr.InvalidParameterValue, `transaction identifier "%s" is too long`, gid)
	}
	limit, _ := strconv.Atoi(s.settings.Get(defMaxPrepared))
	if limit == 0 {
		return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "prepared transactions are disabled").
			WithHint("Set max_prepared_transactions to a nonzero value.")
	}
	if s.cat.end != nil {
		return pgerr.FeatureNotSupported("PREPARE TRANSACTION of a transaction that changed the catalog")
	}
	if err := s.advisoryLocksApart(); err != nil {
		return err
	}
	txn, err := s.storeTxn()
	if err != nil {
		return err
	}
	xid, err := s.XID(true)
	if err != nil {
		return err
	}
	p := &preparedTxn{PreparedXact: catfn.PreparedXact{
		GID: gid, XID: xid, Prepared: s.stmtTime, Owner: s.role.oid, Database: s.database.oid,
	}}
	tp := &s.srv.twoPhase
	if err := tp.reserve(p, limit); err != nil {
		return err
	}
	if err := s.keepPrepared(p, txn); err != nil {
		tp.forget(p)
		return err
	}
	catalog.NoteChanges(txn, func() {}) // this session hears no more of it
	tp.mu.Lock()
	p.txn, p.busy = txn, false
	tp.mu.Unlock()
	return nil
}

// keepPrepared makes the transaction's state durable, and the prepared
// transaction the one that will take it away.
func (s *Session) keepPrepared(p *preparedTxn, txn kv.Txn) error {
	state, err := txn.Prepare()
	if errors.Is(err, kv.ErrNotSupported) {
		return pgerr.FeatureNotSupported("PREPARE TRANSACTION of this transaction").WithDetail(err.Error())
	}
	if err != nil {
		return storeError(err)
	}
	key := twoPhaseKey(p.GID)
	return storeError(s.writeAlone(func(x kv.Txn) error { return x.Put(1, key, twoPhaseRecord(p, state)) }, key))
}

// writeAlone makes one write to key durable, in a transaction of its own.
func (s *Session) writeAlone(write func(kv.Txn) error, key []byte) error {
	x, err := s.srv.store.Begin(kv.TxnOptions{})
	if err != nil {
		return err
	}
	defer x.Rollback()
	if _, err := x.LockRow(context.Background(), 1, key, kv.Update, kv.LockOptions{}); err != nil {
		return err
	}
	if err := write(x); err != nil {
		return err
	}
	_, err = x.Commit(context.Background(), kv.CommitOptions{Sync: true})
	return err
}

// finishPrepared is COMMIT PREPARED and ROLLBACK PREPARED.
func (s *Session) finishPrepared(what, gid string, commit bool) error {
	if s.inBlock() || s.tx.shared {
		return pgerr.Newf(pgerr.ActiveSQLTransaction, "%s cannot run inside a transaction block", what)
	}
	tp := &s.srv.twoPhase
	p, err := tp.claim(s, gid)
	if err != nil {
		return err
	}
	key := twoPhaseKey(gid)
	if !commit {
		// First durably, so that it cannot come back after its locks are gone.
		if err := s.writeAlone(func(x kv.Txn) error { return x.Delete(1, key) }, key); err != nil {
			tp.free(p)
			return storeError(err)
		}
		p.txn.Rollback()
		tp.forget(p)
		return nil
	}
	const lastOp = kv.MaxOp - 1
	_, err = p.txn.LockRow(context.Background(), lastOp, key, kv.Update, kv.LockOptions{})
	if err == nil {
		err = p.txn.Delete(lastOp, key)
	}
	if err != nil {
		tp.free(p)
		return storeError(err)
	}
	if _, err = p.txn.Commit(context.Background(), kv.CommitOptions{Sync: true, Keep: true}); err != nil {
		tp.free(p) // it is as it was, unless the store has stopped
		return storeError(err)
	}
	tp.forget(p)
	return nil
}
