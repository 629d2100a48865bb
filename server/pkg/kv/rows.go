package kv

// Rows is a flat buffer of key-value rows, filled by scans and multi-gets and
// reused from call to call. What Key and Value return is borrowed until the
// next fill.
type Rows struct {
	Buf  []byte
	Ents []RowEnt
}

// RowEnt locates one row in Rows.Buf.
type RowEnt struct {
	Key, Val       uint32 // offsets
	KeyLen, ValLen uint32
	Ver            Version
}

// Len returns the number of rows.
func (r *Rows) Len() int { return len(r.Ents) }

// Key returns the key of row i.
func (r *Rows) Key(i int) []byte {
	e := &r.Ents[i]
	return r.Buf[e.Key : e.Key+e.KeyLen : e.Key+e.KeyLen]
}

// Value returns the value of row i.
func (r *Rows) Value(i int) []byte {
	e := &r.Ents[i]
	return r.Buf[e.Val : e.Val+e.ValLen : e.Val+e.ValLen]
}

// Version returns what kind of version row i is.
func (r *Rows) Version(i int) Version { return r.Ents[i].Ver }

// Reset empties r, keeping its memory.
func (r *Rows) Reset() {
	r.Buf = r.Buf[:0]
	r.Ents = r.Ents[:0]
}

// Append adds a row, copying key and value.
func (r *Rows) Append(key, value []byte, ver Version) {
	at := uint32(len(r.Buf))
	r.Buf = append(r.Buf, key...)
	r.Buf = append(r.Buf, value...)
	r.Ents = append(r.Ents, RowEnt{
		Key: at, KeyLen: uint32(len(key)),
		Val: at + uint32(len(key)), ValLen: uint32(len(value)), Ver: ver,
	})
}

// PrefixEnd returns the smallest key above every key that starts with
// prefix, or nil when there is none.
func PrefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] != 0xff {
			end[i]++
			return end[:i+1]
		}
	}
	return nil
}
