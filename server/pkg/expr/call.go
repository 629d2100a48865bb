package expr

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// funcNode calls a registered function. buf is reused from call to call.
type funcNode struct {
	fn     Func
	args   []node
	buf    []data.Datum
	strict bool
	site   Call
}

func (n *funcNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	null := false
	for i, a := range n.args {
		d, err := a.eval(c, row)
		if err != nil {
			return data.Null, err
		}
		null = null || d.IsNull()
		n.buf[i] = d
	}
	if null && n.strict {
		return data.Null, nil
	}
	c.Call = &n.site
	return n.fn(c, n.buf)
}

// func2Node is funcNode for the commonest case, strict with two arguments.
type func2Node struct {
	fn   Func
	a, b node
	buf  [2]data.Datum
	site Call
}

func (n *func2Node) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	a, err := n.a.eval(c, row)
	if err != nil {
		return data.Null, err
	}
	b, err := n.b.eval(c, row)
	if err != nil {
		return data.Null, err
	}
	if a.IsNull() || b.IsNull() {
		return data.Null, nil
	}
	n.buf = [2]data.Datum{a, b}
	c.Call = &n.site
	return n.fn(c, n.buf[:])
}

// callerNode calls a function that is not native through Ctx.Caller.
type callerNode struct {
	oid  uint32
	args []node
}

func (n *callerNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	if c.Caller == nil {
		return data.Null, notRegistered(n.oid)
	}
	buf := make([]data.Datum, len(n.args))
	for i, a := range n.args {
		d, err := a.eval(c, row)
		if err != nil {
			return data.Null, err
		}
		buf[i] = d
	}
	return c.Caller.CallFunction(c, n.oid, buf)
}

// call compiles a call of pg_proc OID oid.
func (k *Compiler) call(oid, result, collation uint32, args []query.Expr, variadic bool) (node, error) {
	ns, err := k.nodes(args)
	if err != nil {
		return nil, err
	}
	p := Lookup(oid)
	if p == nil {
		if oid < FirstUserOID {
			return nil, notRegistered(oid)
		}
		k.volatile = true
		return &callerNode{oid, ns}, nil
	}
	return k.callNodes(p, result, collation, args, ns, variadic), nil
}

// FirstUserOID is the first OID of objects that users create.
const FirstUserOID = 16384

func (k *Compiler) callNodes(p *Proc, result, collation uint32, args []query.Expr, ns []node, variadic bool) node {
	if p.Volatility == Volatile {
		k.volatile = true
	}
	site := Call{OID: p.OID, Result: result, Typmod: -1, Collation: collation, Variadic: variadic}
	for _, a := range args {
		site.ArgTypes = append(site.ArgTypes, a.Type())
	}
	if len(ns) == 2 && !p.NonStrict {
		if cmp, ok := intCompares[p.OID]; ok {
			return &intCompareNode{cmp, ns[0], ns[1]}
		}
		return &func2Node{fn: p.Fn, a: ns[0], b: ns[1], site: site}
	}
	return &funcNode{fn: p.Fn, args: ns, buf: make([]data.Datum, len(ns)), strict: !p.NonStrict, site: site}
}

func (k *Compiler) op(e *query.OpExpr) (node, error) {
	if len(e.Args) == 2 {
		if cmp, ok := intCompares[e.Opfuncid]; ok {
			ns, err := k.nodes(e.Args)
			if err != nil {
				return nil, err
			}
			return &intCompareNode{cmp, ns[0], ns[1]}, nil
		}
	}
	return k.call(e.Opfuncid, e.Opresulttype, e.Inputcollid, e.Args, false)
}

// compareOp is a comparison of two integers.
type compareOp uint8

const (
	cmpEQ compareOp = iota
	cmpNE
	cmpLT
	cmpLE
	cmpGT
	cmpGE
)

