package session

import (
	"math"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
)

// sequenceRow is the single row of a sequence relation.
type sequenceRow struct {
	last   int64
	called bool
}

// sequenceRowID is the row's hidden id.
const sequenceRowID = 1

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

// withSequence changes a sequence's row. That is no part of the statement's
// transaction, so that others need not wait for its end: it is a small
// transaction of its own, which the statement's commit makes durable if it has
// not become so by then. Only a sequence this transaction has itself made is
// changed within it.
func (s *Session) withSequence(t *catalog.Table, change func(row *sequenceRow) error) error {
	if s.tx.readOnly {
		return pgerr.New(pgerr.ReadOnlySQLTransaction, "cannot execute nextval() in a read-only transaction")
	}
	key := rowcodec.AppendRowID(rowcodec.AppendPrefix(nil, t.Database, t.StorageID), sequenceRowID)
	if s.ownedStorage(t.StorageID) {
		txn, err := s.storeTxn()
		if err != nil {
			return err
		}
		return s.changeSequence(txn, s.tx.op, t, key, change)
	}
	txn, err := s.srv.store.Begin(kv.TxnOptions{Owner: uint64(s.pid)})
	if err != nil {
		return storeError(err)
	}
	defer txn.Rollback()
	if err := s.changeSequence(txn, 1, t, key, change); err != nil {
		return err
	}
	_, err = txn.Commit(&s.intr, kv.CommitOptions{})
	return storeError(err)
}

func (s *Session) changeSequence(txn kv.Txn, op kv.OpNum, t *catalog.Table, key []byte,
	change func(row *sequenceRow) error) error {
	val, ver, _, err := txn.LockRowGet(&s.intr, op, key, kv.Update, s.lockOptions(), nil)
	if err != nil {
		return storeError(err)
	}
	if !ver.Found() {
		return pgerr.Newf(pgerr.UndefinedTable, "could not open relation with OID %d", t.OID)
	}
	vals := make([]data.Datum, len(t.Columns))
	if err := rowcodec.DecodeRow(t.Row, val, vals); err != nil {
		return err
	}
	header, err := rowcodec.ReadHeader(val)
	if err != nil {
		return err
	}
	row := sequenceRow{last: vals[0].Int(), called: vals[2].Bool()}
	if err := change(&row); err != nil {
		return err
	}
	vals[0], vals[2] = data.Int(row.last), data.Bool(row.called)
	return storeError(txn.Put(op, key, rowcodec.EncodeRow(nil, t.Row, header, vals)))
}

// NextVal implements expr.Env.
func (s *Session) NextVal(_ *expr.Ctx, oid uint32) (int64, error) {
	t, err := s.sequenceTable(oid)
	if err != nil {
		return 0, err
	}
	value := int64(0)
	err = s.withSequence(t, func(row *sequenceRow) error {
		if value = row.last; row.called {
			if value, err = sequenceAfter(t.Sequence, row.last, t.Name); err != nil {
				return err
			}
		}
		row.last, row.called = value, true
		return nil
	})
	if err != nil {
		return 0, err
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
	t, err := s.sequenceTable(oid)
	if err != nil {
		return err
	}
	if q := t.Sequence; value < q.Min || value > q.Max {
		return pgerr.Newf(pgerr.NumericValueOutOfRange,
			`setval: value %d is out of bounds for sequence "%s" (%d..%d)`, value, t.Name, q.Min, q.Max)
	}
	err = s.withSequence(t, func(row *sequenceRow) error {
		row.last, row.called = value, called
		return nil
	})
	if err == nil && called {
		s.rememberSequence(oid, value)
	}
	return err
}

// sequenceAfter is the value that follows last.
func sequenceAfter(q *catalog.Sequence, last int64, name string) (int64, error) {
	up := q.Increment > 0
	next := last + q.Increment
	overflow := up && last > math.MaxInt64-q.Increment || !up && last < math.MinInt64-q.Increment
	if !overflow && next <= q.Max && next >= q.Min {
		return next, nil
	}
	if up && (overflow || next > q.Max) {
		if q.Cycle {
			return q.Min, nil
		}
		return 0, pgerr.Newf(pgerr.SequenceGeneratorLimitExceeded,
			`nextval: reached maximum value of sequence "%s" (%d)`, name, q.Max)
	}
	if q.Cycle {
		return q.Max, nil
	}
	return 0, pgerr.Newf(pgerr.SequenceGeneratorLimitExceeded,
		`nextval: reached minimum value of sequence "%s" (%d)`, name, q.Min)
}
