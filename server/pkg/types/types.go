// Package types gives meaning to data.Datum: every SQL type's text and binary
// form, order, hash and type modifier, one file per type family.
//
// A Type is immutable and shared. Built-in types are found with Get by the OID
// PostgreSQL gives them; types made by DDL are built with NewArray, NewComposite
// and are reached through Ctx.Lookup. All value functions are safe
// for concurrent use as long as each goroutine has its own Ctx.
//
// Physical form of a value (data.Kind) by type:
//
//	Bool     bool
//	Int64    int2 int4 int8 oid reg* xid cid xid8 tid pg_lsn date time timestamp timestamptz
//	Float64  float4 (rounded to float32) float8
//	Fixed16  uuid interval timetz
//	Bytes    everything else
//
// Int64 payloads: oid, xid, cid and reg* hold 0..2^32-1; xid8 and pg_lsn hold the
// bits of a uint64; tid holds block<<16|offset (48 bits). date counts days and
// timestamps count microseconds since 2000-01-01 (UTC for timestamptz); their
// infinities are the extremes of int32 and int64. time counts microseconds since
// midnight. Bytes payloads of numeric, arrays and records are described in
// numeric.go, array.go and record.go; all other Bytes payloads are the text itself.
//
// Errors a client can cause carry PostgreSQL's SQLSTATE and text. A type whose
// text or binary form is not there yet answers 0A000.
package types

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// Type describes one SQL type. Fields mirror pg_type.
type Type struct {
	OID       uint32
	Name      string // typname: "int4", "_int4"
	Kind      data.Kind
	Len       int16 // typlen: -1 varlena, -2 cstring
	ByVal     bool
	Align     byte // typalign: c s i d
	TypType   byte // typtype: b c d e p r m
	Category  byte // typcategory
	Preferred bool
	Elem      uint32 // element type of arrays (and of name, int2vector, oidvector, point, ...)
	Array     uint32 // type of arrays of this type, 0 if none
	Delim     byte   // array delimiter
	Collation uint32 // 100 default, 950 C, 0 not collatable
	Storage   byte   // typstorage: p e m x

	fam *family
	// elem is set on true arrays of types made by DDL; built-in element types are
	// found by Elem.
	elem *Type
}

// family is the behaviour shared by the types of one file. A nil member means
// that the operation is not there (0A000 or 42883 at the surface).
type family struct {
	in        func(t *Type, c *Ctx, s string, typmod int32) (data.Datum, error)
	out       func(t *Type, c *Ctx, dst []byte, d data.Datum) []byte
	recv      func(t *Type, c *Ctx, b []byte, typmod int32) (data.Datum, error)
	send      func(t *Type, c *Ctx, dst []byte, d data.Datum) ([]byte, error)
	compare   func(t *Type, a, b data.Datum) int
	hash      func(t *Type, d data.Datum) uint64
	prefix    func(d data.Datum) uint64 // see SortPrefix; nil: 0
	typmodIn  func(t *Type, mods []string) (int32, error)
	typmodOut func(typmod int32) string
}

// DateStyle selects how date and time values are written.
type DateStyle uint8

// Date styles, as the DateStyle setting names them.
const (
	DateISO DateStyle = iota
	DateSQL
	DatePostgres
	DateGerman
)

// DateOrder selects how ambiguous dates are read, and written outside ISO.
type DateOrder uint8

// Date orders, as the DateStyle setting names them.
const (
	OrderMDY DateOrder = iota
	OrderDMY
	OrderYMD
)

// IntervalStyle selects how intervals are written.
type IntervalStyle uint8

// Interval styles, as the IntervalStyle setting names them.
const (
	IntervalPostgres IntervalStyle = iota
	IntervalPostgresVerbose
	IntervalSQLStandard
	IntervalISO8601
)

