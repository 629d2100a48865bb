package analyze

import (
	"testing"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/parser"
)

func benchmarkAnalyze(b *testing.B, sql string) {
	cat, err := testCatOnce()
	if err != nil {
		b.Fatal(err)
	}
	list, err := parser.Parse(sql)
	if err != nil {
		b.Fatal(err)
	}
	var raw *ast.RawStmt = list[0]
	tctx := testTypes(cat)
	b.ReportAllocs()
	for b.Loop() {
		params := []uint32{}
		if _, err := Analyze(&Env{Cat: cat, Types: tctx, ParamTypes: &params}, raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPointSelect(b *testing.B) {
	benchmarkAnalyze(b, "SELECT abalance FROM pgbench_accounts WHERE aid = 1")
}

func BenchmarkPointUpdate(b *testing.B) {
	benchmarkAnalyze(b, "UPDATE pgbench_accounts SET abalance = abalance + 5 WHERE aid = 1")
}

func BenchmarkJoinGroup(b *testing.B) {
	benchmarkAnalyze(b, "SELECT t.name, count(*), sum(u.ratio) FROM t JOIN u USING (id) WHERE t.amount > 3 GROUP BY t.name ORDER BY 2 DESC")
}
