package query

// Result type, typmod, collation and location of each node.

// OIDs of types that nodes have by definition.
const (
	oidBool   = 16
	oidInt4   = 23
	oidName   = 19
	oidRecord = 2249
)

// Type implements Expr.
func (n *Var) Type() uint32 { return n.Vartype }

// Typmod implements Expr.
func (n *Var) Typmod() int32 { return n.Vartypmod }

// Collation implements Expr.
func (n *Var) Collation() uint32 { return n.Varcollid }

// Location implements Expr.
func (n *Var) Location() int32 { return n.Loc }

// Type implements Expr.
func (n *Const) Type() uint32 { return n.Consttype }

// Typmod implements Expr.
func (n *Const) Typmod() int32 { return n.Consttypmod }

// Collation implements Expr.
func (n *Const) Collation() uint32 { return n.Constcollid }

// Location implements Expr.
func (n *Const) Location() int32 { return n.Loc }

// Type implements Expr.
func (n *Param) Type() uint32 { return n.Paramtype }

// Typmod implements Expr.
func (n *Param) Typmod() int32 { return n.Paramtypmod }

// Collation implements Expr.
func (n *Param) Collation() uint32 { return n.Paramcollid }

// Location implements Expr.
func (n *Param) Location() int32 { return n.Loc }

// Type implements Expr.
func (n *OpExpr) Type() uint32 { return n.Opresulttype }

// Typmod implements Expr.
func (n *OpExpr) Typmod() int32 { return -1 }

// Collation implements Expr.
func (n *OpExpr) Collation() uint32 { return n.Opcollid }

// Location implements Expr.
func (n *OpExpr) Location() int32 { return leftmost(n.Loc, n.Args...) }

// Type implements Expr.
func (n *ScalarArrayOpExpr) Type() uint32 { return oidBool }

// Typmod implements Expr.
func (n *ScalarArrayOpExpr) Typmod() int32 { return -1 }

// Collation implements Expr.
func (n *ScalarArrayOpExpr) Collation() uint32 { return 0 }

// Location implements Expr.
func (n *ScalarArrayOpExpr) Location() int32 { return leftmost(n.Loc, n.Args...) }

// Type implements Expr.
func (n *BoolExpr) Type() uint32 { return oidBool }

// Typmod implements Expr.
func (n *BoolExpr) Typmod() int32 { return -1 }

// Collation implements Expr.
func (n *BoolExpr) Collation() uint32 { return 0 }

// Location implements Expr.
func (n *BoolExpr) Location() int32 { return boolLocation(n) }

// Type implements Expr.
func (n *SubscriptingRef) Type() uint32 { return n.Refrestype }

// Typmod implements Expr.
func (n *SubscriptingRef) Typmod() int32 { return n.Reftypmod }

// Collation implements Expr.
func (n *SubscriptingRef) Collation() uint32 { return n.Refcollid }

// Location implements Expr.
func (n *SubscriptingRef) Location() int32 { return location(n.Refexpr) }

// Type implements Expr.
func (n *FieldSelect) Type() uint32 { return n.Resulttype }

// Typmod implements Expr.
func (n *FieldSelect) Typmod() int32 { return n.Resulttypmod }

// Collation implements Expr.
func (n *FieldSelect) Collation() uint32 { return n.Resultcollid }

// Location implements Expr.
func (n *FieldSelect) Location() int32 { return location(n.Arg) }

// Type implements Expr.
func (n *FieldStore) Type() uint32 { return n.Resulttype }

// Typmod implements Expr.
func (n *FieldStore) Typmod() int32 { return -1 }

// Collation implements Expr.
func (n *FieldStore) Collation() uint32 { return 0 }

// Location implements Expr.
func (n *FieldStore) Location() int32 { return location(n.Arg) }

// Type implements Expr.
func (n *RelabelType) Type() uint32 { return n.Resulttype }

// Typmod implements Expr.
func (n *RelabelType) Typmod() int32 { return n.Resulttypmod }

// Collation implements Expr.
func (n *RelabelType) Collation() uint32 { return n.Resultcollid }

// Location implements Expr.
func (n *RelabelType) Location() int32 { return leftmost(n.Loc, n.Arg) }

// Type implements Expr.
func (n *CoerceViaIO) Type() uint32 { return n.Resulttype }

// Typmod implements Expr.
func (n *CoerceViaIO) Typmod() int32 { return -1 }

// Collation implements Expr.
func (n *CoerceViaIO) Collation() uint32 { return n.Resultcollid }

// Location implements Expr.
func (n *CoerceViaIO) Location() int32 { return leftmost(n.Loc, n.Arg) }

// Type implements Expr.
func (n *ArrayCoerceExpr) Type() uint32 { return n.Resulttype }

// Typmod implements Expr.
func (n *ArrayCoerceExpr) Typmod() int32 { return n.Resulttypmod }

// Collation implements Expr.
func (n *ArrayCoerceExpr) Collation() uint32 { return n.Resultcollid }

// Location implements Expr.
func (n *ArrayCoerceExpr) Location() int32 { return leftmost(n.Loc, n.Arg) }

