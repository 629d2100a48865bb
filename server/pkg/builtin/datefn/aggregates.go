package datefn

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	expr.RegisterAggregate(expr.Aggregate{OID: 2113, SkipNulls: true, OrderInsensitive: true,
		New: func(*expr.Ctx) expr.AggState { return &intervalSum{} }})
	expr.RegisterAggregate(expr.Aggregate{OID: 2106, SkipNulls: true, OrderInsensitive: true,
		New: func(*expr.Ctx) expr.AggState { return &intervalSum{average: true} }})
}

// intervalSum is sum and avg of intervals.
type intervalSum struct {
	sum     span
	n       int64
	average bool
}

func (s *intervalSum) Step(_ *expr.Ctx, a []data.Datum) error {
	sum, err := s.sum.Add(types.ReadInterval(a[0]))
	s.sum = sum
	s.n++
	return err
}

func (s *intervalSum) Final(c *expr.Ctx) (data.Datum, error) {
	if s.n == 0 {
		return data.Null, nil
	}
	v := s.sum
	if s.average {
		var err error
		if v, err = divide(v, float64(s.n)); err != nil {
			return data.Null, err
		}
	}
	return v.Datum(c.Arena), nil
}
