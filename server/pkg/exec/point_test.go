package exec

import (
	"context"
	"strings"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
)

func seed(t *testing.T, store kv.Store, ids *RowIDs, rel *planner.Rel) {
	t.Helper()
	s := newSession(t, store, ids)
	_, n, err := s.run(insertPoint(t, rel, nil,
		[3]query.Expr{intConst(1), intConst(10), textConst("one")},
		[3]query.Expr{intConst(2), intConst(20), textConst("two")},
		[3]query.Expr{intConst(3), intConst(30), textConst("three")}))
	if err != nil || n != 3 {
		t.Fatalf("inserted %d: %v", n, err)
	}
	s.commit()
}

func TestPointReadsAndWrites(t *testing.T) {
	store, ids := newStore(t)
	rel := accounts()
	seed(t, store, ids, rel)
	s := newSession(t, store, ids)
	for _, c := range []struct {
		plan   *planner.Plan
		params []data.Datum
		rows   string
		n      int64
		code   string
	}{
		{selectPoint(t, rel, param(1)), []data.Datum{data.Int(2)}, "2|20|two", 0, ""},
		{selectPoint(t, rel, param(1)), []data.Datum{data.Int(9)}, "", 0, ""},
		{selectPoint(t, rel, param(1)), []data.Datum{data.Null}, "", 0, ""},
		{selectPoint(t, rel, param(1)), []data.Datum{data.Int(1 << 40)}, "", 0, ""},
		{updatePoint(t, rel, param(1), intConst(21), nil), []data.Datum{data.Int(2)}, "", 1, ""},
		{updatePoint(t, rel, param(1), intConst(22), eq(col(2), intConst(20))), []data.Datum{data.Int(2)}, "", 0, ""},
		{updatePoint(t, rel, param(1), intConst(30), nil), []data.Datum{data.Int(2)}, "", 0, pgerr.UniqueViolation},
		{updatePoint(t, rel, param(1), intConst(0), nil), []data.Datum{data.Int(77)}, "", 0, ""},
		{selectPoint(t, rel, intConst(2)), nil, "2|21|two", 0, ""},
		{insertPoint(t, rel, nil, [3]query.Expr{intConst(1), intConst(5), textConst("x")}), nil, "", 0, pgerr.UniqueViolation},
		{insertPoint(t, rel, nil, [3]query.Expr{&query.Const{Consttype: 23, Constisnull: true}, intConst(5), textConst("x")}),
			nil, "", 0, pgerr.NotNullViolation},
		{insertPoint(t, rel, &planner.Conflict{Any: true}, [3]query.Expr{intConst(8), intConst(30), textConst("x")}), nil, "", 0, ""},
	} {
		rows, n, err := s.run(c.plan, c.params...)
		if c.code != "" {
			wantCode(t, err, c.code)
			continue
		}
		if err != nil || strings.Join(rows, " ") != c.rows || n != c.n {
			t.Errorf("rows %q, wrote %d, error %v; want %q, %d", rows, n, err, c.rows, c.n)
		}
	}
}

func TestDuplicateKeyMessage(t *testing.T) {
	store, ids := newStore(t)
	rel := accounts()
	seed(t, store, ids, rel)
	s := newSession(t, store, ids)
	_, _, err := s.run(insertPoint(t, rel, nil, [3]query.Expr{intConst(4), intConst(20), textConst("x")}))
	e := pgerr.As(err)
	if e == nil || e.Message != `duplicate key value violates unique constraint "accounts_v_key"` ||
		e.Detail != "Key (v)=(20) already exists." || e.Table != "accounts" || e.Constraint != "accounts_v_key" {
		t.Errorf("got %+v", e)
	}
}

// A statement does not see its own writes, the next one does, and a row id is fresh each time.
func TestStatementDoesNotMeetItsOwnWrites(t *testing.T) {
	store, ids := newStore(t)
	rel := accounts()
	seed(t, store, ids, rel)
	s := newSession(t, store, ids)
	scan := scanPlan(rel, planner.ScanRowKey, 1, 2).Root
	up := &planner.ModifyTable{Op: query.CmdUpdate, Child: scan, Write: planner.Write{Rel: rel, LockMode: kv.Update}}
	up.Write.Set = []planner.SetCol{{Col: 0, Value: compile(t, intConst(4))}}
	up.Write.Target = planner.Target{Rel: rel, KeySlot: 0}
	_, n, err := s.run(&planner.Plan{Command: query.CmdUpdate, Root: up})
	wantCode(t, err, pgerr.UniqueViolation) // the second row meets the first one's new key
	if n != 1 {
		t.Errorf("wrote %d rows before the collision", n)
	}
}

func TestPointStatementsSettleWithoutAllocation(t *testing.T) {
	store, ids := newStore(t)
	rel := accounts()
	seed(t, store, ids, rel)
	s := newSession(t, store, ids)
	ctx := context.Background()
	plan := selectPoint(t, rel, param(1))
	st := s.state(data.Int(2))
	r, err := Start(ctx, st, plan)
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	once := func() {
		if err := r.Restart(ctx, st, plan); err != nil {
			t.Fatal(err)
		}
		row, err := r.Row(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(row) == 3 && row[1].Int() == 20 {
			rows++
		}
	}
	once()
	store2 := testing.AllocsPerRun(200, func() {
		if _, _, err := st.Txn.Get(st.View, r.point.key, r.point.val[:0]); err != nil {
			t.Fatal(err)
		}
	})
	if n := testing.AllocsPerRun(200, once); n > store2 {
		t.Errorf("a point select allocates %v times, the store's read alone %v", n, store2)
	}
	if rows < 200 {
		t.Errorf("only %d executions found the row", rows)
	}
}
