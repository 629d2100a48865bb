package query

import "github.com/pgzdb/pgz/server/pkg/data"

// Expr is a resolved scalar expression (or, for the few nodes that say so, a row or set).
type Expr interface {
	// Type is the OID of the result type, 0 only for nodes that have none.
	Type() uint32
	// Typmod is the type modifier of the result, -1 when unknown.
	Typmod() int32
	// Collation is the OID of the result's collation, 0 when the type is not collatable or the
	// collation could not be determined.
	Collation() uint32
	// Location is the 0-based byte offset of the leftmost token of the expression in the source
	// text, -1 when unknown.
	Location() int32

	tag() exprTag
	fields(v visitor)
	shallow() Expr
}

// Special Varno values are not used: plans address their inputs by their own node types.

// Var is a column of a range table entry. Varattno 0 is the whole row, negative numbers are system
// columns (catalog's numbering). Varno is a 1-based index into the RTable of the query that is
// Varlevelsup levels out.
type Var struct {
	Varno       int
	Varattno    int16
	Vartype     uint32
	Vartypmod   int32
	Varcollid   uint32
	Varlevelsup int
	Loc         int32
}

// Const is a value. Constvalue is data.Null when Constisnull.
type Const struct {
	Consttype   uint32
	Consttypmod int32
	Constcollid uint32
	Constvalue  data.Datum
	Constisnull bool
	Loc         int32
}

// ParamKind says where a Param's value comes from.
type ParamKind uint8

// Parameter kinds.
const (
	ParamExtern    ParamKind = iota // $n of the statement
	ParamExec                       // set by the executor (correlated subplans)
	ParamSublink                    // column n of the SubLink whose Testexpr holds the Param
	ParamMultiexpr                  // SubLinkId<<16 | column, for UPDATE SET (a, b) = (SELECT ...)
)

// Param is a value known only at execution.
type Param struct {
	Paramkind   ParamKind
	Paramid     int
	Paramtype   uint32
	Paramtypmod int32
	Paramcollid uint32
	Loc         int32
}

// CoercionForm says how a function call or coercion is displayed.
type CoercionForm uint8

// Coercion forms.
const (
	CoerceExplicitCall CoercionForm = iota // f(x)
	CoerceExplicitCast                     // x::type
	CoerceImplicitCast                     // not shown
	CoerceSQLSyntax                        // SQL's own syntax, such as EXTRACT(x FROM y)
)

// FuncExpr is a call of a plain (or set-returning) function.
type FuncExpr struct {
	Funcid         uint32
	Funcresulttype uint32
	Funcretset     bool
	Funcvariadic   bool // the last argument is an array given with VARIADIC or collected by analysis
	Funcformat     CoercionForm
	Funccollid     uint32
	Inputcollid    uint32
	Args           []Expr
	Loc            int32
}

// NamedArgExpr is name => value inside a FuncExpr whose arguments are not yet reordered.
type NamedArgExpr struct {
	Arg       Expr
	Name      string
	Argnumber int
	Loc       int32
}

// OpExpr is an operator with one or two arguments. Opfuncid is its function.
type OpExpr struct {
	Opno         uint32
	Opfuncid     uint32
	Opresulttype uint32
	Opretset     bool
	Opcollid     uint32
	Inputcollid  uint32
	Args         []Expr
	Loc          int32
}

// DistinctExpr is a IS DISTINCT FROM b; the embedded operator is the type's "=".
type DistinctExpr struct{ OpExpr }

// NullIfExpr is NULLIF(a, b); the embedded operator is "=", Opresulttype is the result's type.
type NullIfExpr struct{ OpExpr }

// ScalarArrayOpExpr is a op ANY (array) when UseOr, a op ALL (array) otherwise.
type ScalarArrayOpExpr struct {
	Opno        uint32
	Opfuncid    uint32
	UseOr       bool
	Inputcollid uint32
	Args        []Expr // scalar, array
	Loc         int32
}

