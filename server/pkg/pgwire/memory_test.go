package pgwire

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestStatementMemoryLimit runs what spills and what cannot under a small limit. The session goes on
// after each error, and what a statement held is given back with it.
func TestStatementMemoryLimit(t *testing.T) {
	ts := startServer(t, nil)
	c := ts.connect()
	ctx := context.Background()
	for _, q := range []string{"set work_mem = '64kB'", "set statement_memory_limit = '2MB'"} {
		if _, err := c.Exec(ctx, q).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	const numbers = "generate_series(1, 100000) x"
	for _, x := range []struct{ q, want string }{
		{"select count(*) from (select distinct x from " + numbers + ") s", "100000"},
		{"select count(*) from (select x from " + numbers + " union select x + 50000 from " + numbers + ") s", "150000"},
		{"select count(*) from (select x from " + numbers + " group by x) s", "100000"},
		{"select count(*) from (select x from " + numbers + " order by x desc offset 0) s", "100000"},
		{"select count(*) from " + numbers + " join generate_series(1, 100000) y on x = y", "100000"},
		{"with w as materialized (select x from " + numbers + ") select count(*) from w a", "100000"},
		{"select count(distinct x) from " + numbers, ""},
		{"select array_length(array_agg(x), 1) from " + numbers, ""},
		{"select length(string_agg(repeat('x', 100), ',')) from " + numbers, ""},
		{"select count(*) from (select x from " + numbers + " intersect select x from " + numbers + ") s", ""},
		{"select max(n) from (select row_number() over (order by x) as n from " + numbers + ") s", ""},
		{"select count(*) from (select x % 100 as k, array_agg(x) from " + numbers + " group by 1) s", ""},
		{"select array_length(array_agg(x), 1) from generate_series(1, 1000) x", "1000"},
		{"set statement_memory_limit = 0", "none"},
		{"select array_length(array_agg(x), 1) from " + numbers, "100000"},
	} {
		res, err := c.Exec(ctx, x.q).ReadAll()
		var e *pgconn.PgError
		switch {
		case x.want == "" && (!asPg(err, &e) || e.Code != "53200" || e.Detail == ""):
			t.Errorf("%s: %v, want SQLSTATE 53200 with a detail", x.q, err)
		case x.want == "":
		case err != nil:
			t.Errorf("%s: %v", x.q, err)
		case x.want != "none" && string(res[0].Rows[0][0]) != x.want:
			t.Errorf("%s: %s, want %s", x.q, res[0].Rows[0][0], x.want)
		}
	}
}
