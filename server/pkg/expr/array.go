package expr

import (
	"slices"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// elemOf is the element type of an array or vector type.
func elemOf(t *types.Type) (*types.Type, error) {
	if e := t.ElemType(); e != nil {
		return e, nil
	}
	return nil, pgerr.Internal("type %s is no array", t.Name)
}

func (k *Compiler) elemOID(array uint32) (*types.Type, error) {
	t, err := k.resolve(array)
	if err != nil {
		return nil, err
	}
	return elemOf(t)
}

// arrayOpNode is op ANY (array) and op ALL (array).
type arrayOpNode struct {
	scalar, array node
	elem          *types.Type
	fn            *Proc
	compare       compareOp
	native        bool
	or            bool
	buf           [2]data.Datum
	site          Call
}

func (k *Compiler) arrayOp(e *query.ScalarArrayOpExpr) (node, error) {
	ns, err := k.nodes(e.Args)
	if err != nil {
		return nil, err
	}
	elem, err := k.elemOID(e.Args[1].Type())
	if err != nil {
		return nil, err
	}
	n := &arrayOpNode{scalar: ns[0], array: ns[1], elem: elem, fn: Lookup(e.Opfuncid), or: e.UseOr}
	n.compare, n.native = intCompares[e.Opfuncid]
	if n.fn == nil && !n.native {
		return nil, notRegistered(e.Opfuncid)
	}
	n.site = Call{
		OID: e.Opfuncid, Result: types.Bool, Typmod: -1, Collation: e.Inputcollid,
		ArgTypes: []uint32{e.Args[0].Type(), elem.OID},
	}
	return n, nil
}

func (n *arrayOpNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	s, err := n.scalar.eval(c, row)
	if err != nil {
		return data.Null, err
	}
	a, err := n.array.eval(c, row)
	if err != nil || a.IsNull() {
		return data.Null, err
	}
	v := types.ReadArray(a)
	if v.Len() == 0 {
		return data.Bool(!n.or), nil
	}
	strict := n.native || !n.fn.NonStrict
	if s.IsNull() && strict {
		return data.Null, nil
	}
	null := false
	for i := range v.Len() {
		d, err := n.one(c, s, v.Elem(n.elem, i), strict)
		if err != nil {
			return data.Null, err
		}
		if d.IsNull() {
			null = true
		} else if d.Bool() == n.or {
			return d, nil
		}
	}
	if null {
		return data.Null, nil
	}
	return data.Bool(!n.or), nil
}

func (n *arrayOpNode) one(c *Ctx, s, e data.Datum, strict bool) (data.Datum, error) {
	if e.IsNull() && strict {
		return data.Null, nil
	}
	if n.native {
		return data.Bool(n.compare.holds(s.Int(), e.Int())), nil
	}
	n.buf = [2]data.Datum{s, e}
	c.Call = &n.site
	return n.fn.Fn(c, n.buf[:])
}

// arrayExprNode is ARRAY[...].
type arrayExprNode struct {
	args []node
	vals []data.Datum
	elem *types.Type
}

func (k *Compiler) arrayExpr(e *query.ArrayExpr) (node, error) {
	args, err := k.nodes(e.Elements)
	if err != nil {
		return nil, err
	}
	elem, err := k.elemOID(e.ArrayTypeid)
	if err != nil {
		return nil, err
	}
	n := &arrayExprNode{args: args, vals: make([]data.Datum, len(args)), elem: elem}
	if e.Multidims {
		return &arrayNestNode{*n}, nil
	}
	return n, nil
}

func (n *arrayExprNode) values(c *Ctx, row []data.Datum) error {
	for i, a := range n.args {
		d, err := a.eval(c, row)
		if err != nil {
			return err
		}
		n.vals[i] = d
	}
	return nil
}

func (n *arrayExprNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	if err := n.values(c, row); err != nil {
		return data.Null, err
	}
	if len(n.vals) == 0 {
		return types.EmptyArray(c.Arena, n.elem), nil
	}
	return types.MakeArray(c.Arena, n.elem, n.vals), nil
}

// arrayNestNode is ARRAY[...] whose elements are arrays.
type arrayNestNode struct{ arrayExprNode }

func (n *arrayNestNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	if err := n.values(c, row); err != nil {
		return data.Null, err
	}
	var all []data.Datum
	var dims, lower []int32
	outer, empty := int32(0), 0
	for _, d := range n.vals {
		if d.IsNull() {
			empty++
			continue
		}
		v := types.ReadArray(d)
		if v.Len() == 0 {
			empty++
			continue
		}
		ds, ls := v.Dims()
		if outer == 0 {
			dims, lower = ds, ls
		} else if !slices.Equal(dims, ds) {
			return data.Null, errRagged()
		}
		outer++
		all = v.Elems(n.elem, all)
	}
	if outer == 0 {
		return types.EmptyArray(c.Arena, n.elem), nil
	}
	if empty > 0 {
		return data.Null, errRagged()
	}
	return types.BuildArray(c.Arena, n.elem, all,
		append([]int32{outer}, dims...), append([]int32{1}, lower...)), nil
}

func errRagged() error {
	return pgerr.New(pgerr.ArraySubscriptError,
		"multidimensional arrays must have array expressions with matching dimensions")
}

// buildArray makes the result of ARRAY(subquery); arrays as rows add a dimension.
func buildArray(c *Ctx, elem *types.Type, vals []data.Datum) data.Datum {
	if len(vals) == 0 {
		return types.EmptyArray(c.Arena, elem)
	}
	return types.MakeArray(c.Arena, elem, vals)
}

// arrayCoerceNode converts an array element by element.
type arrayCoerceNode struct {
	arg      node
	cell     *data.Datum
	each     node
	from, to *types.Type
	vals     []data.Datum
}

func (k *Compiler) arrayCoerce(e *query.ArrayCoerceExpr) (node, error) {
	arg, err := k.node(e.Arg)
	if err != nil {
		return nil, err
	}
	n := &arrayCoerceNode{arg: arg, cell: new(data.Datum)}
	if n.from, err = k.elemOID(e.Arg.Type()); err != nil {
		return nil, err
	}
	if n.to, err = k.elemOID(e.Resulttype); err != nil {
		return nil, err
	}
	k.tests = append(k.tests, n.cell)
	n.each, err = k.node(e.Elemexpr)
	k.tests = k.tests[:len(k.tests)-1]
	return n, err
}

func (n *arrayCoerceNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	d, err := n.arg.eval(c, row)
	if err != nil || d.IsNull() {
		return data.Null, err
	}
	v := types.ReadArray(d)
	n.vals = n.vals[:0]
	for i := range v.Len() {
		*n.cell = v.Elem(n.from, i)
		e, err := n.each.eval(c, row)
		if err != nil {
			return data.Null, err
		}
		n.vals = append(n.vals, e)
	}
	dims, lower := v.Dims()
	return types.BuildArray(c.Arena, n.to, n.vals, dims, lower), nil
}
