package analyze

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// operatorName splits a possibly qualified operator name, checking the schema.
func (a *analyzer) operatorName(names []string, loc int32) (string, string, error) {
	schema, name, err := a.deconstructName(names, loc)
	if err == nil && schema != "" {
		err = a.requireSchema(schema, loc)
	}
	return schema, name, err
}

// operatorCandidates picks the operators of the kind; of equal signatures only the nearest schema's.
func operatorCandidates(ops []*catalog.Operator, prefix bool) []*candidate {
	type signature struct{ left, right uint32 }
	var seen map[signature]bool
	for _, op := range ops {
		if op.Schema != ops[0].Schema {
			seen = make(map[signature]bool, len(ops))
			break
		}
	}
	all := make([]candidate, 0, len(ops))
	for _, op := range ops {
		if (op.Kind == 'l') != prefix {
			continue
		}
		if seen != nil {
			if seen[signature{op.Left, op.Right}] {
				continue
			}
			seen[signature{op.Left, op.Right}] = true
		}
		args := []uint32{op.Left, op.Right}
		if prefix {
			args = args[1:]
		}
		all = append(all, candidate{op: op, args: args})
	}
	out := make([]*candidate, len(all))
	for i := range all {
		out[i] = &all[i]
	}
	return out
}

// exactOperator finds the nearest operator with these operand types; left is 0 for a prefix operator.
func exactOperator(ops []*catalog.Operator, left, right uint32) *catalog.Operator {
	for _, op := range ops {
		if op.Left == left && op.Right == right && (op.Kind == 'l') == (left == 0) {
			return op
		}
	}
	return nil
}

// findOperator resolves a binary operator, or with left 0 a prefix one. The error is 42883 or 42725.
func (a *analyzer) findOperator(names []string, left, right uint32, loc int32) (*catalog.Operator, error) {
	schema, name, err := a.operatorName(names, loc)
	if err != nil {
		return nil, err
	}
	ops, err := a.cat.OperatorsByName(schema, name)
	if err != nil {
		return nil, err
	}
	prefix := left == 0
	argtypes := []uint32{left, right}
	exact := a.exactBinary
	if prefix {
		argtypes = argtypes[1:]
		exact = exactOperator
	}
	if op := exact(ops, left, right); op != nil {
		return a.complete(op, names, loc)
	}
	cands := operatorCandidates(ops, prefix)
	match := a.matchArgTypes(argtypes, cands)
	switch len(match) {
	case 0:
		return nil, a.noOperator(names, left, right, false, loc)
	case 1:
		return a.complete(match[0].op, names, loc)
	}
	if c := a.selectCandidate(argtypes, match); c != nil {
		return a.complete(c.op, names, loc)
	}
	return nil, a.noOperator(names, left, right, true, loc)
}

// exactBinary looks for the operand types themselves; an unknown operand counts as the other's type.
func (a *analyzer) exactBinary(ops []*catalog.Operator, left, right uint32) *catalog.Operator {
	unknown := false
	if left == types.Unknown {
		left, unknown = right, true
	} else if right == types.Unknown {
		right, unknown = left, true
	}
	if op := exactOperator(ops, left, right); op != nil {
		return op
	}
	if unknown {
		if base := a.baseType(left); base != left {
			return exactOperator(ops, base, base)
		}
	}
	return nil
}

func (a *analyzer) complete(op *catalog.Operator, names []string, loc int32) (*catalog.Operator, error) {
	if op.Code == 0 {
		return nil, errAt(loc, pgerr.UndefinedFunction, "operator is only a shell: %s",
			a.operatorSignature(names, op.Left, op.Right))
	}
	return op, nil
}

func (a *analyzer) operatorSignature(names []string, left, right uint32) string {
	s := strings.Join(names, ".") + " " + a.formatType(right)
	if left != 0 {
		s = a.formatType(left) + " " + s
	}
	return s
}

func (a *analyzer) noOperator(names []string, left, right uint32, ambiguous bool, loc int32) error {
	sig := a.operatorSignature(names, left, right)
	if ambiguous {
		return errAt(loc, pgerr.AmbiguousFunction, "operator is not unique: %s", sig).
			WithHint("Could not choose a best candidate operator. You might need to add explicit type casts.")
	}
	e := errAt(loc, pgerr.UndefinedFunction, "operator does not exist: %s", sig)
	if left == 0 || right == 0 {
		return e.WithHint("No operator matches the given name and argument type. You might need to add an explicit type cast.")
	}
	return e.WithHint("No operator matches the given name and argument types. You might need to add explicit type casts.")
}

