package session

import (
	"testing"

	"github.com/pgzdb/pgz/server/pkg/parser"
)

// TestShapeKeys: texts that may share a plan have one key, others have not.
func TestShapeKeys(t *testing.T) {
	key := func(text string) string {
		var sc shapeScan
		if !sc.scan(text) {
			return ""
		}
		return string(sc.key)
	}
	same := [][2]string{
		{"select a from t where b = 1", "select a  from t where b=2000000000"},
		{"select a from t where b = 'x'", "select a from t where b = 'it''s' -- note"},
		{"update t set a = a + -5 where b = 1", "update t set a = a + -7 where b = 3"},
		{"update t set a = a + -5 where b = 1", "update t set a = a + 5 where b = 3"},
		{"insert into t values (1, -2)", "insert into t values (-3, 4)"},
	}
	for _, c := range same {
		if k := key(c[0]); k == "" || k != key(c[1]) {
			t.Errorf("%q and %q: keys %q and %q", c[0], c[1], k, key(c[1]))
		}
	}
	different := [][2]string{
		{"select a from t where b = 1", "select a from t where b = 3000000000"},
		{"select a from t where b = 1", "select a from t where b = 1.0"},
		{"select a from t where b = 1", "select a from t where b = '1'"},
		{"select a from t where b = 1", "select a from t where c = 1"},
		{"select a from t where b = 1", "select a from t where b > 1"},
		{"select a from t where b = 1", "select a from \"T\" where b = 1"},
		{"select a - 5 from t", "select a, 5 from t"},
		{"select a from t where b = 2147483648", "select a from t where b = -2147483648"},
	}
	for _, c := range different {
		if k := key(c[0]); k != "" && k == key(c[1]) {
			t.Errorf("%q and %q share the key %q", c[0], c[1], k)
		}
	}
	for _, text := range []string{
		"select a from t", "select a from t where b = $1", "select a from t where b = E'x'", "select 1; select 2",
		"select a from t where b = 'x' 'y'", "select a from t where b = 1::int8", "select 'x", "select a[1] from t",
	} {
		if k := key(text); k != "" {
			t.Errorf("%q has the key %q", text, k)
		}
	}
}

// TestLift: what is on the list, and nothing else, gives up its literals.
func TestLift(t *testing.T) {
	for text, want := range map[string]bool{
		"select a from t where b = 1":                                        true,
		"select a, t.c from s.t as x where b = 1 and c > 'y' for update":     true,
		"select * from t where b = -1":                                       true,
		"update t set a = a + 5, c = 'x', d = now() where b = 1":             true,
		"delete from t where b = 1 returning a":                              true,
		"insert into t (a, b, c) values (1, 'x', current_timestamp)":         true,
		"select a, 1 from t where b = 1":                                     false,
		"select a from t where b = 1 limit 1":                                false,
		"select a from t where b = 1 order by a":                             false,
		"select a from t where b = 1 or b = 2":                               false,
		"select a from t where 1 = b":                                        false,
		"select a from t where b in (1, 2)":                                  false,
		"select a from t where b = date '2020-01-01'":                        false,
		"select a from t where b = (select 1)":                               false,
		"select a from t, u where b = 1":                                     false,
		"select a from t where b between 1 and 2":                            false,
		"select a from t where f(b, 1) = 2":                                  false,
		"select count(*) from t where b = 1":                                 false,
		"insert into t values (1), (2)":                                      false,
		"insert into t values (1) on conflict do nothing":                    false,
		"insert into t select a from u where b = 1":                          false,
		"update t set a = 1 from u where b = 1":                              false,
		"with x as (select 1) select a from t where b = 1":                   false,
		"select a from t where b = 1 union select a from t where b = 2":      false,
		"select a from t where b = 1 and c is distinct from 5":               false,
		"select a from t where b like 'x%' and c = any ('{1}') and d = true": false,
	} {
		var sc shapeScan
		if !sc.scan(text) {
			t.Errorf("%q: no shape", text)
			continue
		}
		stmts, err := parser.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := lift(stmts[0].Stmt, sc.literals); got != want {
			t.Errorf("%q: lifted %v, want %v", text, got, want)
		}
	}
}

func BenchmarkShapeScan(b *testing.B) {
	var sc shapeScan
	b.ReportAllocs()
	for b.Loop() {
		sc.scan("SELECT abalance FROM pgbench_accounts WHERE aid = 1234567;")
	}
}
