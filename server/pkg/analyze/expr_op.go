package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// aExpr is everything written with an operator.
func (ps *pstate) aExpr(n *ast.A_Expr) (query.Expr, error) {
	switch n.Kind {
	case ast.AEXPR_OP, ast.AEXPR_LIKE, ast.AEXPR_ILIKE, ast.AEXPR_SIMILAR:
		return ps.plainOp(n)
	case ast.AEXPR_OP_ANY, ast.AEXPR_OP_ALL:
		l, err := ps.expr(n.Lexpr)
		if err != nil {
			return nil, err
		}
		r, err := ps.expr(n.Rexpr)
		if err != nil {
			return nil, err
		}
		return ps.makeScalarArrayOp(ast.Strings(n.Name), n.Kind == ast.AEXPR_OP_ANY, l, r, n.Location)
	case ast.AEXPR_DISTINCT, ast.AEXPR_NOT_DISTINCT:
		return ps.isDistinct(n)
	case ast.AEXPR_NULLIF:
		return ps.nullIf(n)
	case ast.AEXPR_IN:
		return ps.inList(n)
	case ast.AEXPR_BETWEEN, ast.AEXPR_NOT_BETWEEN, ast.AEXPR_BETWEEN_SYM, ast.AEXPR_NOT_BETWEEN_SYM:
		return ps.between(n)
	}
	return nil, unsupported(n.Location, "this kind of operator expression")
}

func (ps *pstate) plainOp(n *ast.A_Expr) (query.Expr, error) {
	if row, ok := n.Lexpr.(*ast.RowExpr); ok {
		if sub, ok := n.Rexpr.(*ast.SubLink); ok && sub.SubLinkType == ast.EXPR_SUBLINK {
			return ps.subLink(&ast.SubLink{SubLinkType: ast.ROWCOMPARE_SUBLINK, Testexpr: row, OperName: n.Name,
				Subselect: sub.Subselect, Location: n.Location})
		}
		if _, ok := n.Rexpr.(*ast.RowExpr); ok {
			l, err := ps.expr(n.Lexpr)
			if err != nil {
				return nil, err
			}
			r, err := ps.expr(n.Rexpr)
			if err != nil {
				return nil, err
			}
			return ps.rowComparison(ast.Strings(n.Name), l.(*query.RowExpr).Args, r.(*query.RowExpr).Args, n.Location)
		}
	}
	l, r, err := ps.operands(n)
	if err != nil {
		return nil, err
	}
	return ps.makeOp(ast.Strings(n.Name), l, r, n.Location)
}

// operands resolves both sides; the left one may be missing.
func (ps *pstate) operands(n *ast.A_Expr) (l, r query.Expr, err error) {
	if n.Lexpr != nil {
		if l, err = ps.expr(n.Lexpr); err != nil {
			return nil, nil, err
		}
	}
	if n.Rexpr != nil {
		r, err = ps.expr(n.Rexpr)
	}
	return l, r, err
}

func (ps *pstate) isDistinct(n *ast.A_Expr) (query.Expr, error) {
	if isNullConst(n.Rexpr) {
		return ps.distinctFromNull(n, n.Lexpr)
	}
	if isNullConst(n.Lexpr) {
		return ps.distinctFromNull(n, n.Rexpr)
	}
	l, r, err := ps.operands(n)
	if err != nil {
		return nil, err
	}
	lr, lok := l.(*query.RowExpr)
	rr, rok := r.(*query.RowExpr)
	var e query.Expr
	if lok && rok {
		e, err = ps.rowDistinct(ast.Strings(n.Name), lr.Args, rr.Args, n.Location)
	} else {
		e, err = ps.makeDistinct(ast.Strings(n.Name), l, r, n.Location)
	}
	if err != nil || n.Kind == ast.AEXPR_DISTINCT {
		return e, err
	}
	return &query.BoolExpr{Boolop: query.NotExpr, Args: []query.Expr{e}, Loc: n.Location}, nil
}

