package catalog

import (
	"testing"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/kv/memkv"
)

// A row that another transaction deletes or renames between the reading of its index entry and its own is not found
// under the old entry, and is no error.
func TestLookupMeetsConcurrentDDL(t *testing.T) {
	img := testImage(t)
	for _, c := range []struct {
		name   string
		change func(w *Writer, old []data.Datum) error
	}{
		{"deleted", func(w *Writer, old []data.Datum) error { return w.Delete(NamespaceRelation, old) }},
		{"renamed", func(w *Writer, old []data.Datum) error {
			row := append([]data.Datum(nil), old...)
			row[1] = data.String("other")
			return w.Update(NamespaceRelation, old, row)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := memkv.New()
			defer store.Close()
			name := data.String("s")
			write(t, store, img, func(w *Writer) error {
				return w.Insert(NamespaceRelation, (&PgNamespace{OID: 20000, Nspname: "s", Nspowner: 10}).Row())
			})
			raw, err := store.Begin(kv.TxnOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Rollback()
			between := &betweenTxn{Txn: img.WithImage(raw)}
			src := &storeSource{img: img, txn: between, db: PostgresDB}
			if n, err := first(src, NamespaceNameIndex, ReadPgNamespace, name); err != nil || n == nil {
				t.Fatalf("before: %v %v", n, err)
			}
			between.beforeGet = func() {
				write(t, store, img, func(w *Writer) error {
					old, err := w.Find(NamespaceNameIndex, name)
					if err != nil {
						return err
					}
					return c.change(w, old)
				})
			}
			if n, err := first(src, NamespaceNameIndex, ReadPgNamespace, name); err != nil || n != nil {
				t.Errorf("after: %v %v", n, err)
			}
		})
	}
}

// betweenTxn lets a test act once, before the next Get.
type betweenTxn struct {
	kv.Txn
	beforeGet func()
}

func (b *betweenTxn) Get(v kv.View, key, dst []byte) ([]byte, kv.Version, error) {
	if f := b.beforeGet; f != nil {
		b.beforeGet = nil
		f()
	}
	return b.Txn.Get(v, key, dst)
}

// write commits what f writes.
func write(t *testing.T, store kv.Store, img *Image, f func(w *Writer) error) {
	t.Helper()
	raw, err := store.Begin(kv.TxnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w := &Writer{Ctx: t.Context(), Store: store, Txn: img.WithImage(raw), Op: 1, XID: 3, Img: img, DB: PostgresDB}
	if err := f(w); err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Commit(t.Context(), kv.CommitOptions{}); err != nil {
		t.Fatal(err)
	}
}
