package catalog

// SortOperators are the default ordering and equality operators of a type, as ORDER BY, GROUP BY and DISTINCT use
// them. An operator is 0 when the type has none.
type SortOperators struct {
	Less, Equal, Greater uint32
	Family               uint32 // the btree family they come from, 0 for none
	Compare              uint32 // its comparison function
	HashFamily           uint32 // hash family whose equality is Equal, 0: not hashable
	HashProc             uint32
}

// LookupSortOperators finds the type's operators through its default btree class, else its default hash class.
func LookupSortOperators(v View, typ uint32) (SortOperators, error) {
	var s SortOperators
	bt, err := v.DefaultOpClass(BtreeAM, typ)
	if err != nil {
		return s, err
	}
	if bt != nil {
		s.Family = bt.Family
		for _, m := range []struct {
			strategy int16
			dst      *uint32
		}{{BTLess, &s.Less}, {BTEqual, &s.Equal}, {BTGreater, &s.Greater}} {
			if *m.dst, err = v.OpFamilyMember(bt.Family, bt.InType, bt.InType, m.strategy); err != nil {
				return s, err
			}
		}
		if s.Compare, err = v.SupportProc(bt.Family, bt.InType, bt.InType, 1); err != nil {
			return s, err
		}
	}
	h, err := v.DefaultOpClass(HashAM, typ)
	if err != nil || h == nil {
		return s, err
	}
	eq, err := v.OpFamilyMember(h.Family, h.InType, h.InType, HTEqual)
	if err != nil {
		return s, err
	}
	if s.Equal == 0 {
		s.Equal = eq
	}
	if s.Equal == eq && eq != 0 {
		s.HashFamily = h.Family
		s.HashProc, err = v.SupportProc(h.Family, h.InType, h.InType, 1)
	}
	return s, err
}
