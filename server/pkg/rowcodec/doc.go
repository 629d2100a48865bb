// Package rowcodec turns keys and rows into bytes and back.
//
// Keys sort bytewise as their values sort. A key starts with a prefix,
//
//	database u32be | storage id u32be
//
// followed for a table by its primary key columns or, without one, by an 8-byte
// big-endian row id; for an index by its columns and, unless the entry is unique
// by itself, by the table's row key (what follows the prefix in the table's key).
// A storage id names one physical table or index; TRUNCATE and rewrites take a new one.
//
// Each key column is a marker byte (0 null sorting first, 1 value, 2 null sorting
// last) and the value's order-preserving bytes, inverted for a descending column.
// Values that compare equal have equal key bytes. The reverse does not hold for all
// types (numeric 1.0 and 1.00): KeyExact tells. Rows hold every column, so only a
// reader that wants values from a key alone must ask.
//
// Rows are versioned bytes; see row.go. Reading a column costs no scan over the
// others and no allocation: Bytes and Fixed16 values borrow the row's memory.
//
// Every decoder returns an error with SQLSTATE XX001 for bytes it did not write and
// never reads outside them.
package rowcodec

import "github.com/pgzdb/pgz/server/pkg/pgerr"

func corrupt(what string) error {
	return pgerr.Newf(pgerr.DataCorrupted, "%s is corrupted", what)
}