func isNullConst(n ast.Node) bool {
	c, ok := n.(*ast.A_Const)
	return ok && c.Isnull
}

// distinctFromNull: IS DISTINCT FROM NULL is IS NOT NULL.
func (ps *pstate) distinctFromNull(n *ast.A_Expr, arg ast.Node) (query.Expr, error) {
	test := ast.IS_NOT_NULL
	if n.Kind == ast.AEXPR_NOT_DISTINCT {
		test = ast.IS_NULL
	}
	return ps.nullTest(&ast.NullTest{Arg: arg, Nulltesttype: test, Location: n.Location})
}

func (ps *pstate) makeDistinct(names []string, l, r query.Expr, loc int32) (query.Expr, error) {
	e, err := ps.makeOp(names, l, r, loc)
	if err != nil {
		return nil, err
	}
	op := e.(*query.OpExpr)
	if op.Opresulttype != types.Bool {
		return nil, errAt(loc, pgerr.DatatypeMismatch, "IS DISTINCT FROM requires = operator to yield boolean")
	}
	if op.Opretset {
		return nil, errAt(loc, pgerr.DatatypeMismatch, "%s must not return a set", "IS DISTINCT FROM")
	}
	return &query.DistinctExpr{OpExpr: *op}, nil
}

func (ps *pstate) rowDistinct(names []string, l, r []query.Expr, loc int32) (query.Expr, error) {
	if len(l) != len(r) {
		return nil, errAt(loc, pgerr.SyntaxError, "unequal number of entries in row expressions")
	}
	var result query.Expr
	for i := range l {
		e, err := ps.makeDistinct(names, l[i], r[i], loc)
		if err != nil {
			return nil, err
		}
		if result == nil {
			result = e
		} else {
			result = &query.BoolExpr{Boolop: query.OrExpr, Args: []query.Expr{result, e}, Loc: loc}
		}
	}
	if result == nil {
		return boolConst(false), nil
	}
	return result, nil
}

func (ps *pstate) nullIf(n *ast.A_Expr) (query.Expr, error) {
	l, r, err := ps.operands(n)
	if err != nil {
		return nil, err
	}
	e, err := ps.makeOp(ast.Strings(n.Name), l, r, n.Location)
	if err != nil {
		return nil, err
	}
	op := *e.(*query.OpExpr)
	if op.Opresulttype != types.Bool {
		return nil, errAt(n.Location, pgerr.DatatypeMismatch, "NULLIF requires = operator to yield boolean")
	}
	if op.Opretset {
		return nil, errAt(n.Location, pgerr.DatatypeMismatch, "%s must not return a set", "NULLIF")
	}
	op.Opresulttype = op.Args[0].Type()
	return &query.NullIfExpr{OpExpr: op}, nil
}

// inList is IN (...): values without columns become one array comparison, the rest an OR.
func (ps *pstate) inList(n *ast.A_Expr) (query.Expr, error) {
	names := ast.Strings(n.Name)
	useOr := names[len(names)-1] != "<>"
	left, err := ps.expr(n.Lexpr)
	if err != nil {
		return nil, err
	}
	list, ok := n.Rexpr.(*ast.List)
	if !ok {
		return nil, pgerr.Internal("IN without a list")
	}
	var all, vars, consts []query.Expr
	for _, item := range list.Items {
		e, err := ps.expr(item)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
		if containsVarOfLevel(e, 0) {
			vars = append(vars, e)
		} else {
			consts = append(consts, e)
		}
	}
	var result query.Expr
	if len(consts) > 1 {
		if result, err = ps.inArray(names, useOr, left, consts, n.Location); err != nil {
			return nil, err
		}
		if result != nil {
			all = vars
		}
	}
	for _, r := range all {
		cmp, err := ps.inCompare(names, left, r, n.Location)
		if err != nil {
			return nil, err
		}
		if result == nil {
			result = cmp
			continue
		}
		op := query.OrExpr
		if !useOr {
			op = query.AndExpr
		}
		result = &query.BoolExpr{Boolop: op, Args: []query.Expr{result, cmp}, Loc: n.Location}
	}
	return result, nil
}

