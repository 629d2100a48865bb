package parser

import (
	"strings"
	"testing"
	"time"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// TestErrors holds facts taken from PostgreSQL 15.18.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		text, code, message string
		position            int32
		hint                string
	}{
		{"select 1 frm x y", "42601", `syntax error at or near "x"`, 14, ""},
		{"select 'ää', )", "42601", `syntax error at or near ")"`, 14, ""},
		{"select @", "42601", "syntax error at end of input", 9, ""},
		{"select '", "42601", `unterminated quoted string at or near "'"`, 8, ""},
		{"select /* ", "42601", `unterminated /* comment at or near "/* "`, 8, ""},
		{`select ""`, "42601", `zero-length delimited identifier at or near """"`, 8, ""},
		{`select E'\u12'`, "22025", "invalid Unicode escape", 10,
			`Unicode escapes must be \uXXXX or \UXXXXXXXX.`},
		{`select U&'\12'`, "42601", "invalid Unicode escape", 11,
			`Unicode escapes must be \XXXX or \+XXXXXX.`},
		{`select E'\ud800'`, "42601", `invalid Unicode surrogate pair at or near "'"`, 16, ""},
		{`select E'\xff'`, "22021", `invalid byte sequence for encoding "UTF8": 0xff`, 0, ""},
		{"select 0x1F", "42601", `trailing junk after numeric literal at or near "0x1F"`, 8, ""},
		{"select 1_000", "42601", `trailing junk after numeric literal at or near "1_000"`, 8, ""},
		{"select 1e+a", "42601", `trailing junk after numeric literal at or near "1e+"`, 8, ""},
		{"select $1abc", "42601", `trailing junk after parameter at or near "$1abc"`, 8, ""},
		{"selec 0x1F", "42601", `syntax error at or near "selec"`, 1, ""},
		{"select äöü from (select 1)", "42601", "subquery in FROM must have an alias", 17,
			"For example, FROM (SELECT ...) [AS] foo."},
		{"select 1 from (values (1))", "42601", "VALUES in FROM must have an alias", 15,
			"For example, FROM (VALUES ...) [AS] foo."},
		{"select 1 from t limit 1,2", "42601", "LIMIT #,# syntax is not supported", 17,
			"Use separate LIMIT and OFFSET clauses."},
		{"create table t (a float(0))", "22023", "precision for type float must be at least 1 bit", 25, ""},
		{"create role public", "42939", `role name "public" is reserved`, 13, ""},
		{"create table t (a text storage plain)", "42601", `syntax error at or near "storage"`, 24, ""},
		{"select now() at local", "42601", `syntax error at or near "local"`, 17, ""},
		{"select 1 is json", "42601", `syntax error at or near "json"`, 13, ""},
		{"select '\xe2\x28\xa1'", "22021", `invalid byte sequence for encoding "UTF8": 0xe2 0x28 0xa1`, 0, ""},
		{"select 'a\x00b'", "22021", `invalid byte sequence for encoding "UTF8": 0x00`, 0, ""},
	} {
		_, err := Parse(c.text)
		e := pgerr.As(err)
		if e == nil {
			t.Errorf("%q: no error, want %s", c.text, c.message)
			continue
		}
		if e.Code != c.code || e.Message != c.message || e.Position != c.position || e.Hint != c.hint {
			t.Errorf("%q:\n got %s %q at %d, hint %q\nwant %s %q at %d, hint %q", c.text,
				e.Code, e.Message, e.Position, e.Hint, c.code, c.message, c.position, c.hint)
		}
	}
}

func TestParseTree(t *testing.T) {
	text := "select a, 'x' from s.t where b = $1 and c::int4 = 5; begin; ;"
	stmts, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(stmts) != 2 {
		t.Fatalf("%d statements, want 2", len(stmts))
	}
	sel := stmts[0].Stmt.(*ast.SelectStmt)
	rel := sel.FromClause[0].(*ast.RangeVar)
	if rel.Schemaname != "s" || rel.Relname != "t" || rel.Relpersistence != "p" || rel.Location != 19 {
		t.Errorf("relation %+v", rel)
	}
	and := sel.WhereClause.(*ast.BoolExpr)
	if and.Boolop != ast.AND_EXPR || len(and.Args) != 2 {
		t.Errorf("where %+v", and)
	}
	eq := and.Args[0].(*ast.A_Expr)
	if eq.Kind != ast.AEXPR_OP || eq.Rexpr.(*ast.ParamRef).Number != 1 {
		t.Errorf("comparison %+v", eq)
	}
	five := and.Args[1].(*ast.A_Expr).Rexpr.(*ast.A_Const)
	if five.Val.(*ast.Integer).Ival != 5 || five.Isnull {
		t.Errorf("constant %+v", five)
	}
	if sel.Op != ast.SETOP_NONE || sel.LimitOption != ast.LIMIT_OPTION_COUNT && sel.LimitOption != ast.LIMIT_OPTION_DEFAULT {
		t.Errorf("enums %v %v", sel.Op, sel.LimitOption)
	}
	begin := stmts[1].Stmt.(*ast.TransactionStmt)
	if begin.Kind != ast.TRANS_STMT_BEGIN {
		t.Errorf("kind %v", begin.Kind)
	}
	if got := text[stmts[1].StmtLocation:][:stmts[1].StmtLen]; strings.TrimSpace(got) != "begin" {
		t.Errorf("statement text %q", got)
	}
	if distinct, _ := Parse("select distinct 1"); distinct[0].Stmt.(*ast.SelectStmt).DistinctClause[0] != nil {
		t.Error("plain DISTINCT must be a list of one nil")
	}
}

