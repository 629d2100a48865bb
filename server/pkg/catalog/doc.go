// Package catalog is pg_catalog: the descriptors other rooms plan and execute with, the static image of
// PostgreSQL's own rows, the cache that keeps descriptors current, and the writers that DDL uses.
//
// The catalog relations are ordinary tables. Their rows are the static image (read-only, inside the binary, the
// same for every database) merged with what storage holds: rows of user objects and explicit differences from the
// image. WithImage gives any reader that merged sight, so the executor reads pg_class like any other table.
//
// Descriptors (Table, Index, Proc, Operator, ...) are immutable once handed out and may be kept as long as their
// user likes; a newer catalog makes new descriptors. They are found through a View, which also writes down what was
// looked up (Deps), so that a cached plan can tell whether it still holds.
//
// The package never parses SQL and never evaluates an expression: stored expressions are opaque bytes here
// (the codec is in package query). Absence is never an error: lookups return nil. Errors come from storage only.
package catalog
