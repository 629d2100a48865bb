package pgwire

import (
	"encoding/binary"
	"io"
	"net"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// Limits on messages, in bytes of the body.
const (
	maxStartupBytes = 10000
	maxSmallBytes   = 10000    // messages without a variable part
	maxBodyBytes    = 64 << 20 // everything else
	readBufferBytes = 8 << 10
	bulkBufferBytes = 64 << 10  // for a client that sends without waiting
	keepBufferBytes = 256 << 10 // a larger buffer is given back after use
)

// errGone is a connection that ended, at a message's border or within one.
var errGone = io.EOF

// reader cuts what a client sends into messages. A body is valid until the
// next call.
type reader struct {
	conn net.Conn
	buf  []byte
	r, w int
	full bool // the last read took all there was room for
}

func newReader(conn net.Conn) reader {
	return reader{conn: conn, buf: make([]byte, readBufferBytes)}
}

// buffered tells whether the client's next message is at hand, to its end.
func (r *reader) buffered() bool {
	n := r.w - r.r
	return n >= 5 && uint32(n-1) >= binary.BigEndian.Uint32(r.buf[r.r+1:])
}

// fill reads until n bytes are at hand.
func (r *reader) fill(n int) error {
	if r.w-r.r >= n {
		return nil
	}
	if r.r == r.w {
		r.r, r.w = 0, 0
		if len(r.buf) > keepBufferBytes && n <= readBufferBytes {
			r.buf = make([]byte, readBufferBytes)
		} else if r.full && len(r.buf) < bulkBufferBytes {
			r.buf = make([]byte, 2*len(r.buf))
		}
		r.full = false
	}
	if r.r+n > len(r.buf) {
		into := r.buf
		if n > len(r.buf) {
			into = make([]byte, max(n, min(2*len(r.buf), keepBufferBytes)))
		}
		r.w = copy(into, r.buf[r.r:r.w])
		r.r, r.buf = 0, into
	}
	for r.w-r.r < n {
		room := len(r.buf) - r.w
		got, err := r.conn.Read(r.buf[r.w:])
		r.w += got
		r.full = got == room
		if err != nil && r.w-r.r < n {
			return err
		}
	}
	return nil
}

// take returns the next n bytes, which have been filled.
func (r *reader) take(n int) []byte {
	b := r.buf[r.r : r.r+n]
	r.r += n
	return b
}

// message reads the next message of the running protocol.
func (r *reader) message() (kind byte, body []byte, err error) {
	if err := r.fill(5); err != nil {
		return 0, nil, errGone
	}
	kind = r.buf[r.r]
	limit := maxBodyBytes
	switch kind {
	case 'Q', 'P', 'B', 'd', 'F', 'p':
	case 'D', 'E', 'C', 'S', 'H', 'X', 'c', 'f':
		limit = maxSmallBytes
	default:
		return 0, nil, pgerr.Fatal(pgerr.ProtocolViolation, "invalid frontend message type %d", kind)
	}
	n := int(binary.BigEndian.Uint32(r.buf[r.r+1:])) - 4
	if n < 0 || n > limit {
		return 0, nil, pgerr.Fatal(pgerr.ProtocolViolation, "invalid message length")
	}
	r.take(5)
	if err := r.fill(n); err != nil {
		return 0, nil, errGone
	}
	return kind, r.take(n), nil
}

// startup reads a start-up packet, which has no type.
func (r *reader) startup() ([]byte, error) {
	if err := r.fill(4); err != nil {
		return nil, errGone
	}
	n := int(binary.BigEndian.Uint32(r.take(4))) - 4
	if n < 4 || n > maxStartupBytes {
		return nil, pgerr.Fatal(pgerr.ProtocolViolation, "invalid length of startup packet")
	}
	if err := r.fill(n); err != nil {
		return nil, errGone
	}
	return r.take(n), nil
}

// body reads the parts of a message in place. A part that is not there sets
// bad, and everything read from then on is empty.
type body struct {
	b   []byte
	bad bool
}

func (b *body) byte() byte {
	if len(b.b) < 1 {
		b.bad = true
		return 0
	}
	c := b.b[0]
	b.b = b.b[1:]
	return c
}

// uint16 reads a count, which has no sign in the protocol.
func (b *body) uint16() int {
	if len(b.b) < 2 {
		b.bad, b.b = true, nil
		return 0
	}
	n := int(binary.BigEndian.Uint16(b.b))
	b.b = b.b[2:]
	return n
}

func (b *body) int32() int {
	if len(b.b) < 4 {
		b.bad, b.b = true, nil
		return 0
	}
	n := int(int32(binary.BigEndian.Uint32(b.b)))
	b.b = b.b[4:]
	return n
}

func (b *body) bytes(n int) []byte {
	if n < 0 || len(b.b) < n {
		b.bad, b.b = true, nil
		return nil
	}
	p := b.b[:n:n]
	b.b = b.b[n:]
	return p
}

// str reads up to a NUL; the result borrows the message.
func (b *body) str() []byte {
	for i, c := range b.b {
		if c == 0 {
			s := b.b[:i:i]
			b.b = b.b[i+1:]
			return s
		}
	}
	b.bad, b.b = true, nil
	return nil
}

// end checks that the message had all its parts and nothing else.
func (b *body) end() error {
	if b.bad {
		return pgerr.New(pgerr.ProtocolViolation, "insufficient data left in message")
	}
	if len(b.b) != 0 {
		return pgerr.New(pgerr.ProtocolViolation, "invalid message format")
	}
	return nil
}