func TestParseTypeName(t *testing.T) {
	tn, err := ParseTypeName("numeric(10,2)[]")
	if err != nil || len(tn.Typmods) != 2 || len(tn.ArrayBounds) != 1 {
		t.Fatalf("%+v %v", tn, err)
	}
	for _, bad := range []string{"", "int4 from t", "int4; select 1", "int4 as x", "1"} {
		if _, err := ParseTypeName(bad); err == nil {
			t.Errorf("%q was taken for a type", bad)
		}
	}
}

// TestHostileTexts: none may crash the process or take seconds.
func TestHostileTexts(t *testing.T) {
	long := func(begin, unit string, n int, end string) string {
		return begin + strings.Repeat(unit, n) + end
	}
	for _, c := range []struct{ name, text, code string }{
		{"brackets", long("select ", "(", 100000, "1") + strings.Repeat(")", 100000), "42601"},
		{"closing brackets", long("select 1", ")", 100000, ""), "42601"},
		{"arrays", long("select ", "array[", 100000, ""), "42601"},
		{"chain", long("select 1", "+1", 30000, ""), "54001"},
		{"casts", long("select 1", "::int", 30000, ""), "54001"},
		{"joins", long("select 1 from t", " natural join t", 30000, ""), "54001"},
		{"unions", long("select 1", " union select 1", 30000, ""), "54001"},
		{"not", long("select ", "not ", 30000, "true"), "54001"},
		{"minus", long("select ", "- ", 30000, "1"), "54001"},
		{"at time zone", long("select a", " at time zone b", 30000, ""), "54001"},
		{"collate", long("select a", ` collate "C"`, 30000, ""), "54001"},
		{"chains in brackets", "select " + strings.Repeat("(", 1000) + long("1", "+1)", 1000, long("", "+1", 5000, "")), "54001"},
		{"nested chains", "select " + strings.Repeat("(", 20) + "1" + strings.Repeat(strings.Repeat("+1", 3999)+")", 20), "54001"},
		{"nested comments", strings.Repeat("/*", 500000), "54001"},
		{"garbage", long("", "x1 ?ß~'", 150000, ""), "42601"},
		{"one word", long("", "a", 1<<20, ""), "42601"},
		{"quotes", long("", "''", 500000, ""), "42601"},
		{"dollars", long("", "$a", 500000, ""), "42601"},
		{"semicolons then error", long("", ";", 100000, "x"), "42601"},
	} {
		start := time.Now()
		_, err := Parse(c.text)
		if pgerr.Code(err) != c.code {
			t.Errorf("%s: %.200v, want %s", c.name, err, c.code)
		}
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("%s took %v", c.name, d)
		}
	}
}

// TestLongButFlat: what only looks like a chain is no chain.
func TestLongButFlat(t *testing.T) {
	for _, text := range []string{
		"select 1 where a = 1" + strings.Repeat(" or a = 1", 10000),
		"insert into t values (1 + 1)" + strings.Repeat(", (1 + 1)", 10000),
		"select a in (1" + strings.Repeat(", -1", 10000) + ")",
		"select 1" + strings.Repeat("+1", 3900),
		strings.Repeat("select 1 + 1;", 10000),
	} {
		if _, err := Parse(text); err != nil {
			t.Errorf("%.40s: %v", text, err)
		}
	}
}

func BenchmarkParsePointSelect(b *testing.B) {
	for b.Loop() {
		if _, err := Parse("SELECT abalance FROM pgbench_accounts WHERE aid = 1234"); err != nil {
			b.Fatal(err)
		}
	}
}
