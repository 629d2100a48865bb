package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// ExprPlace says what an expression outside a query is for; it decides what the expression may
// contain and what type it must have.
type ExprPlace int

// Places of expressions.
const (
	PlaceCheck            ExprPlace = ExprPlace(kindCheckConstraint)
	PlaceDefault          ExprPlace = ExprPlace(kindColumnDefault)
	PlaceFunctionDefault  ExprPlace = ExprPlace(kindFunctionDefault)
	PlaceIndexExpression  ExprPlace = ExprPlace(kindIndexExpression)
	PlaceIndexPredicate   ExprPlace = ExprPlace(kindIndexPredicate)
	PlaceAlterUsing       ExprPlace = ExprPlace(kindAlterColTransform)
	PlaceExecuteParameter ExprPlace = ExprPlace(kindExecuteParameter)
	PlaceGenerated        ExprPlace = ExprPlace(kindGeneratedColumn)
	PlaceCopyWhere        ExprPlace = ExprPlace(kindCopyWhere)
	PlaceDomainCheck      ExprPlace = ExprPlace(kindDomainCheck)
	PlaceCall             ExprPlace = ExprPlace(kindCallArgument)
)

// ExprTarget is where the value of an expression goes.
type ExprTarget struct {
	// Table gives the columns the expression can use (varno 1); nil for none.
	Table *catalog.Table
	// Column, Type and Typmod: the value is assigned to this column (defaults, generated columns,
	// ALTER ... USING, EXECUTE parameters). Type 0 leaves the expression as it is.
	Column string
	Type   uint32
	Typmod int32
	// Domain gives VALUE its type in a domain's check, as (type, typmod, collation) of the base.
	Domain *query.CoerceToDomainValue
}

// AnalyzeExpr resolves an expression that stands in DDL or another utility statement, with
// PostgreSQL's restrictions for its place. Conditions come out boolean; where to.Type is set, the
// value is converted for assignment (42804 if that is impossible).
func AnalyzeExpr(env *Env, n ast.Node, place ExprPlace, to ExprTarget) (query.Expr, error) {
	a := newAnalyzer(env)
	ps := a.newState(nil)
	ps.valueDomain = to.Domain
	e, err := ps.placedExpr(n, exprKind(place), to)
	if err != nil {
		return nil, a.first(err)
	}
	if err := a.checkParams(); err != nil {
		return nil, err
	}
	return e, a.err
}

func (ps *pstate) placedExpr(n ast.Node, kind exprKind, to ExprTarget) (query.Expr, error) {
	if to.Table != nil {
		ns, err := ps.addRelation(to.Table, nil, false, true, lockAccessShare)
		if err != nil {
			return nil, err
		}
		ps.addToScope(ns, false, true, true)
	}
	e, err := ps.exprOf(n, kind)
	if err != nil {
		return nil, err
	}
	switch kind {
	case kindCheckConstraint, kindDomainCheck:
		e, err = ps.coerceToBoolean(e, "CHECK")
	case kindIndexPredicate, kindCopyWhere:
		e, err = ps.coerceToBoolean(e, "WHERE")
	}
	if err != nil {
		return nil, err
	}
	if to.Type != 0 {
		if e, err = ps.assignTo(e, kind, to); err != nil {
			return nil, err
		}
	} else if e.Type() == types.Unknown {
		if e, err = ps.coerceToCommon(e, types.Text, "text"); err != nil {
			return nil, err
		}
	}
	if err := ps.assignExprCollations(e); err != nil {
		return nil, err
	}
	return e, ps.checkPlaced(e, kind)
}

