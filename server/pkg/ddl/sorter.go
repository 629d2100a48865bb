package ddl

import (
	"bufio"
	"bytes"
	"container/heap"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"sort"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// pairSorter sorts key-value pairs by key, in memory up to a limit and then in
// sorted runs in temporary files without names.
type pairSorter struct {
	dir   string
	limit int64 // bytes in memory
	buf   []byte
	pairs []pair
	runs  []*os.File
	mixed bool // the pairs in memory are not in strictly ascending order
}

// pair locates a pair in the sorter's buffer.
type pair struct {
	at       int
	key, val uint32
}

const minSortBytes = 4 << 20

func newPairSorter(dir string, limit int64) *pairSorter {
	return &pairSorter{dir: dir, limit: max(limit, minSortBytes)}
}

func tempError(err error) error {
	return pgerr.Newf(pgerr.IOError, "could not use temporary file: %v", err)
}

func (s *pairSorter) add(key, val []byte) error {
	if n := len(s.pairs); n > 0 {
		if s.bytes()+int64(len(key)+len(val)) > s.limit {
			if err := s.spill(); err != nil {
				return err
			}
		} else if !s.mixed && bytes.Compare(s.key(s.pairs[n-1]), key) >= 0 {
			s.mixed = true
		}
	}
	s.pairs = append(s.pairs, pair{len(s.buf), uint32(len(key)), uint32(len(val))})
	s.buf = append(append(s.buf, key...), val...)
	return nil
}

// bytes is the memory in use.
func (s *pairSorter) bytes() int64 { return int64(len(s.buf) + 24*len(s.pairs)) }

// ordered tells that everything added lies in memory, in strictly ascending
// order.
func (s *pairSorter) ordered() bool { return len(s.runs) == 0 && !s.mixed }

func (s *pairSorter) empty() bool { return len(s.pairs) == 0 && len(s.runs) == 0 }

// forget empties the sorter.
func (s *pairSorter) forget() { s.buf, s.pairs, s.mixed = s.buf[:0], s.pairs[:0], false }

func (s *pairSorter) key(p pair) []byte { return s.buf[p.at : p.at+int(p.key)] }
func (s *pairSorter) val(p pair) []byte { return s.buf[p.at+int(p.key) : p.at+int(p.key+p.val)] }

func (s *pairSorter) sort() {
	if s.mixed {
		sort.Slice(s.pairs, func(i, j int) bool { return bytes.Compare(s.key(s.pairs[i]), s.key(s.pairs[j])) < 0 })
	}
}

// spill writes what is in memory as a sorted run.
func (s *pairSorter) spill() error {
	s.sort()
	f, err := os.CreateTemp(s.dir, "pgz-sort-*")
	if err != nil {
		return tempError(err)
	}
	s.runs = append(s.runs, f)
	if err := os.Remove(f.Name()); err != nil {
		return tempError(err)
	}
	w := bufio.NewWriterSize(f, 256<<10)
	var head [8]byte
	for _, p := range s.pairs {
		binary.LittleEndian.PutUint32(head[:], p.key)
		binary.LittleEndian.PutUint32(head[4:], p.val)
		_, err = w.Write(head[:])
		if err == nil {
			_, err = w.Write(s.buf[p.at : p.at+int(p.key+p.val)])
		}
		if err != nil {
			return tempError(err)
		}
	}
	if err := w.Flush(); err != nil {
		return tempError(err)
	}
	s.forget()
	return nil
}

// each calls f for all pairs in order of their keys. Key and value are valid
// for the call; prev is the key of the call before, nil for the first.
func (s *pairSorter) each(f func(prev, key, val []byte) error) error {
	var prev []byte
	call := func(key, val []byte) error {
		err := f(prev, key, val)
		if prev == nil {
			prev = []byte{}
		}
		prev = append(prev[:0], key...)
		return err
	}
	if len(s.runs) == 0 {
		s.sort()
		for _, p := range s.pairs {
			if err := call(s.key(p), s.val(p)); err != nil {
				return err
			}
		}
		return nil
	}
	if len(s.pairs) > 0 {
		if err := s.spill(); err != nil {
			return err
		}
	}
	return s.merge(call)
}

// run reads one sorted run.
type run struct {
	r        *bufio.Reader
	buf      []byte
	key, val []byte
}

// next reads the run's next pair; false at its end.
func (r *run) next() (bool, error) {
	var head [8]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		return false, tempError(err)
	}
	k, v := int(binary.LittleEndian.Uint32(head[:])), int(binary.LittleEndian.Uint32(head[4:]))
	if cap(r.buf) < k+v {
		r.buf = make([]byte, k+v)
	}
	r.buf = r.buf[:k+v]
	if _, err := io.ReadFull(r.r, r.buf); err != nil {
		return false, tempError(err)
	}
	r.key, r.val = r.buf[:k], r.buf[k:]
	return true, nil
}

type runHeap []*run

func (h runHeap) Len() int           { return len(h) }
func (h runHeap) Less(i, j int) bool { return bytes.Compare(h[i].key, h[j].key) < 0 }
func (h runHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *runHeap) Push(x any)        { *h = append(*h, x.(*run)) }
func (h *runHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

func (s *pairSorter) merge(f func(key, val []byte) error) error {
	var h runHeap
	for _, file := range s.runs {
		r := &run{r: bufio.NewReaderSize(io.NewSectionReader(file, 0, 1<<62), 256<<10)}
		ok, err := r.next()
		if err != nil {
			return err
		}
		if ok {
			h = append(h, r)
		}
	}
	heap.Init(&h)
	for len(h) > 0 {
		if err := f(h[0].key, h[0].val); err != nil {
			return err
		}
		ok, err := h[0].next()
		if err != nil {
			return err
		}
		if ok {
			heap.Fix(&h, 0)
		} else {
			heap.Pop(&h)
		}
	}
	return nil
}

func (s *pairSorter) close() {
	for _, f := range s.runs {
		_ = f.Close() // it has no name; nothing can be lost
	}
	s.runs, s.buf, s.pairs = nil, nil, nil
}
