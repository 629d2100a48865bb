package pgwire

import (
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/session"
)

// extended serves a message of the extended protocol.
func (c *conn) extended(s *session.Session, kind byte, msg []byte) error {
	b := body{b: msg}
	switch kind {
	case 'P':
		return c.parse(s, &b)
	case 'B':
		return c.bind(s, &b)
	case 'D':
		what, name := b.byte(), b.str()
		if err := b.end(); err != nil {
			return err
		}
		return s.Describe(what, name)
	case 'E':
		portal, rows := b.str(), b.int32()
		if err := b.end(); err != nil {
			return err
		}
		return s.Execute(portal, rows)
	case 'C':
		what, name := b.byte(), b.str()
		if err := b.end(); err != nil {
			return err
		}
		return s.CloseNamed(what, name)
	}
	return pgerr.Fatal(pgerr.ProtocolViolation, "invalid frontend message type %d", kind)
}

func (c *conn) parse(s *session.Session, b *body) error {
	name, text := b.str(), b.str()
	n := b.uint16()
	var types []uint32
	if n > 0 {
		types = make([]uint32, n)
	}
	for i := range types {
		types[i] = uint32(b.int32())
	}
	if err := b.end(); err != nil {
		return err
	}
	return s.Parse(string(name), string(text), types)
}

// bind cuts a Bind message into its parts; values stay where they are.
func (c *conn) bind(s *session.Session, b *body) error {
	m := session.BindMessage{Portal: b.str(), Statement: b.str()}
	m.ParamFormats = b.bytes(2 * b.uint16())
	m.NumParams = b.uint16()
	rest := b.b
	for range m.NumParams {
		if n := b.int32(); n >= 0 {
			b.bytes(n)
		} else if n != -1 {
			b.bad = true
		}
	}
	m.Params = rest[:len(rest)-len(b.b)]
	m.ResultFormats = b.bytes(2 * b.uint16())
	if err := b.end(); err != nil {
		return err
	}
	return s.Bind(&m)
}
