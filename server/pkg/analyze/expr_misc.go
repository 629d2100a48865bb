package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// caseExpr is both forms of CASE.
func (ps *pstate) caseExpr(n *ast.CaseExpr) (query.Expr, error) {
	c := &query.CaseExpr{Loc: n.Location}
	lastSRF := ps.lastSRF
	var test *query.CaseTestExpr
	if n.Arg != nil {
		arg, err := ps.expr(n.Arg)
		if err != nil {
			return nil, err
		}
		if arg.Type() == types.Unknown {
			// The value under test has a type of its own: text.
			if arg, err = ps.coerceToCommon(arg, types.Text, "CASE"); err != nil {
				return nil, err
			}
		}
		if err := ps.assignExprCollations(arg); err != nil {
			return nil, err
		}
		c.Arg = arg
		test = &query.CaseTestExpr{TypeID: arg.Type(), TypeMod: arg.Typmod(), Collid: arg.Collation()}
	}
	var results []query.Expr
	for _, w := range n.Args {
		when, ok := w.(*ast.CaseWhen)
		if !ok {
			return nil, pgerr.Internal("unexpected part of CASE")
		}
		cond, err := ps.caseCondition(when, test)
		if err != nil {
			return nil, err
		}
		r, err := ps.expr(when.Result)
		if err != nil {
			return nil, err
		}
		c.Args = append(c.Args, &query.CaseWhen{Expr: cond, Result: r, Loc: when.Location})
		results = append(results, r)
	}
	var def query.Expr = &query.Const{Consttype: types.Unknown, Consttypmod: -1, Constisnull: true, Loc: -1}
	if n.Defresult != nil {
		var err error
		if def, err = ps.expr(n.Defresult); err != nil {
			return nil, err
		}
	}
	// The default counts first: it decides between equals.
	typ, _, err := ps.selectCommonType(append([]query.Expr{def}, results...), "CASE")
	if err != nil {
		return nil, err
	}
	c.Casetype = typ
	if c.Defresult, err = ps.coerceToCommon(def, typ, "CASE/ELSE"); err != nil {
		return nil, err
	}
	for _, w := range c.Args {
		if w.Result, err = ps.coerceToCommon(w.Result, typ, "CASE/WHEN"); err != nil {
			return nil, err
		}
	}
	return c, ps.noNewSRF(lastSRF, "CASE")
}

func (ps *pstate) caseCondition(when *ast.CaseWhen, test *query.CaseTestExpr) (query.Expr, error) {
	cond, err := ps.expr(when.Expr)
	if err != nil {
		return nil, err
	}
	if test != nil {
		if cond, err = ps.makeOp([]string{"="}, test, cond, when.Location); err != nil {
			return nil, err
		}
	}
	return ps.coerceToBoolean(cond, "CASE/WHEN")
}

// noNewSRF rejects set-returning functions where evaluation is conditional.
func (ps *pstate) noNewSRF(before query.Expr, construct string) error {
	if ps.lastSRF == before {
		return nil
	}
	return errAt(ps.lastSRF.Location(), pgerr.FeatureNotSupportedCode,
		"set-returning functions are not allowed in %s", construct).
		WithHint("You might be able to move the set-returning function into a LATERAL FROM item.")
}

func (ps *pstate) exprList(list []ast.Node) ([]query.Expr, error) {
	out := make([]query.Expr, len(list))
	for i, n := range list {
		e, err := ps.expr(n)
		if err != nil {
			return nil, err
		}
		out[i] = e
	}
	return out, nil
}

func (ps *pstate) coalesceExpr(n *ast.CoalesceExpr) (query.Expr, error) {
	lastSRF := ps.lastSRF
	args, err := ps.exprList(n.Args)
	if err != nil {
		return nil, err
	}
	typ, args, err := ps.coerceAllToCommon(args, "COALESCE")
	if err != nil {
		return nil, err
	}
	return &query.CoalesceExpr{Coalescetype: typ, Args: args, Loc: n.Location}, ps.noNewSRF(lastSRF, "COALESCE")
}

