package query

// MutateExpr returns a copy of e in which every direct child expression c is f(c), and the subquery
// of a SubLink is qf(subquery) if qf is not nil. f descends by calling MutateExpr itself; it may
// return its argument unchanged. e is not changed.
func MutateExpr(e Expr, f func(Expr) Expr, qf func(*Query) *Query) Expr {
	if e == nil {
		return nil
	}
	c := e.shallow()
	c.fields(&mutateVisitor{f: f, qf: qf})
	return c
}

// MutateQuery returns a copy of q in which every expression directly in q is f(expression), and
// every subquery in FROM and WITH is qf(subquery) if qf is not nil.
func MutateQuery(q *Query, f func(Expr) Expr, qf func(*Query) *Query) *Query {
	c := *q
	c.fields(&mutateVisitor{f: f, qf: qf})
	return &c
}

// Rewrite returns e with f applied to every node from the leaves up, not entering subqueries.
func Rewrite(e Expr, f func(Expr) Expr) Expr {
	if e == nil {
		return nil
	}
	return f(MutateExpr(e, func(c Expr) Expr { return Rewrite(c, f) }, nil))
}

// RewriteQuery returns q with f applied to every expression node from the leaves up, subqueries
// included; f gets the number of levels between the node and q.
func RewriteQuery(q *Query, f func(e Expr, level int) Expr) *Query { return rewriteQuery(q, 0, f) }

// RewriteLevels is RewriteQuery for an expression; e itself is at level 0.
func RewriteLevels(e Expr, f func(e Expr, level int) Expr) Expr { return rewriteLevels(e, 0, f) }

func rewriteQuery(q *Query, level int, f func(Expr, int) Expr) *Query {
	return MutateQuery(q,
		func(e Expr) Expr { return rewriteLevels(e, level, f) },
		func(sub *Query) *Query { return rewriteQuery(sub, level+1, f) })
}

func rewriteLevels(e Expr, level int, f func(Expr, int) Expr) Expr {
	if e == nil {
		return nil
	}
	return f(MutateExpr(e,
		func(c Expr) Expr { return rewriteLevels(c, level, f) },
		func(sub *Query) *Query { return rewriteQuery(sub, level+1, f) }), level)
}

// CopyQuery is a deep copy of q (constants' values are shared).
func CopyQuery(q *Query) *Query {
	return RewriteQuery(q, func(e Expr, _ int) Expr { return e })
}

// IncrementVarSublevelsUp returns e with delta added to the level of every Var and aggregate that
// refers to level minLevel or further out, counted from e.
func IncrementVarSublevelsUp(e Expr, delta, minLevel int) Expr {
	return RewriteLevels(e, func(e Expr, level int) Expr { return shiftLevel(e, delta, minLevel+level) })
}

// IncrementQuerySublevelsUp is IncrementVarSublevelsUp for a query; its own level is 0.
func IncrementQuerySublevelsUp(q *Query, delta, minLevel int) *Query {
	c := RewriteQuery(q, func(e Expr, level int) Expr { return shiftLevel(e, delta, minLevel+level) })
	shiftCTELevels(c, delta, minLevel)
	return c
}

func shiftLevel(e Expr, delta, minLevel int) Expr {
	switch n := e.(type) {
	case *Var:
		if n.Varlevelsup >= minLevel {
			n.Varlevelsup += delta
		}
	case *Aggref:
		if n.Agglevelsup >= minLevel {
			n.Agglevelsup += delta
		}
	case *GroupingFunc:
		if n.Agglevelsup >= minLevel {
			n.Agglevelsup += delta
		}
	}
	return e
}

// shiftCTELevels adjusts references to outer WITH queries. q is already a copy.
func shiftCTELevels(q *Query, delta, minLevel int) {
	for _, rte := range q.RTable {
		if rte.Rtekind == RTECTE && rte.Ctelevelsup >= minLevel {
			rte.Ctelevelsup += delta
		}
	}
	var sub func(level int) (func(Expr) bool, func(*Query) bool)
	sub = func(level int) (func(Expr) bool, func(*Query) bool) {
		onQuery := func(s *Query) bool { shiftCTELevels(s, delta, level+1); return false }
		var onExpr func(Expr) bool
		onExpr = func(e Expr) bool { return ExprTreeWalker(e, onExpr, onQuery) }
		return onExpr, onQuery
	}
	onExpr, onQuery := sub(minLevel)
	QueryTreeWalker(q, onExpr, onQuery)
}

// mutateVisitor replaces children of a node that has already been copied.
type mutateVisitor struct {
	nopVisitor
	f  func(Expr) Expr
	qf func(*Query) *Query
}

func (m *mutateVisitor) copied() {}

func (m *mutateVisitor) expr(p *Expr) {
	if *p != nil {
		*p = m.f(*p)
	}
}

func (m *mutateVisitor) exprs(p *[]Expr) {
	if len(*p) == 0 {
		return
	}
	s := append([]Expr(nil), *p...)
	for i := range s {
		m.expr(&s[i])
	}
	*p = s
}

func (m *mutateVisitor) exprLists(p *[][]Expr) {
	if len(*p) == 0 {
		return
	}
	s := append([][]Expr(nil), *p...)
	for i := range s {
		m.exprs(&s[i])
	}
	*p = s
}

func (m *mutateVisitor) words(p *[]uint64) {
	if len(*p) > 0 {
		*p = append([]uint64(nil), *p...)
	}
}

func (m *mutateVisitor) child(present bool, _ func(), f func(visitor)) {
	if present {
		f(m)
	}
}

func (m *mutateVisitor) list(n int, _ func(int), at func(int, visitor)) {
	for i := 0; i < n; i++ {
		at(i, m)
	}
}

func (m *mutateVisitor) subquery(p **Query) {
	if *p != nil && m.qf != nil {
		*p = m.qf(*p)
	}
}

func (m *mutateVisitor) joinNode(p *JoinNode) {
	switch n := (*p).(type) {
	case *RangeTblRef:
		c := *n
		*p = &c
	case *JoinExpr:
		c := *n
		c.fields(m)
		*p = &c
	case *FromExpr:
		c := *n
		c.fields(m)
		*p = &c
	}
}

func (m *mutateVisitor) setOpNode(p *SetOpNode) {
	switch n := (*p).(type) {
	case *RangeTblRef:
		c := *n
		*p = &c
	case *SetOperationStmt:
		c := *n
		c.fields(m)
		*p = &c
	}
}
