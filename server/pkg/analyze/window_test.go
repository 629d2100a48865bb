package analyze

import "testing"

// TestWindowsShared checks that functions over the same window get one clause.
func TestWindowsShared(t *testing.T) {
	cat := newTestCat(t)
	q, _, err := analyzeText(cat, `SELECT sum(id) OVER (PARTITION BY name ORDER BY id), rank() OVER (PARTITION BY name ORDER BY id),
		avg(id) OVER (PARTITION BY name ORDER BY id DESC) FROM t`)
	if err != nil {
		t.Fatal(err)
	}
	if len(q.WindowClause) != 2 || !q.HasWindowFuncs {
		t.Errorf("%d window clauses", len(q.WindowClause))
	}
}
