package ddl

import (
	"bytes"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/kv"
)

// orderedBytes is how much of an input in key order is collected before it is
// written.
const orderedBytes = 1 << 20

// bulkBuild writes the rows or entries of a new storage id in key order, and
// finds equal keys. Rows mostly come in the order of the key they are to get:
// as long as they do they are written as they come. From the first large
// disorder on they are sorted.
type bulkBuild struct {
	s         *Session
	duplicate func(key []byte) error // the error of a key that comes twice
	sorted    *pairSorter
	first     []byte // least and greatest key written; nil: none
	last      []byte
}

func (s *Session) newBulkBuild(t *catalog.Table, ix *catalog.Index) *bulkBuild {
	return &bulkBuild{
		s: s, sorted: newPairSorter(s.TempDir, s.MaintenanceMem),
		duplicate: func(key []byte) error { return s.duplicate(t, ix, key) },
	}
}

func (b *bulkBuild) close() { b.sorted.close() }

// add takes a pair; both slices are copied.
func (b *bulkBuild) add(key, val []byte) error {
	if b.last != nil && b.sorted.empty() && bytes.Compare(b.last, key) < 0 {
		b.last = append(b.last[:0], key...)
		return b.s.Txn.Put(b.s.Op, key, val)
	}
	if b.sorted.bytes() >= orderedBytes && b.goesOn() {
		if err := b.writeOrdered(); err != nil {
			return err
		}
	}
	return b.sorted.add(key, val)
}

// goesOn tells that what is collected can be written behind what is written.
func (b *bulkBuild) goesOn() bool {
	p := b.sorted.pairs
	return b.sorted.ordered() && (b.last == nil || len(p) == 0 || bytes.Compare(b.last, b.sorted.key(p[0])) < 0)
}

func (b *bulkBuild) writeOrdered() error {
	for i, p := range b.sorted.pairs {
		key := b.sorted.key(p)
		if b.first == nil {
			b.first = bytes.Clone(key)
		}
		if i == len(b.sorted.pairs)-1 {
			b.last = append(b.last[:0], key...)
		}
		if err := b.s.Txn.Put(b.s.Op, key, b.sorted.val(p)); err != nil {
			return err
		}
	}
	b.sorted.forget()
	return nil
}

// finish writes what is left. A key that comes twice is an error.
func (b *bulkBuild) finish() error {
	if b.goesOn() {
		return b.writeOrdered()
	}
	written, err := b.writtenKeys()
	if err != nil {
		return err
	}
	defer written.close()
	return b.sorted.each(func(prev, key, val []byte) error {
		again := prev != nil && bytes.Equal(prev, key)
		if !again {
			if again, err = written.has(key); err != nil {
				return err
			}
		}
		if again {
			return b.duplicate(key)
		}
		return b.s.Txn.Put(b.s.Op, key, val)
	})
}

// keyCursor walks the keys that were written in order, to be asked for keys
// that ascend.
type keyCursor struct {
	scan kv.Scanner
	rows kv.Rows
	at   int
	more bool
}

func (b *bulkBuild) writtenKeys() (*keyCursor, error) {
	c := &keyCursor{}
	if b.last == nil {
		return c, nil
	}
	// The statement's own writes are numbered like it: the view has to reach past it.
	view := b.s.newest()
	view.ReadOp++
	end := append(bytes.Clone(b.last), 0)
	var err error
	c.scan, err = b.s.Txn.NewScan(view, kv.ScanSpec{Start: b.first, End: end})
	c.more = true
	return c, err
}

func (c *keyCursor) has(key []byte) (bool, error) {
	for {
		for ; c.at < c.rows.Len(); c.at++ {
			if order := bytes.Compare(c.rows.Key(c.at), key); order >= 0 {
				return order == 0, nil
			}
		}
		if !c.more {
			return false, nil
		}
		var err error
		c.at = 0
		if c.more, err = c.scan.Next(&c.rows, kv.MaxScanRows); err != nil {
			return false, err
		}
	}
}

func (c *keyCursor) close() {
	if c.scan != nil {
		c.scan.Close()
	}
}
