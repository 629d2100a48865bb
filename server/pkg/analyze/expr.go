package analyze

import (
	"math"
	"strconv"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// exprOf resolves an expression of the given clause.
func (ps *pstate) exprOf(n ast.Node, kind exprKind) (query.Expr, error) {
	var e query.Expr
	err := ps.withKind(kind, func() (err error) {
		e, err = ps.expr(n)
		return err
	})
	return e, err
}

// expr resolves an expression of the current clause.
func (ps *pstate) expr(n ast.Node) (query.Expr, error) {
	switch n := n.(type) {
	case *ast.ColumnRef:
		return ps.columnRef(n)
	case *ast.ParamRef:
		return ps.paramRef(n)
	case *ast.A_Const:
		return ps.constant(n)
	case *ast.A_Indirection:
		return ps.indirection(n)
	case *ast.A_ArrayExpr:
		return ps.arrayExpr(n, 0, 0, -1)
	case *ast.TypeCast:
		return ps.typeCast(n)
	case *ast.CollateClause:
		return ps.collateClause(n)
	case *ast.A_Expr:
		return ps.aExpr(n)
	case *ast.BoolExpr:
		return ps.boolExpr(n)
	case *ast.FuncCall:
		return ps.funcCall(n)
	case *ast.MultiAssignRef:
		return ps.multiAssignRef(n)
	case *ast.NamedArgExpr:
		arg, err := ps.expr(n.Arg)
		if err != nil {
			return nil, err
		}
		return &query.NamedArgExpr{Arg: arg, Name: n.Name, Argnumber: -1, Loc: n.Location}, nil
	case *ast.SubLink:
		return ps.subLink(n)
	case *ast.CaseExpr:
		return ps.caseExpr(n)
	case *ast.RowExpr:
		return ps.rowExpr(n)
	case *ast.CoalesceExpr:
		return ps.coalesceExpr(n)
	case *ast.MinMaxExpr:
		return ps.minMaxExpr(n)
	case *ast.SQLValueFunction:
		return ps.sqlValueFunction(n)
	case *ast.NullTest:
		return ps.nullTest(n)
	case *ast.BooleanTest:
		return ps.booleanTest(n)
	case *ast.SetToDefault:
		return nil, errAt(n.Location, pgerr.SyntaxError, "DEFAULT is not allowed in this context")
	case *ast.GroupingFunc:
		return nil, unsupported(n.Location, "GROUPING")
	case *ast.CurrentOfExpr:
		return nil, unsupported(-1, "WHERE CURRENT OF")
	case nil:
		return nil, pgerr.Internal("missing expression")
	}
	return nil, unsupported(n.Pos(), n.Tag()+" expressions")
}

// constant turns a literal into a Const: int4, int8 or numeric by its size, unknown for strings.
func (ps *pstate) constant(n *ast.A_Const) (query.Expr, error) {
	c := &query.Const{Consttypmod: -1, Loc: n.Location}
	if n.Isnull {
		c.Consttype, c.Constisnull = types.Unknown, true
		return c, nil
	}
	switch v := n.Val.(type) {
	case *ast.Integer:
		c.Consttype, c.Constvalue = types.Int4, data.Int(int64(v.Ival))
	case *ast.Float:
		if i, err := strconv.ParseInt(v.Fval, 10, 64); err == nil {
			c.Consttype, c.Constvalue = types.Int8, data.Int(i)
			if i >= math.MinInt32 && i <= math.MaxInt32 {
				c.Consttype = types.Int4
			}
			return c, nil
		}
		d, err := ps.inputLiteral(types.Numeric, v.Fval, -1)
		if err != nil {
			return nil, at(err, n.Location)
		}
		c.Consttype, c.Constvalue = types.Numeric, d
	case *ast.Boolean:
		c.Consttype, c.Constvalue = types.Bool, data.Bool(v.Boolval)
	case *ast.String:
		c.Consttype, c.Constvalue = types.Unknown, data.String(v.Sval)
	case *ast.BitString:
		d, err := ps.inputLiteral(types.Bit, v.Bsval, -1)
		if err != nil {
			return nil, at(err, n.Location)
		}
		c.Consttype, c.Constvalue = types.Bit, d
	default:
		return nil, pgerr.Internal("unexpected constant")
	}
	return c, nil
}

// typeCast is x::type and CAST(x AS type).
func (ps *pstate) typeCast(n *ast.TypeCast) (query.Expr, error) {
	typ, typmod, err := ps.typeName(n.TypeName)
	if err != nil {
		return nil, err
	}
	var e query.Expr
	if array, ok := n.Arg.(*ast.A_ArrayExpr); ok {
		// The target type tells the types of the elements, which an empty ARRAY[] needs.
		base, baseMod := ps.baseTypeAndTypmod(typ, typmod)
		if elem := ps.elementType(base); elem != 0 {
			e, err = ps.arrayExpr(array, base, elem, baseMod)
		} else {
			e, err = ps.expr(array)
		}
	} else {
		e, err = ps.expr(n.Arg)
	}
	if err != nil {
		return nil, err
	}
	from := e.Type()
	loc := n.Location
	if loc < 0 {
		loc = n.TypeName.Location
	}
	r, err := ps.coerceToTarget(e, from, typ, typmod, coerceExplicit, query.CoerceExplicitCast, loc)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, errAt(coercionErrorLoc(loc, e), pgerr.CannotCoerce, "cannot cast type %s to %s",
			ps.formatType(from), ps.formatType(typ))
	}
	return r, nil
}

