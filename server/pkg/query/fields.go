package query

// The fields of expression nodes, in stored order. Changing an order or inserting a field needs a
// new codecVersion.

func (n *Var) fields(v visitor) {
	v.num(&n.Varno)
	v.i16(&n.Varattno)
	v.oid(ClassType, &n.Vartype)
	v.i32(&n.Vartypmod)
	v.oid(ClassCollation, &n.Varcollid)
	v.num(&n.Varlevelsup)
	v.loc(&n.Loc)
}

func (n *Const) fields(v visitor) {
	v.oid(ClassType, &n.Consttype)
	v.i32(&n.Consttypmod)
	v.oid(ClassCollation, &n.Constcollid)
	v.boolean(&n.Constisnull)
	v.datum(&n.Constvalue)
	v.loc(&n.Loc)
}

func (n *Param) fields(v visitor) {
	visitEnum(v, &n.Paramkind)
	v.num(&n.Paramid)
	v.oid(ClassType, &n.Paramtype)
	v.i32(&n.Paramtypmod)
	v.oid(ClassCollation, &n.Paramcollid)
	v.loc(&n.Loc)
}

func (n *FuncExpr) fields(v visitor) {
	v.oid(ClassProc, &n.Funcid)
	v.oid(ClassType, &n.Funcresulttype)
	v.boolean(&n.Funcretset)
	v.boolean(&n.Funcvariadic)
	visitEnum(v, &n.Funcformat)
	v.oid(ClassCollation, &n.Funccollid)
	v.oid(ClassCollation, &n.Inputcollid)
	v.exprs(&n.Args)
	v.loc(&n.Loc)
}

func (n *NamedArgExpr) fields(v visitor) {
	v.expr(&n.Arg)
	v.str(&n.Name)
	v.num(&n.Argnumber)
	v.loc(&n.Loc)
}

func (n *OpExpr) fields(v visitor) {
	v.oid(ClassOperator, &n.Opno)
	v.oid(ClassProc, &n.Opfuncid)
	v.oid(ClassType, &n.Opresulttype)
	v.boolean(&n.Opretset)
	v.oid(ClassCollation, &n.Opcollid)
	v.oid(ClassCollation, &n.Inputcollid)
	v.exprs(&n.Args)
	v.loc(&n.Loc)
}

func (n *ScalarArrayOpExpr) fields(v visitor) {
	v.oid(ClassOperator, &n.Opno)
	v.oid(ClassProc, &n.Opfuncid)
	v.boolean(&n.UseOr)
	v.oid(ClassCollation, &n.Inputcollid)
	v.exprs(&n.Args)
	v.loc(&n.Loc)
}

func (n *BoolExpr) fields(v visitor) {
	visitEnum(v, &n.Boolop)
	v.exprs(&n.Args)
	v.loc(&n.Loc)
}

func (n *SubscriptingRef) fields(v visitor) {
	v.oid(ClassType, &n.Refcontainertype)
	v.oid(ClassType, &n.Refelemtype)
	v.oid(ClassType, &n.Refrestype)
	v.i32(&n.Reftypmod)
	v.oid(ClassCollation, &n.Refcollid)
	v.exprs(&n.Refupperindexpr)
	v.exprs(&n.Reflowerindexpr)
	v.expr(&n.Refexpr)
	v.expr(&n.Refassgnexpr)
}

func (n *FieldSelect) fields(v visitor) {
	v.expr(&n.Arg)
	v.i16(&n.Fieldnum)
	v.oid(ClassType, &n.Resulttype)
	v.i32(&n.Resulttypmod)
	v.oid(ClassCollation, &n.Resultcollid)
}

func (n *FieldStore) fields(v visitor) {
	v.expr(&n.Arg)
	v.exprs(&n.Newvals)
	v.i16s(&n.Fieldnums)
	v.oid(ClassType, &n.Resulttype)
}

func (n *RelabelType) fields(v visitor) {
	v.expr(&n.Arg)
	v.oid(ClassType, &n.Resulttype)
	v.i32(&n.Resulttypmod)
	v.oid(ClassCollation, &n.Resultcollid)
	visitEnum(v, &n.Relabelformat)
	v.loc(&n.Loc)
}

func (n *CoerceViaIO) fields(v visitor) {
	v.expr(&n.Arg)
	v.oid(ClassType, &n.Resulttype)
	v.oid(ClassCollation, &n.Resultcollid)
	visitEnum(v, &n.Coerceformat)
	v.loc(&n.Loc)
}

func (n *ArrayCoerceExpr) fields(v visitor) {
	v.expr(&n.Arg)
	v.expr(&n.Elemexpr)
	v.oid(ClassType, &n.Resulttype)
	v.i32(&n.Resulttypmod)
	v.oid(ClassCollation, &n.Resultcollid)
	visitEnum(v, &n.Coerceformat)
	v.loc(&n.Loc)
}

func (n *ConvertRowtypeExpr) fields(v visitor) {
	v.expr(&n.Arg)
	v.oid(ClassType, &n.Resulttype)
	visitEnum(v, &n.Convertformat)
	v.loc(&n.Loc)
}

func (n *CollateExpr) fields(v visitor) {
	v.expr(&n.Arg)
	v.oid(ClassCollation, &n.Colloid)
	v.loc(&n.Loc)
}

func (n *CaseExpr) fields(v visitor) {
	v.oid(ClassType, &n.Casetype)
	v.oid(ClassCollation, &n.Casecollid)
	v.expr(&n.Arg)
	visitList(v, &n.Args)
	v.expr(&n.Defresult)
	v.loc(&n.Loc)
}

func (n *CaseWhen) fields(v visitor) {
	v.expr(&n.Expr)
	v.expr(&n.Result)
	v.loc(&n.Loc)
}

