package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// Table lock modes.
const (
	lockAccessShare  = 1
	lockRowShare     = 2
	lockRowExclusive = 3
)

// openTable finds the relation a RangeVar names; 42P01 if there is none.
func (ps *pstate) openTable(rv *ast.RangeVar) (*catalog.Table, error) {
	if rv.Catalogname != "" {
		if err := ps.requireDatabase(rv.Catalogname, rv.Catalogname+"."+rv.Schemaname+"."+rv.Relname, -1); err != nil {
			return nil, err
		}
	}
	t, err := ps.cat.RelationByName(rv.Schemaname, rv.Relname)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, ps.missingTable(rv)
	}
	if t.Relkind == catalog.RelkindComposite {
		return nil, errAt(rv.Location, pgerr.WrongObjectType, "cannot open relation \"%s\"", t.Name).
			WithDetail("This operation is not supported for composite types.")
	}
	return t, nil
}

func (ps *pstate) missingTable(rv *ast.RangeVar) error {
	oid, err := ps.cat.RelationOID(rv.Schemaname, rv.Relname)
	if err != nil {
		return err
	}
	if oid != 0 {
		return errAt(rv.Location, pgerr.WrongObjectType, "cannot open relation \"%s\"", rv.Relname).
			WithDetail("This operation is not supported for indexes.")
	}
	if rv.Schemaname != "" {
		return errAt(rv.Location, pgerr.UndefinedTable, "relation \"%s.%s\" does not exist", rv.Schemaname, rv.Relname)
	}
	e := errAt(rv.Location, pgerr.UndefinedTable, "relation \"%s\" does not exist", rv.Relname)
	for s := ps; s != nil; s = s.parent {
		for _, cte := range s.futureCTEs {
			if cte.Ctename == rv.Relname {
				return e.WithDetailf("There is a WITH item named \"%s\", but it cannot be referenced from this part of the query.",
					rv.Relname).WithHint("Use WITH RECURSIVE, or re-order the WITH items to remove forward references.")
			}
		}
	}
	return e
}

// addEntry appends a range table entry and returns its index.
func (ps *pstate) addEntry(rte *query.RangeTblEntry, table *catalog.Table) int {
	ps.rtable = append(ps.rtable, rte)
	ps.tables = append(ps.tables, table)
	ps.joinExprs = append(ps.joinExprs, nil)
	return len(ps.rtable)
}

// addRelation adds a table, view or other relation as a source of rows.
func (ps *pstate) addRelation(t *catalog.Table, alias *ast.Alias, inh, inFrom bool, lock uint8) (*nsItem, error) {
	rte := &query.RangeTblEntry{
		Rtekind: query.RTERelation, Relid: t.OID, Relkind: t.Relkind, Rellockmode: lock, Inh: inh, InFromCl: inFrom,
		RequiredPerms: query.ACLSelect, Alias: aliasOf(alias),
	}
	rte.Eref = &query.Alias{Aliasname: t.Name}
	if alias != nil {
		rte.Eref.Aliasname = alias.Aliasname
	}
	names, err := ps.tableColumnNames(t, alias)
	if err != nil {
		return nil, err
	}
	rte.Eref.Colnames = names
	ns := &nsItem{names: rte.Eref, rte: rte, rtindex: ps.addEntry(rte, t), relVisible: true, colsVisible: true}
	ns.columns = make([]nsColumn, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		if !c.Dropped {
			ns.columns[i] = nsColumn{varno: ns.rtindex, attno: c.Num, typ: c.TypeOID, typmod: c.Typmod, coll: c.Collation}
		}
	}
	return ns, nil
}

// tableColumnNames are the columns' names under the alias's column list; dropped ones are empty.
func (ps *pstate) tableColumnNames(t *catalog.Table, alias *ast.Alias) ([]string, error) {
	var given []string
	if alias != nil {
		given = ast.Strings(alias.Colnames)
	}
	names := make([]string, len(t.Columns))
	used := 0
	for i := range t.Columns {
		switch {
		case t.Columns[i].Dropped:
		case used < len(given):
			names[i] = given[used]
			used++
		default:
			names[i] = t.Columns[i].Name
		}
	}
	if used < len(given) {
		live := 0
		for i := range t.Columns {
			if !t.Columns[i].Dropped {
				live++
			}
		}
		return nil, tooManyAliases(alias.Aliasname, live, len(given))
	}
	return names, nil
}

func tooManyAliases(name string, have, given int) error {
	return errAt(-1, pgerr.InvalidColumnReference,
		"table \"%s\" has %d columns available but %d columns specified", name, have, given)
}