// In reads the text form. The result is allocated in c.Arena and does not keep s.
// typmod -1 means none.
func (t *Type) In(c *Ctx, s string, typmod int32) (data.Datum, error) {
	if t.fam == nil || t.fam.in == nil {
		return data.Null, t.noInput()
	}
	return t.fam.in(t, c, s, typmod)
}

// Out appends the text form of d, which must not be null.
func (t *Type) Out(c *Ctx, dst []byte, d data.Datum) []byte {
	if t.fam == nil || t.fam.out == nil {
		return append(dst, "???"...)
	}
	return t.fam.out(t, c, dst, d)
}

// Recv reads the binary form. The result is allocated in c.Arena and does not keep b.
func (t *Type) Recv(c *Ctx, b []byte, typmod int32) (data.Datum, error) {
	if t.fam == nil || t.fam.recv == nil {
		return data.Null, pgerr.Newf(pgerr.UndefinedFunction,
			"no binary input function available for type %s", FormatType(c, t.OID, -1))
	}
	return t.fam.recv(t, c, b, typmod)
}

// Send appends the binary form of d, which must not be null.
func (t *Type) Send(c *Ctx, dst []byte, d data.Datum) ([]byte, error) {
	if t.fam == nil || t.fam.send == nil {
		return dst, pgerr.Newf(pgerr.UndefinedFunction,
			"no binary output function available for type %s", FormatType(c, t.OID, -1))
	}
	return t.fam.send(t, c, dst, d)
}

// Compare orders two values that are not null as the type's default btree
// operator class does: -1, 0 or 1. It must not be called when HasOrder is false.
func (t *Type) Compare(a, b data.Datum) int { return t.fam.compare(t, a, b) }

// Equal tells whether Compare would give 0.
func (t *Type) Equal(a, b data.Datum) bool { return t.fam.compare(t, a, b) == 0 }

// SortPrefix maps a value that is not null to a number that orders as Compare does, as
// far as it tells values apart: a smaller number is a smaller value, equal numbers say nothing.
func (t *Type) SortPrefix(d data.Datum) uint64 {
	if t.fam.prefix == nil {
		return 0
	}
	return t.fam.prefix(d)
}

// Hash maps values that compare equal to equal numbers, also across int2, int4
// and int8, across float4 and float8, and across text, varchar and name.
func (t *Type) Hash(d data.Datum) uint64 { return t.fam.hash(t, d) }

// HasOrder tells whether Compare is defined.
func (t *Type) HasOrder() bool {
	if t.fam == nil || t.fam.compare == nil {
		return false
	}
	if t.IsArray() {
		e := t.ElemType()
		return e != nil && e.HasOrder()
	}
	return true
}

// HasHash tells whether Hash is defined.
func (t *Type) HasHash() bool {
	if t.fam == nil || t.fam.hash == nil {
		return false
	}
	if t.IsArray() {
		e := t.ElemType()
		return e != nil && e.HasHash()
	}
	return true
}

// Implemented tells whether values of the type can exist here: it has text input
// and output.
func (t *Type) Implemented() bool { return t.fam != nil && t.fam.in != nil && t.fam.out != nil }

// IsArray tells whether the type is a true array (subscripted with a variable
// number of dimensions), not int2vector, name or point.
func (t *Type) IsArray() bool { return t.fam == arrayFamily }

// IsVector tells whether the type is int2vector or oidvector.
func (t *Type) IsVector() bool { return t.OID == Int2Vector || t.OID == OidVector }

// ElemType is the element type of an array, nil for other types.
func (t *Type) ElemType() *Type {
	if t.elem != nil {
		return t.elem
	}
	if t.Elem == 0 {
		return nil
	}
	return Get(t.Elem)
}

// TypmodIn turns the modifiers of a type name, varchar(10) or numeric(8,2), into
// the type's typmod.
func (t *Type) TypmodIn(mods []string) (int32, error) {
	f := t.fam
	if t.IsArray() {
		if e := t.ElemType(); e != nil {
			return e.TypmodIn(mods)
		}
	}
	if f == nil || f.typmodIn == nil {
		return -1, pgerr.Newf(pgerr.SyntaxError, "type modifier is not allowed for type \"%s\"", t.Name)
	}
	return f.typmodIn(t, mods)
}

