package query

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/data"
)

// Class is the catalog an object identifier belongs to, given as the OID of that catalog.
type Class uint32

// Catalogs that trees refer to.
const (
	ClassType       Class = 1247
	ClassProc       Class = 1255
	ClassRelation   Class = 1259
	ClassConstraint Class = 2606
	ClassOpclass    Class = 2616
	ClassOperator   Class = 2617
	ClassOpfamily   Class = 2753
	ClassCollation  Class = 3456
)

// visitor is what a node's fields method calls, once per field and always in the same order. The
// pointers allow a decoder to fill the node. Locations have a call of their own because equality
// and stored trees ignore them.
type visitor interface {
	oid(c Class, p *uint32)
	oids(c Class, p *[]uint32)
	i8(p *uint8)
	i16(p *int16)
	i32(p *int32)
	num(p *int)
	u32(p *uint32)
	boolean(p *bool)
	str(p *string)
	strs(p *[]string)
	i16s(p *[]int16)
	i32s(p *[]int32)
	nums(p *[]int)
	words(p *[]uint64)
	datum(p *data.Datum)
	loc(p *int32)
	astNode(p *ast.Node)

	expr(p *Expr)
	exprs(p *[]Expr)
	exprLists(p *[][]Expr)
	// child is a non-Expr node held by pointer; present tells whether there is one (a decoder sets
	// it), make allocates it, f lists its fields.
	child(present bool, make func(), f func(v visitor))
	// list is a slice of non-Expr nodes: n is its length, resize sets it (with fresh members), at
	// lists the fields of member i.
	list(n int, resize func(n int), at func(i int, v visitor))
	subquery(p **Query)
	joinNode(p *JoinNode)
	setOpNode(p *SetOpNode)
}

// child, list and enum adapt the generic shapes of nodes to visitor's calls.

type fielder interface{ fields(v visitor) }

func visitChild[T any, P interface {
	*T
	fielder
}](v visitor, p *P) {
	v.child(*p != nil, func() { *p = new(T) }, func(v visitor) {
		if owner, ok := v.(copier); ok {
			c := *(*T)(*p)
			*p = &c
			owner.copied()
		}
		(*p).fields(v)
	})
}

func visitList[T any, P interface {
	*T
	fielder
}](v visitor, s *[]P) {
	if owner, ok := v.(copier); ok && len(*s) > 0 {
		*s = append([]P(nil), *s...)
		owner.copied()
	}
	v.list(len(*s), func(n int) {
		*s = make([]P, n)
		for i := range *s {
			(*s)[i] = new(T)
		}
	}, func(i int, v visitor) {
		if owner, ok := v.(copier); ok {
			c := *(*T)((*s)[i])
			(*s)[i] = &c
			owner.copied()
		}
		(*s)[i].fields(v)
	})
}

func visitEnum[T ~uint8](v visitor, p *T) {
	b := uint8(*p)
	v.i8(&b)
	*p = T(b)
}

// copier is a visitor that changes what it visits and so wants children copied before their fields
// are visited.
type copier interface{ copied() }

// nopVisitor ignores every scalar field; visitors embed it and override what they care about.
type nopVisitor struct{}

func (nopVisitor) oid(Class, *uint32)    {}
func (nopVisitor) oids(Class, *[]uint32) {}
func (nopVisitor) i8(*uint8)             {}
func (nopVisitor) i16(*int16)            {}
func (nopVisitor) i32(*int32)            {}
func (nopVisitor) num(*int)              {}
func (nopVisitor) u32(*uint32)           {}
func (nopVisitor) boolean(*bool)         {}
func (nopVisitor) str(*string)           {}
func (nopVisitor) strs(*[]string)        {}
func (nopVisitor) i16s(*[]int16)         {}
func (nopVisitor) i32s(*[]int32)         {}
func (nopVisitor) nums(*[]int)           {}
func (nopVisitor) words(*[]uint64)       {}
func (nopVisitor) datum(*data.Datum)     {}
func (nopVisitor) loc(*int32)            {}
func (nopVisitor) astNode(*ast.Node)     {}
