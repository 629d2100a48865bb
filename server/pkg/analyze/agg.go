package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// buildAggref makes an aggregate call of a resolved call.
func (ps *pstate) buildAggref(c *call) (query.Expr, error) {
	p := c.cand.proc
	if p.Agg != nil && p.Agg.Kind != query.AggKindNormal {
		return nil, unsupported(c.loc, "an ordered-set aggregate")
	}
	agg := &query.Aggref{Aggfnoid: p.OID, Aggtype: c.result, Aggstar: c.fn.AggStar, Aggvariadic: c.variadic,
		Aggkind: query.AggKindNormal, Aggfilter: c.filter, Loc: c.loc}
	if len(c.args) == 0 && !agg.Aggstar {
		return nil, errAt(c.loc, pgerr.WrongObjectType,
			"%s(*) must be used to call a parameterless aggregate function", c.name)
	}
	if p.RetSet {
		return nil, errAt(c.loc, pgerr.InvalidFunctionDefinition, "aggregates cannot return sets")
	}
	if len(c.argnames) > 0 {
		return nil, errAt(c.loc, pgerr.FeatureNotSupportedCode, "aggregates cannot use named arguments")
	}
	if err := ps.aggregateArgs(agg, c); err != nil {
		return nil, err
	}
	if err := ps.placeAggregate(agg); err != nil {
		return nil, err
	}
	return agg, nil
}

// aggregateArgs turns the arguments into target entries with ORDER BY and DISTINCT over them.
func (ps *pstate) aggregateArgs(agg *query.Aggref, c *call) error {
	var tlist []*query.TargetEntry
	for i, e := range c.args {
		tlist = append(tlist, &query.TargetEntry{Expr: e, Resno: int16(i + 1)})
		agg.Aggargtypes = append(agg.Aggargtypes, e.Type())
	}
	saved := ps.nextResno
	ps.nextResno = len(tlist) + 1
	order, err := ps.sortClause(c.fn.AggOrder, &tlist, kindOrderBy, true)
	if err != nil {
		return err
	}
	if c.fn.AggDistinct {
		distinct, err := ps.distinctClause(&tlist, order, true)
		if err != nil {
			return err
		}
		for _, d := range distinct {
			if d.Sortop == 0 {
				e := targetBySortRef(d.TleSortGroupRef, tlist).Expr
				return errAt(e.Location(), pgerr.UndefinedFunction,
					"could not identify an ordering operator for type %s", ps.formatType(e.Type())).
					WithDetail("Aggregates with DISTINCT must be able to sort their inputs.")
			}
		}
		agg.Aggdistinct = distinct
	}
	ps.nextResno = saved
	agg.Args, agg.Aggorder = tlist, order
	return nil
}

// placeAggregate finds the query level an aggregate belongs to and checks that its clause there may
// have one.
func (ps *pstate) placeAggregate(agg *query.Aggref) error {
	var parts []query.Expr
	for _, te := range agg.Args {
		parts = append(parts, te.Expr)
	}
	parts = append(parts, agg.Aggdirectargs...)
	if agg.Aggfilter != nil {
		parts = append(parts, agg.Aggfilter)
	}
	level, err := ps.aggLevel(parts)
	if err != nil {
		return err
	}
	agg.Agglevelsup = level
	owner := ps
	for range level {
		owner = owner.parent
	}
	owner.hasAggs = true
	return owner.checkAggPlacement(agg.Loc)
}

// aggLevel is the innermost level the arguments refer to, 0 if they refer to none.
func (ps *pstate) aggLevel(parts []query.Expr) (int, error) {
	minVar, minAgg := -1, -1
	var innerLoc, windowLoc int32 = -1, -1
	for _, e := range parts {
		query.WalkLevels(e, func(e query.Expr, level int) bool {
			switch n := e.(type) {
			case *query.Var:
				if l := n.Varlevelsup - level; l >= 0 && (minVar < 0 || l < minVar) {
					minVar = l
				}
			case *query.WindowFunc:
				if level == 0 && windowLoc < 0 {
					windowLoc = n.Loc
				}
			case *query.Aggref:
				if l := n.Agglevelsup - level; l >= 0 && (minAgg < 0 || l < minAgg) {
					minAgg, innerLoc = l, n.Loc
				}
			}
			return true
		})
	}
	if windowLoc >= 0 {
		return 0, errAt(windowLoc, pgerr.GroupingError, "aggregate function calls cannot contain window function calls")
	}
	level := 0
	switch {
	case minVar < 0:
		level = max(minAgg, 0)
	case minAgg < 0:
		level = minVar
	default:
		level = min(minVar, minAgg)
	}
	if minAgg >= 0 && minAgg == level {
		return 0, errAt(innerLoc, pgerr.GroupingError, "aggregate function calls cannot be nested")
	}
	return level, nil
}

// checkAggPlacement rejects an aggregate in a clause of this level that cannot have one.
func (ps *pstate) checkAggPlacement(loc int32) error {
	place := ps.kind.placeName()
	switch ps.kind {
	case kindNone, kindOther, kindSelectTarget, kindHaving, kindOrderBy, kindDistinctOn, kindWindowPartition,
		kindWindowOrder:
		return nil
	case kindFromSubselect:
		place = "FROM clause of their own query level"
	case kindFromFunction:
		place = "functions in FROM"
	}
	return errAt(loc, pgerr.GroupingError, "aggregate functions are not allowed in %s", place)
}

