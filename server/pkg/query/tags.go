package query

// exprTag is the number of an expression node in stored trees. Numbers are never reused.
type exprTag uint8

const (
	tagNil exprTag = iota
	tagVar
	tagConst
	tagParam
	tagFuncExpr
	tagNamedArgExpr
	tagOpExpr
	tagDistinctExpr
	tagNullIfExpr
	tagScalarArrayOpExpr
	tagBoolExpr
	tagSubscriptingRef
	tagFieldSelect
	tagFieldStore
	tagRelabelType
	tagCoerceViaIO
	tagArrayCoerceExpr
	tagConvertRowtypeExpr
	tagCollateExpr
	tagCaseExpr
	tagCaseTestExpr
	tagArrayExpr
	tagRowExpr
	tagRowCompareExpr
	tagCoalesceExpr
	tagMinMaxExpr
	tagSQLValueFunction
	tagNullTest
	tagBooleanTest
	tagCoerceToDomain
	tagCoerceToDomainValue
	tagSetToDefault
	tagCurrentOfExpr
	tagNextValueExpr
	tagAggref
	tagGroupingFunc
	tagWindowFunc
	tagSubLink
	tagInferenceElem
	tagEnd
)

// newExpr allocates an empty node, nil for an unknown tag.
func newExpr(t exprTag) Expr {
	if t == tagNil || t >= tagEnd {
		return nil
	}
	return exprMakers[t]()
}

var exprMakers = [tagEnd]func() Expr{
	tagVar:                 func() Expr { return &Var{} },
	tagConst:               func() Expr { return &Const{} },
	tagParam:               func() Expr { return &Param{} },
	tagFuncExpr:            func() Expr { return &FuncExpr{} },
	tagNamedArgExpr:        func() Expr { return &NamedArgExpr{} },
	tagOpExpr:              func() Expr { return &OpExpr{} },
	tagDistinctExpr:        func() Expr { return &DistinctExpr{} },
	tagNullIfExpr:          func() Expr { return &NullIfExpr{} },
	tagScalarArrayOpExpr:   func() Expr { return &ScalarArrayOpExpr{} },
	tagBoolExpr:            func() Expr { return &BoolExpr{} },
	tagSubscriptingRef:     func() Expr { return &SubscriptingRef{} },
	tagFieldSelect:         func() Expr { return &FieldSelect{} },
	tagFieldStore:          func() Expr { return &FieldStore{} },
	tagRelabelType:         func() Expr { return &RelabelType{} },
	tagCoerceViaIO:         func() Expr { return &CoerceViaIO{} },
	tagArrayCoerceExpr:     func() Expr { return &ArrayCoerceExpr{} },
	tagConvertRowtypeExpr:  func() Expr { return &ConvertRowtypeExpr{} },
	tagCollateExpr:         func() Expr { return &CollateExpr{} },
	tagCaseExpr:            func() Expr { return &CaseExpr{} },
	tagCaseTestExpr:        func() Expr { return &CaseTestExpr{} },
	tagArrayExpr:           func() Expr { return &ArrayExpr{} },
	tagRowExpr:             func() Expr { return &RowExpr{} },
	tagRowCompareExpr:      func() Expr { return &RowCompareExpr{} },
	tagCoalesceExpr:        func() Expr { return &CoalesceExpr{} },
	tagMinMaxExpr:          func() Expr { return &MinMaxExpr{} },
	tagSQLValueFunction:    func() Expr { return &SQLValueFunction{} },
	tagNullTest:            func() Expr { return &NullTest{} },
	tagBooleanTest:         func() Expr { return &BooleanTest{} },
	tagCoerceToDomain:      func() Expr { return &CoerceToDomain{} },
	tagCoerceToDomainValue: func() Expr { return &CoerceToDomainValue{} },
	tagSetToDefault:        func() Expr { return &SetToDefault{} },
	tagCurrentOfExpr:       func() Expr { return &CurrentOfExpr{} },
	tagNextValueExpr:       func() Expr { return &NextValueExpr{} },
	tagAggref:              func() Expr { return &Aggref{} },
	tagGroupingFunc:        func() Expr { return &GroupingFunc{} },
	tagWindowFunc:          func() Expr { return &WindowFunc{} },
	tagSubLink:             func() Expr { return &SubLink{} },
	tagInferenceElem:       func() Expr { return &InferenceElem{} },
}

