package data

// Arena hands out byte slices that live until Reset. It is not safe for
// concurrent use. The zero Arena is ready and owns nothing.
//
// Memory comes in chunks that double from 1 KiB to 64 KiB; a request larger
// than a chunk gets memory of its own. Reset keeps the newest chunk, so a
// loop that resets once a row or once a batch settles without allocation.
type Arena struct {
	chunk   []byte // current chunk; len is what has been handed out
	retired int64  // bytes in chunks no longer handed out from
	account *Account
}

const (
	arenaFirstChunkBytes = 1 << 10
	arenaMaxChunkBytes   = 64 << 10
)

// NewArena returns an arena that charges its chunks to account (nil: none).
func NewArena(account *Account) *Arena { return &Arena{account: account} }

// Bytes returns n zeroed or reused bytes of capacity n; the content is
// undefined.
func (a *Arena) Bytes(n int) []byte {
	if n > cap(a.chunk)-len(a.chunk) {
		return a.grow(n)
	}
	at := len(a.chunk)
	a.chunk = a.chunk[:at+n]
	return a.chunk[at : at+n : at+n]
}

func (a *Arena) grow(n int) []byte {
	if n > arenaMaxChunkBytes/4 {
		a.retired += int64(n)
		a.account.Grow(int64(n))
		return make([]byte, n)
	}
	size := max(arenaFirstChunkBytes, min(2*cap(a.chunk), arenaMaxChunkBytes))
	for size < n {
		size *= 2
	}
	a.retired += int64(cap(a.chunk))
	a.account.Grow(int64(size))
	a.chunk = make([]byte, n, size)
	return a.chunk[:n:n]
}

// Copy returns a copy of b owned by a.
func (a *Arena) Copy(b []byte) []byte {
	c := a.Bytes(len(b))
	copy(c, b)
	return c
}

// CopyString returns a Bytes datum holding a copy of s owned by a.
func (a *Arena) CopyString(s string) Datum {
	c := a.Bytes(len(s))
	copy(c, s)
	return Bytes(c)
}

// New16 returns 16 zero bytes owned by a.
func (a *Arena) New16() *[16]byte {
	p := (*[16]byte)(a.Bytes(16))
	*p = [16]byte{}
	return p
}

// CopyDatum returns d with the memory it borrows copied into a.
func (a *Arena) CopyDatum(d Datum) Datum {
	switch d.kind {
	case KindBytes:
		return Bytes(a.Copy(d.Bytes()))
	case KindFixed16:
		p := (*[16]byte)(a.Bytes(16))
		*p = *d.Fixed16()
		return Fixed16(p)
	}
	return d
}

// Reset makes everything handed out invalid and keeps the newest chunk.
func (a *Arena) Reset() {
	if a.retired != 0 {
		a.account.Shrink(a.retired)
		a.retired = 0
	}
	a.chunk = a.chunk[:0]
}

// Free gives all memory back; the arena can be used again.
func (a *Arena) Free() {
	a.account.Shrink(a.retired + int64(cap(a.chunk)))
	a.retired = 0
	a.chunk = nil
}

// MemBytes returns the bytes the arena holds.
func (a *Arena) MemBytes() int64 { return a.retired + int64(cap(a.chunk)) }
