package rowcodec

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// Marker bytes in front of each key column.
const (
	markNullFirst = 0
	markValue     = 1
	markNullLast  = 2
)

// keyForm is how values of a type become key bytes.
type keyForm uint8

const (
	keyNone keyForm = iota
	keyBool
	keyInt16
	keyInt32
	keyUint32
	keyInt48
	keyInt64
	keyUint64
	keyFloat32
	keyFloat64
	keyBytes
	keyBpchar
	keyByte
	keyUUID
	keyInterval
	keyTimeTZ
	keyNumeric
	keyArray
	keyVector
)

func formOf(t *types.Type) keyForm {
	switch t.OID {
	case types.Bool:
		return keyBool
	case types.Int2:
		return keyInt16
	case types.Int4, types.Date:
		return keyInt32
	case types.Int8, types.Time, types.Timestamp, types.TimestampTZ:
		return keyInt64
	case types.Oid, types.RegProc, types.RegProcedure, types.RegOper, types.RegOperator,
		types.RegClass, types.RegType, types.RegNamespace, types.RegRole,
		types.RegCollation, types.RegConfig, types.RegDictionary:
		return keyUint32
	case types.TID:
		return keyInt48
	case types.XID8, types.PgLSN:
		return keyUint64
	case types.Float4:
		return keyFloat32
	case types.Float8:
		return keyFloat64
	case types.Text, types.Varchar, types.Name, types.Bytea:
		return keyBytes
	case types.BpChar:
		return keyBpchar
	case types.Char:
		return keyByte
	case types.UUID:
		return keyUUID
	case types.Interval:
		return keyInterval
	case types.TimeTZ:
		return keyTimeTZ
	case types.Numeric:
		return keyNumeric
	case types.OidVector:
		return keyVector
	}
	if t.IsArray() {
		if e := t.ElemType(); e != nil && Keyable(e) {
			return keyArray
		}
	}
	return keyNone
}

// Keyable tells whether values of the type can be key columns.
func Keyable(t *types.Type) bool { return formOf(t) != keyNone }

// KeyExact tells whether DecodeKey gives back exactly the value, for every value.
func KeyExact(t *types.Type) bool {
	switch formOf(t) {
	case keyNone, keyFloat32, keyFloat64, keyBpchar, keyInterval, keyNumeric:
		return false
	case keyArray:
		return KeyExact(t.ElemType())
	}
	return true
}

// AppendKey appends one key column. The type must be Keyable.
func AppendKey(dst []byte, t *types.Type, d data.Datum, desc, nullsFirst bool) []byte {
	if d.IsNull() {
		if nullsFirst {
			return append(dst, markNullFirst)
		}
		return append(dst, markNullLast)
	}
	dst = append(dst, markValue)
	start := len(dst)
	dst = appendValue(dst, formOf(t), t, d)
	if desc {
		for i := start; i < len(dst); i++ {
			dst[i] = ^dst[i]
		}
	}
	return dst
}

func appendValue(dst []byte, form keyForm, t *types.Type, d data.Datum) []byte {
	switch form {
	case keyBool:
		if d.Bool() {
			return append(dst, 1)
		}
		return append(dst, 0)
	case keyInt16:
		return binary.BigEndian.AppendUint16(dst, uint16(d.Int())^1<<15)
	case keyInt32:
		return binary.BigEndian.AppendUint32(dst, uint32(d.Int())^1<<31)
	case keyUint32:
		return binary.BigEndian.AppendUint32(dst, uint32(d.Int()))
	case keyInt48:
		v := uint64(d.Int())
		dst = binary.BigEndian.AppendUint32(dst, uint32(v>>16))
		return binary.BigEndian.AppendUint16(dst, uint16(v))
	case keyInt64:
		return binary.BigEndian.AppendUint64(dst, uint64(d.Int())^1<<63)
	case keyUint64:
		return binary.BigEndian.AppendUint64(dst, uint64(d.Int()))
	case keyFloat32:
		return binary.BigEndian.AppendUint32(dst, orderFloat32(float32(d.Float())))
	case keyFloat64:
		return binary.BigEndian.AppendUint64(dst, orderFloat64(d.Float()))
	case keyBytes:
		return appendEscaped(dst, d.Bytes())
	case keyBpchar:
		return appendEscaped(dst, bytes.TrimRight(d.Bytes(), " "))
	case keyByte:
		if b := d.Bytes(); len(b) > 0 {
			return append(dst, b[0])
		}
		return append(dst, 0)
	case keyUUID:
		return append(dst, d.Fixed16()[:]...)
	case keyInterval:
		hi, lo := types.IntervalSpan(d)
		dst = binary.BigEndian.AppendUint64(dst, uint64(hi)^1<<63)
		return binary.BigEndian.AppendUint64(dst, lo)
	case keyTimeTZ:
		utc, zone := types.TimeTZKey(d)
		dst = binary.BigEndian.AppendUint64(dst, uint64(utc)^1<<63)
		return binary.BigEndian.AppendUint32(dst, uint32(zone)^1<<31)
	case keyNumeric:
		return appendNumeric(dst, d)
	case keyArray:
		return appendArray(dst, t, d)
	case keyVector:
		return appendVector(dst, t, d)
	}
	panic("rowcodec: type " + t.Name + " cannot be a key")
}

// orderFloat32 maps floats to integers in SQL's order: -0 equals 0, NaN is greatest.
func orderFloat32(f float32) uint32 {
	if f != f {
		return math.MaxUint32
	}
	b := math.Float32bits(f)
	if b == 1<<31 {
		b = 0
	}
	if b>>31 != 0 {
		return ^b
	}
	return b | 1<<31
}

func orderFloat64(f float64) uint64 {
	if f != f {
		return math.MaxUint64
	}
	b := math.Float64bits(f)
	if b == 1<<63 {
		b = 0
	}
	if b>>63 != 0 {
		return ^b
	}
	return b | 1<<63
}

func unorderFloat32(b uint32) float32 {
	switch {
	case b == math.MaxUint32:
		return float32(types.NaN())
	case b>>31 != 0:
		return math.Float32frombits(b &^ (1 << 31))
	}
	return math.Float32frombits(^b)
}

func unorderFloat64(b uint64) float64 {
	switch {
	case b == math.MaxUint64:
		return types.NaN()
	case b>>63 != 0:
		return math.Float64frombits(b &^ (1 << 63))
	}
	return math.Float64frombits(^b)
}

// Variable-length bytes: 0 becomes 0 255, the end is 0 1, so that a prefix sorts
// first and nothing in a value looks like its end.
const (
	escape     = 0x00
	escapedNul = 0xFF
	escapedEnd = 0x01
)

func appendEscaped(dst, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, escape)
		if i < 0 {
			dst = append(dst, b...)
			return append(dst, escape, escapedEnd)
		}
		dst = append(dst, b[:i]...)
		dst = append(dst, escape, escapedNul)
		b = b[i+1:]
	}
}
