package catfn

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// Sizer is implemented by an Env that can tell how much space keys take.
// storage 0 means the whole database.
type Sizer interface {
	StorageBytes(database, storage uint32) (int64, error)
}

func init() {
	volatile(relationSize(true, false), 2325, 2332, 2997) // pg_relation_size, pg_table_size
	volatile(relationSize(false, true), 2998)             // pg_indexes_size
	volatile(relationSize(true, true), 2286)              // pg_total_relation_size
	volatile(databaseSize, 2168, 2324)
	expr.Register(2288, sizePretty)
	stable(filenode, 2999)
	stable(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		if _, err := tablespace(c, a[0]); err != nil {
			return data.Null, err
		}
		return text(c, "")
	}, 3778)
	volatile(tablespaceSize, 2322, 2323)
}

func bytesOf(c *expr.Ctx, database, storage uint32) (int64, error) {
	s, ok := c.Env.(Sizer)
	if !ok {
		return 0, pgerr.FeatureNotSupported("object sizes")
	}
	return s.StorageBytes(database, storage)
}

// relationSize adds up a relation's rows and its indexes. A table's rows lie
// in its primary key, so the key counts with the table.
func relationSize(rows, indexes bool) expr.Func {
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		view := c.Env.Catalog()
		if len(a) > 1 && str(a, 1) != "main" {
			switch str(a, 1) {
			case "fsm", "vm", "init":
				return data.Int(0), nil
			}
			return data.Null, pgerr.New(pgerr.InvalidParameterValue, "invalid fork name").
				WithHint(`Valid fork names are "main", "fsm", "vm", and "init".`)
		}
		t, err := view.Relation(oidArg(a, 0))
		if err != nil {
			return data.Null, err
		}
		if t == nil {
			ix, err := view.Index(oidArg(a, 0))
			if err != nil || ix == nil {
				return data.Null, err
			}
			return sum(c, []*catalog.Index{ix})
		}
		var n int64
		if rows && t.HasStorage() {
			if n, err = bytesOf(c, t.Database, t.StorageID); err != nil {
				return data.Null, err
			}
		}
		if !indexes {
			return data.Int(n), nil
		}
		d, err := sum(c, t.Indexes)
		if err != nil {
			return data.Null, err
		}
		return data.Int(n + d.Int()), nil
	}
}

func sum(c *expr.Ctx, indexes []*catalog.Index) (data.Datum, error) {
	var total int64
	for _, ix := range indexes {
		if ix.IsRowKey {
			continue
		}
		n, err := bytesOf(c, ix.Database, ix.StorageID)
		if err != nil {
			return data.Null, err
		}
		total += n
	}
	return data.Int(total), nil
}

func databaseSize(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	view := c.Env.Catalog()
	var db *catalog.Database
	var err error
	if a[0].Kind() == data.KindInt64 {
		db, err = view.DatabaseByOID(oidArg(a, 0))
	} else if db, err = view.DatabaseByName(str(a, 0)); err == nil && db == nil {
		err = pgerr.Newf(pgerr.InvalidCatalogName, "database \"%s\" does not exist", str(a, 0))
	}
	if err != nil || db == nil {
		return data.Null, err
	}
	n, err := bytesOf(c, db.OID, 0)
	return data.Int(n), err
}

// The two tablespaces there are.
const (
	defaultTablespace = 1663
	globalTablespace  = 1664
)

func tablespace(_ *expr.Ctx, d data.Datum) (uint32, error) {
	if d.Kind() == data.KindInt64 {
		switch oid := uint32(d.Int()); oid {
		case 0, defaultTablespace, globalTablespace:
			return oid, nil
		default:
			return 0, pgerr.Newf(pgerr.UndefinedObject, "tablespace with OID %d does not exist", oid)
		}
	}
	switch d.Str() {
	case "pg_default":
		return defaultTablespace, nil
	case "pg_global":
		return globalTablespace, nil
	}
	return 0, pgerr.Newf(pgerr.UndefinedObject, "tablespace \"%s\" does not exist", d.Str())
}

// tablespaceSize counts shared relations under database 0 and everything else
// under the current database.
func tablespaceSize(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	oid, err := tablespace(c, a[0])
	if err != nil {
		return data.Null, err
	}
	db := c.Env.Database().OID
	if oid == globalTablespace {
		db = 0
	}
	n, err := bytesOf(c, db, 0)
	return data.Int(n), err
}

func filenode(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	view := c.Env.Catalog()
	t, err := view.Relation(oidArg(a, 0))
	if err != nil {
		return data.Null, err
	}
	if t != nil && t.HasStorage() {
		return data.Int(int64(t.StorageID)), nil
	}
	ix, err := view.Index(oidArg(a, 0))
	if err != nil || ix == nil {
		return data.Null, err
	}
	return data.Int(int64(ix.StorageID)), nil
}

// sizePretty prints a number of bytes in the largest unit that leaves at least
// 10 of it, rounding half up as PostgreSQL does.
func sizePretty(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	n := big.NewInt(a[0].Int())
	units := strings.Fields("bytes kB MB GB TB PB")
	limit, half := big.NewInt(10*1024), false
	for i, u := range units {
		if new(big.Int).Abs(n).Cmp(limit) < 0 || i == len(units)-1 {
			if half {
				n = halfRound(n)
			}
			return text(c, fmt.Sprintf("%s %s", n, u))
		}
		shift := uint(10)
		if i == 0 {
			shift = 9 // keep one bit for rounding
		}
		n = new(big.Int).Quo(n, new(big.Int).Lsh(big.NewInt(1), shift))
		limit, half = big.NewInt(20*1024-1), true
	}
	return data.Null, nil
}

func halfRound(n *big.Int) *big.Int {
	one := big.NewInt(1)
	if n.Sign() < 0 {
		one.Neg(one)
	}
	return new(big.Int).Quo(n.Add(n, one), big.NewInt(2))
}
