package expr

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// rowExprNode is ROW(...).
type rowExprNode struct {
	args   []node
	vals   []data.Datum
	fields []*types.Type
}

func (k *Compiler) rowExpr(e *query.RowExpr) (node, error) {
	args, err := k.nodes(e.Args)
	if err != nil {
		return nil, err
	}
	n := &rowExprNode{args: args, vals: make([]data.Datum, len(args))}
	for _, a := range e.Args {
		t, err := k.resolve(a.Type())
		if err != nil {
			return nil, err
		}
		n.fields = append(n.fields, t)
	}
	return n, nil
}

func (n *rowExprNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	for i, a := range n.args {
		d, err := a.eval(c, row)
		if err != nil {
			return data.Null, err
		}
		n.vals[i] = d
	}
	return types.BuildRecord(c.Arena, n.fields, n.vals), nil
}

// fieldNode takes one attribute of a composite value.
type fieldNode struct {
	arg node
	num int
}

func (n *fieldNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	d, err := n.arg.eval(c, row)
	if err != nil || d.IsNull() {
		return data.Null, err
	}
	v := types.ReadRecord(d)
	for i := 1; v.Len() > 0; i++ {
		t, err := types.Resolve(c.Types, v.NextType())
		if err != nil {
			return data.Null, err
		}
		f := v.Next(t)
		if i == n.num {
			return f, nil
		}
	}
	return data.Null, nil
}

// rowNullTestNode is IS [NOT] NULL of a row: every attribute is (not) null.
type rowNullTestNode struct {
	arg node
	not bool
}

func (n *rowNullTestNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	d, err := n.arg.eval(c, row)
	if err != nil {
		return data.Null, err
	}
	if d.IsNull() {
		return data.Bool(!n.not), nil
	}
	v := types.ReadRecord(d)
	for v.Len() > 0 {
		if v.Next(nil).IsNull() == n.not {
			return data.Bool(false), nil
		}
	}
	return data.Bool(true), nil
}

// rowCompareNode is (a, b) < (c, d): the first pair that differs decides.
type rowCompareNode struct {
	kind  query.RowCompareType
	pairs [][2]node
	cmp   []func(a, b data.Datum) int
}

func (k *Compiler) rowCompare(e *query.RowCompareExpr) (node, error) {
	n := &rowCompareNode{kind: e.Rctype}
	for i := range e.Largs {
		l, err := k.node(e.Largs[i])
		if err != nil {
			return nil, err
		}
		r, err := k.node(e.Rargs[i])
		if err != nil {
			return nil, err
		}
		t, err := k.resolve(e.Largs[i].Type())
		if err != nil {
			return nil, err
		}
		if !t.HasOrder() {
			return nil, pgerr.FeatureNotSupported("row comparison of type " + t.Name)
		}
		n.pairs = append(n.pairs, [2]node{l, r})
		n.cmp = append(n.cmp, t.Compare)
	}
	return n, nil
}

func (n *rowCompareNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	for i, p := range n.pairs {
		a, err := p[0].eval(c, row)
		if err != nil {
			return data.Null, err
		}
		b, err := p[1].eval(c, row)
		if err != nil || a.IsNull() || b.IsNull() {
			return data.Null, err
		}
		s := n.cmp[i](a, b)
		if s != 0 {
			switch n.kind {
			case query.RowCompareLT, query.RowCompareLE:
				return data.Bool(s < 0), nil
			case query.RowCompareGT, query.RowCompareGE:
				return data.Bool(s > 0), nil
			}
			return data.Bool(n.kind == query.RowCompareNE), nil
		}
	}
	return data.Bool(n.kind == query.RowCompareLE || n.kind == query.RowCompareGE || n.kind == query.RowCompareEQ), nil
}
