package types

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/pgzdb/pgz/server/pkg/data"
)

// MaxArrayDims is the largest number of dimensions.
const MaxArrayDims = 6

// An array's Bytes (also those of int2vector and oidvector) are little-endian:
//
//	dimensions u8 | flags u8 (bit 0: null bitmap) | zero u16 | element type u32
//	length i32, lower bound i32 of each dimension
//	null bitmap, bit set for null, if flagged
//	fixed-width elements: values of that width, zeros where null
//	others: end offset u32 of each value, then the values
//
// Elements are in row-major order. An empty array has no dimensions.
const (
	arrayHeaderLen = 8
	arrayHasNulls  = 1
)

// ArrayView reads an array in place.
type ArrayView struct {
	b     []byte
	n     int
	nulls []byte
	rest  []byte
}

// ReadArray views d as an array.
func ReadArray(d data.Datum) ArrayView {
	b := d.Bytes()
	v := ArrayView{b: b}
	nd := int(b[0])
	if nd > 0 {
		v.n = 1
		for i := range nd {
			v.n *= v.Dim(i)
		}
	}
	rest := b[arrayHeaderLen+8*nd:]
	if b[1]&arrayHasNulls != 0 {
		l := (v.n + 7) / 8
		v.nulls, rest = rest[:l], rest[l:]
	}
	v.rest = rest
	return v
}

// NDims is the number of dimensions, 0 for an empty array.
func (v *ArrayView) NDims() int { return int(v.b[0]) }

// Len is the number of elements in all dimensions.
func (v *ArrayView) Len() int { return v.n }

// ElemOID is the element type.
func (v *ArrayView) ElemOID() uint32 { return binary.LittleEndian.Uint32(v.b[4:]) }

// Dim is the length of dimension i (from 0).
func (v *ArrayView) Dim(i int) int {
	return int(int32(binary.LittleEndian.Uint32(v.b[arrayHeaderLen+8*i:])))
}

// Lower is the lower bound of dimension i (from 0).
func (v *ArrayView) Lower(i int) int {
	return int(int32(binary.LittleEndian.Uint32(v.b[arrayHeaderLen+8*i+4:])))
}

// HasNulls tells whether any element may be null.
func (v *ArrayView) HasNulls() bool { return v.nulls != nil }

// IsNull tells whether element i in row-major order is null.
func (v *ArrayView) IsNull(i int) bool {
	return v.nulls != nil && v.nulls[i>>3]&(1<<(i&7)) != 0
}

// Elem is element i in row-major order, borrowed from the array.
func (v *ArrayView) Elem(elem *Type, i int) data.Datum {
	if v.IsNull(i) {
		return data.Null
	}
	w := elemWidth(elem)
	if w > 0 {
		return loadFixed(elem, w, v.rest[w*i:])
	}
	start := uint32(0)
	if i > 0 {
		start = binary.LittleEndian.Uint32(v.rest[4*i-4:])
	}
	end := binary.LittleEndian.Uint32(v.rest[4*i:])
	return data.Bytes(v.rest[4*v.n:][start:end:end])
}

// Dims gives lengths and lower bounds of all dimensions.
func (v *ArrayView) Dims() (dims, lower []int32) {
	nd := v.NDims()
	both := make([]int32, 2*nd)
	for i := range nd {
		both[i], both[nd+i] = int32(v.Dim(i)), int32(v.Lower(i))
	}
	return both[:nd:nd], both[nd:]
}

// Elems appends all elements in row-major order to dst, borrowed from the array.
func (v *ArrayView) Elems(elem *Type, dst []data.Datum) []data.Datum {
	for i := range v.n {
		dst = append(dst, v.Elem(elem, i))
	}
	return dst
}

// elemWidth is the stored width of an element, 0 if variable.
func elemWidth(t *Type) int {
	switch t.Kind {
	case data.KindBool:
		return 1
	case data.KindFloat64:
		return int(t.Len)
	case data.KindFixed16:
		return 16
	case data.KindInt64:
		if t.Len == 2 || t.Len == 4 {
			return int(t.Len)
		}
		return 8
	}
	if t.OID == Char {
		return 1
	}
	return 0
}

// signed32 tells whether a 4-byte integer type is signed.
func (t *Type) signed32() bool { return t.OID == Int4 || t.OID == Date }

