package query

// The fields of queries and their parts, in stored order.

func (n *TargetEntry) fields(v visitor) {
	v.expr(&n.Expr)
	v.i16(&n.Resno)
	v.str(&n.Resname)
	v.boolean(&n.HasName)
	v.num(&n.Ressortgroupref)
	v.oid(ClassRelation, &n.Resorigtbl)
	v.i16(&n.Resorigcol)
	v.boolean(&n.Resjunk)
}

func (n *SortGroupClause) fields(v visitor) {
	v.num(&n.TleSortGroupRef)
	v.oid(ClassOperator, &n.Eqop)
	v.oid(ClassOperator, &n.Sortop)
	v.boolean(&n.NullsFirst)
	v.boolean(&n.Hashable)
	v.boolean(&n.Reverse)
}

func (n *GroupingSet) fields(v visitor) {
	visitEnum(v, &n.Kind)
	v.nums(&n.Refs)
	visitList(v, &n.Content)
	v.loc(&n.Loc)
}

func (n *WindowClause) fields(v visitor) {
	v.str(&n.Name)
	v.str(&n.Refname)
	visitList(v, &n.PartitionClause)
	visitList(v, &n.OrderClause)
	v.num(&n.FrameOptions)
	v.expr(&n.StartOffset)
	v.expr(&n.EndOffset)
	v.oid(ClassProc, &n.StartInRangeFunc)
	v.oid(ClassProc, &n.EndInRangeFunc)
	v.oid(ClassCollation, &n.InRangeColl)
	v.boolean(&n.InRangeAsc)
	v.boolean(&n.InRangeNullsFirst)
	v.num(&n.Winref)
	v.boolean(&n.CopiedOrder)
}

func (n *RowMarkClause) fields(v visitor) {
	v.num(&n.Rti)
	visitEnum(v, &n.Strength)
	visitEnum(v, &n.WaitPolicy)
	v.boolean(&n.PushedDown)
}

func (n *CommonTableExpr) fields(v visitor) {
	v.str(&n.Ctename)
	v.strs(&n.Aliascolnames)
	visitEnum(v, &n.Ctematerialized)
	v.subquery(&n.Ctequery)
	v.boolean(&n.Cterecursive)
	v.num(&n.Cterefcount)
	v.strs(&n.Ctecolnames)
	v.oids(ClassType, &n.Ctecoltypes)
	v.i32s(&n.Ctecoltypmods)
	v.oids(ClassCollation, &n.Ctecolcollations)
	v.loc(&n.Loc)
}

func (n *OnConflictExpr) fields(v visitor) {
	visitEnum(v, &n.Action)
	visitList(v, &n.ArbiterElems)
	v.expr(&n.ArbiterWhere)
	v.oid(ClassConstraint, &n.Constraint)
	visitList(v, &n.OnConflictSet)
	v.expr(&n.OnConflictWhere)
	v.num(&n.ExclRelIndex)
	visitList(v, &n.ExclRelTlist)
}

func (n *Alias) fields(v visitor) {
	v.str(&n.Aliasname)
	v.strs(&n.Colnames)
}

func (n *RangeTblEntry) fields(v visitor) {
	visitEnum(v, &n.Rtekind)
	v.oid(ClassRelation, &n.Relid)
	v.i8(&n.Relkind)
	v.i8(&n.Rellockmode)
	v.subquery(&n.Subquery)
	v.boolean(&n.SecurityBarrier)
	visitEnum(v, &n.Jointype)
	v.num(&n.Joinmergedcols)
	v.exprs(&n.Joinaliasvars)
	v.nums(&n.Joinleftcols)
	v.nums(&n.Joinrightcols)
	visitChild(v, &n.JoinUsingAlias)
	visitList(v, &n.Functions)
	v.boolean(&n.Funcordinality)
	v.exprLists(&n.ValuesLists)
	v.str(&n.Ctename)
	v.num(&n.Ctelevelsup)
	v.boolean(&n.SelfReference)
	v.oids(ClassType, &n.Coltypes)
	v.i32s(&n.Coltypmods)
	v.oids(ClassCollation, &n.Colcollations)
	visitChild(v, &n.Alias)
	visitChild(v, &n.Eref)
	v.boolean(&n.Lateral)
	v.boolean(&n.Inh)
	v.boolean(&n.InFromCl)
	v.u32(&n.RequiredPerms)
	v.words(&n.SelectedCols.words)
	v.words(&n.InsertedCols.words)
	v.words(&n.UpdatedCols.words)
	v.u32(&n.CheckAsUser)
}

