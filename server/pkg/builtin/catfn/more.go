package catfn

import (
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	// Objects of these kinds exist in pg_catalog only, where all are visible.
	for _, oid := range []uint32{2093, 3829, 3756, 3768, 3403} {
		stable(inCatalog, oid)
	}
	// There are no extended statistics, SQL-bodied functions, triggers or rules
	// but those of views to describe.
	stable(constant(data.Null), 6174, 6173, 3415, 6197, 1662, 2730)
	stable(func(c *expr.Ctx, _ []data.Datum) (data.Datum, error) { return text(c, "UTF8") }, 1039)
	stable(serialSequence, 1665)
}

// inCatalog answers true for an OID of the image.
func inCatalog(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if oid := oidArg(a, 0); oid == 0 || oid >= catalog.FirstUserOID {
		return data.Null, nil
	}
	return data.Bool(true), nil
}

// serialSequence finds the sequence a column owns, through its default.
func serialSequence(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	d, err := types.Get(types.RegClass).In(c.Types, str(a, 0), -1)
	if err != nil {
		return data.Null, err
	}
	t, err := c.Env.Catalog().Relation(uint32(d.Int()))
	if err != nil || t == nil {
		return data.Null, err
	}
	col := t.Column(str(a, 1))
	if col == nil {
		return data.Null, pgerr.Newf(pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", str(a, 1), t.Name)
	}
	if !col.HasDefault {
		return data.Null, nil
	}
	seq, err := sequenceOf(col.Default)
	if err != nil || seq == 0 {
		return data.Null, err
	}
	s, err := c.Env.Catalog().Relation(seq)
	if err != nil || s == nil {
		return data.Null, err
	}
	return text(c, types.QuoteIdent(s.SchemaName)+"."+types.QuoteIdent(s.Name))
}
