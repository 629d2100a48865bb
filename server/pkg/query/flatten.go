package query

// FlattenJoinAliasVars returns e with every Var of a join entry of rtable (at e's own level, from
// inside subqueries too) replaced by the expression the join column stands for. A whole-row Var of
// a join becomes a RowExpr. The result may share parts with the range table.
func FlattenJoinAliasVars(e Expr, rtable []*RangeTblEntry) Expr {
	if e == nil {
		return nil
	}
	need := false
	WalkLevels(e, func(e Expr, level int) bool {
		if v, ok := e.(*Var); ok && isJoinVar(v, rtable, level) {
			need = true
		}
		return !need
	})
	if !need {
		return e
	}
	return RewriteLevels(e, func(e Expr, level int) Expr {
		v, ok := e.(*Var)
		if !ok || !isJoinVar(v, rtable, level) {
			return e
		}
		return flattenVar(v, rtable[v.Varno-1], rtable, level)
	})
}

// FlattenJoinAliases is FlattenJoinAliasVars for all of q's own expressions. Subqueries get their
// references to q's joins replaced, but not their own joins.
func FlattenJoinAliases(q *Query) *Query {
	joins := false
	for _, rte := range q.RTable {
		joins = joins || rte.Rtekind == RTEJoin
	}
	if !joins {
		return q
	}
	return RewriteQuery(q, func(e Expr, level int) Expr {
		v, ok := e.(*Var)
		if !ok || !isJoinVar(v, q.RTable, level) {
			return e
		}
		return flattenVar(v, q.RTable[v.Varno-1], q.RTable, level)
	})
}

func isJoinVar(v *Var, rtable []*RangeTblEntry, level int) bool {
	return v.Varlevelsup == level && v.Varno >= 1 && v.Varno <= len(rtable) &&
		rtable[v.Varno-1].Rtekind == RTEJoin
}

func flattenVar(v *Var, join *RangeTblEntry, rtable []*RangeTblEntry, level int) Expr {
	one := func(e Expr) Expr {
		e = FlattenJoinAliasVars(e, rtable)
		if level > 0 {
			e = IncrementVarSublevelsUp(e, level, 0)
		}
		return e
	}
	if v.Varattno > 0 {
		if int(v.Varattno) > len(join.Joinaliasvars) || join.Joinaliasvars[v.Varattno-1] == nil {
			return &Const{Consttype: v.Vartype, Consttypmod: v.Vartypmod, Constcollid: v.Varcollid, Constisnull: true, Loc: -1}
		}
		return withLocation(one(join.Joinaliasvars[v.Varattno-1]), v.Loc)
	}
	row := &RowExpr{RowTypeid: v.Vartype, RowFormat: CoerceImplicitCast, Loc: v.Loc}
	for i, e := range join.Joinaliasvars {
		if e == nil {
			continue
		}
		row.Args = append(row.Args, one(e))
		row.Colnames = append(row.Colnames, join.Eref.Colnames[i])
	}
	return row
}

// withLocation gives a plain column the place it is used at, for messages.
func withLocation(e Expr, loc int32) Expr {
	if v, ok := e.(*Var); ok {
		c := *v
		c.Loc = loc
		return &c
	}
	return e
}
