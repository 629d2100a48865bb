// Package arrays registers the functions on arrays, and the set-returning
// functions that make rows of arrays and number ranges (unnest,
// generate_series of integers, generate_subscripts).
package arrays

import (
	"slices"

	"strconv"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// elemOf resolves the element type of an array value.
func elemOf(c *expr.Ctx, v *types.ArrayView) (*types.Type, error) {
	return types.Resolve(c.Types, v.ElemOID())
}

// open reads an array and its element type.
func open(c *expr.Ctx, d data.Datum) (types.ArrayView, *types.Type, error) {
	v := types.ReadArray(d)
	t, err := elemOf(c, &v)
	return v, t, err
}

// dimension makes a function of (array, dimension) that is NULL where there is
// no such dimension.
func dimension(f func(v *types.ArrayView, dim int) int) expr.Func {
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		v := types.ReadArray(a[0])
		n := a[1].Int()
		if n < 1 || n > int64(v.NDims()) {
			return data.Null, nil
		}
		return data.Int(int64(f(&v, int(n-1)))), nil
	}
}

func ndims(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	v := types.ReadArray(a[0])
	if v.NDims() == 0 {
		return data.Null, nil
	}
	return data.Int(int64(v.NDims())), nil
}

func cardinality(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	v := types.ReadArray(a[0])
	return data.Int(int64(v.Len())), nil
}

func dims(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	v := types.ReadArray(a[0])
	if v.NDims() == 0 {
		return data.Null, nil
	}
	var b strings.Builder
	for i := range v.NDims() {
		b.WriteString("[" + strconv.Itoa(v.Lower(i)) + ":" + strconv.Itoa(v.Lower(i)+v.Dim(i)-1) + "]")
	}
	return c.Arena.CopyString(b.String()), nil
}

// elemType is the element type of a polymorphic call: that of an array
// argument, or the type of an element argument.
func elemType(c *expr.Ctx, a []data.Datum, arrayArg, elemArg int) (*types.Type, error) {
	if !a[arrayArg].IsNull() {
		v := types.ReadArray(a[arrayArg])
		return elemOf(c, &v)
	}
	return types.Resolve(c.Types, c.ArgType(elemArg))
}

// appendTo is array || element and element || array.
func appendTo(front bool) expr.Func {
	arrayArg, elemArg := 0, 1
	if front {
		arrayArg, elemArg = 1, 0
	}
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		elem, err := elemType(c, a, arrayArg, elemArg)
		if err != nil {
			return data.Null, err
		}
		if a[arrayArg].IsNull() {
			return types.MakeArray(c.Arena, elem, a[elemArg:elemArg+1]), nil
		}
		v := types.ReadArray(a[arrayArg])
		if v.NDims() > 1 {
			return data.Null, pgerr.New(pgerr.DataException, "argument must be empty or one-dimensional array")
		}
		vals := v.Elems(elem, nil)
		lower := int32(1)
		if v.NDims() == 1 {
			lower = int32(v.Lower(0))
		}
		if front {
			vals = append([]data.Datum{a[elemArg]}, vals...)
		} else {
			vals = append(vals, a[elemArg])
		}
		return types.BuildArray(c.Arena, elem, vals, []int32{int32(len(vals))}, []int32{lower}), nil
	}
}

// concat is array || array: side by side where the dimensions allow it.
func concat(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if a[0].IsNull() || a[1].IsNull() {
		if a[0].IsNull() {
			return a[1], nil
		}
		return a[0], nil
	}
	x, elem, err := open(c, a[0])
	if err != nil {
		return data.Null, err
	}
	y := types.ReadArray(a[1])
	switch {
	case x.NDims() == 0:
		return a[1], nil
	case y.NDims() == 0:
		return a[0], nil
	}
	xd, xl := x.Dims()
	yd, yl := y.Dims()
	d, l, ok := joinDims(xd, xl, yd, yl)
	if !ok {
		return data.Null, pgerr.New(pgerr.ArraySubscriptError, "cannot concatenate incompatible arrays").
			WithDetail(concatDetail(len(xd), len(yd)))
	}
	return types.BuildArray(c.Arena, elem, y.Elems(elem, x.Elems(elem, nil)), d, l), nil
}

func concatDetail(x, y int) string {
	if x == y {
		return "Arrays with differing element dimensions are not compatible for concatenation."
	}
	if x-y == 1 || y-x == 1 {
		return "Arrays with differing dimensions are not compatible for concatenation."
	}
	return "Arrays of " + strconv.Itoa(x) + " and " + strconv.Itoa(y) + " dimensions are not compatible for concatenation."
}

// joinDims computes dimensions and lower bounds of a concatenation.
func joinDims(xd, xl, yd, yl []int32) (dims, lower []int32, ok bool) {
	same := func(a, b []int32) bool {
		for i := range a {
			if a[i] != b[i] {
				return false
			}
		}
		return true
	}
	switch len(xd) - len(yd) {
	case 0:
		if !same(xd[1:], yd[1:]) {
			return nil, nil, false
		}
		return append([]int32{xd[0] + yd[0]}, xd[1:]...), xl, true
	case 1:
		if !same(xd[1:], yd) {
			return nil, nil, false
		}
		return append([]int32{xd[0] + 1}, xd[1:]...), xl, true
	case -1:
		if !same(yd[1:], xd) {
			return nil, nil, false
		}
		return append([]int32{yd[0] + 1}, yd[1:]...), yl, true
	}
	return nil, nil, false
}