// coercionErrorLoc: a cast's own place, if it has one, else the leftmost part of the input.
func coercionErrorLoc(loc int32, e query.Expr) int32 {
	if loc >= 0 {
		return loc
	}
	return e.Location()
}

func (ps *pstate) collateClause(n *ast.CollateClause) (query.Expr, error) {
	arg, err := ps.expr(n.Arg)
	if err != nil {
		return nil, err
	}
	t := arg.Type()
	if ps.typeCollation(t) == 0 && t != types.Unknown {
		return nil, errAt(n.Location, pgerr.DatatypeMismatch, "collations are not supported by type %s", ps.formatType(t))
	}
	coll, err := ps.collationByName(n)
	if err != nil {
		return nil, err
	}
	return &query.CollateExpr{Arg: arg, Colloid: coll, Loc: n.Location}, nil
}

func (ps *pstate) collationByName(n *ast.CollateClause) (uint32, error) {
	names := ast.Strings(n.Collname)
	schema, name, err := ps.deconstructName(names, n.Location)
	if err != nil {
		return 0, err
	}
	if schema != "" {
		if err := ps.requireSchema(schema, n.Location); err != nil {
			return 0, err
		}
	}
	c, err := ps.cat.CollationByName(schema, name)
	if err != nil {
		return 0, err
	}
	if c == nil {
		text := name
		if schema != "" {
			text = schema + "." + name
		}
		return 0, errAt(n.Location, pgerr.UndefinedObject, "collation \"%s\" for encoding \"UTF8\" does not exist", text)
	}
	return c.OID, nil
}

// indirection is subscripts and attribute selections applied to an expression.
func (ps *pstate) indirection(n *ast.A_Indirection) (query.Expr, error) {
	result, err := ps.expr(n.Arg)
	if err != nil {
		return nil, err
	}
	loc := result.Location()
	var subscripts []*ast.A_Indices
	flush := func() (err error) {
		if len(subscripts) > 0 {
			result, err = ps.subscript(result, subscripts)
			subscripts = nil
		}
		return err
	}
	for _, step := range n.Indirection {
		switch s := step.(type) {
		case *ast.A_Indices:
			subscripts = append(subscripts, s)
		case *ast.A_Star:
			return nil, errAt(loc, pgerr.FeatureNotSupportedCode, "row expansion via \"*\" is not supported here")
		case *ast.String:
			if err := flush(); err != nil {
				return nil, err
			}
			next, err := ps.attributeOf(result, s.Sval, loc)
			if err != nil {
				return nil, err
			}
			if next == nil {
				return nil, ps.unknownAttribute(result, s.Sval, loc)
			}
			result = next
		}
	}
	return result, flush()
}

