package ddl

import (
	"math/rand/v2"
	"slices"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// ANALYZE draws its sample by number where rows have numbers: hidden row ids, or a
// primary key of one integer column. Numbers are drawn evenly between the least and
// the greatest one, and those that have a row are the sample: every row is as likely
// as any other, whatever gaps there are, and the share of hits times the span
// estimates the number of rows. Reads are bounded by the sample's size over that
// share. Other tables, small ones, and those where few numbers have a row are read
// to their end.
const (
	drawBytesMin = 32 << 20 // smaller tables are read to their end
	pilotDraws   = 1000
	shareMin     = 0.125 // of numbers with a row
	// drawCost is what a drawn row costs in rows read in order.
	drawCost  = 16
	drawBatch = 512 // numbers looked up together
)

// numbering is how the rows of a table are numbered.
type numbering struct {
	least, greatest int64
	desc            bool
	// appendKey appends the key of the row with the number.
	appendKey func(dst []byte, number int64) []byte
}

// span is how many numbers there are; 0 means 2^64.
func (n *numbering) span() uint64 { return uint64(n.greatest) - uint64(n.least) + 1 }

// numberingOf tells how the table's rows are numbered; nil if they are not.
func (s *Session) numberingOf(t *catalog.Table) (*numbering, error) {
	n := &numbering{}
	start := rowcodec.AppendPrefix(nil, t.Database, t.StorageID)
	number := func(key, _ []byte) (int64, error) {
		id, err := rowcodec.RowID(key)
		return int64(id), err
	}
	n.appendKey = func(dst []byte, number int64) []byte {
		return rowcodec.AppendRowID(append(dst, start...), uint64(number))
	}
	switch {
	case len(t.Key) > 1:
		return nil, nil
	case len(t.Key) == 1:
		k, typ := t.Key[0], t.RowKey[0].Type
		if typ.OID != types.Int2 && typ.OID != types.Int4 && typ.OID != types.Int8 {
			return nil, nil
		}
		n.desc = k.Desc
		number = func(_, row []byte) (int64, error) {
			d, err := rowcodec.DecodeColumn(t.Row, row, int(k.Attnum-1))
			if err != nil {
				return 0, err
			}
			return d.Int(), nil
		}
		n.appendKey = func(dst []byte, number int64) []byte {
			return rowcodec.AppendKey(append(dst, start...), typ, data.Int(number), k.Desc, k.NullsFirst)
		}
	}
	end := rowcodec.AppendPrefixEnd(nil, t.Database, t.StorageID)
	first, any, err := s.edge(kv.ScanSpec{Start: start, End: end}, number)
	if err != nil || !any {
		return nil, err
	}
	last, any, err := s.edge(kv.ScanSpec{Start: start, End: end, Reverse: true}, number)
	if err != nil || !any {
		return nil, err
	}
	n.least, n.greatest = min(first, last), max(first, last)
	return n, nil
}

// edge reads the number of the first row of a scan; false if there is none.
func (s *Session) edge(spec kv.ScanSpec, number func(key, row []byte) (int64, error)) (int64, bool, error) {
	sc, err := s.Txn.NewScan(s.newest(), spec)
	if err != nil {
		return 0, false, err
	}
	defer sc.Close()
	var rows kv.Rows
	for {
		more, err := sc.Next(&rows, 1)
		if err != nil {
			return 0, false, err
		}
		if s.Ctx.Err() != nil {
			return 0, false, expr.CancelError(s.Ctx)
		}
		if rows.Len() > 0 {
			n, err := number(rows.Key(0), rows.Value(0))
			return n, true, err
		}
		if !more {
			return 0, false, nil
		}
	}
}

// gather fills the sample from the table, by numbers or by reading all.
func (s *Session) gather(t *catalog.Table, sm *sample) error {
	bytes, err := s.Store.ApproximateBytes(rowcodec.AppendPrefix(nil, t.Database, t.StorageID),
		rowcodec.AppendPrefixEnd(nil, t.Database, t.StorageID))
	if err != nil {
		return err
	}
	if bytes >= drawBytesMin {
		n, err := s.numberingOf(t)
		if err != nil {
			return err
		}
		if n != nil {
			drawn, err := s.draw(n, sm, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
			if drawn || err != nil {
				return err
			}
		}
	}
	err = s.scanBytes(t, t.StorageID, func(r *scanRow) error {
		sm.offer(r.bytes)
		return nil
	})
	sm.read = sm.seen
	sm.sort()
	return err
}

// draw fills the sample with rows of drawn numbers, in the order they lie in the
// table; false when reading all is the better way, the sample then being empty.
func (s *Session) draw(n *numbering, sm *sample, rng *rand.Rand) (bool, error) {
	span := n.span()
	if span == 0 || span > 1<<62 {
		return false, nil
	}
	hits, bytes := 0, 0
	err := s.lookUp(n, n.numbers(pilotDraws, rng), func(_ int, row []byte) {
		hits++
		bytes += len(row)
	})
	if err != nil {
		return false, err
	}
	share := float64(hits) / pilotDraws
	if share < shareMin || share*float64(span) < drawCost*float64(sm.want)/share {
		return false, nil
	}
	want := min(sm.want, int(sm.limit/int64(bytes/hits+1)))
	numbers := n.numbers(int(float64(want)/share), rng)
	err = s.lookUp(n, numbers, func(at int, row []byte) {
		sm.rows = append(sm.rows, sampledRow{int64(at), slices.Clone(row)})
	})
	if err != nil {
		return false, err
	}
	sm.read = int64(len(sm.rows))
	sm.seen = int64(float64(span)*float64(len(sm.rows))/float64(len(numbers)) + 0.5)
	return true, nil
}

// numbers draws about k different numbers, in the order their rows lie in the table.
func (n *numbering) numbers(k int, rng *rand.Rand) []int64 {
	out := make([]int64, k)
	for i := range out {
		out[i] = n.least + int64(rng.Uint64N(n.span()))
	}
	slices.Sort(out)
	out = slices.Compact(out)
	if n.desc {
		slices.Reverse(out)
	}
	return out
}

// lookUp calls f for the numbers that have a row, with the number's place in the list.
func (s *Session) lookUp(n *numbering, numbers []int64, f func(at int, row []byte)) error {
	var keys [][]byte
	var buf []byte
	var rows kv.Rows
	for from := 0; from < len(numbers); from += drawBatch {
		if s.Ctx.Err() != nil {
			return expr.CancelError(s.Ctx)
		}
		batch := numbers[from:min(from+drawBatch, len(numbers))]
		keys, buf = keys[:0], buf[:0]
		for _, number := range batch {
			at := len(buf)
			buf = n.appendKey(buf, number)
			keys = append(keys, buf[at:])
		}
		if err := s.Txn.MultiGet(s.newest(), keys, &rows); err != nil {
			return err
		}
		for i := range batch {
			if rows.Version(i).Found() {
				f(from+i, rows.Value(i))
			}
		}
	}
	return nil
}
