package data

import (
	"fmt"
	"math"
	"unsafe"
)

// Kind is the physical shape of a value.
type Kind uint8

// The physical kinds. KindNone is the kind of an untyped NULL only.
const (
	KindNone Kind = iota
	KindBool
	KindInt64
	KindFloat64
	KindFixed16
	KindBytes
)

func (k Kind) String() string {
	switch k {
	case KindNone:
		return "none"
	case KindBool:
		return "bool"
	case KindInt64:
		return "int64"
	case KindFloat64:
		return "float64"
	case KindFixed16:
		return "fixed16"
	case KindBytes:
		return "bytes"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Datum is one value of any kind, or NULL. It is 24 bytes, passed by value,
// and borrows the memory of Bytes and Fixed16 values.
//
// The zero Datum is NULL.
type Datum struct {
	ptr  unsafe.Pointer // Bytes: first byte (may be nil if empty); Fixed16: *[16]byte
	bits uint64         // Bool, Int64, Float64: the value; Bytes: the length
	kind Kind
}

// Null is the NULL of every type.
var Null = Datum{}

// Bool returns a boolean value.
func Bool(b bool) Datum {
	var n uint64
	if b {
		n = 1
	}
	return Datum{bits: n, kind: KindBool}
}

// Int returns an integer-shaped value.
func Int(i int64) Datum { return Datum{bits: uint64(i), kind: KindInt64} }

// Float returns a floating point value.
func Float(f float64) Datum { return Datum{bits: math.Float64bits(f), kind: KindFloat64} }

// Bytes returns a value that borrows b. A nil b is the empty value, not NULL.
func Bytes(b []byte) Datum {
	return Datum{ptr: unsafe.Pointer(unsafe.SliceData(b)), bits: uint64(len(b)), kind: KindBytes}
}

// String returns a value that borrows the bytes of s.
func String(s string) Datum {
	return Datum{ptr: unsafe.Pointer(unsafe.StringData(s)), bits: uint64(len(s)), kind: KindBytes}
}

// Fixed16 returns a value that borrows *p.
func Fixed16(p *[16]byte) Datum {
	return Datum{ptr: unsafe.Pointer(p), kind: KindFixed16}
}

// Kind returns the physical kind; KindNone for NULL.
func (d Datum) Kind() Kind { return d.kind }

// IsNull reports whether d is NULL.
func (d Datum) IsNull() bool { return d.kind == KindNone }

// Bool returns the boolean in d, which must be of kind Bool.
func (d Datum) Bool() bool {
	d.must(KindBool)
	return d.bits != 0
}

// Int returns the integer in d, which must be of kind Int64.
func (d Datum) Int() int64 {
	d.must(KindInt64)
	return int64(d.bits)
}

// Float returns the float in d, which must be of kind Float64.
func (d Datum) Float() float64 {
	d.must(KindFloat64)
	return math.Float64frombits(d.bits)
}

// Bytes returns the bytes of d, borrowed and never to be written to.
func (d Datum) Bytes() []byte {
	d.must(KindBytes)
	return unsafe.Slice((*byte)(d.ptr), int(d.bits))
}

// Str returns the bytes of d as a string that borrows them: it is valid only
// as long as d is. Use strings.Clone to keep it.
func (d Datum) Str() string {
	d.must(KindBytes)
	return unsafe.String((*byte)(d.ptr), int(d.bits))
}

// Fixed16 returns the 16 bytes of d, borrowed.
func (d Datum) Fixed16() *[16]byte {
	d.must(KindFixed16)
	return (*[16]byte)(d.ptr)
}

// MemSize returns the bytes d borrows beyond its own 24.
func (d Datum) MemSize() int {
	switch d.kind {
	case KindBytes:
		return int(d.bits)
	case KindFixed16:
		return 16
	}
	return 0
}

func (d Datum) must(k Kind) {
	if d.kind != k {
		mismatch(d.kind, k)
	}
}

//go:noinline
func mismatch(have, want Kind) {
	panic(fmt.Sprintf("data: value of kind %s used as %s", have, want))
}

// Row is one row of values.
type Row []Datum

// CopyTo appends deep copies of r's values to dst, their memory owned by a.
func (r Row) CopyTo(dst Row, a *Arena) Row {
	for _, d := range r {
		dst = append(dst, a.CopyDatum(d))
	}
	return dst
}
