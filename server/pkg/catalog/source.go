package catalog

import (
	"bytes"
	"fmt"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// newest is the view the catalog is read in: whatever is committed, and the
// transaction's own DDL.
var newest = kv.View{TS: kv.Newest, ReadOp: kv.MaxOp}

// storeSource reads catalog rows of one database through a transaction that
// sees the image (Image.WithImage).
type storeSource struct {
	img *Image
	txn kv.Txn
	db  uint32
}

// databaseOf is the key prefix's database of a catalog relation.
func (s *storeSource) databaseOf(t *Table) uint32 {
	if t.Shared {
		return 0
	}
	return s.db
}

// lookup implements rowSource.
func (s *storeSource) lookup(index uint32, vals []data.Datum, f func(row []data.Datum) error) error {
	return s.lookupVersions(index, vals, func(row []data.Datum, _ kv.Version, _ []byte) error { return f(row) })
}

// lookupVersions is lookup that also tells the row's version and its key.
func (s *storeSource) lookupVersions(index uint32, vals []data.Datum,
	f func(row []data.Datum, ver kv.Version, key []byte) error) error {
	t, err := s.img.Table(s.img.owner[index])
	if err != nil {
		return err
	}
	if t == nil {
		return fmt.Errorf("catalog: no index %d", index)
	}
	ix := t.Index(index)
	if ix == nil {
		return fmt.Errorf("catalog: relation %d has no index %d", t.OID, index)
	}
	db := s.databaseOf(t)
	start := rowcodec.AppendPrefix(nil, db, ix.StorageID)
	start = rowcodec.AppendKeyColumns(start, ix.Entry.Cols, vals)
	end := rowcodec.AppendNext(append([]byte(nil), start...), 0)
	return s.scan(t, ix, db, start, end, f)
}

// scan calls f for the rows of a key range of one index.
func (s *storeSource) scan(t *Table, ix *Index, db uint32, start, end []byte,
	f func(row []data.Datum, ver kv.Version, key []byte) error) error {
	sc, err := s.txn.NewScan(newest, kv.ScanSpec{Start: start, End: end})
	if err != nil {
		return err
	}
	defer sc.Close()
	var rows kv.Rows
	row := make([]data.Datum, t.Row.Columns())
	for {
		more, err := sc.Next(&rows, 64)
		if err != nil {
			return err
		}
		for i := range rows.Len() {
			key, val, ver := rows.Key(i), rows.Value(i), rows.Version(i)
			if !ix.IsRowKey {
				rest, err := ix.Entry.EntryRowKey(key, val)
				if err != nil {
					return err
				}
				key = append(rowcodec.AppendPrefix(nil, db, t.StorageID), rest...)
				if val, ver, err = s.txn.Get(newest, key, nil); err != nil {
					return err
				}
				if !ver.Found() {
					continue // deleted since the entry was read: each call reads the newest
				}
			}
			if err := rowcodec.DecodeRow(t.Row, val, row); err != nil {
				return err
			}
			if !ix.IsRowKey {
				if now, _ := entryKey(ix, db, row, key[rowcodec.PrefixLen:]); !bytes.Equal(now, rows.Key(i)) {
					continue // renamed since, and found under its new entry
				}
			}
			if err := f(row, ver, key); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

// validFrom implements rowSource: the commit timestamp of the storage's mark.
func (s *storeSource) validFrom(database, storage uint32) (uint64, error) {
	_, ver, err := s.txn.Get(newest, markKey(database, storage), nil)
	if err != nil || !ver.Found() {
		return 0, err
	}
	return uint64(ver.TS), nil
}

// markKey is the key of a storage id's mark.
func markKey(database, storage uint32) []byte {
	return rowcodec.AppendPrefix(rowcodec.AppendPrefix(nil, database, StorageMarks), 0, storage)
}

// typ implements rowSource: built-in types, and the row types of tables with
// their arrays.
func (s *storeSource) typ(oid uint32) (*types.Type, error) {
	if t := types.Get(oid); t != nil {
		return t, nil
	}
	row, err := first(s, TypeOIDIndex, ReadPgType, datumOID(oid))
	if err != nil || row == nil {
		return nil, err
	}
	switch {
	case row.Typtype == TyptypeComposite:
		return types.NewComposite(oid, row.Typname, row.Typarray), nil
	case row.Typtype == TyptypeDomain:
		return s.typ(row.Typbasetype)
	case row.Typelem != 0 && row.Typsubscript == arraySubscriptHandler:
		elem, err := s.typ(row.Typelem)
		if err != nil || elem == nil {
			return nil, err
		}
		return types.NewArray(oid, row.Typname, elem), nil
	}
	return nil, nil
}

func (s *storeSource) database() uint32 { return s.db }

// relationVersion is the version of a relation's descriptor: the commit
// timestamp of its pg_class row, which every change of a relation rewrites.
// Uncommitted rows have a version nothing else has.
func (s *storeSource) relationVersion(oid uint32) (uint64, error) {
	version := uint64(0)
	err := s.lookupVersions(ClassOIDIndex, []data.Datum{datumOID(oid)}, func(_ []data.Datum, ver kv.Version, _ []byte) error {
		version = uint64(ver.TS)
		if ver.Own {
			version = ownVersion
		} else if version == 0 {
			version = 1 // the image's
		}
		return nil
	})
	return version, err
}

// ownVersion marks what the reading transaction has changed itself.
const ownVersion = ^uint64(0)
