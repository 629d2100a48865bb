package session

import (
	"errors"
	"slices"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// relationTag names a relation's lock.
func (s *Session) relationTag(relation uint32, shared bool) kv.ObjectTag {
	t := kv.ObjectTag{Space: kv.RelationLock, A: uint64(s.database.oid), B: uint64(relation)}
	if shared {
		t.A = 0
	}
	return t
}

// lockPlan takes the locks of st's plan. Until they were held the catalog may
// have moved on: the plan is looked at again, and made again if need be, until
// its locks are held and it is current.
func (s *Session) lockPlan(st *statement) error {
	var held []planner.RelLock // when the plan was made
	for again := false; ; again = true {
		if err := s.lockRelations(st); err != nil {
			return err
		}
		if again && slices.Equal(held, st.plan.Locks) || s.unchangedByOthers(st) {
			return nil
		}
		s.freshView()
		if s.stillValid(st) {
			return nil
		}
		held = st.plan.Locks
		if err := s.revalidate(st); err != nil {
			return err
		}
	}
}

// unchangedByOthers tells that no other session changed the catalog since st,
// which this statement looked at, was looked at.
func (s *Session) unchangedByOthers(st *statement) bool {
	own := 0
	if s.cat.end != nil {
		own = 1
	}
	now := s.validity()
	return st.valid.epoch == now.epoch && st.valid.settings == now.settings && s.srv.catalog.Changing() == own
}

func (s *Session) lockRelations(st *statement) error {
	if len(st.plan.Locks) == 0 {
		return nil
	}
	txn, err := s.storeTxn()
	if err != nil {
		return err
	}
	for _, l := range st.plan.Locks {
		if _, err := txn.LockObject(&s.intr, s.tx.op, s.relationTag(l.Relation, l.Shared), l.Mode, s.lockOptions()); err != nil {
			return storeError(err)
		}
	}
	return nil
}

// readsWithoutLock tells whether st may run without its relation's AccessShare
// lock: it is one read of one row, and a transaction of its own. What it reads
// is decided by its snapshot, whatever happens to the table afterwards; what
// the lock would still tell, lockNotNeeded asks once the snapshot is taken.
func (s *Session) readsWithoutLock(st *statement) bool {
	return st.plan.Point != nil && st.plan.ReadsOnly && !s.inBlock() && !s.tx.shared && s.tx.level == readCommitted
}

// lockNotNeeded tells, with the snapshot taken, that nobody holds or awaits a
// lock the read would have to wait for, and that the plan is the one for this
// snapshot: a change that the snapshot includes is noted in the catalog's epoch
// before its transaction gives up its locks (docs/decisions/0004).
func (s *Session) lockNotNeeded(st *statement) bool {
	return !s.srv.store.Exclusive() && s.unchanged(st)
}

// lockRelation finds a relation by name and locks it; what the name means is
// asked again after a wait.
func (s *Session) lockRelation(r *ast.RangeVar, mode kv.ObjectMode) (*catalog.Table, error) {
	if r.Catalogname != "" && r.Catalogname != s.database.name {
		return nil, pgerr.Newf(pgerr.FeatureNotSupportedCode,
			`cross-database references are not implemented: "%s.%s.%s"`, r.Catalogname, r.Schemaname, r.Relname).AtByte(r.Location)
	}
	txn, err := s.storeTxn()
	if err != nil {
		return nil, err
	}
	for {
		t, err := s.view().RelationByName(r.Schemaname, r.Relname)
		if err != nil {
			return nil, storeError(err)
		}
		if t == nil {
			return nil, undefinedTable(r)
		}
		waited, err := txn.LockObject(&s.intr, s.tx.op, s.relationTag(t.OID, t.Shared), mode, s.lockOptions())
		if err != nil {
			return nil, storeError(err)
		}
		if !waited {
			return t, nil
		}
		s.freshView()
	}
}

func undefinedTable(r *ast.RangeVar) error {
	name := r.Relname
	if r.Schemaname != "" {
		name = r.Schemaname + "." + name
	}
	return pgerr.Newf(pgerr.UndefinedTable, `relation "%s" does not exist`, name)
}

// lockStmt is LOCK TABLE. PostgreSQL's mode numbers are kv's.
func (s *Session) lockStmt(n *ast.LockStmt) error {
	if !s.inBlock() && !s.tx.script {
		return outsideBlock("LOCK TABLE")
	}
	for _, r := range n.Relations {
		rv, ok := r.(*ast.RangeVar)
		if !ok {
			continue
		}
		t, err := s.lockTarget(rv, n)
		if err != nil {
			return err
		}
		if t.Relkind == catalog.RelkindView {
			if err := s.lockBelow(t, n, []uint32{t.OID}); err != nil {
				return err
			}
		}
	}
	return nil
}

// lockTarget finds and locks what LOCK TABLE names: a table or view.
func (s *Session) lockTarget(r *ast.RangeVar, n *ast.LockStmt) (*catalog.Table, error) {
	t, err := s.view().RelationByName(r.Schemaname, r.Relname)
	if err != nil {
		return nil, storeError(err)
	}
	if t == nil || t.Relkind != catalog.RelkindTable && t.Relkind != catalog.RelkindView {
		if err := s.unlockable(r); err != nil {
			return nil, err
		}
		return nil, undefinedTable(r)
	}
	if n.Nowait {
		return t, s.lockFound(t, n)
	}
	return s.lockRelation(r, kv.ObjectMode(n.Mode))
}

// unlockable says why a relation that is neither table nor view cannot be locked; nil if
// there is none.
func (s *Session) unlockable(r *ast.RangeVar) error {
	oid, err := s.view().RelationOID(r.Schemaname, r.Relname)
	if err != nil || oid == 0 {
		return storeError(err)
	}
	kind := "indexes"
	if t, err := s.view().Relation(oid); err != nil {
		return storeError(err)
	} else if t != nil && t.Sequence != nil {
		kind = "sequences"
	} else if t != nil {
		kind = "composite types"
	}
	return pgerr.Newf(pgerr.WrongObjectType, `cannot lock relation "%s"`, r.Relname).
		WithDetail("This operation is not supported for " + kind + ".")
}

// lockBelow locks the tables and views a view reads, as PostgreSQL does; above are the
// views that led here.
func (s *Session) lockBelow(view *catalog.Table, n *ast.LockStmt, above []uint32) error {
	if view.ViewText != "" {
		return nil // of the catalog's image: its tables are never locked
	}
	stored, err := s.view().ViewQuery(view)
	if err != nil {
		return storeError(err)
	}
	q, err := query.DecodeQuery(stored)
	if err != nil {
		return err
	}
	last := uint32(0)
	for _, d := range query.QueryDependencies(q) { // in order
		oid := d.OID
		if d.Class != query.ClassRelation || oid == last || slices.Contains(above, oid) {
			continue
		}
		last = oid
		t, err := s.view().Relation(oid)
		if err != nil {
			return storeError(err)
		}
		if t == nil || t.Relkind != catalog.RelkindTable && t.Relkind != catalog.RelkindView {
			continue
		}
		if err := s.lockFound(t, n); err != nil {
			return err
		}
		if t.Relkind == catalog.RelkindView {
			if err := s.lockBelow(t, n, append(above, oid)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Session) lockFound(t *catalog.Table, n *ast.LockStmt) error {
	txn, err := s.storeTxn()
	if err != nil {
		return err
	}
	opts := s.lockOptions()
	if n.Nowait {
		opts.Policy = kv.NoWait
	}
	_, err = txn.LockObject(&s.intr, s.tx.op, s.relationTag(t.OID, t.Shared), kv.ObjectMode(n.Mode), opts)
	if n.Nowait && errors.Is(err, kv.ErrLockNotAvailable) {
		return pgerr.Newf(pgerr.LockNotAvailable, `could not obtain lock on relation "%s"`, t.Name)
	}
	return storeError(err)
}

// ownedStorage tells whether this transaction created a storage id.
func (s *Session) ownedStorage(storage uint32) bool { return slices.Contains(s.owned, storage) }
