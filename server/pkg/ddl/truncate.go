package ddl

import (
	"slices"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// truncate gives tables and their indexes new, empty storage; the old is
// dropped by range at commit.
func (s *Session) truncate(n *ast.TruncateStmt) error {
	if n.RestartSeqs {
		return unsupported("TRUNCATE RESTART IDENTITY")
	}
	if n.Behavior == ast.DROP_CASCADE {
		return unsupported("TRUNCATE CASCADE")
	}
	w := s.writer()
	var tables []*catalog.Table
	var list []uint32
	for _, r := range n.Relations {
		_, t, err := s.lockedTable(r.(*ast.RangeVar), func(oid uint32) error { return s.lockTable(oid, kv.AccessExclusive) })
		if err != nil {
			return err
		}
		if t.Relkind != catalog.RelkindTable {
			return pgerr.Newf(pgerr.WrongObjectType, "\"%s\" is not a table", t.Name)
		}
		if err := s.userTable(t); err != nil {
			return err
		}
		tables, list = append(tables, t), append(list, t.OID)
	}
	v := s.View()
	for i, t := range tables {
		if err := refuseTruncate(v, t, list); err != nil {
			return err
		}
		if slices.Contains(list[:i], t.OID) {
			continue
		}
		if err := s.emptyTable(w, t); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) emptyTable(w *catalog.Writer, t *catalog.Table) error {
	storage, err := s.newStorage(w)
	if err != nil {
		return err
	}
	renew := func(oid, to, old uint32) error {
		if err := updateClass(w, oid, func(c *catalog.PgClass) {
			c.Relfilenode, c.Reltuples, c.Relpages = to, -1, 0
		}); err != nil {
			return err
		}
		return s.dropStorage(old)
	}
	if err := renew(t.OID, storage, t.StorageID); err != nil {
		return err
	}
	for _, ix := range t.Indexes {
		if ix.IsRowKey {
			err = updateClass(w, ix.OID, func(c *catalog.PgClass) { c.Relfilenode = storage })
		} else {
			var own uint32
			if own, err = s.newStorage(w); err == nil {
				err = renew(ix.OID, own, ix.StorageID)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
