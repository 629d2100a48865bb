package session

import (
	"slices"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// relationTag names a relation's lock.
func (s *Session) relationTag(relation uint32, shared bool) kv.ObjectTag {
	t := kv.ObjectTag{Space: kv.RelationLock, A: uint64(s.database.oid), B: uint64(relation)}
	if shared {
		t.A = 0
	}
	return t
}

// lockPlan takes the locks of st's plan. If one had to be waited for, the
// catalog may have moved on: the plan is looked at again, and made again if
// need be, until its locks are held and it is current.
func (s *Session) lockPlan(st *statement) error {
	for {
		waited, err := s.lockRelations(st)
		if err != nil || !waited {
			return err
		}
		s.freshView()
		if s.stillValid(st) {
			return nil
		}
		if err := s.revalidate(st); err != nil {
			return err
		}
	}
}

func (s *Session) lockRelations(st *statement) (waited bool, err error) {
	if len(st.plan.Locks) == 0 {
		return false, nil
	}
	txn, err := s.storeTxn()
	if err != nil {
		return false, err
	}
	for _, l := range st.plan.Locks {
		w, err := txn.LockObject(&s.intr, s.tx.op, s.relationTag(l.Relation, l.Shared), l.Mode, s.lockOptions())
		if err != nil {
			return waited, storeError(err)
		}
		waited = waited || w
	}
	return waited, nil
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
	if !s.inBlock() && s.tx.block != blockImplicit {
		return outsideBlock("LOCK TABLE")
	}
	for _, r := range n.Relations {
		rv, ok := r.(*ast.RangeVar)
		if !ok {
			continue
		}
		if n.Nowait {
			if err := s.lockNowait(rv, kv.ObjectMode(n.Mode)); err != nil {
				return err
			}
			continue
		}
		if _, err := s.lockRelation(rv, kv.ObjectMode(n.Mode)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) lockNowait(r *ast.RangeVar, mode kv.ObjectMode) error {
	t, err := s.view().RelationByName(r.Schemaname, r.Relname)
	if err != nil {
		return storeError(err)
	}
	if t == nil {
		return undefinedTable(r)
	}
	txn, err := s.storeTxn()
	if err != nil {
		return err
	}
	opts := s.lockOptions()
	opts.Policy = kv.NoWait
	if _, err := txn.LockObject(&s.intr, s.tx.op, s.relationTag(t.OID, t.Shared), mode, opts); err != nil {
		if e := pgerr.From(storeError(err)); e.Code == pgerr.LockNotAvailable {
			return pgerr.Newf(pgerr.LockNotAvailable, `could not obtain lock on relation "%s"`, t.Name)
		}
		return storeError(err)
	}
	return nil
}

// ownedStorage tells whether this transaction created a storage id.
func (s *Session) ownedStorage(storage uint32) bool { return slices.Contains(s.owned, storage) }
