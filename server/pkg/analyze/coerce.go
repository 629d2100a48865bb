package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// coercionContext says how willing a coercion is.
type coercionContext int

const (
	coerceImplicit coercionContext = iota
	coerceAssignment
	coerceExplicit
)

// coercionPath is how a value gets from one type to another.
type coercionPath int

const (
	pathNone coercionPath = iota
	pathFunc
	pathRelabel
	pathArray
	pathViaIO
)

// coerceToTarget converts expr to a type and typmod; nil (no error) when there is no way.
func (ps *pstate) coerceToTarget(expr query.Expr, from, to uint32, typmod int32, ctx coercionContext,
	form query.CoercionForm, loc int32) (query.Expr, error) {
	if !ps.canCoerce([]uint32{from}, []uint32{to}, ctx) {
		return nil, nil
	}
	orig := expr
	for {
		c, ok := expr.(*query.CollateExpr)
		if !ok {
			break
		}
		expr = c.Arg
	}
	result, err := ps.coerceType(expr, from, to, typmod, ctx, form, loc)
	if err != nil {
		return nil, err
	}
	_, isConst := result.(*query.Const)
	result, err = ps.coerceTypmod(result, to, typmod, ctx, form, loc, result != expr && !isConst)
	if err != nil {
		return nil, err
	}
	if c, ok := orig.(*query.CollateExpr); ok && expr != orig && ps.typeCollation(to) != 0 {
		result = &query.CollateExpr{Arg: result, Colloid: c.Colloid, Loc: c.Loc}
	}
	return result, nil
}

// coerceType converts expr to a type, which canCoerce has approved, without regard to the typmod
// (except where a domain fixes it).
func (ps *pstate) coerceType(expr query.Expr, from, to uint32, typmod int32, ctx coercionContext,
	form query.CoercionForm, loc int32) (query.Expr, error) {
	if from == to {
		return expr, nil
	}
	switch to {
	case types.Any, types.AnyElement, types.AnyNonArray, types.AnyCompatible, types.AnyCompatibleNonArray:
		return expr, nil
	case types.AnyArray, types.AnyEnum, types.AnyRange, types.AnyMultirange, types.AnyCompatibleArray,
		types.AnyCompatibleRange, types.AnyCompatibleMultirange:
		if from != types.Unknown {
			if base := ps.baseType(from); base != from {
				return &query.RelabelType{Arg: expr, Resulttype: base, Resulttypmod: -1,
					Relabelformat: query.CoerceImplicitCast, Loc: loc}, nil
			}
			return expr, nil
		}
	}
	if c, ok := expr.(*query.Const); ok && from == types.Unknown {
		return ps.coerceUnknownConst(c, to, typmod, ctx, form, loc)
	}
	if p, ok := expr.(*query.Param); ok {
		if done, err := ps.coerceParam(p, to, typmod, loc); done || err != nil {
			return p, err
		}
	}
	if c, ok := expr.(*query.CollateExpr); ok {
		r, err := ps.coerceType(c.Arg, from, to, typmod, ctx, form, loc)
		if err != nil || ps.typeCollation(to) == 0 {
			return r, err
		}
		return &query.CollateExpr{Arg: r, Colloid: c.Colloid, Loc: c.Loc}, nil
	}
	if path, fn := ps.findCoercionPath(to, from, ctx); path != pathNone {
		return ps.coerceByPath(expr, path, fn, to, typmod, ctx, form, loc)
	}
	if from == types.Record && ps.isComplex(to) {
		return ps.coerceRecordToComplex(expr, to, ctx, form, loc)
	}
	if to == types.Record && ps.isComplex(from) || to == types.RecordArray && ps.isComplexArray(from) {
		return &query.RelabelType{Arg: expr, Resulttype: to, Resulttypmod: -1, Relabelformat: form, Loc: loc}, nil
	}
	return nil, pgerr.Internal("failed to find conversion function from %s to %s",
		ps.formatType(from), ps.formatType(to))
}

func (ps *pstate) coerceByPath(expr query.Expr, path coercionPath, fn, to uint32, typmod int32,
	ctx coercionContext, form query.CoercionForm, loc int32) (query.Expr, error) {
	if path == pathRelabel {
		r := ps.coerceToDomain(expr, 0, -1, to, ctx, form, loc, false)
		if r == expr {
			// No collation here: assignCollations sets it.
			r = &query.RelabelType{Arg: expr, Resulttype: to, Resulttypmod: -1, Relabelformat: form, Loc: loc}
		}
		return r, nil
	}
	base, baseMod := ps.baseTypeAndTypmod(to, typmod)
	r, err := ps.buildCoercion(expr, path, fn, base, baseMod, ctx, form, loc)
	if err != nil || base == to {
		return r, err
	}
	return ps.coerceToDomain(r, base, baseMod, to, ctx, form, loc, true), nil
}

