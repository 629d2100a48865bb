package catfn

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// PreparedXact is one row of pg_prepared_xact: a transaction between the two
// phases of its commit.
type PreparedXact struct {
	XID             uint32
	GID             string
	Prepared        int64 // microseconds since 2000-01-01 UTC
	Owner, Database uint32
}

// PreparedXactLister is implemented by an Env that knows the prepared transactions.
type PreparedXactLister interface {
	PreparedXacts() []PreparedXact
}

func init() {
	expr.RegisterSet(expr.SetFunc{OID: 1065, Columns: 5, Volatility: expr.Volatile, Start: preparedXacts})
}

func preparedXacts(c *expr.Ctx, _ []data.Datum) (expr.SetIter, error) {
	lister, ok := c.Env.(PreparedXactLister)
	if !ok {
		return nil, pgerr.FeatureNotSupported("pg_prepared_xact")
	}
	out := &expr.SliceSet{}
	for _, p := range lister.PreparedXacts() {
		out.Rows = append(out.Rows, []data.Datum{
			data.Int(int64(p.XID)), data.String(p.GID), data.Int(p.Prepared), data.Int(int64(p.Owner)),
			data.Int(int64(p.Database)),
		})
	}
	return out, nil
}
