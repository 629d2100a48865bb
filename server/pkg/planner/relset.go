package planner

import (
	"math/bits"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// relsetMax bounds the range table entries of one query level.
const relsetMax = 255

// relset is a set of range table indexes.
type relset [4]uint64

func relsetOf(rti int) relset {
	var s relset
	s[rti>>6] |= 1 << (rti & 63)
	return s
}

func (s relset) union(t relset) relset {
	for i := range s {
		s[i] |= t[i]
	}
	return s
}

func (s relset) minus(t relset) relset {
	for i := range s {
		s[i] &^= t[i]
	}
	return s
}

func (s relset) overlaps(t relset) bool {
	for i := range s {
		if s[i]&t[i] != 0 {
			return true
		}
	}
	return false
}

func (s relset) within(t relset) bool { return s.minus(t) == relset{} }
func (s relset) empty() bool          { return s == relset{} }

func (s relset) count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

func tooManyTables() error {
	return pgerr.New(pgerr.StatementTooComplex, "too many range table entries")
}
