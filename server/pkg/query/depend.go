package query

import (
	"cmp"
	"slices"
)

// Dependency is one object a tree refers to, in the terms of pg_depend. Sub is a column number of a
// relation, 0 for the object as a whole.
type Dependency struct {
	Class Class
	OID   uint32
	Sub   int16
}

// firstUserOID is the first object identifier that can be dropped; everything below is part of the
// image and gets no pg_depend row.
const firstUserOID = 16384

// Dependencies lists what e refers to, sorted and without duplicates; built-in objects are left
// out. rtable resolves the Varno of e's own level (nil if e has no Vars).
func Dependencies(e Expr, rtable []*RangeTblEntry) []Dependency {
	c := collector{rtables: [][]*RangeTblEntry{rtable}}
	c.expr(&e)
	return c.result()
}

// QueryDependencies lists what q refers to.
func QueryDependencies(q *Query) []Dependency {
	c := collector{}
	c.subquery(&q)
	return c.result()
}

// RelationDependencies is Dependencies for an expression over one table (a default, check or index
// expression), whose Varno is 1.
func RelationDependencies(e Expr, relid uint32) []Dependency {
	return Dependencies(e, []*RangeTblEntry{{Rtekind: RTERelation, Relid: relid}})
}

// collector is the visitor that gathers dependencies. rtables is a stack, innermost last.
type collector struct {
	nopVisitor
	rtables [][]*RangeTblEntry
	found   []Dependency
}

func (c *collector) add(class Class, oid uint32, sub int16) {
	if oid >= firstUserOID {
		c.found = append(c.found, Dependency{class, oid, sub})
	}
}

func (c *collector) result() []Dependency {
	slices.SortFunc(c.found, func(a, b Dependency) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.OID, b.OID), cmp.Compare(a.Sub, b.Sub))
	})
	return slices.Compact(c.found)
}

func (c *collector) oid(class Class, p *uint32) { c.add(class, *p, 0) }

func (c *collector) oids(class Class, p *[]uint32) {
	for _, o := range *p {
		c.add(class, o, 0)
	}
}

func (c *collector) expr(p *Expr) {
	if *p == nil {
		return
	}
	if v, ok := (*p).(*Var); ok {
		c.column(v)
		return
	}
	(*p).fields(c)
}

// column records the table column behind a Var. A Var of a join is followed to what it stands for;
// one of a subquery depends through the subquery's own tree.
func (c *collector) column(v *Var) {
	depth := len(c.rtables) - 1 - v.Varlevelsup
	if depth < 0 || v.Varno < 1 || v.Varno > len(c.rtables[depth]) {
		return
	}
	rte := c.rtables[depth][v.Varno-1]
	switch rte.Rtekind {
	case RTERelation:
		c.add(ClassRelation, rte.Relid, v.Varattno)
	case RTEJoin:
		if v.Varattno > 0 && int(v.Varattno) <= len(rte.Joinaliasvars) {
			saved := c.rtables
			c.rtables = c.rtables[:depth+1]
			c.expr(&rte.Joinaliasvars[v.Varattno-1])
			c.rtables = saved
		}
	}
}

func (c *collector) exprs(p *[]Expr) {
	for i := range *p {
		c.expr(&(*p)[i])
	}
}

func (c *collector) exprLists(p *[][]Expr) {
	for i := range *p {
		c.exprs(&(*p)[i])
	}
}

func (c *collector) child(present bool, _ func(), f func(visitor)) {
	if present {
		f(c)
	}
}

func (c *collector) list(n int, _ func(int), at func(int, visitor)) {
	for i := 0; i < n; i++ {
		at(i, c)
	}
}

func (c *collector) subquery(p **Query) {
	if *p == nil {
		return
	}
	c.rtables = append(c.rtables, (*p).RTable)
	(*p).fields(c)
	c.rtables = c.rtables[:len(c.rtables)-1]
}

func (c *collector) joinNode(p *JoinNode) {
	if n, ok := (*p).(fielder); ok {
		n.fields(c)
	}
}

func (c *collector) setOpNode(p *SetOpNode) {
	if n, ok := (*p).(fielder); ok {
		n.fields(c)
	}
}
