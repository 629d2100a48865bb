// Package functions calls every immutable function and aggregate that pgz's
// pg_proc lists on a native PostgreSQL 15 and on pgz, with the same values of
// each type, edges first, and compares results and SQLSTATEs.
//
//	go test ./tests/functions                        a few calls a function
//	go test ./tests/functions -calls 200 -seed 7     more, others
package functions

import (
	"context"
	"flag"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgzdb/pgz/tests/harness"
)

var (
	calls = flag.Int("calls", 15, "calls a function")
	seed  = flag.Uint64("seed", 1, "of the choice of arguments")
	only  = flag.String("only", "", "test only functions whose name contains this")
)

// values of each argument type, as literals without quotes.
var values = map[string][]string{
	"bool":        {"t", "f"},
	"int2":        {"0", "1", "-1", "7", "32767", "-32768"},
	"int4":        {"0", "1", "-1", "2", "10", "100", "2147483647", "-2147483648"},
	"int8":        {"0", "1", "-1", "3", "4294967296", "9223372036854775807", "-9223372036854775808"},
	"float4":      {"0", "-0", "1.5", "-2.25", "1e30", "NaN", "Infinity", "-Infinity", "1e-40"},
	"float8":      {"0", "-0", "1", "0.5", "-2.25", "1e300", "NaN", "Infinity", "-Infinity", "1e-310", "0.1"},
	"numeric":     {"0", "1", "-1", "0.5", "123.456", "-99999.99999", "1e20", "NaN", "Infinity", "-Infinity", "0.000000001"},
	"text":        {"", "a", "abc", "Hello, World", "äöü€", "%a_", "a.b*c", "  pad ", "12"},
	"varchar":     {"", "abc", "x y"},
	"bpchar":      {"", "ab ", "abc"},
	"name":        {"pg_class", "x", ""},
	"char":        {"a", "", "Z"},
	"bytea":       {`\x`, `\x00ff`, `\x616263`},
	"oid":         {"0", "1", "4294967295"},
	"date":        {"2000-01-01", "1999-12-31", "2024-02-29", "0044-03-15 BC", "infinity", "-infinity"},
	"time":        {"00:00:00", "12:34:56.789", "24:00:00"},
	"timetz":      {"00:00:00+00", "12:34:56.789-05"},
	"timestamp":   {"2000-01-01 00:00:00", "1999-12-31 23:59:59.999999", "2024-02-29 12:00:00", "infinity", "-infinity"},
	"timestamptz": {"2000-01-01 00:00:00+00", "2024-03-10 02:30:00-08", "infinity", "-infinity"},
	"interval":    {"0", "1 day", "-1 mon", "1 year 2 mons 3 days 04:05:06.789", "36:00:00"},
	"uuid":        {"00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
	"json":        {`{"a":1,"b":[true,null]}`, `[]`, `"s"`, `null`},
	"jsonb":       {`{"a":1,"b":[true,null]}`, `[]`, `"s"`, `null`},
	"_int4":       {"{}", "{1,2,3}", "{3,NULL,1}", "{{1,2},{3,4}}"},
	"_int8":       {"{}", "{1,2,3}"},
	"_text":       {"{}", "{a,b}", `{NULL,"x y",""}`},
	"anyarray":    {"{}", "{1,2,3}", "{3,NULL,1}", "{{1,2},{3,4}}"},
	"anyelement":  {"1", "2", "-5"},

	"anycompatible":      {"1", "2", "-5"},
	"anycompatiblearray": {"{}", "{1,2,3}", "{3,NULL,1}"},
}

// castOf names the type a polymorphic argument is given in the calls.
var castOf = map[string]string{
	"anyarray": "int4[]", "anyelement": "int4", "anycompatible": "int4", "anycompatiblearray": "int4[]", "char": `"char"`,
}

// beside are functions that are not compared, and why.
var beside = map[string]string{
	"make_interval": "15 wraps around where the months overflow; an error here",
	"width_bucket":  "15 rounds into the last bucket but one beyond, what later versions mend",
	"bpchar":        "15 has an internal error for impossible lengths",
	"interval":      "15 has an internal error for impossible precisions",
}

// nearly are functions of floats whose last digit is the C library's.
var nearly = []string{
	"cbrt", "dcbrt", "ln", "dlog1", "log", "log10", "dlog10", "exp", "dexp", "sin", "cos", "tan",
	"cot", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "degrees", "radians",
	"stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp",
}

// same compares two answers: exactly, but for the sign alone where a function
// promises no more, and but for the last digit where it is the C library's.
func same(f function, want, got string) bool {
	if want == got {
		return true
	}
	w, err1 := strconv.ParseFloat(strings.Trim(want, "'"), 64)
	g, err2 := strconv.ParseFloat(strings.Trim(got, "'"), 64)
	switch {
	case err1 != nil || err2 != nil:
		return false
	case strings.HasSuffix(f.name, "cmp"):
		return (w > 0) == (g > 0) && (w < 0) == (g < 0)
	case strings.HasSuffix(f.name, "pow") || f.name == "power":
		return math.Abs(w-g) <= 2e-14*math.Abs(w) // Go's is less exact than the C library's
	case slices.Contains(nearly, f.name):
		return math.Abs(w-g) <= 4e-16*math.Abs(w)
	}
	return false
}

type function struct {
	name string
	kind string // f or a
	args []string
}

func (f function) String() string { return f.name + "(" + strings.Join(f.args, ", ") + ")" }

func start(t *testing.T) (native, pgz *pgx.Conn) {
	t.Helper()
	connect := func(s *harness.Server) *pgx.Conn {
		c := harness.Connect(t, s)
		for _, set := range []string{"SET timezone TO 'America/Los_Angeles'", "SET datestyle TO 'ISO, YMD'", "SET extra_float_digits TO 1"} {
			if _, err := c.Exec(context.Background(), set); err != nil {
				t.Fatal(err)
			}
		}
		return c
	}
	return connect(harness.Native(t)), connect(harness.Pgz(t))
}

// list reads pgz's pg_proc: what it lists it must be able to call.
func list(t *testing.T, pgz *pgx.Conn) []function {
	rows, err := pgz.Query(context.Background(), `SELECT p.proname::text, p.prokind::text,
		array(SELECT t.typname::text FROM pg_type t, generate_series(0, p.pronargs - 1) i WHERE t.oid = p.proargtypes[i] ORDER BY i)
		FROM pg_proc p WHERE p.prokind IN ('f', 'a') AND p.provolatile = 'i' AND NOT p.proretset AND p.provariadic = 0
		AND p.prorettype <> 2281 ORDER BY p.oid`)
	if err != nil {
		t.Fatal(err)
	}
	var all []function
	f := function{}
	_, err = pgx.ForEachRow(rows, []any{&f.name, &f.kind, &f.args}, func() error {
		f.args = slices.Clone(f.args)
		all = append(all, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(f function) bool {
		_, skip := beside[f.name]
		for _, a := range f.args {
			skip = skip || values[a] == nil
		}
		return skip || len(f.args) == 0 || !strings.Contains(f.name, *only)
	})
}

func literal(typ, v string) string {
	cast := typ
	if c, ok := castOf[typ]; ok {
		cast = c
	}
	if v == "\x00" {
		return "NULL::" + cast
	}
	return "'" + strings.ReplaceAll(v, "'", "''") + "'::" + cast
}

// pick chooses a value of a type; one in twelve is null.
func pick(rng *rand.Rand, typ string) string {
	if rng.IntN(12) == 0 {
		return literal(typ, "\x00")
	}
	v := values[typ]
	return literal(typ, v[rng.IntN(len(v))])
}

// call is a query that calls f.
func call(rng *rand.Rand, f function) string {
	if f.kind == "f" {
		args := make([]string, len(f.args))
		for i, a := range f.args {
			args[i] = pick(rng, a)
		}
		return fmt.Sprintf(`SELECT (pg_catalog."%s"(%s))::text`, f.name, strings.Join(args, ", "))
	}
	var rows []string
	for range rng.IntN(5) {
		args := make([]string, len(f.args))
		for i, a := range f.args {
			args[i] = pick(rng, a)
		}
		rows = append(rows, "SELECT "+strings.Join(args, ", "))
	}
	none := make([]string, len(f.args))
	cols := make([]string, len(f.args))
	for i, a := range f.args {
		none[i] = literal(a, "\x00")
		cols[i] = fmt.Sprint("c", i)
	}
	rows = append(rows, "SELECT "+strings.Join(none, ", ")+" WHERE false")
	return fmt.Sprintf(`SELECT (pg_catalog."%s"(%s))::text FROM (%s) v(%s)`,
		f.name, strings.Join(cols, ", "), strings.Join(rows, " UNION ALL "), strings.Join(cols, ", "))
}

// answer is the result as text, or the SQLSTATE.
func answer(c *pgx.Conn, sql string) string {
	res := c.PgConn().Exec(context.Background(), sql)
	results, err := res.ReadAll()
	if err == nil && len(results) == 1 {
		err = results[0].Err
	}
	if err != nil {
		if pe, ok := err.(*pgconn.PgError); ok {
			return "error " + pe.Code
		}
		return err.Error()
	}
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return fmt.Sprintf("%d results", len(results))
	}
	if v := results[0].Rows[0][0]; v != nil {
		return "'" + string(v) + "'"
	}
	return "NULL"
}

func TestEveryFunction(t *testing.T) {
	native, pgz := start(t)
	functions := list(t, pgz)
	if *only == "" && len(functions) < 500 {
		t.Fatalf("only %d functions to compare", len(functions))
	}
	n, failed := 0, 0
	for _, f := range functions {
		h := fnv.New64a()
		h.Write([]byte(f.String()))
		rng := rand.New(rand.NewPCG(*seed, h.Sum64())) // whatever other functions there are
		tries := *calls
		if len(f.args) == 1 && f.kind == "f" {
			tries = min(tries, 2*len(values[f.args[0]]))
		}
		for range tries {
			sql := call(rng, f)
			n++
			want, got := answer(native, sql), answer(pgz, sql)
			if !same(f, want, got) {
				failed++
				t.Errorf("%s\n    native %s\n    pgz    %s", sql, want, got)
				break // of this function
			}
		}
	}
	t.Logf("%d functions, %d calls, %d functions differ (seed %d)", len(functions), n, failed, *seed)
}
