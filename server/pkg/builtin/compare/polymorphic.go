package compare

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	for op, oids := range map[string][2]uint32{"=": {744, 2981}, "<>": {390, 2982}, "<": {391, 2983},
		">": {392, 2984}, "<=": {393, 2985}, ">=": {396, 2986}, "cmp": {382, 2987}} {
		for _, oid := range oids {
			expr.Register(oid, polymorphic(op))
		}
	}
}

// polymorphic compares arrays and records by their actual type.
func polymorphic(op string) expr.Func {
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		oid := c.ArgType(0)
		if oid == types.AnyArray || oid == 0 {
			arr := types.ReadArray(a[0])
			if e := types.Get(arr.ElemOID()); e != nil {
				oid = e.Array
			}
		}
		t, err := types.Resolve(c.Types, oid)
		if err != nil {
			return data.Null, err
		}
		if !t.HasOrder() {
			return data.Null, pgerr.Newf(pgerr.UndefinedFunction, "could not identify a comparison function for type %s",
				types.FormatType(c.Types, oid, -1))
		}
		return function(op, t.Compare)(c, a)
	}
}
