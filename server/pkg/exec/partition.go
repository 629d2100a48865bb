package exec

import "github.com/pgzdb/pgz/server/pkg/data"

const (
	partitionBits     = 4
	partitionCount    = 1 << partitionBits
	partitionMaxDepth = 64 / partitionBits
)

// partition is input put off until the rows in memory are done.
type partition struct {
	file  *rowFile
	depth int
}

// partitions takes rows of a hashed operator whose key is not in memory where
// no more fit: by hash into files, which are read one after the other once the
// input has ended, each as an input of its own. A file's rows keep their order,
// and rows with equal keys meet in the same file.
type partitions struct {
	r     *Run
	parts [partitionCount]*rowFile
	queue []partition
	depth int
	file  *rowFile // being read; nil: the operator's own input
}

// splits reports whether splitting further can help.
func (x *partitions) splits() bool { return x.depth < partitionMaxDepth }

// put writes a row whose key has hash h.
func (x *partitions) put(row []data.Datum, h uint64) error {
	p := &x.parts[h>>(64-partitionBits*(x.depth+1))&(partitionCount-1)]
	if *p == nil {
		f, err := newRowFile(x.r.st.TempDir)
		if err != nil {
			return err
		}
		*p = f
	}
	return (*p).write(row)
}

// seal ends the input rows are being put from.
func (x *partitions) seal() {
	for i, f := range x.parts {
		if f != nil {
			x.queue = append(x.queue, partition{f, x.depth + 1})
			x.parts[i] = nil
		}
	}
	x.file.close()
	x.file = nil
}

// next starts reading the next file of rows of cols values; nil when none is left.
func (x *partitions) next(cols int) (*rowCursor, error) {
	if len(x.queue) == 0 {
		return nil, nil
	}
	p := x.queue[len(x.queue)-1]
	x.queue = x.queue[:len(x.queue)-1]
	x.file, x.depth = p.file, p.depth
	return p.file.read(cols)
}

// reset closes all files, for another input.
func (x *partitions) reset() {
	x.seal()
	for _, p := range x.queue {
		p.file.close()
	}
	x.queue, x.depth = nil, 0
}