// makeOp builds an operator call; left is nil for a prefix operator.
func (ps *pstate) makeOp(names []string, left, right query.Expr, loc int32) (query.Expr, error) {
	if right == nil {
		return nil, errAt(loc, pgerr.SyntaxError, "postfix operators are not supported")
	}
	args := []query.Expr{right}
	leftType := uint32(0)
	if left != nil {
		args = []query.Expr{left, right}
		leftType = left.Type()
	}
	op, err := ps.findOperator(names, leftType, right.Type(), loc)
	if err != nil {
		return nil, err
	}
	return ps.makeOpFrom(op, args, loc)
}

// makeOpFrom builds a call of a known operator, converting the arguments.
func (ps *pstate) makeOpFrom(op *catalog.Operator, args []query.Expr, loc int32) (query.Expr, error) {
	declared := []uint32{op.Left, op.Right}
	if len(args) == 1 {
		declared = declared[1:]
	}
	actual := exprTypes(args)
	result, err := ps.enforceGenericConsistency(actual, declared, op.Result, false)
	if err != nil {
		return nil, at(err, loc)
	}
	if args, err = ps.coerceArgs(args, actual, declared); err != nil {
		return nil, err
	}
	e := &query.OpExpr{Opno: op.OID, Opfuncid: op.Code, Opresulttype: result, Args: args, Loc: loc}
	if p := ps.proc(op.Code); p != nil && p.RetSet {
		e.Opretset = true
		if err := ps.checkSRFPlacement(ps.lastSRF, loc); err != nil {
			return nil, err
		}
		ps.lastSRF = e
	}
	return e, nil
}

func exprTypes(args []query.Expr) []uint32 {
	t := make([]uint32, len(args))
	for i, e := range args {
		t[i] = e.Type()
	}
	return t
}

// coerceArgs converts call arguments to the types the function declares.
func (ps *pstate) coerceArgs(args []query.Expr, actual, declared []uint32) ([]query.Expr, error) {
	out := make([]query.Expr, len(args))
	for i, e := range args {
		if i >= len(declared) || actual[i] == declared[i] {
			out[i] = e
			continue
		}
		named, isNamed := e.(*query.NamedArgExpr)
		if isNamed {
			e = named.Arg
		}
		c, err := ps.coerceType(e, actual[i], declared[i], -1, coerceImplicit, query.CoerceImplicitCast, -1)
		if err != nil {
			return nil, err
		}
		if isNamed {
			n := *named
			n.Arg = c
			c = &n
		}
		out[i] = c
	}
	return out, nil
}

// makeScalarArrayOp builds left op ANY (right) or left op ALL (right).
func (ps *pstate) makeScalarArrayOp(names []string, useOr bool, left, right query.Expr, loc int32) (query.Expr, error) {
	arrayType := right.Type()
	elem := uint32(types.Unknown)
	if arrayType != types.Unknown {
		if elem = ps.baseElementType(arrayType); elem == 0 {
			return nil, errAt(loc, pgerr.WrongObjectType, "op ANY/ALL (array) requires array on right side")
		}
	}
	op, err := ps.findOperator(names, left.Type(), elem, loc)
	if err != nil {
		return nil, err
	}
	actual := []uint32{left.Type(), elem}
	declared := []uint32{op.Left, op.Right}
	result, err := ps.enforceGenericConsistency(actual, declared, op.Result, false)
	if err != nil {
		return nil, at(err, loc)
	}
	if result != types.Bool {
		return nil, errAt(loc, pgerr.WrongObjectType, "op ANY/ALL (array) requires operator to yield boolean")
	}
	if p := ps.proc(op.Code); p != nil && p.RetSet {
		return nil, errAt(loc, pgerr.WrongObjectType, "op ANY/ALL (array) requires operator not to return a set")
	}
	target := arrayType
	if !isPolymorphic(declared[1]) {
		if target = ps.arrayType(declared[1]); target == 0 {
			return nil, errAt(loc, pgerr.UndefinedObject, "could not find array type for data type %s",
				ps.formatType(declared[1]))
		}
	}
	args, err := ps.coerceArgs([]query.Expr{left, right}, []uint32{left.Type(), arrayType}, []uint32{declared[0], target})
	if err != nil {
		return nil, err
	}
	return &query.ScalarArrayOpExpr{Opno: op.OID, Opfuncid: op.Code, UseOr: useOr, Args: args, Loc: loc}, nil
}
