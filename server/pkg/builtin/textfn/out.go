package textfn

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// typeOf finds a type, made by DDL or built in.
func typeOf(c *expr.Ctx, oid uint32) (*types.Type, error) {
	if t := types.Get(oid); t != nil {
		return t, nil
	}
	if c.Types != nil && c.Types.Lookup != nil {
		t, err := c.Types.Lookup.Type(oid)
		if err != nil || t != nil {
			return t, err
		}
	}
	return nil, pgerr.Newf(pgerr.UndefinedObject, "type with OID %d does not exist", oid)
}

// appendOut appends the text form of d, a value of type oid that is not null.
func appendOut(c *expr.Ctx, dst []byte, oid uint32, d data.Datum) ([]byte, error) {
	switch oid {
	case types.Text, types.Varchar, types.Unknown, types.CString:
		return append(dst, d.Bytes()...), nil
	}
	t, err := typeOf(c, oid)
	if err != nil {
		return dst, err
	}
	return t.Out(c.Types, dst, d), nil
}

// variadic calls f for each value of a VARIADIC "any" list: the arguments from
// first on, or the elements of the one array given with the word VARIADIC.
func variadic(c *expr.Ctx, a []data.Datum, first int, f func(oid uint32, d data.Datum) error) error {
	if c.Call == nil || !c.Call.Variadic {
		for i := first; i < len(a); i++ {
			if err := f(c.ArgType(i), a[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if a[first].IsNull() {
		return nil
	}
	arr := types.ReadArray(a[first])
	elem, err := typeOf(c, arr.ElemOID())
	if err != nil {
		return err
	}
	for i := range arr.Len() {
		if err := f(arr.ElemOID(), arr.Elem(elem, i)); err != nil {
			return err
		}
	}
	return nil
}
