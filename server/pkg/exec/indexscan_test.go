package exec

import (
	"strings"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
)

func TestIndexRanges(t *testing.T) {
	store, ids := newStore(t)
	rel := accounts()
	s := newSession(t, store, ids)
	var rows [][3]query.Expr
	for i := int64(1); i <= 9; i++ {
		v := query.Expr(intConst(10 * i))
		if i == 9 {
			v = &query.Const{Consttype: 23, Constisnull: true}
		}
		rows = append(rows, [3]query.Expr{intConst(i), v, textConst("r")})
	}
	if _, _, err := s.run(insertPoint(t, rel, nil, rows...)); err != nil {
		t.Fatal(err)
	}
	bound := func(v int64, incl bool) *planner.Bound {
		return &planner.Bound{Value: compile(t, &query.Const{Consttype: 20, Constvalue: data.Int(v)}), Inclusive: incl}
	}
	for _, c := range []struct {
		name    string
		index   int
		eq      []*expr.Compiled
		lo, hi  *planner.Bound
		reverse bool
		want    string
	}{
		{"whole row key", 0, nil, nil, nil, false, "1 2 3 4 5 6 7 8 9"},
		{"backwards", 0, nil, nil, nil, true, "9 8 7 6 5 4 3 2 1"},
		{"inclusive", 0, nil, bound(3, true), bound(5, true), false, "3 4 5"},
		{"exclusive", 0, nil, bound(3, false), bound(5, false), false, "4"},
		{"open end", 0, nil, bound(8, true), nil, false, "8 9"},
		{"bounds beyond int4", 0, nil, bound(-1<<40, true), bound(1<<40, true), false, "1 2 3 4 5 6 7 8 9"},
		{"empty beyond int4", 0, nil, bound(1<<40, true), nil, false, ""},
		{"nothing between", 0, nil, bound(5, false), bound(5, false), false, ""},
		{"secondary, nulls left out", 1, nil, bound(60, true), nil, false, "6 7 8"},
		{"secondary backwards", 1, nil, nil, bound(30, true), true, "3 2 1"},
		{"secondary equality", 1, []*expr.Compiled{compile(t, intConst(40))}, nil, nil, false, "4"},
		{"equality with null", 1, []*expr.Compiled{compile(t, &query.Const{Consttype: 23, Constisnull: true})}, nil, nil, false, ""},
	} {
		n := &planner.IndexScan{Index: rel.Indexes[c.index], Eq: c.eq, Lo: c.lo, Hi: c.hi, Reverse: c.reverse}
		n.Rel, n.Rti, n.Reads = rel, 1, []planner.ScanCol{1}
		n.Base.Cols = 1
		rows, _, err := s.run(&planner.Plan{Command: query.CmdSelect, Root: n})
		if got := strings.Join(rows, " "); err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}
