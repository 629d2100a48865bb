package analyze

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// columnRef resolves a name of one to four parts.
func (ps *pstate) columnRef(n *ast.ColumnRef) (query.Expr, error) {
	if text := columnRefForbidden(ps.kind); text != "" {
		return nil, errAt(n.Location, pgerr.FeatureNotSupportedCode, "%s", text)
	}
	last := n.Fields[len(n.Fields)-1]
	names := ast.Strings(n.Fields)
	_, star := last.(*ast.A_Star)
	if star && len(n.Fields) > 1 {
		return ps.starRow(names, n.Location)
	}
	switch len(names) {
	case 1:
		return ps.bareColumn(names[0], n.Location)
	case 2:
		return ps.qualifiedColumn("", names[0], names[1], n.Location)
	case 3:
		return ps.qualifiedColumn(names[0], names[1], names[2], n.Location)
	case 4:
		if err := ps.requireDatabase(names[0], strings.Join(names, "."), n.Location); err != nil {
			return nil, err
		}
		return ps.qualifiedColumn(names[1], names[2], names[3], n.Location)
	}
	return nil, errAt(n.Location, pgerr.SyntaxError, "improper qualified name (too many dotted names): %s",
		strings.Join(names, "."))
}

// columnRefForbidden is the message for clauses where no column may stand.
func columnRefForbidden(k exprKind) string {
	switch k {
	case kindColumnDefault:
		return "cannot use column reference in DEFAULT expression"
	case kindPartitionBound:
		return "cannot use column reference in partition bound expression"
	}
	return ""
}

func (ps *pstate) bareColumn(name string, loc int32) (query.Expr, error) {
	if ps.valueDomain != nil && name == "value" {
		v := *ps.valueDomain
		v.Loc = loc
		return &v, nil
	}
	e, err := ps.colNameToVar(name, loc)
	if e != nil || err != nil {
		return e, err
	}
	ns, level, err := ps.findItem("", name, loc)
	if err != nil {
		return nil, err
	}
	if ns != nil {
		return ps.wholeRow(ns, level, loc), nil
	}
	return nil, ps.missingColumn("", name, loc)
}

func (ps *pstate) qualifiedColumn(schema, rel, col string, loc int32) (query.Expr, error) {
	ns, level, err := ps.findItem(schema, rel, loc)
	if err != nil {
		return nil, err
	}
	if ns == nil {
		return nil, ps.missingItem(schema, rel, loc)
	}
	e, err := ps.scanColumn(ns, level, col, loc)
	if e != nil || err != nil {
		return e, err
	}
	// Not a column: it may be a function of the row.
	row := ps.wholeRow(ns, level, loc)
	if e, err := ps.attributeOf(row, col, loc); e != nil || err != nil {
		return e, err
	}
	return nil, ps.missingColumn(rel, col, loc)
}

// attributeOf tries f(row) for row.f, with nil for no such function.
func (ps *pstate) attributeOf(row query.Expr, name string, loc int32) (query.Expr, error) {
	if e, err := ps.complexProjection(row, name, loc); e != nil || err != nil {
		return e, err
	}
	cands, err := ps.functionCandidates([]string{name}, 1, nil, true, loc)
	if err != nil {
		return nil, err
	}
	if len(ps.matchArgTypes([]uint32{row.Type()}, cands)) == 0 {
		return nil, nil
	}
	return ps.funcByName([]string{name}, []query.Expr{row}, loc)
}

// starRow is name.* where a single value is wanted, as in ROW(t.*) or f(t.*): the whole row.
func (ps *pstate) starRow(names []string, loc int32) (query.Expr, error) {
	schema, rel := "", names[len(names)-1]
	if len(names) > 1 {
		schema = names[len(names)-2]
	}
	ns, level, err := ps.findItem(schema, rel, loc)
	if err != nil {
		return nil, err
	}
	if ns == nil {
		return nil, ps.missingItem(schema, rel, loc)
	}
	return ps.wholeRow(ns, level, loc), nil
}