// inArray is left = ANY (ARRAY[consts]), nil when the values have no common type.
func (ps *pstate) inArray(names []string, useOr bool, left query.Expr, consts []query.Expr, loc int32) (query.Expr, error) {
	all := append([]query.Expr{left}, consts...)
	typ, _, err := ps.selectCommonType(all, "")
	if err != nil {
		return nil, err
	}
	if typ == 0 || typ == types.Record || !ps.verifyCommonType(typ, all) {
		return nil, nil
	}
	array := ps.arrayType(typ)
	if array == 0 {
		return nil, nil
	}
	elems := make([]query.Expr, len(consts))
	for i, c := range consts {
		if elems[i], err = ps.coerceToCommon(c, typ, "IN"); err != nil {
			return nil, err
		}
	}
	a := &query.ArrayExpr{ArrayTypeid: array, ElementTypeid: typ, Elements: elems, Loc: -1}
	return ps.makeScalarArrayOp(names, useOr, left, a, loc)
}

func (ps *pstate) inCompare(names []string, l, r query.Expr, loc int32) (query.Expr, error) {
	lr, lok := l.(*query.RowExpr)
	rr, rok := r.(*query.RowExpr)
	var e query.Expr
	var err error
	if lok && rok {
		e, err = ps.rowComparison(names, lr.Args, rr.Args, loc)
	} else {
		e, err = ps.makeOp(names, l, r, loc)
	}
	if err != nil {
		return nil, err
	}
	return ps.coerceToBoolean(e, "IN")
}

// between spells BETWEEN out in comparisons.
func (ps *pstate) between(n *ast.A_Expr) (query.Expr, error) {
	list, ok := n.Rexpr.(*ast.List)
	if !ok || len(list.Items) != 2 {
		return nil, pgerr.Internal("BETWEEN without two bounds")
	}
	low, high := list.Items[0], list.Items[1]
	cmp := func(op string, bound ast.Node) ast.Node {
		return &ast.A_Expr{Kind: ast.AEXPR_OP, Name: []ast.Node{&ast.String{Sval: op}}, Lexpr: n.Lexpr, Rexpr: bound, Location: n.Location}
	}
	combine := func(op ast.BoolExprType, a, b ast.Node) ast.Node {
		return &ast.BoolExpr{Boolop: op, Args: []ast.Node{a, b}, Location: n.Location}
	}
	inside := func(a, b ast.Node) ast.Node { return combine(ast.AND_EXPR, cmp(">=", a), cmp("<=", b)) }
	outside := func(a, b ast.Node) ast.Node { return combine(ast.OR_EXPR, cmp("<", a), cmp(">", b)) }
	switch n.Kind {
	case ast.AEXPR_BETWEEN:
		return ps.expr(inside(low, high))
	case ast.AEXPR_NOT_BETWEEN:
		return ps.expr(outside(low, high))
	case ast.AEXPR_BETWEEN_SYM:
		return ps.expr(combine(ast.OR_EXPR, inside(low, high), inside(high, low)))
	}
	return ps.expr(combine(ast.AND_EXPR, outside(low, high), outside(high, low)))
}

func (ps *pstate) boolExpr(n *ast.BoolExpr) (query.Expr, error) {
	name := map[ast.BoolExprType]string{ast.AND_EXPR: "AND", ast.OR_EXPR: "OR", ast.NOT_EXPR: "NOT"}[n.Boolop]
	e := &query.BoolExpr{Boolop: query.BoolExprType(n.Boolop), Loc: n.Location}
	for _, a := range n.Args {
		arg, err := ps.expr(a)
		if err != nil {
			return nil, err
		}
		if arg, err = ps.coerceToBoolean(arg, name); err != nil {
			return nil, err
		}
		e.Args = append(e.Args, arg)
	}
	return e, nil
}

