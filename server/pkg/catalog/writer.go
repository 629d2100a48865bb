package catalog

import (
	"context"
	"fmt"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
)

// Writer writes catalog rows as one command of a transaction: rows, index
// entries and the locks that keep names unique. Catalog writes never raise
// snapshot conflicts; whoever comes second on a unique key waits and gets
// 23505.
type Writer struct {
	Ctx   context.Context
	Store kv.Store
	Txn   kv.Txn // sees the image
	Op    kv.OpNum
	XID   uint32
	Lock  kv.LockOptions
	Img   *Image
	DB    uint32
}

// Object ids and the row ids of catalog relations without a key come from
// these counters. User objects begin at FirstUserOID.
const (
	oidCounter   = "catalog/oid"
	rowIDCounter = "catalog/rowid"
)

// NewOID returns an object id nobody has.
func (w *Writer) NewOID() (uint32, error) {
	n, err := w.Store.Reserve(w.Ctx, oidCounter, 1)
	if err != nil {
		return 0, err
	}
	if n > 1<<32-1-FirstUserOID {
		return 0, pgerr.New(pgerr.ProgramLimitExceeded, "out of object identifiers")
	}
	return uint32(n) + FirstUserOID - 1, nil
}

func (w *Writer) source() *storeSource { return &storeSource{img: w.Img, txn: w.Txn, db: w.DB} }

// Rows calls f for the rows whose leading columns in a catalog index equal
// vals. f may write.
func (w *Writer) Rows(index uint32, f func(row []data.Datum) error, vals ...data.Datum) error {
	var rows [][]data.Datum
	var arena data.Arena
	err := w.source().lookup(index, vals, func(row []data.Datum) error {
		rows = append(rows, data.Row(row).CopyTo(nil, &arena))
		return nil
	})
	for _, row := range rows {
		if err == nil {
			err = f(row)
		}
	}
	return err
}

// Find returns the first row Rows would give, nil if there is none.
func (w *Writer) Find(index uint32, vals ...data.Datum) (found []data.Datum, err error) {
	err = w.Rows(index, func(row []data.Datum) error {
		if found == nil {
			found = row
		}
		return nil
	}, vals...)
	return found, err
}

// Insert adds a row to a catalog relation.
func (w *Writer) Insert(rel uint32, row []data.Datum) error {
	t, db, err := w.table(rel)
	if err != nil {
		return err
	}
	id := uint64(0)
	if t.Key == nil {
		if id, err = w.Store.Reserve(w.Ctx, rowIDCounter, 1); err != nil {
			return err
		}
		id += 1 << 32 // above the row ids of the image
	}
	return w.put(t, db, rowKey(t, row, id), id, row)
}

func (w *Writer) table(rel uint32) (*Table, uint32, error) {
	t, err := w.Img.Table(rel)
	if err != nil {
		return nil, 0, err
	}
	if t == nil {
		return nil, 0, fmt.Errorf("catalog: no relation %d", rel)
	}
	return t, w.source().databaseOf(t), nil
}

// put writes a row and its index entries.
func (w *Writer) put(t *Table, db uint32, rest []byte, id uint64, row []data.Datum) error {
	key := append(rowcodec.AppendPrefix(nil, db, t.StorageID), rest...)
	if t.Key != nil {
		if err := w.claim(t, t.PrimaryKey, key); err != nil {
			return err
		}
	}
	val := rowcodec.EncodeRow(nil, t.Row, rowcodec.Header{XID: w.XID, RowID: id}, row)
	if err := w.Txn.Put(w.Op, key, val); err != nil {
		return err
	}
	for _, ix := range t.Indexes {
		if ix.IsRowKey {
			continue
		}
		k, alone := entryKey(ix, db, row, rest)
		if alone {
			if err := w.claim(t, ix, k); err != nil {
				return err
			}
		}
		if err := w.Txn.Put(w.Op, k, ix.Entry.AppendEntryValue(nil, rest, alone)); err != nil {
			return err
		}
	}
	return nil
}

func entryKey(ix *Index, db uint32, row []data.Datum, rest []byte) ([]byte, bool) {
	entry := *ix.Entry
	entry.Database = db
	return entry.AppendEntryKey(nil, indexVals(ix, row), rest)
}

