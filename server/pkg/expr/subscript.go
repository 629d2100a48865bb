package expr

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// subscriptNode fetches an element or a slice of an array.
type subscriptNode struct {
	array        node
	upper, lower []node // lower is empty for an element; nil entries are bounds left out
	elem         *types.Type
	slice        bool
}

func (k *Compiler) subscript(e *query.SubscriptingRef) (node, error) {
	if e.Refassgnexpr != nil {
		return nil, pgerr.FeatureNotSupported("assignment to array elements")
	}
	t, err := k.resolve(e.Refcontainertype)
	if err != nil {
		return nil, err
	}
	if !t.IsArray() && !t.IsVector() {
		return nil, pgerr.FeatureNotSupported("subscripts of type " + t.Name)
	}
	n := &subscriptNode{slice: len(e.Reflowerindexpr) > 0}
	if n.elem, err = elemOf(t); err != nil {
		return nil, err
	}
	if n.array, err = k.node(e.Refexpr); err != nil {
		return nil, err
	}
	if n.upper, err = k.optionalNodes(e.Refupperindexpr); err != nil {
		return nil, err
	}
	n.lower, err = k.optionalNodes(e.Reflowerindexpr)
	return n, err
}

func (k *Compiler) optionalNodes(list []query.Expr) ([]node, error) {
	out := make([]node, len(list))
	for i, e := range list {
		if e == nil {
			continue
		}
		n, err := k.node(e)
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}

// bounds evaluates subscripts; ok is false when one is null.
func bounds(c *Ctx, row []data.Datum, list []node, missing func(i int) int32) (out []int32, ok bool, err error) {
	for i, n := range list {
		if n == nil {
			out = append(out, missing(i))
			continue
		}
		d, err := n.eval(c, row)
		if err != nil || d.IsNull() {
			return nil, false, err
		}
		out = append(out, int32(d.Int()))
	}
	return out, true, nil
}

func (n *subscriptNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	d, err := n.array.eval(c, row)
	if err != nil || d.IsNull() {
		return data.Null, err
	}
	v := types.ReadArray(d)
	dims, low := v.Dims()
	upper, ok, err := bounds(c, row, n.upper, func(i int) int32 {
		if i < len(dims) {
			return low[i] + dims[i] - 1
		}
		return 0
	})
	if err != nil || !ok {
		return data.Null, err
	}
	if n.slice {
		return n.sliceOf(c, row, &v, dims, low, upper)
	}
	if len(upper) != len(dims) {
		return data.Null, nil
	}
	at := int32(0)
	for i, u := range upper {
		if u < low[i] || u >= low[i]+dims[i] {
			return data.Null, nil
		}
		at = at*dims[i] + u - low[i]
	}
	return v.Elem(n.elem, int(at)), nil
}

func (n *subscriptNode) sliceOf(c *Ctx, row []data.Datum, v *types.ArrayView, dims, low, upper []int32) (data.Datum, error) {
	lower, ok, err := bounds(c, row, n.lower, func(i int) int32 {
		if i < len(low) {
			return low[i]
		}
		return 1
	})
	if err != nil || !ok {
		return data.Null, err
	}
	if len(dims) == 0 || len(upper) > len(dims) {
		return types.EmptyArray(c.Arena, n.elem), nil
	}
	out := make([]int32, len(dims))
	from := make([]int32, len(dims))
	ones := make([]int32, len(dims))
	for i := range dims {
		lo, hi := low[i], low[i]+dims[i]-1
		if i < len(upper) {
			lo, hi = max(lo, lower[i]), min(hi, upper[i])
		}
		if lo > hi {
			return types.EmptyArray(c.Arena, n.elem), nil
		}
		from[i], out[i], ones[i] = lo-low[i], hi-lo+1, 1
	}
	var vals []data.Datum
	var walk func(dim int, at int32)
	walk = func(dim int, at int32) {
		for i := range out[dim] {
			p := at*dims[dim] + from[dim] + i
			if dim == len(dims)-1 {
				vals = append(vals, v.Elem(n.elem, int(p)))
			} else {
				walk(dim+1, p)
			}
		}
	}
	walk(0, 0)
	return types.BuildArray(c.Arena, n.elem, vals, out, ones), nil
}
