package session

import (
	"fmt"
	"strings"
	"sync"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// exports are the snapshots that sessions offer to others, by name. A snapshot
// is offered until its transaction ends; who imports it registers it anew.
type exports struct {
	mu   sync.Mutex
	list map[string]*exportedSnapshot
	last uint32
}

type exportedSnapshot struct {
	name     string
	pin      kv.Snapshot // of READ COMMITTED; the transaction's own otherwise
	ts       kv.Timestamp
	serial   kv.Serial // of SERIALIZABLE
	readOnly bool
	database uint32
}

// maxExported bounds what one transaction exports: each is kept until its end.
const maxExported = 1024

// ExportSnapshot is pg_export_snapshot.
func (s *Session) ExportSnapshot() (string, error) {
	if len(s.tx.saves) > 0 {
		return "", pgerr.New(pgerr.ActiveSQLTransaction, "cannot export a snapshot from a subtransaction")
	}
	if len(s.exported) >= maxExported {
		return "", pgerr.Newf(pgerr.ProgramLimitExceeded, "cannot export more than %d snapshots in a transaction", maxExported)
	}
	snap, own, err := s.takeSnapshot()
	if err != nil {
		return "", err
	}
	e := &exportedSnapshot{ts: snap.TS(), serial: s.tx.serial, readOnly: s.tx.readOnly, database: s.database.oid}
	if own {
		e.pin = snap
	}
	x := &s.srv.exports
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.list == nil {
		x.list = map[string]*exportedSnapshot{}
	}
	x.last++
	e.name = fmt.Sprintf("%08X-%08X-%d", s.pid, x.last, len(s.exported)+1)
	x.list[e.name] = e
	s.exported = append(s.exported, e)
	return e.name, nil
}

// dropExported ends what the transaction offered, before the transaction ends itself:
// who imports relies on that.
func (s *Session) dropExported() {
	if len(s.exported) == 0 {
		return
	}
	x := &s.srv.exports
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range s.exported {
		delete(x.list, e.name)
		if e.pin != nil {
			e.pin.Release()
		}
	}
	s.exported = nil
}

// setSnapshot is SET TRANSACTION SNAPSHOT.
func (s *Session) setSnapshot(n *ast.VariableSetStmt) error {
	if n.IsLocal {
		return pgerr.FeatureNotSupported("SET LOCAL TRANSACTION SNAPSHOT")
	}
	if !s.inBlock() {
		s.Notice(pgerr.Warning(pgerr.NoActiveSQLTransaction, "SET TRANSACTION can only be used in transaction blocks"))
	}
	name, err := constText(n.Args[0])
	if err != nil {
		return err
	}
	if s.tx.queried || s.tx.xid != 0 || len(s.tx.saves) > 0 {
		return pgerr.New(pgerr.ActiveSQLTransaction, "SET TRANSACTION SNAPSHOT must be called before any query")
	}
	if s.tx.level < repeatableRead {
		return pgerr.New(pgerr.FeatureNotSupportedCode,
			"a snapshot-importing transaction must have isolation level SERIALIZABLE or REPEATABLE READ")
	}
	if strings.Trim(name, "0123456789ABCDEF-") != "" {
		return invalidSnapshot(name)
	}
	// Held throughout, so that its owner cannot end between the look and the import.
	x := &s.srv.exports
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.list[name]
	if e == nil {
		return invalidSnapshot(name)
	}
	if err := s.mayImport(e); err != nil {
		return err
	}
	if s.tx.level == serializable {
		_, err = s.serialSnapshot(e.serial)
	} else {
		s.tx.snapshot, err = s.srv.store.SnapshotAt(e.ts)
		err = storeError(err)
	}
	if err != nil {
		return err
	}
	s.tx.queried = true
	return nil
}

func (s *Session) mayImport(e *exportedSnapshot) error {
	if s.tx.level == serializable {
		switch {
		case e.serial == nil:
			return pgerr.New(pgerr.FeatureNotSupportedCode,
				"a serializable transaction cannot import a snapshot from a non-serializable transaction")
		case e.readOnly && !s.tx.readOnly:
			return pgerr.New(pgerr.FeatureNotSupportedCode,
				"a non-read-only serializable transaction cannot import a snapshot from a read-only transaction")
		}
	}
	if e.database != s.database.oid {
		return pgerr.New(pgerr.FeatureNotSupportedCode, "cannot import a snapshot from a different database")
	}
	if s.tx.level == serializable && s.tx.readOnly && s.tx.deferrable {
		return pgerr.New(pgerr.FeatureNotSupportedCode,
			"a snapshot-importing transaction must not be READ ONLY DEFERRABLE")
	}
	return nil
}

func invalidSnapshot(name string) error {
	return pgerr.Newf(pgerr.InvalidParameterValue, `invalid snapshot identifier: "%s"`, name)
}

// SafeSnapshotBlockers implements catfn.SnapshotLister.
func (s *Session) SafeSnapshotBlockers(pid int32) []int32 {
	var out []int32
	for _, owner := range s.srv.store.SafeBlockedBy(uint64(pid)) {
		out = append(out, int32(owner))
	}
	return out
}
