// Package catfn registers the functions that look at the catalog and at the
// session: names and visibility of objects, privileges, definitions, sizes,
// settings, sequences, advisory locks, backends.
//
// They read the catalog as the running statement sees it (Env.Catalog) and
// return NULL for objects that are not there, as PostgreSQL's do.
package catfn

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
)

func text(c *expr.Ctx, s string) (data.Datum, error) { return c.Arena.CopyString(s), nil }

func oidArg(a []data.Datum, i int) uint32 { return uint32(a[i].Int()) }

func str(a []data.Datum, i int) string { return a[i].Str() }

func stable(fn expr.Func, oids ...uint32) {
	for _, oid := range oids {
		expr.Register(oid, fn, expr.IsStable)
	}
}

func volatile(fn expr.Func, oids ...uint32) {
	for _, oid := range oids {
		expr.Register(oid, fn, expr.IsVolatile)
	}
}

// constant makes a function that always answers d.
func constant(d data.Datum) expr.Func {
	return func(*expr.Ctx, []data.Datum) (data.Datum, error) { return d, nil }
}
