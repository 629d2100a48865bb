package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// resultClass says what rows a function in FROM makes.
type resultClass int

const (
	resultScalar    resultClass = iota // one column
	resultComposite                    // columns known from its type or OUT parameters
	resultRecord                       // a column definition list must say
)

// functionColumns finds out what a function's result looks like as rows.
func (ps *pstate) functionColumns(e query.Expr) ([]resultColumn, resultClass) {
	if f, ok := e.(*query.FuncExpr); ok {
		if p := ps.proc(f.Funcid); p != nil && p.AllArgTypes != nil {
			if cols := ps.outColumns(p, f); len(cols) > 1 || len(cols) == 1 && p.RetType == types.Record {
				return cols, resultComposite
			}
		}
	}
	t := e.Type()
	if t == types.Record {
		return nil, resultRecord
	}
	if base := ps.typ(ps.baseType(t)); base.Type == catalog.TyptypeComposite {
		table := ps.relation(base.RelID)
		if table == nil {
			return nil, resultRecord
		}
		var cols []resultColumn
		for i := range table.Columns {
			c := &table.Columns[i]
			if c.Dropped {
				cols = append(cols, resultColumn{})
				continue
			}
			cols = append(cols, resultColumn{c.Name, c.TypeOID, c.Typmod, c.Collation})
		}
		return cols, resultComposite
	}
	return nil, resultScalar
}

// outColumns are the OUT, INOUT and TABLE parameters, with polymorphic types resolved from the call.
func (ps *pstate) outColumns(p *catalog.Proc, f *query.FuncExpr) []resultColumn {
	var cols []resultColumn
	for i, m := range p.ArgModes {
		if m != 'o' && m != 'b' && m != 't' {
			continue
		}
		name := ""
		if i < len(p.ArgNames) {
			name = p.ArgNames[i]
		}
		if name == "" {
			name = "column" + itoa(len(cols)+1)
		}
		t := p.AllArgTypes[i]
		if isPolymorphic(t) {
			declared := append([]uint32(nil), p.ArgTypes...)
			if len(declared) == len(f.Args) {
				if r, err := ps.enforceGenericConsistency(exprTypes(f.Args), declared, t, false); err == nil {
					t = r
				}
			}
		}
		cols = append(cols, resultColumn{name, t, -1, ps.typeCollation(t)})
	}
	return cols
}

// fromFunction is one function of a FROM item.
type fromFunction struct {
	expr query.Expr
	name string
	defs []ast.Node
}

// rangeFunction is a function, or ROWS FROM several, as a source of rows.
func (ps *pstate) rangeFunction(n *ast.RangeFunction) (*nsItem, error) {
	saved := ps.lateralActive
	ps.lateralActive = true
	funcs, err := ps.fromFunctions(n)
	ps.lateralActive = saved
	if err != nil {
		return nil, err
	}
	for _, f := range funcs {
		if err := ps.assignExprCollations(f.expr); err != nil {
			return nil, err
		}
	}
	if n.Coldeflist != nil {
		switch {
		case len(funcs) != 1 && n.IsRowsfrom:
			return nil, errAt(n.Coldeflist[0].Pos(), pgerr.SyntaxError,
				"ROWS FROM() with multiple functions cannot have a column definition list").
				WithHint("Put a separate column definition list for each function inside ROWS FROM().")
		case len(funcs) != 1:
			return nil, errAt(n.Coldeflist[0].Pos(), pgerr.SyntaxError,
				"UNNEST() with multiple arguments cannot have a column definition list").
				WithHint("Use separate UNNEST() calls inside ROWS FROM(), and attach a column definition list to each one.")
		case n.Ordinality:
			return nil, errAt(n.Coldeflist[0].Pos(), pgerr.SyntaxError,
				"WITH ORDINALITY cannot be used with a column definition list").
				WithHint("Put the column definition list inside ROWS FROM().")
		}
		funcs[0].defs = n.Coldeflist
	}
	return ps.addFunctions(n, funcs)
}

