package catalog

import (
	"bytes"
	"fmt"
	"sort"
	"sync"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// Image is the static part of the catalog: what every database holds before anything is created in it. It is
// immutable and safe for concurrent use. Relations are unpacked, and their keys sorted, when they are first read.
type Image struct {
	implemented func(oid uint32) bool
	parts       map[uint32]imagePart

	mu     sync.Mutex
	rels   map[uint32]*imageRel
	tables map[uint32]*Table
	ranges map[rangeID]*imageRange
	owner  map[uint32]uint32 // storage id of a catalog relation or index → relation
	shared map[uint32]bool   // relations with rows of the whole cluster

	leftOut map[string]bool // names of functions that are left out; nil until asked for
}

// imageRel is one unpacked relation. rows lists the rows that are not left out, in the file's order.
type imageRel struct {
	cols []imageColumn
	rows []int32
}

// imageXID is the transaction id image rows show as xmin, PostgreSQL's bootstrap id.
const imageXID = 1

// rangeID is a storage id of the image together with nothing else: image keys carry no database.
type rangeID uint32

// OpenImage reads the image's directory. implemented tells for a pg_proc OID whether the function works here; rows
// of others are left out (nil: none).
func OpenImage(implemented func(oid uint32) bool) (*Image, error) {
	parts, err := imageParts(imageFile)
	if err != nil {
		return nil, err
	}
	img := &Image{
		implemented: implemented, parts: parts, rels: map[uint32]*imageRel{},
		tables: map[uint32]*Table{}, ranges: map[rangeID]*imageRange{},
	}
	return img, img.indexOwners()
}

// indexOwners learns which storage ids belong to the catalogs.
func (img *Image) indexOwners() error {
	img.owner, img.shared = map[uint32]uint32{}, map[uint32]bool{}
	class, err := img.rel(RelationRelation)
	if err != nil {
		return err
	}
	for i := range class.rows {
		oid, kind := class.uint32(i, 0), getChar(class.get(i, colClassRelkind))
		if kind == RelkindTable {
			img.owner[oid] = oid
			img.shared[oid] = getBool(class.get(i, colClassRelisshared))
		}
	}
	index, err := img.rel(IndexRelation)
	if err != nil {
		return err
	}
	for i := range index.rows {
		img.owner[index.uint32(i, 0)] = index.uint32(i, 1)
	}
	return nil
}

// Columns (0-based) the image itself looks at.
const (
	colClassRelisshared = 14
	colClassRelkind     = 16
	colTypeRelid        = 11
)

// rel returns an unpacked relation; an empty one for relations that are not in the file.
func (img *Image) rel(oid uint32) (*imageRel, error) {
	img.mu.Lock()
	defer img.mu.Unlock()
	return img.relLocked(oid)
}

func (img *Image) relLocked(oid uint32) (*imageRel, error) {
	if r := img.rels[oid]; r != nil {
		return r, nil
	}
	r := &imageRel{}
	if p, ok := img.parts[oid]; ok {
		cols, err := p.unpack()
		if err != nil {
			return nil, err
		}
		r.cols = cols
		for i := range p.rows {
			keep, err := img.keeps(oid, r, i)
			if err != nil {
				return nil, err
			}
			if keep {
				r.rows = append(r.rows, int32(i))
			}
		}
	}
	img.rels[oid] = r
	return r, nil
}

// keeps tells whether a row belongs to the image here: functions that do not work and views without a definition
// are left out, with everything that only describes them.
func (img *Image) keeps(rel uint32, r *imageRel, i int) (bool, error) {
	switch rel {
	case ProcRelation, AggregateRelation:
		return img.implemented == nil || img.implemented(uint32(r.cols[0].get(i).Int())), nil
	case RelationRelation:
		kind := getChar(r.cols[colClassRelkind].get(i))
		if kind == RelkindView {
			return systemView(getOID(r.cols[2].get(i)), getString(r.cols[1].get(i))) != "", nil
		}
		return uint32(r.cols[2].get(i).Int()) == PgCatalogNamespace, nil
	case AttributeRelation:
		return img.hasClass(uint32(r.cols[0].get(i).Int()))
	case TypeRelation:
		relid := uint32(r.cols[colTypeRelid].get(i).Int())
		if relid == 0 {
			elem := uint32(r.cols[colTypeElem].get(i).Int())
			return img.keepsRowArray(r, elem)
		}
		return img.hasClass(relid)
	}
	return true, nil
}

const colTypeElem = 13

// keepsRowArray tells whether the array type over elem stays: it goes with its element's relation.
func (img *Image) keepsRowArray(r *imageRel, elem uint32) (bool, error) {
	if elem == 0 || types.Get(elem) != nil {
		return true, nil
	}
	oids := r.cols[0].nums
	n := sort.Search(len(oids), func(i int) bool { return uint32(oids[i]) >= elem })
	if n == len(oids) || uint32(oids[n]) != elem {
		return true, nil
	}
	relid := uint32(r.cols[colTypeRelid].nums[n])
	if relid == 0 {
		return true, nil
	}
	return img.hasClass(relid)
}

// hasClass tells whether the relation's pg_class row stays. The caller holds mu.
func (img *Image) hasClass(oid uint32) (bool, error) {
	class, err := img.relLocked(RelationRelation)
	if err != nil {
		return false, err
	}
	n := sort.Search(len(class.rows), func(i int) bool { return class.uint32(i, 0) >= oid })
	return n < len(class.rows) && class.uint32(n, 0) == oid, nil
}

func (r *imageRel) get(i, col int) data.Datum { return r.cols[col].get(int(r.rows[i])) }

func (r *imageRel) uint32(i, col int) uint32 { return uint32(r.get(i, col).Int()) }

// row fills dst with row i.
func (r *imageRel) row(i int, dst []data.Datum) []data.Datum {
	dst = dst[:0]
	for c := range r.cols {
		dst = append(dst, r.get(i, c))
	}
	return dst
}

// Table returns a catalog relation's descriptor, made from the image alone; nil if oid is none. Its Database is 0;
// readers set their own (WithDatabase).
func (img *Image) Table(oid uint32) (*Table, error) {
	img.mu.Lock()
	t := img.tables[oid]
	img.mu.Unlock()
	if t != nil || img.owner[oid] != oid {
		return t, nil
	}
	t, err := buildTable(imageSource{img}, oid, 1)
	if err != nil || t == nil {
		return nil, err
	}
	img.mu.Lock()
	defer img.mu.Unlock()
	img.tables[oid] = t
	return t, nil
}

// imageSource builds the catalog relations' own descriptors: it looks rows up by going through them.
type imageSource struct{ img *Image }

func (s imageSource) lookup(index uint32, vals []data.Datum, f func([]data.Datum) error) error {
	rel, cols := bootIndexes[index].rel, bootIndexes[index].cols
	if rel == 0 {
		return fmt.Errorf("catalog: index %d is not used to build catalog descriptors", index)
	}
	r, err := s.img.rel(rel)
	if err != nil || len(r.rows) == 0 {
		return err
	}
	start := 0
	if cols[0] == 0 && r.cols[0].code == 'i' { // the file is in this order
		start = sort.Search(len(r.rows), func(i int) bool { return r.get(i, 0).Int() >= vals[0].Int() })
	}
	var row []data.Datum
	for i := start; i < len(r.rows); i++ {
		match := true
		for k, v := range vals {
			match = match && r.get(i, cols[k]).Int() == v.Int()
		}
		if !match {
			if cols[0] == 0 {
				return nil
			}
			continue
		}
		row = r.row(i, row)
		if err := f(row); err != nil {
			return err
		}
	}
	return nil
}

// bootIndexes are the indexes buildTable uses on catalog relations, with their columns (0-based).
var bootIndexes = map[uint32]struct {
	rel  uint32
	cols []int
}{
	ClassOIDIndex:     {RelationRelation, []int{0}},
	NamespaceOIDIndex: {NamespaceRelation, []int{0}},
	AttributeNumIndex: {AttributeRelation, []int{0}},
	IndexRelidIndex:   {IndexRelation, []int{1}},
	OpClassOIDIndex:   {OpClassRelation, []int{0}},
}

func (imageSource) validFrom(uint32, uint32) (uint64, error) { return 0, nil }
func (imageSource) typ(oid uint32) (*types.Type, error)      { return types.Get(oid), nil }
func (imageSource) database() uint32                         { return 0 }

// imageRange is the image's part of one storage id: keys without their prefix, in order, and the row of each.
type imageRange struct {
	rel   *imageRel
	table *Table
	index *Index // nil: the table's own rows
	off   []uint32
	keys  []byte
	rows  []int32
}

func (r *imageRange) len() int { return len(r.rows) }

func (r *imageRange) key(i int) []byte { return r.keys[r.off[i]:r.off[i+1]:r.off[i+1]] }

// seek returns the position of the first key not below key.
func (r *imageRange) seek(key []byte) int {
	return sort.Search(len(r.rows), func(i int) bool { return bytes.Compare(r.key(i), key) >= 0 })
}

// find returns the position of key, or -1.
func (r *imageRange) find(key []byte) int {
	if i := r.seek(key); i < len(r.rows) && bytes.Equal(r.key(i), key) {
		return i
	}
	return -1
}

// appendValue appends the stored form of entry i: the encoded row, or an index entry's value.
func (r *imageRange) appendValue(dst []byte, i int) []byte {
	n := int(r.rows[i])
	row := r.rel.row(n, make([]data.Datum, 0, 40))
	if r.index == nil {
		return rowcodec.EncodeRow(dst, r.table.Row, rowcodec.Header{XID: imageXID, RowID: uint64(n + 1)}, row)
	}
	_, alone := r.index.Entry.AppendEntryKey(nil, indexVals(r.index, row), nil)
	return r.index.Entry.AppendEntryValue(dst, rowKey(r.table, row, uint64(n+1)), alone)
}

// rowKey is what follows the prefix in a row's key.
func rowKey(t *Table, row []data.Datum, rowID uint64) []byte {
	if t.Key == nil {
		return rowcodec.AppendRowID(nil, rowID)
	}
	var dst []byte
	for i, k := range t.Key {
		dst = rowcodec.AppendKey(dst, t.RowKey[i].Type, row[k.Attnum-1], k.Desc, k.NullsFirst)
	}
	return dst
}

// indexVals picks an index's key values out of a row. Catalog indexes have no expressions.
func indexVals(ix *Index, row []data.Datum) []data.Datum {
	vals := make([]data.Datum, ix.NumKeys)
	for i := range vals {
		vals[i] = row[ix.Columns[i].Attnum-1]
	}
	return vals
}

// Range returns the image's part of a storage id, nil if the image has none.
func (img *Image) storageRange(storage uint32) (*imageRange, error) {
	rel, ok := img.owner[storage]
	if !ok {
		return nil, nil
	}
	img.mu.Lock()
	r := img.ranges[rangeID(storage)]
	img.mu.Unlock()
	if r != nil {
		return r, nil
	}
	t, err := img.Table(rel)
	if err != nil || t == nil {
		return nil, err
	}
	rows, err := img.rel(rel)
	if err != nil {
		return nil, err
	}
	r = &imageRange{rel: rows, table: t}
	if storage != rel {
		if r.index = t.Index(storage); r.index == nil || r.index.IsRowKey {
			return nil, nil
		}
	}
	r.sortKeys()
	img.mu.Lock()
	defer img.mu.Unlock()
	img.ranges[rangeID(storage)] = r
	return r, nil
}

// sortKeys encodes and sorts the keys of all rows.
func (r *imageRange) sortKeys() {
	n := len(r.rel.rows)
	var buf []byte
	type entry struct {
		from, to uint32
		row      int32
	}
	entries := make([]entry, n)
	row := make([]data.Datum, 0, 40)
	for i := range n {
		row = r.rel.row(i, row)
		from := len(buf)
		if r.index == nil {
			buf = append(buf, rowKey(r.table, row, uint64(i+1))...)
		} else {
			vals := indexVals(r.index, row)
			buf = rowcodec.AppendKeyColumns(buf, r.index.Entry.Cols, vals)
			if !r.index.Entry.Alone(vals) {
				buf = append(buf, rowKey(r.table, row, uint64(i+1))...)
			}
		}
		entries[i] = entry{uint32(from), uint32(len(buf)), int32(i)}
	}
	sort.Slice(entries, func(a, b int) bool {
		return bytes.Compare(buf[entries[a].from:entries[a].to], buf[entries[b].from:entries[b].to]) < 0
	})
	r.off = make([]uint32, 1, n+1)
	r.keys = make([]byte, 0, len(buf))
	r.rows = make([]int32, n)
	for i, e := range entries {
		r.keys = append(r.keys, buf[e.from:e.to]...)
		r.off = append(r.off, uint32(len(r.keys)))
		r.rows[i] = e.row
	}
}
