package analyze

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/kv/memkv"
	"github.com/pgzdb/pgz/server/pkg/parser"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// realView is the catalog of a new, empty database.
func realView(tb testing.TB) catalog.View {
	tb.Helper()
	img, err := catalog.OpenImage(nil)
	if err != nil {
		tb.Fatal(err)
	}
	store := memkv.New()
	if err := catalog.Bootstrap(context.Background(), store, img, ""); err != nil {
		tb.Fatal(err)
	}
	txn, err := store.Begin(kv.TxnOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return catalog.NewCache(img).View(img.WithImage(txn), catalog.Session{Database: catalog.PostgresDB, Path: []string{"public"}, Role: catalog.BootstrapSuperuser, RoleName: "postgres"})
}

// TestClientQueries resolves every query that psql's backslash commands and pgbench send, as
// recorded in testdata/psql.sql, over the real catalog.
func TestClientQueries(t *testing.T) {
	text, err := os.ReadFile("testdata/psql.sql")
	if err != nil {
		t.Fatal(err)
	}
	view := realView(t)
	n := 0
	for _, sql := range strings.Split(string(text), ";\n\n") {
		if strings.TrimSpace(sql) == "" {
			continue
		}
		list, err := parser.Parse(sql)
		if err != nil {
			t.Fatalf("%v\n%s", err, sql)
		}
		n++
		if _, err := Analyze(&Env{Cat: view, Types: types.NewCtx(nil)}, list[0]); err != nil {
			t.Errorf("%v\n%s", err, sql)
		}
	}
	t.Logf("%d queries", n)
}
