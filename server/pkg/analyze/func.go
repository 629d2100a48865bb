package analyze

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// call is a function call on its way from raw tree to expression.
type call struct {
	fn       *ast.FuncCall
	names    []string
	name     string // as messages show it
	args     []query.Expr
	argnames []string
	loc      int32
	filter   query.Expr

	cand     *candidate
	result   uint32
	variadic bool
}

// funcCall is a call as written: function, aggregate, window function, cast or attribute.
func (ps *pstate) funcCall(fn *ast.FuncCall) (query.Expr, error) {
	lastSRF := ps.lastSRF
	c := &call{fn: fn, names: ast.Strings(fn.Funcname), loc: fn.Location, variadic: fn.FuncVariadic}
	c.name = strings.Join(c.names, ".")
	for _, n := range fn.Args {
		e, err := ps.expr(n)
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, e)
	}
	if fn.AggWithinGroup {
		return nil, unsupported(fn.Location, "an ordered-set aggregate")
	}
	if fn.AggFilter != nil {
		err := ps.withKind(kindFilter, func() (err error) {
			c.filter, err = ps.whereExpr(fn.AggFilter, "FILTER")
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return ps.resolveCall(c, lastSRF)
}

// funcByName builds a call that analysis itself needs.
func (ps *pstate) funcByName(names []string, args []query.Expr, loc int32) (query.Expr, error) {
	c := &call{fn: &ast.FuncCall{}, names: names, name: strings.Join(names, "."), args: args, loc: loc}
	return ps.resolveCall(c, ps.lastSRF)
}

func (ps *pstate) resolveCall(c *call, lastSRF query.Expr) (query.Expr, error) {
	if err := ps.collectArgNames(c); err != nil {
		return nil, err
	}
	argtypes := exprTypes(c.args)
	projection := ps.couldBeProjection(c, argtypes)
	cands, err := ps.functionCandidates(c.names, len(c.args), c.argnames, !c.variadic, c.loc)
	if err != nil {
		return nil, err
	}
	best := exactMatch(argtypes, cands)
	if best == nil {
		target, err := ps.callAsCast(c, argtypes)
		if err != nil {
			return nil, err
		}
		if target != 0 {
			if err := ps.checkPlainCall(c); err != nil {
				return nil, err
			}
			return ps.coerceType(c.args[0], argtypes[0], target, -1, coerceExplicit, query.CoerceExplicitCall, c.loc)
		}
		match := ps.matchArgTypes(argtypes, cands)
		switch {
		case len(match) == 1:
			best = match[0]
		case len(match) > 1:
			if best = ps.selectCandidate(argtypes, match); best == nil {
				return nil, ps.ambiguousFunction(c, argtypes)
			}
		}
	}
	if best == nil {
		if projection {
			if e, err := ps.complexProjection(c.args[0], c.names[0], c.loc); e != nil || err != nil {
				return e, err
			}
		}
		return nil, ps.noFunction(c, argtypes, projection)
	}
	if best.ambiguous {
		return nil, ps.ambiguousFunction(c, argtypes)
	}
	c.cand = best
	return ps.buildCall(c, lastSRF)
}

// collectArgNames gathers name => value arguments, which must come last.
func (ps *pstate) collectArgNames(c *call) error {
	for _, e := range c.args {
		n, ok := e.(*query.NamedArgExpr)
		if !ok {
			if len(c.argnames) > 0 {
				return errAt(e.Location(), pgerr.SyntaxError, "positional argument cannot follow named argument")
			}
			continue
		}
		for _, other := range c.argnames {
			if other == n.Name {
				return errAt(n.Loc, pgerr.SyntaxError, "argument name \"%s\" used more than once", n.Name)
			}
		}
		c.argnames = append(c.argnames, n.Name)
	}
	return nil
}

func (ps *pstate) couldBeProjection(c *call, argtypes []uint32) bool {
	f := c.fn
	return len(argtypes) == 1 && len(c.names) == 1 && len(c.argnames) == 0 && !c.variadic && !f.AggStar &&
		!f.AggDistinct && f.AggOrder == nil && f.AggFilter == nil && f.Over == nil && ps.isRowType(argtypes[0])
}

// callAsCast is the type that a call with one argument casts to, 0 when it is no cast.
func (ps *pstate) callAsCast(c *call, argtypes []uint32) (uint32, error) {
	if len(argtypes) != 1 || len(c.argnames) > 0 {
		return 0, nil
	}
	target, err := ps.functionNameAsType(c.names)
	if err != nil || target == 0 {
		return 0, err
	}
	if argtypes[0] == types.Unknown {
		return target, nil
	}
	switch path, _ := ps.findCoercionPath(target, argtypes[0], coerceExplicit); path {
	case pathRelabel:
		return target, nil
	case pathViaIO:
		if ps.isRowType(argtypes[0]) && ps.typ(target).Category == stringCategory {
			return 0, nil
		}
		return target, nil
	}
	return 0, nil
}

func (ps *pstate) ambiguousFunction(c *call, argtypes []uint32) error {
	return errAt(c.loc, pgerr.AmbiguousFunction, "function %s is not unique",
		ps.functionSignature(c.name, c.argnames, argtypes)).
		WithHint("Could not choose a best candidate function. You might need to add explicit type casts.")
}

func (ps *pstate) noFunction(c *call, argtypes []uint32, projection bool) error {
	last := c.names[len(c.names)-1]
	if (len(c.names) == 1 || len(c.names) == 2 && c.names[0] == "pg_catalog") && ps.cat.ProcNotYet(last) {
		return unsupported(c.loc, "function "+ps.functionSignature(c.name, c.argnames, argtypes))
	}
	e := errAt(c.loc, pgerr.UndefinedFunction, "function %s does not exist",
		ps.functionSignature(c.name, c.argnames, argtypes))
	if len(c.fn.AggOrder) > 1 && !c.fn.AggWithinGroup {
		return e.WithHint("No aggregate function matches the given name and argument types. " +
			"Perhaps you misplaced ORDER BY; ORDER BY must appear after all regular arguments of the aggregate.")
	}
	return e.WithHint("No function matches the given name and argument types. You might need to add explicit type casts.")
}

// checkPlainCall rejects what only aggregates and window functions take.
func (ps *pstate) checkPlainCall(c *call) error {
	f := c.fn
	bad := func(format string, args ...any) error {
		return errAt(c.loc, pgerr.WrongObjectType, format, args...)
	}
	switch {
	case f.AggStar:
		return bad("%s(*) specified, but %s is not an aggregate function", c.name, c.name)
	case f.AggDistinct:
		return bad("DISTINCT specified, but %s is not an aggregate function", c.name)
	case f.AggWithinGroup:
		return bad("WITHIN GROUP specified, but %s is not an aggregate function", c.name)
	case f.AggOrder != nil:
		return bad("ORDER BY specified, but %s is not an aggregate function", c.name)
	case f.AggFilter != nil:
		return bad("FILTER specified, but %s is not an aggregate function", c.name)
	case f.Over != nil:
		return bad("OVER specified, but %s is not a window function nor an aggregate function", c.name)
	}
	return nil
}

// buildCall makes the expression of a resolved call.
func (ps *pstate) buildCall(c *call, lastSRF query.Expr) (query.Expr, error) {
	p := c.cand.proc
	switch p.Kind {
	case catalog.ProkindFunction:
		if err := ps.checkPlainCall(c); err != nil {
			return nil, err
		}
	case catalog.ProkindProcedure:
		return nil, errAt(c.loc, pgerr.WrongObjectType, "%s is a procedure",
			ps.functionSignature(c.name, c.argnames, exprTypes(c.args))).WithHint("To call a procedure, use CALL.")
	case catalog.ProkindWindow:
		if c.fn.Over == nil {
			return nil, errAt(c.loc, pgerr.WrongObjectType, "window function %s requires an OVER clause", c.name)
		}
	}
	if err := ps.completeArgs(c); err != nil {
		return nil, err
	}
	if p.RetSet {
		if err := ps.checkSRFPlacement(lastSRF, c.loc); err != nil {
			return nil, err
		}
	}
	switch {
	case c.fn.Over != nil:
		return ps.buildWindowFunc(c, lastSRF)
	case p.Kind == catalog.ProkindAggregate:
		if ps.lastSRF != lastSRF {
			return nil, errAt(ps.lastSRF.Location(), pgerr.FeatureNotSupportedCode,
				"aggregate function calls cannot contain set-returning function calls").
				WithHint("You might be able to move the set-returning function into a LATERAL FROM item.")
		}
		return ps.buildAggref(c)
	}
	e := &query.FuncExpr{Funcid: p.OID, Funcresulttype: c.result, Funcretset: p.RetSet, Funcvariadic: c.variadic,
		Funcformat: query.CoercionForm(c.fn.Funcformat), Args: c.args, Loc: c.loc}
	if p.RetSet {
		ps.lastSRF = e
	}
	return e, nil
}

// completeArgs adds defaults, puts named arguments into place, converts every argument and collects
// variadic ones into an array.
func (ps *pstate) completeArgs(c *call) error {
	p := c.cand.proc
	declared := append([]uint32(nil), c.cand.args...)
	if c.cand.defaults > 0 {
		given := len(c.args)
		places := make([]int, c.cand.defaults)
		for i := range places {
			places[i] = given + i
			if c.cand.argnumber != nil {
				places[i] = c.cand.argnumber[given+i]
			}
		}
		defaults, err := ps.functionDefaults(p, places)
		if err != nil {
			return err
		}
		c.args = append(c.args, defaults...)
	}
	actual := exprTypes(c.args)
	result, err := ps.enforceGenericConsistency(actual, declared, p.RetType, false)
	if err != nil {
		return at(err, c.loc)
	}
	c.result = result
	if c.args, err = ps.coerceArgs(c.args, actual, declared); err != nil {
		return err
	}
	if c.cand.argnumber != nil {
		placed := make([]query.Expr, len(c.args))
		for i, e := range c.args {
			if n, ok := e.(*query.NamedArgExpr); ok {
				e = n.Arg
			}
			placed[c.cand.argnumber[i]] = e
		}
		c.args = placed
	}
	return ps.collectVariadic(c)
}

func (ps *pstate) collectVariadic(c *call) error {
	p := c.cand.proc
	if p.Variadic == 0 {
		c.variadic = false
	}
	if c.cand.variadic && p.Variadic != types.Any {
		fixed := len(p.ArgTypes) - 1
		rest := c.args[fixed:]
		elem := rest[0].Type()
		array := &query.ArrayExpr{ElementTypeid: elem, ArrayTypeid: ps.arrayType(elem), Elements: rest,
			Loc: rest[0].Location()}
		if array.ArrayTypeid == 0 {
			return errAt(rest[0].Location(), pgerr.UndefinedObject, "could not find array type for data type %s",
				ps.formatType(elem))
		}
		c.args = append(c.args[:fixed:fixed], array)
		c.variadic = true
	}
	if p.Variadic == types.Any && c.variadic {
		last := c.args[len(c.args)-1]
		if ps.baseElementType(last.Type()) == 0 {
			return errAt(last.Location(), pgerr.DatatypeMismatch, "VARIADIC argument must be an array")
		}
	}
	return nil
}

// checkSRFPlacement rejects a set-returning call where its clause cannot have one.
func (ps *pstate) checkSRFPlacement(lastSRF query.Expr, loc int32) error {
	place := ps.kind.placeName()
	switch ps.kind {
	case kindNone, kindOther:
		return nil
	case kindFromFunction:
		if ps.lastSRF != lastSRF {
			return errAt(ps.lastSRF.Location(), pgerr.FeatureNotSupportedCode,
				"set-returning functions must appear at top level of FROM")
		}
		return nil
	case kindSelectTarget, kindInsertTarget, kindGroupBy, kindOrderBy, kindDistinctOn, kindValuesSingle,
		kindWindowPartition, kindWindowOrder:
		ps.hasTargetSRFs = true
		return nil
	case kindWindowFrameRange, kindWindowFrameRows, kindWindowFrameGroups:
		place = "window definitions"
	}
	return errAt(loc, pgerr.FeatureNotSupportedCode, "set-returning functions are not allowed in %s", place)
}