func (n *RangeTblFunction) fields(v visitor) {
	v.expr(&n.Funcexpr)
	v.num(&n.Funccolcount)
	v.strs(&n.Funccolnames)
	v.oids(ClassType, &n.Funccoltypes)
	v.i32s(&n.Funccoltypmods)
	v.oids(ClassCollation, &n.Funccolcollations)
	v.boolean(&n.HasColdef)
}

func (n *RangeTblRef) fields(v visitor) { v.num(&n.Rtindex) }

func (n *JoinExpr) fields(v visitor) {
	visitEnum(v, &n.Jointype)
	v.boolean(&n.IsNatural)
	v.joinNode(&n.Larg)
	v.joinNode(&n.Rarg)
	v.strs(&n.UsingClause)
	visitChild(v, &n.JoinUsing)
	v.expr(&n.Quals)
	visitChild(v, &n.Alias)
	v.num(&n.Rtindex)
}

func (n *FromExpr) fields(v visitor) {
	visitJoinList(v, &n.Fromlist)
	v.expr(&n.Quals)
}

func visitJoinList(v visitor, s *[]JoinNode) {
	if owner, ok := v.(copier); ok && len(*s) > 0 {
		*s = append([]JoinNode(nil), *s...)
		owner.copied()
	}
	v.list(len(*s), func(n int) { *s = make([]JoinNode, n) }, func(i int, v visitor) { v.joinNode(&(*s)[i]) })
}

func (n *SetOperationStmt) fields(v visitor) {
	visitEnum(v, &n.Op)
	v.boolean(&n.All)
	v.setOpNode(&n.Larg)
	v.setOpNode(&n.Rarg)
	v.oids(ClassType, &n.ColTypes)
	v.i32s(&n.ColTypmods)
	v.oids(ClassCollation, &n.ColCollations)
	visitList(v, &n.GroupClauses)
}

func (n *Query) fields(v visitor) {
	visitEnum(v, &n.CommandType)
	v.boolean(&n.CanSetTag)
	v.astNode(&n.UtilityStmt)
	v.subquery(&n.UtilityQuery)
	v.num(&n.ResultRelation)
	v.boolean(&n.HasAggs)
	v.boolean(&n.HasWindowFuncs)
	v.boolean(&n.HasTargetSRFs)
	v.boolean(&n.HasSubLinks)
	v.boolean(&n.HasDistinctOn)
	v.boolean(&n.HasRecursive)
	v.boolean(&n.HasModifyingCTE)
	v.boolean(&n.HasForUpdate)
	v.boolean(&n.IsReturn)
	visitList(v, &n.CteList)
	visitList(v, &n.RTable)
	visitChild(v, &n.JoinTree)
	visitList(v, &n.TargetList)
	visitEnum(v, &n.Override)
	visitChild(v, &n.OnConflict)
	visitList(v, &n.ReturningList)
	visitList(v, &n.GroupClause)
	v.boolean(&n.GroupDistinct)
	visitList(v, &n.GroupingSets)
	v.expr(&n.HavingQual)
	visitList(v, &n.WindowClause)
	visitList(v, &n.DistinctClause)
	visitList(v, &n.SortClause)
	v.expr(&n.LimitOffset)
	v.expr(&n.LimitCount)
	visitEnum(v, &n.LimitOption)
	visitList(v, &n.RowMarks)
	v.setOpNode(&n.SetOperations)
	v.loc(&n.StmtLocation)
	v.loc(&n.StmtLen)
}
