package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// maxParams is the wire protocol's limit (a 16-bit count).
const maxParams = 65535

// paramRef is $n. A parameter whose type is not known yet has type unknown until a coercion decides.
func (ps *pstate) paramRef(n *ast.ParamRef) (query.Expr, error) {
	list := ps.env.ParamTypes
	if list == nil || n.Number < 1 || n.Number > maxParams {
		return nil, errAt(n.Location, pgerr.UndefinedParameter, "there is no parameter $%d", n.Number)
	}
	for len(*list) < int(n.Number) {
		*list = append(*list, 0)
	}
	slot := &(*list)[n.Number-1]
	if *slot == 0 {
		*slot = types.Unknown
	}
	p := &query.Param{Paramkind: query.ParamExtern, Paramid: int(n.Number), Paramtype: *slot, Paramtypmod: -1,
		Paramcollid: ps.typeCollation(*slot), Loc: n.Location}
	if *slot == types.Unknown {
		ps.inferred = append(ps.inferred, p)
	}
	return p, nil
}

// coerceParam gives a parameter of unknown type the type its first use demands. It returns true
// when p now has the type.
func (a *analyzer) coerceParam(p *query.Param, to uint32, typmod int32, loc int32) (bool, error) {
	if p.Paramkind != query.ParamExtern || p.Paramtype != types.Unknown || a.env.ParamTypes == nil {
		return false, nil
	}
	slot := &(*a.env.ParamTypes)[p.Paramid-1]
	switch *slot {
	case types.Unknown:
		*slot = to
	case to:
	default:
		return false, errAt(p.Loc, pgerr.AmbiguousParameter, "inconsistent types deduced for parameter $%d", p.Paramid).
			WithDetailf("%s versus %s", a.formatType(*slot), a.formatType(to))
	}
	// The node stands in one tree only and nobody has looked at its type yet but the coercion that
	// calls us, so it is changed in place.
	p.Paramtype = to
	p.Paramtypmod = -1
	p.Paramcollid = a.typeCollation(to)
	if loc >= 0 && (p.Loc < 0 || loc < p.Loc) {
		p.Loc = loc
	}
	return true, nil
}

// checkParams reports parameters whose type nothing decided, or that got one only elsewhere.
func (a *analyzer) checkParams() error {
	for _, p := range a.inferred {
		have := (*a.env.ParamTypes)[p.Paramid-1]
		if p.Paramtype != have {
			return errAt(p.Loc, pgerr.AmbiguousParameter, "could not determine data type of parameter $%d", p.Paramid)
		}
	}
	if a.env.ParamTypes == nil {
		return nil
	}
	for i, t := range *a.env.ParamTypes {
		if t == 0 || t == types.Unknown {
			return errAt(-1, pgerr.IndeterminateDatatype, "could not determine data type of parameter $%d", i+1)
		}
	}
	return nil
}
