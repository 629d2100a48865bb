package rowcodec

import (
	"encoding/binary"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// A numeric key is a class byte and, for numbers other than zero, the weight of the
// first base-10000 digit (u16be, biased) and the digits plus one (u16be each), ended by
// 0. Negative numbers have everything behind the class byte inverted. The display
// scale is not part of it.
const (
	numNegInf = 0x08
	numNeg    = 0x10
	numZero   = 0x18
	numPos    = 0x20
	numPosInf = 0x28
	numNaN    = 0x30
)

func appendNumeric(dst []byte, d data.Datum) []byte {
	n := types.ReadNum(d)
	switch {
	case n.IsNaN():
		return append(dst, numNaN)
	case n.IsInf() && n.Negative():
		return append(dst, numNegInf)
	case n.IsInf():
		return append(dst, numPosInf)
	case n.IsZero():
		return append(dst, numZero)
	}
	flip := uint16(0)
	if n.Negative() {
		flip = 0xFFFF
		dst = append(dst, numNeg)
	} else {
		dst = append(dst, numPos)
	}
	dst = binary.BigEndian.AppendUint16(dst, (uint16(n.Weight())^1<<15)^flip)
	for i := range n.NDigits() {
		dst = binary.BigEndian.AppendUint16(dst, (n.Digit(i)+1)^flip)
	}
	return binary.BigEndian.AppendUint16(dst, flip)
}

// An array key is its elements, each with a marker (1 value, 2 null, which sorts
// last), ended by 0; then the number of dimensions and each one's length and lower
// bound, because arrays compare by elements first.
const (
	arrayEnd  = 0
	arrayElem = 1
	arrayNull = 2
)

func appendArray(dst []byte, t *types.Type, d data.Datum) []byte {
	elem := t.ElemType()
	form := formOf(elem)
	a := types.ReadArray(d)
	for i := range a.Len() {
		v := a.Elem(elem, i)
		if v.IsNull() {
			dst = append(dst, arrayNull)
			continue
		}
		dst = append(dst, arrayElem)
		dst = appendValue(dst, form, elem, v)
	}
	dst = append(dst, arrayEnd, byte(a.NDims()))
	for i := range a.NDims() {
		dst = binary.BigEndian.AppendUint32(dst, uint32(a.Dim(i)))
		dst = binary.BigEndian.AppendUint32(dst, uint32(a.Lower(i))^1<<31)
	}
	return dst
}

// oidvectors compare by length first.
func appendVector(dst []byte, t *types.Type, d data.Datum) []byte {
	elem := t.ElemType()
	a := types.ReadArray(d)
	dst = binary.BigEndian.AppendUint32(dst, uint32(a.Len()))
	for i := range a.Len() {
		dst = binary.BigEndian.AppendUint32(dst, uint32(a.Elem(elem, i).Int()))
	}
	return dst
}
