package query

import (
	"bytes"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// sample is a tree with every shape the codec has: expressions, lists, children, subqueries, joins,
// set operations, values of each kind.
func sample() *Query {
	fixed := [16]byte{1, 2, 3}
	v := func(no int, att int16) *Var {
		return &Var{Varno: no, Varattno: att, Vartype: 23, Vartypmod: -1, Loc: 7}
	}
	consts := []Expr{
		&Const{Consttype: 16, Consttypmod: -1, Constvalue: data.Bool(true), Loc: 1},
		&Const{Consttype: 20, Consttypmod: -1, Constvalue: data.Int(-1 << 62), Loc: 2},
		&Const{Consttype: 701, Consttypmod: -1, Constvalue: data.Float(2.5)},
		&Const{Consttype: 2950, Consttypmod: -1, Constvalue: data.Fixed16(&fixed)},
		&Const{Consttype: 25, Consttypmod: -1, Constcollid: 100, Constvalue: data.String("text")},
		&Const{Consttype: 25, Consttypmod: -1, Constisnull: true},
	}
	inner := &Query{CommandType: CmdSelect, JoinTree: &FromExpr{}, TargetList: []*TargetEntry{
		{Expr: &Aggref{Aggfnoid: 2803, Aggtype: 20, Aggstar: true, Aggkind: AggKindNormal,
			Args: []*TargetEntry{{Expr: v(1, 1), Resno: 1}}}, Resno: 1, Resname: "count", HasName: true}}}
	q := &Query{
		CommandType: CmdSelect, CanSetTag: true, HasSubLinks: true,
		RTable: []*RangeTblEntry{
			{Rtekind: RTERelation, Relid: 20000, Relkind: 'r', Alias: &Alias{"a", nil}, Eref: &Alias{"a", []string{"x", "y"}}},
			{Rtekind: RTESubquery, Subquery: inner, Eref: &Alias{"s", []string{"count"}}},
			{Rtekind: RTEJoin, Joinaliasvars: []Expr{v(1, 1), v(2, 1)}, Eref: &Alias{"j", []string{"x", "count"}}},
			{Rtekind: RTEValues, ValuesLists: [][]Expr{consts[:3], consts[3:]}, Eref: &Alias{"v", nil}},
		},
		JoinTree: &FromExpr{Fromlist: []JoinNode{&JoinExpr{Jointype: JoinLeft, Larg: &RangeTblRef{1}, Rarg: &RangeTblRef{2},
			Quals: &OpExpr{Opno: 96, Opfuncid: 65, Opresulttype: 16, Args: []Expr{v(1, 1), v(2, 1)}}, Rtindex: 3}}},
		TargetList: []*TargetEntry{
			{Expr: &CaseExpr{Casetype: 23, Args: []*CaseWhen{{Expr: consts[0], Result: v(1, 2)}}, Defresult: consts[1]}, Resno: 1, Resname: "c", HasName: true},
			{Expr: &SubLink{SubLinkType: AnySublink, Subselect: inner, OperName: []string{"="}, Resulttype: 16,
				Testexpr: &BoolExpr{Boolop: NotExpr, Args: []Expr{consts[0]}}}, Resno: 2},
			{Expr: &SubscriptingRef{Refexpr: v(1, 1), Refupperindexpr: []Expr{nil}, Reflowerindexpr: []Expr{v(1, 2)}}, Resno: 3},
			{Expr: &DistinctExpr{OpExpr{Opno: 96, Args: []Expr{v(1, 1), v(1, 2)}}}, Resno: 4},
		},
		SortClause: []*SortGroupClause{{TleSortGroupRef: 1, Eqop: 96, Sortop: 97, NullsFirst: true}},
		SetOperations: &SetOperationStmt{Op: SetOpUnion, Larg: &RangeTblRef{1}, Rarg: &RangeTblRef{2}, ColTypes: []uint32{23},
			ColTypmods: []int32{-1}, ColCollations: []uint32{0}, GroupClauses: []*SortGroupClause{{Eqop: 96}}},
		OnConflict: &OnConflictExpr{Action: OnConflictNothing, ArbiterElems: []*InferenceElem{{Expr: v(1, 1)}}},
	}
	q.RTable[0].SelectedCols.Add(1)
	q.RTable[0].SelectedCols.Add(-1)
	return q
}

func TestCodecRoundTrip(t *testing.T) {
	q := sample()
	b, err := EncodeQuery(nil, q)
	if err != nil {
		t.Fatal(err)
	}
	back, err := DecodeQuery(b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := EncodeQuery(nil, back)
	if err != nil || !bytes.Equal(b, again) {
		t.Fatalf("second encoding differs (%v)", err)
	}
	if !EqualQuery(q, back) {
		t.Error("decoded query is not equal")
	}
	if !back.RTable[0].SelectedCols.Has(-1) || back.RTable[0].SelectedCols.Has(2) {
		t.Error("column set lost")
	}
	if got := back.TargetList[0].Expr.Location(); got != -1 {
		t.Errorf("location %d was stored", got)
	}
}

// TestEveryNode encodes an empty node of each kind.
func TestEveryNode(t *testing.T) {
	for tag := tagVar; tag < tagEnd; tag++ {
		e := newExpr(tag)
		if e.tag() != tag {
			t.Errorf("node %T says tag %d, not %d", e, e.tag(), tag)
		}
		b, err := EncodeExpr(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeExpr(b)
		if err != nil {
			t.Fatalf("%T: %v", e, err)
		}
		if !Equal(e, back) {
			t.Errorf("%T does not come back", e)
		}
	}
}

func TestDecodeDamaged(t *testing.T) {
	b, err := EncodeQuery(nil, sample())
	if err != nil {
		t.Fatal(err)
	}
	for n := range b {
		if _, err := DecodeQuery(b[:n]); err == nil {
			t.Fatalf("cut at %d of %d bytes is accepted", n, len(b))
		} else if e := pgerr.As(err); e == nil || e.Code != pgerr.DataCorrupted {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	if _, err := DecodeQuery(append(append([]byte(nil), b...), 0)); err == nil {
		t.Error("a byte too many is accepted")
	}
	b[0] = codecVersion + 1
	if _, err := DecodeQuery(b); err == nil {
		t.Error("a newer version is accepted")
	}
}

func FuzzDecodeQuery(f *testing.F) {
	b, err := EncodeQuery(nil, sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := DecodeQuery(b)
		if err != nil {
			return
		}
		again, err := EncodeQuery(nil, q)
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeQuery(again)
		if err != nil || !EqualQuery(q, back) {
			t.Fatalf("what was decoded does not survive another round: %v", err)
		}
	})
}
