package rowcodec

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// KeyColumn is one column of a primary key or an index.
type KeyColumn struct {
	Type       *types.Type
	Desc       bool
	NullsFirst bool
}

// AppendKeyColumns appends several key columns; vals may be shorter than cols (a
// range's start).
func AppendKeyColumns(dst []byte, cols []KeyColumn, vals []data.Datum) []byte {
	for i, v := range vals {
		c := &cols[i]
		dst = AppendKey(dst, c.Type, v, c.Desc, c.NullsFirst)
	}
	return dst
}

// DecodeKeyColumns reads the columns at the start of key into out and returns the
// rest. Values live in a or borrow key.
func DecodeKeyColumns(a *data.Arena, key []byte, cols []KeyColumn, out []data.Datum) ([]byte, error) {
	var err error
	for i := range cols {
		c := &cols[i]
		if out[i], key, err = DecodeKey(a, c.Type, key, c.Desc, c.NullsFirst); err != nil {
			return nil, err
		}
	}
	return key, nil
}

// SkipKeyColumns returns what follows the columns at the start of key.
func SkipKeyColumns(key []byte, cols []KeyColumn) ([]byte, error) {
	var err error
	for i := range cols {
		if key, err = SkipKey(cols[i].Type, key, cols[i].Desc); err != nil {
			return nil, err
		}
	}
	return key, nil
}

// Index describes the entries of one index.
type Index struct {
	Database, Storage uint32
	Cols              []KeyColumn
	Unique            bool
	NullsNotDistinct  bool // nulls count as equal values
}

// indexValueVersion starts every index entry's value.
const indexValueVersion = 1

// AppendEntryKey appends the key of vals' entry, without prefix-sharing state: the
// whole key. alone tells that the key is unique by itself, so that another row's
// equal values collide with it; otherwise rowKey (the table key behind its prefix)
// ends it.
func (x *Index) AppendEntryKey(dst []byte, vals []data.Datum, rowKey []byte) (key []byte, alone bool) {
	dst = AppendPrefix(dst, x.Database, x.Storage)
	dst = AppendKeyColumns(dst, x.Cols, vals)
	if x.Alone(vals) {
		return dst, true
	}
	return append(dst, rowKey...), false
}

// Alone tells whether an entry with these values is unique by itself: the index is
// unique and no value is null (or nulls count as equal).
func (x *Index) Alone(vals []data.Datum) bool {
	if !x.Unique {
		return false
	}
	if x.NullsNotDistinct {
		return true
	}
	for _, v := range vals {
		if v.IsNull() {
			return false
		}
	}
	return true
}

// AppendEntryValue appends an entry's value: the row key if the entry's key is
// alone, which its key lacks.
func (x *Index) AppendEntryValue(dst []byte, rowKey []byte, alone bool) []byte {
	dst = append(dst, indexValueVersion)
	if alone {
		dst = append(dst, rowKey...)
	}
	return dst
}

// EntryRowKey finds the row key an entry points to, borrowed from key or value.
func (x *Index) EntryRowKey(key, value []byte) ([]byte, error) {
	if len(value) < 1 || value[0] != indexValueVersion {
		return nil, corrupt("index entry")
	}
	if len(value) > 1 {
		return value[1:], nil
	}
	if len(key) < PrefixLen {
		return nil, corrupt("index entry")
	}
	rest, err := SkipKeyColumns(key[PrefixLen:], x.Cols)
	if err != nil {
		return nil, err
	}
	if len(rest) == 0 {
		return nil, corrupt("index entry")
	}
	return rest, nil
}
