package pgwire

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// answers runs statements one by one and returns for each its rows, or the
// SQLSTATE of its error.
func answers(c *pgconn.PgConn, statements ...string) []string {
	var out []string
	for _, sql := range statements {
		results, err := c.Exec(context.Background(), sql).ReadAll()
		var rows []string
		for _, r := range results {
			for _, row := range r.Rows {
				rows = append(rows, string(slices.Concat(row...)))
			}
		}
		answer := strings.Join(rows, " ")
		if e, ok := err.(*pgconn.PgError); ok {
			answer = e.Code
		} else if err != nil {
			answer = err.Error()
		}
		out = append(out, answer)
	}
	return out
}

// A failed block has no snapshot any more, and nobody can import what it exported.
func TestFailedBlockSnapshot(t *testing.T) {
	for _, level := range []string{"REPEATABLE READ", "SERIALIZABLE"} {
		for _, c := range []struct {
			name           string
			before, after  []string
			imported, xmin string
		}{
			{"open", nil, nil, "", "t"},
			{"failed", nil, []string{"SELECT 1/0"}, "22023", "f"},
			{"failed having written", []string{"INSERT INTO t VALUES (1)"}, []string{"SELECT 1/0"}, "22023", "f"},
			{"failed in a savepoint", nil, []string{"SAVEPOINT a", "SELECT 1/0"}, "", "t"},
			{"back at a savepoint", nil, []string{"SAVEPOINT a", "SELECT 1/0", "ROLLBACK TO a"}, "", "t"},
			{"committed", nil, []string{"COMMIT"}, "22023", "f"},
			{"rolled back", nil, []string{"ROLLBACK"}, "22023", "f"},
		} {
			t.Run(level+" "+c.name, func(t *testing.T) {
				ts := startServer(t, nil)
				a, b := ts.connect(), ts.connect()
				answers(a, "CREATE TABLE t (i int)", "BEGIN ISOLATION LEVEL "+level)
				answers(a, c.before...)
				got := answers(a, "SELECT pg_export_snapshot()", "SELECT pg_backend_pid()")
				name, pid := got[0], got[1]
				answers(a, c.after...)
				got = answers(b, "BEGIN ISOLATION LEVEL "+level, "SET TRANSACTION SNAPSHOT '"+name+"'", "ROLLBACK",
					"SELECT backend_xmin IS NOT NULL FROM pg_stat_activity WHERE pid = "+pid)
				if want := []string{"", c.imported, "", c.xmin}; !slices.Equal(got, want) {
					t.Errorf("SET TRANSACTION SNAPSHOT %q and whether a snapshot is held: %q, want %q", name, got, want)
				}
			})
		}
	}
}

// A statement cannot fill the memory with exported snapshots.
func TestExportsEnd(t *testing.T) {
	c := startServer(t, nil).connect()
	got := answers(c, "BEGIN", "SELECT count(pg_export_snapshot()) FROM generate_series(1, 1024)", "SELECT pg_export_snapshot()", "ROLLBACK",
		"SELECT count(pg_export_snapshot()) FROM generate_series(1, 1024)", "SELECT count(pg_export_snapshot()) FROM generate_series(1, 1024)")
	if want := []string{"", "1024", "54000", "", "1024", "1024"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