func aliasOf(a *ast.Alias) *query.Alias {
	if a == nil {
		return nil
	}
	return &query.Alias{Aliasname: a.Aliasname, Colnames: ast.Strings(a.Colnames)}
}

// resultColumn is one column of a source of rows without a table.
type resultColumn struct {
	name   string
	typ    uint32
	typmod int32
	coll   uint32
}

// nsFromColumns makes the namespace item of an entry whose columns are given; an alias's column
// list renames the first ones.
func (ps *pstate) nsFromColumns(rte *query.RangeTblEntry, cols []resultColumn, alias *ast.Alias) (*nsItem, error) {
	var given []string
	if alias != nil {
		given = ast.Strings(alias.Colnames)
	}
	if len(given) > len(cols) {
		return nil, tooManyAliases(rte.Eref.Aliasname, len(cols), len(given))
	}
	rte.Eref.Colnames = nil
	index := ps.addEntry(rte, nil)
	ns := &nsItem{names: rte.Eref, rte: rte, rtindex: index, relVisible: true, colsVisible: true}
	for i, c := range cols {
		name := c.name
		if i < len(given) {
			name = given[i]
		}
		rte.Eref.Colnames = append(rte.Eref.Colnames, name)
		ns.columns = append(ns.columns, nsColumn{varno: index, attno: int16(i + 1), typ: c.typ, typmod: c.typmod, coll: c.coll})
	}
	return ns, nil
}

// queryColumns are the output columns of a subquery.
func queryColumns(q *query.Query) []resultColumn {
	tlist := q.TargetList
	if q.CommandType != query.CmdSelect {
		tlist = q.ReturningList
	}
	var cols []resultColumn
	for _, te := range tlist {
		if !te.Resjunk {
			cols = append(cols, resultColumn{te.Resname, te.Expr.Type(), te.Expr.Typmod(), te.Expr.Collation()})
		}
	}
	return cols
}

// addSubquery adds a subquery as a source of rows.
func (ps *pstate) addSubquery(q *query.Query, alias *ast.Alias, lateral, inFrom bool) (*nsItem, error) {
	name := "unnamed_subquery"
	if alias != nil {
		name = alias.Aliasname
	}
	rte := &query.RangeTblEntry{Rtekind: query.RTESubquery, Subquery: q, Alias: aliasOf(alias),
		Eref: &query.Alias{Aliasname: name}, Lateral: lateral, InFromCl: inFrom}
	return ps.nsFromColumns(rte, queryColumns(q), alias)
}

// addValues adds a VALUES list as a source of rows.
func (ps *pstate) addValues(lists [][]query.Expr, types []uint32, typmods []int32, colls []uint32, lateral bool) (*nsItem, error) {
	rte := &query.RangeTblEntry{Rtekind: query.RTEValues, ValuesLists: lists, Coltypes: types, Coltypmods: typmods,
		Colcollations: colls, Eref: &query.Alias{Aliasname: "*VALUES*"}, Lateral: lateral, InFromCl: true}
	cols := make([]resultColumn, len(types))
	for i := range cols {
		cols[i] = resultColumn{"column" + itoa(i+1), types[i], typmods[i], colls[i]}
	}
	return ps.nsFromColumns(rte, cols, nil)
}

// addCTE adds a reference to a WITH query that is levelsUp levels out.
func (ps *pstate) addCTE(cte *query.CommonTableExpr, levelsUp int, rv *ast.RangeVar) (*nsItem, error) {
	name := cte.Ctename
	if rv.Alias != nil {
		name = rv.Alias.Aliasname
	}
	rte := &query.RangeTblEntry{Rtekind: query.RTECTE, Ctename: cte.Ctename, Ctelevelsup: levelsUp,
		SelfReference: cte.Ctequery == nil, Alias: aliasOf(rv.Alias), Eref: &query.Alias{Aliasname: name}, InFromCl: true,
		Coltypes: cte.Ctecoltypes, Coltypmods: cte.Ctecoltypmods, Colcollations: cte.Ctecolcollations}
	if !rte.SelfReference {
		cte.Cterefcount++
		if q := cte.Ctequery; q.CommandType != query.CmdSelect && q.ReturningList == nil {
			return nil, errAt(rv.Location, pgerr.FeatureNotSupportedCode,
				"WITH query \"%s\" does not have a RETURNING clause", cte.Ctename)
		}
	}
	cols := make([]resultColumn, len(cte.Ctecolnames))
	for i := range cols {
		cols[i] = resultColumn{cte.Ctecolnames[i], cte.Ctecoltypes[i], cte.Ctecoltypmods[i], cte.Ctecolcollations[i]}
	}
	return ps.nsFromColumns(rte, cols, rv.Alias)
}