func (n *CaseTestExpr) fields(v visitor) {
	v.oid(ClassType, &n.TypeID)
	v.i32(&n.TypeMod)
	v.oid(ClassCollation, &n.Collid)
}

func (n *ArrayExpr) fields(v visitor) {
	v.oid(ClassType, &n.ArrayTypeid)
	v.oid(ClassCollation, &n.ArrayCollid)
	v.oid(ClassType, &n.ElementTypeid)
	v.exprs(&n.Elements)
	v.boolean(&n.Multidims)
	v.loc(&n.Loc)
}

func (n *RowExpr) fields(v visitor) {
	v.exprs(&n.Args)
	v.oid(ClassType, &n.RowTypeid)
	visitEnum(v, &n.RowFormat)
	v.strs(&n.Colnames)
	v.loc(&n.Loc)
}

func (n *RowCompareExpr) fields(v visitor) {
	visitEnum(v, &n.Rctype)
	v.oids(ClassOperator, &n.Opnos)
	v.oids(ClassProc, &n.Opfuncids)
	v.oids(ClassOpfamily, &n.Opfamilies)
	v.oids(ClassCollation, &n.Inputcollids)
	v.exprs(&n.Largs)
	v.exprs(&n.Rargs)
}

func (n *CoalesceExpr) fields(v visitor) {
	v.oid(ClassType, &n.Coalescetype)
	v.oid(ClassCollation, &n.Coalescecollid)
	v.exprs(&n.Args)
	v.loc(&n.Loc)
}

func (n *MinMaxExpr) fields(v visitor) {
	v.oid(ClassType, &n.Minmaxtype)
	v.oid(ClassCollation, &n.Minmaxcollid)
	v.oid(ClassCollation, &n.Inputcollid)
	visitEnum(v, &n.Op)
	v.exprs(&n.Args)
	v.loc(&n.Loc)
}

func (n *SQLValueFunction) fields(v visitor) {
	visitEnum(v, &n.Op)
	v.oid(ClassType, &n.TypeID)
	v.i32(&n.Typemod)
	v.loc(&n.Loc)
}

func (n *NullTest) fields(v visitor) {
	v.expr(&n.Arg)
	visitEnum(v, &n.Nulltesttype)
	v.boolean(&n.Argisrow)
	v.loc(&n.Loc)
}

func (n *BooleanTest) fields(v visitor) {
	v.expr(&n.Arg)
	visitEnum(v, &n.Booltesttype)
	v.loc(&n.Loc)
}

func (n *CoerceToDomain) fields(v visitor) {
	v.expr(&n.Arg)
	v.oid(ClassType, &n.Resulttype)
	v.i32(&n.Resulttypmod)
	v.oid(ClassCollation, &n.Resultcollid)
	visitEnum(v, &n.Coercionformat)
	v.loc(&n.Loc)
}

func (n *CoerceToDomainValue) fields(v visitor) {
	v.oid(ClassType, &n.TypeID)
	v.i32(&n.TypeMod)
	v.oid(ClassCollation, &n.Collid)
	v.loc(&n.Loc)
}

func (n *SetToDefault) fields(v visitor) {
	v.oid(ClassType, &n.TypeID)
	v.i32(&n.TypeMod)
	v.oid(ClassCollation, &n.Collid)
	v.loc(&n.Loc)
}

func (n *CurrentOfExpr) fields(v visitor) {
	v.num(&n.Cvarno)
	v.str(&n.CursorName)
	v.num(&n.CursorParam)
}

func (n *NextValueExpr) fields(v visitor) {
	v.oid(ClassRelation, &n.Seqid)
	v.oid(ClassType, &n.TypeID)
}

func (n *Aggref) fields(v visitor) {
	v.oid(ClassProc, &n.Aggfnoid)
	v.oid(ClassType, &n.Aggtype)
	v.oid(ClassCollation, &n.Aggcollid)
	v.oid(ClassCollation, &n.Inputcollid)
	v.oids(ClassType, &n.Aggargtypes)
	v.exprs(&n.Aggdirectargs)
	visitList(v, &n.Args)
	visitList(v, &n.Aggorder)
	visitList(v, &n.Aggdistinct)
	v.expr(&n.Aggfilter)
	v.boolean(&n.Aggstar)
	v.boolean(&n.Aggvariadic)
	v.i8(&n.Aggkind)
	v.num(&n.Agglevelsup)
	v.loc(&n.Loc)
}

func (n *GroupingFunc) fields(v visitor) {
	v.exprs(&n.Args)
	v.nums(&n.Refs)
	v.num(&n.Agglevelsup)
	v.loc(&n.Loc)
}

func (n *WindowFunc) fields(v visitor) {
	v.oid(ClassProc, &n.Winfnoid)
	v.oid(ClassType, &n.Wintype)
	v.oid(ClassCollation, &n.Wincollid)
	v.oid(ClassCollation, &n.Inputcollid)
	v.exprs(&n.Args)
	v.expr(&n.Aggfilter)
	v.num(&n.Winref)
	v.boolean(&n.Winstar)
	v.boolean(&n.Winagg)
	v.loc(&n.Loc)
}

func (n *SubLink) fields(v visitor) {
	visitEnum(v, &n.SubLinkType)
	v.num(&n.SubLinkID)
	v.expr(&n.Testexpr)
	v.strs(&n.OperName)
	v.subquery(&n.Subselect)
	v.oid(ClassType, &n.Resulttype)
	v.i32(&n.Resulttypmod)
	v.oid(ClassCollation, &n.Resultcollid)
	v.loc(&n.Loc)
}

func (n *InferenceElem) fields(v visitor) {
	v.expr(&n.Expr)
	v.oid(ClassCollation, &n.Infercollid)
	v.oid(ClassOpclass, &n.Inferopclass)
}