// coerceUnknownConst turns a literal of unknown type into a constant of the target type.
func (ps *pstate) coerceUnknownConst(c *query.Const, to uint32, typmod int32, ctx coercionContext,
	form query.CoercionForm, loc int32) (query.Expr, error) {
	base, baseMod := ps.baseTypeAndTypmod(to, typmod)
	// Input functions enforce lengths by raising errors, which a cast must not; only interval's
	// modifier changes how the text is read.
	inputMod := int32(-1)
	if base == types.Interval {
		inputMod = baseMod
	}
	n := &query.Const{Consttype: base, Consttypmod: inputMod, Constcollid: ps.typeCollation(base),
		Constisnull: c.Constisnull, Loc: c.Loc}
	if !c.Constisnull {
		d, err := ps.inputLiteral(base, c.Constvalue.Str(), inputMod)
		if err != nil {
			return nil, at(err, c.Loc)
		}
		n.Constvalue = d
	}
	if base == to {
		return n, nil
	}
	return ps.coerceToDomain(n, base, baseMod, to, ctx, form, loc, false), nil
}

// canCoerce tells whether every input type can become the target type beside it.
func (a *analyzer) canCoerce(from, to []uint32, ctx coercionContext) bool {
	generic := false
	for i, target := range to {
		source := from[i]
		switch {
		case source == target || target == types.Any:
			continue
		case isPolymorphic(target):
			generic = true
			continue
		case source == types.Unknown:
			continue
		}
		if path, _ := a.findCoercionPath(target, source, ctx); path != pathNone {
			continue
		}
		if source == types.Record && a.isComplex(target) || target == types.Record && a.isComplex(source) ||
			target == types.RecordArray && a.isComplexArray(source) {
			continue
		}
		return false
	}
	return !generic || a.checkGenericConsistency(from, to)
}

// findCoercionPath is the way from source to target in the given context, and the cast function for
// pathFunc.
func (a *analyzer) findCoercionPath(target, source uint32, ctx coercionContext) (coercionPath, uint32) {
	source, target = a.baseType(source), a.baseType(target)
	if source == target {
		return pathRelabel, 0
	}
	if c := a.cast(source, target); c != nil {
		need := coerceExplicit
		switch c.Context {
		case catalog.CastImplicit:
			need = coerceImplicit
		case catalog.CastAssignment:
			need = coerceAssignment
		}
		if ctx < need {
			return pathNone, 0
		}
		switch c.Method {
		case catalog.CastMethodFunction:
			return pathFunc, c.Func
		case catalog.CastMethodInOut:
			return pathViaIO, 0
		}
		return pathRelabel, 0
	}
	if target != types.OidVector && target != types.Int2Vector {
		te, se := a.elementType(target), a.elementType(source)
		if te != 0 && se != 0 {
			if p, _ := a.findCoercionPath(te, se, ctx); p != pathNone {
				return pathArray, 0
			}
		}
	}
	if ctx >= coerceAssignment && a.typ(target).Category == stringCategory {
		return pathViaIO, 0
	}
	if ctx >= coerceExplicit && a.typ(source).Category == stringCategory {
		return pathViaIO, 0
	}
	return pathNone, 0
}

// findTypmodCoercion is the way to enforce a typmod on a value of the type.
func (a *analyzer) findTypmodCoercion(typ uint32) (coercionPath, uint32) {
	path := pathFunc
	if e := a.elementType(typ); e != 0 {
		typ, path = e, pathArray
	}
	c := a.cast(typ, typ)
	if c == nil || c.Func == 0 {
		return pathNone, 0
	}
	return path, c.Func
}