func (ps *pstate) minMaxExpr(n *ast.MinMaxExpr) (query.Expr, error) {
	name, op := "GREATEST", query.IsGreatest
	if n.Op == ast.IS_LEAST {
		name, op = "LEAST", query.IsLeast
	}
	args, err := ps.exprList(n.Args)
	if err != nil {
		return nil, err
	}
	typ, args, err := ps.coerceAllToCommon(args, name)
	if err != nil {
		return nil, err
	}
	return &query.MinMaxExpr{Minmaxtype: typ, Op: op, Args: args, Loc: n.Location}, nil
}

// sqlValueFunction is CURRENT_DATE and its kin.
func (ps *pstate) sqlValueFunction(n *ast.SQLValueFunction) (query.Expr, error) {
	f := &query.SQLValueFunction{Op: query.SQLValueFunctionOp(n.Op), Typemod: -1, Loc: n.Location}
	precision := func(name string) error {
		f.Typemod = n.Typmod
		if n.Typmod < 0 {
			return errAt(n.Location, pgerr.InvalidParameterValue, "%s(%d) precision must not be negative", name, n.Typmod)
		}
		if n.Typmod > 6 {
			f.Typemod = 6
			ps.warn("%s(%d) precision reduced to maximum allowed, %d", name, n.Typmod, 6)
		}
		return nil
	}
	var err error
	switch n.Op {
	case ast.SVFOP_CURRENT_DATE:
		f.TypeID = types.Date
	case ast.SVFOP_CURRENT_TIME:
		f.TypeID = types.TimeTZ
	case ast.SVFOP_CURRENT_TIME_N:
		f.TypeID, err = types.TimeTZ, precision("TIME")
	case ast.SVFOP_CURRENT_TIMESTAMP:
		f.TypeID = types.TimestampTZ
	case ast.SVFOP_CURRENT_TIMESTAMP_N:
		f.TypeID, err = types.TimestampTZ, precision("TIMESTAMP")
	case ast.SVFOP_LOCALTIME:
		f.TypeID = types.Time
	case ast.SVFOP_LOCALTIME_N:
		f.TypeID, err = types.Time, precision("TIME")
	case ast.SVFOP_LOCALTIMESTAMP:
		f.TypeID = types.Timestamp
	case ast.SVFOP_LOCALTIMESTAMP_N:
		f.TypeID, err = types.Timestamp, precision("TIMESTAMP")
	default:
		f.TypeID = types.Name
	}
	return f, err
}

func (ps *pstate) warn(format string, args ...any) {
	if ps.env.Notice != nil {
		ps.env.Notice(pgerr.Warning(pgerr.InvalidParameterValue, format, args...))
	}
}

func (ps *pstate) nullTest(n *ast.NullTest) (query.Expr, error) {
	arg, err := ps.expr(n.Arg)
	if err != nil {
		return nil, err
	}
	return &query.NullTest{Arg: arg, Nulltesttype: query.NullTestType(n.Nulltesttype), Argisrow: ps.isRowType(arg.Type()),
		Loc: n.Location}, nil
}

func (ps *pstate) booleanTest(n *ast.BooleanTest) (query.Expr, error) {
	names := []string{"IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NOT FALSE", "IS UNKNOWN", "IS NOT UNKNOWN"}
	arg, err := ps.expr(n.Arg)
	if err != nil {
		return nil, err
	}
	if arg, err = ps.coerceToBoolean(arg, names[n.Booltesttype]); err != nil {
		return nil, err
	}
	return &query.BooleanTest{Arg: arg, Booltesttype: query.BoolTestType(n.Booltesttype), Loc: n.Location}, nil
}

