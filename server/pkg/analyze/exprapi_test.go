package analyze

import (
	"strings"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// The messages are what CREATE TABLE and CREATE INDEX answer on PostgreSQL 15.18.
func TestAnalyzeExpr(t *testing.T) {
	cat := newTestCat(t)
	table := cat.relByName["public.t"]
	column := ExprTarget{Column: "c", Type: types.Int4, Typmod: -1}
	withTable := ExprTarget{Table: table}
	for _, c := range []struct {
		text  string
		place ExprPlace
		to    ExprTarget
		want  string // type of the result, or SQLSTATE and message
	}{
		{"1 + 1", PlaceDefault, column, "integer"},
		{"'7'", PlaceDefault, column, "integer"},
		{"2.5", PlaceDefault, column, "integer"},
		{"'x'", PlaceDefault, column, "22P02 invalid input syntax for type integer: \"x\""},
		{"true", PlaceDefault, column, "42804 column \"c\" is of type integer but default expression is of type boolean"},
		{"id", PlaceDefault, column, "0A000 cannot use column reference in DEFAULT expression"},
		{"(SELECT 1)", PlaceDefault, column, "0A000 cannot use subquery in DEFAULT expression"},
		{"count(*)", PlaceDefault, column, "42803 aggregate functions are not allowed in DEFAULT expressions"},
		{"generate_series(1, 2)", PlaceDefault, column, "0A000 set-returning functions are not allowed in DEFAULT expressions"},
		{"id > 0 AND name <> ''", PlaceCheck, withTable, "boolean"},
		{"id", PlaceCheck, withTable, "42804 argument of CHECK must be type boolean, not type integer"},
		{"nosuch > 0", PlaceCheck, withTable, "42703 column \"nosuch\" does not exist"},
		{"(SELECT true)", PlaceCheck, withTable, "0A000 cannot use subquery in check constraint"},
		{"ctid = '(0,1)'", PlaceCheck, withTable, "42P10 system column \"ctid\" reference in check constraint is invalid"},
		{"lower(name)", PlaceIndexExpression, withTable, "text"},
		{"now()", PlaceIndexExpression, withTable, "42P17 functions in index expression must be marked IMMUTABLE"},
		{"random() > 0.5", PlaceIndexPredicate, withTable, "42P17 functions in index predicate must be marked IMMUTABLE"},
		{"ok", PlaceIndexPredicate, withTable, "boolean"},
		{"born::text::date", PlaceAlterUsing, ExprTarget{Table: table, Column: "c", Type: types.Int4, Typmod: -1},
			"42804 result of USING clause for column \"c\" cannot be cast automatically to type integer"},
		{"id * 2", PlaceGenerated, ExprTarget{Table: table, Column: "c", Type: types.Int8, Typmod: -1}, "bigint"},
		{"random()", PlaceGenerated, ExprTarget{Table: table, Column: "c", Type: types.Float8, Typmod: -1},
			"42P17 generation expression is not immutable"},
	} {
		node, err := parseExpr(c.text)
		if err != nil {
			t.Fatal(err)
		}
		e, err := AnalyzeExpr(&Env{Cat: cat, Types: testTypes(cat)}, node, c.place, c.to)
		got := ""
		if err != nil {
			got = pgerr.As(err).Code + " " + pgerr.As(err).Message
		} else {
			got = types.FormatType(nil, e.Type(), -1)
		}
		if got != c.want {
			t.Errorf("%s: have %s, want %s", c.text, got, c.want)
		}
	}
}

// TestStoredDefaults checks that INSERT takes defaults from stored expressions and fills the rest.
func TestStoredDefaults(t *testing.T) {
	cat := newTestCat(t)
	node, err := parseExpr("'new'::text || 1")
	if err != nil {
		t.Fatal(err)
	}
	e, err := AnalyzeExpr(&Env{Cat: cat}, node, PlaceDefault, ExprTarget{Column: "name", Type: types.Text, Typmod: -1})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := query.EncodeExpr(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	table := cat.userTable(21000, "with_default", 1, col("id", types.Int4, -1, 0), col("name", types.Text, -1, 100), col("gone", 0, -1, 0))
	table.Columns[1].HasDefault, table.Columns[1].Default = true, stored
	table.Columns[2].Dropped, table.Columns[2].Name = true, "........pg.dropped.3........"
	defer delete(cat.relByName, "public.with_default")

	for _, sql := range []string{
		"INSERT INTO with_default (id) VALUES (1)", "INSERT INTO with_default VALUES (1, DEFAULT)",
		"INSERT INTO with_default DEFAULT VALUES", "UPDATE with_default SET name = DEFAULT",
	} {
		q, _, err := analyzeText(cat, sql)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if q.CommandType == query.CmdInsert && len(q.TargetList) != 3 {
			t.Errorf("%s: %d target entries", sql, len(q.TargetList))
		}
		for _, te := range q.TargetList {
			if te.Resno == 2 && !query.Equal(te.Expr, e) {
				t.Errorf("%s: the default is not what was stored", sql)
			}
		}
	}
	q, _, err := analyzeText(cat, "INSERT INTO with_default VALUES (1, 'a'), (2, DEFAULT)")
	if err != nil {
		t.Fatal(err)
	}
	if rows := q.RTable[1].ValuesLists; !query.Equal(rows[1][1], e) {
		t.Error("DEFAULT in a list of rows was not replaced")
	}
}

// TestViews checks expansion of a stored view and of one of the image.
func TestViews(t *testing.T) {
	cat := newTestCat(t)
	list, err := parseStatement("SELECT id, name FROM t WHERE ok")
	if err != nil {
		t.Fatal(err)
	}
	q, err := AnalyzeView(&Env{Cat: cat}, list)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := query.EncodeQuery(nil, q)
	if err != nil {
		t.Fatal(err)
	}
	user := cat.userTable(22000, "v", 0, col("id", types.Int4, -1, 0), col("name", types.Text, -1, 100))
	user.Relkind, user.ViewQuery = catalog.RelkindView, stored
	image := cat.userTable(22010, "iv", 0, col("relname", types.Name, -1, 950))
	image.Relkind, image.ViewText = catalog.RelkindView, "SELECT relname FROM pg_class c"
	nested := cat.userTable(22020, "nested", 0, col("id", types.Int4, -1, 0))
	nested.Relkind = catalog.RelkindView
	inner, err := parseStatement("SELECT id FROM v")
	if err != nil {
		t.Fatal(err)
	}
	if q, err = AnalyzeView(&Env{Cat: cat}, inner); err != nil {
		t.Fatal(err)
	}
	if q.RTable[0].Rtekind != query.RTERelation {
		t.Error("a view inside a stored view was expanded")
	}
	if nested.ViewQuery, err = query.EncodeQuery(nil, q); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"SELECT id FROM v WHERE name = 'a'", "SELECT * FROM iv", "SELECT EXISTS (SELECT 1 FROM nested)"} {
		q, _, err := analyzeText(cat, sql)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		query.WalkQueryLevels(q, func(query.Expr, int) bool { return true })
		if left := viewsLeft(q); left > 0 {
			t.Errorf("%s: %d views not expanded", sql, left)
		}
	}
	if _, _, err := analyzeText(cat, "UPDATE v SET id = 1"); err == nil || pgerr.As(err).Code != "0A000" {
		t.Errorf("writing a view: %v", err)
	}
}

func viewsLeft(q *query.Query) int {
	n := 0
	for _, rte := range q.RTable {
		if rte.Rtekind == query.RTERelation && rte.Relkind == catalog.RelkindView {
			n++
		}
	}
	var onExpr func(query.Expr) bool
	onQuery := func(sub *query.Query) bool { n += viewsLeft(sub); return false }
	onExpr = func(e query.Expr) bool { return query.ExprTreeWalker(e, onExpr, onQuery) }
	query.QueryTreeWalker(q, onExpr, onQuery)
	return n
}

// TestSetOperationTypes checks that every leaf of a set operation delivers the common types.
func TestSetOperationTypes(t *testing.T) {
	cat := newTestCat(t)
	q, _, err := analyzeText(cat, "SELECT id FROM t UNION ALL SELECT ratio FROM u UNION SELECT 1.5")
	if err != nil {
		t.Fatal(err)
	}
	for i, rte := range q.RTable {
		if rte.Rtekind != query.RTESubquery {
			continue
		}
		if got := rte.Subquery.TargetList[0].Expr.Type(); got != types.Float8 {
			t.Errorf("leaf %d delivers type %d", i+1, got)
		}
	}
}

// TestUtility checks what comes out for statements that are no queries.
func TestUtility(t *testing.T) {
	cat := newTestCat(t)
	for sql, inner := range map[string]query.CmdType{
		"EXPLAIN SELECT id FROM t": query.CmdSelect, "EXPLAIN ANALYZE UPDATE t SET id = 1": query.CmdUpdate,
		"DECLARE c CURSOR FOR SELECT 1": query.CmdSelect, "CREATE TABLE x AS SELECT 1 AS a": query.CmdSelect,
		"SELECT 1 AS a INTO x": query.CmdSelect, "VACUUM": query.CmdUnknown, "BEGIN": query.CmdUnknown,
		"EXPLAIN CREATE TABLE x AS SELECT 1 AS a": query.CmdUtility,
	} {
		q, _, err := analyzeText(cat, sql)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		got := query.CmdUnknown
		if q.UtilityQuery != nil {
			got = q.UtilityQuery.CommandType
		}
		if q.CommandType != query.CmdUtility || q.UtilityStmt == nil || got != inner {
			t.Errorf("%s: command %d, inner %d", sql, q.CommandType, got)
		}
	}
}

// TestParams checks parameters given, inferred and left open.
func TestParams(t *testing.T) {
	cat := newTestCat(t)
	list, err := parseStatement("SELECT $1 + $2, $3::text")
	if err != nil {
		t.Fatal(err)
	}
	params := []uint32{types.Numeric}
	_, err = analyzeNode(cat, list, &params)
	if err != nil || len(params) != 3 || params[0] != types.Numeric || params[1] != types.Numeric || params[2] != types.Text {
		t.Errorf("types %v, error %v", params, err)
	}
	if _, err = analyzeNode(cat, list, nil); err == nil || pgerr.As(err).Code != pgerr.UndefinedParameter {
		t.Errorf("parameters where there are none: %v", err)
	}
	gap, err := parseStatement("SELECT $2::int")
	if err != nil {
		t.Fatal(err)
	}
	params = []uint32{}
	_, err = analyzeNode(cat, gap, &params)
	if err == nil || !strings.Contains(err.Error(), "could not determine data type of parameter $1") {
		t.Errorf("a parameter nobody uses: %v", err)
	}
}