// buildCoercion makes the expression for a path other than relabelling.
func (ps *pstate) buildCoercion(expr query.Expr, path coercionPath, fn, to uint32, typmod int32,
	ctx coercionContext, form query.CoercionForm, loc int32) (query.Expr, error) {
	switch path {
	case pathViaIO:
		return &query.CoerceViaIO{Arg: expr, Resulttype: to, Coerceformat: form, Loc: loc}, nil
	case pathArray:
		_, sourceMod := ps.baseTypeAndTypmod(expr.Type(), expr.Typmod())
		test := &query.CaseTestExpr{TypeID: ps.elementType(ps.baseType(expr.Type())), TypeMod: sourceMod}
		elem, err := ps.coerceToTarget(test, test.TypeID, ps.elementType(to), typmod, ctx, form, loc)
		if err != nil {
			return nil, err
		}
		if elem == nil {
			return nil, pgerr.Internal("failed to coerce array element type as expected")
		}
		return &query.ArrayCoerceExpr{Arg: expr, Elemexpr: elem, Resulttype: to, Resulttypmod: elem.Typmod(),
			Coerceformat: form, Loc: loc}, nil
	}
	p := ps.proc(fn)
	if p == nil {
		return nil, unsupported(loc, "the cast to type "+ps.formatType(to))
	}
	args := []query.Expr{expr}
	if len(p.ArgTypes) >= 2 {
		args = append(args, int4Const(typmod))
	}
	if len(p.ArgTypes) == 3 {
		args = append(args, boolConst(ctx == coerceExplicit))
	}
	return &query.FuncExpr{Funcid: fn, Funcresulttype: to, Funcretset: p.RetSet, Funcformat: form, Args: args,
		Loc: loc}, nil
}

// coerceTypmod makes expr, which has the type, have the typmod too.
func (ps *pstate) coerceTypmod(expr query.Expr, typ uint32, typmod int32, ctx coercionContext,
	form query.CoercionForm, loc int32, hideInput bool) (query.Expr, error) {
	if typmod == expr.Typmod() {
		return expr, nil
	}
	if hideInput {
		expr = hideCoercion(expr)
	}
	if typmod >= 0 {
		if path, fn := ps.findTypmodCoercion(typ); path != pathNone {
			return ps.buildCoercion(expr, path, fn, typ, typmod, ctx, form, loc)
		}
	}
	if c, ok := expr.(*query.Const); ok {
		n := *c
		n.Consttypmod = typmod
		return &n, nil
	}
	// Stacked relabelings show as one.
	for {
		r, ok := expr.(*query.RelabelType)
		if !ok || r.Relabelformat != query.CoerceImplicitCast {
			break
		}
		expr = r.Arg
	}
	if expr.Type() == typ && expr.Typmod() == typmod {
		return expr, nil
	}
	return &query.RelabelType{Arg: expr, Resulttype: typ, Resulttypmod: typmod, Relabelformat: form, Loc: loc}, nil
}

// hideCoercion marks the outermost coercion as not to be displayed, because a length coercion of
// the same cast follows.
func hideCoercion(expr query.Expr) query.Expr {
	switch n := expr.(type) {
	case *query.FuncExpr:
		c := *n
		c.Funcformat = query.CoerceImplicitCast
		return &c
	case *query.RelabelType:
		c := *n
		c.Relabelformat = query.CoerceImplicitCast
		return &c
	case *query.CoerceViaIO:
		c := *n
		c.Coerceformat = query.CoerceImplicitCast
		return &c
	case *query.ArrayCoerceExpr:
		c := *n
		c.Coerceformat = query.CoerceImplicitCast
		return &c
	case *query.CoerceToDomain:
		c := *n
		c.Coercionformat = query.CoerceImplicitCast
		return &c
	}
	return expr
}

// coerceToDomain checks expr against the domain typ; it returns expr itself when typ is none. base
// 0 asks to look the base type up.
func (ps *pstate) coerceToDomain(expr query.Expr, base uint32, baseMod int32, typ uint32, ctx coercionContext,
	form query.CoercionForm, loc int32, hideInput bool) query.Expr {
	if base == 0 {
		base, baseMod = ps.baseTypeAndTypmod(typ, -1)
	}
	if base == typ {
		return expr
	}
	if hideInput {
		expr = hideCoercion(expr)
	}
	if r, err := ps.coerceTypmod(expr, base, baseMod, coerceImplicit, query.CoerceImplicitCast, loc, false); err == nil {
		expr = r
	} else {
		ps.fail(err)
	}
	return &query.CoerceToDomain{Arg: expr, Resulttype: typ, Resulttypmod: -1, Coercionformat: form, Loc: loc}
}