func (ps *pstate) rowExpr(n *ast.RowExpr) (query.Expr, error) {
	args, err := ps.expressionList(n.Args, ps.kind, false)
	if err != nil {
		return nil, err
	}
	if len(args) > maxTargets {
		return nil, errAt(n.Location, pgerr.TooManyColumns, "ROW expressions can have at most %d entries", maxTargets)
	}
	row := &query.RowExpr{Args: args, RowTypeid: types.Record, RowFormat: query.CoercionForm(n.RowFormat), Loc: n.Location}
	for i := range args {
		row.Colnames = append(row.Colnames, "f"+itoa(i+1))
	}
	return row, nil
}

// arrayExpr is ARRAY[...]. array and elem are the types an enclosing cast asks for, 0 for none.
func (ps *pstate) arrayExpr(n *ast.A_ArrayExpr, array, elem uint32, typmod int32) (query.Expr, error) {
	a := &query.ArrayExpr{Loc: n.Location}
	for _, item := range n.Elements {
		var e query.Expr
		var err error
		if sub, ok := item.(*ast.A_ArrayExpr); ok {
			e, err = ps.arrayExpr(sub, array, elem, typmod)
			a.Multidims = true
		} else if e, err = ps.expr(item); err == nil && !a.Multidims {
			// An element that is an array itself makes this a nesting.
			a.Multidims = ps.isTrueArray(e.Type())
		}
		if err != nil {
			return nil, err
		}
		a.Elements = append(a.Elements, e)
	}
	hard := array != 0
	target := array
	if hard {
		if !a.Multidims {
			target = elem
		}
	} else {
		if len(a.Elements) == 0 {
			return nil, errAt(n.Location, pgerr.IndeterminateDatatype, "cannot determine type of empty array").
				WithHint("Explicitly cast to the desired type, for example ARRAY[]::integer[].")
		}
		typ, _, err := ps.selectCommonType(a.Elements, "ARRAY")
		if err != nil {
			return nil, err
		}
		target = typ
		if err := ps.arrayTypes(&array, &elem, typ, a); err != nil {
			return nil, err
		}
	}
	for i, e := range a.Elements {
		c, err := ps.arrayElement(e, target, typmod, hard)
		if err != nil {
			return nil, err
		}
		a.Elements[i] = c
	}
	a.ArrayTypeid, a.ElementTypeid = array, elem
	return a, nil
}

func (ps *pstate) isTrueArray(t uint32) bool {
	return t != types.Int2Vector && t != types.OidVector && ps.elementType(t) != 0
}

func (ps *pstate) arrayTypes(array, elem *uint32, common uint32, a *query.ArrayExpr) error {
	if a.Multidims {
		*array = common
		if *elem = ps.elementType(common); *elem == 0 {
			return errAt(a.Loc, pgerr.UndefinedObject, "could not find element type for data type %s", ps.formatType(common))
		}
		return nil
	}
	*elem = common
	if *array = ps.arrayType(common); *array == 0 {
		return errAt(a.Loc, pgerr.UndefinedObject, "could not find array type for data type %s", ps.formatType(common))
	}
	return nil
}

func (ps *pstate) arrayElement(e query.Expr, target uint32, typmod int32, hard bool) (query.Expr, error) {
	if !hard {
		return ps.coerceToCommon(e, target, "ARRAY")
	}
	c, err := ps.coerceToTarget(e, e.Type(), target, typmod, coerceExplicit, query.CoerceExplicitCast, -1)
	if err == nil && c == nil {
		err = errAt(e.Location(), pgerr.CannotCoerce, "cannot cast type %s to %s", ps.formatType(e.Type()), ps.formatType(target))
	}
	return c, err
}

