package catfn

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// PreparedStatement is one row of pg_prepared_statements.
type PreparedStatement struct {
	Name, Text string
	Time       int64 // microseconds since 2000-01-01 UTC
	Types      []uint32
	FromSQL    bool
	Uses       int64 // executions of the generic plan
}

// PreparedLister is implemented by an Env that has prepared statements.
type PreparedLister interface {
	PreparedStatements() []PreparedStatement
}

func init() {
	expr.RegisterSet(expr.SetFunc{OID: 2510, Columns: 7, Volatility: expr.Stable, Start: preparedStatements})
}

func preparedStatements(c *expr.Ctx, _ []data.Datum) (expr.SetIter, error) {
	lister, ok := c.Env.(PreparedLister)
	if !ok {
		return nil, pgerr.FeatureNotSupported("pg_prepared_statements")
	}
	out := &expr.SliceSet{}
	for _, p := range lister.PreparedStatements() {
		params := make([]data.Datum, len(p.Types))
		for i, oid := range p.Types {
			params[i] = data.Int(int64(oid))
		}
		out.Rows = append(out.Rows, []data.Datum{
			data.String(p.Name), data.String(p.Text), data.Int(p.Time),
			types.MakeArray(&data.Arena{}, types.Get(types.RegType), params),
			data.Bool(p.FromSQL), data.Int(p.Uses), data.Int(0),
		})
	}
	return out, nil
}
