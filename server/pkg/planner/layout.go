package planner

import "github.com/pgzdb/pgz/server/pkg/query"

// layout says which column of a row holds the value of which expression.
type layout struct {
	vars  map[varKey]int
	exprs []slotExpr
	n     int // columns
}

type varKey struct {
	varno int
	attno int16
}

type slotExpr struct {
	e    query.Expr
	slot int
}

func newLayout() layout { return layout{vars: map[varKey]int{}} }

// addVar gives the next column to a variable.
func (l *layout) addVar(varno int, attno int16) int {
	l.vars[varKey{varno, attno}] = l.n
	l.n++
	return l.n - 1
}

// addExpr gives the next column to an expression.
func (l *layout) addExpr(e query.Expr) int {
	if v, ok := e.(*query.Var); ok && v.Varlevelsup == 0 {
		return l.addVar(v.Varno, v.Varattno)
	}
	l.exprs = append(l.exprs, slotExpr{e, l.n})
	l.n++
	return l.n - 1
}

// setVar says that a variable is in an existing column.
func (l *layout) setVar(varno int, attno int16, slot int) { l.vars[varKey{varno, attno}] = slot }

// slot finds an expression's column. Constants and parameters are never looked up.
func (l *layout) slot(e query.Expr) (int, bool) {
	switch v := e.(type) {
	case *query.Var:
		if v.Varlevelsup != 0 {
			return 0, false
		}
		s, ok := l.vars[varKey{v.Varno, v.Varattno}]
		return s, ok
	case *query.Const, *query.Param:
		return 0, false
	}
	for _, x := range l.exprs {
		if query.Equal(x.e, e) {
			return x.slot, true
		}
	}
	return 0, false
}

// concat is the layout of a row of a followed by a row of b.
func concat(a, b layout) layout {
	c := newLayout()
	for k, s := range a.vars {
		c.vars[k] = s
	}
	for k, s := range b.vars {
		c.vars[k] = a.n + s
	}
	c.exprs = append(c.exprs, a.exprs...)
	for _, x := range b.exprs {
		c.exprs = append(c.exprs, slotExpr{x.e, a.n + x.slot})
	}
	c.n = a.n + b.n
	return c
}

// copyOf is a layout that can grow without changing l.
func copyOf(l layout) layout {
	c := newLayout()
	for k, s := range l.vars {
		c.vars[k] = s
	}
	c.exprs = append(c.exprs, l.exprs...)
	c.n = l.n
	return c
}
