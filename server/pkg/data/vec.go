package data

import "math"

// MaxBatch is the largest number of rows in a batch.
const MaxBatch = 1024

// Vec is one column of up to MaxBatch values of one kind, laid out as Arrow
// does: fixed-width kinds in one array, Bytes and Fixed16 in one buffer (Bytes
// with offsets), and a bitmap of nulls.
//
// A Vec owns its buffers unless Borrowed; Reset keeps them for reuse, so what
// Get returned before is then invalid.
type Vec struct {
	kind  Kind
	n     int
	I64   []int64   // Int64; Bool as 0 and 1
	F64   []float64 // Float64
	Off   []uint32  // Bytes: value i is Buf[Off[i]:Off[i+1]]
	Buf   []byte    // Bytes; Fixed16: value i is Buf[16*i:16*i+16]
	nulls []uint64  // bit i set: value i is NULL; empty: no nulls so far
}

// NewVec returns an empty vector of kind k.
func NewVec(k Kind) Vec {
	v := Vec{}
	v.Init(k)
	return v
}

// Init makes v an empty vector of kind k, keeping its buffers.
func (v *Vec) Init(k Kind) {
	v.kind = k
	v.Reset()
}

// Reset empties v.
func (v *Vec) Reset() {
	v.n = 0
	v.I64 = v.I64[:0]
	v.F64 = v.F64[:0]
	v.Buf = v.Buf[:0]
	v.nulls = v.nulls[:0]
	v.Off = v.Off[:0]
	if v.kind == KindBytes {
		v.Off = append(v.Off, 0)
	}
}

// Kind returns the kind of the values.
func (v *Vec) Kind() Kind { return v.kind }

// Len returns the number of values.
func (v *Vec) Len() int { return v.n }

// IsNull reports whether value i is NULL.
func (v *Vec) IsNull(i int) bool {
	w := i >> 6
	return w < len(v.nulls) && v.nulls[w]&(1<<(i&63)) != 0
}

// HasNulls reports whether any value may be NULL.
func (v *Vec) HasNulls() bool { return len(v.nulls) > 0 }

// Get returns value i, borrowing v's buffers.
func (v *Vec) Get(i int) Datum {
	if v.IsNull(i) {
		return Null
	}
	switch v.kind {
	case KindBool:
		return Bool(v.I64[i] != 0)
	case KindInt64:
		return Int(v.I64[i])
	case KindFloat64:
		return Float(v.F64[i])
	case KindBytes:
		return Bytes(v.Buf[v.Off[i]:v.Off[i+1]])
	case KindFixed16:
		return Fixed16((*[16]byte)(v.Buf[16*i : 16*i+16]))
	}
	return Null
}

// Append adds d, copying what it borrows. d is NULL or of v's kind; a vector
// of KindNone (nothing but NULLs so far) takes the kind of the first value.
func (v *Vec) Append(d Datum) {
	if d.kind == KindNone {
		v.AppendNull()
		return
	}
	if v.kind == KindNone {
		v.adopt(d.kind)
	}
	d.must(v.kind)
	switch v.kind {
	case KindBool, KindInt64:
		v.I64 = append(v.I64, int64(d.bits))
	case KindFloat64:
		v.F64 = append(v.F64, math.Float64frombits(d.bits))
	case KindBytes:
		v.Buf = append(v.Buf, d.Bytes()...)
		v.Off = append(v.Off, uint32(len(v.Buf)))
	case KindFixed16:
		v.Buf = append(v.Buf, d.Fixed16()[:]...)
	}
	v.n++
}

// adopt gives a vector of untyped NULLs a kind.
func (v *Vec) adopt(k Kind) {
	n := v.n
	v.Init(k)
	for range n {
		v.AppendNull()
	}
}

// AppendNull adds a NULL.
func (v *Vec) AppendNull() {
	switch v.kind {
	case KindBool, KindInt64:
		v.I64 = append(v.I64, 0)
	case KindFloat64:
		v.F64 = append(v.F64, 0)
	case KindBytes:
		v.Off = append(v.Off, uint32(len(v.Buf)))
	case KindFixed16:
		v.Buf = append(v.Buf, make([]byte, 16)...)
	}
	for w := v.n >> 6; len(v.nulls) <= w; {
		v.nulls = append(v.nulls, 0)
	}
	v.nulls[v.n>>6] |= 1 << (v.n & 63)
	v.n++
}

// AppendInt adds an integer to a vector of kind Int64.
func (v *Vec) AppendInt(i int64) {
	v.I64 = append(v.I64, i)
	v.n++
}

// AppendBytes adds a copy of b to a vector of kind Bytes.
func (v *Vec) AppendBytes(b []byte) {
	v.Buf = append(v.Buf, b...)
	v.Off = append(v.Off, uint32(len(v.Buf)))
	v.n++
}

// Truncate keeps the first n values.
func (v *Vec) Truncate(n int) {
	if n >= v.n {
		return
	}
	switch v.kind {
	case KindBool, KindInt64:
		v.I64 = v.I64[:n]
	case KindFloat64:
		v.F64 = v.F64[:n]
	case KindBytes:
		v.Buf = v.Buf[:v.Off[n]]
		v.Off = v.Off[:n+1]
	case KindFixed16:
		v.Buf = v.Buf[:16*n]
	}
	v.n = n
	if words := (n + 63) >> 6; words < len(v.nulls) {
		v.nulls = v.nulls[:words]
	}
	if w := n >> 6; w < len(v.nulls) {
		v.nulls[w] &= 1<<(n&63) - 1
	}
}

// MemBytes returns the bytes v's buffers hold.
func (v *Vec) MemBytes() int64 {
	return int64(8*cap(v.I64) + 8*cap(v.F64) + 4*cap(v.Off) + cap(v.Buf) + 8*cap(v.nulls))
}