// Type implements Expr.
func (n *ConvertRowtypeExpr) Type() uint32 { return n.Resulttype }

// Typmod implements Expr.
func (n *ConvertRowtypeExpr) Typmod() int32 { return -1 }

// Collation implements Expr.
func (n *ConvertRowtypeExpr) Collation() uint32 { return 0 }

// Location implements Expr.
func (n *ConvertRowtypeExpr) Location() int32 { return leftmost(n.Loc, n.Arg) }

// Type implements Expr.
func (n *CaseExpr) Type() uint32 { return n.Casetype }

// Typmod implements Expr.
func (n *CaseExpr) Typmod() int32 { return caseTypmod(n) }

// Collation implements Expr.
func (n *CaseExpr) Collation() uint32 { return n.Casecollid }

// Location implements Expr.
func (n *CaseExpr) Location() int32 { return n.Loc }

// Type implements Expr.
func (n *CaseTestExpr) Type() uint32 { return n.TypeID }

// Typmod implements Expr.
func (n *CaseTestExpr) Typmod() int32 { return n.TypeMod }

// Collation implements Expr.
func (n *CaseTestExpr) Collation() uint32 { return n.Collid }

// Location implements Expr.
func (n *CaseTestExpr) Location() int32 { return -1 }

// Type implements Expr.
func (n *ArrayExpr) Type() uint32 { return n.ArrayTypeid }

// Typmod implements Expr.
func (n *ArrayExpr) Typmod() int32 { return arrayTypmod(n) }

// Collation implements Expr.
func (n *ArrayExpr) Collation() uint32 { return n.ArrayCollid }

// Location implements Expr.
func (n *ArrayExpr) Location() int32 { return n.Loc }

// Type implements Expr.
func (n *RowExpr) Type() uint32 { return n.RowTypeid }

// Typmod implements Expr.
func (n *RowExpr) Typmod() int32 { return -1 }

// Collation implements Expr.
func (n *RowExpr) Collation() uint32 { return 0 }

// Location implements Expr.
func (n *RowExpr) Location() int32 { return n.Loc }

// Type implements Expr.
func (n *RowCompareExpr) Type() uint32 { return oidBool }

// Typmod implements Expr.
func (n *RowCompareExpr) Typmod() int32 { return -1 }

// Collation implements Expr.
func (n *RowCompareExpr) Collation() uint32 { return 0 }

// Location implements Expr.
func (n *RowCompareExpr) Location() int32 { return leftmost(-1, n.Largs...) }

// Type implements Expr.
func (n *CoalesceExpr) Type() uint32 { return n.Coalescetype }

// Typmod implements Expr.
func (n *CoalesceExpr) Typmod() int32 { return commonTypmod(n.Coalescetype, n.Args) }

// Collation implements Expr.
func (n *CoalesceExpr) Collation() uint32 { return n.Coalescecollid }

// Location implements Expr.
func (n *CoalesceExpr) Location() int32 { return n.Loc }

// Type implements Expr.
func (n *MinMaxExpr) Type() uint32 { return n.Minmaxtype }

// Typmod implements Expr.
func (n *MinMaxExpr) Typmod() int32 { return commonTypmod(n.Minmaxtype, n.Args) }

// Collation implements Expr.
func (n *MinMaxExpr) Collation() uint32 { return n.Minmaxcollid }

// Location implements Expr.
func (n *MinMaxExpr) Location() int32 { return n.Loc }

// Type implements Expr.
func (n *SQLValueFunction) Type() uint32 { return n.TypeID }

// Typmod implements Expr.
func (n *SQLValueFunction) Typmod() int32 { return n.Typemod }

// Collation implements Expr.
func (n *SQLValueFunction) Collation() uint32 { return 0 }

// Location implements Expr.
func (n *SQLValueFunction) Location() int32 { return n.Loc }

// Type implements Expr.
func (n *NullTest) Type() uint32 { return oidBool }

// Typmod implements Expr.
func (n *NullTest) Typmod() int32 { return -1 }

// Collation implements Expr.
func (n *NullTest) Collation() uint32 { return 0 }

// Location implements Expr.
func (n *NullTest) Location() int32 { return leftmost(n.Loc, n.Arg) }

// Type implements Expr.
func (n *BooleanTest) Type() uint32 { return oidBool }

// Typmod implements Expr.
func (n *BooleanTest) Typmod() int32 { return -1 }

// Collation implements Expr.
func (n *BooleanTest) Collation() uint32 { return 0 }

// Location implements Expr.
func (n *BooleanTest) Location() int32 { return leftmost(n.Loc, n.Arg) }

// Type implements Expr.
func (n *CoerceToDomain) Type() uint32 { return n.Resulttype }

// Typmod implements Expr.
func (n *CoerceToDomain) Typmod() int32 { return n.Resulttypmod }

// Collation implements Expr.
func (n *CoerceToDomain) Collation() uint32 { return n.Resultcollid }

// Location implements Expr.
func (n *CoerceToDomain) Location() int32 { return leftmost(n.Loc, n.Arg) }

