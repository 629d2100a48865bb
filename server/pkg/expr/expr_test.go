package expr

import (
	"testing"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// Test functions have OIDs no PostgreSQL function has.
const (
	procFail    = 16000 // fails when called
	procDiv     = 16001 // integer division, strict
	procIsNull  = 16002 // sees nulls
	procCounter = 16003 // volatile
)

var counter int64

func init() {
	Register(procFail, func(*Ctx, []data.Datum) (data.Datum, error) {
		return data.Null, pgerr.New(pgerr.RaiseException, "called")
	})
	Register(procDiv, func(_ *Ctx, a []data.Datum) (data.Datum, error) {
		if a[1].Int() == 0 {
			return data.Null, pgerr.New(pgerr.DivisionByZero, "division by zero")
		}
		return data.Int(a[0].Int() / a[1].Int()), nil
	})
	Register(procIsNull, func(_ *Ctx, a []data.Datum) (data.Datum, error) { return data.Bool(a[0].IsNull()), nil }, NonStrict)
	Register(procCounter, func(*Ctx, []data.Datum) (data.Datum, error) { counter++; return data.Int(counter), nil }, IsVolatile)
}

func i4(v int64) query.Expr {
	return &query.Const{Consttype: types.Int4, Consttypmod: -1, Constvalue: data.Int(v)}
}

func null(t uint32) query.Expr {
	return &query.Const{Consttype: t, Consttypmod: -1, Constisnull: true}
}

func boolean(v bool) query.Expr {
	return &query.Const{Consttype: types.Bool, Consttypmod: -1, Constvalue: data.Bool(v)}
}

func call(oid, result uint32, args ...query.Expr) query.Expr {
	return &query.FuncExpr{Funcid: oid, Funcresulttype: result, Args: args}
}

func less(a, b query.Expr) query.Expr {
	return &query.OpExpr{Opno: 97, Opfuncid: 66, Opresulttype: types.Bool, Args: []query.Expr{a, b}}
}

func logic(op query.BoolExprType, args ...query.Expr) query.Expr {
	return &query.BoolExpr{Boolop: op, Args: args}
}

func column(n int16, t uint32) query.Expr {
	return &query.Var{Varno: 1, Varattno: n, Vartype: t, Vartypmod: -1}
}

func show(d data.Datum) string {
	switch d.Kind() {
	case data.KindNone:
		return "null"
	case data.KindBool:
		return map[bool]string{true: "t", false: "f"}[d.Bool()]
	case data.KindInt64:
		return string(types.Get(types.Int8).Out(nil, nil, d))
	case data.KindBytes:
		return d.Str()
	}
	return d.Kind().String()
}

func rowSlot(e query.Expr) (int, bool) {
	v, ok := e.(*query.Var)
	if !ok {
		return 0, false
	}
	return int(v.Varattno) - 1, true
}

func eval(t *testing.T, e query.Expr, row ...data.Datum) (string, error) {
	t.Helper()
	k := Compiler{Slot: rowSlot}
	c, err := k.Compile(e)
	if err != nil {
		return "", err
	}
	arena := data.NewArena(nil)
	d, err := c.Eval(&Ctx{Arena: arena, Types: types.NewCtx(arena), Params: []data.Datum{data.Int(42)}}, row)
	if err != nil {
		return "", err
	}
	return show(d), nil
}

// TestLogic holds SQL's three values, and that nothing runs that need not: fail would raise P0001.
func TestLogic(t *testing.T) {
	fail := less(call(procFail, types.Int4), i4(1))
	unknown := null(types.Bool)
	for _, c := range []struct {
		name string
		e    query.Expr
		want string
		code string
	}{
		{"and", logic(query.AndExpr, boolean(true), unknown), "null", ""},
		{"and false wins", logic(query.AndExpr, unknown, boolean(false)), "f", ""},
		{"and stops", logic(query.AndExpr, boolean(false), fail), "f", ""},
		{"and goes on after null", logic(query.AndExpr, unknown, fail), "", pgerr.RaiseException},
		{"or", logic(query.OrExpr, boolean(false), unknown), "null", ""},
		{"or stops", logic(query.OrExpr, boolean(true), fail), "t", ""},
		{"not null", logic(query.NotExpr, unknown), "null", ""},
		{"coalesce stops", &query.CoalesceExpr{Args: []query.Expr{null(types.Int4), i4(5), call(procFail, types.Int4)}}, "5", ""},
		{"case takes one branch", &query.CaseExpr{Casetype: types.Int4, Args: []*query.CaseWhen{
			{Expr: unknown, Result: call(procFail, types.Int4)}, {Expr: boolean(true), Result: i4(7)},
			{Expr: fail, Result: i4(8)}}, Defresult: call(procFail, types.Int4)}, "7", ""},
		{"simple case", &query.CaseExpr{Casetype: types.Int4, Arg: i4(3), Args: []*query.CaseWhen{
			{Expr: less(&query.CaseTestExpr{TypeID: types.Int4}, i4(3)), Result: i4(1)},
			{Expr: less(&query.CaseTestExpr{TypeID: types.Int4}, i4(4)), Result: i4(2)}}, Defresult: i4(0)}, "2", ""},
		{"strict", call(procDiv, types.Int4, null(types.Int4), i4(0)), "null", ""},
		{"arguments run before strictness", call(procDiv, types.Int4, null(types.Int4), call(procFail, types.Int4)), "", pgerr.RaiseException},
		{"not strict", call(procIsNull, types.Bool, null(types.Int4)), "t", ""},
		{"comparison of null", less(null(types.Int4), i4(1)), "null", ""},
		{"is null", &query.NullTest{Arg: null(types.Int4)}, "t", ""},
		{"is not true", &query.BooleanTest{Arg: unknown, Booltesttype: query.IsNotTrue}, "t", ""},
		{"is unknown", &query.BooleanTest{Arg: boolean(true), Booltesttype: query.IsUnknown}, "f", ""},
		{"greatest skips nulls", &query.MinMaxExpr{Minmaxtype: types.Int4, Args: []query.Expr{i4(1), null(types.Int4), i4(4)}}, "4", ""},
		{"least", &query.MinMaxExpr{Minmaxtype: types.Int4, Op: query.IsLeast, Args: []query.Expr{i4(3), i4(2)}}, "2", ""},
		{"parameter", &query.Param{Paramid: 1, Paramtype: types.Int4}, "42", ""},
		{"missing parameter", &query.Param{Paramid: 2, Paramtype: types.Int4}, "", pgerr.UndefinedObject},
		{"unregistered function", call(15999, types.Int4), "", pgerr.FeatureNotSupportedCode},
		{"through text", &query.CoerceViaIO{Arg: i4(12), Resulttype: types.Text}, "12", ""},
	} {
		got, err := eval(t, c.e)
		if c.code != pgerr.Code(err) && (c.code != "" || err != nil) || got != c.want {
			t.Errorf("%s: %q, %v; want %q %s", c.name, got, err, c.want, c.code)
		}
	}
}

func TestArrays(t *testing.T) {
	arr := func(elems ...query.Expr) query.Expr {
		return &query.ArrayExpr{ArrayTypeid: types.Int4Array, ElementTypeid: types.Int4, Elements: elems}
	}
	anyOp := func(or bool, a query.Expr, elems query.Expr) query.Expr {
		return &query.ScalarArrayOpExpr{Opno: 96, Opfuncid: 65, UseOr: or, Args: []query.Expr{a, elems}}
	}
	at := func(a query.Expr, i int64) query.Expr {
		return &query.SubscriptingRef{Refcontainertype: types.Int4Array, Refelemtype: types.Int4, Refrestype: types.Int4,
			Refexpr: a, Refupperindexpr: []query.Expr{i4(i)}}
	}
	for _, c := range []struct {
		name string
		e    query.Expr
		want string
	}{
		{"any", anyOp(true, i4(2), arr(i4(1), i4(2))), "t"},
		{"any with null", anyOp(true, i4(3), arr(i4(1), null(types.Int4))), "null"},
		{"any of nothing", anyOp(true, null(types.Int4), arr()), "f"},
		{"all of nothing", anyOp(false, null(types.Int4), arr()), "t"},
		{"all", anyOp(false, i4(1), arr(i4(1), i4(1))), "t"},
		{"all with null", anyOp(false, i4(1), arr(i4(1), null(types.Int4))), "null"},
		{"all decided", anyOp(false, i4(1), arr(null(types.Int4), i4(2))), "f"},
		{"element", at(arr(i4(7), i4(8)), 2), "8"},
		{"beyond", at(arr(i4(7), i4(8)), 3), "null"},
		{"element of null", at(null(types.Int4Array), 1), "null"},
	} {
		got, err := eval(t, c.e)
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}

func TestCompiledFacts(t *testing.T) {
	k := Compiler{Slot: rowSlot}
	c, err := k.Compile(logic(query.AndExpr, less(column(3, types.Int4), i4(1)), less(column(1, types.Int4), call(procCounter, types.Int4))))
	if err != nil {
		t.Fatal(err)
	}
	if !c.Volatile() || len(c.Slots()) != 2 || c.SlotOnly() != -1 {
		t.Errorf("volatile %v, slots %v", c.Volatile(), c.Slots())
	}
	if c, _ = k.Compile(i4(3)); c == nil {
		t.Fatal("no constant")
	}
	if d, ok := c.Const(); !ok || d.Int() != 3 || c.Volatile() {
		t.Error("a constant is not seen as one")
	}
	if c, _ = k.Compile(column(2, types.Int4)); c.SlotOnly() != 1 {
		t.Error("a column is not seen as one")
	}
}

func TestEvaluationAllocatesNothing(t *testing.T) {
	k := Compiler{Slot: rowSlot}
	c, err := k.Compile(logic(query.OrExpr, less(column(1, types.Int4), i4(5)),
		less(call(procDiv, types.Int4, column(1, types.Int4), i4(2)), i4(100))))
	if err != nil {
		t.Fatal(err)
	}
	ctx := &Ctx{Arena: data.NewArena(nil)}
	row := []data.Datum{data.Int(50)}
	if n := testing.AllocsPerRun(100, func() {
		if ok, err := c.True(ctx, row); err != nil || !ok {
			t.Fatal(ok, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per evaluation", n)
	}
}

// fakeSubplan has fixed rows of one column.
type fakeSubplan struct {
	rows []data.Datum
	runs int
}

func (p *fakeSubplan) Exists(*Ctx) (bool, error) { return len(p.rows) > 0, nil }
func (p *fakeSubplan) Scalar(c *Ctx) (data.Datum, error) {
	p.runs++
	return c.Exec[0], nil
}
func (p *fakeSubplan) Rows(_ *Ctx, f func([]data.Datum) (bool, error)) error {
	for _, d := range p.rows {
		if more, err := f([]data.Datum{d}); err != nil || !more {
			return err
		}
	}
	return nil
}
func (p *fakeSubplan) Contains(*Ctx, []data.Datum) (data.Datum, bool, error) {
	return data.Null, false, nil
}

func TestSubLinks(t *testing.T) {
	test := less(column(1, types.Int4), &query.Param{Paramkind: query.ParamSublink, Paramid: 1, Paramtype: types.Int4})
	link := func(kind query.SubLinkType) query.Expr {
		return &query.SubLink{SubLinkType: kind, Testexpr: test, Resulttype: types.Bool}
	}
	for _, c := range []struct {
		name string
		kind query.SubLinkType
		rows []data.Datum
		want string
	}{
		{"any", query.AnySublink, []data.Datum{data.Int(1), data.Int(9)}, "t"},
		{"any unknown", query.AnySublink, []data.Datum{data.Int(1), data.Null}, "null"},
		{"any of none", query.AnySublink, nil, "f"},
		{"all", query.AllSublink, []data.Datum{data.Int(6), data.Int(9)}, "t"},
		{"all refuted", query.AllSublink, []data.Datum{data.Null, data.Int(2)}, "f"},
		{"all of none", query.AllSublink, nil, "t"},
		{"exists", query.ExistsSublink, []data.Datum{data.Null}, "t"},
		{"correlated scalar", query.ExprSublink, nil, "5"},
	} {
		p := &fakeSubplan{rows: c.rows}
		k := Compiler{Slot: rowSlot, Subplan: func(*query.SubLink) (SubplanRef, error) {
			return SubplanRef{Params: []SubplanParam{{ID: 0, Expr: column(1, types.Int4)}}}, nil
		}}
		e, err := k.Compile(link(c.kind))
		if err != nil {
			t.Fatal(err)
		}
		ctx := &Ctx{Arena: data.NewArena(nil), Exec: make([]data.Datum, 1), Subplans: []Subplan{p}}
		d, err := e.Eval(ctx, []data.Datum{data.Int(5)})
		if err != nil || show(d) != c.want {
			t.Errorf("%s: %s, %v; want %s", c.name, show(d), err, c.want)
		}
	}
}