// assignTo converts the value for its column or parameter.
func (ps *pstate) assignTo(e query.Expr, kind exprKind, to ExprTarget) (query.Expr, error) {
	from := e.Type()
	r, err := ps.coerceToTarget(e, from, to.Type, to.Typmod, coerceAssignment, query.CoerceImplicitCast, -1)
	if err != nil || r != nil {
		return r, err
	}
	switch kind {
	case kindGeneratedColumn:
		return nil, errAt(-1, pgerr.DatatypeMismatch, "column \"%s\" is of type %s but generation expression is of type %s",
			to.Column, ps.formatType(to.Type), ps.formatType(from)).WithHint("You will need to rewrite or cast the expression.")
	case kindExecuteParameter:
		return nil, errAt(e.Location(), pgerr.DatatypeMismatch, "parameter %s of type %s cannot be coerced to the expected type %s",
			to.Column, ps.formatType(from), ps.formatType(to.Type)).WithHint("You will need to rewrite or cast the expression.")
	case kindAlterColTransform:
		return nil, errAt(-1, pgerr.DatatypeMismatch,
			"result of USING clause for column \"%s\" cannot be cast automatically to type %s", to.Column, ps.formatType(to.Type)).
			WithHint("You might need to add an explicit cast.")
	}
	return nil, errAt(-1, pgerr.DatatypeMismatch, "column \"%s\" is of type %s but default expression is of type %s",
		to.Column, ps.formatType(to.Type), ps.formatType(from)).WithHint("You will need to rewrite or cast the expression.")
}

// checkPlaced rejects functions that are not immutable where the value must not change.
func (ps *pstate) checkPlaced(e query.Expr, kind exprKind) error {
	text := ""
	switch kind {
	case kindIndexExpression:
		text = "functions in index expression must be marked IMMUTABLE"
	case kindIndexPredicate:
		text = "functions in index predicate must be marked IMMUTABLE"
	case kindGeneratedColumn:
		text = "generation expression is not immutable"
	default:
		return nil
	}
	if ps.volatility(e) != catalog.VolatileImmutable {
		return errAt(-1, pgerr.InvalidObjectDefinition, "%s", text)
	}
	return nil
}

// Volatility is the volatility of an expression: that of its most volatile part.
func Volatility(cat catalog.View, e query.Expr) (byte, error) {
	a := newAnalyzer(&Env{Cat: cat})
	return a.volatility(e), a.err
}

func (a *analyzer) volatility(e query.Expr) byte {
	v := byte(catalog.VolatileImmutable)
	worse := func(b byte) {
		if b == catalog.VolatileVolatile || b == catalog.VolatileStable && v == catalog.VolatileImmutable {
			v = b
		}
	}
	fn := func(oid uint32) {
		if p := a.proc(oid); p != nil {
			worse(p.Volatile)
		}
	}
	query.WalkLevels(e, func(e query.Expr, _ int) bool {
		switch n := e.(type) {
		case *query.FuncExpr:
			fn(n.Funcid)
		case *query.OpExpr:
			fn(n.Opfuncid)
		case *query.DistinctExpr:
			fn(n.Opfuncid)
		case *query.NullIfExpr:
			fn(n.Opfuncid)
		case *query.ScalarArrayOpExpr:
			fn(n.Opfuncid)
		case *query.RowCompareExpr:
			for _, f := range n.Opfuncids {
				fn(f)
			}
		case *query.Aggref:
			fn(n.Aggfnoid)
		case *query.SQLValueFunction:
			worse(catalog.VolatileStable)
		case *query.NextValueExpr:
			worse(catalog.VolatileVolatile)
		case *query.CoerceViaIO:
			fn(a.typ(a.baseType(n.Arg.Type())).Output)
			fn(a.typ(n.Resulttype).Input)
		}
		return v != catalog.VolatileVolatile
	})
	return v
}

// AnalyzeView resolves the query of CREATE VIEW, with views inside left as relations, as it is to
// be stored.
func AnalyzeView(env *Env, n ast.Node) (*query.Query, error) {
	a := newAnalyzer(env)
	ps := a.newState(nil)
	q, err := ps.statement(n)
	if err != nil {
		return nil, a.first(err)
	}
	return q, a.err
}