// BoolExprType is the connective of a BoolExpr.
type BoolExprType uint8

// Connectives.
const (
	AndExpr BoolExprType = iota
	OrExpr
	NotExpr
)

// BoolExpr is AND, OR (two arguments or more) or NOT (one).
type BoolExpr struct {
	Boolop BoolExprType
	Args   []Expr
	Loc    int32
}

// SubscriptingRef fetches an element or slice of an array, or (Refassgnexpr set) yields the array
// with that element or slice replaced. In a slice a nil entry is a bound left out.
type SubscriptingRef struct {
	Refcontainertype uint32
	Refelemtype      uint32
	Refrestype       uint32
	Reftypmod        int32
	Refcollid        uint32
	Refupperindexpr  []Expr
	Reflowerindexpr  []Expr // empty: element access
	Refexpr          Expr
	Refassgnexpr     Expr
}

// FieldSelect takes one attribute of a composite value.
type FieldSelect struct {
	Arg          Expr
	Fieldnum     int16
	Resulttype   uint32
	Resulttypmod int32
	Resultcollid uint32
}

// FieldStore yields the composite value with attributes replaced.
type FieldStore struct {
	Arg        Expr
	Newvals    []Expr
	Fieldnums  []int16
	Resulttype uint32
}

// RelabelType changes the type of a value without touching its bits.
type RelabelType struct {
	Arg           Expr
	Resulttype    uint32
	Resulttypmod  int32
	Resultcollid  uint32
	Relabelformat CoercionForm
	Loc           int32
}

// CoerceViaIO converts by the source type's output and the result type's input function.
type CoerceViaIO struct {
	Arg          Expr
	Resulttype   uint32
	Resultcollid uint32
	Coerceformat CoercionForm
	Loc          int32
}

// ArrayCoerceExpr applies Elemexpr to each element; a CaseTestExpr inside it is the element.
type ArrayCoerceExpr struct {
	Arg          Expr
	Elemexpr     Expr
	Resulttype   uint32
	Resulttypmod int32
	Resultcollid uint32
	Coerceformat CoercionForm
	Loc          int32
}

// ConvertRowtypeExpr converts between composite types of one inheritance tree.
type ConvertRowtypeExpr struct {
	Arg           Expr
	Resulttype    uint32
	Convertformat CoercionForm
	Loc           int32
}

// CollateExpr is x COLLATE c.
type CollateExpr struct {
	Arg     Expr
	Colloid uint32
	Loc     int32
}

// CaseExpr is both forms of CASE. With Arg, each CaseWhen's Expr compares a CaseTestExpr that
// stands for Arg's value. Defresult is never nil after analysis.
type CaseExpr struct {
	Casetype   uint32
	Casecollid uint32
	Arg        Expr
	Args       []*CaseWhen
	Defresult  Expr
	Loc        int32
}

// CaseWhen is one WHEN ... THEN of a CaseExpr.
type CaseWhen struct {
	Expr   Expr
	Result Expr
	Loc    int32
}

// CaseTestExpr is the value under test of the nearest enclosing CaseExpr or ArrayCoerceExpr.
type CaseTestExpr struct {
	TypeID  uint32
	TypeMod int32
	Collid  uint32
}

// ArrayExpr is ARRAY[...]. With Multidims the elements are arrays themselves.
type ArrayExpr struct {
	ArrayTypeid   uint32
	ArrayCollid   uint32
	ElementTypeid uint32
	Elements      []Expr
	Multidims     bool
	Loc           int32
}

// RowExpr is ROW(...). Colnames are its attribute names.
type RowExpr struct {
	Args      []Expr
	RowTypeid uint32
	RowFormat CoercionForm
	Colnames  []string
	Loc       int32
}

// RowCompareType is the comparison of a RowCompareExpr.
type RowCompareType uint8

// Row comparisons; = and <> become BoolExpr trees instead.
const (
	RowCompareLT RowCompareType = 1
	RowCompareLE RowCompareType = 2
	RowCompareEQ RowCompareType = 3
	RowCompareGE RowCompareType = 4
	RowCompareGT RowCompareType = 5
	RowCompareNE RowCompareType = 6
)

