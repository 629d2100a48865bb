package catalog

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/pgzdb/pgz/server/pkg/data"
)

// The image file, written by internal/export, version 1:
//
//	"PGZI" 0x01, then relations one after the other:
//	  uvarint pg_class OID, uvarint columns, one code byte per column,
//	  uvarint rows, uvarint raw bytes, uvarint packed bytes, packed bytes (deflate)
//
// The unpacked bytes are the values column by column, each 0x00 for NULL or 0x01 and, by the column's code:
//
//	i  varint integer                    b  one byte, 0 or 1       f  float32, little endian
//	s  uvarint length, bytes             c  one byte: "char"
//	h o H O  uvarint count, varints: int2vector, oidvector, int2[], oid[]
//	T C      uvarint count, strings as s: text[], "char"[]
//	P        aclitem[]: uvarint count, items of uvarint grantee, grantor, privilege bits (grant options above bit 15)
//
//go:embed image.bin
var imageFile []byte

var errImage = errors.New("catalog image is damaged")

const imageMagic = "PGZI\x01"

// imagePart locates one relation inside the file.
type imagePart struct {
	rel    uint32
	codes  []byte
	rows   int
	raw    int
	packed []byte
}

// imageParts reads the file's directory. It unpacks nothing.
func imageParts(file []byte) (map[uint32]imagePart, error) {
	if !bytes.HasPrefix(file, []byte(imageMagic)) {
		return nil, errImage
	}
	r := imageReader{b: file[len(imageMagic):]}
	parts := map[uint32]imagePart{}
	for len(r.b) > 0 && r.err == nil {
		p := imagePart{rel: uint32(r.uvarint())}
		p.codes = r.take(int(r.uvarint()))
		p.rows = int(r.uvarint())
		p.raw = int(r.uvarint())
		p.packed = r.take(int(r.uvarint()))
		parts[p.rel] = p
	}
	return parts, r.err
}

// unpack decodes the relation's values.
func (p imagePart) unpack() ([]imageColumn, error) {
	raw := make([]byte, p.raw)
	if _, err := io.ReadFull(flate.NewReader(bytes.NewReader(p.packed)), raw); err != nil {
		return nil, fmt.Errorf("%w: relation %d: %w", errImage, p.rel, err)
	}
	r := imageReader{b: raw}
	cols := make([]imageColumn, len(p.codes))
	for i, code := range p.codes {
		cols[i] = r.column(code, p.rows)
	}
	if r.err == nil && len(r.b) != 0 {
		r.err = errImage
	}
	return cols, r.err
}

// imageColumn is one column's values. Integers, booleans and floats lie in nums, everything else in buf.
type imageColumn struct {
	code  byte
	nulls []uint64 // bit set: NULL; nil when no value is
	nums  []int64
	off   []uint32
	buf   []byte
}

// get returns value i, borrowing the column's memory.
func (c *imageColumn) get(i int) data.Datum {
	if c.nulls != nil && c.nulls[i>>6]&(1<<(i&63)) != 0 {
		return data.Null
	}
	switch c.code {
	case 'i':
		return data.Int(c.nums[i])
	case 'b':
		return data.Bool(c.nums[i] != 0)
	case 'f':
		return data.Float(math.Float64frombits(uint64(c.nums[i])))
	}
	return data.Bytes(c.buf[c.off[i]:c.off[i+1]:c.off[i+1]])
}

// imageReader consumes bytes; after the first error every read gives zeros.
type imageReader struct {
	b   []byte
	err error
}

func (r *imageReader) uvarint() uint64 {
	n, k := binary.Uvarint(r.b)
	if k <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[k:]
	return n
}

func (r *imageReader) varint() int64 {
	n, k := binary.Varint(r.b)
	if k <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[k:]
	return n
}

func (r *imageReader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail()
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *imageReader) byte() byte {
	if b := r.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *imageReader) fail() {
	r.err = errImage
	r.b = nil
}

func (r *imageReader) column(code byte, rows int) imageColumn {
	c := imageColumn{code: code}
	fixed := code == 'i' || code == 'b' || code == 'f'
	if fixed {
		c.nums = make([]int64, rows)
	} else {
		c.off = make([]uint32, 1, rows+1)
	}
	for i := 0; i < rows && r.err == nil; i++ {
		switch {
		case r.byte() == 0:
			if c.nulls == nil {
				c.nulls = make([]uint64, (rows+63)/64)
			}
			c.nulls[i>>6] |= 1 << (i & 63)
		case fixed:
			c.nums[i] = r.number(code)
		default:
			c.buf = r.bytes(c.buf, code)
		}
		if !fixed {
			c.off = append(c.off, uint32(len(c.buf)))
		}
	}
	return c
}

func (r *imageReader) number(code byte) int64 {
	switch code {
	case 'i':
		return r.varint()
	case 'b':
		return int64(r.byte())
	}
	if b := r.take(4); len(b) == 4 {
		return int64(math.Float64bits(float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))))
	}
	return 0
}

// bytes appends one value of Bytes kind in its internal form.
func (r *imageReader) bytes(dst []byte, code byte) []byte {
	if code == 'c' {
		return append(dst, r.byte())
	}
	n := int(r.uvarint())
	if n > len(r.b) {
		r.fail()
		return dst
	}
	if code == 's' {
		return append(dst, r.take(n)...)
	}
	elems := make([]data.Datum, n)
	for i := range elems {
		switch code {
		case 'h', 'o', 'H', 'O':
			elems[i] = data.Int(r.varint())
		case 'T', 'C':
			elems[i] = data.Bytes(r.take(int(r.uvarint())))
		case 'P':
			it := ACLItem{Grantee: uint32(r.uvarint()), Grantor: uint32(r.uvarint())}
			bits := uint32(r.uvarint())
			it.Privileges, it.GrantOptions = bits&0xffff, bits>>16
			elems[i] = it.Datum()
		default:
			r.fail()
			return dst
		}
	}
	return appendArray(dst, code, elems)
}