// rowComparison compares two rows of the same length: = and <> by pairs, the rest in order.
func (ps *pstate) rowComparison(names []string, l, r []query.Expr, loc int32) (query.Expr, error) {
	if len(l) != len(r) {
		return nil, errAt(loc, pgerr.SyntaxError, "unequal number of entries in row expressions")
	}
	if len(l) == 0 {
		return nil, errAt(loc, pgerr.FeatureNotSupportedCode, "cannot compare rows of zero length")
	}
	ops := make([]*query.OpExpr, len(l))
	for i := range l {
		e, err := ps.makeOp(names, l[i], r[i], loc)
		if err != nil {
			return nil, err
		}
		op, ok := e.(*query.OpExpr)
		if !ok || op.Opresulttype != types.Bool {
			return nil, errAt(loc, pgerr.DatatypeMismatch,
				"row comparison operator must yield type boolean, not type %s", ps.formatType(e.Type()))
		}
		if op.Opretset {
			return nil, errAt(loc, pgerr.DatatypeMismatch, "row comparison operator must not return a set")
		}
		ops[i] = op
	}
	if len(ops) == 1 {
		return ops[0], nil
	}
	kind, families, err := ps.rowCompareKind(names, ops, loc)
	if err != nil {
		return nil, err
	}
	if kind == query.RowCompareEQ || kind == query.RowCompareNE {
		b := &query.BoolExpr{Boolop: query.AndExpr, Loc: loc}
		if kind == query.RowCompareNE {
			b.Boolop = query.OrExpr
		}
		for _, op := range ops {
			b.Args = append(b.Args, op)
		}
		return b, nil
	}
	rc := &query.RowCompareExpr{Rctype: kind, Opfamilies: families}
	for _, op := range ops {
		rc.Opnos = append(rc.Opnos, op.Opno)
		rc.Opfuncids = append(rc.Opfuncids, op.Opfuncid)
		rc.Inputcollids = append(rc.Inputcollids, 0)
		rc.Largs = append(rc.Largs, op.Args[0])
		rc.Rargs = append(rc.Rargs, op.Args[1])
	}
	return rc, nil
}

// rowCompareKind finds a btree meaning that all the operators share.
func (ps *pstate) rowCompareKind(names []string, ops []*query.OpExpr, loc int32) (query.RowCompareType, []uint32, error) {
	strategies := make([]map[query.RowCompareType]uint32, len(ops))
	for i, op := range ops {
		strategies[i] = map[query.RowCompareType]uint32{}
		list, err := ps.cat.OperatorFamilies(op.Opno)
		if err != nil {
			return 0, nil, err
		}
		for _, m := range list {
			if m.AM == 403 && m.Purpose == 's' {
				if _, ok := strategies[i][query.RowCompareType(m.Strategy)]; !ok {
					strategies[i][query.RowCompareType(m.Strategy)] = m.Family
				}
			}
		}
		// <> is the negator of a btree equality.
		if o := ps.operator(op.Opno); o != nil && o.Negator != 0 {
			list, err := ps.cat.OperatorFamilies(o.Negator)
			if err != nil {
				return 0, nil, err
			}
			for _, m := range list {
				if m.AM == 403 && m.Strategy == 3 {
					strategies[i][query.RowCompareNE] = m.Family
				}
			}
		}
	}
	for kind := query.RowCompareLT; kind <= query.RowCompareNE; kind++ {
		var families []uint32
		for _, s := range strategies {
			if f, ok := s[kind]; ok {
				families = append(families, f)
			}
		}
		if len(families) == len(ops) {
			return kind, families, nil
		}
	}
	return 0, nil, errAt(loc, pgerr.FeatureNotSupportedCode, "could not determine interpretation of row comparison operator %s",
		names[len(names)-1]).WithHint("Row comparison operators must be associated with btree operator families.")
}
