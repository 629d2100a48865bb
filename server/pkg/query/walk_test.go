package query

import (
	"slices"
	"testing"
)

func TestWalkLevels(t *testing.T) {
	q := sample()
	count := map[int]int{}
	WalkQueryLevels(q, func(e Expr, level int) bool {
		if _, ok := e.(*Aggref); ok {
			count[level]++
		}
		return true
	})
	// The inner query stands in FROM and in a SubLink.
	if count[0] != 0 || count[1] != 2 {
		t.Errorf("aggregates by level: %v", count)
	}
}

func TestMutateCopies(t *testing.T) {
	q := sample()
	before, err := EncodeQuery(nil, q)
	if err != nil {
		t.Fatal(err)
	}
	changed := RewriteQuery(q, func(e Expr, _ int) Expr {
		if v, ok := e.(*Var); ok {
			v.Varno += 10
		}
		return e
	})
	after, err := EncodeQuery(nil, q)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(before, after) {
		t.Error("rewriting changed the original")
	}
	if EqualQuery(q, changed) {
		t.Error("rewriting changed nothing")
	}
}

func TestDependencies(t *testing.T) {
	q := sample()
	q.TargetList[0].Expr = &FuncExpr{Funcid: 30000, Args: []Expr{&Var{Varno: 3, Varattno: 1}}}
	got := QueryDependencies(q)
	want := []Dependency{{ClassProc, 30000, 0}, {ClassRelation, 20000, 0}, {ClassRelation, 20000, 1}, {ClassRelation, 20000, 2}}
	if !slices.Equal(got, want) {
		t.Errorf("have %v, want %v", got, want)
	}
}

func TestFlattenJoinAliasVars(t *testing.T) {
	q := sample()
	e := FlattenJoinAliasVars(&Var{Varno: 3, Varattno: 2, Loc: 9}, q.RTable)
	v, ok := e.(*Var)
	if !ok || v.Varno != 2 || v.Varattno != 1 || v.Loc != 9 {
		t.Errorf("join column became %#v", e)
	}
	sub := &SubLink{Subselect: &Query{CommandType: CmdSelect, JoinTree: &FromExpr{Quals: &Var{Varno: 3, Varattno: 1, Varlevelsup: 1}}}}
	flat := FlattenJoinAliasVars(sub, q.RTable).(*SubLink)
	v, ok = flat.Subselect.JoinTree.Quals.(*Var)
	if !ok || v.Varno != 1 || v.Varlevelsup != 1 {
		t.Errorf("join column inside a subquery became %#v", flat.Subselect.JoinTree.Quals)
	}
}

func TestLeftmost(t *testing.T) {
	e := &OpExpr{Args: []Expr{&Var{Loc: 4}, &Var{Loc: 9}}, Loc: 6}
	if e.Location() != 4 {
		t.Errorf("location %d", e.Location())
	}
}
