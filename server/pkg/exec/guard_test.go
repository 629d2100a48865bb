package exec

import (
	"testing"
	"time"

	"github.com/pgzdb/pgz/server/pkg/query"
)

// Past the bound a statement locks the table if it can at once; what it wrote is then still its own, and
// other writers wait for it.
func TestManyRowLocksBecomeATableLock(t *testing.T) {
	old := rowLocksMax
	rowLocksMax = 4
	defer func() { rowLocksMax = old }()
	store, ids := newStore(t)
	rel := accounts()
	one, two := newSession(t, store, ids), newSession(t, store, ids)
	var rows [][3]query.Expr
	for i := range int64(20) {
		rows = append(rows, [3]query.Expr{intConst(i), intConst(i), textConst("r")})
	}
	if _, n, err := one.run(insertPoint(t, rel, nil, rows...)); err != nil || n != 20 {
		t.Fatalf("inserted %d, %v", n, err)
	}
	done := make(chan error)
	go func() {
		_, _, err := two.run(insertPoint(t, rel, nil, append(rows[:0:0], rows[:1]...)...))
		done <- err
	}()
	select {
	case <-done:
		t.Fatal("the second writer did not wait")
	case <-time.After(20 * time.Millisecond):
	}
	one.commit()
	if err := <-done; err == nil {
		t.Error("the duplicate was not seen")
	}
	if rows, _, err := two.run(scanPlan(rel, 1)); err != nil || len(rows) != 20 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}
