package ddl

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// alterSequence is ALTER SEQUENCE with options. A new state goes to a new
// storage id, so that it appears at commit or not at all.
func (s *Session) alterSequence(n *ast.AlterSeqStmt) error {
	if n.ForIdentity {
		return unsupported("identity sequences")
	}
	c, err := s.lockedRelation(n.Sequence, n.MissingOk)
	if err != nil || c == nil {
		return err
	}
	if c.Relkind != catalog.RelkindSequence {
		return wrongRelkind(c.Relname, "sequence")
	}
	if err := s.checkOwner(c.Relowner, "sequence", c.Relname); err != nil {
		return err
	}
	o, err := readSequenceOptions(n.Options)
	if err != nil {
		return err
	}
	v := s.View()
	t, err := v.Relation(c.OID)
	if err != nil {
		return err
	}
	w := s.writer()
	row, err := w.Find(catalog.SequenceIndex, catalog.OID(c.OID))
	if err != nil {
		return err
	}
	state, err := s.sequenceState(t)
	if err != nil {
		return err
	}
	q := &sequenceState{PgSequence: *catalog.ReadPgSequence(row), last: state.last, called: state.called}
	if err := q.apply(s, v, o, false); err != nil {
		return err
	}
	if err := w.Update(catalog.SequenceRelation, row, q.Row()); err != nil {
		return err
	}
	storage := c.Relfilenode
	if q.reset {
		if storage, err = s.newStorage(w); err != nil {
			return err
		}
	}
	if err := updateClass(w, c.OID, func(c *catalog.PgClass) { c.Relfilenode = storage }); err != nil {
		return err
	}
	if q.reset {
		if err := s.putSequenceRow(storage, q); err != nil {
			return err
		}
		if err := s.dropStorage(c.Relfilenode); err != nil {
			return err
		}
	}
	if o.owner == nil {
		return nil
	}
	return s.sequenceOwner(w, c.OID, o.owner)
}

// sequenceState reads the present state under a lock that keeps other sessions
// from taking values until this transaction ends.
func (s *Session) sequenceState(t *catalog.Table) (sequenceRow, error) {
	val, ver, _, err := s.Txn.LockRowGet(s.Ctx, s.Op, sequenceKey(t.Database, t.StorageID), kv.Update, s.Lock, nil)
	if err != nil {
		return sequenceRow{}, err
	}
	if !ver.Found() {
		return sequenceRow{}, pgerr.Newf(pgerr.UndefinedTable, "could not open relation with OID %d", t.OID)
	}
	return readSequenceRow(t, val)
}
