package exec

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// rowFile is a temporary file of rows, written once from front to end and then
// read any number of times. The file has no name: it is gone when it is closed
// or the process ends.
//
// A row is its values one after the other: the kind in a byte, then nothing
// (NULL), a byte (Bool), 8 bytes (Int64, Float64), 16 bytes (Fixed16) or a
// length and the bytes.
type rowFile struct {
	f    *os.File
	w    *bufio.Writer
	buf  []byte
	rows int64
}

// maxSpilledValueBytes guards against a damaged length.
const maxSpilledValueBytes = 1 << 30

func tempError(err error) error {
	return pgerr.Newf(pgerr.IOError, "could not use temporary file: %v", err)
}

// newRowFile makes a file in dir ("" is the system's directory for them).
func newRowFile(dir string) (*rowFile, error) {
	f, err := os.CreateTemp(dir, "pgz-spill-*")
	if err != nil {
		return nil, tempError(err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, tempError(errors.Join(err, f.Close()))
	}
	return &rowFile{f: f, w: bufio.NewWriterSize(f, 64<<10)}, nil
}

// write appends a row.
func (x *rowFile) write(row []data.Datum) error {
	b := x.buf[:0]
	for _, d := range row {
		b = append(b, byte(d.Kind()))
		switch d.Kind() {
		case data.KindBool:
			b = append(b, map[bool]byte{true: 1}[d.Bool()])
		case data.KindInt64:
			b = binary.LittleEndian.AppendUint64(b, uint64(d.Int()))
		case data.KindFloat64:
			b = appendFloat(b, d.Float())
		case data.KindFixed16:
			b = append(b, d.Fixed16()[:]...)
		case data.KindBytes:
			b = binary.AppendUvarint(b, uint64(len(d.Bytes())))
			b = append(b, d.Bytes()...)
		}
	}
	x.buf = b
	x.rows++
	if _, err := x.w.Write(b); err != nil {
		return tempError(err)
	}
	return nil
}

// rowCursor reads a rowFile.
type rowCursor struct {
	r     *bufio.Reader
	left  int64
	cols  int
	arena data.Arena
	row   []data.Datum
	word  [8]byte // a number being read
}

// read starts reading from the front; writing is over.
func (x *rowFile) read(cols int) (*rowCursor, error) {
	if err := x.w.Flush(); err != nil {
		return nil, tempError(err)
	}
	section := io.NewSectionReader(x.f, 0, 1<<62)
	return &rowCursor{r: bufio.NewReaderSize(section, 64<<10), left: x.rows, cols: cols}, nil
}

// next returns the next row, nil at the end; it is valid until the next call.
func (c *rowCursor) next() ([]data.Datum, error) {
	if c.left == 0 {
		return nil, nil
	}
	c.left--
	c.arena.Reset()
	c.row = c.row[:0]
	for range c.cols {
		d, err := c.value()
		if err != nil {
			return nil, tempError(err)
		}
		c.row = append(c.row, d)
	}
	if c.row == nil {
		c.row = []data.Datum{}
	}
	return c.row, nil
}

func (c *rowCursor) value() (data.Datum, error) {
	k, err := c.r.ReadByte()
	if err != nil {
		return data.Null, err
	}
	switch data.Kind(k) {
	case data.KindNone:
		return data.Null, nil
	case data.KindBool:
		b, err := c.r.ReadByte()
		return data.Bool(b != 0), err
	case data.KindInt64, data.KindFloat64:
		if _, err := io.ReadFull(c.r, c.word[:]); err != nil {
			return data.Null, err
		}
		if data.Kind(k) == data.KindFloat64 {
			return data.Float(floatOf(c.word)), nil
		}
		return data.Int(int64(binary.LittleEndian.Uint64(c.word[:]))), nil
	case data.KindFixed16:
		p := c.arena.New16()
		_, err := io.ReadFull(c.r, p[:])
		return data.Fixed16(p), err
	}
	n, err := binary.ReadUvarint(c.r)
	if err != nil || n > maxSpilledValueBytes {
		return data.Null, errors.Join(err, errors.New("damaged row"))
	}
	b := c.arena.Bytes(int(n))
	_, err = io.ReadFull(c.r, b)
	return data.Bytes(b), err
}

func (x *rowFile) close() {
	if x != nil && x.f != nil {
		_ = x.f.Close() // it has no name; nothing can be lost
		x.f = nil
	}
}
