package expr

import (
	"fmt"

	"github.com/pgzdb/pgz/server/pkg/data"
)

// SetFunc is a set-returning function (pg_proc.proretset).
type SetFunc struct {
	OID       uint32
	NonStrict bool // sees null arguments; otherwise a null argument gives no rows
	// Columns is the number of result columns: 1 for a scalar or domain result,
	// the OUT columns for a record. 0 means 1. The executor builds the composite value
	// when such a function is called outside FROM.
	Columns    int
	Volatility Volatility
	// Start begins one call. args stay valid until the iterator is closed.
	Start func(c *Ctx, args []data.Datum) (SetIter, error)
}

// SetIter produces the rows of one call.
type SetIter interface {
	// Next fills out (one Datum per result column; values live in c.Arena or as
	// long as the iterator) and reports whether there was a row.
	Next(c *Ctx, out []data.Datum) (bool, error)
	Close()
}

var setFuncs = map[uint32]*SetFunc{}

// RegisterSet makes f the implementation of its pg_proc OID; see Register.
func RegisterSet(f SetFunc) {
	if _, dup := setFuncs[f.OID]; dup {
		panic(fmt.Sprintf("expr: set-returning function %d registered twice", f.OID))
	}
	if f.Columns == 0 {
		f.Columns = 1
	}
	setFuncs[f.OID] = &f
}

// LookupSet returns the set-returning function with this pg_proc OID, or nil.
func LookupSet(oid uint32) *SetFunc { return setFuncs[oid] }

// SliceSet is a SetIter over rows that are already there, for functions that
// compute their result at once.
type SliceSet struct {
	Rows [][]data.Datum
	at   int
}

// Next implements SetIter.
func (s *SliceSet) Next(_ *Ctx, out []data.Datum) (bool, error) {
	if s.at >= len(s.Rows) {
		return false, nil
	}
	copy(out, s.Rows[s.at])
	s.at++
	return true, nil
}

// Close implements SetIter.
func (s *SliceSet) Close() { s.Rows = nil }
