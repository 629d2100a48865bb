package aggregates

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// joined is string_agg: values with the delimiter of each but the first in
// front.
type joined struct {
	buf []byte
	any bool
}

func (s *joined) Step(_ *expr.Ctx, a []data.Datum) error {
	if a[0].IsNull() {
		return nil
	}
	if s.any && !a[1].IsNull() {
		s.buf = append(s.buf, a[1].Bytes()...)
	}
	s.any = true
	s.buf = append(s.buf, a[0].Bytes()...)
	if len(s.buf) > 0x3fffffff {
		return pgerr.New(pgerr.ProgramLimitExceeded, "out of memory").
			WithDetail("Cannot enlarge string buffer containing more than 1073741823 bytes.")
	}
	return nil
}

func (s *joined) Final(*expr.Ctx) (data.Datum, error) {
	if !s.any {
		return data.Null, nil
	}
	return data.Bytes(s.buf), nil
}

func (s *joined) Size() int { return cap(s.buf) }

// collected is array_agg of values that are no arrays.
type collected struct {
	elem *types.Type
	keep data.Arena
	vals []data.Datum
}

func newCollected(c *expr.Ctx) expr.AggState {
	t, err := types.Resolve(c.Types, c.ArgType(0))
	if err != nil {
		return failing{err}
	}
	if t.Array == 0 {
		return failing{pgerr.Newf(pgerr.UndefinedObject, "could not find array type for data type %s",
			types.FormatType(c.Types, t.OID, -1))}
	}
	return &collected{elem: t}
}

func (s *collected) Step(_ *expr.Ctx, a []data.Datum) error {
	s.vals = append(s.vals, s.keep.CopyDatum(a[0]))
	return nil
}

func (s *collected) Final(c *expr.Ctx) (data.Datum, error) {
	if len(s.vals) == 0 {
		return data.Null, nil
	}
	return types.MakeArray(c.Arena, s.elem, s.vals), nil
}

func (s *collected) Size() int { return int(s.keep.MemBytes()) + 24*cap(s.vals) }

func init() {
	for _, oid := range []uint32{3538, 3545} {
		expr.RegisterAggregate(expr.Aggregate{OID: oid, New: func(*expr.Ctx) expr.AggState { return &joined{} }})
	}
	expr.RegisterAggregate(expr.Aggregate{OID: 2335, New: newCollected})
}
