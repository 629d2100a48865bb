package query

// ExprTreeWalker calls walker for every direct child expression of e, and queryWalker (if not nil)
// for the subquery of a SubLink. As in PostgreSQL, a walker that returns true ends the walk, and
// the result tells whether one did. A walker descends by calling ExprTreeWalker itself.
func ExprTreeWalker(e Expr, walker func(Expr) bool, queryWalker func(*Query) bool) bool {
	if e == nil {
		return false
	}
	w := walkVisitor{walker: walker, queryWalker: queryWalker}
	e.fields(&w)
	return w.done
}

// QueryTreeWalker calls walker for every expression that stands directly in q (target lists, quals,
// range table, ...), and queryWalker (if not nil) for every subquery in FROM and WITH. Subqueries
// of SubLinks are reached by walker through ExprTreeWalker.
func QueryTreeWalker(q *Query, walker func(Expr) bool, queryWalker func(*Query) bool) bool {
	w := walkVisitor{walker: walker, queryWalker: queryWalker}
	q.fields(&w)
	return w.done
}

// Walk visits e and everything below it in preorder, without entering subqueries. visit returns
// whether to go below the node.
func Walk(e Expr, visit func(Expr) bool) {
	if e == nil || !visit(e) {
		return
	}
	ExprTreeWalker(e, func(c Expr) bool { Walk(c, visit); return false }, nil)
}

// WalkLevels visits e and everything below it in preorder, subqueries included. visit gets the
// number of query levels between the node and e, and returns whether to go below the node.
func WalkLevels(e Expr, visit func(e Expr, level int) bool) { walkLevels(e, 0, visit) }

// WalkQueryLevels is WalkLevels for everything in q; expressions directly in q are at level 0.
func WalkQueryLevels(q *Query, visit func(e Expr, level int) bool) { walkQueryLevels(q, 0, visit) }

func walkLevels(e Expr, level int, visit func(Expr, int) bool) {
	if e == nil || !visit(e, level) {
		return
	}
	ExprTreeWalker(e,
		func(c Expr) bool { walkLevels(c, level, visit); return false },
		func(q *Query) bool { walkQueryLevels(q, level+1, visit); return false })
}

func walkQueryLevels(q *Query, level int, visit func(Expr, int) bool) {
	QueryTreeWalker(q,
		func(c Expr) bool { walkLevels(c, level, visit); return false },
		func(sub *Query) bool { walkQueryLevels(sub, level+1, visit); return false })
}

// walkVisitor implements both walkers.
type walkVisitor struct {
	nopVisitor
	walker      func(Expr) bool
	queryWalker func(*Query) bool
	done        bool
}

func (w *walkVisitor) expr(p *Expr) {
	if !w.done && *p != nil && w.walker(*p) {
		w.done = true
	}
}

func (w *walkVisitor) exprs(p *[]Expr) {
	for i := range *p {
		w.expr(&(*p)[i])
	}
}

func (w *walkVisitor) exprLists(p *[][]Expr) {
	for i := range *p {
		w.exprs(&(*p)[i])
	}
}

func (w *walkVisitor) child(present bool, _ func(), f func(visitor)) {
	if present && !w.done {
		f(w)
	}
}

func (w *walkVisitor) list(n int, _ func(int), at func(int, visitor)) {
	for i := 0; i < n && !w.done; i++ {
		at(i, w)
	}
}

func (w *walkVisitor) subquery(p **Query) {
	if *p != nil && !w.done && w.queryWalker != nil && w.queryWalker(*p) {
		w.done = true
	}
}

func (w *walkVisitor) joinNode(p *JoinNode) {
	if n, ok := (*p).(fielder); ok && !w.done {
		n.fields(w)
	}
}

func (w *walkVisitor) setOpNode(p *SetOpNode) {
	if n, ok := (*p).(fielder); ok && !w.done {
		n.fields(w)
	}
}
