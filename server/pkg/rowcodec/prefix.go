package rowcodec

import "encoding/binary"

// PrefixLen is the length of a key's prefix.
const PrefixLen = 8

// RowIDLen is the length of a hidden row id as a key.
const RowIDLen = 8

// AppendPrefix starts a key: all keys of one storage id share it.
func AppendPrefix(dst []byte, database, storage uint32) []byte {
	dst = binary.BigEndian.AppendUint32(dst, database)
	return binary.BigEndian.AppendUint32(dst, storage)
}

// Prefix reads a key's prefix; ok is false if the key is too short.
func Prefix(key []byte) (database, storage uint32, ok bool) {
	if len(key) < PrefixLen {
		return 0, 0, false
	}
	return binary.BigEndian.Uint32(key), binary.BigEndian.Uint32(key[4:]), true
}

// AppendPrefixEnd appends the first key after all keys of the storage id.
func AppendPrefixEnd(dst []byte, database, storage uint32) []byte {
	if storage == 1<<32-1 {
		return binary.BigEndian.AppendUint32(dst, database+1)
	}
	return AppendPrefix(dst, database, storage+1)
}

// AppendNext turns the key in dst[start:] into the first key after every key that
// has it as a prefix: the exclusive end of a range. A key of 0xFF bytes only has no
// such end and becomes empty, which means unbounded.
func AppendNext(dst []byte, start int) []byte {
	for i := len(dst) - 1; i >= start; i-- {
		if dst[i] != 0xFF {
			dst[i]++
			return dst[:i+1]
		}
	}
	return dst[:start]
}

// AppendRowID appends the key of a row in a table without a primary key.
func AppendRowID(dst []byte, id uint64) []byte { return binary.BigEndian.AppendUint64(dst, id) }

// RowID reads the row id after a prefix.
func RowID(key []byte) (uint64, error) {
	if len(key) != PrefixLen+RowIDLen {
		return 0, corrupt("row id key")
	}
	return binary.BigEndian.Uint64(key[PrefixLen:]), nil
}