// wholeRow is a reference to all columns of an item at once.
func (ps *pstate) wholeRow(ns *nsItem, level int, loc int32) query.Expr {
	if ns.names != ns.rte.Eref {
		// The alias of a JOIN USING shows the merged columns only.
		row := &query.RowExpr{RowTypeid: types.Record, RowFormat: query.CoerceImplicitCast, Loc: loc,
			Colnames: ns.names.Colnames}
		for i := range ns.columns {
			row.Args = append(row.Args, ns.newVar(i, level, loc))
		}
		return row
	}
	typ, scalar := ps.rowTypeOf(ns)
	v := &query.Var{Varno: ns.rtindex, Vartype: typ, Vartypmod: -1, Varlevelsup: level, Loc: loc}
	if scalar {
		v.Varattno = 1
		v.Varcollid = ps.typeCollation(typ)
	}
	ps.markSelected(v)
	return v
}

// colNameToVar finds an unqualified column, nil if no level has it.
func (ps *pstate) colNameToVar(name string, loc int32) (query.Expr, error) {
	level := 0
	for s := ps; s != nil; s, level = s.parent, level+1 {
		var result query.Expr
		for _, ns := range s.namespace {
			if !ns.colsVisible || ns.lateralOnly && !s.lateralActive {
				continue
			}
			e, err := s.scanColumnAt(ns, level, name, loc)
			if err != nil {
				return nil, err
			}
			if e == nil {
				continue
			}
			if result != nil {
				return nil, errAt(loc, pgerr.AmbiguousColumn, "column reference \"%s\" is ambiguous", name)
			}
			if err := s.checkLateral(ns, loc); err != nil {
				return nil, err
			}
			result = e
		}
		if result != nil {
			if v, ok := result.(*query.Var); ok {
				ps.markSelected(v)
			}
			return result, nil
		}
	}
	return nil, nil
}

// scanColumn finds a column of one item, nil if it has none of the name.
func (ps *pstate) scanColumn(ns *nsItem, level int, name string, loc int32) (query.Expr, error) {
	e, err := ps.scanColumnAt(ns, level, name, loc)
	if v, ok := e.(*query.Var); ok && err == nil {
		ps.markSelected(v)
	}
	return e, err
}

func (ps *pstate) scanColumnAt(ns *nsItem, level int, name string, loc int32) (query.Expr, error) {
	found := -1
	for i, n := range ns.names.Colnames {
		if n != name || n == "" {
			continue
		}
		if found >= 0 {
			return nil, errAt(loc, pgerr.AmbiguousColumn, "column reference \"%s\" is ambiguous", name)
		}
		found = i
	}
	if found >= 0 {
		if ns.columns[found].varno == 0 {
			return nil, nil
		}
		return ns.newVar(found, level, loc), nil
	}
	if ns.rte.Rtekind != query.RTERelation {
		return nil, nil
	}
	return ps.systemColumn(ns, level, name, loc)
}

func (ps *pstate) systemColumn(ns *nsItem, level int, name string, loc int32) (query.Expr, error) {
	for _, c := range systemColumns {
		if c.name != name {
			continue
		}
		if ns.rte.Relkind == catalog.RelkindView || ns.rte.Relkind == catalog.RelkindComposite {
			return nil, nil
		}
		switch {
		case ps.kind == kindCheckConstraint && c.name != "tableoid":
			return nil, errAt(loc, pgerr.InvalidColumnReference,
				"system column \"%s\" reference in check constraint is invalid", name)
		case ps.kind == kindGeneratedColumn && c.name != "tableoid":
			return nil, errAt(loc, pgerr.InvalidColumnReference,
				"cannot use system column \"%s\" in column generation expression", name)
		}
		return &query.Var{Varno: ns.rtindex, Varattno: c.num, Vartype: c.typ, Vartypmod: -1, Varlevelsup: level, Loc: loc}, nil
	}
	return nil, nil
}

// field is one attribute of a composite type.
type field struct {
	name   string
	num    int16
	typ    uint32
	typmod int32
	coll   uint32
}

