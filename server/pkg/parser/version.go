package parser

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// refusedWords lists, for nodes younger than PostgreSQL 15, the word at which
// 15 stops reading.
var refusedWords = map[string]string{
	"MergeSupportFunc": "merge_action", "SinglePartitionSpec": "merge",
	"JsonIsPredicate": "json", "JsonFuncExpr": "json_", "JsonTable": "json_table",
	"JsonParseExpr": "json", "JsonScalarExpr": "json_scalar",
	"JsonSerializeExpr": "json_serialize", "JsonObjectConstructor": "json_object",
	"JsonArrayConstructor": "json_array", "JsonArrayQueryConstructor": "json_array",
	"JsonObjectAgg": "json_objectagg", "JsonArrayAgg": "json_arrayagg",
}

// checkVersion refuses, with a syntax error, what the library's grammar reads
// and PostgreSQL 15's does not.
func checkVersion(text string, stmts []*ast.RawStmt, refused string) error {
	if refused != "" {
		word := refusedWords[refused]
		if word == "" {
			word = "json"
		}
		return syntaxErrorAt(text, findWord(text, word, 0, true))
	}
	var err error
	for _, stmt := range stmts {
		ast.Walk(stmt, func(n ast.Node) bool {
			if err == nil {
				err = checkNode(text, stmt, n)
			}
			return err == nil
		})
	}
	return err
}

func checkNode(text string, stmt *ast.RawStmt, n ast.Node) error {
	word := ""
	from := int(stmt.StmtLocation)
	switch n := n.(type) {
	case *ast.RangeSubselect:
		if n.Alias == nil {
			return missingAlias(text, n)
		}
	case *ast.ColumnDef:
		if n.StorageName != "" {
			word, from = "storage", int(n.Location)
		}
	case *ast.XmlSerialize:
		if n.Indent {
			word, from = "indent", int(n.Location)
		}
	case *ast.MergeStmt:
		if len(n.ReturningList) > 0 {
			word = "returning"
		}
	case *ast.MergeWhenClause:
		if n.MatchKind == ast.MERGE_WHEN_NOT_MATCHED_BY_SOURCE {
			word = "by"
		}
	case *ast.AlterTableCmd:
		if n.Subtype == ast.AT_SetExpression {
			word = "expression"
		}
	case *ast.FuncCall:
		if n.Funcformat == ast.COERCE_SQL_SYNTAX && len(n.Args) == 1 && lastName(n.Funcname) == "timezone" {
			word, from = "local", int(n.Location)
		}
	case *ast.GrantRoleStmt:
		for _, opt := range n.Opt {
			if d, ok := opt.(*ast.DefElem); ok && d.Defname != "admin" {
				word, from = d.Defname, max(int(d.Location), from)
			}
		}
	}
	if word == "" {
		return nil
	}
	return syntaxErrorAt(text, findWord(text, word, from, false))
}

func lastName(names []ast.Node) string {
	if len(names) == 0 {
		return ""
	}
	s, _ := names[len(names)-1].(*ast.String)
	if s == nil {
		return ""
	}
	return s.Sval
}

// findWord returns the first word of text at or after byte from that is (or,
// with prefix, begins with) word, in any case.
func findWord(text, word string, from int, prefix bool) Token {
	s := NewScanner(text)
	for {
		tok := s.Next()
		if tok.Kind == EOF || tok.Kind == Broken {
			return tok
		}
		if tok.Kind != Ident || tok.From < from {
			continue
		}
		w := strings.ToLower(text[tok.From:tok.To])
		if w == word || prefix && strings.HasPrefix(w, word) {
			return tok
		}
	}
}

func syntaxErrorAt(text string, tok Token) error {
	message := "syntax error at end of input"
	if tok.From < tok.To {
		message = `syntax error at or near "` + text[tok.From:tok.To] + `"`
	}
	return pgerr.New(pgerr.SyntaxError, message).AtByte(int32(tok.From)).ResolvePosition(text)
}

// missingAlias is PostgreSQL 15's error for a subquery in FROM without a name.
func missingAlias(text string, n *ast.RangeSubselect) error {
	e := pgerr.New(pgerr.SyntaxError, "subquery in FROM must have an alias").
		WithHint("For example, FROM (SELECT ...) [AS] foo.")
	if sel, ok := n.Subquery.(*ast.SelectStmt); ok && len(sel.ValuesLists) > 0 {
		e = pgerr.New(pgerr.SyntaxError, "VALUES in FROM must have an alias").
			WithHint("For example, FROM (VALUES ...) [AS] foo.")
	}
	first := int32(-1)
	ast.Walk(n.Subquery, func(c ast.Node) bool {
		if p := c.Pos(); p > 0 && (first < 0 || p < first) {
			first = p
		}
		return true
	})
	if open := subqueryBracket(text, int(first)); open >= 0 {
		e.AtByte(int32(open)).ResolvePosition(text)
	}
	return e
}

// subqueryBracket returns the "(" of the innermost subquery around byte at:
// the bracket that a word beginning a query follows. -1 if there is none.
func subqueryBracket(text string, at int) int {
	type bracket struct {
		from  int
		query bool
	}
	var open []bracket
	s := NewScanner(text)
	afterBracket := false
	for tok := s.Next(); tok.Kind != EOF && tok.Kind != Broken && tok.From < at; tok = s.Next() {
		word := strings.ToLower(text[tok.From:tok.To])
		if afterBracket {
			switch word {
			case "select", "values", "with", "table":
				open[len(open)-1].query = true
			}
		}
		afterBracket = word == "("
		switch {
		case afterBracket:
			open = append(open, bracket{from: tok.From})
		case word == ")" && len(open) > 0:
			open = open[:len(open)-1]
		}
	}
	for i := len(open) - 1; i >= 0; i-- {
		if open[i].query {
			return open[i].from
		}
	}
	return -1
}
