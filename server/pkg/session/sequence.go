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
	if t, err = s.lockSequence(txn, t); err != nil {
		return how, nil, err
	}
	if s.ownedStorage(t.StorageID) {
		if s.tx.sequences == nil {
			s.tx.sequences = ddl.OwnSequences{}
		}
		how.Own, how.Op, how.Kept = txn, s.tx.op, s.tx.sequences
	}
	first := t
	return how, func() (*catalog.Table, error) {
		if t := first; t != nil {
			first = nil
			return t, nil
		}
		s.freshView()
		return s.sequenceTable(oid)
	}, nil
}

// lockSequence locks a sequence as those do that use it, and returns it as it is then.
func (s *Session) lockSequence(txn kv.Txn, t *catalog.Table) (*catalog.Table, error) {
	waited, err := txn.LockObject(&s.intr, s.tx.op, s.relationTag(t.OID, false), kv.RowExclusive, s.lockOptions())
	if err != nil {
		return nil, storeError(err)
	}
	if !waited {
		return t, nil
	}
	s.freshView()
	return s.sequenceTable(t.OID)
}

// usedSequence finds and locks a sequence that the session may have used.
func (s *Session) usedSequence(oid uint32) (*catalog.Table, error) {
	t, err := s.sequenceTable(oid)
	if err != nil {
		return nil, err
	}
	txn, err := s.storeTxn()
	if err != nil {
		return nil, err
	}
	return s.lockSequence(txn, t)
}

// sequenceState is what a session knows of a sequence it has used.
type sequenceState struct {
	last    int64 // currval
	called  bool  // last is valid
	cached  int64 // as far as values were taken in advance
	step    int64
	storage uint32 // where they were taken: another one makes them void
}

// NextVal implements expr.Env.
func (s *Session) NextVal(_ *expr.Ctx, oid uint32) (int64, error) {
	how, find, err := s.sequenceTxn(oid, "nextval")
	if err != nil {
		return 0, err
	}
	st := s.sequence[oid]
	if st != nil && st.last != st.cached {
		t, err := find()
		if err != nil {
			return 0, err
		}
		if st.storage == t.StorageID {
			st.last += st.step
			s.lastSeq = oid
			return st.last, nil
		}
	}
	vals, t, err := s.srv.sequences.Next(how, find)
	if err != nil {
		return 0, storeError(err)
	}
	*s.sequenceState(oid) = sequenceState{
		last: vals.First, called: true, cached: vals.Last, step: t.Sequence.Increment, storage: t.StorageID,
	}
	s.lastSeq = oid
	return vals.First, nil
}

func (s *Session) sequenceState(oid uint32) *sequenceState {
	if s.sequence == nil {
		s.sequence = map[uint32]*sequenceState{}
	}
	st := s.sequence[oid]
	if st == nil {
		st = &sequenceState{}
		s.sequence[oid] = st
	}
	return st
}

// CurrVal implements expr.Env.
func (s *Session) CurrVal(_ *expr.Ctx, oid uint32) (int64, error) {
	t, err := s.usedSequence(oid)
	if err != nil {
		return 0, err
	}
	if st := s.sequence[oid]; st != nil && st.called {
		return st.last, nil
	}
	return 0, pgerr.Newf(pgerr.ObjectNotInPrerequisiteState,
		`currval of sequence "%s" is not yet defined in this session`, t.Name)
}

// LastVal implements expr.Env: what nextval gave last, or what that sequence was set to
// since.
func (s *Session) LastVal(*expr.Ctx) (int64, error) {
	undefined := pgerr.New(pgerr.ObjectNotInPrerequisiteState, "lastval is not yet defined in this session")
	st := s.sequence[s.lastSeq]
	if st == nil {
		return 0, undefined
	}
	t, err := s.view().Relation(s.lastSeq)
	if err != nil {
		return 0, storeError(err)
	}
	if t == nil {
		return 0, undefined
	}
	_, err = s.usedSequence(s.lastSeq)
	return st.last, err
}

// SetVal implements expr.Env. Values taken in advance are forgotten.
func (s *Session) SetVal(_ *expr.Ctx, oid uint32, value int64, called bool) error {
	how, find, err := s.sequenceTxn(oid, "setval")
	if err != nil {
		return err
	}
	if err := s.srv.sequences.Set(how, find, value, called); err != nil {
		return storeError(err)
	}
	st := s.sequenceState(oid)
	if called {
		st.last, st.called = value, true
	}
	st.cached = st.last
	return nil
}