// TypmodOut is the reverse, with brackets: "(10)"; "" for none.
func (t *Type) TypmodOut(typmod int32) string {
	if typmod < 0 {
		return ""
	}
	if t.fam == nil || t.fam.typmodOut == nil {
		return "(" + itoa(int64(typmod)) + ")"
	}
	return t.fam.typmodOut(typmod)
}

func (t *Type) noInput() error {
	if t.TypType == 'p' {
		return pgerr.Newf(pgerr.FeatureNotSupportedCode, "cannot accept a value of type %s", t.Name)
	}
	return pgerr.FeatureNotSupported("type " + t.Name)
}

// byOID holds the built-in types; filled by init from builtinTypes, then only read.
var byOID = func() map[uint32]*Type {
	m := make(map[uint32]*Type, len(builtinTypes))
	for i := range builtinTypes {
		m[builtinTypes[i].OID] = &builtinTypes[i]
	}
	return m
}()

// byName finds built-in types by typname.
var byName = func() map[string]*Type {
	m := make(map[string]*Type, len(builtinTypes))
	for i := range builtinTypes {
		m[builtinTypes[i].Name] = &builtinTypes[i]
	}
	return m
}()

// low finds the common small OIDs without hashing.
var low [4096]*Type

// Get finds a built-in type, nil if oid is none.
func Get(oid uint32) *Type {
	if oid < uint32(len(low)) {
		return low[oid]
	}
	return byOID[oid]
}

// ByName finds a built-in type by typname, nil if there is none.
func ByName(name string) *Type { return byName[name] }

// All lists the built-in types in order of OID. The slice must not be changed.
func All() []Type { return builtinTypes[:] }

// Resolve finds a built-in type or, through c.Lookup, one made by DDL.
func Resolve(c *Ctx, oid uint32) (*Type, error) {
	if t := Get(oid); t != nil {
		return t, nil
	}
	if c != nil && c.Lookup != nil {
		t, err := c.Lookup.Type(oid)
		if err != nil {
			return nil, err
		}
		if t != nil {
			return t, nil
		}
	}
	return nil, pgerr.Newf(pgerr.UndefinedObject, "type with OID %d does not exist", oid)
}

// NewArray makes the type of arrays of elem, for types made by DDL.
func NewArray(oid uint32, name string, elem *Type) *Type {
	align := byte('i')
	if elem.Align == 'd' {
		align = 'd'
	}
	return &Type{
		OID: oid, Name: name, Kind: data.KindBytes, Len: -1, Align: align, TypType: 'b',
		Category: 'A', Elem: elem.OID, Delim: ',', Collation: elem.Collation, Storage: 'x',
		fam: arrayFamily, elem: elem,
	}
}

// NewComposite makes a row type; array is the OID of its array type. The fields
// of a value are self-described, those of the type come from Lookup.Fields.
func NewComposite(oid uint32, name string, array uint32) *Type {
	return &Type{
		OID: oid, Name: name, Kind: data.KindBytes, Len: -1, Align: 'd', TypType: 'c',
		Category: 'C', Array: array, Delim: ',', Storage: 'x', fam: recordFamily,
	}
}

// setFamily gives built-in types their behaviour; called from the families' init.
func setFamily(f *family, oids ...uint32) {
	for _, oid := range oids {
		t := byOID[oid]
		t.fam = f
	}
}

func init() {
	for i := range builtinTypes {
		t := &builtinTypes[i]
		if t.OID < uint32(len(low)) {
			low[t.OID] = t
		}
		if t.Category == 'A' && !t.IsVector() || t.OID == RecordArray {
			t.fam = arrayFamily
		}
	}
}