// subLink is a subquery in an expression.
func (ps *pstate) subLink(n *ast.SubLink) (query.Expr, error) {
	if text := subLinkForbidden(ps.kind); text != "" {
		return nil, errAt(n.Location, pgerr.FeatureNotSupportedCode, "%s", text)
	}
	ps.hasSubLinks = true
	q, err := ps.subStatement(n.Subselect, false, true)
	if err != nil {
		return nil, err
	}
	s := &query.SubLink{SubLinkType: query.SubLinkType(n.SubLinkType), Subselect: q, Resulttype: types.Bool, Resulttypmod: -1,
		Loc: n.Location}
	switch n.SubLinkType {
	case ast.EXISTS_SUBLINK:
		return s, nil
	case ast.EXPR_SUBLINK, ast.ARRAY_SUBLINK:
		return s, ps.valueSubLink(s, n.Location)
	case ast.MULTIEXPR_SUBLINK:
		s.Resulttype = types.Record
		return s, nil
	}
	return s, ps.compareSubLink(s, n)
}

func (ps *pstate) valueSubLink(s *query.SubLink, loc int32) error {
	cols := queryColumns(s.Subselect)
	if len(cols) != 1 {
		return errAt(loc, pgerr.SyntaxError, "subquery must return only one column")
	}
	s.Resulttype, s.Resulttypmod, s.Resultcollid = cols[0].typ, cols[0].typmod, cols[0].coll
	if s.SubLinkType == query.ArraySublink {
		if s.Resulttype = ps.promotedArrayType(cols[0].typ); s.Resulttype == 0 {
			return errAt(loc, pgerr.UndefinedObject, "could not find array type for data type %s", ps.formatType(cols[0].typ))
		}
	}
	return nil
}

// compareSubLink is IN, op ANY, op ALL and row comparison with a subquery.
func (ps *pstate) compareSubLink(s *query.SubLink, n *ast.SubLink) error {
	names := ast.Strings(n.OperName)
	if len(names) == 0 {
		names = []string{"="}
	}
	s.OperName = names
	left, err := ps.expr(n.Testexpr)
	if err != nil {
		return err
	}
	lefts := []query.Expr{left}
	if row, ok := left.(*query.RowExpr); ok {
		lefts = row.Args
	}
	var rights []query.Expr
	for _, te := range s.Subselect.TargetList {
		if te.Resjunk {
			continue
		}
		rights = append(rights, &query.Param{Paramkind: query.ParamSublink, Paramid: int(te.Resno), Paramtype: te.Expr.Type(),
			Paramtypmod: te.Expr.Typmod(), Paramcollid: te.Expr.Collation(), Loc: -1})
	}
	if len(lefts) < len(rights) {
		return errAt(n.Location, pgerr.SyntaxError, "subquery has too many columns")
	}
	if len(lefts) > len(rights) {
		return errAt(n.Location, pgerr.SyntaxError, "subquery has too few columns")
	}
	s.Testexpr, err = ps.rowComparison(names, lefts, rights, n.Location)
	return err
}

func subLinkForbidden(k exprKind) string {
	switch k {
	case kindCheckConstraint, kindDomainCheck:
		return "cannot use subquery in check constraint"
	case kindColumnDefault, kindFunctionDefault:
		return "cannot use subquery in DEFAULT expression"
	case kindIndexExpression:
		return "cannot use subquery in index expression"
	case kindIndexPredicate:
		return "cannot use subquery in index predicate"
	case kindAlterColTransform:
		return "cannot use subquery in transform expression"
	case kindExecuteParameter:
		return "cannot use subquery in EXECUTE parameter"
	case kindTriggerWhen:
		return "cannot use subquery in trigger WHEN condition"
	case kindPartitionBound:
		return "cannot use subquery in partition bound"
	case kindPartitionExpression:
		return "cannot use subquery in partition key expression"
	case kindCallArgument:
		return "cannot use subquery in CALL argument"
	case kindCopyWhere:
		return "cannot use subquery in COPY FROM WHERE condition"
	case kindGeneratedColumn:
		return "cannot use subquery in column generation expression"
	}
	return ""
}
