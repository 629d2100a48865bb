package expr

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func (k *Compiler) boolean(e *query.BoolExpr) (node, error) {
	args, err := k.nodes(e.Args)
	if err != nil {
		return nil, err
	}
	switch e.Boolop {
	case query.AndExpr:
		return &andNode{args}, nil
	case query.OrExpr:
		return &orNode{args}, nil
	}
	return &notNode{args[0]}, nil
}

// andNode stops at the first false; a null makes the result null unless a false follows.
type andNode struct{ args []node }

func (n *andNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	null := false
	for _, a := range n.args {
		d, err := a.eval(c, row)
		if err != nil {
			return data.Null, err
		}
		if d.IsNull() {
			null = true
		} else if !d.Bool() {
			return d, nil
		}
	}
	if null {
		return data.Null, nil
	}
	return data.Bool(true), nil
}

// orNode stops at the first true.
type orNode struct{ args []node }

func (n *orNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	null := false
	for _, a := range n.args {
		d, err := a.eval(c, row)
		if err != nil {
			return data.Null, err
		}
		if d.IsNull() {
			null = true
		} else if d.Bool() {
			return d, nil
		}
	}
	if null {
		return data.Null, nil
	}
	return data.Bool(false), nil
}

type notNode struct{ arg node }

func (n *notNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	d, err := n.arg.eval(c, row)
	if err != nil || d.IsNull() {
		return data.Null, err
	}
	return data.Bool(!d.Bool()), nil
}

// caseNode is both forms of CASE; with arg, the value under test is in cell.
type caseNode struct {
	arg   node
	cell  *data.Datum
	conds []node
	vals  []node
	def   node
}

func (k *Compiler) caseExpr(e *query.CaseExpr) (node, error) {
	n := &caseNode{}
	var err error
	if e.Arg != nil {
		if n.arg, err = k.node(e.Arg); err != nil {
			return nil, err
		}
		n.cell = new(data.Datum)
		k.tests = append(k.tests, n.cell)
		defer func() { k.tests = k.tests[:len(k.tests)-1] }()
	}
	for _, w := range e.Args {
		cond, err := k.node(w.Expr)
		if err != nil {
			return nil, err
		}
		val, err := k.node(w.Result)
		if err != nil {
			return nil, err
		}
		n.conds = append(n.conds, cond)
		n.vals = append(n.vals, val)
	}
	if e.Defresult == nil {
		n.def = &constNode{}
		return n, nil
	}
	n.def, err = k.node(e.Defresult)
	return n, err
}

func (n *caseNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	if n.arg != nil {
		d, err := n.arg.eval(c, row)
		if err != nil {
			return data.Null, err
		}
		*n.cell = d
	}
	for i, cond := range n.conds {
		d, err := cond.eval(c, row)
		if err != nil {
			return data.Null, err
		}
		if !d.IsNull() && d.Bool() {
			return n.vals[i].eval(c, row)
		}
	}
	return n.def.eval(c, row)
}

// coalesceNode returns the first value that is not null.
type coalesceNode struct{ args []node }

func (n *coalesceNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	for _, a := range n.args {
		d, err := a.eval(c, row)
		if err != nil || !d.IsNull() {
			return d, err
		}
	}
	return data.Null, nil
}

// nullTestNode is IS [NOT] NULL of a scalar.
type nullTestNode struct {
	arg node
	not bool
}

func (k *Compiler) nullTest(e *query.NullTest) (node, error) {
	arg, err := k.node(e.Arg)
	if err != nil {
		return nil, err
	}
	not := e.Nulltesttype == query.IsNotNull
	if e.Argisrow {
		return &rowNullTestNode{arg, not}, nil
	}
	return &nullTestNode{arg, not}, nil
}

func (n *nullTestNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	d, err := n.arg.eval(c, row)
	if err != nil {
		return data.Null, err
	}
	return data.Bool(d.IsNull() != n.not), nil
}

// boolTestNode is IS [NOT] TRUE, FALSE, UNKNOWN.
type boolTestNode struct {
	arg  node
	test query.BoolTestType
}

func (n *boolTestNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	d, err := n.arg.eval(c, row)
	if err != nil {
		return data.Null, err
	}
	known := !d.IsNull()
	var r bool
	switch n.test {
	case query.IsTrue:
		r = known && d.Bool()
	case query.IsNotTrue:
		r = !known || !d.Bool()
	case query.IsFalse:
		r = known && !d.Bool()
	case query.IsNotFalse:
		r = !known || d.Bool()
	case query.IsUnknown:
		r = !known
	case query.IsNotUnknown:
		r = known
	}
	return data.Bool(r), nil
}

// minMaxNode is GREATEST and LEAST.
type minMaxNode struct {
	args []node
	typ  *types.Type
	sign int // 1 keeps the greatest
}

func (k *Compiler) minMax(e *query.MinMaxExpr) (node, error) {
	args, err := k.nodes(e.Args)
	if err != nil {
		return nil, err
	}
	t, err := k.resolve(e.Minmaxtype)
	if err != nil {
		return nil, err
	}
	n := &minMaxNode{args, t, 1}
	if e.Op == query.IsLeast {
		n.sign = -1
	}
	return n, nil
}

func (n *minMaxNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	best := data.Null
	for _, a := range n.args {
		d, err := a.eval(c, row)
		if err != nil {
			return data.Null, err
		}
		if !d.IsNull() && (best.IsNull() || n.sign*n.typ.Compare(d, best) > 0) {
			best = d
		}
	}
	return best, nil
}

// viaIONode converts through text.
type viaIONode struct {
	arg      node
	from, to *types.Type
	buf      []byte
}

func (k *Compiler) viaIO(e *query.CoerceViaIO) (node, error) {
	arg, err := k.node(e.Arg)
	if err != nil {
		return nil, err
	}
	from, err := k.resolve(e.Arg.Type())
	if err != nil {
		return nil, err
	}
	to, err := k.resolve(e.Resulttype)
	return &viaIONode{arg: arg, from: from, to: to}, err
}

func (n *viaIONode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	d, err := n.arg.eval(c, row)
	if err != nil || d.IsNull() {
		return data.Null, err
	}
	n.buf = n.from.Out(c.Types, n.buf[:0], d)
	return n.to.In(c.Types, string(n.buf), -1)
}