// Type implements Expr.
func (n *CoerceToDomainValue) Type() uint32 { return n.TypeID }

// Typmod implements Expr.
func (n *CoerceToDomainValue) Typmod() int32 { return n.TypeMod }

// Collation implements Expr.
func (n *CoerceToDomainValue) Collation() uint32 { return n.Collid }

// Location implements Expr.
func (n *CoerceToDomainValue) Location() int32 { return n.Loc }

// Type implements Expr.
func (n *SetToDefault) Type() uint32 { return n.TypeID }

// Typmod implements Expr.
func (n *SetToDefault) Typmod() int32 { return n.TypeMod }

// Collation implements Expr.
func (n *SetToDefault) Collation() uint32 { return n.Collid }

// Location implements Expr.
func (n *SetToDefault) Location() int32 { return n.Loc }

// Type implements Expr.
func (n *CurrentOfExpr) Type() uint32 { return oidBool }

// Typmod implements Expr.
func (n *CurrentOfExpr) Typmod() int32 { return -1 }

// Collation implements Expr.
func (n *CurrentOfExpr) Collation() uint32 { return 0 }

// Location implements Expr.
func (n *CurrentOfExpr) Location() int32 { return -1 }

// Type implements Expr.
func (n *NextValueExpr) Type() uint32 { return n.TypeID }

// Typmod implements Expr.
func (n *NextValueExpr) Typmod() int32 { return -1 }

// Collation implements Expr.
func (n *NextValueExpr) Collation() uint32 { return 0 }

// Location implements Expr.
func (n *NextValueExpr) Location() int32 { return -1 }

// Type implements Expr.
func (n *Aggref) Type() uint32 { return n.Aggtype }

// Typmod implements Expr.
func (n *Aggref) Typmod() int32 { return -1 }

// Collation implements Expr.
func (n *Aggref) Collation() uint32 { return n.Aggcollid }

// Location implements Expr.
func (n *Aggref) Location() int32 { return n.Loc }

// Type implements Expr.
func (n *GroupingFunc) Type() uint32 { return oidInt4 }

// Typmod implements Expr.
func (n *GroupingFunc) Typmod() int32 { return -1 }

// Collation implements Expr.
func (n *GroupingFunc) Collation() uint32 { return 0 }

// Location implements Expr.
func (n *GroupingFunc) Location() int32 { return n.Loc }

// Type implements Expr.
func (n *WindowFunc) Type() uint32 { return n.Wintype }

// Typmod implements Expr.
func (n *WindowFunc) Typmod() int32 { return -1 }

// Collation implements Expr.
func (n *WindowFunc) Collation() uint32 { return n.Wincollid }

// Location implements Expr.
func (n *WindowFunc) Location() int32 { return n.Loc }

// Type implements Expr.
func (n *SubLink) Type() uint32 { return n.Resulttype }

// Typmod implements Expr.
func (n *SubLink) Typmod() int32 { return n.Resulttypmod }

// Collation implements Expr.
func (n *SubLink) Collation() uint32 { return n.Resultcollid }

// Location implements Expr.
func (n *SubLink) Location() int32 { return leftmost(n.Loc, n.Testexpr) }

// Type implements Expr.
func (n *FuncExpr) Type() uint32 { return n.Funcresulttype }

// Typmod implements Expr.
func (n *FuncExpr) Typmod() int32 { return lengthCoercionTypmod(n) }

// Collation implements Expr.
func (n *FuncExpr) Collation() uint32 { return n.Funccollid }

// Location implements Expr.
func (n *FuncExpr) Location() int32 { return leftmost(n.Loc, n.Args...) }

// Type implements Expr.
func (n *CollateExpr) Type() uint32 { return n.Arg.Type() }

// Typmod implements Expr.
func (n *CollateExpr) Typmod() int32 { return n.Arg.Typmod() }

// Collation implements Expr.
func (n *CollateExpr) Collation() uint32 { return n.Colloid }

// Location implements Expr.
func (n *CollateExpr) Location() int32 { return location(n.Arg) }

// Type implements Expr.
func (n *NamedArgExpr) Type() uint32 { return n.Arg.Type() }

// Typmod implements Expr.
func (n *NamedArgExpr) Typmod() int32 { return n.Arg.Typmod() }

// Collation implements Expr.
func (n *NamedArgExpr) Collation() uint32 { return n.Arg.Collation() }

// Location implements Expr.
func (n *NamedArgExpr) Location() int32 { return leftmost(n.Loc, n.Arg) }

// Type implements Expr.
func (n *InferenceElem) Type() uint32 { return n.Expr.Type() }

// Typmod implements Expr.
func (n *InferenceElem) Typmod() int32 { return n.Expr.Typmod() }

// Collation implements Expr.
func (n *InferenceElem) Collation() uint32 { return n.Expr.Collation() }

// Location implements Expr.
func (n *InferenceElem) Location() int32 { return location(n.Expr) }

// Typmod implements Expr: NULLIF keeps its first argument's.
func (n *NullIfExpr) Typmod() int32 { return n.Args[0].Typmod() }
