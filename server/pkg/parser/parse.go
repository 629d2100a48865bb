package parser

import (
	"errors"
	"sync"

	library "github.com/pganalyze/pg_query_go/v6/parser"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// libraryMu serialises the library: while it parses it redirects the process's
// standard error to a pipe of its own, and two of these at once would leave
// standard error on a closed pipe.
var libraryMu sync.Mutex

// Parse returns the statements of text, none for an empty one. Their
// StmtLocation and StmtLen are byte ranges of text (a length of 0 means up to
// the end). Every error is a *pgerr.Error with Position set.
func Parse(text string) ([]*ast.RawStmt, error) {
	if err := checkEncoding(text); err != nil {
		return nil, err
	}
	junk, err := checkLimits(text)
	if err != nil {
		return nil, err
	}
	if junk.From >= 0 {
		return nil, junkError(text, junk)
	}
	return parseChecked(text)
}

func parseChecked(text string) ([]*ast.RawStmt, error) {
	tree, err := callLibrary(text)
	if err != nil {
		return nil, mapError(err, text)
	}
	var d decoder
	stmts := d.statements(tree)
	if d.malformed {
		return nil, pgerr.Internal("the parser's tree is malformed")
	}
	if err := checkVersion(text, stmts, d.refused); err != nil {
		return nil, err
	}
	return stmts, nil
}

func callLibrary(text string) ([]byte, error) {
	libraryMu.Lock()
	defer libraryMu.Unlock()
	return library.ParseToProtobuf(text)
}

// junkError reports a number or parameter that runs into a letter, unless the
// text before it already has an error of its own.
func junkError(text string, junk Token) error {
	what := "numeric literal"
	if text[junk.From] == '$' {
		what = "parameter"
	}
	return earlierError(text[:junk.From], pgerr.Newf(pgerr.SyntaxError, `trailing junk after %s at or near "%s"`,
		what, text[junk.From:junk.To]).AtByte(int32(junk.From)).ResolvePosition(text))
}

// ParseTypeName reads a type's name as in a cast: "numeric(10,2)", "int4[]".
func ParseTypeName(name string) (*ast.TypeName, error) {
	const before = "SELECT NULL::"
	invalid := pgerr.Newf(pgerr.SyntaxError, "invalid type name %q", name)
	stmts, err := Parse(before + name)
	if err != nil || len(stmts) != 1 {
		return nil, invalid
	}
	sel, ok := stmts[0].Stmt.(*ast.SelectStmt)
	if !ok || len(sel.TargetList) != 1 || len(sel.FromClause) != 0 || sel.WhereClause != nil {
		return nil, invalid
	}
	target, _ := sel.TargetList[0].(*ast.ResTarget)
	cast, _ := target.Val.(*ast.TypeCast)
	if target.Name != "" || cast == nil || cast.TypeName == nil {
		return nil, invalid
	}
	if _, isConst := cast.Arg.(*ast.A_Const); !isConst {
		return nil, invalid
	}
	return cast.TypeName, nil
}

// mapError turns the library's error, which has message and position only,
// into one with SQLSTATE, hint and detail.
func mapError(err error, text string) *pgerr.Error {
	var le *library.Error
	if !errors.As(err, &le) {
		return pgerr.From(err)
	}
	e := pgerr.New(pgerr.SyntaxError, le.Message).WithPosition(int32(le.Cursorpos))
	describe(e, text)
	return e
}
