package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// collationStrength says where a collation comes from, weakest first.
type collationStrength int

const (
	collNone collationStrength = iota
	collImplicit
	collConflict
	collExplicit
)

// collState is the collation derived for an expression or merged from several.
type collState struct {
	coll     uint32
	strength collationStrength
	loc      int32
}

// merge combines a sibling's collation into s.
func (a *analyzer) merge(s *collState, n collState) error {
	switch {
	case n.strength > s.strength:
		*s = n
	case n.strength < s.strength || n.coll == s.coll:
	case n.strength == collImplicit:
		if s.coll == catalog.DefaultCollation {
			*s = n
		} else if n.coll != catalog.DefaultCollation {
			*s = collState{strength: collConflict, loc: n.loc}
		}
	case n.strength == collExplicit:
		return errAt(n.loc, pgerr.CollationMismatch, "collation mismatch between explicit collations \"%s\" and \"%s\"",
			a.collationName(s.coll), a.collationName(n.coll))
	}
	return nil
}

func (a *analyzer) collationName(oid uint32) string {
	c, err := a.cat.Collation(oid)
	if err != nil {
		a.fail(err)
	}
	if c == nil {
		return ""
	}
	return c.Name
}

// assignQueryCollations derives the collations of everything in q but its subqueries in FROM and
// WITH, which have theirs already.
func (ps *pstate) assignQueryCollations(q *query.Query) error {
	var err error
	query.QueryTreeWalker(q, func(e query.Expr) bool {
		err = ps.assignExprCollations(e)
		return err != nil
	}, nil)
	return err
}

// assignExprCollations derives collations for one expression.
func (ps *pstate) assignExprCollations(e query.Expr) error {
	if e == nil {
		return nil
	}
	_, err := ps.collate(e)
	return err
}

// commonCollation is the collation several expressions agree on; 0 if none. A conflict is an error
// unless noneOK.
func (ps *pstate) commonCollation(exprs []query.Expr, noneOK bool) (uint32, error) {
	var s collState
	for _, e := range exprs {
		n, err := ps.collate(e)
		if err != nil {
			return 0, err
		}
		if err := ps.merge(&s, n); err != nil {
			return 0, err
		}
	}
	if s.strength == collConflict {
		if !noneOK {
			return 0, errAt(s.loc, pgerr.CollationMismatch, "collation mismatch between implicit collations").
				WithHint("You can choose the collation by applying the COLLATE clause to one or both expressions.")
		}
		return 0, nil
	}
	return s.coll, nil
}

// leaf is the state of a node whose collation is fixed.
func leafCollation(e query.Expr) collState {
	if c := e.Collation(); c != 0 {
		return collState{c, collImplicit, e.Location()}
	}
	return collState{}
}

// collate assigns collations below and at e and returns e's.
func (ps *pstate) collate(e query.Expr) (collState, error) {
	switch n := e.(type) {
	case *query.Var, *query.Const, *query.Param, *query.CaseTestExpr, *query.SetToDefault, *query.CoerceToDomainValue:
		return leafCollation(e), nil
	case *query.CollateExpr:
		if _, err := ps.collate(n.Arg); err != nil {
			return collState{}, err
		}
		return collState{n.Colloid, collExplicit, n.Loc}, nil
	case *query.FieldSelect:
		_, err := ps.collate(n.Arg)
		return leafCollation(e), err
	case *query.RowExpr, *query.RowCompareExpr:
		return ps.collateRow(e)
	case *query.SubLink:
		if n.Testexpr != nil {
			if _, err := ps.collate(n.Testexpr); err != nil {
				return collState{}, err
			}
		}
		return leafCollation(e), nil
	case *query.Aggref:
		return ps.collateAgg(n)
	}
	s, err := ps.collateChildren(e)
	if err != nil {
		return collState{}, err
	}
	return ps.setCollation(e, s), nil
}

