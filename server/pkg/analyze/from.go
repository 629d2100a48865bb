package analyze

import (
	"strconv"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

func itoa(n int) string { return strconv.Itoa(n) }

// fromClause adds every FROM item to the join list and namespace.
func (ps *pstate) fromClause(list []ast.Node) error {
	for _, n := range list {
		node, _, namespace, err := ps.fromItem(n)
		if err != nil {
			return err
		}
		if err := checkNameConflicts(ps.namespace, namespace); err != nil {
			return err
		}
		setLateral(namespace, true, true)
		ps.joinList = append(ps.joinList, node)
		ps.namespace = append(ps.namespace, namespace...)
	}
	setLateral(ps.namespace, false, true)
	return nil
}

func setLateral(items []*nsItem, only, ok bool) {
	for _, ns := range items {
		ns.lateralOnly, ns.lateralOK = only, ok
	}
}

// fromItem resolves one FROM item: its join tree node, the item all its columns are in, and what
// it adds to the namespace.
func (ps *pstate) fromItem(n ast.Node) (query.JoinNode, *nsItem, []*nsItem, error) {
	var ns *nsItem
	var err error
	switch n := n.(type) {
	case *ast.JoinExpr:
		return ps.join(n)
	case *ast.RangeVar:
		ns, err = ps.rangeVar(n)
	case *ast.RangeSubselect:
		ns, err = ps.rangeSubselect(n)
	case *ast.RangeFunction:
		ns, err = ps.rangeFunction(n)
	case *ast.RangeTableSample:
		err = unsupported(-1, "TABLESAMPLE")
	case *ast.RangeTableFunc:
		err = unsupported(n.Location, "XMLTABLE")
	default:
		err = unsupported(-1, n.Tag()+" in FROM")
	}
	if err != nil {
		return nil, nil, nil, err
	}
	return &query.RangeTblRef{Rtindex: ns.rtindex}, ns, []*nsItem{ns}, nil
}

// rangeVar is a table, view or WITH query by name.
func (ps *pstate) rangeVar(rv *ast.RangeVar) (*nsItem, error) {
	if rv.Schemaname == "" {
		if cte, level := ps.findCTE(rv.Relname); cte != nil {
			return ps.addCTE(cte, level, rv)
		}
	}
	t, err := ps.openTable(rv)
	if err != nil {
		return nil, err
	}
	lock := uint8(lockAccessShare)
	if ps.isLocked(rv) {
		lock = lockRowShare
	}
	return ps.addRelation(t, rv.Alias, rv.Inh, true, lock)
}

// isLocked tells whether FOR UPDATE or the like will lock the item.
func (ps *pstate) isLocked(rv *ast.RangeVar) bool {
	if ps.parentLocked {
		return true
	}
	name := rv.Relname
	if rv.Alias != nil {
		name = rv.Alias.Aliasname
	}
	for _, lc := range ps.lockingClauses {
		if lc.LockedRels == nil {
			return true
		}
		for _, r := range lc.LockedRels {
			if r, ok := r.(*ast.RangeVar); ok && r.Relname == name {
				return true
			}
		}
	}
	return false
}

func (ps *pstate) rangeSubselect(n *ast.RangeSubselect) (*nsItem, error) {
	if n.Alias == nil {
		what := "subquery in FROM must have an alias"
		hint := "For example, FROM (SELECT ...) [AS] foo."
		if s, ok := n.Subquery.(*ast.SelectStmt); ok && s.ValuesLists != nil {
			what, hint = "VALUES in FROM must have an alias", "For example, FROM (VALUES ...) [AS] foo."
		}
		return nil, errAt(-1, pgerr.SyntaxError, "%s", what).WithHint(hint)
	}
	var q *query.Query
	err := ps.withKind(kindFromSubselect, func() (err error) {
		saved := ps.lateralActive
		ps.lateralActive = n.Lateral
		q, err = ps.subStatement(n.Subquery, ps.isLocked(&ast.RangeVar{Relname: n.Alias.Aliasname}), true)
		ps.lateralActive = saved
		return err
	})
	if err != nil {
		return nil, err
	}
	return ps.addSubquery(q, n.Alias, n.Lateral, true)
}

// join is an explicit JOIN.
func (ps *pstate) join(n *ast.JoinExpr) (query.JoinNode, *nsItem, []*nsItem, error) {
	fail := func(err error) (query.JoinNode, *nsItem, []*nsItem, error) { return nil, nil, nil, err }
	j := &query.JoinExpr{Jointype: query.JoinType(n.Jointype), IsNatural: n.IsNatural, Alias: aliasOf(n.Alias),
		JoinUsing: aliasOf(n.JoinUsingAlias)}
	larg, left, lspace, err := ps.fromItem(n.Larg)
	if err != nil {
		return fail(err)
	}
	setLateral(lspace, true, j.Jointype == query.JoinInner || j.Jointype == query.JoinLeft)
	saved := len(ps.namespace)
	ps.namespace = append(ps.namespace, lspace...)
	rarg, right, rspace, err := ps.fromItem(n.Rarg)
	ps.namespace = ps.namespace[:saved]
	if err != nil {
		return fail(err)
	}
	if err := checkNameConflicts(lspace, rspace); err != nil {
		return fail(err)
	}
	j.Larg, j.Rarg = larg, rarg
	space := append(append([]*nsItem(nil), lspace...), rspace...)
	b := &joinBuilder{ps: ps, j: j, left: left, right: right}
	using := ast.Strings(n.UsingClause)
	if n.IsNatural {
		using = b.commonNames()
	}
	if len(using) > 0 {
		j.UsingClause = using
		if err := b.using(using); err != nil {
			return fail(err)
		}
	} else if n.Quals != nil {
		if j.Quals, err = ps.joinOn(n.Quals, space); err != nil {
			return fail(err)
		}
	}
	b.rest()
	ns, err := b.finish(n.Alias)
	if err != nil {
		return fail(err)
	}
	if n.Alias != nil {
		space = nil
	}
	for _, s := range space {
		s.colsVisible = false
	}
	if j.JoinUsing != nil {
		item, err := b.usingAlias(j.JoinUsing, ns)
		if err != nil {
			return fail(err)
		}
		if err := checkNameConflicts([]*nsItem{item}, space); err != nil {
			return fail(err)
		}
		space = append(space, item)
	}
	ns.relVisible, ns.colsVisible, ns.lateralOnly, ns.lateralOK = n.Alias != nil, true, false, true
	return j, ns, append(space, ns), nil
}

// joinOn resolves the condition of JOIN ... ON; it sees the two sides only.
func (ps *pstate) joinOn(quals ast.Node, space []*nsItem) (query.Expr, error) {
	setLateral(space, false, true)
	saved := ps.namespace
	ps.namespace = space
	var e query.Expr
	err := ps.withKind(kindJoinOn, func() (err error) {
		e, err = ps.whereExpr(quals, "JOIN/ON")
		return err
	})
	ps.namespace = saved
	return e, err
}

// joinBuilder gathers the columns of a join: merged ones, then the rest of left and right.
type joinBuilder struct {
	ps          *pstate
	j           *query.JoinExpr
	left, right *nsItem

	names               []string
	alias               []query.Expr
	columns             []nsColumn
	leftCols, rightCols []int
	merged              int
	usedLeft, usedRight map[int]bool
}

// commonNames are the columns of NATURAL JOIN.
func (b *joinBuilder) commonNames() []string {
	var names []string
	for i, l := range b.left.names.Colnames {
		if l == "" || b.left.columns[i].varno == 0 {
			continue
		}
		for _, r := range b.right.names.Colnames {
			if l == r {
				names = append(names, l)
				break
			}
		}
	}
	return names
}

// using merges the named columns and makes the join condition.
func (b *joinBuilder) using(names []string) error {
	b.usedLeft, b.usedRight = map[int]bool{}, map[int]bool{}
	type pair struct{ l, r *query.Var }
	var pairs []pair
	for i, name := range names {
		for _, other := range names[:i] {
			if other == name {
				return errAt(-1, pgerr.DuplicateColumn, "column name \"%s\" appears more than once in USING clause", name)
			}
		}
		li, err := usingColumn(b.left, name, "left")
		if err != nil {
			return err
		}
		ri, err := usingColumn(b.right, name, "right")
		if err != nil {
			return err
		}
		b.usedLeft[li], b.usedRight[ri] = true, true
		b.names = append(b.names, name)
		b.leftCols, b.rightCols = append(b.leftCols, li+1), append(b.rightCols, ri+1)
		l, r := b.left.newVar(li, 0, -1), b.right.newVar(ri, 0, -1)
		b.ps.markSelected(l)
		b.ps.markSelected(r)
		pairs = append(pairs, pair{l, r})
	}
	var quals []query.Expr
	for i, p := range pairs {
		eq, err := b.ps.makeOp([]string{"="}, p.l, p.r, -1)
		if err != nil {
			return err
		}
		quals = append(quals, eq)
		l, r := b.left.newVar(b.leftCols[i]-1, 0, -1), b.right.newVar(b.rightCols[i]-1, 0, -1)
		m, err := b.ps.mergedColumn(b.j.Jointype, l, r)
		if err != nil {
			return err
		}
		b.alias = append(b.alias, m)
		switch m {
		case query.Expr(l):
			b.columns = append(b.columns, b.left.columns[b.leftCols[i]-1])
		case query.Expr(r):
			b.columns = append(b.columns, b.right.columns[b.rightCols[i]-1])
		default:
			b.columns = append(b.columns, nsColumn{varno: -1, attno: int16(i + 1), typ: m.Type(), typmod: m.Typmod(), coll: m.Collation()})
		}
	}
	b.merged = len(names)
	cond := quals[0]
	if len(quals) > 1 {
		cond = &query.BoolExpr{Boolop: query.AndExpr, Args: quals, Loc: -1}
	}
	cond, err := b.ps.coerceToBoolean(cond, "JOIN/USING")
	b.j.Quals = cond
	return err
}

func usingColumn(ns *nsItem, name, side string) (int, error) {
	found := -1
	for i, n := range ns.names.Colnames {
		if n != name || ns.columns[i].varno == 0 {
			continue
		}
		if found >= 0 {
			return 0, errAt(-1, pgerr.AmbiguousColumn, "common column name \"%s\" appears more than once in %s table", name, side)
		}
		found = i
	}
	if found < 0 {
		return 0, errAt(-1, pgerr.UndefinedColumn,
			"column \"%s\" specified in USING clause does not exist in %s table", name, side)
	}
	return found, nil
}

// mergedColumn is what a USING column of the join stands for: l or r themselves where possible.
func (ps *pstate) mergedColumn(jt query.JoinType, l, r *query.Var) (query.Expr, error) {
	typ, typmod := l.Vartype, l.Vartypmod
	if typ != r.Vartype {
		t, _, err := ps.selectCommonType([]query.Expr{l, r}, "JOIN/USING")
		if err != nil {
			return nil, err
		}
		typ, typmod = t, commonTypmod([]query.Expr{l, r}, t)
	} else if typmod != r.Vartypmod {
		typmod = -1
	}
	side := func(v *query.Var) (query.Expr, error) {
		if v.Vartype != typ {
			return ps.coerceType(v, v.Vartype, typ, typmod, coerceImplicit, query.CoerceImplicitCast, -1)
		}
		if v.Vartypmod != typmod {
			return &query.RelabelType{Arg: v, Resulttype: typ, Resulttypmod: typmod, Resultcollid: v.Varcollid,
				Relabelformat: query.CoerceImplicitCast, Loc: -1}, nil
		}
		return v, nil
	}
	le, err := side(l)
	if err != nil {
		return nil, err
	}
	re, err := side(r)
	if err != nil {
		return nil, err
	}
	var m query.Expr
	switch jt {
	case query.JoinInner:
		m = le
		if le != query.Expr(l) && re == query.Expr(r) {
			m = re
		}
	case query.JoinLeft:
		m = le
	case query.JoinRight:
		m = re
	default:
		m = &query.CoalesceExpr{Coalescetype: typ, Args: []query.Expr{le, re}, Loc: -1}
	}
	return m, ps.assignExprCollations(m)
}

// rest adds the columns that were not merged.
func (b *joinBuilder) rest() {
	add := func(ns *nsItem, used map[int]bool, left bool) {
		for i, name := range ns.names.Colnames {
			if used[i] || ns.columns[i].varno == 0 {
				continue
			}
			b.names = append(b.names, name)
			b.alias = append(b.alias, ns.newVar(i, 0, -1))
			b.columns = append(b.columns, ns.columns[i])
			if left {
				b.leftCols = append(b.leftCols, i+1)
			} else {
				b.rightCols = append(b.rightCols, i+1)
			}
		}
	}
	add(b.left, b.usedLeft, true)
	add(b.right, b.usedRight, false)
}

// finish adds the join's own range table entry.
func (b *joinBuilder) finish(alias *ast.Alias) (*nsItem, error) {
	name := "unnamed_join"
	if alias != nil {
		name = alias.Aliasname
		given := ast.Strings(alias.Colnames)
		if len(given) > len(b.names) {
			return nil, errAt(-1, pgerr.InvalidColumnReference,
				"join expression \"%s\" has %d columns available but %d columns specified", name, len(b.names), len(given))
		}
		b.names = append([]string(nil), b.names...)
		copy(b.names, given)
	}
	rte := &query.RangeTblEntry{Rtekind: query.RTEJoin, Jointype: b.j.Jointype, Joinmergedcols: b.merged,
		Joinaliasvars: b.alias, Joinleftcols: b.leftCols, Joinrightcols: b.rightCols, JoinUsingAlias: b.j.JoinUsing,
		Alias: b.j.Alias, Eref: &query.Alias{Aliasname: name, Colnames: b.names}, InFromCl: true}
	ns := &nsItem{names: rte.Eref, rte: rte, rtindex: b.ps.addEntry(rte, nil), columns: b.columns}
	for i := range ns.columns {
		if ns.columns[i].varno == -1 {
			ns.columns[i].varno = ns.rtindex
		}
	}
	b.ps.joinExprs[ns.rtindex-1] = b.j
	b.j.Rtindex = ns.rtindex
	return ns, nil
}

// usingAlias makes the item of JOIN ... USING (...) AS name, which has the merged columns only.
func (b *joinBuilder) usingAlias(alias *query.Alias, join *nsItem) (*nsItem, error) {
	alias.Colnames = append([]string(nil), b.names[:b.merged]...)
	return &nsItem{names: alias, rte: join.rte, rtindex: join.rtindex, columns: join.columns[:b.merged],
		relVisible: true, lateralOK: true}, nil
}
