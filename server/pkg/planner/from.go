package planner

import (
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// source is one input of a join problem: a range table entry or an outer join.
type source struct {
	set   relset
	rti   int // 0 for an outer join
	rte   *query.RangeTblEntry
	rel   *Rel
	quals []query.Expr // conditions on this source alone
	// deps are the relations whose rows a LATERAL source reads, params the values.
	deps   relset
	params []SubplanParamExpr
	// typ is how the source joins what is before it: inner, or semi and anti made
	// from sublinks, whose conditions are in on.
	typ query.JoinType
	on  []query.Expr

	join *outerJoin
	node Node // computed input of a subquery, function, VALUES or CTE
	lay  layout
}

// outerJoin is LEFT, RIGHT (turned into LEFT) or FULL JOIN.
type outerJoin struct {
	typ         query.JoinType
	left, right *problem
	on          []query.Expr
}

// outerCheck is what makes a row of the nullable side of a LEFT JOIN match.
type outerCheck struct {
	on       []query.Expr
	nullable relset
}

// problem is a set of inputs to be joined in any order, and the conditions between them.
type problem struct {
	sources []*source
	quals   []query.Expr
}

func (p *problem) set() relset {
	var s relset
	for _, src := range p.sources {
		s = s.union(src.set)
	}
	return s
}

// joinTree turns FROM and WHERE into a join problem.
func (l *level) joinTree(from *query.FromExpr) (*problem, error) {
	p := &problem{}
	if len(l.q.RTable) > relsetMax {
		return nil, tooManyTables()
	}
	if err := l.fromExpr(p, from); err != nil {
		return nil, err
	}
	return p, l.lockable(p)
}

// lockable refuses row locks on the nullable side of what stayed an outer join: there may
// be no row to lock.
func (l *level) lockable(p *problem) error {
	for _, src := range p.sources {
		j := src.join
		if j == nil {
			continue
		}
		nullable := j.right.set()
		if j.typ == query.JoinFull {
			nullable = src.set
		}
		for _, m := range l.q.RowMarks {
			if relsetOf(m.Rti).within(nullable) {
				return pgerr.Newf(pgerr.FeatureNotSupportedCode, "%s cannot be applied to the nullable side of an outer join", m.Strength)
			}
		}
		for _, side := range []*problem{j.left, j.right} {
			if err := l.lockable(side); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *level) fromExpr(p *problem, from *query.FromExpr) error {
	quals := l.pushDown(from, conjuncts(from.Quals))
	for _, n := range from.Fromlist {
		if err := l.joinNode(p, n); err != nil {
			return err
		}
	}
	return l.where(p, quals)
}

// where adds conditions to a problem, each as deep as it may go.
func (l *level) where(p *problem, quals []query.Expr) error {
	for _, q := range quals {
		l.quals = append(l.quals, q)
		done, err := l.pullSublink(p, q)
		if err != nil {
			return err
		}
		if !done {
			l.place(p, q)
		}
	}
	return nil
}

// place puts a condition on the only source it reads, or leaves it to the join.
func (l *level) place(p *problem, q query.Expr) {
	set := l.refs(q)
	if !set.empty() && !volatile(q) {
		for _, src := range p.sources {
			if !set.within(src.set) || src.typ != query.JoinInner {
				continue
			}
			if src.join != nil && src.join.typ == query.JoinLeft {
				if set.within(src.join.left.set()) {
					l.place(src.join.left, q)
					return
				}
				if rejectsNulls(q, src.join.right.set()) {
					src.join.typ = query.JoinInner
				}
			}
			if src.join != nil && src.join.typ == query.JoinInner {
				l.dissolve(p, src)
				l.place(p, q)
				return
			}
			src.quals = append(src.quals, q)
			return
		}
	}
	p.quals = append(p.quals, q)
}

// dissolve merges an outer join that turned out to be inner into its problem.
func (l *level) dissolve(p *problem, src *source) {
	for i, s := range p.sources {
		if s == src {
			p.sources = append(p.sources[:i:i], p.sources[i+1:]...)
			break
		}
	}
	p.sources = append(p.sources, src.join.left.sources...)
	p.sources = append(p.sources, src.join.right.sources...)
	quals := append(append(append(append([]query.Expr(nil), src.join.left.quals...), src.join.right.quals...), src.join.on...), src.quals...)
	for _, q := range quals {
		l.place(p, q)
	}
}

func (l *level) joinNode(p *problem, n query.JoinNode) error {
	switch n := n.(type) {
	case *query.RangeTblRef:
		src, err := l.source(n.Rtindex)
		if err != nil {
			return err
		}
		p.sources = append(p.sources, src)
		return nil
	case *query.FromExpr:
		return l.fromExpr(p, n)
	case *query.JoinExpr:
		return l.joinExpr(p, n)
	}
	return pgerr.Internal("join tree node %T", n)
}

func (l *level) joinExpr(p *problem, n *query.JoinExpr) error {
	if n.Jointype == query.JoinInner {
		if err := l.joinNode(p, n.Larg); err != nil {
			return err
		}
		if err := l.joinNode(p, n.Rarg); err != nil {
			return err
		}
		return l.where(p, conjuncts(n.Quals))
	}
	j := &outerJoin{typ: n.Jointype, left: &problem{}, right: &problem{}}
	larg, rarg := n.Larg, n.Rarg
	if n.Jointype == query.JoinRight {
		j.typ, larg, rarg = query.JoinLeft, rarg, larg
	}
	if err := l.joinNode(j.left, larg); err != nil {
		return err
	}
	// What holds within the nullable side holds only where that has a row.
	quals := l.quals
	l.quals = nil
	if err := l.joinNode(j.right, rarg); err != nil {
		return err
	}
	if j.typ == query.JoinLeft {
		on := append(l.quals, conjuncts(n.Quals)...)
		l.outers = append(l.outers, outerCheck{on: on, nullable: j.right.set()})
	}
	l.quals = quals
	src := &source{join: j, set: j.left.set().union(j.right.set())}
	for _, q := range conjuncts(n.Quals) {
		set := l.refs(q)
		if j.typ == query.JoinLeft && !set.empty() && set.within(j.right.set()) && !volatile(q) {
			l.place(j.right, q)
			continue
		}
		j.on = append(j.on, q)
	}
	for _, s := range append(append([]*source(nil), j.left.sources...), j.right.sources...) {
		src.deps = src.deps.union(s.deps)
	}
	src.deps = src.deps.minus(src.set)
	p.sources = append(p.sources, src)
	return nil
}

// refs is the set of this level's relations that an expression reads, sublinks included.
func (l *level) refs(e query.Expr) relset {
	var s relset
	query.WalkLevels(e, func(e query.Expr, level int) bool {
		if v, ok := e.(*query.Var); ok && v.Varlevelsup == level {
			s = s.union(relsetOf(v.Varno))
		}
		return true
	})
	return s
}

// volatile tells whether an expression may differ at each evaluation or has effects.
func volatile(e query.Expr) bool {
	found := false
	check := func(oid uint32) {
		if p := expr.Lookup(oid); p != nil {
			found = found || p.Volatility == expr.Volatile
		} else if s := expr.LookupSet(oid); s != nil {
			found = found || s.Volatility == expr.Volatile
		} else if oid >= expr.FirstUserOID {
			found = true
		}
	}
	query.WalkLevels(e, func(e query.Expr, _ int) bool {
		switch n := e.(type) {
		case *query.FuncExpr:
			check(n.Funcid)
		case *query.OpExpr:
			check(n.Opfuncid)
		case *query.NextValueExpr:
			found = true
		}
		return !found
	})
	return found
}

func hasSublink(e query.Expr) bool {
	found := false
	query.Walk(e, func(e query.Expr) bool {
		if _, ok := e.(*query.SubLink); ok {
			found = true
		}
		return !found
	})
	return found
}

// rejectsNulls tells whether a condition cannot be true when the relations of set
// are all null: it makes a LEFT JOIN with them on the right an inner join.
func rejectsNulls(q query.Expr, set relset) bool {
	switch n := q.(type) {
	case *query.OpExpr:
		return strictOn(n, set)
	case *query.NullTest:
		return n.Nulltesttype == query.IsNotNull && !n.Argisrow && strictOn(n.Arg, set)
	case *query.BooleanTest:
		return (n.Booltesttype == query.IsTrue || n.Booltesttype == query.IsFalse) && strictOn(n.Arg, set)
	}
	return strictOn(q, set)
}

// strictOn tells whether e is null when the relations of set are all null.
func strictOn(e query.Expr, set relset) bool {
	switch n := e.(type) {
	case *query.Var:
		return n.Varlevelsup == 0 && relsetOf(n.Varno).within(set)
	case *query.RelabelType:
		return strictOn(n.Arg, set)
	case *query.OpExpr:
		return strictCall(n.Opfuncid, n.Args, set)
	case *query.FuncExpr:
		return !n.Funcretset && strictCall(n.Funcid, n.Args, set)
	case *query.ScalarArrayOpExpr:
		p := expr.Lookup(n.Opfuncid)
		return p != nil && !p.NonStrict && n.UseOr && strictOn(n.Args[0], set)
	}
	return false
}

func strictCall(oid uint32, args []query.Expr, set relset) bool {
	p := expr.Lookup(oid)
	if p == nil || p.NonStrict {
		return false
	}
	for _, a := range args {
		if strictOn(a, set) {
			return true
		}
	}
	return false
}
