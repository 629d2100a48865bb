// Command export writes the catalog image: the rows of pg_catalog that every fresh PostgreSQL 15.18 database has,
// read from a native server. It is run by hand when the image's shape changes:
//
//	go run ./server/pkg/catalog/internal/export -dsn 'host=127.0.0.1 user=postgres dbname=template1' -o server/pkg/catalog/image.bin
//
// With -rows it writes the Go structs of catalog rows (rows_gen.go) instead. It refuses any other server version. Rows of objects with OIDs from 16384 on (user objects) are never exported.
// The file's format is described in package catalog (imagefile.go).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

const wantVersion = "15.18"

func main() {
	dsn := flag.String("dsn", "host=127.0.0.1 user=postgres dbname=template1", "native server to read")
	out := flag.String("o", "image.bin", "image file to write")
	rows := flag.String("rows", "", "write the Go row structs to this file instead")
	flag.Parse()
	if err := run(*dsn, *out, *rows); err != nil {
		fmt.Fprintln(os.Stderr, "export:", err)
		os.Exit(1)
	}
}

func run(dsn, out, rows string) error {
	ctx := context.Background()
	conn, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	e := &exporter{ctx: ctx, conn: conn, roles: map[string]uint32{}}
	if err := e.check(); err != nil {
		return err
	}
	if rows != "" {
		return e.rows(rows)
	}
	var file []byte
	file = append(file, "PGZI\x01"...)
	for _, r := range relations {
		if file, err = e.relation(file, r); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	fmt.Printf("%d relations, %d bytes\n", len(relations), len(file))
	return os.WriteFile(out, file, 0o644)
}

type exporter struct {
	ctx   context.Context
	conn  *pgconn.PgConn
	roles map[string]uint32
}

// check asserts the server's version and locale and learns the role names that ACLs mention.
func (e *exporter) check() error {
	rows, err := e.query("SELECT current_setting('server_version'), current_setting('lc_collate'), current_setting('server_encoding')")
	if err != nil {
		return err
	}
	if v := string(rows[0][0]); !strings.HasPrefix(v, wantVersion+" ") && v != wantVersion {
		return fmt.Errorf("server version is %s, want %s", v, wantVersion)
	}
	if l, enc := string(rows[0][1]), string(rows[0][2]); l != "C" || enc != "UTF8" {
		return fmt.Errorf("server is %s %s, want C UTF8", l, enc)
	}
	if rows, err = e.query("SELECT rolname, oid FROM pg_authid WHERE oid < 16384"); err != nil {
		return err
	}
	for _, r := range rows {
		oid, err := atou32(string(r[1]))
		if err != nil {
			return err
		}
		e.roles[string(r[0])] = oid
	}
	if e.roles["postgres"] != 10 {
		return errors.New("the bootstrap superuser must be called postgres")
	}
	return nil
}

func (e *exporter) query(sql string) ([][][]byte, error) {
	res, err := e.conn.Exec(e.ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	return res[0].Rows, nil
}

// columns returns name and type name of a relation's columns.
func (e *exporter) columns(rel string) (names, types []string, err error) {
	rows, err := e.query("SELECT a.attname, t.typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid" +
		" WHERE a.attrelid = 'pg_catalog." + rel + "'::regclass AND a.attnum > 0 ORDER BY a.attnum")
	for _, r := range rows {
		names = append(names, string(r[0]))
		types = append(types, string(r[1]))
	}
	return names, types, err
}
