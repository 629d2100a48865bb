package types

import (
	"encoding/binary"
	"math/bits"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// Hashes are for hash joins and aggregation within one process; they are stored
// nowhere.
const (
	hashSeed  = uint64(0x9E3779B97F4A7C15)
	hashMul   = uint64(0xD6E8FEB86659FD93)
	hashFinal = uint64(0xA0761D6478BD642F)
)

func hashUint(h, v uint64) uint64 {
	hi, lo := bits.Mul64(h^v, hashMul)
	return hi ^ lo ^ hashFinal
}

func hashBytes(h uint64, b []byte) uint64 {
	n := uint64(len(b))
	for len(b) >= 8 {
		h = hashUint(h, binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	var tail uint64
	for i, c := range b {
		tail |= uint64(c) << (8 * i)
	}
	return hashUint(hashUint(h, tail), n)
}

// errShortMessage and errLongMessage are what a binary value of the wrong size gives.
func errShortMessage() error {
	return pgerr.New(pgerr.ProtocolViolation, "insufficient data left in message")
}

func errLongMessage() error {
	return pgerr.New(pgerr.InvalidBinaryRepresentation, "incorrect binary data format")
}
