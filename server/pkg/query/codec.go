package query

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// codecVersion is the first byte of every stored tree. A change of fields.go or fields_query.go
// takes a new number, and the decoder keeps reading the old ones.
const codecVersion = 1

// Second byte of a stored tree.
const (
	storedExpr  = 'e'
	storedQuery = 'q'
	storedList  = 'l'
)

// maxDecodeDepth bounds recursion on damaged or hostile input.
const maxDecodeDepth = 5000

// Stored trees are a sequence of fields as listed by the nodes: unsigned numbers are varints,
// signed ones zigzag varints, text is length + bytes, an expression is its tag + fields (tag 0 for
// none), a list is length + members. Locations are not stored.

// EncodeExpr appends the stored form of e to dst.
func EncodeExpr(dst []byte, e Expr) ([]byte, error) {
	enc := encoder{out: append(dst, codecVersion, storedExpr)}
	enc.expr(&e)
	return enc.out, enc.err
}

// EncodeQuery appends the stored form of q to dst. Utility statements cannot be stored.
func EncodeQuery(dst []byte, q *Query) ([]byte, error) {
	enc := encoder{out: append(dst, codecVersion, storedQuery)}
	enc.subquery(&q)
	return enc.out, enc.err
}

type encoder struct {
	out []byte
	err error
}

func (w *encoder) unsigned(n uint64)      { w.out = binary.AppendUvarint(w.out, n) }
func (w *encoder) signed(n int64)         { w.out = binary.AppendVarint(w.out, n) }
func (w *encoder) oid(_ Class, p *uint32) { w.unsigned(uint64(*p)) }
func (w *encoder) i8(p *uint8)            { w.out = append(w.out, *p) }
func (w *encoder) i16(p *int16)           { w.signed(int64(*p)) }
func (w *encoder) i32(p *int32)           { w.signed(int64(*p)) }
func (w *encoder) num(p *int)             { w.signed(int64(*p)) }
func (w *encoder) u32(p *uint32)          { w.unsigned(uint64(*p)) }
func (w *encoder) loc(*int32)             {}
func (w *encoder) oids(_ Class, p *[]uint32) {
	w.unsigned(uint64(len(*p)))
	for _, o := range *p {
		w.unsigned(uint64(o))
	}
}

func (w *encoder) boolean(p *bool) {
	b := byte(0)
	if *p {
		b = 1
	}
	w.out = append(w.out, b)
}

func (w *encoder) str(p *string) {
	w.unsigned(uint64(len(*p)))
	w.out = append(w.out, *p...)
}

func (w *encoder) strs(p *[]string) {
	w.unsigned(uint64(len(*p)))
	for i := range *p {
		w.str(&(*p)[i])
	}
}

func (w *encoder) i16s(p *[]int16) {
	w.unsigned(uint64(len(*p)))
	for _, n := range *p {
		w.signed(int64(n))
	}
}

func (w *encoder) i32s(p *[]int32) {
	w.unsigned(uint64(len(*p)))
	for _, n := range *p {
		w.signed(int64(n))
	}
}

func (w *encoder) nums(p *[]int) {
	w.unsigned(uint64(len(*p)))
	for _, n := range *p {
		w.signed(int64(n))
	}
}

func (w *encoder) words(p *[]uint64) {
	w.unsigned(uint64(len(*p)))
	for _, n := range *p {
		w.unsigned(n)
	}
}

func (w *encoder) datum(p *data.Datum) {
	w.out = append(w.out, byte(p.Kind()))
	switch p.Kind() {
	case data.KindBool:
		b := p.Bool()
		w.boolean(&b)
	case data.KindInt64:
		w.signed(p.Int())
	case data.KindFloat64:
		w.out = binary.BigEndian.AppendUint64(w.out, math.Float64bits(p.Float()))
	case data.KindFixed16:
		w.out = append(w.out, p.Fixed16()[:]...)
	case data.KindBytes:
		b := p.Bytes()
		w.unsigned(uint64(len(b)))
		w.out = append(w.out, b...)
	}
}

func (w *encoder) astNode(p *ast.Node) {
	if *p != nil && w.err == nil {
		w.err = pgerr.Newf(pgerr.InternalError, "cannot store a utility statement in a query tree")
	}
}

func (w *encoder) expr(p *Expr) {
	if *p == nil {
		w.out = append(w.out, byte(tagNil))
		return
	}
	w.out = append(w.out, byte((*p).tag()))
	(*p).fields(w)
}

func (w *encoder) exprs(p *[]Expr) {
	w.unsigned(uint64(len(*p)))
	for i := range *p {
		w.expr(&(*p)[i])
	}
}

func (w *encoder) exprLists(p *[][]Expr) {
	w.unsigned(uint64(len(*p)))
	for i := range *p {
		w.exprs(&(*p)[i])
	}
}

func (w *encoder) child(present bool, _ func(), f func(visitor)) {
	w.boolean(&present)
	if present {
		f(w)
	}
}

func (w *encoder) list(n int, _ func(int), at func(int, visitor)) {
	w.unsigned(uint64(n))
	for i := 0; i < n; i++ {
		at(i, w)
	}
}

func (w *encoder) subquery(p **Query) {
	visitChild(w, p)
}

// Tags of join tree and set operation nodes.
const (
	nodeNil byte = iota
	nodeRangeTblRef
	nodeJoinExpr
	nodeFromExpr
	nodeSetOperation
)

func (w *encoder) joinNode(p *JoinNode) {
	switch n := (*p).(type) {
	case *RangeTblRef:
		w.out = append(w.out, nodeRangeTblRef)
		n.fields(w)
	case *JoinExpr:
		w.out = append(w.out, nodeJoinExpr)
		n.fields(w)
	case *FromExpr:
		w.out = append(w.out, nodeFromExpr)
		n.fields(w)
	default:
		w.out = append(w.out, nodeNil)
	}
}

func (w *encoder) setOpNode(p *SetOpNode) {
	switch n := (*p).(type) {
	case *RangeTblRef:
		w.out = append(w.out, nodeRangeTblRef)
		n.fields(w)
	case *SetOperationStmt:
		w.out = append(w.out, nodeSetOperation)
		n.fields(w)
	default:
		w.out = append(w.out, nodeNil)
	}
}

// corrupt is the error of bytes that are not a stored tree.
func corrupt(format string, args ...any) error {
	return pgerr.Newf(pgerr.DataCorrupted, "stored query tree is damaged: %s", fmt.Sprintf(format, args...))
}

// EncodeExprs appends the stored form of a list of expressions, such as a function's defaults.
func EncodeExprs(dst []byte, list []Expr) ([]byte, error) {
	enc := encoder{out: append(dst, codecVersion, storedList)}
	enc.exprs(&list)
	return enc.out, enc.err
}
