package rowcodec

import (
	"encoding/binary"
	"math"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// A row is, integers little-endian:
//
//	version u8 = 1 | flags u8 | columns u16 | xid u32 | row id 6 bytes
//	null bitmap, one bit a column, if flag bit 0
//	fixed-width columns in order, zeros where null
//	end of each variable-width column's value, u16 (u32 if flag bit 1)
//	variable-width values in order
//
// Column count is what the table had when the row was written: columns added later
// read as their missing value. A dropped column keeps its place and its width.
const (
	rowVersion   = 1
	headerLen    = 14
	flagNulls    = 1 << 0
	flagWide     = 1 << 1
	knownFlags   = flagNulls | flagWide
	maxRowID     = 1<<48 - 1
	maxNarrowEnd = math.MaxUint16
)

// Header is what every row carries besides its columns.
type Header struct {
	XID   uint32 // of the transaction that wrote this version: xmin
	RowID uint64 // 48 bits, shown as ctid
}

// Column describes one column to the codec.
type Column struct {
	Type *types.Type // nil for a dropped column
	Len  int16       // attlen of a dropped column
	// Missing is the value of the column in rows written before it was added.
	Missing data.Datum
}

type columnOp uint8

const (
	opBool columnOp = iota
	opInt16
	opInt32
	opUint32
	opInt48
	opInt64
	opFloat32
	opFloat64
	opFixed16
	opByte
	opNone // a dropped fixed-width column
	opVar
)

// RowDesc is the layout of a table's rows. It is immutable and may be shared.
type RowDesc struct {
	cols []columnLayout
	// fixedLen[n] and vars[n] are the size of the fixed part and the number of
	// variable columns of a row with n columns.
	fixedLen []uint32
	vars     []uint32
}

type columnLayout struct {
	op      columnOp
	width   uint8
	dropped bool   // reads and is written as null
	at      uint32 // offset in the fixed part, or number among the variable columns
	missing data.Datum
}

// NewRowDesc computes the layout for the columns in attnum order, dropped ones
// included.
func NewRowDesc(cols []Column) *RowDesc {
	d := &RowDesc{
		cols:     make([]columnLayout, len(cols)),
		fixedLen: make([]uint32, len(cols)+1),
		vars:     make([]uint32, len(cols)+1),
	}
	fixed, vars := uint32(0), uint32(0)
	for i, c := range cols {
		op, width := opFor(c)
		l := columnLayout{op: op, width: width, dropped: c.Type == nil, missing: c.Missing}
		if width == 0 {
			l.at = vars
			vars++
		} else {
			l.at = fixed
			fixed += uint32(width)
		}
		d.cols[i] = l
		d.fixedLen[i+1] = fixed
		d.vars[i+1] = vars
	}
	return d
}

// Columns is the number of columns, dropped ones included.
func (d *RowDesc) Columns() int { return len(d.cols) }

func opFor(c Column) (columnOp, uint8) {
	if c.Type == nil {
		w := storedWidth(c.Len)
		if w == 0 {
			return opVar, 0
		}
		return opNone, w
	}
	w := storedWidth(c.Type.Len)
	switch c.Type.Kind {
	case data.KindBool:
		return opBool, 1
	case data.KindFloat64:
		if w == 4 {
			return opFloat32, w
		}
		return opFloat64, w
	case data.KindFixed16:
		return opFixed16, 16
	case data.KindInt64:
		switch w {
		case 2:
			return opInt16, w
		case 4:
			if c.Type.OID == types.Int4 || c.Type.OID == types.Date {
				return opInt32, w
			}
			return opUint32, w
		case 6:
			return opInt48, w
		}
		return opInt64, 8
	}
	if c.Type.Len == 1 {
		return opByte, 1
	}
	return opVar, 0
}

// storedWidth is the fixed width of a type with this typlen, 0 if variable. It
// depends on typlen alone so that a dropped column still has it.
func storedWidth(typlen int16) uint8 {
	switch typlen {
	case 1, 2, 4, 6, 8, 16:
		return uint8(typlen)
	case 12:
		return 16
	}
	return 0
}

// EncodeRow appends the row. row has a value or NULL for every column; what stands
// at a dropped column is ignored.
func EncodeRow(dst []byte, d *RowDesc, h Header, row []data.Datum) []byte {
	n := len(d.cols)
	start := len(dst)
	if out, ok := encodeFull(dst, d, h, row); ok {
		return out
	}
	flags := byte(0)
	varBytes := 0
	for i := range d.cols {
		c := &d.cols[i]
		if row[i].IsNull() || c.dropped {
			flags |= flagNulls
		} else if c.op == opVar {
			varBytes += len(row[i].Bytes())
		}
	}
	endLen := 2
	if varBytes > maxNarrowEnd {
		flags |= flagWide
		endLen = 4
	}
	nullLen := 0
	if flags&flagNulls != 0 {
		nullLen = (n + 7) / 8
	}
	fixedAt := start + headerLen + nullLen
	endsAt := fixedAt + int(d.fixedLen[n])
	dataAt := endsAt + endLen*int(d.vars[n])
	dst = grow(dst, dataAt-start+varBytes)
	out := dst[:dataAt]
	clear(out[start:])
	out[start] = rowVersion
	out[start+1] = flags
	binary.LittleEndian.PutUint16(out[start+2:], uint16(n))
	binary.LittleEndian.PutUint32(out[start+4:], h.XID)
	putUint48(out[start+8:], h.RowID)
	nulls := out[start+headerLen : fixedAt]
	fixed := out[fixedAt:endsAt]
	for i := range d.cols {
		c := &d.cols[i]
		null := row[i].IsNull() || c.dropped
		if null {
			nulls[i>>3] |= 1 << (i & 7)
		}
		if c.op != opVar {
			if !null {
				putFixed(fixed[c.at:], c.op, row[i])
			}
			continue
		}
		if !null {
			out = append(out, row[i].Bytes()...)
		}
		end := uint32(len(out) - dataAt)
		if endLen == 2 {
			binary.LittleEndian.PutUint16(out[endsAt+2*int(c.at):], uint16(end))
		} else {
			binary.LittleEndian.PutUint32(out[endsAt+4*int(c.at):], end)
		}
	}
	return out
}

// encodeFull is EncodeRow of a row without nulls and not wide, as most are: one pass.
// With ok false nothing was appended.
func encodeFull(dst []byte, d *RowDesc, h Header, row []data.Datum) (out []byte, ok bool) {
	n := len(d.cols)
	start := len(dst)
	fixedAt := start + headerLen
	endsAt := fixedAt + int(d.fixedLen[n])
	dataAt := endsAt + 2*int(d.vars[n])
	dst = grow(dst, dataAt-start)
	out = dst[:dataAt]
	out[start] = rowVersion
	out[start+1] = 0
	binary.LittleEndian.PutUint16(out[start+2:], uint16(n))
	binary.LittleEndian.PutUint32(out[start+4:], h.XID)
	putUint48(out[start+8:], h.RowID)
	row = row[:n]
	for i := range d.cols {
		c := &d.cols[i]
		v := &row[i]
		if v.IsNull() || c.dropped {
			return dst, false
		}
		switch c.op {
		case opInt32:
			binary.LittleEndian.PutUint32(out[fixedAt+int(c.at):], uint32(v.Int()))
		case opInt64:
			binary.LittleEndian.PutUint64(out[fixedAt+int(c.at):], uint64(v.Int()))
		case opVar:
			b := v.Bytes()
			end := len(out) - dataAt + len(b)
			if end > maxNarrowEnd {
				return dst, false
			}
			out = append(out, b...)
			binary.LittleEndian.PutUint16(out[endsAt+2*int(c.at):], uint16(end))
		case opBool, opByte:
			out[fixedAt+int(c.at)] = 0
			fallthrough
		default:
			putFixed(out[fixedAt+int(c.at):endsAt], c.op, *v)
		}
	}
	return out, true
}

// grow makes room for n more bytes.
func grow(dst []byte, n int) []byte {
	if cap(dst)-len(dst) >= n {
		return dst
	}
	next := make([]byte, len(dst), max(len(dst)+n, 2*cap(dst)))
	copy(next, dst)
	return next
}

func putFixed(b []byte, op columnOp, v data.Datum) {
	switch op {
	case opBool:
		if v.Bool() {
			b[0] = 1
		}
	case opInt16:
		binary.LittleEndian.PutUint16(b, uint16(v.Int()))
	case opInt32, opUint32:
		binary.LittleEndian.PutUint32(b, uint32(v.Int()))
	case opInt48:
		putUint48(b, uint64(v.Int()))
	case opInt64:
		binary.LittleEndian.PutUint64(b, uint64(v.Int()))
	case opFloat32:
		binary.LittleEndian.PutUint32(b, math.Float32bits(float32(v.Float())))
	case opFloat64:
		binary.LittleEndian.PutUint64(b, math.Float64bits(v.Float()))
	case opFixed16:
		copy(b[:16], v.Fixed16()[:])
	case opByte:
		if s := v.Bytes(); len(s) > 0 {
			b[0] = s[0]
		}
	}
}

func putUint48(b []byte, v uint64) {
	binary.LittleEndian.PutUint32(b, uint32(v))
	binary.LittleEndian.PutUint16(b[4:], uint16(v>>32))
}

func uint48(b []byte) uint64 {
	return uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint16(b[4:]))<<32
}

// ReadHeader reads a row's header.
func ReadHeader(row []byte) (Header, error) {
	if len(row) < headerLen || row[0] != rowVersion {
		return Header{}, corrupt("row")
	}
	return Header{XID: binary.LittleEndian.Uint32(row[4:]), RowID: uint48(row[8:])}, nil
}

// SetXID changes the xid of an encoded row in place.
func SetXID(row []byte, xid uint32) { binary.LittleEndian.PutUint32(row[4:], xid) }

// SetHeader changes the header of an encoded row in place.
func SetHeader(row []byte, h Header) {
	SetXID(row, h.XID)
	putUint48(row[8:], h.RowID)
}
