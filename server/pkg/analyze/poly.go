package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// polymorph gathers what the actual argument types say about a polymorphic signature. The any*
// types form two families: the plain ones must agree exactly, the anycompatible ones on a common
// type.
type polymorph struct {
	elem, array, rng, multirange uint32

	compat                           []uint32 // actual types behind anycompatible(nonarray) and elements of arrays
	compatRange, compatRangeElem     uint32
	compatMultirange                 uint32
	haveAnyElement                   bool
	haveAnyNonarray, haveAnyEnum     bool
	haveAnyArray, haveCompat         bool
	haveCompatNonarray               bool
	haveCompatArray, haveCompatRange bool
	haveUnknowns                     bool
	haveAnyRange, haveAnyMultirange  bool
	haveCompatMultirange             bool
}

// checkGenericConsistency tells whether actual argument types fit the polymorphic ones declared.
func (a *analyzer) checkGenericConsistency(actual, declared []uint32) bool {
	p, err := a.gatherPolymorph(actual, declared, true)
	if err != nil {
		return false
	}
	return a.resolvePolymorph(p, true) == nil
}

func mismatch(format string, args ...any) error {
	return errAt(-1, pgerr.DatatypeMismatch, format, args...)
}

// gatherPolymorph collects; with quiet the errors only say that there is one.
func (a *analyzer) gatherPolymorph(actual, declared []uint32, quiet bool) (*polymorph, error) {
	p := &polymorph{}
	for i, decl := range declared {
		act := actual[i]
		var err error
		switch decl {
		case types.AnyElement, types.AnyNonArray, types.AnyEnum:
			p.haveAnyElement = true
			p.haveAnyNonarray = p.haveAnyNonarray || decl == types.AnyNonArray
			p.haveAnyEnum = p.haveAnyEnum || decl == types.AnyEnum
			err = a.plainMember(p, &p.elem, act, "anyelement")
		case types.AnyArray:
			p.haveAnyArray = true
			err = a.plainMember(p, &p.array, a.baseUnlessUnknown(act), "anyarray")
		case types.AnyRange:
			p.haveAnyRange = true
			err = a.plainMember(p, &p.rng, a.baseUnlessUnknown(act), "anyrange")
		case types.AnyMultirange:
			p.haveAnyMultirange = true
			err = a.plainMember(p, &p.multirange, a.baseUnlessUnknown(act), "anymultirange")
		case types.AnyCompatible, types.AnyCompatibleNonArray:
			p.haveCompat = true
			p.haveCompatNonarray = p.haveCompatNonarray || decl == types.AnyCompatibleNonArray
			if act == types.Unknown {
				p.haveUnknowns = true
			}
			p.compat = append(p.compat, act)
		case types.AnyCompatibleArray:
			p.haveCompat, p.haveCompatArray = true, true
			err = a.compatArrayMember(p, act)
		case types.AnyCompatibleRange:
			p.haveCompat, p.haveCompatRange = true, true
			err = a.compatRangeMember(p, act)
		case types.AnyCompatibleMultirange:
			p.haveCompat = true
			err = a.compatMultirangeMember(p, act)
		}
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (a *analyzer) baseUnlessUnknown(oid uint32) uint32 {
	if oid == types.Unknown {
		return oid
	}
	return a.baseType(oid)
}

// plainMember records one argument of the exact family.
func (a *analyzer) plainMember(p *polymorph, slot *uint32, act uint32, name string) error {
	if act == types.Unknown {
		p.haveUnknowns = true
		return nil
	}
	if *slot != 0 && *slot != act {
		return mismatch("arguments declared \"%s\" are not all alike", name).(*pgerr.Error).
			WithDetailf("%s versus %s", a.formatType(*slot), a.formatType(act))
	}
	*slot = act
	return nil
}

func (a *analyzer) compatArrayMember(p *polymorph, act uint32) error {
	if act == types.Unknown {
		p.haveUnknowns = true
		return nil
	}
	elem := a.elementType(a.baseType(act))
	if elem == 0 {
		return mismatch("argument declared %s is not an array but type %s", "anycompatiblearray", a.formatType(act))
	}
	p.compat = append(p.compat, elem)
	return nil
}

func (a *analyzer) compatRangeMember(p *polymorph, act uint32) error {
	if act == types.Unknown {
		p.haveUnknowns = true
		return nil
	}
	act = a.baseType(act)
	sub := a.rangeSubtype(act)
	if sub == 0 {
		return mismatch("argument declared %s is not a range type but type %s", "anycompatiblerange", a.formatType(act))
	}
	if p.compatRange != 0 && p.compatRange != act {
		return mismatch("arguments declared \"%s\" are not all alike", "anycompatiblerange").(*pgerr.Error).
			WithDetailf("%s versus %s", a.formatType(p.compatRange), a.formatType(act))
	}
	p.compatRange, p.compatRangeElem = act, sub
	p.compat = append(p.compat, sub)
	return nil
}

func (a *analyzer) compatMultirangeMember(p *polymorph, act uint32) error {
	if act == types.Unknown {
		p.haveUnknowns = true
		return nil
	}
	r := a.rangeOfMultirange(a.baseType(act))
	if r == 0 {
		return mismatch("argument declared %s is not a multirange type but type %s", "anycompatiblemultirange", a.formatType(act))
	}
	p.compatMultirange = a.baseType(act)
	return a.compatRangeMember(p, r)
}

// resolvePolymorph completes elem from array and range, and checks that they agree. compat[0] is
// the chosen common type afterwards. quiet accepts unknown arguments that leave types open.
func (a *analyzer) resolvePolymorph(p *polymorph, quiet bool) error {
	if p.array == types.AnyArray {
		// pg_statistic's anyarray columns: fine where nothing else needs the element's type.
		if p.haveAnyElement && p.elem == 0 && !quiet {
			return mismatch("argument declared %s is not consistent with argument declared %s", "anyarray", "anyelement")
		}
	} else if p.array != 0 {
		sub := a.elementType(p.array)
		if sub == 0 {
			return mismatch("argument declared %s is not an array but type %s", "anyarray", a.formatType(p.array))
		}
		if err := a.agreeElem(p, sub, "anyarray"); err != nil {
			return err
		}
	}
	if p.multirange != 0 {
		r := a.rangeOfMultirange(p.multirange)
		if r == 0 {
			return mismatch("argument declared %s is not a multirange type but type %s", "anymultirange",
				a.formatType(p.multirange))
		}
		if p.rng == 0 {
			p.rng = r
		} else if p.rng != r {
			return mismatch("argument declared %s is not consistent with argument declared %s", "anymultirange", "anyrange")
		}
	}
	if p.rng != 0 {
		sub := a.rangeSubtype(p.rng)
		if sub == 0 {
			return mismatch("argument declared %s is not a range type but type %s", "anyrange", a.formatType(p.rng))
		}
		if err := a.agreeElem(p, sub, "anyrange"); err != nil {
			return err
		}
		p.multirange = a.multirangeOfRange(p.rng)
	}
	if p.elem != 0 {
		if p.haveAnyNonarray && a.baseElementType(p.elem) != 0 {
			return mismatch("type matched to anynonarray is an array type: %s", a.formatType(p.elem))
		}
		if p.haveAnyEnum && !a.isEnum(p.elem) {
			return mismatch("type matched to anyenum is not an enum type: %s", a.formatType(p.elem))
		}
	}
	return a.resolveCompat(p, quiet)
}

func (a *analyzer) agreeElem(p *polymorph, sub uint32, name string) error {
	if p.elem == 0 {
		p.elem = sub
		return nil
	}
	if p.elem != sub {
		return mismatch("argument declared %s is not consistent with argument declared %s", name, "anyelement").(*pgerr.Error).
			WithDetailf("%s versus %s", a.formatType(p.elem), a.formatType(sub))
	}
	return nil
}

func (a *analyzer) resolveCompat(p *polymorph, quiet bool) error {
	if !p.haveCompat || len(p.compat) == 0 {
		return nil
	}
	typ, err := a.selectCommonTypeFromOIDs(p.compat, quiet)
	if err != nil {
		return err
	}
	if typ == 0 {
		return mismatch("no common type")
	}
	for _, c := range p.compat {
		if !a.canCoerce([]uint32{c}, []uint32{typ}, coerceImplicit) {
			return mismatch("arguments of anycompatible family cannot be cast to a common type")
		}
	}
	if p.compatRange != 0 && p.compatRangeElem != typ {
		return mismatch("anycompatiblerange type %s does not match anycompatible type %s",
			a.formatType(p.compatRange), a.formatType(typ))
	}
	if p.haveCompatNonarray && a.baseElementType(typ) != 0 {
		return mismatch("type matched to anycompatiblenonarray is an array type: %s", a.formatType(typ))
	}
	p.compat = []uint32{typ}
	return nil
}

// enforceGenericConsistency replaces polymorphic types in declared by what the actual types make
// them, and returns the result type. allowPoly accepts arguments that stay polymorphic (in the
// catalog's own declarations).
func (a *analyzer) enforceGenericConsistency(actual, declared []uint32, result uint32, allowPoly bool) (uint32, error) {
	generic := isPolymorphic(result)
	for _, d := range declared {
		generic = generic || isPolymorphic(d)
	}
	if !generic {
		return result, nil
	}
	p, err := a.gatherPolymorph(actual, declared, false)
	if err != nil {
		return 0, err
	}
	if err := a.resolvePolymorph(p, false); err != nil {
		return 0, err
	}
	if err := a.undetermined(p); err != nil {
		return 0, err
	}
	if p.haveCompat && len(p.compat) == 0 {
		p.compat = []uint32{types.Text}
	}
	for i, d := range declared {
		if !isPolymorphic(d) {
			continue
		}
		if actual[i] != types.Unknown && !isCompatibleFamily(d) {
			if d == types.AnyArray && actual[i] == types.AnyArray {
				continue
			}
			declared[i] = a.baseForPlain(d, actual[i])
			continue
		}
		t, err := a.concretePolymorph(p, d)
		if err != nil {
			return 0, err
		}
		declared[i] = t
	}
	if !isPolymorphic(result) {
		return result, nil
	}
	return a.concretePolymorph(p, result)
}

// baseForPlain: array and range arguments are passed as their base type, elements as they are.
func (a *analyzer) baseForPlain(decl, act uint32) uint32 {
	switch decl {
	case types.AnyArray, types.AnyRange, types.AnyMultirange:
		return a.baseType(act)
	}
	return act
}

// undetermined reports a plain family whose arguments are all unknown literals.
func (a *analyzer) undetermined(p *polymorph) error {
	plain := p.haveAnyElement || p.haveAnyArray || p.haveAnyRange || p.haveAnyMultirange
	if plain && p.elem == 0 && p.array != types.AnyArray {
		return mismatch("could not determine polymorphic type because input has type %s", "unknown")
	}
	return nil
}

func isCompatibleFamily(t uint32) bool {
	switch t {
	case types.AnyCompatible, types.AnyCompatibleArray, types.AnyCompatibleNonArray, types.AnyCompatibleRange,
		types.AnyCompatibleMultirange:
		return true
	}
	return false
}

// concretePolymorph is what a polymorphic type stands for in this call.
func (a *analyzer) concretePolymorph(p *polymorph, t uint32) (uint32, error) {
	switch t {
	case types.AnyElement, types.AnyNonArray, types.AnyEnum:
		if p.elem == 0 && p.array == types.AnyArray {
			return 0, errAt(-1, pgerr.DatatypeMismatch,
				"cannot determine element type of \"%s\" argument", "anyarray")
		}
		return p.elem, nil
	case types.AnyArray:
		if p.array != 0 {
			return p.array, nil
		}
		if t := a.arrayType(p.elem); t != 0 {
			return t, nil
		}
		return 0, errAt(-1, pgerr.UndefinedObject, "could not find array type for data type %s", a.formatType(p.elem))
	case types.AnyRange:
		if p.rng != 0 {
			return p.rng, nil
		}
	case types.AnyMultirange:
		if p.multirange != 0 {
			return p.multirange, nil
		}
	case types.AnyCompatible, types.AnyCompatibleNonArray:
		return p.compat[0], nil
	case types.AnyCompatibleArray:
		if t := a.arrayType(p.compat[0]); t != 0 {
			return t, nil
		}
		return 0, errAt(-1, pgerr.UndefinedObject, "could not find array type for data type %s", a.formatType(p.compat[0]))
	case types.AnyCompatibleRange:
		if p.compatRange != 0 {
			return p.compatRange, nil
		}
	case types.AnyCompatibleMultirange:
		if m := a.multirangeOfRange(p.compatRange); m != 0 {
			return m, nil
		}
	}
	return 0, mismatch("could not determine polymorphic type %s because input has type %s", a.formatType(t), "unknown")
}
