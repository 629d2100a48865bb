package types

import (
	"time"

	"github.com/pgzdb/pgz/server/pkg/data"
)

// Ctx is what reading and writing values depends on besides the value: the
// session's settings, the arena results live in, and the catalog. It belongs to
// one goroutine. The zero value with an Arena works: ISO dates, UTC, no catalog.
type Ctx struct {
	Arena *data.Arena

	DateStyle     DateStyle
	DateOrder     DateOrder
	IntervalStyle IntervalStyle
	// TimeZone is the session's zone; nil means UTC.
	TimeZone *time.Location
	// ExtraFloatDigits as the setting: above 0 gives the shortest exact form.
	// NewCtx sets PostgreSQL's default, 1.
	ExtraFloatDigits int
	// ByteaEscape selects bytea_output = escape.
	ByteaEscape bool

	// TxnTime is the transaction's start in microseconds since 2000-01-01 UTC, what
	// 'now' and 'today' mean. Nil makes these words fail.
	TxnTime func() int64

	Lookup Lookup
}

// NewCtx makes a Ctx with PostgreSQL's default settings.
func NewCtx(arena *data.Arena) *Ctx {
	return &Ctx{Arena: arena, ExtraFloatDigits: 1}
}

// Lookup is what types ask of the catalog. It reads the current newest catalog
// of the statement. The first argument of RegOIDs and RegName says which catalog is
// meant by the OID of the reg type: RegClass is pg_class, RegType is pg_type, and so
// on for RegProc, RegProcedure, RegOper, RegOperator, RegNamespace, RegRole,
// RegCollation, RegConfig, RegDictionary.
type Lookup interface {
	// RegOIDs finds the objects of that name: in the given schema, or with
	// schema "" in the search path, where only visible objects count. Overloaded
	// functions and operators give several. Namespaces and roles have no schema. A
	// schema that does not exist gives 3F000.
	RegOIDs(reg uint32, schema, name string) ([]uint32, error)
	// RegName describes an object; found is false for an OID nobody has.
	RegName(reg uint32, oid uint32) (n RegName, found bool)
	// Type finds a type made by DDL, nil if there is none.
	Type(oid uint32) (*Type, error)
	// Fields lists the columns of a composite type, without dropped ones.
	Fields(oid uint32) ([]Field, error)
}

// RegName is how a catalog object is written.
type RegName struct {
	Schema  string
	Name    string
	Visible bool
	// Args are the argument types of functions and operators (left, right; 0 for a
	// missing side).
	Args []uint32
}

// Field is a column of a composite type.
type Field struct {
	Name   string
	Type   uint32
	Typmod int32
}

// zone is the session's time zone, never nil.
func (c *Ctx) zone() *time.Location {
	if c == nil || c.TimeZone == nil {
		return time.UTC
	}
	return c.TimeZone
}