// intCompares are the comparison functions of the integer types (int2, int4, int8 and
// their mixtures, oid, "date" and the timestamps): all compare the same physical form.
var intCompares = map[uint32]compareOp{
	63: cmpEQ, 145: cmpNE, 64: cmpLT, 148: cmpLE, 146: cmpGT, 151: cmpGE, // int2
	65: cmpEQ, 144: cmpNE, 66: cmpLT, 149: cmpLE, 147: cmpGT, 150: cmpGE, // int4
	467: cmpEQ, 468: cmpNE, 469: cmpLT, 471: cmpLE, 470: cmpGT, 472: cmpGE, // int8
	158: cmpEQ, 164: cmpNE, 160: cmpLT, 166: cmpLE, 162: cmpGT, 168: cmpGE, // int24
	159: cmpEQ, 165: cmpNE, 161: cmpLT, 167: cmpLE, 163: cmpGT, 169: cmpGE, // int42
	852: cmpEQ, 853: cmpNE, 854: cmpLT, 856: cmpLE, 855: cmpGT, 857: cmpGE, // int48
	474: cmpEQ, 475: cmpNE, 476: cmpLT, 478: cmpLE, 477: cmpGT, 479: cmpGE, // int84
	1850: cmpEQ, 1851: cmpNE, 1852: cmpLT, 1854: cmpLE, 1853: cmpGT, 1855: cmpGE, // int28
	1856: cmpEQ, 1857: cmpNE, 1858: cmpLT, 1860: cmpLE, 1859: cmpGT, 1861: cmpGE, // int82
	184: cmpEQ, 185: cmpNE, 716: cmpLT, 717: cmpLE, 1638: cmpGT, 1639: cmpGE, // oid
	1086: cmpEQ, 1091: cmpNE, 1087: cmpLT, 1088: cmpLE, 1089: cmpGT, 1090: cmpGE, // date
	2052: cmpEQ, 2053: cmpNE, 2054: cmpLT, 2055: cmpLE, 2057: cmpGT, 2056: cmpGE, // timestamp
	1152: cmpEQ, 1153: cmpNE, 1154: cmpLT, 1155: cmpLE, 1157: cmpGT, 1156: cmpGE, // timestamptz
}

// holds applies op to a and b.
func (op compareOp) holds(a, b int64) bool {
	switch op {
	case cmpEQ:
		return a == b
	case cmpNE:
		return a != b
	case cmpLT:
		return a < b
	case cmpLE:
		return a <= b
	case cmpGT:
		return a > b
	}
	return a >= b
}

// intCompareNode compares integers in place of a function call.
type intCompareNode struct {
	op   compareOp
	a, b node
}

func (n *intCompareNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	a, err := n.a.eval(c, row)
	if err != nil {
		return data.Null, err
	}
	b, err := n.b.eval(c, row)
	if err != nil || a.IsNull() || b.IsNull() {
		return data.Null, err
	}
	return data.Bool(n.op.holds(a.Int(), b.Int())), nil
}

// distinctNode is IS DISTINCT FROM: nulls are equal to each other.
type distinctNode struct {
	a, b node
	eq   *Proc
	buf  [2]data.Datum
	site Call
}

func (k *Compiler) distinct(e *query.DistinctExpr) (node, error) {
	ns, err := k.nodes(e.Args)
	if err != nil {
		return nil, err
	}
	p := Lookup(e.Opfuncid)
	if p == nil {
		return nil, notRegistered(e.Opfuncid)
	}
	return &distinctNode{a: ns[0], b: ns[1], eq: p, site: opSite(&e.OpExpr)}, nil
}

func opSite(e *query.OpExpr) Call {
	s := Call{OID: e.Opfuncid, Result: e.Opresulttype, Typmod: -1, Collation: e.Inputcollid}
	for _, a := range e.Args {
		s.ArgTypes = append(s.ArgTypes, a.Type())
	}
	return s
}

func (n *distinctNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	a, err := n.a.eval(c, row)
	if err != nil {
		return data.Null, err
	}
	b, err := n.b.eval(c, row)
	if err != nil {
		return data.Null, err
	}
	if a.IsNull() || b.IsNull() {
		return data.Bool(a.IsNull() != b.IsNull()), nil
	}
	n.buf = [2]data.Datum{a, b}
	c.Call = &n.site
	d, err := n.eq.Fn(c, n.buf[:])
	if err != nil {
		return data.Null, err
	}
	return data.Bool(!d.Bool()), nil
}

// nullIfNode is NULLIF(a, b).
type nullIfNode struct{ distinctNode }

func (k *Compiler) nullIf(e *query.NullIfExpr) (node, error) {
	n, err := k.distinct(&query.DistinctExpr{OpExpr: e.OpExpr})
	if err != nil {
		return nil, err
	}
	return &nullIfNode{*n.(*distinctNode)}, nil
}

func (n *nullIfNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	a, err := n.a.eval(c, row)
	if err != nil {
		return data.Null, err
	}
	b, err := n.b.eval(c, row)
	if err != nil || a.IsNull() || b.IsNull() {
		return a, err
	}
	n.buf = [2]data.Datum{a, b}
	c.Call = &n.site
	eq, err := n.eq.Fn(c, n.buf[:])
	if err != nil {
		return data.Null, err
	}
	if !eq.IsNull() && eq.Bool() {
		return data.Null, nil
	}
	return a, nil
}