// rowFields lists the attributes of a row-typed expression; nil when they are not known.
func (ps *pstate) rowFields(e query.Expr) []field {
	if v, ok := e.(*query.Var); ok && v.Vartype == types.Record && v.Varattno == 0 {
		rte, s := ps.rteAt(v.Varno, v.Varlevelsup)
		if rte == nil {
			return nil
		}
		return s.entryFields(rte)
	}
	if v, ok := e.(*query.Var); ok && v.Vartype == types.Record {
		inner, s := ps.behindVar(v)
		if inner == nil {
			return nil
		}
		return s.rowFields(inner)
	}
	if r, ok := e.(*query.RowExpr); ok && r.RowTypeid == types.Record {
		var out []field
		for i, a := range r.Args {
			name := "f" + itoa(i+1)
			if i < len(r.Colnames) {
				name = r.Colnames[i]
			}
			out = append(out, field{name, int16(i + 1), a.Type(), a.Typmod(), a.Collation()})
		}
		return out
	}
	if f, ok := e.(*query.FuncExpr); ok {
		if cols, kind := ps.functionColumns(f); kind == resultComposite {
			var out []field
			for i, c := range cols {
				out = append(out, field{c.name, int16(i + 1), c.typ, c.typmod, c.coll})
			}
			return out
		}
	}
	t := ps.typ(ps.baseType(e.Type()))
	if t.RelID == 0 {
		return nil
	}
	table := ps.relation(t.RelID)
	if table == nil {
		return nil
	}
	var out []field
	for i := range table.Columns {
		if c := &table.Columns[i]; !c.Dropped {
			out = append(out, field{c.Name, c.Num, c.TypeOID, c.Typmod, c.Collation})
		}
	}
	return out
}

// behindVar finds the expression a record-typed column of a subquery, join or WITH query stands for,
// and the state to read it in; nil if that is not known.
func (ps *pstate) behindVar(v *query.Var) (query.Expr, *pstate) {
	rte, owner := ps.rteAt(v.Varno, v.Varlevelsup)
	if rte == nil {
		return nil, nil
	}
	sub := rte.Subquery
	switch rte.Rtekind {
	case query.RTEJoin:
		if int(v.Varattno) <= len(rte.Joinaliasvars) {
			return rte.Joinaliasvars[v.Varattno-1], owner
		}
	case query.RTECTE:
		if cte := owner.cteOf(rte); cte != nil {
			for range rte.Ctelevelsup {
				owner = owner.parent
			}
			sub = cte.Ctequery
		}
	}
	if sub == nil {
		return nil, nil
	}
	inner := owner.newState(owner)
	inner.rtable, inner.ctes = sub.RTable, sub.CteList
	for _, te := range sub.TargetList {
		if te.Resno == v.Varattno && !te.Resjunk {
			return te.Expr, inner
		}
	}
	return nil, nil
}

// entryFields lists the columns of a range table entry as attributes of its row.
func (ps *pstate) entryFields(rte *query.RangeTblEntry) []field {
	var out []field
	for i, name := range rte.Eref.Colnames {
		f := field{name: name, num: int16(i + 1)}
		switch rte.Rtekind {
		case query.RTESubquery:
			cols := queryColumns(rte.Subquery)
			if i < len(cols) {
				f.typ, f.typmod, f.coll = cols[i].typ, cols[i].typmod, cols[i].coll
			}
		case query.RTEJoin:
			if e := rte.Joinaliasvars[i]; e != nil {
				f.typ, f.typmod, f.coll = e.Type(), e.Typmod(), e.Collation()
			}
		case query.RTEFunction:
			if c := functionEntryColumn(rte, i); c != nil {
				f.typ, f.typmod, f.coll = c.typ, c.typmod, c.coll
			}
		default:
			if i < len(rte.Coltypes) {
				f.typ, f.typmod, f.coll = rte.Coltypes[i], rte.Coltypmods[i], rte.Colcollations[i]
			}
		}
		out = append(out, f)
	}
	return out
}

// complexProjection is row.attribute, nil when the row has no such attribute.
func (ps *pstate) complexProjection(row query.Expr, name string, loc int32) (query.Expr, error) {
	if v, ok := row.(*query.Var); ok && v.Varattno == 0 {
		rte, owner := ps.rteAt(v.Varno, v.Varlevelsup)
		for _, ns := range owner.namespace {
			if ns.rte == rte {
				return ps.scanColumn(ns, v.Varlevelsup, name, loc)
			}
		}
	}
	for _, f := range ps.rowFields(row) {
		if f.name == name {
			return &query.FieldSelect{Arg: row, Fieldnum: f.num, Resulttype: f.typ, Resulttypmod: f.typmod,
				Resultcollid: f.coll}, nil
		}
	}
	return nil, nil
}
