package catalog

import (
	"bytes"
	"context"
	"fmt"

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
)

// deletedMark is stored under a key of the image that is deleted in a database. Rows and index entries start with
// their version byte, so no value of theirs equals it.
var deletedMark = []byte{0}

func isDeletedMark(v []byte) bool { return len(v) == 1 && v[0] == deletedMark[0] }

// imageTxn is a transaction that sees the image merged under every database's catalog ranges. Writes go to the
// store; deleting a key of the image leaves a mark there. All other keys pass through untouched.
type imageTxn struct {
	kv.Txn
	img *Image
	// changed, if set, hears of every write into a catalog range.
	changed func(op kv.OpNum, storage uint32)
}

// WithImage wraps a transaction so that reads of catalog relations and their indexes see the image merged with
// stored differences: gets, multi-gets and scans in both directions.
func (img *Image) WithImage(txn kv.Txn) kv.Txn { return &imageTxn{Txn: txn, img: img} }

// rangeOf returns the image's part of the range key lies in, nil for none, and the key without its prefix.
func (t *imageTxn) rangeOf(key []byte) (*imageRange, []byte, error) {
	db, storage, ok := rowcodec.Prefix(key)
	if !ok || storage >= FirstUserOID {
		return nil, nil, nil
	}
	rel, ok := t.img.owner[storage]
	if !ok || t.img.shared[rel] != (db == 0) {
		return nil, nil, nil
	}
	r, err := t.img.storageRange(storage)
	return r, key[rowcodec.PrefixLen:], err
}

// Get implements kv.Txn.
func (t *imageTxn) Get(v kv.View, key, dst []byte) ([]byte, kv.Version, error) {
	n := len(dst)
	val, ver, err := t.Txn.Get(v, key, dst)
	if err != nil {
		return val, ver, err
	}
	return t.overlay(key, val, n, ver)
}

// overlay corrects what the store said about key; val[n:] is the value it found.
func (t *imageTxn) overlay(key, val []byte, n int, ver kv.Version) ([]byte, kv.Version, error) {
	r, rest, err := t.rangeOf(key)
	if err != nil || r == nil {
		return val, ver, err
	}
	if ver.Found() {
		if isDeletedMark(val[n:]) {
			ver.Kind = kv.Deleted
			return val[:n], ver, nil
		}
		return val, ver, nil
	}
	if ver.Kind == kv.None || ver.Kind == kv.Deleted {
		if i := r.find(rest); i >= 0 {
			return r.appendValue(val[:n], i), kv.Version{Kind: kv.Value}, nil
		}
	}
	return val, ver, nil
}

// MultiGet implements kv.Txn.
func (t *imageTxn) MultiGet(v kv.View, keys [][]byte, out *kv.Rows) error {
	if err := t.Txn.MultiGet(v, keys, out); err != nil {
		return err
	}
	catalog := false
	for _, k := range keys {
		r, _, err := t.rangeOf(k)
		if err != nil {
			return err
		}
		catalog = catalog || r != nil
	}
	if !catalog {
		return nil
	}
	var merged kv.Rows
	for i, k := range keys {
		val, ver, err := t.overlay(k, append([]byte(nil), out.Value(i)...), 0, out.Version(i))
		if err != nil {
			return err
		}
		merged.Append(k, val, ver)
	}
	*out = merged
	return nil
}

// LockRowGet implements kv.Txn.
func (t *imageTxn) LockRowGet(ctx context.Context, op kv.OpNum, key []byte, mode kv.RowMode, opts kv.LockOptions,
	dst []byte) ([]byte, kv.Version, bool, error) {
	n := len(dst)
	val, ver, waited, err := t.Txn.LockRowGet(ctx, op, key, mode, opts, dst)
	if err != nil {
		return val, ver, waited, err
	}
	val, ver, err = t.overlay(key, val, n, ver)
	return val, ver, waited, err
}

// Put implements kv.Txn.
func (t *imageTxn) Put(op kv.OpNum, key, value []byte) error {
	t.note(op, key)
	return t.Txn.Put(op, key, value)
}

// Delete implements kv.Txn.
func (t *imageTxn) Delete(op kv.OpNum, key []byte) error {
	t.note(op, key)
	r, rest, err := t.rangeOf(key)
	if err != nil {
		return err
	}
	if r != nil && r.find(rest) >= 0 {
		return t.Txn.Put(op, key, deletedMark)
	}
	return t.Txn.Delete(op, key)
}