// collateChildren merges the collations of the parts that count.
func (ps *pstate) collateChildren(e query.Expr) (collState, error) {
	var s collState
	var err error
	one := func(c query.Expr, counts bool) bool {
		if c == nil || err != nil {
			return err != nil
		}
		var n collState
		if n, err = ps.collate(c); err == nil && counts {
			err = ps.merge(&s, n)
		}
		return err != nil
	}
	switch n := e.(type) {
	case *query.CaseExpr:
		one(n.Arg, false)
		for _, w := range n.Args {
			one(w.Expr, false)
			one(w.Result, true)
		}
		one(n.Defresult, true)
	case *query.SubscriptingRef:
		for _, x := range append(append([]query.Expr(nil), n.Refupperindexpr...), n.Reflowerindexpr...) {
			one(x, false)
		}
		one(n.Refexpr, true)
		one(n.Refassgnexpr, false)
	case *query.ArrayCoerceExpr:
		one(n.Arg, true)
		if t, ok := caseTestOf(n.Elemexpr); ok {
			t.Collid = n.Arg.Collation()
		}
		one(n.Elemexpr, false)
	case *query.WindowFunc:
		for _, x := range n.Args {
			one(x, true)
		}
		one(n.Aggfilter, false)
	default:
		query.ExprTreeWalker(e, func(c query.Expr) bool { return one(c, true) }, nil)
	}
	return s, err
}

// caseTestOf finds the element an array coercion's Elemexpr works on.
func caseTestOf(e query.Expr) (*query.CaseTestExpr, bool) {
	var found *query.CaseTestExpr
	query.Walk(e, func(e query.Expr) bool {
		if t, ok := e.(*query.CaseTestExpr); ok {
			found = t
		}
		return found == nil
	})
	return found, found != nil
}

// setCollation stores the collation of the inputs, s, and of the result at e, and returns the
// latter.
func (ps *pstate) setCollation(e query.Expr, s collState) collState {
	var out collState
	if def := ps.typeCollation(e.Type()); def != 0 {
		if s.strength > collNone {
			out = s
		} else {
			out = collState{def, collImplicit, e.Location()}
		}
	}
	result, input := out.coll, s.coll
	switch n := e.(type) {
	case *query.FuncExpr:
		n.Funccollid, n.Inputcollid = result, input
	case *query.OpExpr:
		n.Opcollid, n.Inputcollid = result, input
	case *query.DistinctExpr:
		n.Opcollid, n.Inputcollid = result, input
	case *query.NullIfExpr:
		n.Opcollid, n.Inputcollid = result, input
	case *query.ScalarArrayOpExpr:
		n.Inputcollid = input
	case *query.SubscriptingRef:
		n.Refcollid = result
	case *query.RelabelType:
		n.Resultcollid = result
	case *query.CoerceViaIO:
		n.Resultcollid = result
	case *query.ArrayCoerceExpr:
		n.Resultcollid = result
	case *query.CaseExpr:
		n.Casecollid = result
	case *query.ArrayExpr:
		n.ArrayCollid = result
	case *query.CoalesceExpr:
		n.Coalescecollid = result
	case *query.MinMaxExpr:
		n.Minmaxcollid, n.Inputcollid = result, input
	case *query.CoerceToDomain:
		n.Resultcollid = result
	case *query.WindowFunc:
		n.Wincollid, n.Inputcollid = result, input
	}
	return out
}

// collateRow: the parts of a row do not influence each other.
func (ps *pstate) collateRow(e query.Expr) (collState, error) {
	switch n := e.(type) {
	case *query.RowExpr:
		for _, a := range n.Args {
			if _, err := ps.collate(a); err != nil {
				return collState{}, err
			}
		}
	case *query.RowCompareExpr:
		for i := range n.Largs {
			c, err := ps.commonCollation([]query.Expr{n.Largs[i], n.Rargs[i]}, true)
			if err != nil {
				return collState{}, err
			}
			n.Inputcollids[i] = c
		}
	}
	return collState{}, nil
}

// collateAgg: junk arguments (ORDER BY's) do not count.
func (ps *pstate) collateAgg(n *query.Aggref) (collState, error) {
	var s collState
	for _, te := range n.Args {
		c, err := ps.collate(te.Expr)
		if err != nil {
			return s, err
		}
		if !te.Resjunk {
			if err := ps.merge(&s, c); err != nil {
				return s, err
			}
		}
	}
	if n.Aggfilter != nil {
		if _, err := ps.collate(n.Aggfilter); err != nil {
			return s, err
		}
	}
	n.Inputcollid = s.coll
	var out collState
	if def := ps.typeCollation(n.Aggtype); def != 0 {
		out = s
		if s.strength == collNone {
			out = collState{def, collImplicit, n.Loc}
		}
	}
	n.Aggcollid = out.coll
	return out, nil
}
