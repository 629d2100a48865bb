package session

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// lifter replaces the literals of a statement by parameters, where the
// statement is of a kind that may share plans: SELECT, UPDATE, DELETE of one
// table whose conditions are `column operator literal`, INSERT of one row.
type lifter struct {
	literals []literal
	lifted   int
	other    bool // something that is not on the list
}

// lift rewrites stmt in place and reports whether every literal was lifted.
func lift(stmt ast.Node, literals []literal) bool {
	l := &lifter{literals: literals}
	switch n := stmt.(type) {
	case *ast.SelectStmt:
		l.selectStmt(n)
	case *ast.UpdateStmt:
		l.other = n.WithClause != nil || len(n.FromClause) > 0
		for _, t := range n.TargetList {
			l.assignment(t)
		}
		l.condition(&n.WhereClause)
		l.targets(n.ReturningList)
	case *ast.DeleteStmt:
		l.other = n.WithClause != nil || len(n.UsingClause) > 0
		l.condition(&n.WhereClause)
		l.targets(n.ReturningList)
	case *ast.InsertStmt:
		l.insert(n)
	default:
		return false
	}
	return !l.other && l.lifted == len(literals)
}

func (l *lifter) selectStmt(n *ast.SelectStmt) {
	l.other = n.Op != ast.SETOP_NONE || n.WithClause != nil || n.IntoClause != nil || len(n.FromClause) != 1 ||
		len(n.DistinctClause)+len(n.GroupClause)+len(n.WindowClause)+len(n.ValuesLists)+len(n.SortClause) > 0 ||
		n.HavingClause != nil || n.LimitCount != nil || n.LimitOffset != nil
	if l.other {
		return
	}
	if _, ok := n.FromClause[0].(*ast.RangeVar); !ok {
		l.other = true
	}
	l.targets(n.TargetList)
	l.condition(&n.WhereClause)
}

func (l *lifter) insert(n *ast.InsertStmt) {
	sel, ok := n.SelectStmt.(*ast.SelectStmt)
	if !ok || len(sel.ValuesLists) != 1 || n.WithClause != nil || n.OnConflictClause != nil || sel.WithClause != nil ||
		sel.SortClause != nil || sel.LimitCount != nil || sel.LimitOffset != nil {
		l.other = true
		return
	}
	row, ok := sel.ValuesLists[0].(*ast.List)
	if !ok {
		l.other = true
		return
	}
	for i := range row.Items {
		if !l.literal(&row.Items[i]) {
			l.plain(row.Items[i])
		}
	}
	l.targets(n.ReturningList)
}

// targets checks a list of result columns: plain columns only.
func (l *lifter) targets(list []ast.Node) {
	for _, n := range list {
		t, ok := n.(*ast.ResTarget)
		if !ok {
			l.other = true
			return
		}
		if _, ok := t.Val.(*ast.ColumnRef); !ok {
			l.other = true
		}
	}
}

// assignment is one item of SET: a literal, column operator literal, or an
// expression without literals.
func (l *lifter) assignment(n ast.Node) {
	t, ok := n.(*ast.ResTarget)
	if !ok {
		l.other = true
		return
	}
	if !l.literal(&t.Val) && !l.comparison(t.Val) {
		l.plain(t.Val)
	}
}

// condition is a conjunction of comparisons.
func (l *lifter) condition(n *ast.Node) {
	switch c := (*n).(type) {
	case nil:
	case *ast.BoolExpr:
		if c.Boolop != ast.AND_EXPR {
			l.other = true
			return
		}
		for i := range c.Args {
			l.condition(&c.Args[i])
		}
	default:
		if !l.comparison(*n) {
			l.plain(*n)
		}
	}
}

// comparison is `column operator literal`.
func (l *lifter) comparison(n ast.Node) bool {
	e, ok := n.(*ast.A_Expr)
	if !ok || e.Kind != ast.AEXPR_OP {
		return false
	}
	if _, ok := e.Lexpr.(*ast.ColumnRef); !ok {
		return false
	}
	return l.literal(&e.Rexpr)
}

