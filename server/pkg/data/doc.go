// Package data holds the shapes values have while they move through the
// server: a Datum (one value), a Vec (one column of up to a batch of rows), a
// Batch (several columns), arenas that own the bytes values point at, and the
// accounts their memory is charged to.
//
// It knows shapes without meaning: which bytes make a numeric, how two texts
// compare, how a date prints is pkg/types' business. Every SQL type maps to
// one of five physical kinds:
//
//	Bool     bool
//	Int64    int2 int4 int8 oid xid reg* date time timestamp timestamptz
//	Float64  float4 float8
//	Fixed16  uuid interval
//	Bytes    text varchar bpchar name "char" bytea numeric arrays records ...
//
// No value is ever boxed in an interface. A Datum whose kind is Bytes or
// Fixed16 borrows memory: the code that creates it says how long it lives
// (usually until the arena is reset, or until the next batch), and whoever
// keeps it longer copies it with Arena.Copy or Row.CopyTo.
//
// The package returns no errors but ErrOutOfMemory from accounts, and panics
// only on misuse by code (a kind that does not match).
package data
