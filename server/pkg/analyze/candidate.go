package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// candidate is one function or operator a call may mean.
type candidate struct {
	proc *catalog.Proc
	op   *catalog.Operator

	args      []uint32 // effective argument types: variadic expanded, defaults cut or reordered
	variadic  bool     // the variadic argument was expanded
	defaults  int      // arguments taken from defaults
	argnumber []int    // named notation: for each given argument, its place
	path      int      // schema's place in the search order
	ambiguous bool     // equal signature from two variadic or default forms
}

// matchArgTypes keeps the candidates the argument types can implicitly be converted to.
func (a *analyzer) matchArgTypes(argtypes []uint32, cands []*candidate) []*candidate {
	var out []*candidate
	for _, c := range cands {
		if a.canCoerce(argtypes, c.args[:len(argtypes)], coerceImplicit) {
			out = append(out, c)
		}
	}
	return out
}

// exactMatch finds the candidate whose types are those given.
func exactMatch(argtypes []uint32, cands []*candidate) *candidate {
	for _, c := range cands {
		same := true
		for i, t := range argtypes {
			if c.args[i] != t {
				same = false
				break
			}
		}
		if same {
			return c
		}
	}
	return nil
}

// keepBest keeps the candidates with the highest score, provided it is above zero (or zeroOK).
func keepBest(cands []*candidate, score func(*candidate) int) []*candidate {
	best := 0
	var out []*candidate
	for _, c := range cands {
		s := score(c)
		if s > best {
			best = s
			out = out[:0]
		}
		if s == best {
			out = append(out, c)
		}
	}
	return out
}

// selectCandidate picks one of several candidates that all can be called: most exact matches, then
// most matches that are exact or preferred, then what the unknown arguments suggest. Nil when the
// call stays ambiguous. It follows the manual's chapter on type conversion.
func (a *analyzer) selectCandidate(argtypes []uint32, cands []*candidate) *candidate {
	bases := make([]uint32, len(argtypes))
	unknowns := 0
	for i, t := range argtypes {
		if t == types.Unknown {
			unknowns++
			bases[i] = t
		} else {
			bases[i] = a.baseType(t)
		}
	}
	cands = keepBest(cands, func(c *candidate) int {
		n := 0
		for i, t := range bases {
			if t != types.Unknown && c.args[i] == t {
				n++
			}
		}
		return n
	})
	if len(cands) == 1 {
		return cands[0]
	}
	categories := make([]byte, len(bases))
	for i, t := range bases {
		categories[i] = a.typ(t).Category
	}
	cands = keepBest(cands, func(c *candidate) int {
		n := 0
		for i, t := range bases {
			if t != types.Unknown && (c.args[i] == t || a.isPreferred(categories[i], c.args[i])) {
				n++
			}
		}
		return n
	})
	if len(cands) == 1 {
		return cands[0]
	}
	if unknowns == 0 {
		return nil
	}
	cands = a.filterByUnknownCategories(bases, cands)
	if len(cands) == 1 {
		return cands[0]
	}
	return a.assumeSameType(bases, cands, unknowns)
}

// isPreferred tells whether typ is a preferred type of the category.
func (a *analyzer) isPreferred(category byte, typ uint32) bool {
	t := a.typ(typ)
	return t.Preferred && t.Category == category
}

// filterByUnknownCategories: at each unknown argument take the string category if any candidate
// accepts it, else the one all accept; drop candidates of other categories, and, where one accepts
// a preferred type of the category, those that do not.
func (a *analyzer) filterByUnknownCategories(bases []uint32, cands []*candidate) []*candidate {
	slots := make([]byte, len(bases))
	preferred := make([]bool, len(bases))
	resolved := false
	for i, t := range bases {
		if t != types.Unknown {
			continue
		}
		resolved = true
		slots[i] = invalidCategory
		conflict := false
		for _, c := range cands {
			ct := a.typ(c.args[i])
			switch {
			case slots[i] == invalidCategory:
				slots[i], preferred[i] = ct.Category, ct.Preferred
			case ct.Category == slots[i]:
				preferred[i] = preferred[i] || ct.Preferred
			case ct.Category == stringCategory:
				slots[i], preferred[i] = ct.Category, ct.Preferred
			default:
				conflict = true
			}
		}
		if conflict && slots[i] != stringCategory {
			resolved = false
			break
		}
	}
	if !resolved {
		return cands
	}
	var keep []*candidate
	for _, c := range cands {
		ok := true
		for i, t := range bases {
			if t != types.Unknown {
				continue
			}
			ct := a.typ(c.args[i])
			if ct.Category != slots[i] || preferred[i] && !ct.Preferred {
				ok = false
				break
			}
		}
		if ok {
			keep = append(keep, c)
		}
	}
	if len(keep) == 0 {
		return cands
	}
	return keep
}

// assumeSameType tries the one known type for the unknown arguments too.
func (a *analyzer) assumeSameType(bases []uint32, cands []*candidate, unknowns int) *candidate {
	if unknowns == len(bases) {
		return nil
	}
	known := uint32(types.Unknown)
	for _, t := range bases {
		if t == types.Unknown {
			continue
		}
		if known != types.Unknown && known != t {
			return nil
		}
		known = t
	}
	all := make([]uint32, len(bases))
	for i := range all {
		all[i] = known
	}
	match := a.matchArgTypes(all, cands)
	if len(match) == 1 {
		return match[0]
	}
	return nil
}
