package parser

import (
	"encoding/binary"
	"math"

	"github.com/pgzdb/pgz/server/pkg/ast"
)

// decoder reads the library's tree, protobuf's wire format, straight into ast
// nodes. The input comes from the library in this process, so a malformed one
// is a bug; it still ends in an error, not in a crash.
type decoder struct {
	refused   string // first node type that PostgreSQL 15 does not have
	malformed bool
}

// value is one field's content: num for the scalar wire types, bytes for the
// length-delimited one.
type value struct {
	num   uint64
	bytes []byte
}

func (v value) float() float64 { return math.Float64frombits(v.num) }

// enum undoes the library's shift: 0 means "not set" on the wire.
func (v value) enum() int32 { return max(int32(v.num)-1, 0) }

const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// next reads one field of b and returns what follows it; field 0 is the end.
func (d *decoder) next(b []byte) (field int, v value, rest []byte) {
	if len(b) == 0 {
		return 0, v, nil
	}
	tag, n := binary.Uvarint(b)
	if n <= 0 {
		d.malformed = true
		return 0, v, nil
	}
	b = b[n:]
	switch tag & 7 {
	case wireVarint:
		v.num, n = binary.Uvarint(b)
		if n > 0 {
			return int(tag >> 3), v, b[n:]
		}
	case wireFixed64:
		if len(b) >= 8 {
			v.num = binary.LittleEndian.Uint64(b)
			return int(tag >> 3), v, b[8:]
		}
	case wireFixed32:
		if len(b) >= 4 {
			v.num = uint64(binary.LittleEndian.Uint32(b))
			return int(tag >> 3), v, b[4:]
		}
	case wireBytes:
		length, n := binary.Uvarint(b)
		if n > 0 && length <= uint64(len(b)-n) {
			v.bytes = b[n : n+int(length)]
			return int(tag >> 3), v, b[n+int(length):]
		}
	}
	d.malformed = true
	return 0, v, nil
}

// refuse notes a node type of a younger grammar.
func (d *decoder) refuse(field int) {
	if d.refused == "" {
		d.refused = refusedNodes[field]
		if d.refused == "" {
			d.refused = "unknown"
		}
	}
}

// parseResultStmts is the field of ParseResult that holds the statements.
const parseResultStmts = 2

// statements decodes a ParseResult message.
func (d *decoder) statements(b []byte) []*ast.RawStmt {
	var out []*ast.RawStmt
	for len(b) > 0 {
		var f int
		var v value
		f, v, b = d.next(b)
		if f == parseResultStmts {
			out = append(out, d.decodeRawStmt(v.bytes))
		}
	}
	return out
}
