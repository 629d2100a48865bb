package exec

import (
	"encoding/binary"
	"math"

	"github.com/pgzdb/pgz/server/pkg/data"
)

func appendFloat(b []byte, f float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
}

func floatOf(b [8]byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b[:])) }

// rowStore keeps rows in the order they come: in memory up to a limit, then in
// a temporary file. Rows can be read while more are added.
type rowStore struct {
	r     *Run
	cols  int
	limit int64 // bytes in memory
	arena *data.Arena
	slab  []data.Datum // rows in memory, cols values each
	n     int64        // rows in memory
	file  *rowFile     // rows after those in memory; nil: none
}

func newRowStore(r *Run, cols int) *rowStore {
	return &rowStore{r: r, cols: cols, limit: r.st.workMem(), arena: data.NewArena(r.st.Account)}
}

// memBytes is the memory the rows take.
func (s *rowStore) memBytes() int64 { return s.arena.MemBytes() + 24*int64(cap(s.slab)) }

// add appends a copy of row.
func (s *rowStore) add(row []data.Datum) error {
	if s.file == nil && s.memBytes() > s.limit {
		f, err := newRowFile(s.r.st.TempDir)
		if err != nil {
			return err
		}
		s.file = f
	}
	if s.file != nil {
		return s.file.write(row)
	}
	before := cap(s.slab)
	for _, d := range row {
		s.slab = append(s.slab, s.arena.CopyDatum(d))
	}
	s.r.st.Account.Grow(24 * int64(cap(s.slab)-before))
	s.n++
	return nil
}

// rows is the number of rows.
func (s *rowStore) rows() int64 {
	if s.file != nil {
		return s.n + s.file.rows
	}
	return s.n
}

// clear forgets the rows.
func (s *rowStore) clear() {
	s.arena.Reset()
	s.slab, s.n = s.slab[:0], 0
	s.file.close()
	s.file = nil
}

func (s *rowStore) close() {
	s.clear()
	s.arena.Free()
	s.r.st.Account.Shrink(24 * int64(cap(s.slab)))
	s.slab = nil
}

// storeCursor reads a rowStore from the front.
type storeCursor struct {
	s  *rowStore
	at int64
	c  *rowCursor
}

func (s *rowStore) read() *storeCursor { return &storeCursor{s: s} }

// next returns the next row, nil at the end; it is valid until the next call.
func (x *storeCursor) next() ([]data.Datum, error) {
	if x.at < x.s.n {
		from := int(x.at) * x.s.cols
		x.at++
		return x.s.slab[from : from+x.s.cols : from+x.s.cols], nil
	}
	if x.s.file == nil {
		return nil, nil
	}
	if x.c == nil {
		var err error
		if x.c, err = x.s.file.read(x.s.cols); err != nil {
			return nil, err
		}
	}
	return x.c.next()
}