// fromFunctions resolves the calls; unnest of several arrays becomes several calls.
func (ps *pstate) fromFunctions(n *ast.RangeFunction) ([]fromFunction, error) {
	var out []fromFunction
	for _, item := range n.Functions {
		list, ok := item.(*ast.List)
		if !ok || len(list.Items) == 0 {
			return nil, pgerr.Internal("unexpected function in FROM")
		}
		var defs []ast.Node
		if len(list.Items) > 1 {
			if l, ok := list.Items[1].(*ast.List); ok && l != nil {
				defs = l.Items
			}
		}
		calls := []ast.Node{list.Items[0]}
		if fc, ok := list.Items[0].(*ast.FuncCall); ok && isMultiUnnest(fc) && defs == nil {
			calls = nil
			for _, arg := range fc.Args {
				calls = append(calls, &ast.FuncCall{Funcname: []ast.Node{&ast.String{Sval: "pg_catalog"}, &ast.String{Sval: "unnest"}},
					Args: []ast.Node{arg}, Funcformat: ast.COERCE_EXPLICIT_CALL, Location: fc.Location})
			}
		}
		for _, c := range calls {
			last := ps.lastSRF
			e, err := ps.exprOf(c, kindFromFunction)
			if err != nil {
				return nil, err
			}
			if ps.lastSRF != last && ps.lastSRF != e {
				return nil, errAt(ps.lastSRF.Location(), pgerr.FeatureNotSupportedCode,
					"set-returning functions must appear at top level of FROM")
			}
			out = append(out, fromFunction{expr: e, name: figureColname(c), defs: defs})
		}
	}
	return out, nil
}

func isMultiUnnest(fc *ast.FuncCall) bool {
	names := ast.Strings(fc.Funcname)
	return len(names) == 1 && names[0] == "unnest" && len(fc.Args) > 1 && fc.AggOrder == nil && fc.AggFilter == nil &&
		!fc.AggStar && !fc.AggDistinct && !fc.FuncVariadic && fc.Over == nil
}

// addFunctions makes the range table entry.
func (ps *pstate) addFunctions(n *ast.RangeFunction, funcs []fromFunction) (*nsItem, error) {
	name := funcs[0].name
	if n.Alias != nil {
		name = n.Alias.Aliasname
	}
	rte := &query.RangeTblEntry{Rtekind: query.RTEFunction, Funcordinality: n.Ordinality, Alias: aliasOf(n.Alias),
		Eref: &query.Alias{Aliasname: name}, InFromCl: true}
	var all []resultColumn
	for _, f := range funcs {
		cols, hasDef, err := ps.fromFunctionColumns(f, len(funcs) == 1, n.Alias)
		if err != nil {
			return nil, err
		}
		rtf := &query.RangeTblFunction{Funcexpr: f.expr, Funccolcount: len(cols), HasColdef: hasDef}
		for _, c := range cols {
			rtf.Funccolnames = append(rtf.Funccolnames, c.name)
			rtf.Funccoltypes = append(rtf.Funccoltypes, c.typ)
			rtf.Funccoltypmods = append(rtf.Funccoltypmods, c.typmod)
			rtf.Funccolcollations = append(rtf.Funccolcollations, c.coll)
		}
		rte.Functions = append(rte.Functions, rtf)
		all = append(all, cols...)
	}
	if n.Ordinality {
		all = append(all, resultColumn{"ordinality", types.Int8, -1, 0})
	}
	rte.Lateral = n.Lateral || ps.usesOwnLevel(funcs)
	return ps.nsFromColumns(rte, all, n.Alias)
}

// usesOwnLevel tells whether the calls refer to earlier FROM items, which makes them lateral.
func (ps *pstate) usesOwnLevel(funcs []fromFunction) bool {
	for _, f := range funcs {
		if containsVarOfLevel(f.expr, 0) {
			return true
		}
	}
	return false
}

