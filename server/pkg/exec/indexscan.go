package exec

import (
	"sort"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// indexScanOp is planner.IndexScan: ranges of the row key or of a secondary
// index, whose rows are then fetched many at a time.
type indexScanOp struct {
	output
	n       *planner.IndexScan
	dec     decoder
	rng     keyRange
	rowKey  bool
	in      []data.Datum // values of n.In still to come
	list    *data.Arena  // owns them
	inNext  int
	started bool
	scan    kv.Scanner
	ents    kv.Rows // entries of the index, or rows of the table
	more    bool
	rows    kv.Rows // fetched rows
	at      int
	keys    [][]byte
	keyBuf  []byte
	row     []data.Datum
	only    *onlyDecoder
}

func newIndexScan(r *Run, n *planner.IndexScan) (operator, error) {
	op := &indexScanOp{
		output: newOutput(r, len(n.Reads)), n: n, dec: newDecoder(n.Rel, n.Reads),
		row: make([]data.Datum, len(n.Reads)), rowKey: n.Index == nil || n.Index.RowKey, list: data.NewArena(r.st.Account),
	}
	t := n.Rel.Table
	if op.rowKey {
		op.rng = keyRange{database: t.Database, storage: t.StorageID, cols: n.Rel.Key}
	} else {
		x := n.Index.Codec
		op.rng = keyRange{database: x.Database, storage: x.Storage, cols: x.Cols}
		if n.Only {
			op.only = newOnlyDecoder(n)
		}
	}
	return op, nil
}

// start opens the first range; it reports whether there is one.
func (op *indexScanOp) start() (bool, error) {
	op.started = true
	if op.n.In != nil {
		if err := op.listIn(); err != nil {
			return false, err
		}
		return op.nextIn()
	}
	ok, err := op.rng.begin(op.c, op.n.Eq)
	if err != nil || !ok {
		return false, err
	}
	if op.n.Lo == nil && op.n.Hi == nil {
		op.rng.point()
	} else if ok, err = op.rng.bounds(op.c, len(op.n.Eq), op.n.Lo, op.n.Hi); err != nil || !ok {
		return false, err
	}
	return true, op.open()
}

// listIn evaluates the array of values: ascending, without nulls and repeats.
func (op *indexScanOp) listIn() error {
	d, err := op.n.In.Eval(op.c, nil)
	op.in, op.inNext = op.in[:0], 0
	if err != nil || d.IsNull() {
		return err
	}
	at, err := types.Resolve(op.c.Types, op.n.In.Type())
	if err != nil {
		return err
	}
	elem := at.ElemType()
	if elem == nil {
		return pgerr.Internal("type %s is no array", at.Name)
	}
	op.list.Reset()
	v := types.ReadArray(op.list.CopyDatum(d))
	for i := range v.Len() {
		if e := v.Elem(elem, i); !e.IsNull() {
			op.in = append(op.in, e)
		}
	}
	sign := 1
	if op.rng.cols[len(op.n.Eq)].Desc != op.n.Reverse {
		sign = -1
	}
	sort.SliceStable(op.in, func(i, j int) bool { return sign*elem.Compare(op.in[i], op.in[j]) < 0 })
	out := op.in[:0]
	for i, e := range op.in {
		if i == 0 || !elem.Equal(e, out[len(out)-1]) {
			out = append(out, e)
		}
	}
	op.in = out
	return nil
}

func (op *indexScanOp) nextIn() (bool, error) {
	for op.inNext < len(op.in) {
		d := op.in[op.inNext]
		op.inNext++
		ok, err := op.rng.begin(op.c, op.n.Eq)
		if err != nil || !ok {
			return false, err
		}
		if op.rng.equal(len(op.n.Eq), d) {
			op.rng.point()
			return true, op.open()
		}
	}
	return false, nil
}

func (op *indexScanOp) open() error {
	op.stop()
	spec := kv.ScanSpec{Start: op.rng.start, End: op.rng.end, Reverse: op.n.Reverse}
	var err error
	op.scan, err = op.r.st.Txn.NewScan(op.r.st.View, spec)
	op.more = true
	return err
}

func (op *indexScanOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	if !op.started {
		if ok, err := op.start(); err != nil || !ok {
			return nil, err
		}
	}
	for op.b.N < want && !op.b.Full() {
		if op.at < op.rows.Len() {
			i := op.at
			op.at++
			if err := op.one(i); err != nil {
				return op.finish(err)
			}
			continue
		}
		ok, err := op.fetch(want)
		if err != nil || !ok {
			return op.finish(err)
		}
	}
	return op.finish(nil)
}

// fetch reads the next entries and their rows; it reports whether to go on.
func (op *indexScanOp) fetch(want int) (bool, error) {
	for {
		if op.scan == nil {
			return false, nil
		}
		if !op.more {
			op.stop()
			if op.n.In == nil {
				return false, nil
			}
			if ok, err := op.nextIn(); err != nil || !ok {
				return false, err
			}
		}
		if err := op.c.Cancelled(); err != nil {
			return false, err
		}
		ask := want
		if len(op.n.Filter.Quals) > 0 {
			ask = max(want, 64)
		}
		into := &op.ents
		if op.rowKey {
			into = &op.rows
		}
		var err error
		if op.more, err = op.scan.Next(into, ask); err != nil {
			return false, err
		}
		op.at = 0
		if op.rowKey {
			if op.rows.Len() > 0 {
				return true, nil
			}
			continue
		}
		op.rows.Reset()
		if op.ents.Len() > 0 {
			return true, op.fetchRows()
		}
	}
}

// fetchRows reads the table rows of the entries.
func (op *indexScanOp) fetchRows() error {
	if op.only != nil {
		for i := range op.ents.Len() {
			op.rows.Append(op.ents.Key(i), op.ents.Value(i), op.ents.Version(i))
		}
		return nil
	}
	t := op.n.Rel.Table
	op.keys, op.keyBuf = op.keys[:0], op.keyBuf[:0]
	need := 0
	for i := range op.ents.Len() {
		need += rowcodec.PrefixLen + len(op.ents.Key(i)) + len(op.ents.Value(i))
	}
	if cap(op.keyBuf) < need {
		op.keyBuf = make([]byte, 0, need)
	}
	for i := range op.ents.Len() {
		rk, err := op.n.Index.Codec.EntryRowKey(op.ents.Key(i), op.ents.Value(i))
		if err != nil {
			return err
		}
		start := len(op.keyBuf)
		op.keyBuf = rowcodec.AppendPrefix(op.keyBuf, t.Database, t.StorageID)
		op.keyBuf = append(op.keyBuf, rk...)
		op.keys = append(op.keys, op.keyBuf[start:len(op.keyBuf):len(op.keyBuf)])
	}
	return op.r.st.Txn.MultiGet(op.r.st.View, op.keys, &op.rows)
}

// one adds row i if it passes the filter.
func (op *indexScanOp) one(i int) error {
	if op.only != nil {
		if err := op.only.row(op.c.Arena, op.rows.Key(i), op.rows.Value(i), op.row); err != nil {
			return err
		}
	} else {
		if !op.rows.Version(i).Found() {
			return nil
		}
		if err := op.dec.row(op.c, op.rows.Key(i), op.rows.Value(i), op.row); err != nil {
			return err
		}
	}
	ok, err := pass(op.c, &op.n.Filter, op.row)
	if ok {
		op.add(op.row)
	}
	op.c.Arena.Reset()
	return err
}

func (op *indexScanOp) rescan() error {
	op.stop()
	op.started, op.pending = false, nil
	op.rows.Reset()
	op.at = 0
	return nil
}

func (op *indexScanOp) stop() {
	if op.scan != nil {
		op.scan.Close()
		op.scan = nil
	}
}

func (op *indexScanOp) close() {
	op.stop()
	op.list.Free()
	op.free()
}

// onlyDecoder reads columns from index entries without their rows.
type onlyDecoder struct {
	n    *planner.IndexScan
	vals []data.Datum // of the index columns, then of the row key
	from []int        // for each output column its place in vals
}

func newOnlyDecoder(n *planner.IndexScan) *onlyDecoder {
	d := &onlyDecoder{n: n, vals: make([]data.Datum, len(n.Index.Cols)+len(n.Rel.Key))}
	for _, c := range n.Reads {
		at := 0
		for i, col := range n.Index.Cols {
			if col == int(c)-1 {
				at = i
			}
		}
		for i, col := range n.Rel.KeyCols {
			if col == int(c)-1 {
				at = len(n.Index.Cols) + i
			}
		}
		d.from = append(d.from, at)
	}
	return d
}

func (d *onlyDecoder) row(a *data.Arena, key, val []byte, out []data.Datum) error {
	x := d.n.Index.Codec
	if _, err := rowcodec.DecodeKeyColumns(a, key[rowcodec.PrefixLen:], x.Cols, d.vals); err != nil {
		return err
	}
	if len(d.n.Rel.Key) > 0 {
		rk, err := x.EntryRowKey(key, val)
		if err != nil {
			return err
		}
		if _, err = rowcodec.DecodeKeyColumns(a, rk, d.n.Rel.Key, d.vals[len(x.Cols):]); err != nil {
			return err
		}
	}
	for i, at := range d.from {
		out[i] = d.vals[at]
	}
	return nil
}
