package aggregates

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// extreme is min and max. Of equal values (1.0 and 1.00) the last one stays.
type extreme struct {
	t    *types.Type
	sign int // 1: max, -1: min
	best data.Datum
	keep data.Arena // owns best
}

func (s *extreme) Step(_ *expr.Ctx, a []data.Datum) error {
	if s.best.IsNull() || s.t.Compare(a[0], s.best)*s.sign >= 0 {
		s.set(a[0])
	}
	return nil
}

func (s *extreme) set(d data.Datum) {
	if d.MemSize() == 0 {
		s.best = d
		return
	}
	s.keep.Reset()
	s.best = s.keep.CopyDatum(d)
}

func (s *extreme) StepBatch(_ *expr.Ctx, col *data.Vec, n int, sel []uint16) error {
	lanes(col, n, sel, func(i int) {
		if d := col.Get(i); s.best.IsNull() || s.t.Compare(d, s.best)*s.sign >= 0 {
			s.set(d)
		}
	})
	return nil
}

func (s *extreme) Final(*expr.Ctx) (data.Datum, error) { return s.best, nil }

// failing reports at the first row that an aggregate cannot work on a type.
type failing struct{ err error }

func (s failing) Step(*expr.Ctx, []data.Datum) error  { return s.err }
func (s failing) Final(*expr.Ctx) (data.Datum, error) { return data.Null, nil }
func newExtreme(oid uint32, sign int) func(c *expr.Ctx) expr.AggState {
	return func(c *expr.Ctx) expr.AggState {
		actual := oid
		if oid == types.AnyArray || oid == types.AnyEnum {
			actual = c.ArgType(0)
		}
		t, err := types.Resolve(c.Types, actual)
		if err == nil && !t.HasOrder() {
			err = pgerr.Newf(pgerr.UndefinedFunction, "could not identify a comparison function for type %s",
				types.FormatType(c.Types, actual, -1))
		}
		if err != nil {
			return failing{err}
		}
		return &extreme{t: t, sign: sign}
	}
}

func init() {
	for oid, t := range map[uint32]uint32{2050: types.AnyArray, 2115: types.Int8, 2116: types.Int4, 2117: types.Int2,
		2118: types.Oid, 2119: types.Float4, 2120: types.Float8, 2122: types.Date, 2123: types.Time, 2124: types.TimeTZ,
		2126: types.Timestamp, 2127: types.TimestampTZ, 2128: types.Interval, 2129: types.Text, 2130: types.Numeric,
		2244: types.BpChar, 2797: types.TID, 4189: types.PgLSN, 5099: types.XID8} {
		register(oid, true, newExtreme(t, 1))
	}
	for oid, t := range map[uint32]uint32{2051: types.AnyArray, 2131: types.Int8, 2132: types.Int4, 2133: types.Int2,
		2134: types.Oid, 2135: types.Float4, 2136: types.Float8, 2138: types.Date, 2139: types.Time, 2140: types.TimeTZ,
		2142: types.Timestamp, 2143: types.TimestampTZ, 2144: types.Interval, 2145: types.Text, 2146: types.Numeric,
		2245: types.BpChar, 2798: types.TID, 4190: types.PgLSN, 5100: types.XID8} {
		register(oid, true, newExtreme(t, -1))
	}
}