// findCTE looks a WITH query up by name, innermost level first.
func (ps *pstate) findCTE(name string) (*query.CommonTableExpr, int) {
	level := 0
	for s := ps; s != nil; s, level = s.parent, level+1 {
		for _, cte := range s.ctes {
			if cte.Ctename == name {
				return cte, level
			}
		}
	}
	return nil, 0
}

// findItem finds the item visible under a relation name ("" schema: any name). It returns nil when
// there is none, and how many levels out the item is.
func (ps *pstate) findItem(schema, name string, loc int32) (*nsItem, int, error) {
	relid := uint32(0)
	if schema != "" {
		t, err := ps.cat.RelationByName(schema, name)
		if err != nil || t == nil {
			return nil, 0, err
		}
		relid = t.OID
	}
	level := 0
	for s := ps; s != nil; s, level = s.parent, level+1 {
		var found *nsItem
		for _, ns := range s.namespace {
			if !ns.relVisible || ns.lateralOnly && !s.lateralActive {
				continue
			}
			if relid != 0 {
				if ns.rte.Rtekind != query.RTERelation || ns.rte.Relid != relid || ns.rte.Alias != nil {
					continue
				}
			} else if ns.names.Aliasname != name {
				continue
			}
			if found != nil {
				return nil, 0, errAt(loc, pgerr.AmbiguousAlias, "table reference \"%s\" is ambiguous", name)
			}
			if err := s.checkLateral(ns, loc); err != nil {
				return nil, 0, err
			}
			found = ns
		}
		if found != nil {
			return found, level, nil
		}
	}
	return nil, 0, nil
}

// checkLateral rejects a reference the SQL standard makes visible but illegal.
func (ps *pstate) checkLateral(ns *nsItem, loc int32) error {
	if !ns.lateralOnly || ns.lateralOK {
		return nil
	}
	name := ns.names.Aliasname
	e := errAt(loc, pgerr.InvalidColumnReference, "invalid reference to FROM-clause entry for table \"%s\"", name)
	if ns == ps.targetNS || ps.targetNS != nil && ns.rte == ps.targetNS.rte {
		return e.WithHintf("There is an entry for table \"%s\", but it cannot be referenced from this part of the query.", name)
	}
	return e.WithDetail("The combining JOIN type must be INNER or LEFT for a LATERAL reference.")
}

// checkNameConflicts rejects two items of the same name in one FROM.
func checkNameConflicts(a, b []*nsItem) error {
	for _, x := range a {
		if !x.relVisible {
			continue
		}
		for _, y := range b {
			if !y.relVisible || x.names.Aliasname != y.names.Aliasname {
				continue
			}
			if x.rte.Rtekind == query.RTERelation && x.rte.Alias == nil && y.rte.Rtekind == query.RTERelation &&
				y.rte.Alias == nil && x.rte.Relid != y.rte.Relid {
				continue
			}
			return errAt(-1, pgerr.DuplicateAlias, "table name \"%s\" specified more than once", x.names.Aliasname)
		}
	}
	return nil
}

// addToScope makes an item part of the join list and namespace.
func (ps *pstate) addToScope(ns *nsItem, toJoinList, relVisible, colsVisible bool) {
	if toJoinList {
		ps.joinList = append(ps.joinList, &query.RangeTblRef{Rtindex: ns.rtindex})
	}
	if relVisible || colsVisible {
		ns.relVisible, ns.colsVisible, ns.lateralOnly, ns.lateralOK = relVisible, colsVisible, false, true
		ps.namespace = append(ps.namespace, ns)
	}
}

// markSelected records that a column is read, for permission checks.
func (ps *pstate) markSelected(v *query.Var) {
	rte, _ := ps.rteAt(v.Varno, v.Varlevelsup)
	if rte != nil && rte.Rtekind == query.RTERelation {
		rte.RequiredPerms |= query.ACLSelect
		rte.SelectedCols.Add(v.Varattno)
	}
}

// rowTypeOf is the type of a whole-row reference to an item, and whether it is in truth a scalar.
func (ps *pstate) rowTypeOf(ns *nsItem) (typ uint32, scalar bool) {
	rte := ns.rte
	switch rte.Rtekind {
	case query.RTERelation:
		if t := ps.relation(rte.Relid); t != nil && t.TypeOID != 0 {
			return t.TypeOID, false
		}
	case query.RTEFunction:
		if len(rte.Functions) == 1 && !rte.Funcordinality {
			t := rte.Functions[0].Funcexpr.Type()
			if ps.isRowType(t) {
				return t, false
			}
			return t, true
		}
	}
	return types.Record, false
}
