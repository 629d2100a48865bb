package catalog

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// The bridges to package types' array form. The catalogs hold one-dimensional arrays counted from 1, and vectors.

func buildVector(oid uint32, vals []data.Datum) []byte {
	var a data.Arena
	return types.BuildVector(&a, types.Get(oid).ElemType(), vals).Bytes()
}

func buildArray(elem *types.Type, vals []data.Datum) []byte {
	var a data.Arena
	if len(vals) == 0 {
		return types.BuildArray(&a, elem, nil, nil, nil).Bytes()
	}
	return types.BuildArray(&a, elem, vals, []int32{int32(len(vals))}, []int32{1}).Bytes()
}

func eachArray(elem *types.Type, d data.Datum, f func(data.Datum)) {
	a := types.ReadArray(d)
	for i := range a.Len() {
		f(a.Elem(elem, i))
	}
}
