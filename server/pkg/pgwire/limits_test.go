package pgwire

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestTargetListLimit: a row has at most 1664 columns, with those only sorted by.
func TestTargetListLimit(t *testing.T) {
	ts := startServer(t, nil)
	c := ts.connect()
	ones := func(n int) string { return strings.Repeat("1,", n-1) + "1" }
	keys := ""
	for i := range 1664 {
		keys += "," + strconv.Itoa(i) + "+1"
	}
	const tooMany = "target lists can have at most 1664 entries"
	ctx := context.Background()
	for _, x := range []struct{ q, want string }{
		{"create table t (a int); insert into t values (1)", ""},
		{"select " + ones(1664), ""},
		{"select 1 order by " + keys[1:], tooMany},
		{"select " + ones(1665), tooMany},
		{"select " + ones(5000) + " order by 1, 4999", tooMany},
		{"select distinct " + ones(40000), tooMany},
		{"select " + ones(5000) + " group by 4999", tooMany},
		{"with x as (select " + ones(5000) + " union all select " + ones(5000) + ") select * from x", tooMany},
		{"select count(*) from (select " + ones(1665) + ") x", tooMany},
		{"select exists (select " + ones(1665) + ")", tooMany},
		{"with x as (select " + ones(1665) + ") select 1 from x", tooMany},
		{"values (" + ones(1664) + ")", ""},
		{"values (" + ones(1665) + ")", tooMany},
		{"select " + ones(1665) + " union select " + ones(1665), tooMany},
		{"create view v as select " + ones(1665), tooMany},
		{"insert into t select " + ones(1665), tooMany},
		{"insert into t values (" + ones(1665) + ")", "INSERT has more expressions than target columns"},
		{"update t set a = 2 returning " + ones(1665), "number of columns (1665) exceeds limit (1664)"},
		{"update t set a = 2 returning " + ones(1664), ""},
	} {
		_, err := c.Exec(ctx, x.q).ReadAll()
		var e *pgconn.PgError
		if x.want == "" && err != nil || x.want != "" && (!asPg(err, &e) || e.Message != x.want || e.Position != 0 && e.Code == "54011") {
			t.Errorf("%.60s: %v, want %q", x.q, err, x.want)
		}
	}
}

// TestManyParameters: a statement has up to 65535 parameters, whatever form they are in.
func TestManyParameters(t *testing.T) {
	ts := startServer(t, nil)
	c := ts.connect()
	ctx := context.Background()
	if _, err := c.Exec(ctx, "create table t (a int)").ReadAll(); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{32767, 40000, 65535} {
		var q strings.Builder
		types, values, formats := make([]uint32, n), make([][]byte, n), make([]int16, n)
		for i := range n {
			q.WriteString(",($" + strconv.Itoa(i+1) + ")")
			types[i], values[i] = 23, []byte("7")
		}
		res := c.ExecParams(ctx, "insert into t values "+q.String()[1:], values, types, formats, nil).Read()
		if res.Err != nil || res.CommandTag.RowsAffected() != int64(n) {
			t.Errorf("%d parameters: %v, %v", n, res.CommandTag, res.Err)
		}
	}
}

// TestRowMemory: what is on its way to the client is the statement's memory.
func TestRowMemory(t *testing.T) {
	ts := startServer(t, nil)
	c := ts.connect()
	const big = "(select repeat('x', 600000) as x) s"
	for _, x := range []struct{ q, want string }{
		{"set statement_memory_limit = '4MB'", ""},
		{"select x, x, x from " + big, ""},
		{"select x, x, x, x, x, x, x from " + big, "53200"},
		{"copy (select x, x, x, x, x, x, x from " + big + ") to stdout", "53200"},
		{"select length(x) from " + big, ""},
	} {
		_, err := c.Exec(context.Background(), x.q).ReadAll()
		var e *pgconn.PgError
		if x.want == "" && err != nil || x.want != "" && (!asPg(err, &e) || e.Code != x.want) {
			t.Errorf("%s: %v, want %q", x.q, err, x.want)
		}
	}
}
