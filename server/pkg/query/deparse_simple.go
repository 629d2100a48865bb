package query

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
)

func intDatum(n int32) data.Datum { return data.Int(int64(n)) }

// simple reports whether e needs no parentheses as an operand of parent in
// the pretty style. It follows PostgreSQL's choices, which are more generous
// than strict need only where precedence is beyond doubt.
func (d *Deparser) simple(e, parent Expr) bool {
	switch n := e.(type) {
	case *Var, *Const, *Param, *CoerceToDomainValue, *SetToDefault, *CurrentOfExpr, *SubscriptingRef, *ArrayExpr,
		*RowExpr, *CoalesceExpr, *MinMaxExpr, *SQLValueFunction, *NextValueExpr, *NullIfExpr, *Aggref,
		*GroupingFunc, *WindowFunc, *FuncExpr, *CaseExpr, *CaseTestExpr:
		return true
	case *FieldSelect, *FieldStore:
		_, nested := parent.(*FieldSelect)
		return !nested
	case *CoerceToDomain:
		return d.simple(n.Arg, e)
	case *RelabelType:
		return d.simple(n.Arg, e)
	case *CoerceViaIO:
		return d.simple(n.Arg, e)
	case *ArrayCoerceExpr:
		return d.simple(n.Arg, e)
	case *ConvertRowtypeExpr:
		return d.simple(n.Arg, e)
	case *OpExpr:
		if p, ok := parent.(*OpExpr); ok {
			return d.bindsTighter(n, p)
		}
		return enclosed(parent, true)
	case *SubLink, *NullTest, *BooleanTest, *DistinctExpr:
		return enclosed(parent, true)
	case *BoolExpr:
		if p, ok := parent.(*BoolExpr); ok {
			if n.Boolop == OrExpr {
				return p.Boolop == OrExpr
			}
			return p.Boolop == AndExpr || p.Boolop == OrExpr
		}
		return enclosed(parent, false)
	}
	return false
}

// enclosed reports whether parent has delimiters of its own around operands.
func enclosed(parent Expr, underBool bool) bool {
	switch p := parent.(type) {
	case *FuncExpr:
		return p.Funcformat == CoerceExplicitCall
	case *BoolExpr:
		return underBool
	case *SubscriptingRef, *ArrayExpr, *RowExpr, *CoalesceExpr, *MinMaxExpr, *NullIfExpr, *Aggref, *GroupingFunc,
		*WindowFunc, *CaseExpr:
		return true
	}
	return false
}

// bindsTighter decides for arithmetic within arithmetic: a*b inside +, and the
// left operand of an operator of the same rank.
func (d *Deparser) bindsTighter(n, parent *OpExpr) bool {
	rank := func(op *OpExpr) int {
		if len(op.Args) != 2 {
			return 0
		}
		o, err := d.View.Operator(op.Opno)
		if err != nil || o == nil || len(o.Name) != 1 {
			return 0
		}
		switch {
		case strings.Contains("+-", o.Name):
			return 1
		case strings.Contains("*/%", o.Name):
			return 2
		}
		return 0
	}
	r, p := rank(n), rank(parent)
	if r == 0 || p == 0 {
		return false
	}
	return r > p || r == p && parent.Args[0] == Expr(n)
}
