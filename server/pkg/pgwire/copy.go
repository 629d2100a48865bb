package pgwire

import (
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// ReadCopy implements session.CopySource: the next chunk of a COPY FROM STDIN,
// done when the client has ended it. A client that fails the COPY, sends
// something else or vanishes makes an error.
func (c *conn) ReadCopy() (chunk []byte, done bool, err error) {
	s := c.sess.Load()
	for {
		if !c.in.buffered() && c.out.Flush() != nil {
			return nil, false, c.out.Err
		}
		c.unpause(s)
		if err := s.Ending(); err != nil {
			return nil, false, err
		}
		kind, msg, err := c.in.message()
		if err == errGone {
			if err := s.Ending(); err != nil {
				return nil, false, err
			}
			return nil, false, pgerr.Fatal(pgerr.ConnectionFailure, "unexpected EOF on client connection with an open transaction")
		}
		if err != nil {
			return nil, false, err
		}
		switch kind {
		case 'd':
			return msg, false, nil
		case 'c':
			return nil, true, nil
		case 'f':
			b := body{b: msg}
			return nil, false, pgerr.Newf(pgerr.QueryCanceled, "COPY from stdin failed: %s", string(b.str()))
		case 'H', 'S':
			continue
		default:
			return nil, false, pgerr.Fatal(pgerr.ProtocolViolation,
				"unexpected message type 0x%02X during COPY from stdin", kind)
		}
	}
}
