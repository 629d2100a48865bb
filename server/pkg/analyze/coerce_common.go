package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// selectCommonType chooses the type the expressions of construct (CASE, UNION, ...) are converted
// to. With construct "" a failure is 0 instead of an error. which is the expression that decided.
func (ps *pstate) selectCommonType(exprs []query.Expr, construct string) (typ uint32, which query.Expr, err error) {
	which = exprs[0]
	ptype := which.Type()
	rest := exprs[1:]
	if ptype != types.Unknown {
		same := true
		for _, e := range rest {
			if e.Type() != ptype {
				same = false
				break
			}
		}
		if same {
			return ptype, which, nil
		}
	}
	ptype = ps.baseType(ptype)
	pcategory, ppreferred := ps.typ(ptype).Category, ps.typ(ptype).Preferred
	for _, e := range rest {
		ntype := ps.baseType(e.Type())
		if ntype == types.Unknown || ntype == ptype {
			continue
		}
		n := ps.typ(ntype)
		switch {
		case ptype == types.Unknown:
			which, ptype, pcategory, ppreferred = e, ntype, n.Category, n.Preferred
		case n.Category != pcategory:
			if construct == "" {
				return 0, nil, nil
			}
			return 0, nil, errAt(e.Location(), pgerr.DatatypeMismatch, "%s types %s and %s cannot be matched",
				construct, ps.formatType(ptype), ps.formatType(ntype))
		case !ppreferred && ps.canCoerce([]uint32{ptype}, []uint32{ntype}, coerceImplicit) &&
			!ps.canCoerce([]uint32{ntype}, []uint32{ptype}, coerceImplicit):
			which, ptype, pcategory, ppreferred = e, ntype, n.Category, n.Preferred
		}
	}
	if ptype == types.Unknown {
		ptype = types.Text
	}
	return ptype, which, nil
}

// verifyCommonType tells whether every expression can implicitly become the type.
func (ps *pstate) verifyCommonType(typ uint32, exprs []query.Expr) bool {
	for _, e := range exprs {
		if !ps.canCoerce([]uint32{e.Type()}, []uint32{typ}, coerceImplicit) {
			return false
		}
	}
	return true
}

// commonTypmod is the typmod all expressions of the type share, else -1.
func commonTypmod(exprs []query.Expr, typ uint32) int32 {
	typmod := exprs[0].Typmod()
	for _, e := range exprs {
		if e.Type() != typ || e.Typmod() != typmod {
			return -1
		}
	}
	return typmod
}

// coerceAllToCommon chooses the common type of exprs and converts each.
func (ps *pstate) coerceAllToCommon(exprs []query.Expr, construct string) (uint32, []query.Expr, error) {
	typ, _, err := ps.selectCommonType(exprs, construct)
	if err != nil {
		return 0, nil, err
	}
	out := make([]query.Expr, len(exprs))
	for i, e := range exprs {
		if out[i], err = ps.coerceToCommon(e, typ, construct); err != nil {
			return 0, nil, err
		}
	}
	return typ, out, nil
}

// selectCommonTypeFromOIDs is selectCommonType for the actual types of anycompatible arguments.
func (a *analyzer) selectCommonTypeFromOIDs(oids []uint32, noerror bool) (uint32, error) {
	ptype := oids[0]
	i := 1
	if ptype != types.Unknown {
		for i < len(oids) && oids[i] == ptype {
			i++
		}
		if i == len(oids) {
			return ptype, nil
		}
	}
	ptype = a.baseType(ptype)
	for ; i < len(oids); i++ {
		ntype := a.baseType(oids[i])
		if ntype == types.Unknown || ntype == ptype {
			continue
		}
		p, n := a.typ(ptype), a.typ(ntype)
		switch {
		case ptype == types.Unknown:
			ptype = ntype
		case n.Category != p.Category:
			if noerror {
				return 0, nil
			}
			return 0, errAt(-1, pgerr.DatatypeMismatch, "argument types %s and %s cannot be matched",
				a.formatType(ptype), a.formatType(ntype))
		case !p.Preferred && a.canCoerce([]uint32{ptype}, []uint32{ntype}, coerceImplicit) &&
			!a.canCoerce([]uint32{ntype}, []uint32{ptype}, coerceImplicit):
			ptype = ntype
		}
	}
	if ptype == types.Unknown {
		ptype = types.Text
	}
	return ptype, nil
}