// checkAggregates verifies that a query with aggregates or GROUP BY uses other columns only where
// they are grouped.
func (ps *pstate) checkAggregates(q *query.Query) error {
	if len(q.GroupClause) == 0 && !q.HasAggs && q.HavingQual == nil {
		return nil
	}
	g := &groupCheck{ps: ps, q: q}
	for _, sgc := range q.GroupClause {
		te := targetBySortRef(sgc.TleSortGroupRef, q.TargetList)
		e := ps.flattenJoinVars(te.Expr)
		g.exprs = append(g.exprs, e)
		if v, ok := e.(*query.Var); ok {
			g.vars = append(g.vars, v)
		} else {
			g.haveNonVar = true
		}
	}
	for _, te := range q.TargetList {
		if err := g.check(ps.flattenJoinVars(te.Expr), 0); err != nil {
			return err
		}
	}
	if q.HavingQual != nil {
		return g.check(ps.flattenJoinVars(q.HavingQual), 0)
	}
	return nil
}

// groupCheck looks for ungrouped columns.
type groupCheck struct {
	ps         *pstate
	q          *query.Query
	exprs      []query.Expr
	vars       []*query.Var
	haveNonVar bool
	dependent  map[int]bool // range table entries whose primary key is grouped
	inAgg      bool
	err        error
}

func (g *groupCheck) check(e query.Expr, level int) error {
	g.walk(e, level)
	return g.err
}

// walk returns true to stop (an error was found), as tree walkers do.
func (g *groupCheck) walk(e query.Expr, level int) bool {
	switch n := e.(type) {
	case nil:
		return false
	case *query.Const, *query.Param:
		return false
	case *query.Aggref:
		// Arguments of this level's aggregates may use anything; those of outer levels were checked
		// there.
		if n.Agglevelsup >= level {
			return false
		}
	}
	if level == 0 && g.haveNonVar {
		for _, ge := range g.exprs {
			if query.Equal(ge, e) {
				return false
			}
		}
	}
	if v, ok := e.(*query.Var); ok {
		return g.column(v, level)
	}
	return query.ExprTreeWalker(e,
		func(c query.Expr) bool { return g.walk(c, level) },
		func(q *query.Query) bool { return g.walkQuery(q, level+1) })
}

func (g *groupCheck) walkQuery(q *query.Query, level int) bool {
	return query.QueryTreeWalker(q,
		func(c query.Expr) bool { return g.walk(c, level) },
		func(sub *query.Query) bool { return g.walkQuery(sub, level+1) })
}

func (g *groupCheck) column(v *query.Var, level int) bool {
	if v.Varlevelsup != level {
		return false
	}
	for _, gv := range g.vars {
		if gv.Varno == v.Varno && gv.Varattno == v.Varattno && gv.Varlevelsup == 0 {
			return false
		}
	}
	rte := g.q.RTable[v.Varno-1]
	if g.keyGrouped(v.Varno) {
		return false
	}
	name := columnNameOf(rte, v.Varattno)
	if level == 0 {
		g.err = errAt(v.Loc, pgerr.GroupingError,
			"column \"%s.%s\" must appear in the GROUP BY clause or be used in an aggregate function",
			rte.Eref.Aliasname, name)
	} else {
		g.err = errAt(v.Loc, pgerr.GroupingError,
			"subquery uses ungrouped column \"%s.%s\" from outer query", rte.Eref.Aliasname, name)
	}
	return true
}

// keyGrouped tells whether GROUP BY has all primary key columns of a table, which determine the
// rest.
func (g *groupCheck) keyGrouped(varno int) bool {
	if known, ok := g.dependent[varno]; ok {
		return known
	}
	table := g.ps.tables[varno-1]
	grouped := false
	if table != nil && table.PrimaryKey != nil && table.PrimaryKey.Immediate {
		grouped = true
		for _, k := range table.PrimaryKey.Columns[:table.PrimaryKey.NumKeys] {
			found := false
			for _, gv := range g.vars {
				if gv.Varno == varno && gv.Varlevelsup == 0 && gv.Varattno == k.Attnum {
					found = true
				}
			}
			grouped = grouped && found
		}
	}
	if g.dependent == nil {
		g.dependent = map[int]bool{}
	}
	g.dependent[varno] = grouped
	return grouped
}

// columnNameOf is a column's name as its range table entry shows it.
func columnNameOf(rte *query.RangeTblEntry, attno int16) string {
	if attno == 0 {
		return "*"
	}
	if attno < 0 {
		return systemColumnName(attno)
	}
	if int(attno) <= len(rte.Eref.Colnames) {
		return rte.Eref.Colnames[attno-1]
	}
	return ""
}

// flattenJoinVars replaces Vars of join entries of this level by what they stand for.
func (ps *pstate) flattenJoinVars(e query.Expr) query.Expr {
	return query.FlattenJoinAliasVars(e, ps.rtable)
}

// systemColumns are the columns every table has.
var systemColumns = []struct {
	name string
	num  int16
	typ  uint32
}{
	{"ctid", -1, types.TID}, {"xmin", -2, types.XID}, {"cmin", -3, types.CID}, {"xmax", -4, types.XID},
	{"cmax", -5, types.CID}, {"tableoid", -6, types.Oid},
}

func systemColumnName(num int16) string {
	for _, c := range systemColumns {
		if c.num == num {
			return c.name
		}
	}
	return ""
}
