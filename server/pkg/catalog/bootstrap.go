package catalog

import (
	"context"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
)

// Bootstrap writes what a new store needs beside the image: a superuser role
// for the operating system's user, who starts the server, unless it is called
// postgres. The databases postgres, template1 and template0 and the role
// postgres come with the image. Calling it again does nothing.
func Bootstrap(ctx context.Context, store kv.Store, img *Image, osUser string) error {
	if osUser == "" || osUser == "postgres" {
		return nil
	}
	txn, err := store.Begin(kv.TxnOptions{})
	if err != nil {
		return err
	}
	defer txn.Rollback()
	w := &Writer{Ctx: ctx, Store: store, Txn: img.WithImage(txn), Op: 1, XID: imageXID, Img: img}
	row, err := w.Find(AuthIDNameIndex, datumString(osUser))
	if err != nil || row != nil {
		return err
	}
	oid, err := w.NewOID()
	if err != nil {
		return err
	}
	role := PgAuthid{OID: oid, Rolname: osUser, Rolsuper: true, Rolinherit: true, Rolcreaterole: true, Rolcreatedb: true,
		Rolcanlogin: true, Rolreplication: true, Rolbypassrls: true, Rolconnlimit: -1}
	if err := w.Insert(AuthIDRelation, role.Row()); err != nil {
		return err
	}
	_, err = txn.Commit(ctx, kv.CommitOptions{Sync: true})
	return err
}

// OID, Int2, Int4, Name and Text make the values catalog lookups take.
func OID(v uint32) data.Datum  { return datumOID(v) }
func Int2(v int16) data.Datum  { return datumInt2(v) }
func Int4(v int32) data.Datum  { return datumInt4(v) }
func Name(s string) data.Datum { return datumString(s) }