// RowCompareExpr is (a, b) < (c, d) and the like: the first pair that differs decides.
type RowCompareExpr struct {
	Rctype       RowCompareType
	Opnos        []uint32
	Opfuncids    []uint32
	Opfamilies   []uint32
	Inputcollids []uint32
	Largs        []Expr
	Rargs        []Expr
}

// CoalesceExpr is COALESCE(...).
type CoalesceExpr struct {
	Coalescetype   uint32
	Coalescecollid uint32
	Args           []Expr
	Loc            int32
}

// MinMaxOp is the operation of a MinMaxExpr.
type MinMaxOp uint8

// Operations of MinMaxExpr.
const (
	IsGreatest MinMaxOp = iota
	IsLeast
)

// MinMaxExpr is GREATEST or LEAST; nulls are skipped.
type MinMaxExpr struct {
	Minmaxtype   uint32
	Minmaxcollid uint32
	Inputcollid  uint32
	Op           MinMaxOp
	Args         []Expr
	Loc          int32
}

// SQLValueFunctionOp names a function called without parentheses.
type SQLValueFunctionOp uint8

// Functions of SQLValueFunction; the N forms carry a precision in Typemod.
const (
	SVFCurrentDate SQLValueFunctionOp = iota
	SVFCurrentTime
	SVFCurrentTimeN
	SVFCurrentTimestamp
	SVFCurrentTimestampN
	SVFLocaltime
	SVFLocaltimeN
	SVFLocaltimestamp
	SVFLocaltimestampN
	SVFCurrentRole
	SVFCurrentUser
	SVFUser
	SVFSessionUser
	SVFCurrentCatalog
	SVFCurrentSchema
)

// SQLValueFunction is CURRENT_DATE and its kin.
type SQLValueFunction struct {
	Op      SQLValueFunctionOp
	TypeID  uint32
	Typemod int32
	Loc     int32
}

// NullTestType tells IS NULL from IS NOT NULL.
type NullTestType uint8

// Null tests.
const (
	IsNull NullTestType = iota
	IsNotNull
)

// NullTest is x IS [NOT] NULL; Argisrow means the test looks into the attributes of a row.
type NullTest struct {
	Arg          Expr
	Nulltesttype NullTestType
	Argisrow     bool
	Loc          int32
}

// BoolTestType is the test of a BooleanTest.
type BoolTestType uint8

// Boolean tests.
const (
	IsTrue BoolTestType = iota
	IsNotTrue
	IsFalse
	IsNotFalse
	IsUnknown
	IsNotUnknown
)

// BooleanTest is x IS [NOT] TRUE, FALSE or UNKNOWN.
type BooleanTest struct {
	Arg          Expr
	Booltesttype BoolTestType
	Loc          int32
}

// CoerceToDomain checks a value against a domain's constraints.
type CoerceToDomain struct {
	Arg            Expr
	Resulttype     uint32
	Resulttypmod   int32
	Resultcollid   uint32
	Coercionformat CoercionForm
	Loc            int32
}

// CoerceToDomainValue is VALUE inside a domain's check.
type CoerceToDomainValue struct {
	TypeID  uint32
	TypeMod int32
	Collid  uint32
	Loc     int32
}

// SetToDefault is DEFAULT in INSERT VALUES or UPDATE SET. Rewriting replaces it by the column's
// default; none is left in a query handed to the planner.
type SetToDefault struct {
	TypeID  uint32
	TypeMod int32
	Collid  uint32
	Loc     int32
}

// CurrentOfExpr is WHERE CURRENT OF cursor.
type CurrentOfExpr struct {
	Cvarno      int
	CursorName  string
	CursorParam int
}

// NextValueExpr is the default of an identity column.
type NextValueExpr struct {
	Seqid  uint32
	TypeID uint32
}