// claim locks a unique key and checks that nobody has it.
func (w *Writer) claim(t *Table, ix *Index, key []byte) error {
	_, ver, _, err := w.Txn.LockRowGet(w.Ctx, w.Op, key, kv.Update, w.Lock, nil)
	if err != nil || !ver.Found() {
		return err
	}
	return pgerr.Newf(pgerr.UniqueViolation, "duplicate key value violates unique constraint \"%s\"", ix.Name).
		WithTable("pg_catalog", t.Name).WithConstraint(ix.Name)
}

// Delete removes a row, given as it is stored.
func (w *Writer) Delete(rel uint32, row []data.Datum) error {
	t, db, err := w.table(rel)
	if err != nil {
		return err
	}
	rest, err := w.locate(t, db, row)
	if err != nil || rest == nil {
		return err
	}
	return w.remove(t, db, rest, row)
}

func (w *Writer) remove(t *Table, db uint32, rest []byte, row []data.Datum) error {
	key := append(rowcodec.AppendPrefix(nil, db, t.StorageID), rest...)
	if _, err := w.Txn.LockRow(w.Ctx, w.Op, key, kv.Update, w.Lock); err != nil {
		return err
	}
	if err := w.Txn.Delete(w.Op, key); err != nil {
		return err
	}
	for _, ix := range t.Indexes {
		if ix.IsRowKey {
			continue
		}
		k, _ := entryKey(ix, db, row, rest)
		if _, err := w.Txn.LockRow(w.Ctx, w.Op, k, kv.Update, w.Lock); err != nil {
			return err
		}
		if err := w.Txn.Delete(w.Op, k); err != nil {
			return err
		}
	}
	return nil
}

// locate finds the row key of a row: its key columns, or for relations without
// a key the first row that is equal.
func (w *Writer) locate(t *Table, db uint32, row []data.Datum) ([]byte, error) {
	if t.Key != nil {
		return rowKey(t, row, 0), nil
	}
	if len(t.Indexes) == 0 {
		return nil, fmt.Errorf("catalog: rows of relation %d cannot be found", t.OID)
	}
	ix := t.Indexes[0]
	var rest []byte
	err := w.source().lookupVersions(ix.OID, indexVals(ix, row), func(have []data.Datum, _ kv.Version, key []byte) error {
		same := true
		for i := range have {
			same = same && t.Columns[i].Type != nil && sameDatum(t.Columns[i].Type.Compare, have[i], row[i])
		}
		if same && rest == nil {
			rest = append([]byte(nil), key[rowcodec.PrefixLen:]...)
		}
		return nil
	})
	return rest, err
}

func sameDatum(compare func(a, b data.Datum) int, a, b data.Datum) bool {
	if a.IsNull() || b.IsNull() {
		return a.IsNull() == b.IsNull()
	}
	return compare(a, b) == 0
}

// Update replaces a row by another with the same key.
func (w *Writer) Update(rel uint32, old, row []data.Datum) error {
	t, db, err := w.table(rel)
	if err != nil {
		return err
	}
	rest, err := w.locate(t, db, old)
	if err != nil {
		return err
	}
	if rest == nil {
		return fmt.Errorf("catalog: a row of %s to be updated is gone", t.Name)
	}
	key := append(rowcodec.AppendPrefix(nil, db, t.StorageID), rest...)
	if _, err := w.Txn.LockRow(w.Ctx, w.Op, key, kv.Update, w.Lock); err != nil {
		return err
	}
	head := rowcodec.Header{XID: w.XID}
	if t.Key == nil {
		if head.RowID, err = rowcodec.RowID(key); err != nil {
			return err
		}
	}
	if err := w.Txn.Put(w.Op, key, rowcodec.EncodeRow(nil, t.Row, head, row)); err != nil {
		return err
	}
	for _, ix := range t.Indexes {
		if ix.IsRowKey {
			continue
		}
		before, _ := entryKey(ix, db, old, rest)
		after, alone := entryKey(ix, db, row, rest)
		if string(before) == string(after) {
			continue
		}
		if err := w.Txn.Delete(w.Op, before); err != nil {
			return err
		}
		if alone {
			if err := w.claim(t, ix, after); err != nil {
				return err
			}
		}
		if err := w.Txn.Put(w.Op, after, ix.Entry.AppendEntryValue(nil, rest, alone)); err != nil {
			return err
		}
	}
	return nil
}

// Mark says that a storage id holds its rows from this transaction's commit on.
func (w *Writer) Mark(database, storage uint32) error {
	return w.Txn.Put(w.Op, markKey(database, storage), []byte{1})
}
