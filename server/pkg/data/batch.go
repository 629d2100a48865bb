package data

// Batch is up to MaxBatch rows in columns of equal length. When Sel is not
// nil it lists, in ascending order, the rows that count; the others were
// filtered out and must not be looked at.
//
// A batch belongs to the operator that made it and is valid until that
// operator's next call.
type Batch struct {
	Cols []Vec
	N    int // rows in each column
	Sel  []uint16

	heavy bool // AppendRow has put in as many bytes as a batch should hold
}

// BatchBytes is how many bytes of values a column of a batch takes before the
// batch is full, so that wide rows do not come a thousand at a time.
const BatchBytes = 256 << 10

// NewBatch returns an empty batch with a column of each kind.
func NewBatch(kinds []Kind) *Batch {
	b := &Batch{Cols: make([]Vec, len(kinds))}
	for i, k := range kinds {
		b.Cols[i].Init(k)
	}
	return b
}

// Rows returns the number of rows that count.
func (b *Batch) Rows() int {
	if b.Sel != nil {
		return len(b.Sel)
	}
	return b.N
}

// Lane returns the index into the columns of the i-th row that counts.
func (b *Batch) Lane(i int) int {
	if b.Sel != nil {
		return int(b.Sel[i])
	}
	return i
}

// Reset empties the batch, keeping its buffers and kinds.
func (b *Batch) Reset() {
	for i := range b.Cols {
		b.Cols[i].Reset()
	}
	b.N = 0
	b.Sel = nil
	b.heavy = false
}

// AppendRow adds a copy of row, which has a value for every column.
func (b *Batch) AppendRow(row Row) {
	for i := range b.Cols {
		v := &b.Cols[i]
		v.Append(row[i])
		b.heavy = b.heavy || len(v.Buf) >= BatchBytes
	}
	b.N++
}

// Row fills dst with the values at lane i, borrowing the batch's memory.
func (b *Batch) Row(i int, dst Row) Row {
	dst = dst[:0]
	for c := range b.Cols {
		dst = append(dst, b.Cols[c].Get(i))
	}
	return dst
}

// Full reports whether no row should be added any more.
func (b *Batch) Full() bool { return b.N >= MaxBatch || b.heavy }

// MemBytes returns the bytes the columns hold.
func (b *Batch) MemBytes() int64 {
	var n int64
	for i := range b.Cols {
		n += b.Cols[i].MemBytes()
	}
	return n
}
