package jsonfn

import (
	"testing"
	"time"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

type arg struct {
	oid  uint32
	text string // "\x00" is NULL
}

const null = "\x00"

func newCtx() *expr.Ctx {
	arena := &data.Arena{}
	c := &expr.Ctx{Arena: arena, Types: types.NewCtx(arena), Call: &expr.Call{}}
	c.Types.TimeZone = time.FixedZone("IST", 19800)
	return c
}

func values(t *testing.T, c *expr.Ctx, args []arg) []data.Datum {
	t.Helper()
	var vals []data.Datum
	c.Call.ArgTypes = nil
	for _, a := range args {
		c.Call.ArgTypes = append(c.Call.ArgTypes, a.oid)
		if a.text == null {
			vals = append(vals, data.Null)
			continue
		}
		d, err := types.Get(a.oid).In(c.Types, a.text, -1)
		if err != nil {
			t.Fatal(err)
		}
		vals = append(vals, d)
	}
	return vals
}

func show(d data.Datum, err error) string {
	switch {
	case err != nil:
		return pgerr.As(err).Code + " " + pgerr.As(err).Message
	case d.IsNull():
		return "NULL"
	case d.Kind() == data.KindInt64:
		return string(types.Get(types.Int8).Out(nil, nil, d))
	}
	return d.Str()
}

// TestAgainstPostgres holds what PostgreSQL 15.18 answers.
func TestAgainstPostgres(t *testing.T) {
	const tree = `{"a": {"b" : [1, 2 ,"x\u00e9\n"]}}`
	js := func(s string) arg { return arg{types.JSON, s} }
	tx := func(s string) arg { return arg{types.Text, s} }
	n := func(s string) arg { return arg{types.Int4, s} }
	list := func(s string) arg { return arg{types.TextArray, s} }
	for _, c := range []struct {
		oid  uint32
		args []arg
		want string
	}{
		{3176, []arg{{types.Timestamp, "2024-01-01 10:20:30.5"}}, `"2024-01-01T10:20:30.5"`},
		{3176, []arg{{types.TimestampTZ, "2024-01-01 10:20:30+00"}}, `"2024-01-01T15:50:30+05:30"`},
		{3176, []arg{{types.Timestamp, "0044-03-15 BC"}}, `"0044-03-15T00:00:00 BC"`},
		{3176, []arg{{types.Date, "infinity"}}, `"infinity"`},
		{3176, []arg{tx("a\"b\\c/d\n\x01\x7fé")}, `"a\"b\\c/d\n\u0001` + "\x7f" + `é"`},
		{3176, []arg{{types.Numeric, "1.50"}}, `1.50`},
		{3176, []arg{{types.Numeric, "nan"}}, `"NaN"`},
		{3176, []arg{{types.Float8, "1e20"}}, `1e+20`},
		{3176, []arg{{types.Bool, "t"}}, `true`},
		{3176, []arg{{types.Int4Array, "{{1,2},{3,NULL}}"}}, `[[1,2],[3,null]]`},
		{3176, []arg{{types.Oid, "5"}}, `"5"`},
		{3154, []arg{{types.Int4Array, "{{1,2},{3,4}}"}, {types.Bool, "t"}}, "[[1,2],\n [3,4]]"},
		{3200, []arg{tx("a"), n("1"), tx("b"), tx(null), n("3"), {types.Int4Array, "{1}"}}, `{"a" : 1, "b" : null, "3" : [1]}`},
		{3200, []arg{tx("a")}, "22023 argument list must have even number of elements"},
		{3200, []arg{tx(null), n("1")}, "22023 argument 1 cannot be null"},
		{3200, []arg{{types.Int4Array, "{1}"}, n("1")}, "22023 key value must be scalar, not array, composite, or json"},
		{3198, []arg{n("1"), tx("a"), tx(null), {types.Bool, "t"}}, `[1, "a", null, true]`},
		{3199, nil, `[]`},
		{3202, []arg{list("{a,b,c,null}")}, `{"a" : "b", "c" : null}`},
		{3202, []arg{list("{{a,1},{b,2}}")}, `{"a" : "1", "b" : "2"}`},
		{3202, []arg{list("{a,b,c}")}, "2202E array must have even number of elements"},
		{3202, []arg{list("{null,b}")}, "22004 null value not allowed for object key"},
		{3203, []arg{list("{a,b}"), list("{1,2}")}, `{"a" : "1", "b" : "2"}`},
		{3203, []arg{list("{a,b}"), list("{1}")}, "2202E mismatched array dimensions"},
		{3947, []arg{js(tree), tx("a")}, `{"b" : [1, 2 ,"x\u00e9\n"]}`},
		{3947, []arg{js(`{"a":1,"a":2}`), tx("a")}, `2`},
		{3947, []arg{js(`{"a":null}`), tx("a")}, `null`},
		{3948, []arg{js(`{"a":null}`), tx("a")}, `NULL`},
		{3947, []arg{js(`[1]`), tx("a")}, `NULL`},
		{3949, []arg{js(`[1,2,3]`), n("-1")}, `3`},
		{3949, []arg{js(`[1,2,3]`), n("5")}, `NULL`},
		{3951, []arg{js(tree), list("{a,b}")}, `[1, 2 ,"x\u00e9\n"]`},
		{3953, []arg{js(tree), list("{a,b,2}")}, "xé\n"},
		{3951, []arg{js(`[1, [2]]`), list("{1,-1}")}, `2`},
		{3953, []arg{js(`"\u0000"`), list("{}")}, "22P05 unsupported Unicode escape sequence"},
		{3953, []arg{js(`"\ud83d\ude00"`), list("{}")}, "😀"},
		{3953, []arg{js(`"\ud83d"`), list("{}")}, "22P02 invalid input syntax for type json"},
		{3956, []arg{js(`[1, [2,3]]`)}, "2"},
		{3956, []arg{js(`1`)}, "22023 cannot get array length of a scalar"},
		{3956, []arg{js(`{}`)}, "22023 cannot get array length of a non-array"},
		{3968, []arg{js(` "a"`)}, "string"},
		{3968, []arg{js(`-1`)}, "number"},
		{3261, []arg{js(`{"a":null, "b" : [1, null, {"c":null}]}`)}, `{"b":[1,null,{}]}`},
	} {
		ctx := newCtx()
		if got := show(expr.Lookup(c.oid).Fn(ctx, values(t, ctx, c.args))); got != c.want {
			t.Errorf("%d %v: %s, want %s", c.oid, c.args, got, c.want)
		}
	}
}

func TestSets(t *testing.T) {
	for _, c := range []struct {
		oid  uint32
		in   string
		want string
	}{
		{3958, `{"a":1, "b" : {"c" : "d"}, "e":null, "f":"g\n"}`, `a=1;b={"c" : "d"};e=null;f="g\n";`},
		{3959, `{"a":1, "e":null, "f":"g"}`, `a=1;e=NULL;f=g;`},
		{3958, `1`, "22023 cannot deconstruct a scalar"},
		{3958, `[1]`, "22023 cannot deconstruct an array as an object"},
		{3957, `{"a":1, "b" :2}`, "a;b;"},
		{3957, `[1]`, "22023 cannot call json_object_keys on an array"},
		{3955, `[1, {"a" : 2}, "x", null]`, `1;{"a" : 2};"x";null;`},
		{3969, `[1, {"a" : 2}, "x", null]`, `1;{"a" : 2};x;NULL;`},
		{3955, `{}`, "22023 cannot call json_array_elements on a non-array"},
	} {
		ctx := newCtx()
		f := expr.LookupSet(c.oid)
		it, err := f.Start(ctx, []data.Datum{data.String(c.in)})
		if err != nil {
			if got := show(data.Null, err); got != c.want {
				t.Errorf("%d %s: %s, want %s", c.oid, c.in, got, c.want)
			}
			continue
		}
		got, out := "", make([]data.Datum, f.Columns)
		for {
			ok, err := it.Next(ctx, out)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			for i, d := range out {
				if i > 0 {
					got += "="
				}
				got += show(d, nil)
			}
			got += ";"
		}
		it.Close()
		if got != c.want {
			t.Errorf("%d %s: %s, want %s", c.oid, c.in, got, c.want)
		}
	}
}

func TestAggregates(t *testing.T) {
	ctx := newCtx()
	rows := [][]arg{{{types.Text, "a"}, {types.Int4, "1"}}, {{types.Text, "b"}, {types.Int4, null}}}
	vals := values(t, ctx, rows[0])
	object := expr.LookupAggregate(3197).New(ctx)
	if got := show(object.Final(ctx)); got != "NULL" {
		t.Errorf("json_object_agg of no rows: %s", got)
	}
	for _, r := range rows {
		if err := object.Step(ctx, values(t, ctx, r)); err != nil {
			t.Fatal(err)
		}
	}
	if got := show(object.Final(ctx)); got != `{ "a" : 1, "b" : null }` {
		t.Errorf("json_object_agg: %s", got)
	}
	array := expr.LookupAggregate(3175).New(ctx)
	for range 2 {
		if err := array.Step(ctx, vals[:1]); err != nil {
			t.Fatal(err)
		}
	}
	if got := show(array.Final(ctx)); got != `["a", "a"]` {
		t.Errorf("json_agg: %s", got)
	}
}
