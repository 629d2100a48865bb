package session

import (
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/ddl"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// sequenceTable finds a sequence relation.
func (s *Session) sequenceTable(oid uint32) (*catalog.Table, error) {
	v := s.view()
	if v == nil {
		_, err := s.storeTxn()
		return nil, err
	}
	t, err := v.Relation(oid)
	if err != nil {
		return nil, storeError(err)
	}
	if t == nil {
		return nil, pgerr.Newf(pgerr.UndefinedTable, "could not open relation with OID %d", oid)
	}
	if t.Sequence == nil {
		return nil, pgerr.Newf(pgerr.WrongObjectType, `"%s" is not a sequence`, t.Name)
	}
	return t, nil
}

// sequenceTxn says how a sequence's values are taken: in small transactions of
// their own, or within this one if it has made the sequence. The function finds
// the sequence, anew each time it is asked. ALTER and DROP SEQUENCE wait for this
// transaction, and it for them.
func (s *Session) sequenceTxn(oid uint32, verb string) (ddl.SequenceTxn, func() (*catalog.Table, error), error) {
	how := ddl.SequenceTxn{Ctx: &s.intr, Store: s.srv.store, Owner: uint64(s.pid), Lock: s.lockOptions()}
	if s.tx.readOnly {
		return how, nil, pgerr.Newf(pgerr.ReadOnlySQLTransaction, "cannot execute %s() in a read-only transaction", verb)
	}
	t, err := s.sequenceTable(oid)
	if err != nil {
		return how, nil, err
	}
	txn, err := s.storeTxn()
	if err != nil {
		return how, nil, err
	}
	if s.ownedStorage(t.StorageID) {
		how.Own, how.Op = txn, s.tx.op
	}
	waited, err := txn.LockObject(&s.intr, s.tx.op, s.relationTag(oid, false), kv.RowExclusive, s.lockOptions())
	if err != nil {
		return how, nil, storeError(err)
	}
	first := t
	if waited {
		first = nil // it may have been changed
	}
	return how, func() (*catalog.Table, error) {
		if t := first; t != nil {
			first = nil
			return t, nil
		}
		s.freshView()
		return s.sequenceTable(oid)
	}, nil
}

// NextVal implements expr.Env.
func (s *Session) NextVal(_ *expr.Ctx, oid uint32) (int64, error) {
	how, find, err := s.sequenceTxn(oid, "nextval")
	if err != nil {
		return 0, err
	}
	value, err := s.srv.sequences.Next(how, find)
	if err != nil {
		return 0, storeError(err)
	}
	s.rememberSequence(oid, value)
	return value, nil
}

func (s *Session) rememberSequence(oid uint32, value int64) {
	if s.sequence == nil {
		s.sequence = map[uint32]int64{}
	}
	s.sequence[oid], s.lastSeq = value, oid
}

// CurrVal implements expr.Env.
func (s *Session) CurrVal(_ *expr.Ctx, oid uint32) (int64, error) {
	t, err := s.sequenceTable(oid)
	if err != nil {
		return 0, err
	}
	if v, ok := s.sequence[oid]; ok {
		return v, nil
	}
	return 0, pgerr.Newf(pgerr.ObjectNotInPrerequisiteState,
		`currval of sequence "%s" is not yet defined in this session`, t.Name)
}

// LastVal implements expr.Env.
func (s *Session) LastVal(*expr.Ctx) (int64, error) {
	if v, ok := s.sequence[s.lastSeq]; ok {
		return v, nil
	}
	return 0, pgerr.New(pgerr.ObjectNotInPrerequisiteState, "lastval is not yet defined in this session")
}

// SetVal implements expr.Env.
func (s *Session) SetVal(_ *expr.Ctx, oid uint32, value int64, called bool) error {
	how, find, err := s.sequenceTxn(oid, "setval")
	if err != nil {
		return err
	}
	if err := s.srv.sequences.Set(how, find, value, called); err != nil {
		return storeError(err)
	}
	if called {
		s.rememberSequence(oid, value)
	}
	return nil
}