// coerceRecordToComplex converts a ROW(...) to a named row type, attribute by attribute.
func (ps *pstate) coerceRecordToComplex(expr query.Expr, to uint32, ctx coercionContext,
	form query.CoercionForm, loc int32) (query.Expr, error) {
	row, ok := expr.(*query.RowExpr)
	if !ok {
		return nil, errAt(loc, pgerr.CannotCoerce, "cannot cast type %s to %s",
			ps.formatType(types.Record), ps.formatType(to))
	}
	cannot := func(detail string, args ...any) error {
		return errAt(loc, pgerr.CannotCoerce, "cannot cast type %s to %s", ps.formatType(types.Record),
			ps.formatType(to)).WithDetailf(detail, args...)
	}
	base, _ := ps.baseTypeAndTypmod(to, -1)
	table := ps.relation(ps.typ(base).RelID)
	if table == nil {
		return nil, cannot("")
	}
	var args []query.Expr
	used := 0
	for i := range table.Columns {
		col := &table.Columns[i]
		if col.Dropped {
			args = append(args, nullConst(types.Int4, -1, 0))
			continue
		}
		if used >= len(row.Args) {
			return nil, cannot("Input has too few columns.")
		}
		arg := row.Args[used]
		used++
		c, err := ps.coerceToTarget(arg, arg.Type(), col.TypeOID, col.Typmod, ctx, query.CoerceImplicitCast, -1)
		if err != nil {
			return nil, err
		}
		if c == nil {
			return nil, cannot("Cannot cast type %s to %s in column %d.", ps.formatType(arg.Type()),
				ps.formatType(col.TypeOID), used)
		}
		args = append(args, c)
	}
	if used != len(row.Args) {
		return nil, cannot("Input has too many columns.")
	}
	r := &query.RowExpr{Args: args, RowTypeid: base, RowFormat: form, Loc: loc}
	if base == to {
		return r, nil
	}
	return ps.coerceToDomain(r, base, -1, to, ctx, form, loc, false), nil
}

// coerceToBoolean converts a condition.
func (ps *pstate) coerceToBoolean(expr query.Expr, construct string) (query.Expr, error) {
	return ps.coerceToSpecificType(expr, types.Bool, construct)
}

// coerceToSpecificType converts expr to a type that its place in construct demands.
func (ps *pstate) coerceToSpecificType(expr query.Expr, to uint32, construct string) (query.Expr, error) {
	from := expr.Type()
	if from != to {
		r, err := ps.coerceToTarget(expr, from, to, -1, coerceAssignment, query.CoerceImplicitCast, -1)
		if err != nil {
			return nil, err
		}
		if r == nil {
			return nil, errAt(expr.Location(), pgerr.DatatypeMismatch, "argument of %s must be type %s, not type %s",
				construct, ps.formatType(to), ps.formatType(from))
		}
		expr = r
	}
	if returnsSet(expr) {
		return nil, errAt(expr.Location(), pgerr.DatatypeMismatch, "argument of %s must not return a set", construct)
	}
	return expr, nil
}

// coerceToCommon converts expr to the common type the caller has chosen for construct.
func (ps *pstate) coerceToCommon(expr query.Expr, to uint32, construct string) (query.Expr, error) {
	from := expr.Type()
	if from == to {
		return expr, nil
	}
	if !ps.canCoerce([]uint32{from}, []uint32{to}, coerceImplicit) {
		return nil, errAt(expr.Location(), pgerr.CannotCoerce, "%s could not convert type %s to %s", construct,
			ps.formatType(from), ps.formatType(to))
	}
	return ps.coerceType(expr, from, to, -1, coerceImplicit, query.CoerceImplicitCast, -1)
}

// Constants that analysis itself needs.

func int4Const(n int32) *query.Const {
	return &query.Const{Consttype: types.Int4, Consttypmod: -1, Constvalue: data.Int(int64(n)), Loc: -1}
}

func boolConst(b bool) *query.Const {
	return &query.Const{Consttype: types.Bool, Consttypmod: -1, Constvalue: data.Bool(b), Loc: -1}
}

func nullConst(typ uint32, typmod int32, coll uint32) *query.Const {
	return &query.Const{Consttype: typ, Consttypmod: typmod, Constcollid: coll, Constisnull: true, Loc: -1}
}

// returnsSet tells whether the expression contains a set-returning call.
func returnsSet(e query.Expr) bool {
	found := false
	query.Walk(e, func(e query.Expr) bool {
		switch n := e.(type) {
		case *query.FuncExpr:
			found = found || n.Funcretset
		case *query.OpExpr:
			found = found || n.Opretset
		case *query.Aggref, *query.WindowFunc, *query.SubLink:
			return false
		}
		return !found
	})
	return found
}
