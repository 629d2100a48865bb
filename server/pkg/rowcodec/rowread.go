package rowcodec

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/pgzdb/pgz/server/pkg/data"
)

// layout is where the parts of one encoded row begin.
type layout struct {
	nulls  []byte // empty: none null
	fixed  []byte
	ends   []byte
	values []byte
	n      int
	wide   bool
}

func (l *layout) read(d *RowDesc, row []byte) error {
	if len(row) < headerLen || row[0] != rowVersion || row[1]&^knownFlags != 0 {
		return corrupt("row")
	}
	l.n = int(binary.LittleEndian.Uint16(row[2:]))
	if l.n > len(d.cols) {
		return corrupt("row")
	}
	rest := row[headerLen:]
	nullLen := 0
	if row[1]&flagNulls != 0 {
		nullLen = (l.n + 7) / 8
	}
	l.wide = row[1]&flagWide != 0
	endLen := 2
	if l.wide {
		endLen = 4
	}
	fixedLen, endsLen := int(d.fixedLen[l.n]), endLen*int(d.vars[l.n])
	if len(rest) < nullLen+fixedLen+endsLen {
		return corrupt("row")
	}
	l.nulls = rest[:nullLen]
	l.fixed = rest[nullLen : nullLen+fixedLen]
	l.ends = rest[nullLen+fixedLen : nullLen+fixedLen+endsLen]
	l.values = rest[nullLen+fixedLen+endsLen:]
	return nil
}

func (l *layout) column(d *RowDesc, i int) (data.Datum, error) {
	c := &d.cols[i]
	if c.dropped {
		return data.Null, nil
	}
	if i >= l.n {
		return c.missing, nil
	}
	if len(l.nulls) > 0 && l.nulls[i>>3]&(1<<(i&7)) != 0 {
		return data.Null, nil
	}
	if c.op == opVar {
		start, end := l.bounds(int(c.at))
		if start > end || end > uint32(len(l.values)) {
			return data.Null, corrupt("row")
		}
		return data.Bytes(l.values[start:end:end]), nil
	}
	b := l.fixed[c.at:]
	switch c.op {
	case opInt32:
		return data.Int(int64(int32(binary.LittleEndian.Uint32(b)))), nil
	case opInt64:
		return data.Int(int64(binary.LittleEndian.Uint64(b))), nil
	case opUint32:
		return data.Int(int64(binary.LittleEndian.Uint32(b))), nil
	case opInt16:
		return data.Int(int64(int16(binary.LittleEndian.Uint16(b)))), nil
	case opInt48:
		return data.Int(int64(uint48(b))), nil
	case opBool:
		return data.Bool(b[0] != 0), nil
	case opFloat32:
		return data.Float(float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))), nil
	case opFloat64:
		return data.Float(math.Float64frombits(binary.LittleEndian.Uint64(b))), nil
	case opFixed16:
		return data.Fixed16((*[16]byte)(unsafe.Pointer(unsafe.SliceData(b[:16])))), nil
	case opByte:
		return data.Bytes(b[:1:1]), nil
	}
	return data.Null, nil
}

func (l *layout) bounds(k int) (start, end uint32) {
	if l.wide {
		if k > 0 {
			start = binary.LittleEndian.Uint32(l.ends[4*k-4:])
		}
		return start, binary.LittleEndian.Uint32(l.ends[4*k:])
	}
	if k > 0 {
		start = uint32(binary.LittleEndian.Uint16(l.ends[2*k-2:]))
	}
	return start, uint32(binary.LittleEndian.Uint16(l.ends[2*k:]))
}

// DecodeColumns reads the wanted columns (0-based) of a row: out[i] is column
// wanted[i]. Bytes and Fixed16 values borrow row. It does not allocate.
func DecodeColumns(d *RowDesc, row []byte, wanted []int, out []data.Datum) error {
	var l layout
	if err := l.read(d, row); err != nil {
		return err
	}
	for i, w := range wanted {
		v, err := l.column(d, w)
		if err != nil {
			return err
		}
		out[i] = v
	}
	return nil
}

// DecodeRow reads all columns; out has room for Columns values.
func DecodeRow(d *RowDesc, row []byte, out []data.Datum) error {
	var l layout
	if err := l.read(d, row); err != nil {
		return err
	}
	for i := range d.cols {
		v, err := l.column(d, i)
		if err != nil {
			return err
		}
		out[i] = v
	}
	return nil
}

// DecodeColumn reads one column.
func DecodeColumn(d *RowDesc, row []byte, col int) (data.Datum, error) {
	var l layout
	if err := l.read(d, row); err != nil {
		return data.Null, err
	}
	return l.column(d, col)
}

// AppendToVecs appends the wanted columns of a row to vecs, one each. The vectors
// copy what they keep. On an error the vectors may have unequal lengths.
func AppendToVecs(d *RowDesc, row []byte, wanted []int, vecs []data.Vec) error {
	var l layout
	if err := l.read(d, row); err != nil {
		return err
	}
	for i, w := range wanted {
		v, err := l.column(d, w)
		if err != nil {
			return err
		}
		if v.IsNull() {
			vecs[i].AppendNull()
		} else {
			vecs[i].Append(v)
		}
	}
	return nil
}