func (ps *pstate) fromFunctionColumns(f fromFunction, single bool, alias *ast.Alias) ([]resultColumn, bool, error) {
	cols, class := ps.functionColumns(f.expr)
	if f.defs != nil {
		switch class {
		case resultComposite:
			if f.expr.Type() == types.Record {
				return nil, false, errAt(f.defs[0].Pos(), pgerr.SyntaxError,
					"a column definition list is redundant for a function with OUT parameters")
			}
			return nil, false, errAt(f.defs[0].Pos(), pgerr.SyntaxError,
				"a column definition list is redundant for a function returning a named composite type")
		case resultScalar:
			return nil, false, errAt(f.defs[0].Pos(), pgerr.SyntaxError,
				"a column definition list is only allowed for functions returning \"record\"")
		}
		cols, err := ps.columnDefs(f.defs)
		return cols, true, err
	}
	switch class {
	case resultRecord:
		return nil, false, errAt(f.expr.Location(), pgerr.SyntaxError,
			"a column definition list is required for functions returning \"record\"")
	case resultScalar:
		name := ps.scalarColumnName(f, single, alias)
		t := f.expr.Type()
		if ps.typ(t).Type == catalog.TyptypePseudo && t != types.Void && t != types.Unknown && !isPolymorphic(t) && t != types.Any {
			return nil, false, errAt(f.expr.Location(), pgerr.DatatypeMismatch,
				"function \"%s\" in FROM has unsupported return type %s", f.name, ps.formatType(t))
		}
		return []resultColumn{{name, t, f.expr.Typmod(), f.expr.Collation()}}, false, nil
	}
	return cols, false, nil
}

// scalarColumnName: a single OUT parameter's name, else the alias, else the function's name.
func (ps *pstate) scalarColumnName(f fromFunction, single bool, alias *ast.Alias) string {
	if fe, ok := f.expr.(*query.FuncExpr); ok {
		if p := ps.proc(fe.Funcid); p != nil {
			name, n := "", 0
			for i, m := range p.ArgModes {
				if (m == 'o' || m == 'b' || m == 't') && i < len(p.ArgNames) {
					name = p.ArgNames[i]
					n++
				}
			}
			if n == 1 && name != "" {
				return name
			}
		}
	}
	if single && alias != nil {
		return alias.Aliasname
	}
	return f.name
}

// columnDefs resolves a column definition list.
func (ps *pstate) columnDefs(defs []ast.Node) ([]resultColumn, error) {
	var cols []resultColumn
	for _, d := range defs {
		def, ok := d.(*ast.ColumnDef)
		if !ok {
			return nil, pgerr.Internal("unexpected column definition")
		}
		if def.TypeName.Setof {
			return nil, errAt(def.Location, pgerr.InvalidTableDefinition, "column \"%s\" cannot be declared SETOF", def.Colname)
		}
		typ, typmod, err := ps.typeName(def.TypeName)
		if err != nil {
			return nil, err
		}
		coll := ps.typeCollation(typ)
		if def.CollClause != nil {
			if coll, err = ps.collationByName(def.CollClause); err != nil {
				return nil, err
			}
		}
		cols = append(cols, resultColumn{def.Colname, typ, typmod, coll})
	}
	return cols, nil
}

// functionEntryColumn is column i (from 0) of a function entry.
func functionEntryColumn(rte *query.RangeTblEntry, i int) *resultColumn {
	for _, f := range rte.Functions {
		if i < f.Funccolcount {
			return &resultColumn{f.Funccolnames[i], f.Funccoltypes[i], f.Funccoltypmods[i], f.Funccolcollations[i]}
		}
		i -= f.Funccolcount
	}
	if rte.Funcordinality && i == 0 {
		return &resultColumn{"ordinality", types.Int8, -1, 0}
	}
	return nil
}

// containsVarOfLevel tells whether e refers to columns of the query that is level levels out.
func containsVarOfLevel(e query.Expr, level int) bool {
	found := false
	query.WalkLevels(e, func(e query.Expr, depth int) bool {
		if v, ok := e.(*query.Var); ok && v.Varlevelsup == level+depth {
			found = true
		}
		return !found
	})
	return found
}
