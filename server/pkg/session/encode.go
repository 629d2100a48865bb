package session

import (
	"unsafe"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/parser"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// sendValue encodes one column of the row under way.
func (s *Session) sendValue(c *types.Ctx, p *portal, col int, t *types.Type, d data.Datum) error {
	o := s.out
	if d.IsNull() {
		o.Null()
		return nil
	}
	at := o.BeginValue()
	if p.formats != nil && p.formats[col] == 1 {
		b, err := t.Send(c, o.Buf, d)
		if err != nil {
			return err
		}
		o.Buf = b
	} else {
		o.Buf = t.Out(c, o.Buf, d)
	}
	o.EndValue(at)
	if len(o.Buf)-o.rowAt > largeMessageBytes {
		return o.roomFor(o.rowAt, at, &p.account)
	}
	return nil
}

// textParam reads a parameter in text form, which must be valid text.
func (s *Session) textParam(t *types.Type, c *types.Ctx, value []byte) (data.Datum, error) {
	text := bytesString(value)
	if err := parser.CheckText(text); err != nil {
		return data.Null, err
	}
	return t.In(c, text, -1)
}

// bytesString is b as a string that borrows it.
func bytesString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
