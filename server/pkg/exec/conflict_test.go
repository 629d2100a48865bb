package exec

import (
	"strings"
	"testing"
	"time"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// Two transactions meet on one row. The first has changed it and commits while the second waits.
func TestWaitersLookAgain(t *testing.T) {
	for _, c := range []struct {
		name   string
		serial bool
		first  func(t *testing.T, rel *planner.Rel) *planner.Plan
		second func(t *testing.T, rel *planner.Rel) *planner.Plan
		n      int64
		code   string
		row    string // row 2 afterwards, as the second sees it
	}{
		{"recomputed on the newest version", false,
			func(t *testing.T, r *planner.Rel) *planner.Plan {
				return updatePoint(t, r, intConst(2), intConst(21), nil)
			},
			func(t *testing.T, r *planner.Rel) *planner.Plan {
				return updatePoint(t, r, intConst(2), intConst(50), nil)
			},
			1, "", "2|50|two"},
		{"condition no longer true", false,
			func(t *testing.T, r *planner.Rel) *planner.Plan {
				return updatePoint(t, r, intConst(2), intConst(21), nil)
			},
			func(t *testing.T, r *planner.Rel) *planner.Plan {
				return updatePoint(t, r, intConst(2), intConst(50), eq(col(2), intConst(20)))
			},
			0, "", "2|21|two"},
		{"repeatable read", true,
			func(t *testing.T, r *planner.Rel) *planner.Plan {
				return updatePoint(t, r, intConst(2), intConst(21), nil)
			},
			func(t *testing.T, r *planner.Rel) *planner.Plan {
				return updatePoint(t, r, intConst(2), intConst(50), nil)
			},
			0, pgerr.TRSerializationFailure, "2|20|two"},
		{"same key inserted", false,
			func(t *testing.T, r *planner.Rel) *planner.Plan {
				return insertPoint(t, r, nil, [3]query.Expr{intConst(7), intConst(70), textConst("a")})
			},
			func(t *testing.T, r *planner.Rel) *planner.Plan {
				return insertPoint(t, r, nil, [3]query.Expr{intConst(7), intConst(71), textConst("b")})
			},
			0, pgerr.UniqueViolation, "2|20|two"},
		{"same unique value inserted", false,
			func(t *testing.T, r *planner.Rel) *planner.Plan {
				return insertPoint(t, r, nil, [3]query.Expr{intConst(7), intConst(70), textConst("a")})
			},
			func(t *testing.T, r *planner.Rel) *planner.Plan {
				return insertPoint(t, r, nil, [3]query.Expr{intConst(8), intConst(70), textConst("b")})
			},
			0, pgerr.UniqueViolation, "2|20|two"},
		{"unique value given up", false,
			func(t *testing.T, r *planner.Rel) *planner.Plan {
				return updatePoint(t, r, intConst(3), intConst(31), nil)
			},
			func(t *testing.T, r *planner.Rel) *planner.Plan {
				return insertPoint(t, r, nil, [3]query.Expr{intConst(8), intConst(30), textConst("b")})
			},
			1, "", "2|20|two"},
	} {
		t.Run(c.name, func(t *testing.T) {
			store, ids := newStore(t)
			rel := accounts()
			seed(t, store, ids, rel)
			one, two := newSession(t, store, ids), newSession(t, store, ids)
			two.serial = c.serial
			if _, _, err := two.run(selectPoint(t, rel, intConst(1))); err != nil {
				t.Fatal(err)
			}
			if _, n, err := one.run(c.first(t, rel)); err != nil || n != 1 {
				t.Fatalf("first wrote %d: %v", n, err)
			}
			done := make(chan struct{})
			var n int64
			var err error
			go func() {
				defer close(done)
				_, n, err = two.run(c.second(t, rel))
			}()
			select {
			case <-done:
				t.Fatal("the second did not wait")
			case <-time.After(20 * time.Millisecond):
			}
			one.commit()
			<-done
			if c.code != "" {
				wantCode(t, err, c.code)
			} else if err != nil || n != c.n {
				t.Errorf("second wrote %d, error %v; want %d", n, err, c.n)
			}
			rows, _, err := two.run(selectPoint(t, rel, intConst(2)))
			if err != nil || strings.Join(rows, " ") != c.row {
				t.Errorf("then the row is %q, %v; want %q", rows, err, c.row)
			}
		})
	}
}

// A row that the statement's conditions leave out in its snapshot is neither waited for
// nor left locked.
func TestPointWriteLeavesOthersAlone(t *testing.T) {
	for _, changed := range []bool{false, true} { // by the first, which has not committed
		store, ids := newStore(t)
		rel := accounts()
		seed(t, store, ids, rel)
		one, two := newSession(t, store, ids), newSession(t, store, ids)
		if changed {
			if _, n, err := one.run(updatePoint(t, rel, intConst(2), intConst(21), nil)); err != nil || n != 1 {
				t.Fatalf("first wrote %d: %v", n, err)
			}
		}
		plan := updatePoint(t, rel, intConst(2), intConst(50), eq(col(2), intConst(21)))
		if _, n, err := two.run(plan); err != nil || n != 0 {
			t.Fatalf("second wrote %d: %v", n, err)
		}
		if _, n, err := one.run(updatePoint(t, rel, intConst(2), intConst(22), nil)); err != nil || n != 1 {
			t.Fatalf("first wrote %d: %v", n, err)
		}
	}
}

func TestLockRowsSkipsAndStops(t *testing.T) {
	store, ids := newStore(t)
	rel := accounts()
	seed(t, store, ids, rel)
	one, two, three := newSession(t, store, ids), newSession(t, store, ids), newSession(t, store, ids)
	plan := func(policy query.LockWaitPolicy, limit int64) *planner.Plan {
		scan := scanPlan(rel, 1, 2, 3, planner.ScanRowKey).Root
		n := &planner.LockRows{Child: scan}
		n.Base.Cols, n.RowByRow = 4, true
		n.Marks = []planner.RowMark{{Target: planner.Target{Rel: rel, KeySlot: 3}, Mode: kv.Update, Policy: policy}}
		p := &planner.Project{Child: n, Exprs: []*expr.Compiled{compile(t, col(1))}}
		p.Base.Cols, p.RowByRow = 1, true
		l := &planner.Limit{Child: p, Count: compile(t, &query.Const{Consttype: 20, Constvalue: data.Int(limit)})}
		l.Base.Cols = 1
		return &planner.Plan{Command: query.CmdSelect, Root: l}
	}
	for _, c := range []struct {
		s      *session
		policy query.LockWaitPolicy
		rows   string
		code   string
	}{
		{one, query.LockWaitBlock, "1", ""},
		{two, query.LockWaitSkip, "2", ""},
		{three, query.LockWaitSkip, "3", ""},
		{three, query.LockWaitError, "", pgerr.LockNotAvailable},
	} {
		rows, _, err := c.s.run(plan(c.policy, 1))
		if c.code != "" {
			wantCode(t, err, c.code)
		} else if err != nil || strings.Join(rows, " ") != c.rows {
			t.Errorf("rows %q, %v; want %q", rows, err, c.rows)
		}
	}
}
