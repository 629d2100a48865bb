package catalog

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// The helpers below convert between the fields of the row structs (rows_gen.go) and values. datum… may borrow from
// its argument; get… copies. A nil slice or pointer is NULL where the column allows it; vectors are never NULL.

func datumOID(v uint32) data.Datum     { return data.Int(int64(v)) }
func datumInt2(v int16) data.Datum     { return data.Int(int64(v)) }
func datumInt4(v int32) data.Datum     { return data.Int(int64(v)) }
func datumInt8(v int64) data.Datum     { return data.Int(v) }
func datumBool(v bool) data.Datum      { return data.Bool(v) }
func datumFloat4(v float32) data.Datum { return data.Float(float64(v)) }
func datumString(v string) data.Datum  { return data.String(v) }
func datumChar(v byte) data.Datum      { return data.Bytes([]byte{v}) }

func datumNullString(v *string) data.Datum {
	if v == nil {
		return data.Null
	}
	return data.String(*v)
}

func datumNullInt8(v *int64) data.Datum {
	if v == nil {
		return data.Null
	}
	return data.Int(*v)
}

func datumNullBytes(v []byte) data.Datum {
	if v == nil {
		return data.Null
	}
	return data.Bytes(v)
}

func datumInt2Vector(v []int16) data.Datum {
	return data.Bytes(buildVector(types.Int2Vector, datums(v, datumInt2)))
}

func datumOIDVector(v []uint32) data.Datum {
	return data.Bytes(buildVector(types.OidVector, datums(v, datumOID)))
}

func datumOIDArray(v []uint32) data.Datum { return datumArray(types.Oid, v, datumOID) }
func datumInt2Array(v []int16) data.Datum { return datumArray(types.Int2, v, datumInt2) }
func datumTextArray(v []string) data.Datum {
	return datumArray(types.Text, v, datumString)
}
func datumCharArray(v []byte) data.Datum      { return datumArray(types.Char, v, datumChar) }
func datumFloat4Array(v []float32) data.Datum { return datumArray(types.Float4, v, datumFloat4) }
func datumACLArray(v []ACLItem) data.Datum {
	return datumArray(types.ACLItem, v, ACLItem.Datum)
}

func getOID(d data.Datum) uint32    { return uint32(getInt8(d)) }
func getInt2(d data.Datum) int16    { return int16(getInt8(d)) }
func getInt4(d data.Datum) int32    { return int32(getInt8(d)) }
func getBool(d data.Datum) bool     { return !d.IsNull() && d.Bool() }
func getString(d data.Datum) string { return string(getNullBytes(d)) }
func getNullBytes(d data.Datum) []byte {
	if d.IsNull() {
		return nil
	}
	return append([]byte{}, d.Bytes()...)
}

func getInt8(d data.Datum) int64 {
	if d.IsNull() {
		return 0
	}
	return d.Int()
}

func getFloat4(d data.Datum) float32 {
	if d.IsNull() {
		return 0
	}
	return float32(d.Float())
}

func getChar(d data.Datum) byte {
	if d.IsNull() || len(d.Bytes()) == 0 {
		return 0
	}
	return d.Bytes()[0]
}

func getNullString(d data.Datum) *string {
	if d.IsNull() {
		return nil
	}
	s := strings.Clone(d.Str())
	return &s
}

func getNullInt8(d data.Datum) *int64 {
	if d.IsNull() {
		return nil
	}
	n := d.Int()
	return &n
}

func getInt2Vector(d data.Datum) []int16    { return arrayOf(types.Int2, d, getInt2) }
func getOIDVector(d data.Datum) []uint32    { return arrayOf(types.Oid, d, getOID) }
func getOIDArray(d data.Datum) []uint32     { return arrayOf(types.Oid, d, getOID) }
func getInt2Array(d data.Datum) []int16     { return arrayOf(types.Int2, d, getInt2) }
func getTextArray(d data.Datum) []string    { return arrayOf(types.Text, d, getString) }
func getCharArray(d data.Datum) []byte      { return arrayOf(types.Char, d, getChar) }
func getFloat4Array(d data.Datum) []float32 { return arrayOf(types.Float4, d, getFloat4) }
func getACLArray(d data.Datum) []ACLItem    { return arrayOf(types.ACLItem, d, ACLItemOf) }

func datums[T any](v []T, conv func(T) data.Datum) []data.Datum {
	out := make([]data.Datum, len(v))
	for i := range v {
		out[i] = conv(v[i])
	}
	return out
}

func datumArray[T any](elem uint32, v []T, conv func(T) data.Datum) data.Datum {
	if v == nil {
		return data.Null
	}
	return data.Bytes(buildArray(types.Get(elem), datums(v, conv)))
}

func arrayOf[T any](elem uint32, d data.Datum, conv func(data.Datum) T) []T {
	if d.IsNull() {
		return nil
	}
	out := []T{}
	eachArray(types.Get(elem), d, func(e data.Datum) { out = append(out, conv(e)) })
	return out
}

// arrayFirst returns the first element of an array of elem, NULL if it has none.
func arrayFirst(elem *types.Type, array []byte) data.Datum {
	v, found := data.Null, false
	eachArray(elem, data.Bytes(array), func(e data.Datum) {
		if !found {
			v, found = e, true
		}
	})
	return v
}

// appendArray appends an image value of one of the array codes.
func appendArray(dst []byte, code byte, elems []data.Datum) []byte {
	switch code {
	case 'h':
		return append(dst, buildVector(types.Int2Vector, elems)...)
	case 'o':
		return append(dst, buildVector(types.OidVector, elems)...)
	}
	elem := map[byte]uint32{'H': types.Int2, 'O': types.Oid, 'T': types.Text, 'C': types.Char, 'P': types.ACLItem}[code]
	return append(dst, buildArray(types.Get(elem), elems)...)
}
