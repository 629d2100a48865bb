package types

import (
	"encoding/binary"
	"math"

	"github.com/pgzdb/pgz/server/pkg/data"
)

func intPrefix(d data.Datum) uint64 { return uint64(d.Int()) ^ 1<<63 }

// floatPrefix turns the sign-and-magnitude form into one that counts up. NaN comes last and
// both zeros are equal, as in Compare.
func floatPrefix(d data.Datum) uint64 {
	f := d.Float()
	if f != f {
		return math.MaxUint64
	}
	bits := math.Float64bits(f + 0) // -0 becomes 0
	if bits>>63 != 0 {
		return ^bits
	}
	return bits | 1<<63
}

// textPrefix is the first eight bytes; bytes that are not there count as zero.
func textPrefix(d data.Datum) uint64 {
	b := d.Bytes()
	if len(b) >= 8 {
		return binary.BigEndian.Uint64(b)
	}
	var buf [8]byte
	copy(buf[:], b)
	return binary.BigEndian.Uint64(buf[:])
}
