// Package query holds resolved query trees: what a statement means once every name has become an
// object identifier and every expression has a type. The nodes carry PostgreSQL 15's names and
// meaning (primnodes.h, parsenodes.h after analysis), as plain Go structs.
//
// The package promises
//   - a type, typmod, collation and source location for every expression, without a catalog;
//   - walkers and mutators that reach every child (walk.go, mutate.go);
//   - a versioned binary form of expressions and whole queries, so that defaults, checks, index
//     expressions and views can be stored and survive RENAME and search_path changes (codec.go);
//   - the list of objects a tree depends on (depend.go), and structural equality that ignores
//     source locations (equal.go).
//
// A node lists its fields once, in its fields method (fields.go and its neighbours); the codec, the
// walkers, equality and the dependency collector are all visitors of that list.
//
// Trees are immutable once analysis has finished: a mutator copies what it changes. Decoding bytes
// that are not a tree returns an error with SQLSTATE XX001; nothing here panics on stored input.
package query
