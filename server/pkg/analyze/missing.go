package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// maxFuzzyDistance is how many edits a name may differ from one we suggest instead.
const maxFuzzyDistance = 3

// fuzzyMatch is the best suggestion so far, or two equally good ones. An exact match of a column
// that cannot be referenced has first 0.
type fuzzyMatch struct {
	distance      int
	first, second int
	rte, rte2     *query.RangeTblEntry
}

// missingColumn is 42703, with the hint PostgreSQL gives.
func (ps *pstate) missingColumn(rel, col string, loc int32) error {
	m, err := ps.searchColumn(rel, col, loc)
	if err != nil {
		return err
	}
	e := errAt(loc, pgerr.UndefinedColumn, "column \"%s\" does not exist", col)
	if rel != "" {
		e = errAt(loc, pgerr.UndefinedColumn, "column %s.%s does not exist", rel, col)
	}
	switch {
	case m.rte != nil && m.rte2 != nil:
		return e.WithHintf("Perhaps you meant to reference the column \"%s.%s\" or the column \"%s.%s\".",
			m.rte.Eref.Aliasname, m.rte.Eref.Colnames[m.first-1], m.rte2.Eref.Aliasname, m.rte2.Eref.Colnames[m.second-1])
	case m.rte != nil && m.first > 0:
		return e.WithHintf("Perhaps you meant to reference the column \"%s.%s\".", m.rte.Eref.Aliasname,
			m.rte.Eref.Colnames[m.first-1])
	case m.rte != nil:
		return e.WithHintf("There is a column named \"%s\" in table \"%s\", but it cannot be referenced from this part of the query.",
			col, m.rte.Eref.Aliasname)
	}
	return e
}

// searchColumn looks through every range table, visible or not, for the name or one like it.
func (ps *pstate) searchColumn(rel, col string, loc int32) (*fuzzyMatch, error) {
	m := &fuzzyMatch{distance: maxFuzzyDistance + 1}
	for s := ps; s != nil; s = s.parent {
		for _, rte := range s.rtable {
			if rte.Rtekind == query.RTEJoin {
				continue
			}
			penalty := 0
			if rel != "" {
				penalty = levenshtein(rel, rte.Eref.Aliasname, maxFuzzyDistance+1)
			}
			exact := 0
			for i, name := range rte.Eref.Colnames {
				if name == col && name != "" {
					if exact > 0 {
						return nil, errAt(loc, pgerr.AmbiguousColumn, "column reference \"%s\" is ambiguous", col)
					}
					exact = i + 1
				}
				m.offer(penalty, rte, name, col, i+1)
			}
			if exact > 0 && penalty == 0 {
				return &fuzzyMatch{rte: rte}, nil
			}
		}
	}
	return m, nil
}

// offer weighs one column name against the best so far.
func (m *fuzzyMatch) offer(penalty int, rte *query.RangeTblEntry, actual, wanted string, attno int) {
	if penalty > m.distance || actual == "" {
		return
	}
	d := levenshtein(actual, wanted, m.distance+1-penalty)
	if d > len(wanted)/2 {
		return
	}
	d += penalty
	switch {
	case d < m.distance:
		*m = fuzzyMatch{distance: d, rte: rte, first: attno}
	case d == m.distance && m.rte2 != nil:
		// Three equally good ones are none.
		*m = fuzzyMatch{distance: d - 1}
	case d == m.distance && m.rte != nil:
		m.rte2, m.second = rte, attno
	case d == m.distance && m.distance <= maxFuzzyDistance:
		m.rte, m.first = rte, attno
	}
}

// levenshtein is the edit distance of two names in characters, or limit+1 if it is greater than
// limit.
func levenshtein(s, t string, limit int) int {
	a, b := []rune(s), []rune(t)
	prev := make([]int, len(b)+1)
	cur := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
		}
		prev, cur = cur, prev
	}
	return min(prev[len(b)], limit+1)
}

// missingItem is 42P01 for a name before a dot that no FROM item has.
func (ps *pstate) missingItem(schema, rel string, loc int32) error {
	rte, err := ps.searchRelation(schema, rel)
	if err != nil {
		return err
	}
	if rte == nil {
		name := rel
		return errAt(loc, pgerr.UndefinedTable, "missing FROM-clause entry for table \"%s\"", name)
	}
	e := errAt(loc, pgerr.UndefinedTable, "invalid reference to FROM-clause entry for table \"%s\"", rel)
	if rte.Alias != nil && rte.Eref.Aliasname != rel {
		ns, _, err := ps.findItem("", rte.Eref.Aliasname, loc)
		if err == nil && ns != nil && ns.rte == rte {
			return e.WithHintf("Perhaps you meant to reference the table alias \"%s\".", rte.Eref.Aliasname)
		}
	}
	return e.WithHintf("There is an entry for table \"%s\", but it cannot be referenced from this part of the query.",
		rte.Eref.Aliasname)
}

// searchRelation looks through every range table, visible or not, for what the user may have meant.
func (ps *pstate) searchRelation(schema, rel string) (*query.RangeTblEntry, error) {
	var cte *query.CommonTableExpr
	cteLevel := 0
	relid := uint32(0)
	if schema == "" {
		cte, cteLevel = ps.findCTE(rel)
	}
	if cte == nil {
		t, err := ps.cat.RelationByName(schema, rel)
		if err != nil {
			return nil, err
		}
		if t != nil {
			relid = t.OID
		}
	}
	level := 0
	for s := ps; s != nil; s, level = s.parent, level+1 {
		for _, rte := range s.rtable {
			if rte.Rtekind == query.RTERelation && relid != 0 && rte.Relid == relid {
				return rte, nil
			}
			if rte.Rtekind == query.RTECTE && cte != nil && rte.Ctelevelsup+level == cteLevel && rte.Ctename == rel {
				return rte, nil
			}
			if rte.Eref.Aliasname == rel {
				return rte, nil
			}
		}
	}
	return nil, nil
}