// literal replaces a constant by the parameter of its place in the text.
func (l *lifter) literal(n *ast.Node) bool {
	c, ok := (*n).(*ast.A_Const)
	if !ok || c.Isnull {
		return false
	}
	switch c.Val.(type) {
	case *ast.Integer, *ast.Float, *ast.String:
	default:
		return false
	}
	for i := range l.literals {
		if int32(l.literals[i].from) == c.Location {
			*n = &ast.ParamRef{Number: int32(i + 1), Location: c.Location}
			l.lifted++
			return true
		}
	}
	return false
}

// plain checks an expression that holds no literal and no subquery.
func (l *lifter) plain(n ast.Node) {
	ast.Walk(n, func(c ast.Node) bool {
		switch c := c.(type) {
		case *ast.A_Const:
			_, isBool := c.Val.(*ast.Boolean)
			if !c.Isnull && !isBool {
				l.other = true
			}
		case *ast.SubLink, *ast.ParamRef, *ast.TypeName:
			l.other = true
		}
		return !l.other
	})
}

// runShape runs text through the cache of shapes. done is false when it has no
// entry there, or its run failed in a way whose message may depend on the
// literals: then the caller goes the long way, as if nothing had happened.
func (s *Session) runShape(text string) (done bool, err error) {
	if !s.shapes.sc.scan(text) {
		return false, nil
	}
	st := s.shapes.byKey[string(s.shapes.sc.key)]
	if st == nil { // unknown, or known to have no plan to share
		return false, nil
	}
	if s.tx.block == blockFailed {
		return true, errFailedBlock()
	}
	s.beginTxn()
	if !s.stillValid(st) {
		delete(s.shapes.byKey, string(s.shapes.sc.key))
		return false, nil
	}
	p := s.recycle(nil, st)
	s.out.Mark()
	if err = s.literalParams(st, p, text); err == nil {
		p.describe = true
		_, err = s.runPortal(p, 0)
	}
	op := p.state.WriteOp
	s.stopPortal(p)
	s.spare = p
	if err != nil && retryUncached(err) && s.out.Rewind() {
		if s.tx.txn != nil && op > 0 {
			if err := s.tx.txn.RollbackTo(op); err != nil {
				return true, storeError(err)
			}
		}
		return false, nil
	}
	if err == nil {
		err = s.endImplicit(nil)
	}
	if err != nil {
		return true, err
	}
	s.completePortal(p)
	return true, nil
}

// retryUncached tells errors whose message or position may stem from a
// literal: those about data and about names and types.
func retryUncached(err error) bool {
	code := pgerr.Code(err)
	return len(code) == 5 && (code[:2] == "22" || code[:2] == "42")
}

// learnShape makes an entry for the statement ran, which has just run, if its
// kind is on the list; what is not on the list is remembered, too. It reports
// whether the shape has an entry that will serve text from now on.
func (s *Session) learnShape(ran *statement, text string) bool {
	sc := &s.shapes.sc
	if !ran.isQuery() || !sc.scan(text) {
		return false
	}
	if st, known := s.shapes.byKey[string(sc.key)]; known {
		return st != nil
	}
	st := s.shapeStatement(ran, text)
	s.shapes.put(sc.key, st)
	return st != nil
}

// shapeStatement prepares text with its literals as parameters, nil if that is
// not on the list or does not make a plan of one key.
func (s *Session) shapeStatement(ran *statement, text string) *statement {
	if ran.plan.Point == nil {
		return nil
	}
	literals := s.shapes.sc.literals
	stmts, err := s.parse(text)
	if err != nil || len(stmts) != 1 || !lift(stmts[0].Stmt, literals) {
		return nil
	}
	params := make([]uint32, len(literals))
	for i := range params {
		params[i] = literals[i].class.paramType()
	}
	st := &statement{text: text, raw: stmts[0]}
	if err := s.prepare(st, &params); err != nil || st.plan == nil || st.plan.Point == nil {
		return nil
	}
	return st
}
