package exec

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
)

// seqScanOp is planner.SeqScan: all rows of a table in key order.
type seqScanOp struct {
	output
	n    *planner.SeqScan
	dec  decoder
	scan kv.Scanner
	rows kv.Rows
	at   int
	more bool
	row  []data.Datum
}

func newSeqScan(r *Run, n *planner.SeqScan) (operator, error) {
	return &seqScanOp{
		output: newOutput(r, len(n.Reads)), n: n, dec: newDecoder(n.Rel, n.Reads),
		row: make([]data.Datum, len(n.Reads)),
	}, nil
}

func (op *seqScanOp) start() error {
	t := op.n.Rel.Table
	spec := kv.ScanSpec{
		Start:    rowcodec.AppendPrefix(nil, t.Database, t.StorageID),
		End:      rowcodec.AppendPrefixEnd(nil, t.Database, t.StorageID),
		KeysOnly: len(op.n.Reads) == 0,
	}
	var err error
	op.scan, err = op.r.st.Txn.NewScan(op.r.st.View, spec)
	op.more, op.at = true, 0
	op.rows.Reset()
	return err
}

func (op *seqScanOp) next(want int) (*data.Batch, error) {
	if err := op.begin(); err != nil {
		return nil, err
	}
	if op.scan == nil {
		if err := op.start(); err != nil {
			return nil, err
		}
	}
	for bytes := 0; op.b.N < want && !op.b.Full(); {
		if op.at >= op.rows.Len() {
			if !op.more || op.b.N > 0 && (op.b.N >= want/2 || bytes >= data.BatchBytes) {
				break
			}
			if err := op.fetch(want); err != nil {
				return op.finish(err)
			}
			bytes += len(op.rows.Buf)
			continue
		}
		key, val := op.rows.Key(op.at), op.rows.Value(op.at)
		op.at++
		if err := op.one(key, val); err != nil {
			return op.finish(err)
		}
	}
	return op.finish(nil)
}

func (op *seqScanOp) fetch(want int) error {
	if err := op.c.Cancelled(); err != nil {
		return err
	}
	if len(op.n.Filter.Quals) > 0 {
		want = data.MaxBatch
	}
	op.at = 0
	var err error
	op.more, err = op.scan.Next(&op.rows, want)
	return err
}

// one adds a row if it passes the filter.
func (op *seqScanOp) one(key, val []byte) error {
	if len(op.n.Reads) == 0 && len(op.n.Filter.Quals) == 0 {
		op.b.N++
		return nil
	}
	if len(op.n.Filter.Quals) == 0 && op.dec.plain() {
		if err := rowcodec.AppendToVecs(op.n.Rel.Desc, val, op.dec.attrs, op.b.Cols); err != nil {
			return err
		}
		op.b.N++
		return nil
	}
	if err := op.dec.row(op.c, key, val, op.row); err != nil {
		return err
	}
	ok, err := pass(op.c, &op.n.Filter, op.row)
	if ok {
		op.add(op.row)
	}
	op.c.Arena.Reset() // a scan may pass over millions of rows before it returns
	return err
}

func (op *seqScanOp) rescan() error {
	op.stop()
	op.pending = nil
	return nil
}

func (op *seqScanOp) stop() {
	if op.scan != nil {
		op.scan.Close()
		op.scan = nil
	}
}

func (op *seqScanOp) close() {
	op.stop()
	op.free()
}