func loadFixed(t *Type, w int, b []byte) data.Datum {
	switch t.Kind {
	case data.KindBool:
		return data.Bool(b[0] != 0)
	case data.KindFloat64:
		if w == 4 {
			return data.Float(float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
		}
		return data.Float(math.Float64frombits(binary.LittleEndian.Uint64(b)))
	case data.KindFixed16:
		return data.Fixed16((*[16]byte)(unsafe.Pointer(unsafe.SliceData(b[:16]))))
	case data.KindInt64:
		switch {
		case w == 2:
			return data.Int(int64(int16(binary.LittleEndian.Uint16(b))))
		case w == 8:
			return data.Int(int64(binary.LittleEndian.Uint64(b)))
		case t.signed32():
			return data.Int(int64(int32(binary.LittleEndian.Uint32(b))))
		}
		return data.Int(int64(binary.LittleEndian.Uint32(b)))
	}
	return data.Bytes(b[:1:1])
}

func storeFixed(w int, b []byte, d data.Datum) {
	switch d.Kind() {
	case data.KindBool:
		if d.Bool() {
			b[0] = 1
		} else {
			b[0] = 0
		}
	case data.KindFloat64:
		if w == 4 {
			binary.LittleEndian.PutUint32(b, math.Float32bits(float32(d.Float())))
		} else {
			binary.LittleEndian.PutUint64(b, math.Float64bits(d.Float()))
		}
	case data.KindFixed16:
		copy(b[:16], d.Fixed16()[:])
	case data.KindInt64:
		switch w {
		case 2:
			binary.LittleEndian.PutUint16(b, uint16(d.Int()))
		case 4:
			binary.LittleEndian.PutUint32(b, uint32(d.Int()))
		default:
			binary.LittleEndian.PutUint64(b, uint64(d.Int()))
		}
	default:
		b[0] = 0
		if s := d.Bytes(); len(s) > 0 {
			b[0] = s[0]
		}
	}
}

// BuildArray makes an array of the given lengths and lower bounds from its elements
// in row-major order. Without elements the result has no dimensions.
func BuildArray(a *data.Arena, elem *Type, vals []data.Datum, dims, lower []int32) data.Datum {
	if len(vals) == 0 {
		return EmptyArray(a, elem)
	}
	return buildArray(a, elem, vals, dims, lower)
}

// MakeArray makes a one-dimensional array with lower bound 1.
func MakeArray(a *data.Arena, elem *Type, vals []data.Datum) data.Datum {
	return BuildArray(a, elem, vals, []int32{int32(len(vals))}, []int32{1})
}

// EmptyArray makes an array without elements.
func EmptyArray(a *data.Arena, elem *Type) data.Datum { return buildArray(a, elem, nil, nil, nil) }

// BuildVector makes an int2vector or oidvector (elem Int2 or Oid): one dimension,
// also when empty, with lower bound 0.
func BuildVector(a *data.Arena, elem *Type, vals []data.Datum) data.Datum {
	return buildArray(a, elem, vals, []int32{int32(len(vals))}, []int32{0})
}

func buildArray(a *data.Arena, elem *Type, vals []data.Datum, dims, lower []int32) data.Datum {
	w, nulls, size := elemWidth(elem), 0, 0
	for _, v := range vals {
		if v.IsNull() {
			nulls = (len(vals) + 7) / 8
		} else if w == 0 {
			size += len(v.Bytes())
		}
	}
	dataAt := arrayHeaderLen + 8*len(dims) + nulls
	if w > 0 {
		size = w * len(vals)
	} else {
		size += 4 * len(vals)
	}
	b := a.Bytes(dataAt + size)
	clear(b[:dataAt])
	b[0] = byte(len(dims))
	if nulls > 0 {
		b[1] = arrayHasNulls
	}
	binary.LittleEndian.PutUint32(b[4:], elem.OID)
	for i := range dims {
		binary.LittleEndian.PutUint32(b[arrayHeaderLen+8*i:], uint32(dims[i]))
		binary.LittleEndian.PutUint32(b[arrayHeaderLen+8*i+4:], uint32(lower[i]))
	}
	bitmap, rest := b[dataAt-nulls:dataAt], b[dataAt:]
	end := 0
	for i, v := range vals {
		null := v.IsNull()
		if null {
			bitmap[i>>3] |= 1 << (i & 7)
		}
		switch {
		case w > 0 && null:
			clear(rest[w*i : w*i+w])
		case w > 0:
			storeFixed(w, rest[w*i:], v)
		default:
			if !null {
				end += copy(rest[4*len(vals)+end:], v.Bytes())
			}
			binary.LittleEndian.PutUint32(rest[4*i:], uint32(end))
		}
	}
	return data.Bytes(b)
}
