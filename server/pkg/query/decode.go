package query

import (
	"encoding/binary"
	"math"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/data"
)

// DecodeExpr reads what EncodeExpr wrote. The tree owns its memory. Locations are -1.
func DecodeExpr(b []byte) (Expr, error) {
	dec, err := newDecoder(b, storedExpr)
	if err != nil {
		return nil, err
	}
	var e Expr
	dec.expr(&e)
	return e, dec.finish()
}

// DecodeQuery reads what EncodeQuery wrote.
func DecodeQuery(b []byte) (*Query, error) {
	dec, err := newDecoder(b, storedQuery)
	if err != nil {
		return nil, err
	}
	var q *Query
	dec.subquery(&q)
	return q, dec.finish()
}

// decoder fills nodes from in. After the first error every call leaves zero values and returns.
type decoder struct {
	in    []byte
	depth int
	err   error
}

func newDecoder(b []byte, form byte) (*decoder, error) {
	if len(b) < 2 {
		return nil, corrupt("%d bytes", len(b))
	}
	if b[0] != codecVersion {
		return nil, corrupt("unknown version %d", b[0])
	}
	if b[1] != form {
		return nil, corrupt("form %q where %q belongs", b[1], form)
	}
	return &decoder{in: b[2:]}, nil
}

func (r *decoder) finish() error {
	if r.err == nil && len(r.in) > 0 {
		r.err = corrupt("%d bytes too many", len(r.in))
	}
	return r.err
}

func (r *decoder) fail(format string, args ...any) {
	if r.err == nil {
		r.err = corrupt(format, args...)
	}
	r.in = nil
}

func (r *decoder) take(n int) []byte {
	if n < 0 || n > len(r.in) {
		r.fail("ends early")
		return nil
	}
	b := r.in[:n]
	r.in = r.in[n:]
	return b
}

func (r *decoder) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *decoder) unsigned() uint64 {
	n, size := binary.Uvarint(r.in)
	if size <= 0 {
		r.fail("bad number")
		return 0
	}
	r.in = r.in[size:]
	return n
}

func (r *decoder) signed(low, high int64) int64 {
	n, size := binary.Varint(r.in)
	if size <= 0 || n < low || n > high {
		r.fail("bad number")
		return 0
	}
	r.in = r.in[size:]
	return n
}

func (r *decoder) uint32() uint32 {
	n := r.unsigned()
	if n > math.MaxUint32 {
		r.fail("bad identifier")
		return 0
	}
	return uint32(n)
}

// length reads a list's length. Every member takes a byte at least, which bounds what a damaged
// length can allocate.
func (r *decoder) length() int {
	n := r.unsigned()
	if n > uint64(len(r.in)) {
		r.fail("list longer than the tree")
		return 0
	}
	return int(n)
}

func (r *decoder) oid(_ Class, p *uint32) { *p = r.uint32() }
func (r *decoder) i8(p *uint8)            { *p = r.byte() }
func (r *decoder) i16(p *int16)           { *p = int16(r.signed(math.MinInt16, math.MaxInt16)) }
func (r *decoder) i32(p *int32)           { *p = int32(r.signed(math.MinInt32, math.MaxInt32)) }
func (r *decoder) num(p *int)             { *p = int(r.signed(math.MinInt32, math.MaxInt32)) }
func (r *decoder) u32(p *uint32)          { *p = r.uint32() }
func (r *decoder) loc(p *int32)           { *p = -1 }
func (r *decoder) boolean(p *bool)        { *p = r.byte() != 0 }
func (r *decoder) str(p *string)          { *p = string(r.take(r.length())) }

// members reads a list of scalars, nil when empty.
func members[T any](r *decoder, read func(*T)) []T {
	n := r.length()
	if n == 0 {
		return nil
	}
	s := make([]T, n)
	for i := range s {
		read(&s[i])
	}
	return s
}

