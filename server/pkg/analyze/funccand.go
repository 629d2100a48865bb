package analyze

import (
	"slices"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/parser"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// functionCandidates lists the functions a call with nargs arguments could mean, variadic ones
// expanded (unless the call says VARIADIC) and missing arguments supplied by defaults.
func (a *analyzer) functionCandidates(names []string, nargs int, argnames []string, expandVariadic bool,
	loc int32) ([]*candidate, error) {
	schema, name, err := a.deconstructName(names, loc)
	if err != nil {
		return nil, err
	}
	if schema != "" {
		if err := a.requireSchema(schema, loc); err != nil {
			return nil, err
		}
	}
	procs, err := a.cat.ProcsByName(schema, name)
	if err != nil {
		return nil, err
	}
	var out []*candidate
	for _, p := range procs {
		c := matchCall(p, nargs, argnames, expandVariadic)
		if c == nil {
			continue
		}
		out = a.addCandidate(out, c)
	}
	return out, nil
}

// matchCall is the candidate p makes for a call of that shape, nil if the number or names of
// arguments do not fit.
func matchCall(p *catalog.Proc, nargs int, argnames []string, expandVariadic bool) *candidate {
	pnargs := len(p.ArgTypes)
	c := &candidate{proc: p}
	if len(argnames) > 0 {
		if p.Variadic != 0 && expandVariadic || !matchNamed(c, nargs, argnames) {
			return nil
		}
		c.args = make([]uint32, pnargs)
		for i, at := range c.argnumber {
			c.args[i] = p.ArgTypes[at]
		}
		return c
	}
	variadic := pnargs <= nargs && expandVariadic && p.Variadic != 0
	switch {
	case pnargs > nargs:
		if nargs+p.NumDefaults < pnargs {
			return nil
		}
		c.defaults = pnargs - nargs
	case pnargs != nargs && !variadic:
		return nil
	}
	c.args = slices.Clone(p.ArgTypes)
	if variadic {
		c.variadic = true
		c.args = c.args[:pnargs-1]
		for len(c.args) < nargs {
			c.args = append(c.args, p.Variadic)
		}
	}
	return c
}

// matchNamed maps given arguments (the last len(argnames) of them by name) to parameters; the rest
// must have defaults. c.argnumber lists the given ones in call order, then the defaulted ones.
func matchNamed(c *candidate, nargs int, argnames []string) bool {
	p := c.proc
	pnargs := len(p.ArgTypes)
	if p.ArgNames == nil || nargs > pnargs || nargs+p.NumDefaults < pnargs {
		return false
	}
	inputNames := inputArgNames(p)
	positional := nargs - len(argnames)
	used := make([]bool, pnargs)
	for i := range positional {
		used[i] = true
		c.argnumber = append(c.argnumber, i)
	}
	for _, name := range argnames {
		at := slices.Index(inputNames, name)
		if at < 0 || used[at] {
			return false
		}
		used[at] = true
		c.argnumber = append(c.argnumber, at)
	}
	for i := range pnargs {
		if used[i] {
			continue
		}
		if i < pnargs-p.NumDefaults {
			return false
		}
		c.argnumber = append(c.argnumber, i)
		c.defaults++
	}
	return true
}

// inputArgNames are the names of the IN, INOUT and VARIADIC parameters.
func inputArgNames(p *catalog.Proc) []string {
	if p.ArgModes == nil {
		return p.ArgNames
	}
	var names []string
	for i, m := range p.ArgModes {
		if (m == 'i' || m == 'b' || m == 'v') && i < len(p.ArgNames) {
			names = append(names, p.ArgNames[i])
		}
	}
	return names
}

// addCandidate drops c or an older one where both look the same to the call: the nearer schema
// wins, then a plain function over an expanded variadic; otherwise the call is ambiguous.
func (a *analyzer) addCandidate(list []*candidate, c *candidate) []*candidate {
	given := len(c.args) - c.defaults
	for i, old := range list {
		if len(old.args)-old.defaults != given || !slices.Equal(old.args[:given], c.args[:given]) {
			continue
		}
		switch {
		case old.proc.Schema != c.proc.Schema:
			return list
		case old.variadic != c.variadic:
			if old.variadic {
				list[i] = c
			}
			return list
		case old.defaults == 0 || c.defaults == 0:
			if old.defaults > 0 {
				list[i] = c
			}
			return list
		}
		old.ambiguous = true
		return list
	}
	return append(list, c)
}

// functionDefaults resolves the defaults of the parameters at the given places.
func (ps *pstate) functionDefaults(p *catalog.Proc, places []int) ([]query.Expr, error) {
	first := len(p.ArgTypes) - p.NumDefaults
	var stored []query.Expr
	if p.ArgDefaults != nil {
		list, err := query.DecodeExprs(p.ArgDefaults)
		if err != nil {
			return nil, err
		}
		stored = list
	}
	out := make([]query.Expr, len(places))
	for i, place := range places {
		n := place - first
		switch {
		case n >= 0 && n < len(stored):
			out[i] = stored[n]
		case n >= 0 && n < len(p.ArgDefaultTexts):
			e, err := ps.defaultFromText(p.ArgDefaultTexts[n], p.ArgTypes[place])
			if err != nil {
				return nil, err
			}
			out[i] = e
		default:
			return nil, pgerr.Internal("function %s lacks the default of argument %d", p.Name, place+1)
		}
	}
	return out, nil
}

// defaultFromText resolves a default that the catalog's image keeps as SQL.
func (ps *pstate) defaultFromText(text string, typ uint32) (query.Expr, error) {
	node, err := parseExpr(text)
	if err != nil {
		return nil, err
	}
	s := ps.newState(nil)
	e, err := s.exprOf(node, kindFunctionDefault)
	if err != nil {
		return nil, err
	}
	return s.coerceToSpecificType(e, typ, "DEFAULT")
}

// parseExpr parses the text of one expression.
func parseExpr(text string) (ast.Node, error) {
	list, err := parser.Parse("SELECT " + text)
	if err != nil {
		return nil, err
	}
	if len(list) == 1 {
		if s, ok := list[0].Stmt.(*ast.SelectStmt); ok && len(s.TargetList) == 1 {
			if t, ok := s.TargetList[0].(*ast.ResTarget); ok {
				return t.Val, nil
			}
		}
	}
	return nil, pgerr.Internal("not an expression: %s", text)
}

// functionSignature shows a call in messages: name(argument types).
func (a *analyzer) functionSignature(name string, argnames []string, argtypes []uint32) string {
	s := name + "("
	positional := len(argtypes) - len(argnames)
	for i, t := range argtypes {
		if i > 0 {
			s += ", "
		}
		if i >= positional {
			s += argnames[i-positional] + " => "
		}
		s += a.formatType(t)
	}
	return s + ")"
}