func (n *Var) tag() exprTag                 { return tagVar }
func (n *Const) tag() exprTag               { return tagConst }
func (n *Param) tag() exprTag               { return tagParam }
func (n *FuncExpr) tag() exprTag            { return tagFuncExpr }
func (n *NamedArgExpr) tag() exprTag        { return tagNamedArgExpr }
func (n *OpExpr) tag() exprTag              { return tagOpExpr }
func (n *DistinctExpr) tag() exprTag        { return tagDistinctExpr }
func (n *NullIfExpr) tag() exprTag          { return tagNullIfExpr }
func (n *ScalarArrayOpExpr) tag() exprTag   { return tagScalarArrayOpExpr }
func (n *BoolExpr) tag() exprTag            { return tagBoolExpr }
func (n *SubscriptingRef) tag() exprTag     { return tagSubscriptingRef }
func (n *FieldSelect) tag() exprTag         { return tagFieldSelect }
func (n *FieldStore) tag() exprTag          { return tagFieldStore }
func (n *RelabelType) tag() exprTag         { return tagRelabelType }
func (n *CoerceViaIO) tag() exprTag         { return tagCoerceViaIO }
func (n *ArrayCoerceExpr) tag() exprTag     { return tagArrayCoerceExpr }
func (n *ConvertRowtypeExpr) tag() exprTag  { return tagConvertRowtypeExpr }
func (n *CollateExpr) tag() exprTag         { return tagCollateExpr }
func (n *CaseExpr) tag() exprTag            { return tagCaseExpr }
func (n *CaseTestExpr) tag() exprTag        { return tagCaseTestExpr }
func (n *ArrayExpr) tag() exprTag           { return tagArrayExpr }
func (n *RowExpr) tag() exprTag             { return tagRowExpr }
func (n *RowCompareExpr) tag() exprTag      { return tagRowCompareExpr }
func (n *CoalesceExpr) tag() exprTag        { return tagCoalesceExpr }
func (n *MinMaxExpr) tag() exprTag          { return tagMinMaxExpr }
func (n *SQLValueFunction) tag() exprTag    { return tagSQLValueFunction }
func (n *NullTest) tag() exprTag            { return tagNullTest }
func (n *BooleanTest) tag() exprTag         { return tagBooleanTest }
func (n *CoerceToDomain) tag() exprTag      { return tagCoerceToDomain }
func (n *CoerceToDomainValue) tag() exprTag { return tagCoerceToDomainValue }
func (n *SetToDefault) tag() exprTag        { return tagSetToDefault }
func (n *CurrentOfExpr) tag() exprTag       { return tagCurrentOfExpr }
func (n *NextValueExpr) tag() exprTag       { return tagNextValueExpr }
func (n *Aggref) tag() exprTag              { return tagAggref }
func (n *GroupingFunc) tag() exprTag        { return tagGroupingFunc }
func (n *WindowFunc) tag() exprTag          { return tagWindowFunc }
func (n *SubLink) tag() exprTag             { return tagSubLink }
func (n *InferenceElem) tag() exprTag       { return tagInferenceElem }

func (n *Var) shallow() Expr                 { c := *n; return &c }
func (n *Const) shallow() Expr               { c := *n; return &c }
func (n *Param) shallow() Expr               { c := *n; return &c }
func (n *FuncExpr) shallow() Expr            { c := *n; return &c }
func (n *NamedArgExpr) shallow() Expr        { c := *n; return &c }
func (n *OpExpr) shallow() Expr              { c := *n; return &c }
func (n *DistinctExpr) shallow() Expr        { c := *n; return &c }
func (n *NullIfExpr) shallow() Expr          { c := *n; return &c }
func (n *ScalarArrayOpExpr) shallow() Expr   { c := *n; return &c }
func (n *BoolExpr) shallow() Expr            { c := *n; return &c }
func (n *SubscriptingRef) shallow() Expr     { c := *n; return &c }
func (n *FieldSelect) shallow() Expr         { c := *n; return &c }
func (n *FieldStore) shallow() Expr          { c := *n; return &c }
func (n *RelabelType) shallow() Expr         { c := *n; return &c }
func (n *CoerceViaIO) shallow() Expr         { c := *n; return &c }
func (n *ArrayCoerceExpr) shallow() Expr     { c := *n; return &c }
func (n *ConvertRowtypeExpr) shallow() Expr  { c := *n; return &c }
func (n *CollateExpr) shallow() Expr         { c := *n; return &c }
func (n *CaseExpr) shallow() Expr            { c := *n; return &c }
func (n *CaseTestExpr) shallow() Expr        { c := *n; return &c }
func (n *ArrayExpr) shallow() Expr           { c := *n; return &c }
func (n *RowExpr) shallow() Expr             { c := *n; return &c }
func (n *RowCompareExpr) shallow() Expr      { c := *n; return &c }
func (n *CoalesceExpr) shallow() Expr        { c := *n; return &c }
func (n *MinMaxExpr) shallow() Expr          { c := *n; return &c }
func (n *SQLValueFunction) shallow() Expr    { c := *n; return &c }
func (n *NullTest) shallow() Expr            { c := *n; return &c }
func (n *BooleanTest) shallow() Expr         { c := *n; return &c }
func (n *CoerceToDomain) shallow() Expr      { c := *n; return &c }
func (n *CoerceToDomainValue) shallow() Expr { c := *n; return &c }
func (n *SetToDefault) shallow() Expr        { c := *n; return &c }
func (n *CurrentOfExpr) shallow() Expr       { c := *n; return &c }
func (n *NextValueExpr) shallow() Expr       { c := *n; return &c }
func (n *Aggref) shallow() Expr              { c := *n; return &c }
func (n *GroupingFunc) shallow() Expr        { c := *n; return &c }
func (n *WindowFunc) shallow() Expr          { c := *n; return &c }
func (n *SubLink) shallow() Expr             { c := *n; return &c }
func (n *InferenceElem) shallow() Expr       { c := *n; return &c }