func (r *decoder) oids(_ Class, p *[]uint32) { *p = members(r, r.u32) }
func (r *decoder) strs(p *[]string)          { *p = members(r, r.str) }
func (r *decoder) i16s(p *[]int16)           { *p = members(r, r.i16) }
func (r *decoder) i32s(p *[]int32)           { *p = members(r, r.i32) }
func (r *decoder) nums(p *[]int)             { *p = members(r, r.num) }
func (r *decoder) exprs(p *[]Expr)           { *p = members(r, r.expr) }
func (r *decoder) exprLists(p *[][]Expr)     { *p = members(r, r.exprs) }
func (r *decoder) words(p *[]uint64) {
	*p = members(r, func(w *uint64) { *w = r.unsigned() })
}

func (r *decoder) datum(p *data.Datum) {
	switch k := data.Kind(r.byte()); k {
	case data.KindNone:
		*p = data.Null
	case data.KindBool:
		*p = data.Bool(r.byte() != 0)
	case data.KindInt64:
		*p = data.Int(r.signed(math.MinInt64, math.MaxInt64))
	case data.KindFloat64:
		if b := r.take(8); b != nil {
			*p = data.Float(math.Float64frombits(binary.BigEndian.Uint64(b)))
		}
	case data.KindFixed16:
		if b := r.take(16); b != nil {
			v := [16]byte(b)
			*p = data.Fixed16(&v)
		}
	case data.KindBytes:
		*p = data.Bytes(append([]byte{}, r.take(r.length())...))
	default:
		r.fail("unknown kind of value %d", k)
	}
}

func (r *decoder) astNode(*ast.Node) {}

// enter counts nesting; the caller leaves when it returned true.
func (r *decoder) enter() bool {
	if r.depth++; r.depth > maxDecodeDepth {
		r.fail("nested too deeply")
	}
	return r.err == nil
}

func (r *decoder) expr(p *Expr) {
	t := exprTag(r.byte())
	if t == tagNil || r.err != nil {
		*p = nil
		return
	}
	e := newExpr(t)
	if e == nil {
		r.fail("unknown expression %d", t)
		return
	}
	if r.enter() {
		e.fields(r)
	}
	r.depth--
	*p = e
}

func (r *decoder) child(_ bool, alloc func(), f func(visitor)) {
	if r.byte() == 0 || r.err != nil {
		return
	}
	alloc()
	if r.enter() {
		f(r)
	}
	r.depth--
}

func (r *decoder) list(_ int, resize func(int), at func(int, visitor)) {
	n := r.length()
	if n == 0 {
		return
	}
	resize(n)
	for i := 0; i < n; i++ {
		at(i, r)
	}
}

func (r *decoder) subquery(p **Query) {
	visitChild(r, p)
}

func (r *decoder) joinNode(p *JoinNode) {
	var n interface {
		JoinNode
		fielder
	}
	switch t := r.byte(); t {
	case nodeNil:
		return
	case nodeRangeTblRef:
		n = &RangeTblRef{}
	case nodeJoinExpr:
		n = &JoinExpr{}
	case nodeFromExpr:
		n = &FromExpr{}
	default:
		r.fail("unknown join node %d", t)
		return
	}
	if r.enter() {
		n.fields(r)
	}
	r.depth--
	*p = n
}

func (r *decoder) setOpNode(p *SetOpNode) {
	var n interface {
		SetOpNode
		fielder
	}
	switch t := r.byte(); t {
	case nodeNil:
		return
	case nodeRangeTblRef:
		n = &RangeTblRef{}
	case nodeSetOperation:
		n = &SetOperationStmt{}
	default:
		r.fail("unknown set operation node %d", t)
		return
	}
	if r.enter() {
		n.fields(r)
	}
	r.depth--
	*p = n
}

// DecodeExprs reads what EncodeExprs wrote.
func DecodeExprs(b []byte) ([]Expr, error) {
	dec, err := newDecoder(b, storedList)
	if err != nil {
		return nil, err
	}
	var list []Expr
	dec.exprs(&list)
	return list, dec.finish()
}
