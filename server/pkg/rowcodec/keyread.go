package rowcodec

import (
	"encoding/binary"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// keyReader reads key bytes, undoing a descending column's inversion.
type keyReader struct {
	b    []byte
	flip byte // 0 or 0xFF
	bad  bool
}

func (r *keyReader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	v := r.b[0] ^ r.flip
	r.b = r.b[1:]
	return v
}

func (r *keyReader) uint16() uint16 {
	if len(r.b) < 2 {
		r.bad = true
		r.b = nil
		return 0
	}
	v := binary.BigEndian.Uint16(r.b)
	r.b = r.b[2:]
	if r.flip != 0 {
		return ^v
	}
	return v
}

func (r *keyReader) uint32() uint32 {
	if len(r.b) < 4 {
		r.bad = true
		r.b = nil
		return 0
	}
	v := binary.BigEndian.Uint32(r.b)
	r.b = r.b[4:]
	if r.flip != 0 {
		return ^v
	}
	return v
}

func (r *keyReader) uint64() uint64 {
	hi := uint64(r.uint32())
	return hi<<32 | uint64(r.uint32())
}

func (r *keyReader) skip(n int) {
	if len(r.b) < n {
		r.bad = true
		r.b = nil
		return
	}
	r.b = r.b[n:]
}

// escaped reads variable-length bytes; with a nil arena it only skips them. Values
// without a zero byte in an ascending column are borrowed from the key.
func (r *keyReader) escaped(a *data.Arena) []byte {
	zeros := 0
	for i := 0; i+1 < len(r.b); i++ {
		if r.b[i]^r.flip != escape {
			continue
		}
		switch r.b[i+1] ^ r.flip {
		case escapedEnd:
			raw := r.b[:i:i]
			r.b = r.b[i+2:]
			if a == nil || zeros == 0 && r.flip == 0 {
				return raw
			}
			return r.unescape(a, raw, zeros)
		case escapedNul:
			zeros++
			i++
		default:
			r.bad = true
			return nil
		}
	}
	r.bad = true
	return nil
}

func (r *keyReader) unescape(a *data.Arena, raw []byte, zeros int) []byte {
	out := a.Bytes(len(raw) - zeros)
	k := 0
	for i := 0; i < len(raw); i++ {
		c := raw[i] ^ r.flip
		out[k] = c
		k++
		if c == escape {
			i++
		}
	}
	return out
}

// DecodeKey reads one key column and returns what follows it. The value lives in a
// or borrows key. For types that are not KeyExact it is one of the values that
// compare equal to the original.
func DecodeKey(a *data.Arena, t *types.Type, key []byte, desc, nullsFirst bool) (data.Datum, []byte, error) {
	if len(key) == 0 {
		return data.Null, nil, corrupt("key")
	}
	switch key[0] {
	case markNullFirst, markNullLast:
		if nullsFirst != (key[0] == markNullFirst) {
			return data.Null, nil, corrupt("key")
		}
		return data.Null, key[1:], nil
	case markValue:
	default:
		return data.Null, nil, corrupt("key")
	}
	r := keyReader{b: key[1:]}
	if desc {
		r.flip = 0xFF
	}
	d := r.value(a, formOf(t), t)
	if r.bad {
		return data.Null, nil, corrupt("key")
	}
	return d, r.b, nil
}

func (r *keyReader) value(a *data.Arena, form keyForm, t *types.Type) data.Datum {
	switch form {
	case keyBool:
		return data.Bool(r.byte() != 0)
	case keyInt16:
		return data.Int(int64(int16(r.uint16() ^ 1<<15)))
	case keyInt32:
		return data.Int(int64(int32(r.uint32() ^ 1<<31)))
	case keyUint32:
		return data.Int(int64(r.uint32()))
	case keyInt48:
		hi := int64(r.uint32())
		return data.Int(hi<<16 | int64(r.uint16()))
	case keyInt64:
		return data.Int(int64(r.uint64() ^ 1<<63))
	case keyUint64:
		return data.Int(int64(r.uint64()))
	case keyFloat32:
		return data.Float(float64(unorderFloat32(r.uint32())))
	case keyFloat64:
		return data.Float(unorderFloat64(r.uint64()))
	case keyBytes, keyBpchar:
		return data.Bytes(r.escaped(a))
	case keyByte:
		b := a.Bytes(1)
		b[0] = r.byte()
		return data.Bytes(b)
	case keyUUID:
		p := a.New16()
		for i := range p {
			p[i] = r.byte()
		}
		return data.Fixed16(p)
	case keyInterval:
		hi := int64(r.uint64() ^ 1<<63)
		return types.IntervalFromSpan(a, hi, r.uint64())
	case keyTimeTZ:
		utc := int64(r.uint64() ^ 1<<63)
		return types.TimeTZFromKey(a, utc, int32(r.uint32()^1<<31))
	case keyNumeric:
		return r.numeric(a)
	case keyArray:
		return r.array(a, t)
	case keyVector:
		return r.vector(a, t)
	}
	r.bad = true
	return data.Null
}

func (r *keyReader) numeric(a *data.Arena) data.Datum {
	flip := uint16(0)
	switch r.byte() {
	case numNaN:
		return types.NumNaN(a)
	case numNegInf:
		return types.NumInf(a, true)
	case numPosInf:
		return types.NumInf(a, false)
	case numZero:
		return types.NumFromDigits(a, false, 0, nil)
	case numNeg:
		flip = 0xFFFF
	case numPos:
	default:
		r.bad = true
		return data.Null
	}
	weight := int16((r.uint16() ^ flip) ^ 1<<15)
	var buf [32]uint16
	digits := buf[:0]
	for {
		v := r.uint16() ^ flip
		if r.bad || v > 10000 {
			r.bad = true
			return data.Null
		}
		if v == 0 {
			return types.NumFromDigits(a, flip != 0, int(weight), digits)
		}
		digits = append(digits, v-1)
	}
}

func (r *keyReader) array(a *data.Arena, t *types.Type) data.Datum {
	elem := t.ElemType()
	form := formOf(elem)
	var vals []data.Datum
	for {
		switch r.byte() {
		case arrayElem:
			vals = append(vals, r.value(a, form, elem))
		case arrayNull:
			vals = append(vals, data.Null)
		case arrayEnd:
			return r.arrayDims(a, elem, vals)
		default:
			r.bad = true
		}
		if r.bad {
			return data.Null
		}
	}
}

func (r *keyReader) arrayDims(a *data.Arena, elem *types.Type, vals []data.Datum) data.Datum {
	n := int(r.byte())
	if r.bad || n > types.MaxArrayDims {
		r.bad = true
		return data.Null
	}
	var dims, lower [types.MaxArrayDims]int32
	total := 1
	for i := range n {
		dims[i] = int32(r.uint32())
		lower[i] = int32(r.uint32() ^ 1<<31)
		if dims[i] <= 0 || total > len(vals) {
			r.bad = true
			return data.Null
		}
		total *= int(dims[i])
	}
	if n == 0 {
		total = 0
	}
	if r.bad || total != len(vals) {
		r.bad = true
		return data.Null
	}
	return types.BuildArray(a, elem, vals, dims[:n], lower[:n])
}

func (r *keyReader) vector(a *data.Arena, t *types.Type) data.Datum {
	n := int(r.uint32())
	if r.bad || n > len(r.b)/4 {
		r.bad = true
		return data.Null
	}
	vals := make([]data.Datum, n)
	for i := range vals {
		vals[i] = data.Int(int64(r.uint32()))
	}
	return types.BuildVector(a, t.ElemType(), vals)
}

// SkipKey returns what follows one key column.
func SkipKey(t *types.Type, key []byte, desc bool) ([]byte, error) {
	if len(key) == 0 {
		return nil, corrupt("key")
	}
	if key[0] != markValue {
		if key[0] > markNullLast {
			return nil, corrupt("key")
		}
		return key[1:], nil
	}
	r := keyReader{b: key[1:]}
	if desc {
		r.flip = 0xFF
	}
	r.skipValue(formOf(t), t)
	if r.bad {
		return nil, corrupt("key")
	}
	return r.b, nil
}

func (r *keyReader) skipValue(form keyForm, t *types.Type) {
	switch form {
	case keyBool, keyByte:
		r.skip(1)
	case keyInt16:
		r.skip(2)
	case keyInt32, keyUint32, keyFloat32:
		r.skip(4)
	case keyInt48:
		r.skip(6)
	case keyInt64, keyUint64, keyFloat64:
		r.skip(8)
	case keyTimeTZ:
		r.skip(12)
	case keyUUID, keyInterval:
		r.skip(16)
	case keyBytes, keyBpchar:
		r.escaped(nil)
	case keyNumeric:
		r.skipNumeric()
	case keyArray:
		r.skipArray(t)
	case keyVector:
		n := int(r.uint32())
		if n > len(r.b)/4 {
			r.bad = true
			return
		}
		r.skip(4 * n)
	default:
		r.bad = true
	}
}

func (r *keyReader) skipNumeric() {
	end := uint16(0)
	switch r.byte() {
	case numNaN, numNegInf, numPosInf, numZero:
		return
	case numNeg:
		end = 0xFFFF
	case numPos:
	default:
		r.bad = true
		return
	}
	r.skip(2)
	for !r.bad && r.uint16() != end {
	}
}

func (r *keyReader) skipArray(t *types.Type) {
	elem := t.ElemType()
	form := formOf(elem)
	for !r.bad {
		switch r.byte() {
		case arrayElem:
			r.skipValue(form, elem)
		case arrayNull:
		case arrayEnd:
			r.skip(8 * int(r.byte()))
			return
		default:
			r.bad = true
		}
	}
}