// contains reports whether every element of y is in x; NULLs are in nothing.
func contains(c *expr.Ctx, x, y data.Datum) (bool, error) {
	xv, elem, err := open(c, x)
	if err != nil {
		return false, err
	}
	yv := types.ReadArray(y)
	xs := xv.Elems(elem, nil)
	for _, v := range yv.Elems(elem, nil) {
		if v.IsNull() || index(elem, xs, v) < 0 {
			return false, nil
		}
	}
	return true, nil
}

func index(elem *types.Type, list []data.Datum, v data.Datum) int {
	for i, x := range list {
		if x.IsNull() == v.IsNull() && (v.IsNull() || elem.Equal(x, v)) {
			return i
		}
	}
	return -1
}

func overlap(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	xv, elem, err := open(c, a[0])
	if err != nil {
		return data.Null, err
	}
	yv := types.ReadArray(a[1])
	xs := xv.Elems(elem, nil)
	for _, v := range yv.Elems(elem, nil) {
		if !v.IsNull() && index(elem, xs, v) >= 0 {
			return data.Bool(true), nil
		}
	}
	return data.Bool(false), nil
}

func oneDimensional(v *types.ArrayView, message string) error {
	if v.NDims() > 1 {
		return pgerr.New(pgerr.FeatureNotSupportedCode, message)
	}
	return nil
}

// position is array_position(array, element [, start]).
func position(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if a[0].IsNull() {
		return data.Null, nil
	}
	v, elem, err := open(c, a[0])
	if err == nil {
		err = oneDimensional(&v, "searching for elements in multidimensional arrays is not supported")
	}
	if err != nil || v.Len() == 0 {
		return data.Null, err
	}
	vals := v.Elems(elem, nil)
	if a[1].IsNull() && !slices.ContainsFunc(vals, data.Datum.IsNull) {
		return data.Null, nil
	}
	from := 0
	if len(a) > 2 {
		if a[2].IsNull() {
			return data.Null, pgerr.New(pgerr.NullValueNotAllowed, "initial position must not be null")
		}
		from = max(0, int(a[2].Int())-v.Lower(0))
	}
	if from >= len(vals) {
		return data.Null, nil
	}
	if i := index(elem, vals[from:], a[1]); i >= 0 {
		return data.Int(int64(from + i + v.Lower(0))), nil
	}
	return data.Null, nil
}

func positions(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if a[0].IsNull() {
		return data.Null, nil
	}
	v, elem, err := open(c, a[0])
	if err == nil {
		err = oneDimensional(&v, "searching for elements in multidimensional arrays is not supported")
	}
	if err != nil {
		return data.Null, err
	}
	var out []data.Datum
	for i, x := range v.Elems(elem, nil) {
		if index(elem, []data.Datum{x}, a[1]) == 0 {
			out = append(out, data.Int(int64(i+v.Lower(0))))
		}
	}
	return types.MakeArray(c.Arena, types.Get(types.Int4), out), nil
}

// replaceOrRemove is array_remove (two arguments) and array_replace.
func replaceOrRemove(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if a[0].IsNull() {
		return data.Null, nil
	}
	v, elem, err := open(c, a[0])
	if err != nil {
		return data.Null, err
	}
	remove := len(a) == 2
	if remove {
		if err := oneDimensional(&v, "removing elements from multidimensional arrays is not supported"); err != nil {
			return data.Null, err
		}
	}
	var out []data.Datum
	for _, x := range v.Elems(elem, nil) {
		switch {
		case index(elem, []data.Datum{x}, a[1]) < 0:
			out = append(out, x)
		case !remove:
			out = append(out, a[2])
		}
	}
	if remove {
		return types.MakeArray(c.Arena, elem, out), nil
	}
	d, l := v.Dims()
	return types.BuildArray(c.Arena, elem, out, d, l), nil
}

func init() {
	each := func(fn expr.Func, opts []expr.Option, oids ...uint32) {
		for _, oid := range oids {
			expr.Register(oid, fn, opts...)
		}
	}
	lax := []expr.Option{expr.NonStrict}
	each(dimension(func(v *types.ArrayView, i int) int { return v.Lower(i) }), nil, 2091)
	each(dimension(func(v *types.ArrayView, i int) int { return v.Lower(i) + v.Dim(i) - 1 }), nil, 2092)
	each(dimension((*types.ArrayView).Dim), nil, 2176)
	each(ndims, nil, 748)
	each(dims, nil, 747)
	each(cardinality, nil, 3179)
	each(appendTo(false), lax, 378)
	each(appendTo(true), lax, 379)
	each(concat, lax, 383)
	each(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		ok, err := contains(c, a[0], a[1])
		return data.Bool(ok), err
	}, nil, 2748)
	each(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		ok, err := contains(c, a[1], a[0])
		return data.Bool(ok), err
	}, nil, 2749)
	each(overlap, nil, 2747)
	each(position, lax, 3277, 3278)
	each(positions, lax, 3279)
	each(replaceOrRemove, lax, 3167, 3168)
}
