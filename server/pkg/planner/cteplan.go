package planner

import (
	"math"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// planCTEs checks the WITH list; queries are planned when they are first used.
func (l *level) planCTEs() error {
	for _, c := range l.q.CteList {
		if c.Ctequery.CommandType != query.CmdSelect {
			return pgerr.FeatureNotSupported("data-modifying statements in WITH")
		}
	}
	return nil
}

// cteSource is a reference to a WITH query: planned in place when it is used once,
// else computed once for all its readers.
func (l *level) cteSource(src *source) error {
	owner := l
	for range src.rte.Ctelevelsup {
		if owner = owner.parent; owner == nil {
			return pgerr.Internal("WITH query \"%s\" is not there", src.rte.Ctename)
		}
	}
	var c *query.CommonTableExpr
	for _, x := range owner.q.CteList {
		if x.Ctename == src.rte.Ctename {
			c = x
		}
	}
	if c == nil {
		return pgerr.Internal("WITH query \"%s\" is not there", src.rte.Ctename)
	}
	once := c.Cterefcount == 1 && c.Ctematerialized == query.CTEMaterializeDefault || c.Ctematerialized == query.CTEMaterializeNever
	if once && !c.Cterecursive && !src.rte.SelfReference && !volatileQuery(c.Ctequery) {
		return l.inlineCTE(src, c)
	}
	id, ok := owner.ctes[c.Ctename]
	if !ok {
		var err error
		if id, err = owner.computeCTE(c); err != nil {
			return err
		}
	}
	x := l.b.plan.CTEs[id]
	n := &CTEScan{Alias: alias(src.rte), Name: c.Ctename, CTE: id, Work: src.rte.SelfReference}
	n.Base.Cols = len(c.Ctecolnames)
	n.Rows = defaultRows
	if x.Root != nil {
		i := x.Root.Info()
		n.Rows, n.Width = i.Rows, i.Width
	}
	n.Total = n.Rows * cpuTupleCost
	src.node = n
	src.lay = rteLayout(src.rti, n.Base.Cols)
	return nil
}

func volatileQuery(q *query.Query) bool {
	found := len(q.RowMarks) > 0
	query.WalkQueryLevels(q, func(e query.Expr, _ int) bool {
		found = found || volatile(e)
		return !found
	})
	return found
}

func (l *level) inlineCTE(src *source, c *query.CommonTableExpr) error {
	sub := c.Ctequery
	if d := src.rte.Ctelevelsup; d > 0 {
		sub = query.IncrementQuerySublevelsUp(sub, d, 1)
	}
	return l.subquerySource(src, sub, l)
}

// computeCTE plans a WITH query that is materialised.
func (l *level) computeCTE(c *query.CommonTableExpr) (int, error) {
	id := len(l.b.plan.CTEs)
	x := &CTE{Name: c.Ctename}
	l.b.plan.CTEs = append(l.b.plan.CTEs, x)
	if l.ctes == nil {
		l.ctes = map[string]int{}
	}
	l.ctes[c.Ctename] = id
	if c.Cterecursive && selfReferring(c) {
		return id, l.recursiveCTE(x, id, c)
	}
	n, sl, err := l.b.query(c.Ctequery, l)
	if err != nil {
		return 0, err
	}
	if sl.correlated {
		return 0, pgerr.FeatureNotSupported("WITH query that reads an outer query and is used more than once")
	}
	x.Root = n
	return id, nil
}

func selfReferring(c *query.CommonTableExpr) bool {
	found := false
	var look func(q *query.Query) bool
	look = func(q *query.Query) bool {
		for _, rte := range q.RTable {
			found = found || rte.Rtekind == query.RTECTE && rte.SelfReference && rte.Ctename == c.Ctename
		}
		var onExpr func(e query.Expr) bool
		onExpr = func(e query.Expr) bool { return query.ExprTreeWalker(e, onExpr, look) }
		return query.QueryTreeWalker(q, onExpr, look)
	}
	look(c.Ctequery)
	return found
}

// recursiveCTE plans WITH RECURSIVE: seed UNION [ALL] step.
func (l *level) recursiveCTE(x *CTE, id int, c *query.CommonTableExpr) error {
	q := c.Ctequery
	op, ok := q.SetOperations.(*query.SetOperationStmt)
	if !ok || op.Op != query.SetOpUnion {
		return pgerr.Internal("recursive query \"%s\" is no UNION", c.Ctename)
	}
	if len(q.SortClause) > 0 || q.LimitCount != nil || q.LimitOffset != nil || len(q.RowMarks) > 0 {
		return pgerr.FeatureNotSupported("ORDER BY, LIMIT and row locks in a recursive query")
	}
	union := &level{b: l.b, q: q, parent: l, rtes: map[int]*source{}, targets: map[int]bool{}}
	seed, err := union.setOp(op.Larg)
	if err != nil {
		return err
	}
	step, err := union.setOp(op.Rarg)
	if err != nil {
		return err
	}
	r := &RecursiveUnion{CTE: id, Seed: seed, Step: step, Distinct: !op.All}
	for _, oid := range op.ColTypes {
		t, err := types.Resolve(l.b.env.Types, oid)
		if err != nil {
			return err
		}
		r.ColTypes = append(r.ColTypes, t)
	}
	si, ti := seed.Info(), step.Info()
	r.Base.Cols, r.Width = si.Cols, si.Width
	r.Rows = math.Max(1, si.Rows+10*ti.Rows)
	r.Total = si.Total + 10*ti.Total
	x.Root, x.Recursive = r, r
	return nil
}
