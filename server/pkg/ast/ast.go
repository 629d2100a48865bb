// Package ast is PostgreSQL's raw parse tree as plain Go structs: node, field
// and enum names are PostgreSQL's own, so whoever knows parsenodes.h knows this
// package. The structs are generated (parser/internal/gen); nothing but data
// and the three methods of Node is here.
//
// Locations are 0-based byte offsets into the text given to parser.Parse, -1
// (or 0 where a node cannot begin a text) when unknown; errors carry them with
// pgerr.Error.AtByte. A missing string is "", a missing node nil, and a list
// may hold nil (DISTINCT without ON is a list of one nil). Enum values are
// PostgreSQL's. Trees are read-only once parsed: they are shared by plan caches.
package ast

// Node is any node of the tree; dynamic types are pointers to the structs here.
type Node interface {
	// Tag is PostgreSQL's name of the node type.
	Tag() string
	// Pos is the node's location, -1 for a type without one.
	Pos() int32
	// Children calls f for each node right below, in field order.
	Children(f func(Node))
}

// Walk calls f for n and, while f answers true, for everything below it.
// A nil node is not visited.
func Walk(n Node, f func(Node) bool) {
	if n == nil || !f(n) {
		return
	}
	n.Children(func(c Node) { Walk(c, f) })
}

// Strings returns the values of a list of *String, as in a dotted name; nodes
// of another type (A_Star) are left out.
func Strings(list []Node) []string {
	out := make([]string, 0, len(list))
	for _, n := range list {
		if s, ok := n.(*String); ok {
			out = append(out, s.Sval)
		}
	}
	return out
}
