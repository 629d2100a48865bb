package analyze

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/parser"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// record names a native PostgreSQL 15 database, loaded with testdata/schema.sql, whose answers
// replace the recorded ones.
var record = flag.String("record", "", "connection string of the native server to record testdata/*.test from")

// A file of testdata holds statements (lines beginning with "> ", continued with "+ ") and what
// PostgreSQL says when it prepares them: parameter types, result columns, or the error.

// TestStatements compares analysis with the recorded answers.
func TestStatements(t *testing.T) {
	files, err := filepath.Glob("testdata/*.test")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			cases := readCases(t, file)
			if *record != "" {
				recordCases(t, file, cases)
			}
			cat := newTestCat(t)
			for _, c := range cases {
				if got := describe(cat, c.sql); got != c.want {
					t.Errorf("%s\nhave:\n%swant:\n%s", c.sql, got, c.want)
				}
			}
		})
	}
}

type goldenCase struct{ sql, want string }

func readCases(t *testing.T, file string) []goldenCase {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var cases []goldenCase
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		line := s.Text()
		switch {
		case strings.HasPrefix(line, "> "):
			cases = append(cases, goldenCase{sql: line[2:]})
		case strings.HasPrefix(line, "+ "):
			cases[len(cases)-1].sql += "\n" + line[2:]
		case line != "":
			cases[len(cases)-1].want += line + "\n"
		}
	}
	return cases
}

func recordCases(t *testing.T, file string, cases []goldenCase) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, *record)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if v := conn.PgConn().ParameterStatus("server_version"); !strings.HasPrefix(v, "15.") {
		t.Fatalf("server_version is %q, not 15", v)
	}
	var b strings.Builder
	for i, c := range cases {
		cases[i].want = ask(ctx, conn, c.sql)
		fmt.Fprintf(&b, "> %s\n%s\n", strings.ReplaceAll(c.sql, "\n", "\n+ "), cases[i].want)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// ask gets the native server's answer.
func ask(ctx context.Context, conn *pgx.Conn, sql string) string {
	sd, err := conn.PgConn().Prepare(ctx, "", sql, nil)
	if err != nil {
		var e *pgconn.PgError
		if !errors.As(err, &e) {
			return "! " + err.Error() + "\n"
		}
		return errorText(e.Code, int(e.Position), e.Message, e.Detail, e.Hint)
	}
	out := paramText(sd.ParamOIDs)
	for _, f := range sd.Fields {
		out += columnText(f.Name, f.DataTypeOID, f.TypeModifier)
	}
	return out
}

func errorText(code string, pos int, msg, detail, hint string) string {
	s := fmt.Sprintf("! %s at %d: %s\n", code, pos, msg)
	if detail != "" {
		s += "  detail: " + detail + "\n"
	}
	if hint != "" {
		s += "  hint: " + hint + "\n"
	}
	return s
}

func columnText(name string, oid uint32, typmod int32) string {
	return fmt.Sprintf("= %s %s\n", name, types.FormatType(nil, oid, typmod))
}

func paramText(oids []uint32) string {
	s := ""
	for i, p := range oids {
		s += fmt.Sprintf("$%d %s\n", i+1, types.FormatType(nil, p, -1))
	}
	return s
}

// describe analyses sql and shows the outcome in the same form.
func describe(cat *testCat, sql string) string {
	q, params, err := analyzeText(cat, sql)
	if err != nil {
		e := pgerr.As(err)
		if e == nil {
			return "! " + err.Error() + "\n"
		}
		e = e.Clone().ResolvePosition(sql)
		return errorText(e.Code, int(e.Position), e.Message, e.Detail, e.Hint)
	}
	list := q.TargetList
	if q.CommandType != query.CmdSelect {
		list = q.ReturningList
	}
	out := paramText(params)
	for _, te := range list {
		if !te.Resjunk {
			out += columnText(te.Resname, te.Expr.Type(), te.Expr.Typmod())
		}
	}
	return out
}

func analyzeText(cat *testCat, sql string) (*query.Query, []uint32, error) {
	list, err := parser.Parse(sql)
	if err != nil {
		return nil, nil, err
	}
	var raw *ast.RawStmt = list[0]
	params := []uint32{}
	q, err := Analyze(&Env{Cat: cat, Types: testTypes(cat), ParamTypes: &params, SourceText: sql}, raw)
	return q, params, err
}

func parseStatement(sql string) (ast.Node, error) {
	list, err := parser.Parse(sql)
	if err != nil {
		return nil, err
	}
	return list[0].Stmt, nil
}

func analyzeNode(cat *testCat, n ast.Node, params *[]uint32) (*query.Query, error) {
	return Analyze(&Env{Cat: cat, Types: testTypes(cat), ParamTypes: params}, &ast.RawStmt{Stmt: n})
}