// Move implements kv.Txn. A row of the image leaves a deleted mark instead of word about where it went.
func (t *imageTxn) Move(op kv.OpNum, key, newKey []byte) error {
	t.note(op, key)
	r, rest, err := t.rangeOf(key)
	if err != nil {
		return err
	}
	if r != nil && r.find(rest) >= 0 {
		return t.Txn.Put(op, key, deletedMark)
	}
	return t.Txn.Move(op, key, newKey)
}

func (t *imageTxn) note(op kv.OpNum, key []byte) {
	if t.changed == nil {
		return
	}
	if _, storage, ok := rowcodec.Prefix(key); ok && storage < FirstUserOID {
		t.changed(op, storage)
	}
}

// NewScan implements kv.Txn. A scan of a catalog range must not leave that range.
func (t *imageTxn) NewScan(v kv.View, spec kv.ScanSpec) (kv.Scanner, error) {
	r, rest, err := t.rangeOf(spec.Start)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return t.Txn.NewScan(v, spec)
	}
	prefix := spec.Start[:rowcodec.PrefixLen]
	to := r.len()
	switch {
	case bytes.HasPrefix(spec.End, prefix):
		to = r.seek(spec.End[rowcodec.PrefixLen:])
	case !bytes.Equal(spec.End, kv.PrefixEnd(prefix)):
		return nil, fmt.Errorf("%w: scan across the end of a catalog range", kv.ErrInvalidArg)
	}
	s := &imageScan{
		r: r, prefix: append([]byte(nil), prefix...), keysOnly: spec.KeysOnly, reverse: spec.Reverse, more: true,
	}
	s.from, s.to = r.seek(rest), to
	s.to = max(s.from, s.to)
	spec.KeysOnly = false // marks are known by their value
	s.stored, err = t.Txn.NewScan(v, spec)
	return s, err
}

// imageScan merges a scan of the store with a stretch of the image. Where both have a key the store wins.
type imageScan struct {
	r        *imageRange
	stored   kv.Scanner
	prefix   []byte
	keysOnly bool
	reverse  bool
	from, to int // what is left of the image: [from, to)
	buf      kv.Rows
	at       int  // next row of buf
	more     bool // the store may have rows after buf
	val      []byte
}

// Next implements kv.Scanner.
func (s *imageScan) Next(out *kv.Rows, maxRows int) (bool, error) {
	out.Reset()
	maxRows = min(maxRows, kv.MaxScanRows)
	for out.Len() < maxRows && len(out.Buf) < kv.MaxScanBytes {
		if s.at == s.buf.Len() && s.more {
			var err error
			if s.more, err = s.stored.Next(&s.buf, kv.MaxScanRows); err != nil {
				return false, err
			}
			s.at = 0
			if s.buf.Len() == 0 && s.more {
				return true, nil // the caller looks for cancellation
			}
		}
		haveStored, haveImage := s.at < s.buf.Len(), s.from < s.to
		if !haveStored && !haveImage {
			return s.more, nil
		}
		s.emit(out, haveStored, haveImage)
	}
	return true, nil
}

// emit moves one key from the nearer side to out.
func (s *imageScan) emit(out *kv.Rows, haveStored, haveImage bool) {
	i := s.from
	if s.reverse {
		i = s.to - 1
	}
	order := 0
	switch {
	case !haveImage:
		order = -1
	case !haveStored:
		order = 1
	default:
		if order = bytes.Compare(s.buf.Key(s.at)[rowcodec.PrefixLen:], s.r.key(i)); s.reverse {
			order = -order
		}
	}
	if order >= 0 { // the image's entry is used up, whether it is shown or shadowed
		if s.reverse {
			s.to--
		} else {
			s.from++
		}
	}
	if order <= 0 {
		if val := s.buf.Value(s.at); !isDeletedMark(val) {
			if s.keysOnly {
				val = nil
			}
			out.Append(s.buf.Key(s.at), val, s.buf.Version(s.at))
		}
		s.at++
		return
	}
	s.val = s.val[:0]
	if !s.keysOnly {
		s.val = s.r.appendValue(s.val, i)
	}
	key := append(s.prefix[:rowcodec.PrefixLen:rowcodec.PrefixLen], s.r.key(i)...)
	out.Append(key, s.val, kv.Version{Kind: kv.Value})
}

// Close implements kv.Scanner.
func (s *imageScan) Close() { s.stored.Close() }