func (ps *pstate) unknownAttribute(row query.Expr, name string, loc int32) error {
	t := row.Type()
	if v, ok := row.(*query.Var); ok && v.Varattno == 0 {
		if rte, _ := ps.rteAt(v.Varno, v.Varlevelsup); rte != nil {
			return errAt(loc, pgerr.UndefinedColumn, "column %s.%s does not exist", rte.Eref.Aliasname, name)
		}
	}
	switch {
	case ps.isComplex(t):
		return errAt(loc, pgerr.UndefinedColumn, "column \"%s\" not found in data type %s", name, ps.formatType(t))
	case t == types.Record:
		return errAt(loc, pgerr.UndefinedColumn, "could not identify column \"%s\" in record data type", name)
	}
	return errAt(loc, pgerr.WrongObjectType, "column notation .%s applied to type %s, which is not a composite type",
		name, ps.formatType(t))
}

// maxArrayDims is PostgreSQL's limit of array dimensions.
const maxArrayDims = 6

// subscript is array access and slicing.
func (ps *pstate) subscript(container query.Expr, list []*ast.A_Indices) (query.Expr, error) {
	containerType, typmod := ps.baseTypeAndTypmod(container.Type(), container.Typmod())
	switch containerType {
	case types.Int2Vector:
		containerType = types.Int2Array
	case types.OidVector:
		containerType = types.OidArray
	}
	t := ps.typ(containerType)
	if t.Elem == 0 || t.Subscript == 0 {
		return nil, errAt(container.Location(), pgerr.DatatypeMismatch,
			"cannot subscript type %s because it does not support subscripting", ps.formatType(containerType))
	}
	ref := &query.SubscriptingRef{Refcontainertype: containerType, Refelemtype: t.Elem, Reftypmod: typmod, Refexpr: container}
	if err := ps.subscriptIndexes(ref, list); err != nil {
		return nil, err
	}
	ref.Refrestype = t.Elem
	if len(ref.Reflowerindexpr) > 0 {
		ref.Refrestype = containerType
	}
	return ref, nil
}

func (ps *pstate) subscriptIndexes(ref *query.SubscriptingRef, list []*ast.A_Indices) error {
	slice := false
	for _, ix := range list {
		slice = slice || ix.IsSlice
	}
	bound := func(n ast.Node) (query.Expr, error) {
		if n == nil {
			return nil, nil
		}
		e, err := ps.expr(n)
		if err != nil {
			return nil, err
		}
		r, err := ps.coerceToTarget(e, e.Type(), types.Int4, -1, coerceAssignment, query.CoerceImplicitCast, -1)
		if err == nil && r == nil {
			err = errAt(e.Location(), pgerr.DatatypeMismatch, "array subscript must have type integer")
		}
		return r, err
	}
	for _, ix := range list {
		upper, err := bound(ix.Uidx)
		if err != nil {
			return err
		}
		ref.Refupperindexpr = append(ref.Refupperindexpr, upper)
		if !slice {
			continue
		}
		lower, err := bound(ix.Lidx)
		if err != nil {
			return err
		}
		if !ix.IsSlice {
			lower = int4Const(1)
		}
		ref.Reflowerindexpr = append(ref.Reflowerindexpr, lower)
	}
	if len(ref.Refupperindexpr) > maxArrayDims {
		return errAt(-1, pgerr.ProgramLimitExceeded,
			"number of array dimensions (%d) exceeds the maximum allowed (%d)", len(ref.Refupperindexpr), maxArrayDims)
	}
	return nil
}
