package expr

import (
	"fmt"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// Compiler turns query expressions into Compiled ones. One Compiler serves one
// row layout; expressions compiled by it may be evaluated in any order.
type Compiler struct {
	// Types resolves types made by DDL; nil knows the built-in ones.
	Types *types.Ctx
	// Slot says where the value of e is found in the row, if it is there. It is
	// asked for every node before the node is compiled, so that group keys and
	// aggregates computed below are recognised.
	Slot func(e query.Expr) (slot int, ok bool)
	// Subplan says how a SubLink runs. Nil: subqueries are 0A000.
	Subplan func(s *query.SubLink) (SubplanRef, error)
	// Domain describes the constraints of a domain. Nil: none are checked.
	Domain func(oid uint32) (Domain, error)

	slots    []int
	volatile bool
	tests    []*data.Datum // values of enclosing CASEs, innermost last
	sublink  []*[]data.Datum
	domains  []*data.Datum
}

// SubplanRef is a subplan as an expression calls it.
type SubplanRef struct {
	ID     int            // index into Ctx.Subplans
	Params []SubplanParam // stored into Ctx.Exec before each call
	// HashLeft, when set on ANY, are the left sides of equalities with the
	// subplan's columns in order: Subplan.Contains may answer.
	HashLeft []query.Expr
}

// SubplanParam is an outer value a correlated subplan reads.
type SubplanParam struct {
	ID   int // index into Ctx.Exec
	Expr query.Expr
}

// Domain is what CoerceToDomain checks.
type Domain struct {
	Name    string
	NotNull bool
	Checks  []DomainCheck
}

// DomainCheck is one named constraint; VALUE is a CoerceToDomainValue.
type DomainCheck struct {
	Name string
	Expr query.Expr
}

// node is a compiled expression.
type node interface {
	eval(c *Ctx, row []data.Datum) (data.Datum, error)
}

// Compiled is an expression ready to run.
type Compiled struct {
	root     node
	typ      uint32
	typmod   int32
	slots    []int
	volatile bool
}

// Compile compiles e. The Slots of the result are in ascending order.
func (k *Compiler) Compile(e query.Expr) (*Compiled, error) {
	k.slots, k.volatile = nil, false
	n, err := k.node(e)
	if err != nil {
		return nil, err
	}
	return &Compiled{root: n, typ: e.Type(), typmod: e.Typmod(), slots: k.slots, volatile: k.volatile}, nil
}

// Type is the OID of the result type.
func (e *Compiled) Type() uint32 { return e.typ }

// Typmod is the type modifier of the result.
func (e *Compiled) Typmod() int32 { return e.typmod }

// Slots lists the places of the row that are read.
func (e *Compiled) Slots() []int { return e.slots }

// Volatile reports whether evaluation must happen exactly once per wanted row.
func (e *Compiled) Volatile() bool { return e.volatile }

// Const returns the value of an expression that is a constant.
func (e *Compiled) Const() (data.Datum, bool) {
	if n, ok := e.root.(*constNode); ok {
		return n.value, true
	}
	return data.Null, false
}

// SlotOnly returns the slot of an expression that only reads one, else -1.
func (e *Compiled) SlotOnly() int {
	if n, ok := e.root.(slotNode); ok {
		return int(n)
	}
	return -1
}

// Eval computes the value over one row. It borrows from row, from constants and
// from c.Arena.
func (e *Compiled) Eval(c *Ctx, row []data.Datum) (data.Datum, error) { return e.root.eval(c, row) }

// True evaluates a condition: null counts as false.
func (e *Compiled) True(c *Ctx, row []data.Datum) (bool, error) {
	d, err := e.root.eval(c, row)
	if err != nil || d.IsNull() {
		return false, err
	}
	return d.Bool(), nil
}

func (k *Compiler) useSlot(s int) {
	for _, have := range k.slots {
		if have == s {
			return
		}
	}
	k.slots = append(k.slots, s)
}

func (k *Compiler) nodes(list []query.Expr) ([]node, error) {
	out := make([]node, len(list))
	for i, e := range list {
		n, err := k.node(e)
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}

// node compiles one expression node; the long tail is in nodeRare.
func (k *Compiler) node(e query.Expr) (node, error) {
	if k.Slot != nil {
		if s, ok := k.Slot(e); ok {
			k.useSlot(s)
			return slotNode(s), nil
		}
	}
	switch e := e.(type) {
	case *query.Var:
		return nil, pgerr.Internal("variable %d.%d (level %d) is not in the row", e.Varno, e.Varattno, e.Varlevelsup)
	case *query.Const:
		return &constNode{value: e.Constvalue}, nil
	case *query.Param:
		return k.param(e)
	case *query.FuncExpr:
		return k.call(e.Funcid, e.Funcresulttype, e.Inputcollid, e.Args, e.Funcvariadic)
	case *query.OpExpr:
		return k.op(e)
	case *query.DistinctExpr:
		return k.distinct(e)
	case *query.NullIfExpr:
		return k.nullIf(e)
	case *query.BoolExpr:
		return k.boolean(e)
	case *query.RelabelType:
		return k.node(e.Arg)
	case *query.CollateExpr:
		return k.node(e.Arg)
	case *query.NamedArgExpr:
		return k.node(e.Arg)
	case *query.CoerceViaIO:
		return k.viaIO(e)
	case *query.CaseExpr:
		return k.caseExpr(e)
	case *query.CaseTestExpr:
		if len(k.tests) == 0 {
			return nil, pgerr.Internal("CaseTestExpr outside of CASE")
		}
		return cellNode{k.tests[len(k.tests)-1]}, nil
	case *query.CoalesceExpr:
		args, err := k.nodes(e.Args)
		return &coalesceNode{args}, err
	case *query.NullTest:
		return k.nullTest(e)
	case *query.BooleanTest:
		arg, err := k.node(e.Arg)
		return &boolTestNode{arg, e.Booltesttype}, err
	case *query.MinMaxExpr:
		return k.minMax(e)
	case *query.SQLValueFunction:
		return k.valueFunction(e)
	case *query.SubLink:
		return k.subLink(e)
	}
	return k.nodeRare(e)
}

func (k *Compiler) nodeRare(e query.Expr) (node, error) {
	switch e := e.(type) {
	case *query.ScalarArrayOpExpr:
		return k.arrayOp(e)
	case *query.ArrayExpr:
		return k.arrayExpr(e)
	case *query.ArrayCoerceExpr:
		return k.arrayCoerce(e)
	case *query.SubscriptingRef:
		return k.subscript(e)
	case *query.RowExpr:
		return k.rowExpr(e)
	case *query.RowCompareExpr:
		return k.rowCompare(e)
	case *query.FieldSelect:
		arg, err := k.node(e.Arg)
		return &fieldNode{arg, int(e.Fieldnum)}, err
	case *query.NextValueExpr:
		k.volatile = true
		return nextValueNode{e.Seqid}, nil
	case *query.CoerceToDomain:
		return k.domain(e)
	case *query.CoerceToDomainValue:
		if len(k.domains) == 0 {
			return nil, pgerr.Internal("VALUE outside of a domain constraint")
		}
		return cellNode{k.domains[len(k.domains)-1]}, nil
	case *query.CurrentOfExpr:
		return nil, pgerr.FeatureNotSupported("WHERE CURRENT OF")
	case *query.Aggref, *query.WindowFunc, *query.GroupingFunc:
		return nil, pgerr.Internal("%T is not computed below this expression", e)
	}
	return nil, pgerr.FeatureNotSupported(fmt.Sprintf("expression node %T", e))
}

func (k *Compiler) param(e *query.Param) (node, error) {
	switch e.Paramkind {
	case query.ParamExtern:
		return paramNode(e.Paramid - 1), nil
	case query.ParamExec:
		return execNode(e.Paramid), nil
	case query.ParamSublink:
		if len(k.sublink) == 0 {
			return nil, pgerr.Internal("sublink parameter outside of a sublink's test")
		}
		return sublinkParam{k.sublink[len(k.sublink)-1], e.Paramid - 1}, nil
	}
	return nil, pgerr.FeatureNotSupported("UPDATE SET of several columns from one subquery")
}

// resolve finds a type by OID.
func (k *Compiler) resolve(oid uint32) (*types.Type, error) {
	return types.Resolve(k.Types, oid)
}

// SlotRef is an expression that reads one place of the row.
func SlotRef(slot int) *Compiled {
	return &Compiled{root: slotNode(slot), typmod: -1, slots: []int{slot}}
}
